// Dilated causal convolutions (WaveNet, 1609.03499): which samples of the past one output hears, layer by layer,
// how the receptive field grows with the dilations, and what a new sample costs with and without queues (1611.09482).
// Below, a real stack of such layers with all weights 1/kernel answers a click: the answer is as long as the field.

import { h, s, choice, Moving, frame, renders, BLUE, PINK, counted } from "./shared/kit.js";

/** Dilations of all layers: 1, `factor`, `factor`², … over `layers` layers, the whole `repeats` times. */
export function dilations({ layers, factor, repeats }) {
  return Array.from({ length: layers * repeats }, (_, n) => factor ** (n % layers));
}

/** How many samples, the present one included, an output hears: 1 + Σ (kernel − 1) · dilation. */
export function receptiveField(dilation, kernel) {
  return dilation.reduce((sum, d) => sum + (kernel - 1) * d, 1);
}

/** y[t] = Σ_k w[k] x[t − (K − 1 − k) · dilation], zeros before the start: the last weight is the present's, as in PyTorch. */
export function causalConvolution(x, weights, dilation) {
  const K = weights.length;
  return x.map((_, t) => weights.reduce((sum, w, k) => sum + w * (x[t - (K - 1 - k) * dilation] ?? 0), 0));
}

/** Which times every layer needs for the output at `time`: sets, the input's first and the output's last. */
export function needed(dilation, kernel, time) {
  const sets = [new Set([time])];
  for (const d of [...dilation].reverse()) {
    const below = new Set();
    for (const t of sets[0]) for (let k = 0; k < kernel; k++) if (t - k * d >= 0) below.add(t - k * d);
    sets.unshift(below);
  }
  return sets;
}

/** Evaluations of one layer at one time that a new sample costs: all that it needs, or one a layer with queues. */
export function cost(dilation, kernel, time) {
  const naive = needed(dilation, kernel, time).slice(1).reduce((sum, set) => sum + set.size, 0);
  return { naive, queues: dilation.length };
}

/** The tree of one output: what stands in the page until the demo starts. */
export function still() {
  const dilation = [1, 2, 4, 8];
  const edges = needed(dilation, 2, 15).slice(1).flatMap((set, l) => [...set].flatMap((t) => [t, t - dilation[l]].map((u) => `M${t} ${3 * (3 - l)}L${u} ${3 * (4 - l)}`)));
  return frame("-5 -1 26 14", `<path d="${edges.join("")}" fill="none" stroke="${BLUE}" stroke-width=".12"/><circle cx="15" cy="0" r=".35" fill="${PINK}"/>`);
}

// ---------------------------------------------------------------------------------------------- the page

const SHOWN = 48; // samples in the picture

const STYLE = `
.wf svg{display:block;width:100%}
.wf-net{border:1px solid var(--edge);cursor:crosshair;touch-action:none}
.wf-net path{fill:none;stroke:var(--pos);stroke-width:1.6;stroke-linecap:round}
.wf-net .rest{stroke:var(--edge);stroke-width:5}.wf-net .on{stroke-width:9}
.wf-net .queue{stroke:var(--neg);stroke-width:9;stroke-linecap:square}
.wf-net .out{stroke:var(--hot);stroke-width:12}
.wf-net text{fill:currentColor;font:12px sans-serif}
.wf-wave path{fill:none;stroke:currentColor;stroke-width:1.8;vector-effect:non-scaling-stroke}
.wf-wave .field{fill:var(--pos);fill-opacity:.16;stroke:none}
.wf-wave svg{height:90px;border:1px solid var(--edge)}
.wf table{border-collapse:collapse;margin:8px 0;width:auto;font-size:inherit;color:inherit}
.wf :is(th,td){text-align:right;padding:2px 12px 2px 0;font-weight:400;border:0;font-variant-numeric:tabular-nums}
.wf thead th{border-bottom:1px solid var(--edge)}.wf th:first-child{text-align:left}`;

const WIDE = 600; // drawing units across the picture of the net
const MARGIN = 14;

class Waveforms extends Moving {
  constructor(trait, root) {
    super();
    this.net = { layers: trait("layers", 4), factor: trait("factor", 2), repeats: trait("repeats", 1) };
    this.kernel = trait("kernel", 2);
    this.time = trait("time", SHOWN - 1);
    this.queues = trait("queues", false);
    this.build(root);
    this.draw();
  }

  build(root) {
    const range = (name, most) => {
      const text = h("span");
      const input = h("input", { type: "range", min: 1, max: most, value: this.net[name], oninput: () => ((this.net[name] = +input.value), this.draw()) });
      this[name] = { text, input };
      return h("label", { class: "kit-wide" }, text, input);
    };
    const growth = { "1, 1, 1, …": 1, "1, 2, 4, …": 2, "1, 3, 9, …": 3 };
    const named = Object.keys(growth).find((k) => growth[k] === this.net.factor);
    const mode = ["from nothing", "with queues"];
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
    this.svg = s("svg", { class: "wf-net", tabindex: 0, role: "application" });
    this.text = h("p", { "aria-live": "polite" });
    this.table = h("table");
    this.wave = h("div", { class: "wf-wave" });
    root.append(
      h("div", { class: "kit-row" }, choice("Dilations", Object.keys(growth), named, (v) => ((this.net.factor = growth[v]), this.draw())),
        choice("Kernel", [2, 3], this.kernel, (v) => ((this.kernel = +v), this.draw())), range("layers", 6), range("repeats", 3)),
      h("div", { class: "kit-row" }, this.play, h("button", { type: "button", onclick: () => this.step() }, "Step"),
        choice("A new sample is computed", mode, mode[+this.queues], (v) => ((this.queues = v === mode[1]), this.draw()))),
      this.svg, this.keys(), this.text, this.wave, this.table,
    );
    this.listen();
  }

  keys() {
    const key = (colour, text) => h("span", {}, h("i", { style: `background:${colour}` }), text);
    return h("div", { class: "kit-keys" }, key("var(--hot)", "the new sample"), key("var(--pos)", "computed or heard for it"),
      key("var(--neg)", "kept in a queue"), key("var(--edge)", "not needed"));
  }

  listen() {
    const point = (event) => event.buttons && this.look(this.timeAt(event));
    for (const kind of ["pointerdown", "pointermove"]) this.svg.addEventListener(kind, point);
    this.svg.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.look(this.time + by);
    });
  }

  timeAt(event) {
    const box = this.svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDE;
    return Math.round(((x - MARGIN) / (WIDE - 2 * MARGIN)) * (SHOWN - 1));
  }

  look(time) {
    this.pause();
    this.time = Math.min(SHOWN - 1, Math.max(0, time));
    this.draw();
  }

  step() {
    this.pause();
    this.advance();
  }

  advance() {
    this.time = (this.time + 1) % SHOWN;
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    this.animate(() => this.advance(), 350, 1200);
  }

  // -------------------------------------------------------------------------------------------- drawing

  draw() {
    const { layers, repeats } = this.net;
    this.dilation = dilations(this.net);
    this.field = receptiveField(this.dilation, this.kernel);
    this.layers.text.textContent = `Layers: ${layers}`;
    this.repeats.text.textContent = `Times repeated: ${repeats}`;
    this.drawNet();
    this.drawWave();
    this.drawTable();
    const heard = Math.min(this.field, this.time + 1);
    const distinct = needed(this.dilation, this.kernel, this.field - 1)[0].size; // fewer than the field where there are holes
    this.text.textContent = `Dilations ${this.dilation.join(", ")}: the field reaches over ${counted(this.field, "sample")}`
      + `${distinct < this.field ? `, but only ${distinct} of them are heard` : ""}, with ${counted(this.dilation.length * this.kernel, "weight")} a channel`
      + `${heard < this.field ? `; here the sound began ${counted(heard, "sample")} ago` : ""}.`;
    this.svg.setAttribute("aria-label", `The net in time, output at sample ${this.time + 1} of ${SHOWN}; it hears ${counted(heard, "sample")}. Left and right arrows move it.`);
  }

  drawNet() {
    const count = this.dilation.length;
    const gap = Math.max(24, Math.min(52, 330 / count));
    const height = 2 * MARGIN + gap * count;
    const at = (layer, t) => [MARGIN + ((WIDE - 2 * MARGIN) * t) / (SHOWN - 1), height - MARGIN - gap * layer].map((v) => v.toFixed(1));
    const dots = (name, places) => s("path", { class: name, d: places.map(([l, t]) => `M${at(l, t).join(" ")}h0`).join("") });
    const sets = needed(this.dilation, this.kernel, this.time);
    const past = (l, t) => this.queues && t < this.time; // with queues only the newest column is computed
    const pairs = sets.flatMap((set, l) => [...set].map((t) => [l, t])).filter(([l, t]) => !this.queues || l === 0 || this.reached(l, t));
    const edges = pairs.filter(([l, t]) => l > 0 && !past(l, t)).flatMap(([l, t]) =>
      Array.from({ length: this.kernel }, (_, k) => t - k * this.dilation[l - 1]).filter((u) => u >= 0).map((u) => `M${at(l - 1, u).join(" ")}L${at(l, t).join(" ")}`));
    const all = sets.flatMap((_, l) => Array.from({ length: SHOWN }, (_, t) => [l, t]));
    const kept = pairs.filter(([l, t]) => past(l, t) && (l > 0 || this.reached(0, t)));
    const fresh = pairs.filter(([l, t]) => !past(l, t));
    this.svg.setAttribute("viewBox", `0 0 ${WIDE} ${height}`);
    this.svg.replaceChildren(dots("rest", all), s("path", { d: edges.join("") }), dots("queue", kept), dots("on", fresh), dots("out", [[count, this.time]]));
  }

  /** Whether the newest column of layer l + 1 looks at time t of layer l: then a queue keeps it. */
  reached(l, t) {
    if (t === this.time) return true;
    return l < this.dilation.length && Array.from({ length: this.kernel }, (_, k) => this.time - k * this.dilation[l]).includes(t);
  }

  /** The real answer of a stack of averaging layers to one click `field − 1` samples before the end. */
  drawWave() {
    const length = Math.max(64, Math.ceil(this.field * 1.35));
    const start = Math.floor((length - this.field) / 2);
    const click = Array.from({ length }, (_, t) => (t === start ? 1 : 0));
    const weights = Array(this.kernel).fill(1 / this.kernel);
    const answer = this.dilation.reduce((x, d) => causalConvolution(x, weights, d), click);
    const most = Math.max(...answer);
    const steps = answer.map((v, t) => `${t ? "" : "M0 96"}V${(96 - (88 * v) / most).toFixed(1)}H${t + 1}`).join("");
    this.wave.replaceChildren(h("div", {}, `Answer to one click (averaging layers): ${counted(this.field, "sample")} long`),
      s("svg", { viewBox: `0 0 ${length} 100`, preserveAspectRatio: "none", role: "img", "aria-label": `The answer to a click is ${counted(this.field, "sample")} long` },
        s("path", { class: "field", d: `M${start} 0h${this.field}v100h-${this.field}z` }), s("path", { d: steps })));
  }

  drawTable() {
    const variants = [["1, 1, 1, …", 1], ["1, 2, 4, …", 2], ["1, 3, 9, …", 3]];
    const rows = variants.map(([name, factor]) => {
      const d = dilations({ ...this.net, factor });
      const field = receptiveField(d, this.kernel);
      const { naive, queues } = cost(d, this.kernel, field);
      return h("tr", {}, ...[name, field, naive, queues].map((v, n) => h(n ? "td" : "th", n ? {} : { scope: "row" }, `${v}`)));
    });
    const head = h("tr", {}, ...["dilations", "field", "from nothing", "with queues"].map((v) => h("th", { scope: "col" }, v)));
    this.table.replaceChildren(h("caption", { style: "caption-side:bottom;text-align:left;color:inherit" }, "Last columns: evaluations of a layer for one new sample."),
      h("thead", {}, head), h("tbody", {}, ...rows));
  }
}

const render = renders("wf", "Dilated causal convolutions", STYLE, (trait, root) => new Waveforms(trait, root));

export default { render };
