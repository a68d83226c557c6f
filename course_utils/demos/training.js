// Six optimisers race downhill on a surface that you choose, from a start that you choose.
// Below: the badness at every step, and the badness at the end for every learning rate (too low, good, too high).
// The update rules are those of torch.optim, written for one weight at a time.

import { h, s, Moving, frame, renders, BLUE, ORANGE, PINK } from "./shared/kit.js";

const STEPS = 200;

// Every surface has its height f, its gradient, the lowest height and where, the window [left, right, bottom, top] and a start.
export const SURFACES = {
  Beale: {
    f: (x, y) => (1.5 - x + x * y) ** 2 + (2.25 - x + x * y ** 2) ** 2 + (2.625 - x + x * y ** 3) ** 2,
    gradient(x, y) {
      const [a, b, c] = [1.5 - x + x * y, 2.25 - x + x * y ** 2, 2.625 - x + x * y ** 3];
      return [2 * (a * (y - 1) + b * (y ** 2 - 1) + c * (y ** 3 - 1)), 2 * x * (a + 2 * b * y + 3 * c * y ** 2)];
    },
    lowest: 0, minima: [[3, 0.5]], box: [-1.5, 4.5, -3, 3], start: [1, 1.5],
    rates: { SGD: 0.01, Momentum: 0.005, Nesterov: 0.005, AdaGrad: 0.5, RMSProp: 0.05, Adam: 0.15 },
  },
  "long valley": {
    f: (x, y) => 0.01 * x ** 2 + y ** 2,
    gradient: (x, y) => [0.02 * x, 2 * y],
    lowest: 0, minima: [[0, 0]], box: [-10, 4, -7, 7], start: [-9, 5],
    rates: { SGD: 0.95, Momentum: 0.2, Nesterov: 0.2, AdaGrad: 2, RMSProp: 0.1, Adam: 0.4 },
  },
  "bent valley": {
    f: (x, y) => (1 - x) ** 2 + 5 * (y - x ** 2) ** 2,
    gradient: (x, y) => [-2 * (1 - x) - 20 * x * (y - x ** 2), 10 * (y - x ** 2)],
    lowest: 0, minima: [[1, 1]], box: [-2, 2, -1, 3], start: [-1.6, 0.6],
    rates: { SGD: 0.02, Momentum: 0.01, Nesterov: 0.01, AdaGrad: 0.6, RMSProp: 0.05, Adam: 0.15 },
  },
  saddle: {
    f: (x, y) => x ** 2 - y ** 2 + y ** 4 / 4,
    gradient: (x, y) => [2 * x, -2 * y + y ** 3],
    lowest: -1, minima: [[0, Math.SQRT2], [0, -Math.SQRT2]], box: [-2.2, 2.2, -2.2, 2.2], start: [1.8, 0.01],
    rates: { SGD: 0.03, Momentum: 0.03, Nesterov: 0.03, AdaGrad: 0.1, RMSProp: 0.02, Adam: 0.05 },
  },
};

// A rule takes the gradient g, its own memory m (starts empty), the learning rate and the step (from 1): what to subtract.
export const RULES = {
  SGD: (g, m, rate) => rate * g,
  Momentum(g, m, rate) {
    m.v = 0.9 * (m.v ?? 0) + g;
    return rate * m.v;
  },
  Nesterov(g, m, rate) {
    m.v = 0.9 * (m.v ?? 0) + g;
    return rate * (g + 0.9 * m.v);
  },
  AdaGrad(g, m, rate) {
    m.squares = (m.squares ?? 0) + g * g;
    return (rate * g) / (Math.sqrt(m.squares) + 1e-10);
  },
  RMSProp(g, m, rate) {
    m.squares = 0.99 * (m.squares ?? 0) + 0.01 * g * g;
    return (rate * g) / (Math.sqrt(m.squares) + 1e-8);
  },
  Adam(g, m, rate, step) {
    m.mean = 0.9 * (m.mean ?? 0) + 0.1 * g;
    m.squares = 0.999 * (m.squares ?? 0) + 0.001 * g * g;
    return (rate * (m.mean / (1 - 0.9 ** step))) / (Math.sqrt(m.squares / (1 - 0.999 ** step)) + 1e-8);
  },
};

/** The places [x, y] that a rule visits, the start first. It ends early if it runs away. */
export function descend(surface, rule, rate, start, steps = STEPS) {
  const memory = [{}, {}];
  const path = [start];
  for (let step = 1; step <= steps && path.at(-1).every((v) => Math.abs(v) < 1e3); step++) {
    const place = path.at(-1);
    const gradient = SURFACES[surface].gradient(...place);
    path.push(place.map((v, k) => v - RULES[rule](gradient[k], memory[k], rate, step)));
  }
  return path;
}

/** Badness above the lowest at the end of a descent, for every learning rate. */
export function sweep(surface, rule, rates, start) {
  return rates.map((rate) => {
    const path = descend(surface, rule, rate, start);
    return path.length <= STEPS ? Infinity : above(surface, path.at(-1));
  });
}

const above = (surface, place) => Math.max(0, SURFACES[surface].f(...place) - SURFACES[surface].lowest);

/** Six ways down Beale's surface: what stands in the page until the demo starts. */
export function still() {
  const { start, rates } = SURFACES.Beale;
  const path = (rule) => descend("Beale", rule, rates[rule], start).map(([x, y]) => `${x.toFixed(3)},${(-y).toFixed(3)}`).join(" ");
  const lines = Object.keys(RULES).map((rule) => `<polyline points="${path(rule)}" fill="none" stroke="${LOOKS[rule][1]}" stroke-width=".03"/>`);
  return frame("-1.5 -2 6 4.2", `${lines.join("")}<path d="M2.9 -.6l.2 .2m0 -.2l-.2 .2" stroke="currentColor" stroke-width=".04"/>`);
}

// ---------------------------------------------------------------------------------------------- the page

// Colours that keep apart for the colour-blind and on both themes; each also has a letter.
const LOOKS = {
  SGD: ["S", PINK], Momentum: ["M", ORANGE], Nesterov: ["N", "#a8790a"],
  AdaGrad: ["G", "#0d8a68"], RMSProp: ["R", BLUE], Adam: ["A", "#7c55c0"],
};
const RATES = Array.from({ length: 41 }, (_, n) => 10 ** (-4 + n / 8)); // 0.0001 to 10
const [FLOOR, CEILING] = [-8, 4]; // powers of ten on the axes of badness
const PIXELS = 200;

const STYLE = `
.tr .kit-row label.tr-step{flex:1 1 160px;min-width:0}
.tr-stage{display:grid;gap:12px 18px}
.tr-map{position:relative;aspect-ratio:1;width:100%;max-width:380px;margin:0 auto;border:1px solid var(--edge);overflow:hidden;cursor:crosshair;touch-action:none}
.tr-map :is(canvas,svg){position:absolute;inset:0;width:100%;height:100%}
.tr path{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round;stroke-linecap:round}
.tr-map .halo{stroke:var(--paper);stroke-width:4.5}
.tr-map .trail{stroke-width:2}
.tr-map text{font:700 3.4px sans-serif;fill:#fff;text-anchor:middle;dominant-baseline:central}
.tr-map circle{stroke:var(--paper);stroke-width:.5}
.tr-map .low{stroke:currentColor;stroke-width:2.5}
.tr-map .aim{fill:none;stroke:currentColor;stroke-width:.6}
.tr-list{display:grid;gap:3px;align-content:start}
.tr-one{display:grid;grid-template-columns:116px minmax(0,1fr) 46px 50px;gap:6px;align-items:center}
.tr-one label{display:flex;gap:6px;align-items:center;margin:0;min-height:32px}
.tr-one input[type=checkbox]{flex:none;width:18px;height:18px;margin:0}
.tr-one b{color:#fff;border-radius:50%;width:18px;height:18px;font-size:11px;display:grid;place-items:center}
.tr-one span{font-variant-numeric:tabular-nums;text-align:right;white-space:nowrap}
.tr-head{font-size:.8125rem}
.tr-plots{display:grid;gap:14px 18px;margin-top:12px}
.tr-plots figure{margin:0}.tr-plots figcaption{padding:0;color:inherit;font-size:inherit;margin:0 0 2px;text-align:left}
.tr-plots svg{display:block;width:100%;height:150px;border:solid var(--edge);border-width:0 0 1px 1px;overflow:hidden}
.tr-plots path{stroke-width:1.8}.tr-plots .grid{stroke:var(--faint);stroke-width:1}.tr-plots .dot{stroke-width:9}
.tr-axis{display:flex;justify-content:space-between;font-size:.8125rem}
@container (min-width:560px){.tr-stage,.tr-plots{grid-template-columns:1fr 1fr;align-items:start}}`;

const brief = (v) => (Number.isFinite(v) ? (v >= 0.001 && v < 1e4 ? `${+v.toPrecision(2)}` : v.toExponential(0).replace("-", "−")) : "ran away");
const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
const line = (points) => points.map(([x, y], n) => `${n ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");

/** Height on a plot, 0 (top) to 100, of a badness on the logarithmic axis. */
const level = (badness) => (100 * (CEILING - clamp(Math.log10(Math.max(badness, 1e-12)), FLOOR, CEILING))) / (CEILING - FLOOR);
const GRIDLINES = [-6, -4, -2, 0, 2].map((power) => `M0 ${level(10 ** power)}H100`).join("");

class Race extends Moving {
  constructor(trait, root) {
    super();
    this.surface = trait("surface", "Beale");
    this.running = new Set(trait("optimizers", Object.keys(RULES)));
    this.step = 0;
    this.plots = {};
    this.build(root);
    this.choose(this.surface);
  }

  build(root) {
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
    this.slider = h("input", { type: "range", min: 0, max: STEPS, oninput: () => this.seek(+this.slider.value) });
    this.count = h("span");
    const pick = h("select", { onchange: () => this.choose(pick.value) }, ...Object.keys(SURFACES).map((name) => h("option", {}, name)));
    pick.value = this.surface;
    root.append(
      h("div", { class: "kit-row" }, h("label", {}, "Surface", pick), this.play,
        h("label", { class: "tr-step" }, this.count, this.slider)),
      h("div", { class: "tr-stage" }, this.map(), this.list()),
      h("div", { class: "tr-plots" }, this.plot("run", "Badness at every step", "step 0", `step ${STEPS}`),
        this.plot("sweep", `Badness after ${STEPS} steps, for every learning rate`, "rate 0.0001", "rate 10")),
    );
  }

  map() {
    this.canvas = h("canvas", { width: PIXELS, height: PIXELS, "aria-hidden": "true" });
    this.trails = s("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" });
    const map = h("div", { class: "tr-map", tabindex: 0, role: "application",
      "aria-label": "The surface from above. Click, or press the arrow keys, to move the start." }, this.canvas, this.trails);
    const move = (event) => event.buttons && this.aim(event, map);
    map.addEventListener("pointerdown", move);
    map.addEventListener("pointermove", move);
    map.addEventListener("keydown", (event) => this.nudge(event));
    return map;
  }

  list() {
    this.rows = Object.fromEntries(Object.keys(RULES).map((name) => [name, this.row(name)]));
    const head = h("div", { class: "tr-one tr-head" }, h("span", { style: "text-align:left" }, "optimiser"),
      h("span", { style: "text-align:left" }, "learning rate"), h("span"), h("span", {}, "badness"));
    return h("div", { class: "tr-list" }, head, ...Object.values(this.rows).map(({ node }) => node),
      h("div", {}, "The stronger the grey, the lower; × marks the lowest. Click the surface to start elsewhere."));
  }

  row(name) {
    const [letter, colour] = LOOKS[name];
    const tick = h("input", { type: "checkbox", onchange: () => (this.running[tick.checked ? "add" : "delete"](name), this.draw()) });
    tick.checked = this.running.has(name);
    const range = h("input", { type: "range", min: -4, max: 1, step: 0.05, "aria-label": `Learning rate of ${name}`,
      oninput: () => ((this.rates[name] = 10 ** range.value), this.run(), this.draw()) });
    const [rate, badness] = [h("span"), h("span")];
    const node = h("div", { class: "tr-one" },
      h("label", {}, tick, h("b", { style: `background:${colour}`, "aria-hidden": "true" }, letter), name), range, rate, badness);
    return { node, range, rate, badness };
  }

  plot(name, caption, left, right) {
    this.plots[name] = s("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": `${caption}; both from 10⁻⁸ to 10⁴ upwards` });
    return h("figure", {}, h("figcaption", {}, caption), this.plots[name],
      h("div", { class: "tr-axis" }, h("span", {}, left), h("span", {}, "up: 10⁻⁸ to 10⁴"), h("span", {}, right)));
  }

  // ------------------------------------------------------------------------------------------- reacting

  choose(name) {
    this.surface = name;
    this.rates = { ...SURFACES[name].rates };
    this.drawSurface();
    this.restart(SURFACES[name].start);
  }

  restart(start) {
    this.start = start;
    this.step = Math.min(this.step || STEPS, STEPS);
    this.run();
    this.sweeps = Object.fromEntries(Object.keys(RULES).map((rule) => [rule, sweep(this.surface, rule, RATES, start)]));
    this.draw();
  }

  run() {
    this.paths = Object.fromEntries(Object.keys(RULES).map((rule) => [rule, descend(this.surface, rule, this.rates[rule], this.start)]));
  }

  aim(event, map) {
    const [left, right, bottom, top] = SURFACES[this.surface].box;
    const box = map.getBoundingClientRect();
    const [u, v] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((t) => clamp(t, 0, 1));
    this.restart([left + u * (right - left), top - v * (top - bottom)]);
  }

  nudge(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!by) return;
    event.preventDefault();
    const [left, right, bottom, top] = SURFACES[this.surface].box;
    const [x, y] = this.start.map((v, k) => v + (by[k] * (right - left)) / 40);
    this.restart([clamp(x, left, right), clamp(y, bottom, top)]);
  }

  seek(step) {
    this.pause();
    this.step = step;
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    if (this.step >= STEPS) this.step = 0;
    this.animate((calm) => this.advance(calm ? STEPS / 10 : 1), 45, 900);
  }

  advance(by) {
    this.step = Math.min(STEPS, this.step + by);
    if (this.step === STEPS) this.pause();
    this.draw();
  }

  // -------------------------------------------------------------------------------------------- drawing

  /** Bands of height, the stronger the lower; grey with transparency, so that either theme shines through. */
  drawSurface() {
    const { f, lowest, box: [left, right, bottom, top] } = SURFACES[this.surface];
    const heights = Array.from({ length: PIXELS * PIXELS }, (_, n) => {
      const [u, v] = [((n % PIXELS) + 0.5) / PIXELS, (Math.floor(n / PIXELS) + 0.5) / PIXELS];
      return Math.log10(f(left + u * (right - left), top - v * (top - bottom)) - lowest + 0.01);
    });
    const high = heights.reduce((a, b) => Math.max(a, b));
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(PIXELS, PIXELS);
    heights.forEach((height, n) => {
      const band = Math.floor((14 * (high - height)) / (high + 2));
      image.data.set([128, 128, 128, 7 + 15 * band + 12 * (band % 2)], 4 * n);
    });
    context.putImageData(image, 0, 0);
  }

  toMap([x, y]) {
    const [left, right, bottom, top] = SURFACES[this.surface].box;
    return [(100 * (x - left)) / (right - left), (100 * (top - y)) / (top - bottom)].map((v) => clamp(v, -999, 999));
  }

  draw() {
    this.slider.value = this.step;
    this.count.textContent = `Step ${this.step}`;
    const names = Object.keys(RULES).filter((name) => this.running.has(name));
    const [x, y] = this.toMap(this.start);
    this.trails.replaceChildren(s("path", { class: "low", d: this.crosses() }),
      ...names.flatMap((name) => this.trail(name)), s("circle", { class: "aim", cx: x, cy: y, r: 3.4 }));
    Object.keys(RULES).forEach((name) => this.drawRow(name));
    this.drawRun(names);
    this.drawSweep(names);
  }

  crosses() {
    return SURFACES[this.surface].minima.map((place) => this.toMap(place)).map(([x, y]) => `M${x - 2} ${y - 2}l4 4m0 -4l-4 4`).join("");
  }

  trail(name) {
    const [letter, colour] = LOOKS[name];
    const seen = this.paths[name].slice(0, this.step + 1).map((place) => this.toMap(place));
    const [x, y] = seen.at(-1);
    const head = s("g", { transform: `translate(${x} ${y})` }, s("circle", { r: 2.6, fill: colour }), s("text", {}, letter));
    return [s("path", { class: "halo", d: line(seen) }), s("path", { class: "trail", stroke: colour, d: line(seen) }), head];
  }

  drawRow(name) {
    const { range, rate, badness } = this.rows[name];
    const path = this.paths[name];
    range.value = Math.log10(this.rates[name]);
    rate.textContent = brief(this.rates[name]);
    badness.textContent = brief(this.step < path.length ? above(this.surface, path[this.step]) : Infinity);
  }

  drawRun(names) {
    const curve = (name) => this.paths[name].slice(0, this.step + 1).map((place, n) => [(100 * n) / STEPS, level(above(this.surface, place))]);
    const curves = names.map((name) => s("path", { stroke: LOOKS[name][1], d: line(curve(name)) }));
    this.plots.run.replaceChildren(s("path", { class: "grid", d: GRIDLINES }), ...curves);
  }

  drawSweep(names) {
    const across = (rate) => 20 * (Math.log10(rate) + 4);
    const parts = names.flatMap((name) => {
      const curve = RATES.map((rate, n) => [across(rate), level(this.sweeps[name][n])]);
      const now = sweep(this.surface, name, [this.rates[name]], this.start)[0];
      return [s("path", { stroke: LOOKS[name][1], d: line(curve) }),
        s("path", { class: "dot", stroke: LOOKS[name][1], d: `M${across(this.rates[name])} ${level(now)}h0` })];
    });
    this.plots.sweep.replaceChildren(s("path", { class: "grid", d: GRIDLINES }), ...parts);
  }
}

const render = renders("tr", "Optimisers race downhill", STYLE, (trait, root) => new Race(trait, root));

export default { render };
