// Pictures one pixel at a time, and how to take fewer steps.
// Left: what a pixel can see through masked convolutions, the blind spot of PixelCNN (1601.06759), and how two stacks
// (gated PixelCNN, 1606.05328) remove it. Right: the same picture filled pixel by pixel and by growing scales (1703.03664).

import { h, s, choice, Moving, frame, renders, BLUE, ORANGE, PINK, counted } from "./shared/kit.js";

const SIDE = 15; // of the grid on which the receptive field is shown

const grid = (side, f) => Array.from({ length: side * side }, (_, n) => f(Math.floor(n / side), n % side));
const empty = (side) => grid(side, () => false);

/** Every place that a layer looks at from the places `from`; `sees(di, dj)` says which offsets its mask lets through. */
function spread(from, side, radius, sees) {
  const seen = empty(side);
  from.forEach((on, n) => {
    if (!on) return;
    for (let di = -radius; di <= radius; di++) {
      for (let dj = -radius; dj <= radius; dj++) {
        const [i, j] = [Math.floor(n / side) + di, (n % side) + dj];
        if (sees(di, dj) && i >= 0 && j >= 0 && i < side && j < side) seen[i * side + j] = true;
      }
    }
  });
  return seen;
}

const either = (a, b) => a.map((on, n) => on || b[n]);

/** One stack: the first layer's mask (A) hides the pixel itself, the later ones' (B) show it. */
function seenByOne(start, side, layers, radius) {
  const before = (di, dj) => di < 0 || (di === 0 && dj < 0);
  let places = start;
  for (let layer = layers; layer > 1; layer--) places = spread(places, side, radius, (di, dj) => before(di, dj) || (di === 0 && dj === 0));
  return spread(places, side, radius, before);
}

/** Two stacks: the vertical one sees whole rows, the horizontal one its own row and, a row up, the vertical one. */
function seenByTwo(start, side, layers, radius) {
  let [across, down] = [start, empty(side)];
  for (let layer = layers; layer > 0; layer--) {
    down = either(down, spread(across, side, 1, (di, dj) => di === -1 && dj === 0)); // a shift, so that no row sees itself
    across = spread(across, side, radius, (di, dj) => di === 0 && (layer > 1 ? dj <= 0 : dj < 0));
    down = spread(down, side, radius, (di) => di <= 0);
  }
  return either(across, down);
}

/** Which pixels the output at [row, column] depends on, a flat array of side × side booleans. */
export function receptiveField({ stacks, kernel, layers, side = SIDE, pixel: [row, column] }) {
  const start = grid(side, (i, j) => i === row && j === column);
  return (stacks === 1 ? seenByOne : seenByTwo)(start, side, layers, (kernel - 1) / 2);
}

/** "self", "later", "seen", "blind" (earlier, in reach, unseen) or "far" (out of reach) for every pixel. */
export function classify({ side = SIDE, ...net }) {
  const [row, column] = net.pixel;
  const seen = receptiveField({ side, ...net });
  const reach = (net.layers * (net.kernel - 1)) / 2;
  return grid(side, (i, j) => {
    if (i === row && j === column) return "self";
    if (seen[i * side + j]) return "seen";
    if (i > row || (i === row && j > column)) return "later";
    return row - i <= reach && Math.abs(column - j) <= reach ? "blind" : "far";
  });
}

/** At which call of the network each pixel is made, one after another, row by row: 0, 1, 2, … */
export function rasterOrder(side) {
  return grid(side, (i, j) => i * side + j);
}

/**
 * The same for growing scales: a coarse picture of base × base pixels one by one; then, each time the side doubles, the old
 * pixels are the upper left ones, and all upper right, all lower left and all lower right ones follow in one call each.
 */
export function multiscaleOrder(side, base) {
  if (side === base) return rasterOrder(side);
  const coarse = multiscaleOrder(side / 2, base);
  const calls = Math.max(...coarse) + 1;
  return grid(side, (i, j) => {
    const group = 2 * (i % 2) + (j % 2);
    return group ? calls + group - 1 : coarse[Math.floor(i / 2) * (side / 2) + Math.floor(j / 2)];
  });
}

/** A landscape under a sun, as red, green and blue: something whose parts can be told apart while it is unfinished. */
export function landscape(u, v) {
  if (Math.hypot(u - 0.7, v - 0.26) < 0.15) return [255, 205, 70];
  if (v > 0.8 + 0.05 * Math.sin(9 * u)) return [40, 110 + 25 * Math.sin(40 * v), 160];
  if (v > 0.42 + 0.22 * Math.abs(Math.sin(4.2 * u + 0.6))) return [70, 140 - 60 * v, 75];
  return [120 + 110 * v, 170 + 40 * v, 225];
}

/** The blind spot: what stands in the page until the demo starts. */
export function still() {
  const colours = { self: PINK, seen: BLUE, blind: ORANGE };
  const squares = classify({ stacks: 1, kernel: 3, layers: 4, pixel: [9, 7] }).map((name, n) =>
    `<rect x="${n % SIDE}" y="${Math.floor(n / SIDE)}" width="1" height="1" fill="${colours[name] ?? "none"}" stroke="currentColor" stroke-opacity=".3" stroke-width=".03"/>`);
  return frame("-8 0 31 15", squares);
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.ar strong{display:block;margin:0 0 8px;font-size:1em;font-weight:600}
.ar-parts{display:grid;gap:22px}
.ar svg{display:block;width:100%;border:1px solid var(--edge)}
.ar-field{cursor:crosshair;max-width:380px;margin:0 auto;touch-action:none}
.ar-field rect{stroke:var(--faint);stroke-width:.03;fill:none}
.ar-field .seen{fill:var(--pos)}.ar-field .self{fill:var(--hot)}
.ar-field .blind{fill:var(--neg)}.ar-field .far{fill:var(--faint)}
.ar-field path{stroke:currentColor;stroke-width:.06;fill:none}.ar-field path.no{stroke:var(--edge)}
.ar .kit-keys i{border:1px solid var(--edge);border-radius:0}
.ar-pair{display:grid;grid-template-columns:1fr 1fr;gap:12px}
.ar-pair svg{background:var(--faint);shape-rendering:crispEdges}.ar-pair rect.new{stroke:var(--hot);stroke-width:.14}
.ar-pair figure{margin:0}.ar-pair figcaption{padding:0;color:inherit;font-size:inherit;text-align:left;margin:4px 0 0;font-variant-numeric:tabular-nums}
@container (min-width:560px){.ar-parts{grid-template-columns:1fr 1fr}.ar-pair{grid-template-columns:1fr}
 .ar-pair figure{display:grid;grid-template-columns:1.8fr 1fr;gap:8px;align-items:start}}`;

class Field {
  constructor(trait) {
    this.net = { stacks: trait("stacks", 1), kernel: trait("kernel", 3), layers: trait("layers", 4), pixel: trait("pixel", [9, 7]) };
    this.svg = s("svg", { class: "ar-field", viewBox: `0 0 ${SIDE} ${SIDE}`, tabindex: 0, role: "application" });
    this.squares = grid(SIDE, (i, j) => s("rect", { x: j, y: i, width: 1, height: 1 }));
    this.crosses = s("path");
    this.slashes = s("path", { class: "no" });
    this.svg.append(...this.squares, this.crosses, this.slashes);
    this.text = h("p", { "aria-live": "polite" });
    this.listen();
  }

  nodes() {
    const key = (colour, text) => h("span", {}, h("i", { style: `background:${colour}` }), text);
    this.layers = h("input", { type: "range", min: 1, max: 7, value: this.net.layers, oninput: () => this.set({ layers: +this.layers.value }) });
    this.count = h("span");
    const stacks = ["one stack", "two stacks"];
    const part = h("div", {}, h("strong", {}, "What a pixel sees"), h("div", { class: "kit-row" },
      choice("Network", stacks, stacks[this.net.stacks - 1], (v) => this.set({ stacks: 1 + stacks.indexOf(v) })),
      choice("Kernel", [3, 5, 7], this.net.kernel, (v) => this.set({ kernel: +v })),
      h("label", { class: "kit-wide" }, this.count, this.layers)), this.svg,
    h("div", { class: "kit-keys" }, key("var(--hot)", "the pixel to be made"), key("var(--pos)", "seen"),
      key("var(--neg)", "blind spot (×)"), key("var(--faint)", "out of reach"), key("none", "later (/)")), this.text);
    this.set({});
    return part;
  }

  listen() {
    const point = (event) => event.buttons && this.set({ pixel: this.pixelAt(event) });
    for (const kind of ["pointerdown", "pointermove"]) this.svg.addEventListener(kind, point);
    this.svg.addEventListener("keydown", (event) => {
      const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!by) return;
      event.preventDefault();
      this.set({ pixel: this.net.pixel.map((v, k) => Math.min(SIDE - 1, Math.max(0, v + by[k]))) });
    });
  }

  pixelAt(event) {
    const box = this.svg.getBoundingClientRect();
    const parts = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    return parts.map((t) => Math.min(SIDE - 1, Math.max(0, Math.floor(t * SIDE))));
  }

  set(change) {
    Object.assign(this.net, change);
    const classes = classify(this.net);
    this.squares.forEach((square, n) => square.setAttribute("class", classes[n]));
    const places = (name) => classes.flatMap((c, n) => (c === name ? [[n % SIDE, Math.floor(n / SIDE)]] : []));
    this.crosses.setAttribute("d", places("blind").map(([x, y]) => `M${x + 0.3} ${y + 0.3}l.4 .4m0 -.4l-.4 .4`).join(""));
    this.slashes.setAttribute("d", places("later").map(([x, y]) => `M${x + 0.35} ${y + 0.65}l.3 -.3`).join(""));
    const [seen, blind] = ["seen", "blind"].map((name) => places(name).length);
    const [row, column] = this.net.pixel;
    this.count.textContent = `Layers: ${this.net.layers}`;
    this.text.textContent = `${counted(seen, "pixel")} seen, ${blind} in the blind spot${blind ? ": earlier and in reach, yet no path of masked kernels leads there" : ""}.`;
    this.svg.setAttribute("aria-label", `Receptive field of row ${row + 1}, column ${column + 1}: ${seen} seen, ${blind} blind. Arrow keys move the pixel.`);
  }
}

class Filling extends Moving {
  constructor(trait) {
    super();
    this.side = trait("side", 16);
    this.base = trait("base", 1);
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
  }

  nodes() {
    this.panes = [this.pane("One pixel a call"), this.pane("Growing scales")];
    const part = h("div", {}, h("strong", {}, "The same picture, in two orders"), h("div", { class: "kit-row" },
      choice("Side", [8, 16, 32], this.side, (v) => this.restart({ side: +v })),
      choice("Coarsest", [1, 2, 4], this.base, (v) => this.restart({ base: +v })), this.play,
      h("button", { type: "button", onclick: () => this.step() }, "Step")),
    h("div", { class: "ar-pair" }, ...this.panes.map(({ node }) => node)),
    h("p", {}, "One step is one call of the network in both. Pixels of one call are drawn without seeing each other: that is the price."));
    this.restart({});
    return part;
  }

  pane(title) {
    const svg = s("svg", { role: "img", "aria-label": title });
    const text = h("figcaption");
    return { node: h("figure", {}, svg, text), svg, text, title };
  }

  restart(change) {
    this.pause();
    Object.assign(this, change);
    this.call = 0;
    this.panes[0].order = rasterOrder(this.side);
    this.panes[1].order = multiscaleOrder(this.side, this.base);
    for (const pane of this.panes) {
      pane.calls = Math.max(...pane.order) + 1;
      pane.svg.setAttribute("viewBox", `0 0 ${this.side} ${this.side}`);
      pane.squares = grid(this.side, (i, j) => s("rect", { x: j, y: i, width: 1, height: 1,
        fill: `rgb(${landscape((j + 0.5) / this.side, (i + 0.5) / this.side).map(Math.round)})` }));
      pane.svg.replaceChildren(...pane.squares);
    }
    this.draw();
  }

  get calls() {
    return this.panes[0].calls;
  }

  step() {
    this.pause();
    if (this.call === this.calls) this.call = 0;
    this.advance(1);
  }

  advance(by) {
    this.call = Math.min(this.calls, this.call + by);
    if (this.call === this.calls) this.pause();
    this.draw();
  }

  /** Slowly while both work; faster once only the pixel-by-pixel order is left. */
  tick(calm) {
    const both = this.call < this.panes[1].calls;
    this.ticks = (this.ticks ?? 0) + 1;
    if (calm) this.advance(both ? 2 : this.calls / 8);
    else if (!both || this.ticks % 9 === 0) this.advance(!both && this.side > 16 ? 4 : 1);
  }

  toggle() {
    if (this.timer) return this.pause();
    if (this.call === this.calls) this.call = 0;
    this.animate((calm) => this.tick(calm), 40, 800);
  }

  draw() {
    for (const { order, squares, text, title, calls } of this.panes) {
      const made = order.filter((n) => n < this.call).length;
      squares.forEach((square, n) => {
        square.style.visibility = order[n] < this.call ? "" : "hidden";
        square.setAttribute("class", order[n] === this.call - 1 ? "new" : "");
      });
      text.textContent = `${title}: ${Math.min(this.call, calls)} of ${calls} calls, ${made} of ${order.length} pixels`;
    }
  }
}

const render = renders("ar", "Pictures one pixel at a time", STYLE, (trait, root) => {
  const [field, filling] = [new Field(trait), new Filling(trait)];
  root.append(h("div", { class: "ar-parts" }, field.nodes(), filling.nodes()));
  return filling;
});

export default { render };
