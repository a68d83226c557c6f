// What becomes of a signal on its way through many layers, and of the gradient on its way back,
// in a plain net, x ← φ(W x), and in the same net with skips, x ← x + φ(W x) (He et al. 2016, 1512.03385).
// Both nets are real and random: choose depth, activation, initialisation and batch normalisation.

import { random, normal, h, s, choice, Moving, frame, renders, BLUE, ORANGE } from "./shared/kit.js";

const WIDTH = 40;
const BATCH = 24;
const EPS = 1e-5; // as in torch.nn.BatchNorm1d

/** rows × columns numbers from N(0, deviation²). */
export function normals(rows, columns, deviation, rand) {
  const one = () => deviation * normal(rand);
  return Array.from({ length: rows }, () => Float64Array.from({ length: columns }, one));
}

// `slope` is the derivative in terms of the input z.
export const ACTIVATIONS = {
  ReLU: { f: (z) => Math.max(0, z), slope: (z) => (z > 0 ? 1 : 0) },
  tanh: { f: Math.tanh, slope: (z) => 1 - Math.tanh(z) ** 2 },
  sigmoid: { f: (z) => 1 / (1 + Math.exp(-z)), slope: (z) => 1 / (2 + Math.exp(z) + Math.exp(-z)) },
  linear: { f: (z) => z, slope: () => 1 },
};

export const DEVIATIONS = {
  "N(0, 0.01²)": () => 0.01,
  "1 / √fan-in": (fanIn) => 1 / Math.sqrt(fanIn),
  "He: √(2 / fan-in)": (fanIn) => Math.sqrt(2 / fanIn),
  "N(0, 1)": () => 1,
};

const zip = (a, b, f) => a.map((row, n) => row.map((v, k) => f(v, b[n][k])));
const multiply = (x, w) => x.map((row) => Float64Array.from(w, (weights) => weights.reduce((sum, v, k) => sum + v * row[k], 0)));
const transpose = (w) => Array.from(w[0], (_, k) => Float64Array.from(w, (row) => row[k]));
const columnMeans = (x) => x[0].map((_, k) => x.reduce((sum, row) => sum + row[k], 0) / x.length);

/** Batch normalisation over the rows, in training's phase and without scale and shift: the values and 1/deviation. */
function normalise(z) {
  const mean = columnMeans(z);
  const centred = z.map((row) => row.map((v, k) => v - mean[k]));
  const inverse = columnMeans(centred.map((row) => row.map((v) => v * v))).map((v) => 1 / Math.sqrt(v + EPS));
  return { values: centred.map((row) => row.map((v, k) => v * inverse[k])), inverse };
}

function normaliseBackward({ values, inverse }, gradient) {
  const mean = columnMeans(gradient);
  const along = columnMeans(zip(gradient, values, (g, v) => g * v));
  return gradient.map((row, n) => row.map((g, k) => inverse[k] * (g - mean[k] - values[n][k] * along[k])));
}

/** Every layer's input and what the way back needs. `x`: batch × width; `weights`: one matrix a layer. */
export function forward(x, weights, { activation, skip, norm }) {
  const layers = [];
  for (const w of weights) {
    const product = multiply(x, w);
    const normed = norm ? normalise(product) : { values: product };
    const branch = normed.values.map((row) => row.map(ACTIVATIONS[activation].f));
    layers.push({ x, w, normed });
    x = skip ? zip(x, branch, (a, b) => a + b) : branch;
  }
  return { layers, output: x };
}

/** The gradient at every layer's input, first layer first, and at the output last. */
export function backward({ layers }, gradient, { activation, skip, norm }) {
  const gradients = [gradient];
  for (const { w, normed } of [...layers].reverse()) {
    const inner = zip(gradient, normed.values, (g, z) => g * ACTIVATIONS[activation].slope(z));
    const back = multiply(norm ? normaliseBackward(normed, inner) : inner, transpose(w));
    gradient = skip ? zip(gradient, back, (a, b) => a + b) : back;
    gradients.unshift(gradient);
  }
  return gradients;
}

/** Root mean square of all numbers of a matrix. */
export function size(x) {
  const squares = x.reduce((sum, row) => sum + row.reduce((s, v) => s + v * v, 0), 0);
  return Math.sqrt(squares / (x.length * x[0].length));
}

/** A random net of `depth` layers: the values at every layer and the sizes of signal and gradient. */
export function measure({ depth, init, seed, ...net }) {
  const rand = random(seed);
  const [x, gradient] = [normals(BATCH, WIDTH, 1, rand), normals(BATCH, WIDTH, 1, rand)];
  const weights = Array.from({ length: depth }, () => normals(WIDTH, WIDTH, DEVIATIONS[init](WIDTH), rand));
  const there = forward(x, weights, net);
  const values = [...there.layers.map((layer) => layer.x), there.output];
  return { values, signal: values.map(size), gradient: backward(there, gradient, net).map(size) };
}

/** The signal of both nets: what stands in the page until the demo starts. */
export function still() {
  const curve = (skip, colour, dash) => {
    const { signal } = measure({ depth: 24, init: "N(0, 0.01²)", activation: "ReLU", norm: false, seed: 1, skip });
    return `<polyline points="${signal.map((v, k) => `${4 * k},${(-Math.log10(v)).toFixed(2)}`).join(" ")}" fill="none" stroke="${colour}" stroke-dasharray="${dash}"/>`;
  };
  return frame("-2 -6 100 42", `${curve(true, BLUE, "none")}${curve(false, ORANGE, "3 2")}`);
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.dp-plots{display:grid;gap:12px;grid-template-columns:1fr 1fr}
.dp figure{margin:0}.dp figcaption{padding:0;color:inherit;font-size:inherit;margin:0 0 2px;text-align:left}
.dp-box{position:relative}
.dp-box svg{display:block;width:100%;height:170px;border:1px solid var(--edge);cursor:crosshair;touch-action:pan-y}
.dp path{fill:none;stroke:currentColor;vector-effect:non-scaling-stroke;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
.dp path.grid{stroke:var(--faint);stroke-width:1}.dp path.at{stroke:var(--edge);stroke-width:1.5}
.dp path.plain{stroke:var(--neg);stroke-dasharray:6 4}.dp path.skip{stroke:var(--pos)}
.dp path.dot{stroke-width:9;stroke-dasharray:none}
.dp-box span{position:absolute;left:5px;font-size:.8125rem;transform:translateY(-50%);background:var(--paper);padding:0 2px}
.dp-bars svg{cursor:default;height:80px}.dp-bars path.plain{stroke:none;fill:var(--neg)}.dp-bars path.skip{stroke:none;fill:var(--pos)}
.dp-axis{display:flex;justify-content:space-between;font-size:.8125rem}
.dp-key{display:inline-block;width:24px;border-top:3px dashed var(--neg);vertical-align:middle}
.dp-key.skip{border-top:3px solid var(--pos)}
@container (max-width:270px){.dp-plots{grid-template-columns:1fr}}`;

const superscript = (n) => `${n}`.replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"["0123456789-".indexOf(c)]);
const brief = (v) => (v === 0 ? "0" : v >= 0.01 && v < 1000 ? `${+v.toPrecision(2)}` : `10${superscript(Math.round(Math.log10(v)))}`);
const line = (points) => points.map(([x, y], n) => `${n ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");

const KINDS = ["plain", "skip"];
const BARS = 31;
const REACH = 3; // histograms go from −3 to 3 times the root mean square

class Depth extends Moving {
  constructor(trait, root) {
    super();
    this.options = { depth: trait("depth", 30), activation: trait("activation", "ReLU"), init: trait("init", "N(0, 0.01²)"),
      norm: trait("norm", false), seed: trait("seed", 1) };
    this.build(root);
    this.change({});
  }

  build(root) {
    const { depth, activation, init, norm } = this.options;
    const tick = h("input", { type: "checkbox", onchange: () => this.change({ norm: tick.checked }) });
    tick.checked = norm;
    this.depth = h("input", { type: "range", min: 2, max: 50, value: depth, oninput: () => this.change({ depth: +this.depth.value }) });
    this.layer = h("input", { type: "range", min: 0, oninput: () => this.look(+this.layer.value) });
    this.texts = { depth: h("span"), layer: h("span"), verdict: h("p", { "aria-live": "polite" }) };
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
    root.append(
      h("div", { class: "kit-row" },
        choice("Initialisation", Object.keys(DEVIATIONS), init, (v) => this.change({ init: v })),
        choice("Activation", Object.keys(ACTIVATIONS), activation, (v) => this.change({ activation: v })),
        h("label", { class: "kit-tick" }, tick, "Batch normalisation"),
        h("button", { type: "button", onclick: () => this.change({ seed: this.options.seed + 1 }) }, "New weights")),
      h("div", { class: "kit-row" }, this.play, h("label", { class: "kit-wide" }, this.texts.depth, this.depth),
        h("label", { class: "kit-wide" }, this.texts.layer, this.layer)),
      h("p", {}, h("span", { class: "dp-key" }), " plain: x ← φ(W x) ", h("span", { class: "dp-key skip" }), " with skips: x ← x + φ(W x)"),
      h("div", { class: "dp-plots" }, this.plot("signal", "Signal: size by layer →"), this.plot("gradient", "← Gradient: size by layer"),
        this.bars("plain", "Plain"), this.bars("skip", "With skips")),
      this.texts.verdict,
    );
  }

  plot(name, caption) {
    const svg = s("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": `${caption}, logarithmic` });
    const labels = [0, 50, 100].map((top) => h("span", { style: `top:${top * 0.86 + 7}%` }));
    const point = (event) => (event.type === "pointermove" && !event.buttons ? null : this.look(this.layerAt(event, svg)));
    for (const kind of ["pointerdown", "pointermove"]) svg.addEventListener(kind, point);
    const last = h("span");
    this[name] = { svg, labels, last };
    return h("figure", {}, h("figcaption", {}, caption), h("div", { class: "dp-box" }, svg, ...labels), h("div", { class: "dp-axis" }, h("span", {}, "input"), last));
  }

  bars(kind, caption) {
    const path = s("path", { class: kind });
    const label = h("figcaption");
    const ends = [h("span"), h("span"), h("span")];
    this[kind] = { path, label, caption, ends };
    return h("figure", { class: "dp-bars" }, label, h("div", { class: "dp-box" },
      s("svg", { viewBox: `0 0 ${BARS} 100`, preserveAspectRatio: "none", role: "img", "aria-label": `${caption}, histogram` }, path)),
    h("div", { class: "dp-axis" }, ...ends));
  }

  // ------------------------------------------------------------------------------------------- reacting

  change(options) {
    this.pause();
    Object.assign(this.options, options);
    this.nets = Object.fromEntries(KINDS.map((kind) => [kind, measure({ ...this.options, skip: kind === "skip" })]));
    this.front = { signal: this.options.depth, gradient: 0 };
    this.look(this.options.depth);
    this.judge();
  }

  layerAt(event, svg) {
    const box = svg.getBoundingClientRect();
    return Math.min(this.options.depth, Math.max(0, Math.round(((event.clientX - box.left) / box.width) * this.options.depth)));
  }

  look(layer) {
    this.at = layer;
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    this.front = { signal: 0, gradient: this.options.depth };
    this.animate((calm) => this.advance(calm ? 10 : 1), 2400 / this.options.depth, 800);
  }

  /** The signal goes to the end first; then the gradient comes back. */
  advance(by) {
    const { depth } = this.options;
    if (this.front.signal < depth) this.at = this.front.signal = Math.min(depth, this.front.signal + by);
    else this.at = this.front.gradient = Math.max(0, this.front.gradient - by);
    if (this.front.gradient === 0) this.pause();
    this.draw();
  }

  pause() {
    super.pause();
    if (this.nets) this.front = { signal: this.options.depth, gradient: 0 };
  }

  // -------------------------------------------------------------------------------------------- drawing

  draw() {
    const { depth } = this.options;
    this.layer.max = depth;
    this.layer.value = this.at;
    this.texts.depth.textContent = `Depth: ${depth} layers`;
    this.texts.layer.textContent = `Look at layer ${this.at}`;
    this.drawPlot("signal", (k) => k <= this.front.signal);
    this.drawPlot("gradient", (k) => k >= this.front.gradient);
    KINDS.forEach((kind) => this.drawBars(kind));
  }

  drawPlot(name, seen) {
    const { depth } = this.options;
    const sizes = KINDS.map((kind) => this.nets[kind][name]);
    const powers = sizes.flat().filter((v) => v > 0).map((v) => Math.abs(Math.log10(v)));
    const reach = Math.min(40, 2 * Math.ceil(Math.max(1, ...powers) / 2)); // the axis goes from 10^−reach to 10^reach
    const place = (v, k) => [(100 * k) / depth, 50 - (47 * Math.max(-reach, Math.log10(v))) / reach];
    const curves = sizes.flatMap((values, n) => {
      const points = values.map((v, k) => [...place(v, k), k]).filter(([, , k]) => seen(k));
      const here = place(values[this.at], this.at);
      const dot = seen(this.at) ? [s("path", { class: `${KINDS[n]} dot`, d: `${line([here])}h0` })] : [];
      return [s("path", { class: KINDS[n], d: line(points) }), ...dot];
    });
    const at = (100 * this.at) / depth;
    this[name].svg.replaceChildren(s("path", { class: "grid", d: "M0 3H100M0 50H100M0 97H100" }), s("path", { class: "at", d: `M${at} 0V100` }), ...curves);
    [reach, 0, -reach].forEach((power, n) => (this[name].labels[n].textContent = power ? `10${superscript(power)}` : "1"));
    this[name].last.textContent = `layer ${depth}`;
  }

  drawBars(kind) {
    const counts = Array(BARS).fill(0);
    const values = this.nets[kind].values[this.at].flatMap((row) => [...row]);
    const unit = this.nets[kind].signal[this.at] || 1;
    values.forEach((v) => counts[Math.min(BARS - 1, Math.max(0, Math.floor(((v / unit + REACH) / (2 * REACH)) * BARS)))]++);
    const most = Math.max(...counts);
    const end = brief(REACH * unit);
    [`−${end}`, "0", end].forEach((text, n) => (this[kind].ends[n].textContent = text));
    this[kind].path.setAttribute("d", counts.map((c, k) => `M${k + 0.06} 100v${(-96 * c) / most}h.88v${(96 * c) / most}z`).join(""));
    this[kind].label.textContent = `${this[kind].caption}: values at layer ${this.at}`;
  }

  judge() {
    const tale = KINDS.map((kind) => {
      const { signal, gradient } = this.nets[kind];
      return `${kind === "plain" ? "Plain" : "With skips"}: the signal goes from ${brief(signal[0])} to ${brief(signal.at(-1))}, `
        + `the gradient from ${brief(gradient.at(-1))} to ${brief(gradient[0])}.`;
    });
    this.texts.verdict.textContent = `Root mean squares through ${this.options.depth} layers of ${WIDTH} neurons. ${tale.join(" ")}`;
  }
}

const render = renders("dp", "Signal and gradient through depth", STYLE, (trait, root) => new Depth(trait, root));

export default { render };
