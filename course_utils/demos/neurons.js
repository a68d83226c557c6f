// A playground: a small network learns, in the page, to colour the plane as the points are coloured.
// Choose data, features, layers and activation; watch the loss and what every neuron computes; change a weight by hand.
// The mathematics (data, forward pass, backpropagation, gradient descent) comes first, the page second.

import { random, normal, h, s, choice, Moving, frame, renders, BLUE, ORANGE } from "./shared/kit.js";

const SPAN = 3; // the plane is [-3, 3] × [-3, 3], so that sin x makes about one turn
const GRID = 48; // pictures are GRID × GRID samples of the plane
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

const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

// `slope` is the derivative written in terms of the output a = f(z): backpropagation then needs to keep only a.
export const ACTIVATIONS = {
  linear: { f: (z) => z, slope: () => 1 },
  sigmoid: { f: sigmoid, slope: (a) => a * (1 - a) },
  tanh: { f: Math.tanh, slope: (a) => 1 - a * a },
  ReLU: { f: (z) => Math.max(0, z), slope: (a) => (a > 0 ? 1 : 0) },
  ELU: { f: (z) => (z > 0 ? z : Math.expm1(z)), slope: (a) => (a > 0 ? 1 : a + 1) },
};

const polar = (r, angle) => [r * Math.cos(angle), r * Math.sin(angle)];

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

/** A dense network: layers of {w: outputs × inputs, b: outputs}; weights N(0, 1/inputs), biases 0. */
export function makeNet(sizes, activation, seed) {
  const rand = random(seed);
  const layers = sizes.slice(1).map((outputs, l) => ({
    w: Array.from({ length: outputs }, () => Array.from({ length: sizes[l] }, () => normal(rand) / Math.sqrt(sizes[l]))),
    b: Array(outputs).fill(0),
  }));
  return { layers, activation };
}

/** The activations of every layer, the input first and the logit last. */
export function forward(net, input) {
  const { f } = ACTIVATIONS[net.activation];
  const values = [input];
  net.layers.forEach(({ w, b }, l) => {
    const last = l === net.layers.length - 1;
    const z = w.map((row, j) => row.reduce((sum, weight, i) => sum + weight * values[l][i], b[j]));
    values.push(last ? z : z.map(f));
  });
  return values;
}

function backpropagate(net, grads, input, label) {
  const { slope } = ACTIVATIONS[net.activation];
  const values = forward(net, input);
  const logit = values.at(-1)[0];
  let delta = [-label * sigmoid(-label * logit)];
  for (let l = net.layers.length - 1; l >= 0; l--) {
    const before = Array(values[l].length).fill(0);
    delta.forEach((d, j) => {
      grads[l].b[j] += d;
      values[l].forEach((a, i) => {
        grads[l].w[j][i] += d * a;
        before[i] += d * net.layers[l].w[j][i];
      });
    });
    delta = before.map((d, i) => d * slope(values[l][i]));
  }
  return softplus(-label * logit);
}

/** Mean logistic loss log(1 + exp(−label · logit)) over a batch, and its gradient in every weight and bias. */
export function gradients(net, inputs, labels) {
  const grads = net.layers.map(({ w, b }) => ({ w: w.map((row) => row.map(() => 0)), b: b.map(() => 0) }));
  const n = inputs.length;
  const loss = inputs.reduce((sum, input, k) => sum + backpropagate(net, grads, input, labels[k]), 0) / n;
  const mean = (row) => row.map((g) => g / n);
  return { loss, layers: grads.map(({ w, b }) => ({ w: w.map(mean), b: mean(b) })) };
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
  return frame("-6 -3.2 12 6.4", `${makeData("circle", 150, 7).map(dot).join("")}`);
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.nn .kit-row label,.nn .kit-row .nn-field{display:grid;gap:2px;margin:0}
.nn-field>div{display:flex;gap:6px;align-items:center}
.nn-stage{display:grid;gap:14px}
.nn-graph{position:relative;height:366px;margin:0 22px 0 60px}
.nn-graph svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}
.nn-graph line{stroke-linecap:round;vector-effect:non-scaling-stroke}
.nn-graph line.near{stroke:currentColor;opacity:1}
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
.nn-plane .neg{stroke:color-mix(in srgb,var(--neg),currentColor 40%)}.nn-plane .neg{stroke-linecap:square}
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
.nn-weights input{grid-column:1/-1;width:100%;margin:4px 0;accent-color:var(--pos)}
.nn-weights label span{font-variant-numeric:tabular-nums}
@container (min-width:560px){.nn-stage{grid-template-columns:minmax(0,1.5fr) minmax(0,1fr);align-items:center}}`;

const ROW = 42; // pixels between neurons of a layer
const TOP = 50; // room for the width buttons above them

const signed = (v) => v.toFixed(2).replace("-", "−");

/** Paint values on a canvas: blue above zero, orange below, nothing at zero, so that either theme shines through. */
function paint(canvas, values, reach, colours) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(GRID, GRID);
  values.forEach((v, n) => {
    image.data.set(v > 0 ? colours.pos : colours.neg, 4 * n);
    image.data[4 * n + 3] = 225 * Math.min(1, Math.abs(v) / reach);
  });
  context.putImageData(image, 0, 0);
}

const PLANE = Array.from({ length: GRID * GRID }, (_, n) => [
  SPAN * ((2 * (n % GRID) + 1) / GRID - 1),
  SPAN * (1 - (2 * Math.floor(n / GRID) + 1) / GRID),
]);

const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));

class Playground extends Moving {
  constructor(trait, root) {
    super();
    this.root = root;
    this.data = trait("dataset", "circle");
    this.features = trait("features", ["x", "y"]);
    this.widths = trait("layers", [4, 2]);
    this.activation = trait("activation", "tanh");
    this.rate = trait("rate", 0.1);
    this.seed = trait("seed", 1);
    this.build();
    this.restart();
  }

  build() {
    const style = getComputedStyle(this.root);
    this.colours = { pos: rgb(style.getPropertyValue("--pos").trim()), neg: rgb(style.getPropertyValue("--neg").trim()) };
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
    this.status = h("span", { class: "nn-status" });
    this.graph = h("div", { class: "nn-graph", role: "group", "aria-label": "The network" });
    this.canvas = h("canvas", { width: GRID, height: GRID, "aria-hidden": "true" });
    this.points = s("svg", { viewBox: `${-SPAN} ${-SPAN} ${2 * SPAN} ${2 * SPAN}`, "aria-hidden": "true" });
    this.caption = h("figcaption", {});
    this.panel = h("div", { class: "nn-weights", role: "group", "aria-label": "Weights of the chosen neuron" });
    this.graph.addEventListener("pointermove", (event) => this.mark(this.nearest(event)));
    this.graph.addEventListener("click", (event) => this.grab(event));
    this.root.append(
      h("div", { class: "kit-row" }, this.play, this.button("Step", "one pass through the training points", () => this.step()),
        this.button("Reset", "back to the first weights", () => this.restart()),
        this.button("New weights", "start from other random weights", () => this.restart(this.seed + 1)), this.status),
      h("div", { class: "kit-row" }, ...this.choices()),
      h("div", { class: "nn-stage" }, this.graph,
        h("figure", { class: "nn-plane" }, h("div", {}, this.canvas, this.points), this.caption)),
      this.panel, this.curve(),
    );
  }

  button(text, title, onclick) {
    return h("button", { type: "button", title, onclick }, text);
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
        this.button("−", "one layer less", () => set("widths", this.widths.slice(0, -1))), this.depth,
        this.button("+", "one layer more", () => set("widths", [...this.widths, this.widths.at(-1) ?? 4].slice(0, 4))))),
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

  // -------------------------------------------------------------------------------------------- state

  restart(seed = this.seed) {
    this.pause();
    this.seed = seed;
    this.net = makeNet([this.features.length, ...this.widths, 1], this.activation, seed);
    this.rand = random(seed + 1000);
    this.epoch = 0;
    this.history = [];
    this.train = this.tabulate(makeData(this.data, TRAINING, 7));
    this.val = this.tabulate(makeData(this.data, VALIDATION, 8));
    this.chosen = { layer: this.widths.length, unit: 0 };
    this.shown = null;
    this.depth.textContent = this.widths.length;
    this.drawPoints();
    this.buildGraph();
    this.choose(this.chosen.layer, this.chosen.unit);
    this.record();
  }

  inputOf(x, y) {
    return this.features.map((name) => FEATURES[name](x, y));
  }

  tabulate(points) {
    return { points, inputs: points.map((p) => this.inputOf(p.x, p.y)), labels: points.map((p) => p.label) };
  }

  advance() {
    trainEpoch(this.net, this.train.inputs, this.train.labels, this.rate, this.rand);
    this.epoch += 1;
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
    this.advance();
    this.record();
  }

  toggle() {
    if (this.timer) return this.pause();
    // Whoever asks for less motion sees two pictures a second, each further on, instead of a film.
    this.animate((calm) => this.tick(calm ? 10 : 2), 33, 500);
  }

  tick(epochs) {
    for (let n = 0; n < epochs; n++) this.advance();
    this.record();
  }

  // -------------------------------------------------------------------------------------------- the graph

  columns() {
    return [Object.keys(FEATURES).length, ...this.widths, 1];
  }

  place(column, row) {
    const columns = this.columns();
    return { x: (100 * column) / (columns.length - 1), y: TOP + ROW * (3.5 + row - (columns[column] - 1) / 2) };
  }

  buildGraph() {
    this.cells = new Map();
    this.links = [];
    const svg = s("svg", { "aria-hidden": "true" });
    this.graph.replaceChildren(svg);
    Object.keys(FEATURES).forEach((name, row) => this.addFeature(name, row));
    this.widths.forEach((width, l) => this.addSizes(width, l));
    this.net.layers.forEach(({ w }, l) => w.forEach((row, j) => this.addNeuron(svg, l, j, row)));
  }

  addCell(column, row, key, attrs, ...kids) {
    const { x, y } = this.place(column, row);
    const canvas = h("canvas", { width: GRID, height: GRID });
    const look = (on) => () => ((this.shown = on ? key : null), this.drawPlane());
    const cell = h("button", { type: "button", class: "nn-cell", onpointerenter: look(true), onpointerleave: look(false), ...attrs }, canvas);
    this.graph.append(h("div", { class: "nn-at", style: `left:${x}%;top:${y}px` }, ...kids, cell));
    this.cells.set(key, { cell, canvas });
  }

  addFeature(name, row) {
    const on = this.features.includes(name);
    this.addCell(0, row, name, { "aria-pressed": `${on}`, "aria-label": `Input ${name}`, "data-off": !on,
      onclick: () => this.toggleFeature(name) }, h("span", { class: "nn-name", "aria-hidden": "true" }, name));
  }

  toggleFeature(name) {
    const next = Object.keys(FEATURES).filter((f) => this.features.includes(f) !== (f === name));
    if (!next.length) return; // a network needs something to see
    this.features = next;
    this.restart();
    this.cells.get(name).cell.focus();
  }

  addSizes(width, l) {
    const resize = (by) => () => {
      this.widths = this.widths.map((old, k) => (k === l ? Math.min(8, Math.max(1, old + by)) : old));
      this.restart();
      this.graph.querySelector(`[data-size="${l},${by}"]`).focus();
    };
    const make = (by, sign, word) => h("button", { type: "button", class: "nn-size", "data-size": `${l},${by}`,
      "aria-label": `Layer ${l + 1}: one neuron ${word} (now ${width})`, onclick: resize(by) }, sign);
    this.graph.append(h("div", { class: "nn-at", style: `left:${this.place(l + 1, 0).x}%;top:14px` }, make(-1, "−", "less"), make(1, "+", "more")));
  }

  addNeuron(svg, l, j, row) {
    const end = this.place(l + 1, j);
    row.forEach((_, i) => {
      const start = this.place(l, l ? i : Object.keys(FEATURES).indexOf(this.features[i]));
      const line = s("line", { x1: `${start.x}%`, y1: start.y, x2: `${end.x}%`, y2: end.y });
      this.links.push({ line, l, j, i, start, end });
      svg.append(line);
    });
    this.addCell(l + 1, j, `${l},${j}`, { "aria-label": this.nameOf(l, j), onclick: () => this.choose(l, j) });
  }

  nameOf(l, j) {
    return l === this.widths.length ? "Output" : `Layer ${l + 1}, neuron ${j + 1}`;
  }

  /** The link within 7 pixels of the pointer, if any. */
  nearest(event) {
    const box = this.graph.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const distance = ({ start, end }) => {
      const [x1, x2] = [start.x, end.x].map((x) => (x / 100) * box.width);
      const t = Math.min(0.93, Math.max(0.07, (px - x1) / (x2 - x1)));
      return Math.hypot(px - x1 - t * (x2 - x1), py - start.y - t * (end.y - start.y));
    };
    if (event.target.closest("button")) return undefined;
    return this.links.map((link) => ({ link, d: distance(link) })).filter(({ d }) => d < 7).sort((a, b) => a.d - b.d)[0]?.link;
  }

  mark(link) {
    this.links.forEach((other) => other.line.classList.toggle("near", other === link));
    this.graph.style.cursor = link ? "pointer" : "";
  }

  grab(event) {
    const link = this.nearest(event);
    if (!link) return;
    this.choose(link.l, link.j);
    this.sliders[link.i].input.focus();
  }

  choose(layer, unit) {
    this.chosen = { layer, unit };
    this.cells.forEach(({ cell }, key) => FEATURES[key] || cell.setAttribute("aria-pressed", `${key === `${layer},${unit}`}`));
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

  // -------------------------------------------------------------------------------------------- drawing

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

  drawPictures() {
    this.pictures = new Map();
    const values = PLANE.map(([x, y]) => forward(this.net, this.inputOf(x, y)));
    for (const key of this.cells.keys()) {
      const [l, j] = key.split(",");
      const output = +l === this.widths.length;
      const picture = FEATURES[key]
        ? PLANE.map(([x, y]) => FEATURES[key](x, y))
        : values.map((v) => (output ? 2 * sigmoid(v[+l + 1][0]) - 1 : v[+l + 1][+j]));
      const reach = picture.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
      this.pictures.set(key, { picture, reach });
      paint(this.cells.get(key).canvas, picture, reach, this.colours);
    }
    this.drawPlane();
  }

  drawPlane() {
    const key = this.shown ?? `${this.chosen.layer},${this.chosen.unit}`;
    const entry = this.pictures?.get(key);
    if (!entry) return; // the graph has just been rebuilt; its pictures follow
    paint(this.canvas, entry.picture, entry.reach, this.colours);
    this.caption.textContent = FEATURES[key] ? `Input ${key}` : this.nameOf(...key.split(",").map(Number));
  }

  drawPoints() {
    const path = (points) => points.map((p) => `M${p.x.toFixed(2)} ${(-p.y).toFixed(2)}h0`).join("");
    const dots = (points, sign) => [["paper", 0.17], ["", 0.12]].map(([extra, width]) =>
      s("path", { class: `${sign} ${extra}`, "stroke-width": width, d: path(points) }));
    const ofClass = ({ points }, label) => points.filter((p) => p.label === label);
    const held = [...ofClass(this.val, 1), ...ofClass(this.val, -1)];
    this.points.replaceChildren(...[[1, "pos"], [-1, "neg"]].flatMap(([label, sign]) =>
      [...dots(ofClass(this.val, label), sign), ...dots(ofClass(this.train, label), sign)]),
    s("path", { class: "paper", "stroke-width": 0.05, d: path(held) })); // validation points are hollow
  }

  drawWeights() {
    this.links.forEach(({ line, l, j, i }) => {
      const weight = this.net.layers[l].w[j][i];
      line.classList.toggle("pos", weight > 0);
      line.classList.toggle("neg", weight <= 0);
      line.setAttribute("stroke-width", Math.min(8, 0.5 + 2 * Math.abs(weight)));
    });
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
