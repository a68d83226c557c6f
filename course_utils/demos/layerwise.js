// A deep net made one layer at a time (Belilovsky et al. 2019, 1812.11446): train a layer with a small auxiliary head,
// throw the head away, freeze the layer, keep what it says about every point, and train the next layer on that.
// Beside it a net of the same depth learns end to end, from nothing, for as many epochs.

import { random, normal, h, s, choice, Moving, frame, renders, BLUE, ORANGE } from "./shared/kit.js";
import { SPAN, ACTIVATIONS, polar, sigmoid, makeNet, affine, forward, zeros, gradients, plane, paint } from "./shared/net.js";

const GRID = 32; // pictures are GRID × GRID samples of the plane
const MOST = 6; // layers
const BATCH = 20;
const POINTS = { train: 300, val: 200 };

const MAKERS = {
  spiral(rand, label) {
    const t = Math.sqrt(rand());
    const [x, y] = polar(0.2 + 2.6 * t, 10 * t + (label > 0 ? 0 : Math.PI));
    return [x + 0.07 * normal(rand), y + 0.07 * normal(rand)];
  },
  rings(rand, label) {
    const ring = Math.floor(2 * rand());
    return polar(0.35 + 1.35 * ring + (label > 0 ? 0 : 0.7) + 0.2 * rand(), 2 * Math.PI * rand());
  },
  chessboard(rand, label) {
    const [i, j] = [Math.floor(4 * rand()), Math.floor(2 * rand())];
    const column = 2 * j + ((i + (label > 0 ? 0 : 1)) % 2);
    return [i, column].map((k) => -2.8 + 1.4 * (k + 0.08 + 0.84 * rand()));
  },
};

/** Inputs [x, y] and labels +1, −1 in turn. */
export function makeData(name, count, seed) {
  const rand = random(seed);
  const labels = Array.from({ length: count }, (_, n) => (n % 2 ? 1 : -1));
  return { inputs: labels.map((label) => MAKERS[name](rand, label)), labels };
}

/** A trainer with Adam's memory (Kingma and Ba, 1412.6980); `step` changes the net in place. */
export function adam(net, rate) {
  const [mean, squares] = [zeros(net.layers), zeros(net.layers)];
  let time = 0;
  const update = (values, g, m, s) => values.forEach((_, i) => {
    m[i] = 0.9 * m[i] + 0.1 * g[i];
    s[i] = 0.999 * s[i] + 0.001 * g[i] * g[i];
    values[i] -= (rate * (m[i] / (1 - 0.9 ** time))) / (Math.sqrt(s[i] / (1 - 0.999 ** time)) + 1e-8);
  });
  return {
    step(grads) {
      time += 1;
      net.layers.forEach((layer, l) => {
        layer.w.forEach((row, j) => update(row, grads[l].w[j], mean[l].w[j], squares[l].w[j]));
        update(layer.b, grads[l].b, mean[l].b, squares[l].b);
      });
    },
  };
}

/** One pass through the points in mini-batches, in an order drawn from `rand`. */
export function trainEpoch(net, trainer, { inputs, labels }, rand) {
  const order = inputs.map((_, n) => [rand(), n]).sort((a, b) => a[0] - b[0]).map(([, n]) => n);
  for (let n = 0; n < order.length; n += BATCH) {
    const batch = order.slice(n, n + BATCH);
    trainer.step(gradients(net, batch.map((k) => inputs[k]), batch.map((k) => labels[k])).layers);
  }
}

export const accuracy = (net, { inputs, labels }) =>
  inputs.filter((x, n) => forward(net, x).at(-1)[0] * labels[n] > 0).length / inputs.length;

// Multiplications of one training pass over one point: forwards, gradient in the weights, gradient in the inputs.
const cost = ({ layers }) => 3 * layers.reduce((sum, { w }) => sum + w.length * w[0].length, 0);

/** The points alone: what stands in the page until the demo starts. */
export function still() {
  const { inputs, labels } = makeData("spiral", POINTS.train, 3);
  const dots = inputs.map(([x, y], n) => `<circle cx="${x.toFixed(2)}" cy="${(-y).toFixed(2)}" r=".07" fill="${labels[n] > 0 ? BLUE : ORANGE}"/>`);
  return frame("-6 -3.2 12 6.4", dots);
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.lw-cards{display:grid;grid-template-columns:repeat(3,1fr);gap:8px;margin:0 0 10px;padding:0;list-style:none}
.lw-cards li{margin:0;min-width:0}
.lw-cards div{position:relative;aspect-ratio:1;border:2px dashed var(--faint)}
.lw-cards .frozen div{border:2px solid var(--edge)}.lw-cards .now div{border:2px solid currentColor}
.lw-cards :is(canvas,svg){position:absolute;inset:0;width:100%;height:100%}
.lw-cards path{fill:none;stroke-linecap:round;stroke-width:.16}
.lw-cards .pos{stroke:color-mix(in srgb,var(--pos),currentColor 45%)}
.lw-cards .neg{stroke:color-mix(in srgb,var(--neg),currentColor 45%);stroke-linecap:square}
.lw-cards span{display:block;font-size:.8125rem;min-height:2.7em;line-height:1.3}
.lw figure{margin:0 0 10px}.lw figcaption{padding:0;color:inherit;font-size:inherit;text-align:left;margin:0 0 4px}
.lw-chart{display:grid;grid-template-columns:3.4em 1fr}
.lw-chart svg{width:100%;height:170px;border:solid var(--edge);border-width:0 0 1px 1px;overflow:visible}
.lw-chart path{fill:none;vector-effect:non-scaling-stroke;stroke-width:2.2;stroke-linejoin:round;stroke:currentColor}
.lw-chart .grid{stroke:var(--faint);stroke-width:1}
.lw-chart .s0{stroke:var(--pos)}.lw-chart .s1{stroke:var(--neg);stroke-dasharray:6 4}.lw-chart .s2{stroke-dasharray:2 4}
.lw-chart .s2.dot{display:none}
.lw-chart .dot{stroke-width:9;stroke-linecap:round;stroke-dasharray:none}
.lw-ticks{display:flex;font-size:.8125rem}.lw-ticks.up{flex-direction:column;justify-content:space-between;margin:-.6em 0}
.lw-ticks.across{grid-column:2;justify-content:space-between}
.lw-key{display:inline-block;width:24px;border-top:3px solid var(--pos);vertical-align:middle;margin:0 4px 0 10px}
.lw-key.s1{border-top:3px dashed var(--neg)}.lw-key.s2{border-top:3px dotted}
@container (min-width:560px){.lw-cards{grid-template-columns:repeat(6,1fr)}}`;

const percent = (v) => `${(100 * v).toFixed(1)} %`;

/** A chart of accuracies by number of layers: `series` is {name: [share right, …]}, the first value at `first` layers. */
function chart(caption, series, first) {
  const rows = Object.entries(series);
  const count = Math.max(2, ...rows.map(([, values]) => values.length));
  const low = Math.min(0.5, ...rows.flatMap(([, values]) => values)); // chance, unless something is worse
  const place = (v, k) => `${((100 * k) / (count - 1)).toFixed(2)} ${(100 - (100 * (v - low)) / (1 - low)).toFixed(2)}`;
  const curve = ([, values], n) => {
    if (!values.length) return [];
    const points = values.map((v, k) => place(v, k));
    return [s("path", { class: `s${n}`, d: `M${points.join("L")}` }), s("path", { class: `s${n} dot`, d: points.map((p) => `M${p}h0`).join("") })];
  };
  const keys = rows.flatMap(([name], n) => [h("span", { style: "white-space:nowrap" }, h("span", { class: `lw-key s${n}` }), name), " "]);
  return h("figure", {}, h("figcaption", {}, `${caption}: `, ...keys), h("div", { class: "lw-chart" },
    h("div", { class: "lw-ticks up", "aria-hidden": "true" }, ...[1, (1 + low) / 2, low].map((v) => h("span", {}, `${Math.round(100 * v)} %`))),
    s("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": rows.map(([name, values]) => `${name}: ${values.map(percent).join(", ")}`).join("; ") },
      s("path", { class: "grid", d: "M0 0H100M0 50H100" }), ...rows.flatMap(curve)),
    h("div", { class: "lw-ticks across", "aria-hidden": "true" }, ...Array.from({ length: count }, (_, k) => h("span", {}, `${k + first}`)))));
}

const PLANE = plane(GRID);
const { f: relu } = ACTIVATIONS.ReLU;
const newNet = (sizes, rand) => makeNet(sizes, "ReLU", rand, 2); // weights as ReLU wants them (He et al. 2015)

class Layerwise extends Moving {
  constructor(trait, root) {
    super();
    this.options = { data: trait("dataset", "spiral"), width: trait("width", 10), k: trait("k", 1), epochs: trait("epochs", 60), seed: trait("seed", 1) };
    this.build(root);
    this.restart({});
    const recorded = trait("recorded", null); // {name: [accuracies by layer]}, numbers of a chapter or a record
    if (recorded) root.append(chart("Recorded, by number of layers", recorded, 1));
  }

  build(root) {
    const { data, width, k, epochs } = this.options;
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
    this.cards = Array.from({ length: MOST }, () => this.card());
    this.chart = h("div");
    this.note = h("p");
    root.append(
      h("div", { class: "kit-row" },
        choice("Data", Object.keys(MAKERS), data, (v) => this.restart({ data: v })),
        choice("Width", [2, 4, 6, 10, 16], width, (v) => this.restart({ width: +v })),
        choice("Auxiliary layers k", [1, 2, 3], k, (v) => this.restart({ k: +v })),
        choice("Epochs a layer", [20, 60, 150], epochs, (v) => this.restart({ epochs: +v }))),
      h("div", { class: "kit-row" }, this.play,
        h("button", { type: "button", onclick: () => this.addLayer() }, "Add a layer"),
        h("button", { type: "button", onclick: () => this.restart({}) }, "Reset"),
        h("button", { type: "button", onclick: () => this.restart({ seed: this.options.seed + 1 }) }, "New weights")),
      h("ol", { class: "lw-cards" }, ...this.cards.map(({ node }) => node)), this.chart, this.note,
    );
  }

  card() {
    const canvas = h("canvas", { width: GRID, height: GRID });
    const points = s("svg", { viewBox: `${-SPAN} ${-SPAN} ${2 * SPAN} ${2 * SPAN}` });
    const text = h("span");
    return { node: h("li", {}, h("div", { "aria-hidden": "true" }, canvas, points), text), canvas, points, text };
  }

  // -------------------------------------------------------------------------------------------- state

  restart(options) {
    this.pause();
    Object.assign(this.options, options);
    this.data = { train: makeData(this.options.data, POINTS.train, 3), val: makeData(this.options.data, POINTS.val, 4) };
    this.rand = random(this.options.seed);
    this.frozen = [];
    this.cache = { ...this.data, plane: { inputs: PLANE } }; // what the frozen layers say, of every point and of the plane
    this.done = { greedy: [], whole: [] };
    this.spent = { greedy: 0, whole: 0 };
    this.linear = this.fitLinear();
    this.cards.forEach((card, n) => this.clear(card, n));
    this.begin();
    this.draw();
  }

  fitLinear() {
    const net = newNet([2, 1], this.rand);
    const trainer = adam(net, 0.05);
    for (let epoch = 0; epoch < 40; epoch++) trainEpoch(net, trainer, this.data.train, this.rand);
    return accuracy(net, this.data.val);
  }

  /** A new layer with its auxiliary head on the cached values, and a rival with as many layers on the points. */
  begin() {
    const { width, k } = this.options;
    const layers = this.frozen.length + 1;
    const make = (sizes) => {
      const net = newNet(sizes, this.rand);
      return { net, trainer: adam(net, 0.01) };
    };
    this.greedy = make([this.cache.train.inputs[0].length, ...Array(k).fill(width), 1]);
    this.whole = make([2, ...Array(layers + k - 1).fill(width), 1]);
    this.epoch = 0;
  }

  advance(epochs) {
    for (let n = 0; n < epochs && this.epoch < this.options.epochs; n++, this.epoch++) {
      trainEpoch(this.greedy.net, this.greedy.trainer, this.cache.train, this.rand);
      trainEpoch(this.whole.net, this.whole.trainer, this.data.train, this.rand);
      this.spent.greedy += cost(this.greedy.net) * POINTS.train;
      this.spent.whole += cost(this.whole.net) * POINTS.train;
    }
    this.score();
    if (this.epoch >= this.options.epochs) this.freeze();
    this.draw();
  }

  score() {
    const n = this.frozen.length;
    this.done.greedy[n] = accuracy(this.greedy.net, this.cache.val);
    this.done.whole[n] = accuracy(this.whole.net, this.data.val);
    this.drawCard(n);
  }

  /** Keep the first layer of what was trained, throw the head away, and replace every point by what the layer says. */
  freeze() {
    const layer = this.greedy.net.layers[0];
    this.frozen.push(layer);
    const through = (set) => ({ ...set, inputs: set.inputs.map((x) => affine(layer, x).map(relu)) });
    this.cache = Object.fromEntries(Object.entries(this.cache).map(([name, set]) => [name, through(set)]));
    this.label(this.frozen.length - 1);
    if (this.frozen.length === MOST) return this.pause();
    this.begin();
  }

  get finished() {
    return this.frozen.length === MOST;
  }

  addLayer() {
    this.pause();
    if (!this.finished) this.advance(this.options.epochs);
  }

  toggle() {
    if (this.timer) return this.pause();
    if (this.finished) this.restart({});
    this.animate((calm) => this.advance(calm ? this.options.epochs : 2), 40, 900);
  }

  // -------------------------------------------------------------------------------------------- drawing

  clear({ node, canvas, points, text }, n) {
    node.className = "";
    canvas.getContext("2d").clearRect(0, 0, GRID, GRID);
    const { inputs, labels } = this.data.val;
    const dots = (label) => inputs.filter((_, i) => labels[i] === label).map(([x, y]) => `M${x.toFixed(2)} ${(-y).toFixed(2)}h0`).join("");
    points.replaceChildren(s("path", { class: "pos", d: dots(1) }), s("path", { class: "neg", d: dots(-1) }));
    text.textContent = `Layer ${n + 1}: to come`;
  }

  drawCard(n) {
    const said = this.cache.plane.inputs.map((x) => 2 * sigmoid(forward(this.greedy.net, x).at(-1)[0]) - 1);
    paint(this.cards[n].canvas, said, 190);
    this.label(n);
  }

  label(n) {
    const frozen = n < this.frozen.length;
    this.cards[n].node.className = frozen ? "frozen" : "now";
    this.cards[n].text.textContent = `Layer ${n + 1}: ${percent(this.done.greedy[n])}, ${frozen ? "frozen" : `epoch ${this.epoch}`}`;
  }

  draw() {
    this.chart.replaceChildren(chart("Right on held-out points, by number of layers", {
      "layer by layer": this.done.greedy, "end to end": this.done.whole, linear: Array(MOST).fill(this.linear) }, 1));
    const millions = (n) => `${(n / 1e6).toFixed(0)} million`;
    this.note.textContent = `Multiplications of training so far: ${millions(this.spent.greedy)} layer by layer (frozen layers are never `
      + `computed again), ${millions(this.spent.whole)} for the end-to-end nets of 1, 2, 3, … layers. Each picture shows what the layer's own head says.`;
  }
}

const render = renders("lw", "A net made one layer at a time", STYLE, (trait, root) => new Layerwise(trait, root));

export default { render };
