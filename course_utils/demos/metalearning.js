// Two learners: prototypes of examples that you drag, and a net that begins where MAML left it and takes inner steps.
// The mathematics (prototypes, scores, a small net and one step on its squared error) comes first, the page second.

import { h, s, choice, frame, random, renders, BLUE, ORANGE, PINK, counted } from "./shared/kit.js";

export const CLASSES = ["A", "B", "C"];
export const RATE = 0.01; // of the inner step
const WIDTH = 16;

/** The mean of each class's examples: lists of [x, y] to [x, y]. */
export const prototypes = (support) => support.map((examples) => [0, 1].map((k) => examples.reduce((sum, e) => sum + e[k], 0) / examples.length));

/** Minus the squared distance of a query to each prototype. */
export const scores = (support, query) => prototypes(support).map(([x, y]) => -((x - query[0]) ** 2) - (y - query[1]) ** 2);

/** The place of the largest number. */
export const best = (values) => values.indexOf(Math.max(...values));

export function softmax(values) {
  const sizes = values.map((v) => Math.exp(v - Math.max(...values)));
  const total = sizes.reduce((a, b) => a + b, 0);
  return sizes.map((v) => v / total);
}

// MAML's beginning for sine waves, a perceptron 1-16-16-1: weights and biases, layer by layer, in thousandths.
const BEGINNING = [
  4, 724, -883, -49, -870, 774, 5, 834, -89, 99, -810, -30, -539, -97, -515, 623, -21, -581, -1319, 200, -2068,
  -2007, -28, -2753, 750, 68, -2623, 487, -21, 248, -425, -989, 99, 162, -181, -109, 103, 226, -52, 169, -28, 23,
  224, -232, -153, -61, -79, 195, -162, -457, -175, 295, -813, -389, 1159, 82, -241, -1323, -627, -244, 134, -485,
  281, -137, -111, 174, 737, -675, 274, -42, -165, -902, 445, -855, -787, -129, 209, -88, 6, -27, 137, 305, 457,
  -642, 120, 800, 766, 738, 273, -423, 117, 221, -455, -401, -43, 970, -233, -563, 510, -709, -85, -929, -408,
  -1104, 281, -1813, -252, 126, 705, -196, -555, -621, 125, 992, -195, -748, 44, 585, 813, -1105, -538, -1463, -521,
  -203, -158, 185, 302, 390, -152, 246, 154, -211, -44, 11, 25, 59, 118, 13, -139, 118, -220, -130, -63, -126, -87,
  1153, -56, -191, -714, 716, 791, -835, -261, -484, -49, 149, -268, 129, 156, -67, -225, 703, -1330, 741, 1047,
  -118, -2106, -2407, 928, 1213, 1104, -241, -304, 468, 635, -1069, -48, -237, 86, 562, 1729, -869, 520, 113, -356,
  -515, -2569, -112, -155, -135, -780, 79, -29, -1591, 416, -653, -162, -891, -260, -1347, 534, -1689, -277, -53,
  662, -107, -472, -528, -176, -1675, -1019, -328, -2386, 1761, -1546, 342, -2202, 1384, -956, -182, 1733, -130,
  1429, -1108, 90, 300, 565, -884, 30, 453, -255, -39, -8, -770, -127, -203, -113, 114, 268, 263, -217, -12, 567,
  -1065, -655, 1086, 1646, 1848, -786, -1037, -828, -158, -1378, -1073, -919, 1766, 83, 532, 537, -944, 327, 147,
  -132, -349, 472, -354, -554, 33, -32, -299, -73, 321, -248, -184, -112, -613, -1509, 914, 1241, 30, -247, -1034,
  -1216, 63, 1097, 139, 1119, 449, 0, -166, -2107, 485, 478, -1860, -2398, 1805, -2043, 627, 267, -10, -857, -59,
  -1621, 866, -236, 595, -839, -890, 839, -813, -706, 898, -669, -1329, -2170, 189, 494, 606, 717, 105, 973,
];

/** The layers of a list of numbers: W1 (16), b1 (16), W2 (16×16), b2 (16), W3 (16), b3 (1). */
function layers(numbers) {
  const sizes = [WIDTH, WIDTH, WIDTH * WIDTH, WIDTH, WIDTH, 1];
  let at = 0;
  return sizes.map((size) => numbers.slice(at, (at += size)));
}

export const learned = () => layers(BEGINNING.map((v) => v / 1000));

/** A beginning that nobody learned: uniform weights as PyTorch would draw them. */
export function unlearned(seed) {
  const rand = random(seed);
  const some = (count, bound) => Array.from({ length: count }, () => bound * (2 * rand() - 1));
  const zeros = (count) => Array(count).fill(0);
  return [some(WIDTH, 1), zeros(WIDTH), some(WIDTH * WIDTH, 0.25), zeros(WIDTH), some(WIDTH, 0.25), [0]];
}

const relu = (values) => values.map((v) => Math.max(0, v));
const through = (x, W, b) => b.map((bias, j) => bias + x.reduce((sum, v, i) => sum + v * W[i * b.length + j], 0));

function states([W1, b1, W2, b2, W3, b3], x) {
  const a = relu(through([x], W1, b1));
  const c = relu(through(a, W2, b2));
  return { a, c, y: through(c, W3, b3)[0] };
}

/** What the net says at x. */
export const forward = (net, x) => states(net, x).y;

/** One step of gradient descent on the mean squared error of points [x, y]; a new net. */
export function step(net, points, rate = RATE) {
  const [, , W2, , W3] = net;
  const slopes = net.map((layer) => layer.map(() => 0));
  for (const [x, y] of points) {
    const { a, c, y: said } = states(net, x);
    const top = (2 * (said - y)) / points.length;
    const overC = c.map((v, j) => (v > 0 ? top * W3[j] : 0));
    const overA = a.map((v, i) => (v > 0 ? overC.reduce((sum, g, j) => sum + g * W2[i * WIDTH + j], 0) : 0));
    overA.forEach((g, i) => ((slopes[0][i] += g * x), (slopes[1][i] += g)));
    a.forEach((v, i) => overC.forEach((g, j) => (slopes[2][i * WIDTH + j] += v * g)));
    overC.forEach((g, j) => (slopes[3][j] += g));
    c.forEach((v, j) => (slopes[4][j] += top * v));
    slopes[5][0] += top;
  }
  return net.map((layer, k) => layer.map((v, i) => v - rate * slopes[k][i]));
}

/** A wave: its amplitude, its phase, and ten points of it. */
export function wave(seed) {
  const rand = random(seed);
  const amplitude = 1 + 4 * rand();
  const phase = Math.PI * rand();
  const points = Array.from({ length: 10 }, () => 10 * rand() - 5).map((x) => [x, amplitude * Math.sin(x - phase)]);
  return { amplitude, phase, points };
}

const LINE = Array.from({ length: 101 }, (_, n) => n / 10 - 5);

/** Mean squared error over the whole wave. */
export const error = (net, { amplitude, phase }) => LINE.reduce((sum, x) => sum + (forward(net, x) - amplitude * Math.sin(x - phase)) ** 2, 0) / LINE.length;

/** Three examples of each of three classes in a square of side 10. */
export function drawn(seed) {
  const rand = random(seed);
  return [[2.5, 3], [7.5, 3.5], [5, 7.5]].map(([x, y]) => Array.from({ length: 3 }, () => [x + 3 * rand() - 1.5, y + 3 * rand() - 1.5]));
}

/** Prototypes and the regions that they win: what stands in the page until the demo starts. */
export function still() {
  const support = drawn(1);
  return frame("0 0 10 10", regions(support, 20).map(({ x, y, size, kind }) => `<rect x="${x}" y="${y}" width="${size}" height="${size}" fill="${COLOURS[kind]}" fill-opacity=".25"/>`),
    support.flatMap((examples, k) => examples.map(([x, y]) => `<circle cx="${x}" cy="${y}" r=".3" fill="${COLOURS[k]}"/>`)));
}

const COLOURS = [BLUE, ORANGE, PINK];

/** Squares of a grid, and which class each belongs to. */
export function regions(support, count) {
  const size = 10 / count;
  return Array.from({ length: count * count }, (_, n) => {
    const x = (n % count) * size;
    const y = Math.floor(n / count) * size;
    return { x, y, size, kind: best(scores(support, [x + size / 2, y + size / 2])) };
  });
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.ml-all{display:grid;gap:0 14px}
.ml svg{display:block;width:100%;max-width:430px;margin:0 auto;border:1px solid var(--edge);touch-action:none}
.ml text{font:bold .5px sans-serif;fill:currentColor;text-anchor:middle}
.ml circle{stroke:var(--paper);stroke-width:.08;cursor:grab}.ml circle:focus-visible{stroke:currentColor;stroke-width:.15;outline:none}
.ml .mean{stroke-width:.18;fill:none}
.ml .wave{fill:none;stroke:currentColor;stroke-dasharray:.25 .2;stroke-width:.06}.ml .net{fill:none;stroke:var(--pos);stroke-width:.1}
.ml p{min-height:4em}
@container (min-width:560px){.ml-all{grid-template:auto auto 1fr/minmax(0,1.6fr) minmax(0,1fr)}
 .ml svg{grid-area:1/1/4}.ml .kit-row,.ml p{grid-column:2}}`;

class Learners {
  constructor(trait, root) {
    this.view = trait("view", "prototypes");
    this.seed = trait("seed", 1);
    this.from = "MAML's";
    this.stage = s("svg", { viewBox: "0 0 10 10", role: "group" });
    this.buttons = h("div", { class: "kit-row" });
    this.note = h("p", { "aria-live": "polite" });
    root.append(
      h("div", { class: "ml-all" },
        h("div", { class: "kit-row" }, h("button", { onclick: () => ((this.seed += 1), this.begin()) }, "Another task"),
          choice("Learner", ["prototypes", "inner steps"], this.view, (value) => ((this.view = value), this.begin()))),
        this.buttons, this.stage, this.note));
    this.stage.addEventListener("pointermove", (event) => event.buttons && this.held && this.drag(event));
    this.stage.addEventListener("pointerup", () => (this.held = null));
    this.begin();
  }

  begin() {
    const rand = random(this.seed + 100);
    this.support = drawn(this.seed);
    this.query = [2 + 6 * rand(), 2 + 6 * rand()];
    this.guess = null;
    this.wave = wave(this.seed);
    this.restart();
    const button = (text, act, kind = "") => h("button", { class: kind, onclick: act }, text);
    this.buttons.replaceChildren(...(this.view === "prototypes"
      ? [h("span", {}, "Which class gets the question mark?"), ...CLASSES.map((name, k) => button(name, () => ((this.guess = k), this.draw())))]
      : [button("One step", () => ((this.net = step(this.net, this.wave.points)), (this.steps += 1), this.draw()), "kit-main"),
        choice("Beginning", ["MAML's", "at random"], this.from, (value) => ((this.from = value), this.restart(), this.draw())),
        button("Begin again", () => (this.restart(), this.draw()))]));
    this.draw();
  }

  restart() {
    this.net = this.from === "MAML's" ? learned() : unlearned(this.seed);
    this.steps = 0;
  }

  drag(event) {
    const box = this.stage.getBoundingClientRect();
    this.move(this.held, 10 * (event.clientX - box.left) / box.width, 10 * (event.clientY - box.top) / box.height);
  }

  move(place, x, y) {
    [x, y].forEach((v, k) => (place[k] = Math.min(9.7, Math.max(0.3, v))));
    this.draw();
  }

  draw() {
    if (this.view === "prototypes") this.drawPrototypes();
    else this.drawWave();
  }

  /** An example that can be dragged, or moved by the arrow keys. */
  example(place, k, n) {
    const keys = { ArrowLeft: [-0.25, 0], ArrowRight: [0.25, 0], ArrowUp: [0, -0.25], ArrowDown: [0, 0.25] };
    return s("circle", { cx: place[0], cy: place[1], r: 0.36, fill: COLOURS[k], tabindex: 0, role: "button", "data-name": `${k}${n}`,
      "aria-label": `example ${n + 1} of class ${CLASSES[k]} at ${place.map((v) => v.toFixed(1)).join(", ")}; arrow keys move it`,
      onpointerdown: (event) => ((this.held = place), event.preventDefault()),
      onkeydown: (event) => {
        if (!keys[event.key]) return;
        event.preventDefault();
        this.move(place, place[0] + keys[event.key][0], place[1] + keys[event.key][1]);
        this.stage.querySelector(`[data-name="${k}${n}"]`).focus();
      } });
  }

  drawPrototypes() {
    const shown = this.guess !== null;
    const squares = shown ? regions(this.support, 30).map(({ x, y, size, kind }) => s("rect", { x, y, width: size + 0.02, height: size + 0.02, fill: COLOURS[kind], "fill-opacity": 0.22 })) : [];
    const means = shown ? prototypes(this.support).map(([x, y], k) => s("path", { class: "mean", stroke: COLOURS[k], d: `M${x - 0.3} ${y - 0.3}l.6 .6M${x - 0.3} ${y + 0.3}l.6 -.6` })) : [];
    this.stage.replaceChildren(...squares, ...this.support.flatMap((examples, k) => examples.flatMap((place, n) => [
      this.example(place, k, n), s("text", { x: place[0], y: place[1] + 0.18, "pointer-events": "none" }, CLASSES[k])])),
      ...means, s("text", { x: this.query[0], y: this.query[1] + 0.25, style: "font-size:.9px" }, "?"));
    const p = softmax(scores(this.support, this.query));
    const found = best(p);
    const said = CLASSES.map((name, k) => `${name} ${(100 * p[k]).toFixed(0)} %`).join(", ");
    this.stage.setAttribute("aria-label", `Three examples of each of three classes, and a question mark${shown ? `, which goes to ${CLASSES[found]}` : ""}`);
    this.note.textContent = shown
      ? `${this.guess === found ? "You said so" : `You said ${CLASSES[this.guess]}`}: the nearest prototype is that of ${CLASSES[found]} (${said}). Now drag examples: a prototype, ×, goes a third of the way along, and borders stay straight.`
      : "Prototypes are means, not drawn yet. Say first which is nearest to the question mark.";
  }

  drawWave() {
    const { amplitude, phase, points } = this.wave;
    const path = (f) => LINE.map((x, n) => `${n ? "L" : "M"}${(x + 5).toFixed(1)} ${(5 - 0.8 * Math.max(-6, Math.min(6, f(x)))).toFixed(2)}`).join("");
    const now = error(this.net, this.wave);
    this.stage.replaceChildren(s("path", { class: "wave", d: path((x) => amplitude * Math.sin(x - phase)) }), s("path", { class: "net", d: path((x) => forward(this.net, x)) }),
      ...points.map(([x, y]) => s("circle", { cx: x + 5, cy: 5 - 0.8 * y, r: 0.15, fill: PINK })));
    this.stage.setAttribute("aria-label", `A wave, dashed, ten points of it, and the net after ${counted(this.steps, "step")}; squared error ${now.toFixed(2)}`);
    this.note.textContent = `After ${counted(this.steps, "step")} on ten points the squared error over the whole wave is ${now.toFixed(2)}. ${this.steps ? "" : "Guess: how many steps until it is below a half?"}`;
  }
}

const render = renders("ml", "Prototypes and inner steps", STYLE, (trait, root) => new Learners(trait, root));

export default { render };
