// Play with a filter: draw a picture, edit the kernel, and watch the window slide.
// One output number at a time is computed before your eyes, as a sum of products; stride, padding and ReLU can be changed.
// As in PyTorch, the kernel is not flipped (mathematicians would say cross-correlation).

import { h, s, fill, choice, Moving, frame, renders, BLUE, ORANGE } from "./shared/kit.js";

const SIZE = 12; // the picture is SIZE × SIZE numbers from 0 (paper) to 1 (ink)
const K = 3; // the kernel is K × K

export const KERNELS = {
  identity: [0, 0, 0, 0, 1, 0, 0, 0, 0],
  "box blur": Array(9).fill(1 / 9),
  "Gaussian blur": [1, 2, 1, 2, 4, 2, 1, 2, 1].map((w) => w / 16),
  sharpen: [0, -1, 0, -1, 5, -1, 0, -1, 0],
  outline: [-1, -1, -1, -1, 8, -1, -1, -1, -1],
  "vertical edges": [-1, 0, 1, -2, 0, 2, -1, 0, 1],
  "horizontal edges": [-1, -2, -1, 0, 0, 0, 1, 2, 1],
  "diagonal stroke": [2, -1, -1, -1, 2, -1, -1, -1, 2],
  zero: Array(9).fill(0),
};

/** Side of the output: how often the window fits, floor((size + 2·padding − K) / stride) + 1. */
export function outputSize(size, stride, padding) {
  return Math.floor((size + 2 * padding - K) / stride) + 1;
}

/** Zeros around a square picture (a flat array of size × size). */
export function pad(picture, size, padding) {
  const side = size + 2 * padding;
  return Array.from({ length: side * side }, (_, n) => {
    const [i, j] = [Math.floor(n / side) - padding, (n % side) - padding];
    return i < 0 || j < 0 || i >= size || j >= size ? 0 : picture[i * size + j];
  });
}

/** What one output number is made of: K² products {pixel, weight} at output row `i`, column `j`. */
export function terms(padded, side, kernel, stride, i, j) {
  return kernel.map((weight, n) => ({
    weight,
    pixel: padded[(i * stride + Math.floor(n / K)) * side + j * stride + (n % K)],
  }));
}

export const total = (products) => products.reduce((sum, { pixel, weight }) => sum + pixel * weight, 0);

/** The output map, flat: one sum of products for each place of the window. */
export function convolve(picture, size, kernel, { stride = 1, padding = 0, relu = false } = {}) {
  const padded = pad(picture, size, padding);
  const out = outputSize(size, stride, padding);
  return Array.from({ length: out * out }, (_, n) => {
    const sum = total(terms(padded, size + 2 * padding, kernel, stride, Math.floor(n / out), n % out));
    return relu ? Math.max(0, sum) : sum;
  });
}

// ------------------------------------------------------------------------------------------- the pictures

const draw = (f) => Array.from({ length: SIZE * SIZE }, (_, n) => f(Math.floor(n / SIZE) - 5.5, (n % SIZE) - 5.5));
const soft = (distance) => Math.max(0, Math.min(1, 1 - distance)); // full ink up to 0, none from 1

// Digits on 7 × 10, as hexadecimal rows of a bitmap: seven bits each.
const DIGITS = {
  2: [0x3e, 0x63, 0x03, 0x03, 0x06, 0x0c, 0x18, 0x30, 0x60, 0x7f],
  4: [0x06, 0x0e, 0x1e, 0x36, 0x66, 0x66, 0x7f, 0x7f, 0x06, 0x06],
  7: [0x7f, 0x7f, 0x03, 0x06, 0x06, 0x0c, 0x0c, 0x18, 0x18, 0x18],
};
const digit = (rows) => draw((y, x) => (((rows[y + 4.5] ?? 0) >> (3.5 - x)) & 1 && Math.abs(x) < 4 ? 1 : 0));

export const PICTURES = {
  "digit 2": digit(DIGITS[2]),
  "digit 4": digit(DIGITS[4]),
  "digit 7": digit(DIGITS[7]),
  ring: draw((y, x) => soft(Math.abs(Math.hypot(x, y) - 3.9) - 0.6)),
  square: draw((y, x) => (Math.max(Math.abs(x), Math.abs(y)) < 3.6 ? 1 : 0)),
  cross: draw((y, x) => soft(Math.min(Math.abs(x - y), Math.abs(x + y)) - 0.5)),
  stripes: draw((y, x) => (Math.floor((x + 6) / 2) % 2 ? 1 : 0)),
  ramp: draw((y, x) => (x + 5.5) / 11),
  "one point": draw((y, x) => (y === -0.5 && x === -0.5 ? 1 : 0)),
  empty: draw(() => 0),
};

/** A picture and its edges: what stands in the page until the demo starts. */
export function still() {
  const squares = (values, side, left, colour) => values.map((v, n) => [v, n]).filter(([v]) => v).map(([v, n]) =>
    `<rect x="${left + (n % side)}" y="${Math.floor(n / side)}" width="1" height="1" fill="${colour(v)}" fill-opacity="${Math.min(1, Math.abs(v)).toFixed(2)}"/>`);
  const edges = convolve(PICTURES["digit 2"], SIZE, KERNELS["vertical edges"].map((w) => w / 4), { padding: 1 });
  return frame("0 0 28 12", squares(PICTURES["digit 2"], SIZE, 0, () => "currentColor"),
    squares(edges, SIZE, 16, (v) => (v > 0 ? BLUE : ORANGE)));
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.cv-stage{display:grid;grid-template-columns:1fr 1fr;gap:10px 14px;align-items:start}
.cv-middle{grid-column:1/-1;grid-row:2;display:grid;gap:8px}
.cv strong{display:block;margin:0 0 4px;font-size:1em;font-weight:600}
.cv-map{display:block;width:100%;aspect-ratio:1;border:1px solid var(--edge);cursor:crosshair}
.cv-map.in{touch-action:none}
.cv-map rect{fill:currentColor;stroke:var(--faint);stroke-width:.03}
.cv-map .pos{fill:var(--pos)}.cv-map .neg{fill:var(--neg)}
.cv-map .pad{fill:none;stroke:var(--edge);stroke-dasharray:.1}
.cv-map .window{fill:none;stroke:var(--hot);stroke-width:.22;transition:transform .18s}
.cv-map .pen{fill:none;stroke:var(--pos);stroke-width:.14;visibility:hidden}
.cv-map:focus-visible .pen{visibility:visible}
.cv .cv-kernel+label{margin-top:6px}
.cv-kernel{display:grid;grid-template-columns:repeat(3,1fr);gap:3px;max-width:198px}
.cv .cv-kernel button{min-height:44px;padding:0;font-variant-numeric:tabular-nums}
.cv .cv-kernel button[aria-pressed=true]{border:2px solid currentColor;font-weight:700}
.cv-middle label{display:grid;grid-template-columns:auto 1fr 3.4em;gap:8px;align-items:center;margin:0}
.cv-middle input{min-width:0}
.cv-sum{display:grid;grid-template-columns:repeat(3,auto);gap:2px 10px;justify-content:start;font-variant-numeric:tabular-nums}
.cv-sum .zero{opacity:.8}.cv-sum b{grid-column:1/-1;font-weight:600}
.cv p{margin:8px 0 0}
@container (min-width:420px){.cv-middle{grid-template-columns:198px 1fr;align-items:start}}
@media (prefers-reduced-motion:reduce){.cv-map .window{transition:none}}`;

const short = (v) => `${+v.toFixed(2)}`.replace("-", "−");
const button = (text, title, onclick, cls) => h("button", { type: "button", title, onclick, class: cls }, text);

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** The place next to [i, j] where an arrow key leads, on a square of `side` places. */
const moved = (place, arrow, side) => place.map((k, axis) => Math.min(side - 1, Math.max(0, k + arrow[axis])));

class Filter extends Moving {
  constructor(trait, root) {
    super();
    this.picture = [...(trait("image", null) ?? PICTURES[trait("picture", "digit 2")])];
    this.kernel = [...(trait("kernel", null) ?? KERNELS["vertical edges"])];
    this.stride = trait("stride", 1);
    this.padding = trait("padding", 0);
    this.relu = trait("relu", false);
    this.chosen = 4;
    this.place = 0;
    this.pen = [5, 5];
    this.build(root);
    this.draw();
  }

  build(root) {
    this.play = button("Play", "slide the window", () => this.toggle(), "kit-main");
    const lift = () => (this.ink = undefined);
    this.input = s("svg", { class: "cv-map in", tabindex: 0, role: "application",
      onpointerdown: (event) => this.startStroke(event), onpointermove: (event) => this.ink !== undefined && this.paint(this.pixelAt(event)),
      onpointerup: lift, onpointercancel: lift, onkeydown: (event) => this.typeOnPicture(event) });
    this.output = s("svg", { class: "cv-map out", tabindex: 0, role: "application", onpointerdown: (event) => this.point(event),
      onpointermove: (event) => this.point(event), onkeydown: (event) => this.typeOnOutput(event) });
    this.sum = h("div", { class: "cv-sum", role: "group", "aria-label": "The sum of products at the window" });
    this.note = h("p");
    root.append(
      h("div", { class: "kit-row" }, ...this.choices()),
      h("div", { class: "kit-row" }, this.play, button("Step", "move the window one place on", () => this.step()),
        button("Clear", "an empty picture to draw on", () => this.load(PICTURES.empty))),
      h("div", { class: "cv-stage" }, h("div", {}, h("strong", {}, "Picture: draw on it"), this.input), this.middle(),
        h("div", {}, h("strong", {}, "Output: point at a number"), this.output)),
      this.note,
    );
  }

  choices() {
    const tick = h("input", { type: "checkbox", onchange: () => ((this.relu = tick.checked), this.draw()) });
    tick.checked = this.relu;
    return [
      choice("Picture", Object.keys(PICTURES), "digit 2", (v) => this.load(PICTURES[v])),
      choice("Kernel", Object.keys(KERNELS), "vertical edges", (v) => ((this.kernel = [...KERNELS[v]]), this.draw())),
      choice("Stride", [1, 2, 3], this.stride, (v) => ((this.stride = +v), this.draw())),
      choice("Padding", [0, 1, 2], this.padding, (v) => ((this.padding = +v), this.draw())),
      h("label", { class: "kit-tick" }, tick, "ReLU"),
    ];
  }

  middle() {
    this.weights = this.kernel.map((_, n) => h("button", { type: "button",
      onclick: () => ((this.chosen = n), this.draw()), onkeydown: (event) => this.nudge(event, n) }));
    this.slider = h("input", { type: "range", min: -8, max: 8, step: 0.25, oninput: () => this.setWeight(+this.slider.value) });
    this.value = h("output");
    return h("div", { class: "cv-middle" },
      h("div", {}, h("strong", {}, "Kernel: click a weight"), h("div", { class: "cv-kernel", role: "group", "aria-label": "Kernel weights" }, ...this.weights),
        h("label", {}, "Weight", this.slider, this.value)),
      h("div", {}, h("strong", {}, "pixel × weight, summed"), this.sum));
  }

  // ------------------------------------------------------------------------------------------- reacting

  cellAt(event, svg, side) {
    const box = svg.getBoundingClientRect();
    return [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width].map((t) => Math.floor(t * side));
  }

  pixelAt(event) {
    return this.cellAt(event, this.input, this.side).map((k) => k - this.padding);
  }

  startStroke(event) {
    const [i, j] = this.pixelAt(event);
    this.input.setPointerCapture(event.pointerId);
    this.ink = this.picture[i * SIZE + j] > 0.5 ? 0 : 1; // starting on ink rubs out
    this.paint([i, j]);
  }

  paint([i, j]) {
    if (i < 0 || j < 0 || i >= SIZE || j >= SIZE) return;
    this.pen = [i, j];
    this.picture[i * SIZE + j] = this.ink;
    this.draw();
  }

  typeOnPicture(event) {
    const n = this.pen[0] * SIZE + this.pen[1];
    if (ARROWS[event.key]) this.pen = moved(this.pen, ARROWS[event.key], SIZE);
    else if (event.key === " " || event.key === "Enter") this.picture[n] = this.picture[n] > 0.5 ? 0 : 1;
    else return;
    event.preventDefault();
    this.draw();
  }

  /** Row and column of the window in the output. */
  get window() {
    return [Math.floor(this.place / this.out), this.place % this.out];
  }

  slideTo([i, j]) {
    this.pause();
    this.place = i * this.out + j;
    this.draw();
  }

  point(event) {
    const [i, j] = this.cellAt(event, this.output, this.out);
    if (i < 0 || j < 0 || i >= this.out || j >= this.out || i * this.out + j === this.place) return;
    this.slideTo([i, j]);
  }

  typeOnOutput(event) {
    if (!ARROWS[event.key]) return;
    event.preventDefault();
    this.slideTo(moved(this.window, ARROWS[event.key], this.out));
  }

  load(picture) {
    this.picture = [...picture];
    this.draw();
  }

  setWeight(value) {
    this.kernel[this.chosen] = value;
    this.draw();
  }

  nudge(event, n) {
    const by = { ArrowUp: 0.25, ArrowDown: -0.25 }[event.key];
    if (!by) return;
    event.preventDefault();
    this.chosen = n;
    this.setWeight(this.kernel[n] + by);
  }

  step() {
    this.pause();
    this.advance();
  }

  advance() {
    this.place = (this.place + 1) % (this.out * this.out);
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    this.animate(() => this.advance(), 300, 900);
  }

  // -------------------------------------------------------------------------------------------- drawing

  draw() {
    const { stride, padding, relu } = this;
    this.side = SIZE + 2 * padding;
    this.out = outputSize(SIZE, stride, padding);
    this.place = Math.min(this.place, this.out * this.out - 1);
    this.values = convolve(this.picture, SIZE, this.kernel, { stride, padding, relu });
    this.drawInput();
    this.drawOutput();
    this.drawKernel();
    this.drawSum();
  }

  drawInput() {
    const padded = pad(this.picture, SIZE, this.padding);
    const inside = (n) => [Math.floor(n / this.side), n % this.side].every((k) => k >= this.padding && k < SIZE + this.padding);
    this.lay(this.input, this.side, padded, (v, n) => (inside(n) ? { "fill-opacity": v } : { class: "pad" }));
    this.frame(this.input, "window", ...this.window.map((k) => k * this.stride), K);
    this.frame(this.input, "pen", this.pen[0] + this.padding, this.pen[1] + this.padding, 1);
    this.input.setAttribute("aria-label", `Picture, ${SIZE} by ${SIZE}. Arrow keys move the pen, space paints. Pen at row ${this.pen[0] + 1}, column ${this.pen[1] + 1}.`);
  }

  drawOutput() {
    const most = this.values.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-9);
    this.lay(this.output, this.out, this.values, (v) => ({ class: v > 0 ? "pos" : "neg", "fill-opacity": Math.abs(v) / most }));
    this.frame(this.output, "window", ...this.window, 1);
    this.output.setAttribute("aria-label", `Output, ${this.out} by ${this.out}. Arrow keys move the window. Value here ${short(this.values[this.place])}.`);
    this.note.textContent = `Picture ${SIZE} × ${SIZE}, output ${this.out} × ${this.out}: floor((${SIZE} + 2 · ${this.padding} − ${K}) / ${this.stride}) + 1 = ${this.out}. `
      + `Blue numbers are positive, orange ones negative; the strongest is ${short(most)}. Nine weights serve all ${this.out * this.out} places.`;
  }

  /** One square for each value; squares are made anew only when their number changes. */
  lay(svg, side, values, look) {
    if (svg.dataset.side !== `${side}`) {
      svg.dataset.side = side;
      svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
      svg.replaceChildren(...values.map((_, n) => s("rect", { x: n % side, y: Math.floor(n / side), width: 1, height: 1 })));
    }
    values.forEach((v, n) => {
      for (const name of ["class", "fill-opacity"]) svg.children[n].removeAttribute(name);
      fill(svg.children[n], look(v, n));
    });
  }

  frame(svg, name, i, j, size) {
    const old = svg.querySelector(`.${name}`) ?? svg.appendChild(s("rect", { class: name }));
    fill(old, { width: size, height: size, style: `transform:translate(${j}px,${i}px)` });
  }

  drawKernel() {
    const most = Math.max(1, ...this.kernel.map(Math.abs));
    this.weights.forEach((cell, n) => {
      const weight = this.kernel[n];
      cell.textContent = short(weight);
      cell.setAttribute("aria-pressed", `${n === this.chosen}`);
      cell.setAttribute("aria-label", `Weight row ${Math.floor(n / K) + 1}, column ${(n % K) + 1}: ${short(weight)}`);
      cell.style.background = `color-mix(in srgb, var(--${weight > 0 ? "pos" : "neg"}) ${Math.round((45 * Math.abs(weight)) / most)}%, var(--paper))`;
    });
    this.slider.value = this.kernel[this.chosen];
    this.value.textContent = short(this.kernel[this.chosen]);
  }

  drawSum() {
    const [i, j] = this.window;
    const products = terms(pad(this.picture, SIZE, this.padding), this.side, this.kernel, this.stride, i, j);
    const sum = total(products);
    this.sum.replaceChildren(
      ...products.map(({ pixel, weight }) => h("span", { class: pixel * weight === 0 ? "zero" : null }, `${short(pixel)} × ${weight < 0 ? `(${short(weight)})` : short(weight)}`)),
      h("b", {}, `sum = ${short(sum)}${this.relu ? `, ReLU: max(0, ${short(sum)}) = ${short(Math.max(0, sum))}` : ""}`),
      h("span", { style: "grid-column:1/-1" }, `goes to row ${i + 1}, column ${j + 1} of the output`),
    );
  }
}

const render = renders("cv", "Play with a filter", STYLE, (trait, root) => new Filter(trait, root));

export default { render };
