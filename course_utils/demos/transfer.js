// A wall of feature visualisations: for every unit of a net, the picture that excites it most, found by gradient ascent
// from noise. With the trait `pictures`, [{layer, images: [data URI, …]}], the wall shows a real net's pictures instead.
// The net here is small and set by hand, so that what its units look for is known: lines, then arrangements of lines.

import { random, h, s, choice, Moving, frame, renders } from "./shared/kit.js";

export const SIDE = 32;
const HALF = SIDE / 2;
const TURNS = 8; // orientations of the first layer

const square = (size, f) => Float64Array.from({ length: size * size }, (_, n) => f(Math.floor(n / size) - (size - 1) / 2, (n % size) - (size - 1) / 2));

/** A 5 × 5 filter for lines that run along `angle`: a wave across them, faded to the edge, with mean zero. */
function lineFilter(angle) {
  const values = square(5, (y, x) => Math.cos(1.7 * (-x * Math.sin(angle) + y * Math.cos(angle))) * Math.exp(-(x * x + y * y) / 5));
  const mean = values.reduce((a, b) => a + b) / 25;
  return values.map((v) => v - mean);
}

// Second layer: the angle that a line should have at (y, x) around the centre.
const ARRANGEMENTS = {
  rings: (y, x) => Math.atan2(y, x) + Math.PI / 2,
  stars: (y, x) => Math.atan2(y, x),
  spirals: (y, x) => Math.atan2(y, x) + Math.PI / 4,
  "spirals the other way": (y, x) => Math.atan2(y, x) - Math.PI / 4,
  saddles: (y, x) => -Math.atan2(y, x),
  arcs: (y, x) => (x * Math.PI) / 5,
  corners: (y, x) => (x > y ? 0 : Math.PI / 2),
  zigzags: (y) => (y === 0 ? Math.PI / 4 : -Math.PI / 4),
};

/** 3 × 3 weights for each orientation: positive where it is the one asked for, negative where it lies across. */
const arrange = (angleAt) => Array.from({ length: TURNS }, (_, k) => square(3, (y, x) => {
  if (!x && !y && angleAt !== ARRANGEMENTS.zigzags && angleAt !== ARRANGEMENTS.corners) return 0;
  return Math.cos(2 * ((k * Math.PI) / TURNS - angleAt(y, x))) / 4;
}));

export const NET = {
  first: Array.from({ length: TURNS }, (_, k) => lineFilter((k * Math.PI) / TURNS)),
  second: Object.values(ARRANGEMENTS).map(arrange),
};
const UNITS = [NET.first.map((_, k) => `lines at ${Math.round((180 * k) / TURNS)}°`), Object.keys(ARRANGEMENTS)];

/** Adds the correlation of a square picture with a kernel to `out`; zeros around, as large as before. */
function correlate(picture, side, kernel, size, dilation, out) {
  const reach = ((size - 1) / 2) * dilation;
  for (let n = 0; n < kernel.length; n++) {
    const di = Math.floor(n / size) * dilation - reach;
    const dj = (n % size) * dilation - reach;
    const [top, bottom] = [Math.max(0, -di), Math.min(side, side - di)];
    const [left, right] = [Math.max(0, -dj), Math.min(side, side - dj)];
    for (let i = top; i < bottom; i++) {
      for (let j = left; j < right; j++) out[i * side + j] += kernel[n] * picture[(i + di) * side + j + dj];
    }
  }
  return out;
}

const blank = (side) => new Float64Array(side * side);
const flipped = (kernel) => Float64Array.from(kernel).reverse(); // the way back of a correlation

function pool(picture) {
  return Float64Array.from({ length: HALF * HALF }, (_, n) => {
    const at = 2 * Math.floor(n / HALF) * SIDE + 2 * (n % HALF);
    return (picture[at] + picture[at + 1] + picture[at + SIDE] + picture[at + SIDE + 1]) / 4;
  });
}

/** What is maximised and its gradient in the pre-activations: the channel's mean after ReLU, or its middle neuron. */
function aim(z, side, goal) {
  const gradient = blank(side);
  const middle = (side * side + side) / 2;
  if (goal === "one neuron") {
    gradient[middle] = 1;
    return { value: z[middle], gradient };
  }
  z.forEach((v, n) => (gradient[n] = v > 0 ? 1 / z.length : 0));
  return { value: z.reduce((sum, v) => sum + Math.max(0, v), 0) / z.length, gradient };
}

/** The excitement {value, gradient in the picture} of a unit of layer 1 or 2. */
export function excite(picture, layer, unit, goal = "whole channel") {
  const lines = (k) => correlate(picture, SIDE, NET.first[k], 5, 1, blank(SIDE));
  if (layer === 1) {
    const { value, gradient } = aim(lines(unit), SIDE, goal);
    return { value, gradient: correlate(gradient, SIDE, flipped(NET.first[unit]), 5, 1, blank(SIDE)) };
  }
  const first = NET.first.map((_, k) => lines(k));
  const z = blank(HALF);
  first.forEach((map, k) => correlate(pool(map.map((v) => Math.max(0, v))), HALF, NET.second[unit][k], 3, 2, z));
  const { value, gradient } = aim(z, HALF, goal);
  return { value, gradient: backFromSecond(gradient, first, unit) };
}

function backFromSecond(gradient, first, unit) {
  const back = blank(SIDE);
  first.forEach((map, k) => {
    const pooled = correlate(gradient, HALF, flipped(NET.second[unit][k]), 3, 2, blank(HALF));
    const inner = map.map((v, n) => (v > 0 ? pooled[Math.floor(n / SIDE / 2) * HALF + Math.floor((n % SIDE) / 2)] / 4 : 0));
    correlate(inner, SIDE, flipped(NET.first[k]), 5, 1, back);
  });
  return back;
}

const roll = (picture, di, dj) => picture.map((_, n) =>
  picture[((Math.floor(n / SIDE) + di + SIDE) % SIDE) * SIDE + (((n % SIDE) + dj + SIDE) % SIDE)]);

const BLUR = [1, 2, 1, 2, 4, 2, 1, 2, 1].map((w) => w / 16);

/** One step up: along the gradient, scaled to the same length at every step; shaken and smoothed if asked. */
export function ascend(picture, layer, unit, { goal, jitter, smooth }, rand) {
  const [di, dj] = jitter ? [0, 0].map(() => Math.floor(3 * rand()) - 1) : [0, 0];
  let moved = roll(picture, di, dj);
  const { value, gradient } = excite(moved, layer, unit, goal);
  const length = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0) / gradient.length) + 1e-9;
  moved = moved.map((v, n) => Math.max(-1, Math.min(1, v + (0.1 * gradient[n]) / length)));
  if (smooth) {
    const soft = correlate(moved, SIDE, BLUR, 3, 1, blank(SIDE));
    moved = moved.map((v, n) => 0.75 * v + 0.25 * soft[n]);
  }
  return { value, picture: roll(moved, -di, -dj) };
}

/** The first layer's filters: what stands in the page until the demo starts. */
export function still() {
  const squares = NET.first.flatMap((filter, k) => [...filter].map((v, n) =>
    `<rect x="${6 * (k % 4) + (n % 5)}" y="${6 * Math.floor(k / 4) + Math.floor(n / 5)}" width="1.02" height="1.02" fill="rgb(${Array(3).fill(Math.round(128 + 110 * v)).join()})"/>`));
  return frame("-6 0 35 11", squares);
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.fv strong{display:block;margin:8px 0 4px;font-size:1em;font-weight:600}
.fv-all{display:grid;gap:16px}
.fv-wall{display:grid;grid-template-columns:repeat(4,1fr);gap:6px}
.fv button.fv-tile{padding:0;min-height:0;border-width:2px;border-radius:4px;overflow:hidden;aspect-ratio:1;min-width:0}
.fv button.fv-tile[aria-pressed=true]{border-color:currentColor}
.fv :is(canvas,img){display:block;width:100%;height:100%;aspect-ratio:1;margin:0;object-fit:cover}
.fv figure{margin:0}.fv figcaption{padding:0;color:inherit;font-size:inherit;text-align:left;margin:4px 0}
.fv-large{max-width:300px;border:1px solid var(--edge)}
.fv svg{display:block;width:100%;max-width:300px;height:70px;border:solid var(--edge);border-width:0 0 1px 1px}
.fv path{fill:none;stroke:currentColor;stroke-width:1.8;vector-effect:non-scaling-stroke}
@container (min-width:560px){.fv-all{grid-template-columns:1.5fr 1fr}}`;

/** Grey for 0, white for 1 and black for −1: a picture, so the same on both themes. */
function paint(canvas, picture) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  picture.forEach((v, n) => image.data.set([...Array(3).fill(128 + 127 * v), 255], 4 * n));
  context.putImageData(image, 0, 0);
}

const newCanvas = () => h("canvas", { width: SIDE, height: SIDE });

class Ascent extends Moving {
  constructor(trait, root) {
    super();
    this.options = { goal: trait("goal", "one neuron"), jitter: trait("jitter", true), smooth: trait("smooth", true) };
    this.seed = trait("seed", 1);
    this.chosen = [2, 0];
    this.build(root);
    this.restart();
  }

  build(root) {
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
    this.count = h("span");
    this.large = newCanvas();
    this.text = h("figcaption");
    this.curve = s("path");
    const tick = (name, label) => {
      const box = h("input", { type: "checkbox", onchange: () => (this.options[name] = box.checked) });
      box.checked = this.options[name];
      return h("label", { class: "kit-tick" }, box, label);
    };
    this.tiles = UNITS.map((names, l) => names.map((_, unit) => this.tile(l + 1, unit)));
    root.append(
      h("div", { class: "kit-row" }, this.play, h("button", { type: "button", onclick: () => this.step() }, "Step"),
        h("button", { type: "button", onclick: () => this.restart(this.seed + 1) }, "New noise"),
        choice("Excite", ["one neuron", "whole channel"], this.options.goal, (v) => ((this.options.goal = v), this.restart())),
        tick("jitter", "Jitter"), tick("smooth", "Smoothing"), this.count),
      h("div", { class: "fv-all" }, h("div", {}, ...this.tiles.flatMap((tiles, l) => [
        h("strong", {}, l ? "Layer 2: arrangements of lines" : "Layer 1: lines"), h("div", { class: "fv-wall" }, ...tiles.map(({ node }) => node))])),
      h("figure", {}, h("div", { class: "fv-large" }, this.large), this.text,
        s("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": "Excitement by step" }, this.curve))),
    );
  }

  tile(layer, unit) {
    const canvas = newCanvas();
    const node = h("button", { type: "button", class: "fv-tile", "aria-label": `Layer ${layer}, unit ${unit + 1}: ${UNITS[layer - 1][unit]}`,
      onclick: () => ((this.chosen = [layer, unit]), this.draw()) }, canvas);
    return { node, canvas };
  }

  restart(seed = this.seed) {
    this.pause();
    this.seed = seed;
    this.steps = 0;
    this.rand = random(seed);
    for (const tile of this.tiles.flat()) Object.assign(tile, { picture: blank(SIDE).map(() => 0.3 * (this.rand() - 0.5)), history: [] });
    this.draw();
  }

  advance() {
    this.steps += 1;
    this.tiles.forEach((tiles, l) => tiles.forEach((tile, unit) => {
      const { value, picture } = ascend(tile.picture, l + 1, unit, this.options, this.rand);
      tile.picture = picture;
      tile.history.push(value);
    }));
    this.draw();
  }

  step() {
    this.pause();
    this.advance();
  }

  toggle() {
    if (this.timer) return this.pause();
    this.animate((calm) => this.tick(calm ? 8 : 1), 80, 900);
  }

  tick(steps) {
    for (let n = 0; n < steps; n++) this.advance();
    if (this.steps >= 150) this.pause(); // nothing changes much from here
  }

  draw() {
    const [layer, unit] = this.chosen;
    this.tiles.forEach((tiles, l) => tiles.forEach(({ node, canvas, picture }, u) => {
      paint(canvas, picture);
      node.setAttribute("aria-pressed", `${l + 1 === layer && u === unit}`);
    }));
    const { picture, history } = this.tiles[layer - 1][unit];
    paint(this.large, picture);
    this.count.textContent = `Step ${this.steps}`;
    this.text.textContent = `Layer ${layer}, unit ${unit + 1}, made to look for ${UNITS[layer - 1][unit]}. `
      + `Excitement ${history.length ? history.at(-1).toFixed(3) : "at the start: press Play"}`;
    const most = Math.max(...history, 1e-9);
    this.curve.setAttribute("d", history.map((v, n) => `${n ? "L" : "M"}${(100 * n) / Math.max(1, history.length - 1)} ${98 - (95 * Math.max(0, v)) / most}`).join(""));
  }
}

/** The same wall for pictures that the chapter hands over: nothing to compute, any to enlarge. */
class Gallery {
  constructor(layers, root) {
    this.large = h("img", { alt: "" });
    this.text = h("figcaption", { "aria-live": "polite" });
    const wall = layers.flatMap(({ layer, images }) => [h("strong", {}, layer),
      h("div", { class: "fv-wall" }, ...images.map((image, n) => this.tile(layer, image, n)))]);
    root.append(h("div", { class: "fv-all" }, h("div", {}, ...wall), h("figure", {}, h("div", { class: "fv-large" }, this.large), this.text)));
    root.querySelector(".fv-tile")?.click();
  }

  tile(layer, image, n) {
    const node = h("button", { type: "button", class: "fv-tile", "aria-label": `${layer}, unit ${n + 1}`, onclick: () => this.choose(node, image) }, h("img", { src: image, alt: "" }));
    return node;
  }

  choose(node, image) {
    this.node?.setAttribute("aria-pressed", "false");
    node.setAttribute("aria-pressed", "true");
    this.node = node;
    this.large.src = image;
    this.large.alt = this.text.textContent = node.getAttribute("aria-label");
  }
}

const render = renders("fv", "Feature visualisation wall", STYLE, (trait, root) => {
  const pictures = trait("pictures", null);
  return pictures ? new Gallery(pictures, root) : new Ascent(trait, root);
});

export default { render };
