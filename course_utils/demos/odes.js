// A boat in a field of arrows: draw the field, choose an engine and its steps, and see where it leaves the true path.
// The mathematics (fields, one step of each method, fixed and adaptive journeys) comes first, the page second.

import { h, s, fill, choice, Moving, frame, renders, counted } from "./shared/kit.js";

const SPAN = 3; // the plane is [-3, 3] × [-3, 3]
const END = 6; // how long a journey takes
const WIDTH = 0.55; // how far a stroke of the pen reaches
const STROKES = 160;

export const FIELDS = {
  whirl: ([x, y]) => [-0.1 * x - 2 * y, 2 * x - 0.1 * y],
  "a ring that attracts": ([x, y]) => {
    const pull = 1 - (x * x + y * y) / 3;
    return [pull * x - 1.5 * y, pull * y + 1.5 * x];
  },
  saddle: ([x, y]) => [0.5 * x, -0.8 * y],
  "calm and rapids": ([x, y]) => {
    const rapid = Math.exp(-8 * (x - 0.6) ** 2);
    return [0.35 + 3 * rapid, 6 * rapid * Math.sin(3 * y)];
  },
  "still water": () => [0, 0],
};

/** The field at a place: a named one, and what strokes {x, y, u, v} of the pen add around them. */
export function makeField(name, strokes = []) {
  const base = FIELDS[name];
  return ([x, y]) => {
    let [u, v] = base([x, y]);
    for (const stroke of strokes) {
      const near = Math.exp(-((x - stroke.x) ** 2 + (y - stroke.y) ** 2) / (2 * WIDTH * WIDTH));
      u += near * stroke.u;
      v += near * stroke.v;
    }
    return [u, v];
  };
}

const along = (y, h, ...parts) => y.map((value, i) => value + h * parts.reduce((sum, [weight, k]) => sum + weight * k[i], 0));

// One step from y: where it leads, and the places that were looked at.
export const METHODS = {
  Euler: (f, y, h) => ({ y: along(y, h, [1, f(y)]), places: [y] }),
  midpoint(f, y, h) {
    const middle = along(y, h / 2, [1, f(y)]);
    return { y: along(y, h, [1, f(middle)]), places: [y, middle] };
  },
  "Runge–Kutta"(f, y, h) {
    const k1 = f(y);
    const b = along(y, h / 2, [1, k1]);
    const k2 = f(b);
    const c = along(y, h / 2, [1, k2]);
    const k3 = f(c);
    const d = along(y, h, [1, k3]);
    return { y: along(y, h, [1 / 6, k1], [1 / 3, k2], [1 / 3, k3], [1 / 6, f(d)]), places: [y, b, c, d] };
  },
};

const WEIGHTS = [
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
const ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

/** `count` equal steps from y for a time `end`: {path: [{t, y}], looks, places: of each step, refused: []}. */
export function fixed(method, f, y, end, count) {
  const path = [{ t: 0, y }];
  const places = [];
  let looks = 0;
  for (let n = 1; n <= count; n += 1) {
    const step = METHODS[method](f, y, end / count);
    looks += step.places.length;
    places.push(step.places);
    y = step.y;
    path.push({ t: (n * end) / count, y });
    if (!y.every((v) => Math.abs(v) < 1e6)) break;
  }
  return { path, looks, places, refused: 0 };
}

/** Dormand and Prince's steps, as large as `tolerance` (relative and absolute) allows; as `fixed`. */
export function adaptive(f, y, end, tolerance, h = 0.1) {
  const path = [{ t: 0, y }];
  const places = [];
  let [t, first, looks, refused] = [0, f(y), 1, 0];
  while (t < end && looks < 20000) {
    h = Math.min(h, end - t);
    if (t + h === t) break;
    const slopes = [first];
    const visited = [y];
    let place = y;
    for (const row of WEIGHTS) {
      place = along(y, h, ...row.map((weight, n) => [weight, slopes[n]]));
      visited.push(place);
      slopes.push(f(place));
    }
    looks += 6;
    const ratio = Math.sqrt(y.reduce((sum, v, i) => {
      const error = h * ERROR.reduce((all, weight, n) => all + weight * slopes[n][i], 0);
      return sum + (error / (tolerance + tolerance * Math.max(Math.abs(v), Math.abs(place[i])))) ** 2;
    }, 0) / y.length);
    if (ratio <= 1) {
      t = h === end - t ? end : t + h;
      y = place;
      first = slopes.at(-1);
      path.push({ t, y });
      places.push(visited);
    } else refused += 1;
    h *= Math.min(10, Math.max(0.2, ratio > 0 ? 0.9 * ratio ** -0.2 : 10));
  }
  return { path, looks, places, refused };
}

/** The path as good as true: a thousand Runge–Kutta steps. */
export const truth = (f, y, end) => fixed("Runge–Kutta", f, y, end, 1000).path;

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
const ENGINES = [...Object.keys(METHODS), "adaptive"];
const COUNTS = [6, 9, 12, 18, 24, 36, 48, 72, 96, 144];
const TOLERANCES = [1, 0.3, 0.1, 0.03, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6];

/** A journey of an engine at place `n` of its dial: steps of a size, or a tolerance. */
export function journey(engine, f, y, n) {
  return engine === "adaptive" ? adaptive(f, y, END, TOLERANCES[n]) : fixed(engine, f, y, END, COUNTS[n]);
}

const line = (path) => path.map(({ y }, n) => `${n ? "L" : "M"}${y[0].toFixed(3)} ${(-y[1]).toFixed(3)}`).join("");

/** Arrows of a field as one path of the picture. */
function arrows(f, count = 15) {
  const gap = (2 * SPAN) / count;
  const parts = [];
  for (let i = 0; i < count; i += 1) {
    for (let j = 0; j < count; j += 1) {
      const [x, y] = [-SPAN + gap * (i + 0.5), -SPAN + gap * (j + 0.5)];
      const [u, v] = f([x, y]);
      const size = Math.hypot(u, v);
      if (size < 1e-3) continue;
      const long = (gap * 0.85 * size) / (size + 1) / size; // strong ones grow no longer than the grid
      const [a, b] = [u * long, v * long];
      const [tipX, tipY] = [x + a / 2, y + b / 2];
      parts.push(`M${(x - a / 2).toFixed(3)} ${(b / 2 - y).toFixed(3)}L${tipX.toFixed(3)} ${(-tipY).toFixed(3)}`
        + `m${(-0.3 * a - 0.18 * b).toFixed(3)} ${(0.3 * b - 0.18 * a).toFixed(3)}L${tipX.toFixed(3)} ${(-tipY).toFixed(3)}`
        + `l${(-0.3 * a + 0.18 * b).toFixed(3)} ${(0.3 * b + 0.18 * a).toFixed(3)}`);
    }
  }
  return parts.join("");
}

/** The field and one path: what stands in the page until the demo starts. */
export function still() {
  const f = makeField("whirl");
  return frame('-3 -3 6 6" width="420', `<g fill="none" stroke="currentColor">`
    + `<path stroke-width=".02" opacity=".5" d="${arrows(f)}"/><path stroke-width=".04" d="${line(truth(f, [2, 0], END))}"/></g>`);
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.od{--boat:var(--neg);--look:var(--pos)}
.od input{width:170px;accent-color:var(--look);margin:8px 0}
.od-stage{display:grid;gap:14px}
.od-water{width:100%;max-width:430px;aspect-ratio:1;display:block;margin:0 auto;border:1px solid var(--edge);touch-action:none;cursor:crosshair;overflow:hidden}
.od-water path,.od-chart path{fill:none;stroke:currentColor;stroke-linecap:round;stroke-linejoin:round}
.od-water .arrows{stroke-width:.022;opacity:.55}
.od-water .true{stroke-width:.09;opacity:.35}
.od-water .way{stroke:var(--boat);stroke-width:.05}
.od-water .steps{stroke:var(--boat);stroke-width:.16}
.od-water .looks{stroke:var(--look);stroke-width:.13}
.od-water .start{fill:var(--paper);stroke:var(--boat);stroke-width:.06}
.od-chart{width:100%;height:210px;display:block;overflow:visible}
.od-chart path{stroke-width:1.6;vector-effect:non-scaling-stroke}
.od-chart .axis{stroke:var(--edge)}
.od-chart .now{stroke-width:9;stroke:var(--boat)}
.od-chart text{fill:currentColor;font-size:11px}
.od p{margin:6px 0;min-height:4.2em}
@container (min-width:560px){.od-stage{grid-template-columns:minmax(0,1.25fr) minmax(0,1fr);align-items:start}}`;

const short = (v) => (v === 0 ? "0" : v >= 0.01 && v < 1000 ? v.toPrecision(2) : v.toExponential(0).replace("-", "−").replace("+", ""));
const DASHES = { Euler: "1 5", midpoint: "7 4", "Runge–Kutta": "10 3 2 3", adaptive: null };

class Water extends Moving {
  constructor(trait, root) {
    super();
    this.field = trait("field", "whirl");
    this.engine = trait("engine", "Euler");
    this.dial = trait("dial", 4);
    this.start = trait("start", [2, 0]);
    this.pen = trait("pen", "draw the field");
    this.strokes = trait("strokes", []);
    this.shown = Infinity;
    this.build(root);
    this.restart();
  }

  build(root) {
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
    this.said = h("span");
    this.slider = h("input", { type: "range", min: 0, max: COUNTS.length - 1, value: this.dial, oninput: () => this.set("dial", +this.slider.value) });
    this.svg = s("svg", { class: "od-water", viewBox: `${-SPAN} ${-SPAN} ${2 * SPAN} ${2 * SPAN}`, tabindex: 0, role: "application" });
    this.layers = Object.fromEntries(["arrows", "true", "way", "looks", "steps"].map((name) => [name, s("path", { class: name })]));
    this.boat = s("circle", { class: "start", r: 0.11 });
    this.svg.append(...Object.values(this.layers), this.boat);
    this.chart = s("svg", { class: "od-chart", viewBox: "0 0 300 210", role: "img" });
    this.text = h("p", { "aria-live": "polite" });
    const button = (text, onclick) => h("button", { type: "button", onclick }, text);
    root.append(
      h("div", { class: "kit-row" }, choice("Water", Object.keys(FIELDS), this.field, (v) => this.pour(v)),
        choice("Your pen can", ["draw the field", "place the boat"], this.pen, (v) => (this.pen = v)),
        button("Wipe", () => this.set("strokes", []))),
      h("div", { class: "kit-row" }, choice("Engine", ENGINES, this.engine, (v) => this.set("engine", v)),
        h("label", {}, this.said, this.slider), this.play, button("Step", () => this.step())),
      h("div", { class: "od-stage" }, this.svg, h("div", {}, this.text, this.chart)),
    );
    this.listen();
  }

  listen() {
    const at = (event) => {
      const box = this.svg.getBoundingClientRect();
      const scale = (2 * SPAN) / box.width;
      return [(event.clientX - box.left) * scale - SPAN, SPAN - (event.clientY - box.top) * scale];
    };
    this.svg.addEventListener("pointerdown", (event) => {
      this.svg.setPointerCapture?.(event.pointerId);
      this.last = at(event);
      if (this.pen === "place the boat") this.set("start", this.last);
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!event.buttons || !this.last) return;
      const now = at(event);
      if (this.pen === "place the boat") this.set("start", now);
      else if (distance(now, this.last) > 0.15) {
        this.stroke(this.last, now);
        this.last = now;
      }
    });
    this.svg.addEventListener("pointerup", () => (this.last = null));
    this.svg.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
      if (!by) return;
      event.preventDefault();
      this.set("start", this.start.map((v, i) => Math.min(SPAN, Math.max(-SPAN, v + by[i]))));
    });
  }

  /** A stroke of the pen: the water is pulled along, most where the pen was. */
  stroke(from, to) {
    const size = distance(from, to);
    const [u, v] = [0, 1].map((i) => (1.2 * (to[i] - from[i])) / size);
    this.set("strokes", [...this.strokes, { x: (from[0] + to[0]) / 2, y: (from[1] + to[1]) / 2, u, v }].slice(-STROKES));
  }

  /** Another water. A boat beyond the rapids is put before them: the stream would never bring it there. */
  pour(field) {
    if (field === "calm and rapids" && this.start[0] > 0) this.start = [-1, 0.4];
    this.set("field", field);
  }

  set(name, value) {
    this[name] = value;
    this.restart();
  }

  /** Everything that depends on field, boat and engine, anew. */
  restart() {
    this.pause();
    this.shown = Infinity;
    this.f = makeField(this.field, this.strokes);
    this.true = truth(this.f, this.start, END);
    this.run = journey(this.engine, this.f, this.start, this.dial);
    this.draw();
    this.drawChart();
  }

  step() {
    this.pause();
    this.advance();
  }

  advance() {
    const count = this.run.path.length - 1;
    this.shown = this.shown >= count ? 1 : this.shown + 1;
    this.draw();
    return this.shown < count;
  }

  toggle() {
    if (this.timer) return this.pause();
    this.shown = this.shown >= this.run.path.length - 1 ? 0 : this.shown;
    this.animate(() => this.advance() || this.pause(), 220, 900);
  }

  // -------------------------------------------------------------------------------------------- drawing

  draw() {
    const { path, places, looks, refused } = this.run;
    const steps = path.length - 1;
    const now = path.slice(0, Math.min(this.shown, steps) + 1);
    const dots = (list) => list.map((y) => `M${y[0].toFixed(3)} ${(-y[1]).toFixed(3)}h0`).join("");
    const layers = { arrows: arrows(this.f), true: line(this.true), way: line(now), steps: dots(now.map(({ y }) => y)),
      looks: this.shown <= steps ? dots(places[this.shown - 1] ?? []) : "" };
    for (const [name, d] of Object.entries(layers)) this.layers[name].setAttribute("d", d);
    fill(this.boat, { cx: this.start[0], cy: -this.start[1] });
    const dial = this.engine === "adaptive" ? `Tolerance: ${short(TOLERANCES[this.dial])}` : `Steps: ${COUNTS[this.dial]}`;
    this.said.textContent = dial;
    const error = distance(path.at(-1).y, this.true.at(-1).y);
    const sizes = path.slice(1).map(({ t }, n) => t - path[n].t);
    const spread = this.engine === "adaptive" ? ` Steps from ${short(Math.min(...sizes))} to ${short(Math.max(...sizes))} long, ${refused} tried again.` : "";
    this.text.textContent = `${this.engine}, ${counted(steps, "step")}, ${counted(looks, "look")} at the field: it ends ${short(error)} beside the true path.${spread}`;
    this.svg.setAttribute("aria-label", `The water, with a boat at ${this.start.map((v) => v.toFixed(1)).join(", ")}. Arrow keys move the boat; drag to draw.`);
  }

  /** Error over looks, for every engine at every place of its dial. */
  drawChart() {
    const end = this.true.at(-1).y;
    const point = (engine, n) => {
      const run = engine === this.engine && n === this.dial ? this.run : journey(engine, this.f, this.start, n);
      const error = Math.min(10, Math.max(1e-8, distance(run.path.at(-1).y, end) || 0));
      const x = 42 + (250 * Math.log10(Math.min(1000, Math.max(5, run.looks)) / 5)) / Math.log10(200);
      return [x, 12 + (160 * (1 - Math.log10(error))) / 9];
    };
    const texts = [1, 1e-2, 1e-4, 1e-6, 1e-8].map((v) => s("text", { x: 36, y: 16 + (160 * (1 - Math.log10(v))) / 9, "text-anchor": "end" }, v === 1 ? "1" : v.toExponential(0).replace("-", "−")));
    const ticks = [10, 100, 1000].map((v) => s("text", { x: 42 + (250 * Math.log10(v / 5)) / Math.log10(200), y: 188, "text-anchor": "middle" }, `${v}`));
    const lines = ENGINES.map((engine) => {
      const d = COUNTS.map((_, n) => point(engine, n).map((v) => v.toFixed(1)).join(" ")).join("L");
      return s("path", { d: `M${d}`, "stroke-dasharray": DASHES[engine], opacity: engine === this.engine ? 1 : 0.55, "data-engine": engine });
    });
    const [x, y] = point(this.engine, this.dial);
    const key = ENGINES.map((engine, n) => s("g", { transform: `translate(${n % 2 ? 150 : 0} ${203 + 15 * Math.floor(n / 2)})` },
      s("path", { d: "M4-4h34", "stroke-dasharray": DASHES[engine] }), s("text", { x: 44 }, engine)));
    this.chart.replaceChildren(s("path", { class: "axis", d: "M42 12V172H292" }), ...lines, s("path", { class: "now", d: `M${x.toFixed(1)} ${y.toFixed(1)}h0` }),
      ...texts, ...ticks, s("text", { x: 42, y: 8 }, "error"), s("text", { x: 292, y: 167, "text-anchor": "end" }, "looks at the field"), ...key);
    this.chart.setAttribute("viewBox", "0 0 300 225");
    this.chart.setAttribute("aria-label", `Error at the end over the number of looks at the field, for ${ENGINES.join(", ")}.`);
  }
}

const render = renders("od", "A boat in a field that you draw", STYLE, (trait, root) => new Water(trait, root));

export default { render };
