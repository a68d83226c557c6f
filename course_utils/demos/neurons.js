// A playground: a small network learns, in the page, to colour the plane as the points are coloured.
// Choose data, features, layers and activation; watch the loss and what every neuron computes; change a weight by hand.
// The mathematics (data, forward pass, backpropagation, gradient descent) comes first, the page second.

import { random, normal, h, s, choice, Moving, frame, renders, BLUE, ORANGE } from "./shared/kit.js";
import { SPAN, ACTIVATIONS, polar, sigmoid, softplus, makeNet, forward, gradients, plane, paint } from "./shared/net.js";
import { GRID, Graph, picture } from "./neurons/graph.js";

const TRAINING = 200;
const VALIDATION = 100;
const BATCH = 10;

export const FEATURES = {
  x: (x) => x,
  y: (x, y) => y,
  "x²": (x) => x * x,
  "y²": (x, y) => y * y,
  xy: (x, y) => x * y,
  "sin x": (x) => Math.sin(x),
  "sin y": (x, y) => Math.sin(y),
};

// Each maker draws one point of the class `label` (+1 or −1).
const MAKERS = {
  XOR(rand, label) {
    const [x, y] = [0.2 + 2.6 * rand(), 0.2 + 2.6 * rand()];
    const side = rand() < 0.5 ? 1 : -1;
    return [side * x, label * side * y];
  },
  circle: (rand, label) => polar((label > 0 ? 0 : 2) + (label > 0 ? 1.3 : 0.8) * Math.sqrt(rand()), 2 * Math.PI * rand()),
  spiral(rand, label) {
    const t = rand();
    const [x, y] = polar(0.2 + 2.6 * t, 9 * t + (label > 0 ? 0 : Math.PI));
    return [x + 0.08 * normal(rand), y + 0.08 * normal(rand)];
  },
  clusters: (rand, label) => [1.3 * label + 0.6 * normal(rand), 1.3 * label + 0.6 * normal(rand)],
};

/** `count` points [{x, y, label}], label +1 and −1 in turn. */
export function makeData(name, count, seed) {
  const rand = random(seed);
  return Array.from({ length: count }, (_, n) => {
    const label = n % 2 ? 1 : -1;
    const [x, y] = MAKERS[name](rand, label);
    return { x, y, label };
  });
}

export function descend(net, grads, rate) {
  net.layers.forEach((layer, l) => {
    layer.b.forEach((_, j) => (layer.b[j] -= rate * grads[l].b[j]));
    layer.w.forEach((row, j) => row.forEach((_, i) => (row[i] -= rate * grads[l].w[j][i])));
  });
}

/** One pass through the points in mini-batches, in an order drawn from `rand`. */
export function trainEpoch(net, inputs, labels, rate, rand) {
  const order = inputs.map((_, n) => n);
  for (let n = order.length - 1; n > 0; n--) {
    const k = Math.floor(rand() * (n + 1));
    [order[n], order[k]] = [order[k], order[n]];
  }
  for (let n = 0; n < order.length; n += BATCH) {
    const batch = order.slice(n, n + BATCH);
    descend(net, gradients(net, batch.map((k) => inputs[k]), batch.map((k) => labels[k])).layers, rate);
  }
}

/** Mean loss and share of points on the right side. */
export function evaluate(net, inputs, labels) {
  const margins = inputs.map((input, n) => labels[n] * forward(net, input).at(-1)[0]);
  const mean = (f) => margins.reduce((sum, m) => sum + f(m), 0) / margins.length;
  return { loss: mean((m) => softplus(-m)), accuracy: mean((m) => (m > 0 ? 1 : 0)) };
}

/** The points alone: what stands in the page until the demo starts. */
export function still() {
  const dot = ({ x, y, label }) => `<circle cx="${x.toFixed(2)}" cy="${-y.toFixed(2)}" r=".09" fill="${label > 0 ? BLUE : ORANGE}"/>`;
  return frame("-6 -3.2 12 6.4", makeData("circle", 150, 7).map(dot));
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.nn-field{display:grid;gap:2px}
.nn-field>div{display:flex;gap:6px;align-items:center}
.nn-stage{display:grid;gap:14px}
.nn-graph{position:relative;height:366px;margin:0 22px 0 60px}
.nn-graph svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}
.nn-graph line{stroke-linecap:round;vector-effect:non-scaling-stroke}
.nn-graph line.near{stroke:currentColor}
.nn .pos{stroke:var(--pos)}.nn .neg{stroke:var(--neg)}
.nn-at{position:absolute;transform:translate(-50%,-50%);z-index:1;display:flex}
.nn button.nn-cell{width:36px;height:36px;min-height:0;padding:0;border-width:2px;overflow:hidden;background:var(--paper)}
.nn button.nn-cell[aria-pressed=true]{border-color:currentColor}
.nn-cell canvas{display:block;width:100%;height:100%;margin:0}
.nn-cell[data-off] canvas{opacity:.3}.nn button.nn-cell[data-off]{border-style:dashed}
.nn-name{position:absolute;right:calc(100% + 5px);top:8px;white-space:nowrap}
.nn button.nn-size{min-height:26px;width:26px;padding:0;line-height:1}
.nn button.nn-size+button{margin-left:-1px}
.nn-plane{margin:0}
.nn-plane div{position:relative;aspect-ratio:1;max-width:340px;border:1px solid var(--edge);margin:0 auto}
.nn-plane :is(canvas,svg){position:absolute;inset:0;width:100%;height:100%}
.nn-plane path{fill:none;stroke-linecap:round}.nn-plane .pos{stroke:color-mix(in srgb,var(--pos),currentColor 40%)}
.nn-plane .neg{stroke:color-mix(in srgb,var(--neg),currentColor 40%);stroke-linecap:square}
.nn-plane path.paper{stroke:var(--paper)}
.nn-plane figcaption{padding:0;margin-top:4px;text-align:center;color:inherit;font-size:inherit}
.nn-curve svg{width:100%;height:90px;display:block;border:solid var(--edge);border-width:0 0 1px 1px}
.nn-curve path{fill:none;stroke:currentColor;stroke-width:1.8;vector-effect:non-scaling-stroke}
.nn-curve path.val{stroke:var(--neg);stroke-dasharray:5 3}
.nn-key{display:inline-block;width:22px;border-top:2px solid;vertical-align:middle}
.nn-key.val{border-top:2px dashed var(--neg)}
.nn-weights{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:6px 14px;min-height:92px;align-content:start}
.nn-weights strong{grid-column:1/-1;margin:4px 0 0;font-size:1em;font-weight:600}
.nn-weights label{display:grid;grid-template-columns:1fr auto;margin:0}
.nn-weights input{grid-column:1/-1;margin:4px 0}
.nn-weights label span{font-variant-numeric:tabular-nums}
@container (min-width:560px){.nn-stage{grid-template-columns:minmax(0,1.5fr) minmax(0,1fr);align-items:center}}`;

const signed = (v) => v.toFixed(2).replace("-", "−");

const PLANE = plane(GRID);
const button = (text, title, onclick) => h("button", { type: "button", title, onclick }, text);

class Playground extends Moving {
  constructor(trait, root) {
    super();
    this.data = trait("dataset", "circle");
    this.features = trait("features", ["x", "y"]);
    this.widths = trait("layers", [4, 2]);
    this.activation = trait("activation", "tanh");
    this.rate = trait("rate", 0.1);
    this.seed = trait("seed", 1);
    this.build(root);
    this.restart();
  }

  build(root) {
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
    this.status = h("span", { class: "nn-status" });
    this.graph = new Graph(this, Object.keys(FEATURES));
    this.canvas = picture();
    this.points = s("svg", { viewBox: `${-SPAN} ${-SPAN} ${2 * SPAN} ${2 * SPAN}` });
    this.caption = h("figcaption", {});
    this.panel = h("div", { class: "nn-weights", role: "group", "aria-label": "Weights of the chosen neuron" });
    root.append(
      h("div", { class: "kit-row" }, this.play, button("Step", "one pass through the training points", () => this.step()),
        button("Reset", "back to the first weights", () => this.restart()),
        button("New weights", "start from other random weights", () => this.restart(this.seed + 1)), this.status),
      h("div", { class: "kit-row" }, ...this.choices()),
      h("div", { class: "nn-stage" }, this.graph.node,
        h("figure", { class: "nn-plane" }, h("div", { "aria-hidden": "true" }, this.canvas, this.points), this.caption)),
      this.panel, this.curve(),
    );
  }

  choices() {
    const set = (name, value) => ((this[name] = value), this.restart());
    const rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];
    this.depth = h("b", { "aria-live": "polite" });
    return [
      choice("Data", Object.keys(MAKERS), this.data, (v) => set("data", v)),
      choice("Activation", Object.keys(ACTIVATIONS), this.activation, (v) => set("activation", v)),
      choice("Learning rate", rates, this.rate, (v) => (this.rate = +v)),
      h("div", { class: "nn-field", role: "group", "aria-label": "Hidden layers" }, "Hidden layers", h("div", {},
        button("−", "one layer less", () => set("widths", this.widths.slice(0, -1))), this.depth,
        button("+", "one layer more", () => set("widths", [...this.widths, this.widths.at(-1) ?? 4].slice(0, 4))))),
    ];
  }

  curve() {
    this.lines = { train: s("path"), val: s("path", { class: "val" }) };
    this.losses = h("span");
    this.top = h("span");
    return h("div", { class: "nn-curve" }, h("div", {}, "Loss (badness): ", this.losses),
      s("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": "Loss by epoch" },
        this.lines.train, this.lines.val), this.top);
  }

  restart(seed = this.seed) {
    this.pause();
    this.seed = seed;
    this.net = makeNet([this.features.length, ...this.widths, 1], this.activation, random(seed));
    this.rand = random(seed + 1000);
    this.epoch = 0;
    this.history = [];
    this.train = this.tabulate(makeData(this.data, TRAINING, 7));
    this.val = this.tabulate(makeData(this.data, VALIDATION, 8));
    this.shown = null;
    this.depth.textContent = this.widths.length;
    this.drawPoints();
    this.graph.build();
    this.choose(this.widths.length, 0);
    this.record();
  }

  inputOf(x, y) {
    return this.features.map((name) => FEATURES[name](x, y));
  }

  tabulate(points) {
    return { points, inputs: points.map((p) => this.inputOf(p.x, p.y)), labels: points.map((p) => p.label) };
  }

  record() {
    const [train, val] = [this.train, this.val].map((d) => evaluate(this.net, d.inputs, d.labels));
    this.accuracy = val.accuracy;
    this.history.push([this.epoch, train.loss, val.loss]);
    if (this.history.length > 400) this.history = this.history.filter((_, n) => n % 2 === 0 || n > 398);
    if (!Number.isFinite(train.loss)) this.pause();
    this.draw();
  }

  step() {
    this.pause();
    this.tick(1);
  }

  toggle() {
    if (this.timer) return this.pause();
    // Whoever asks for less motion sees two pictures a second, each further on, instead of a film.
    this.animate((calm) => this.tick(calm ? 10 : 2), 33, 500);
  }

  tick(epochs) {
    for (let n = 0; n < epochs; n++) trainEpoch(this.net, this.train.inputs, this.train.labels, this.rate, this.rand);
    this.epoch += epochs;
    this.record();
  }

  toggleFeature(name) {
    const next = Object.keys(FEATURES).filter((f) => this.features.includes(f) !== (f === name));
    if (!next.length) return; // a network needs something to see
    this.features = next;
    this.restart();
    this.graph.cells.get(name).cell.focus();
  }

  resize(l, by) {
    this.widths = this.widths.map((old, k) => (k === l ? Math.min(8, Math.max(1, old + by)) : old));
    this.restart();
    this.graph.node.querySelector(`[data-size="${l},${by}"]`).focus();
  }

  nameOf(l, j) {
    return l === this.widths.length ? "Output" : `Layer ${l + 1}, neuron ${j + 1}`;
  }

  look(key) {
    this.shown = key;
    this.drawPlane();
  }

  grab(link) {
    if (!link) return;
    this.choose(link.l, link.j);
    this.sliders[link.i].input.focus();
  }

  choose(layer, unit) {
    this.chosen = { layer, unit };
    this.graph.press(`${layer},${unit}`);
    const names = layer ? this.net.layers[layer].w[unit].map((_, i) => `neuron ${i + 1}`) : this.features;
    this.sliders = [...names, "bias"].map((name, i) => this.slider(name, i));
    this.panel.replaceChildren(h("strong", {}, `${this.nameOf(layer, unit)}: its weights`), ...this.sliders.map(({ label }) => label));
    this.drawWeights();
    this.drawPlane();
  }

  slider(name, i) {
    const { w, b } = this.net.layers[this.chosen.layer];
    const [row, at] = name === "bias" ? [b, this.chosen.unit] : [w[this.chosen.unit], i];
    const output = h("span");
    const input = h("input", { type: "range", min: -5, max: 5, step: 0.05, oninput: () => ((row[at] = +input.value), this.record()) });
    return { input, output, row, at, label: h("label", {}, name, output, input) };
  }

  draw() {
    const [epoch, train, val] = this.history.at(-1);
    this.status.textContent = Number.isFinite(train)
      ? `Epoch ${epoch} · ${Math.round(100 * this.accuracy)} % of validation right`
      : "The weights have run away: choose a lower learning rate and reset.";
    this.losses.replaceChildren(h("span", { class: "nn-key" }), ` training ${train.toFixed(3)} `, h("span", { class: "nn-key val" }), ` validation ${val.toFixed(3)}`);
    this.drawPictures();
    this.drawWeights();
    this.drawCurve();
  }

  /** What every cell says of the plane, from −1 to 1. */
  drawPictures() {
    this.pictures = new Map();
    const values = PLANE.map(([x, y]) => forward(this.net, this.inputOf(x, y)));
    this.graph.cells.forEach(({ canvas }, key) => {
      const [l, j] = key.split(",").map(Number);
      const output = l === this.widths.length;
      const said = FEATURES[key]
        ? PLANE.map(([x, y]) => FEATURES[key](x, y))
        : values.map((v) => (output ? 2 * sigmoid(v[l + 1][0]) - 1 : v[l + 1][j]));
      const reach = said.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
      this.pictures.set(key, said.map((v) => v / reach));
      paint(canvas, this.pictures.get(key), 225);
    });
    this.drawPlane();
  }

  drawPlane() {
    const key = this.shown ?? `${this.chosen.layer},${this.chosen.unit}`;
    const values = this.pictures?.get(key);
    if (!values) return; // the graph has just been rebuilt; its pictures follow
    paint(this.canvas, values, 225);
    this.caption.textContent = FEATURES[key] ? `Input ${key}` : this.nameOf(...key.split(",").map(Number));
  }

  drawPoints() {
    const path = (points) => points.map((p) => `M${p.x.toFixed(2)} ${(-p.y).toFixed(2)}h0`).join("");
    const dots = (points, sign) => [["paper", 0.17], ["", 0.12]].map(([extra, width]) =>
      s("path", { class: `${sign} ${extra}`, "stroke-width": width, d: path(points) }));
    const ofClass = ({ points }, label) => points.filter((p) => p.label === label);
    this.points.replaceChildren(...[[1, "pos"], [-1, "neg"]].flatMap(([label, sign]) =>
      [...dots(ofClass(this.val, label), sign), ...dots(ofClass(this.train, label), sign)]),
    s("path", { class: "paper", "stroke-width": 0.05, d: path(this.val.points) })); // validation points are hollow
  }

  drawWeights() {
    this.graph.drawWeights();
    this.sliders.forEach(({ input, output, row, at }) => ((input.value = row[at]), (output.textContent = signed(row[at]))));
  }

  drawCurve() {
    const rows = this.history.filter((row) => Number.isFinite(row[1] + row[2]));
    const top = Math.max(0.8, ...rows.map((row) => Math.min(3, Math.max(row[1], row[2]))));
    const path = (k) => rows.map((row, n) => `${n ? "L" : "M"}${(100 * row[0]) / Math.max(1, this.epoch)} ${100 - (100 * Math.min(top, row[k])) / top}`).join("");
    this.lines.train.setAttribute("d", path(1));
    this.lines.val.setAttribute("d", path(2));
    this.top.textContent = `Epochs 0 to ${this.epoch}; the axis goes from 0 to ${top.toFixed(1)}. Round points are one class, square ones the other; hollow ones are held out for validation.`;
  }
}

const render = renders("nn", "Playground: a network learns to colour the plane", STYLE, (trait, root) => new Playground(trait, root));

export default { render };
