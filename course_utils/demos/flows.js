// A flow carries a cloud of Gaussian noise to a picture that you choose or draw, and back.
// The picture is a mixture of small Gaussians around its dots. On the straight lines from noise to the picture the field
// is known: the mean velocity of all lines through a place. The density of one point is followed by the field's trace.

import { random, h, s, choice, Moving, frame, renders, BLUE, ORANGE, counted } from "./shared/kit.js";

const SIZE = 0.09; // spread of the Gaussian around each dot of a picture
const COUNT = 500; // points of the cloud
const MOST = 260; // dots of a picture

/** The field at time t and place (x, y): its velocity, its trace (divergence), and the exact log density there, in nats. */
export function field(t, x, y, dots, size = SIZE) {
  const variance = (1 - t) ** 2 + (t * size) ** 2;
  const rate = (t * size * size - (1 - t)) / variance;
  const logs = dots.map(([a, b]) => -((x - t * a) ** 2 + (y - t * b) ** 2) / (2 * variance));
  const most = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  let total = 0, mx = 0, my = 0, square = 0;
  logs.forEach((value, i) => {
    const weight = Math.exp(value - most);
    total += weight;
    mx += weight * dots[i][0];
    my += weight * dots[i][1];
    square += weight * (dots[i][0] ** 2 + dots[i][1] ** 2);
  });
  mx /= total;
  my /= total;
  const spread = square / total - mx * mx - my * my;
  return {
    vx: mx + rate * (x - t * mx),
    vy: my + rate * (y - t * my),
    trace: 2 * rate + (1 - rate * t) * (t / variance) * spread,
    logDensity: most + Math.log(total / dots.length) - Math.log(2 * Math.PI * variance),
  };
}

/** One step of a solver from time t by h, for a state [x, y, log p]. */
export function step(t, h, state, dots, method) {
  const slope = (time, [x, y]) => {
    const f = field(time, x, y, dots);
    return [f.vx, f.vy, -f.trace];
  };
  const moved = (k, by) => state.map((value, i) => value + by * k[i]);
  const k1 = slope(t, state);
  if (method === "Euler") return moved(k1, h);
  const k2 = slope(t + h / 2, moved(k1, h / 2));
  if (method === "midpoint") return moved(k2, h);
  const k3 = slope(t + h / 2, moved(k2, h / 2));
  const k4 = slope(t + h, moved(k3, h));
  return state.map((value, i) => value + (h / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]));
}

/** The states of a point of noise at the times 0, 1/steps, …, 1; each [x, y, log p]. */
export function path([x, y], dots, steps, method) {
  const states = [[x, y, -(x * x + y * y) / 2 - Math.log(2 * Math.PI)]];
  for (let n = 0; n < steps; n++) states.push(step(n / steps, 1 / steps, states[n], dots, method));
  return states;
}

/** `count` points of standard normal noise, the same for the same seed. */
export function noise(count, seed) {
  const uniform = random(seed);
  return Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

const along = (count, place) => Array.from({ length: count }, (_, n) => place((n + 0.5) / count));
const arc = (x, y, r, from, to) => (u) => [x + r * Math.cos(from + u * (to - from)), y + r * Math.sin(from + u * (to - from))];

export const PICTURES = {
  "two moons": [...along(70, arc(-0.6, -0.3, 1.3, 0, Math.PI)), ...along(70, arc(0.6, 0.3, 1.3, Math.PI, 2 * Math.PI))],
  heart: along(150, (u) => {
    const a = 2 * Math.PI * u;
    return [1.7 * Math.sin(a) ** 3, 1.4 * Math.cos(a) - 0.55 * Math.cos(2 * a) - 0.22 * Math.cos(3 * a) - 0.1 * Math.cos(4 * a)];
  }),
  face: [...along(110, arc(0, 0, 1.8, 0, 2 * Math.PI)), ...along(45, arc(0, 0, 1, -2.6, -0.55)),
    ...along(14, arc(-0.65, 0.6, 0.16, 0, 2 * Math.PI)), ...along(14, arc(0.65, 0.6, 0.16, 0, 2 * Math.PI))],
  "two rings": [...along(45, arc(0, 0, 0.7, 0, 2 * Math.PI)), ...along(100, arc(0, 0, 1.7, 0, 2 * Math.PI))],
};

const VIEW = 2.7; // half a side of the stage, in the plane's units
const marks = (points) => points.map(([x, y]) => `M${x.toFixed(2)} ${(-y).toFixed(2)}h0`).join("");

export function still() {
  const carried = noise(200, 5).map((point) => path(point, PICTURES.face, 12, "RK4")[12]);
  return frame("-5.4 -2.7 10.8 5.4", `<g fill="none" stroke-width=".08" stroke-linecap="round">`
    + `<path transform="translate(-2.7)" stroke="${ORANGE}" d="${marks(noise(200, 5))}"/><path transform="translate(2.7)" stroke="${BLUE}" d="${marks(carried)}"/></g>`);
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.fl .kit-row label{display:grid;gap:2px;margin:0}.fl .kit-row label.kit-wide{flex:1 1 150px}
.fl-both{display:grid;gap:12px}
@container (min-width:560px){.fl-both{grid-template-columns:minmax(0,1.25fr) minmax(0,1fr)}}
.fl svg{display:block;width:100%;border:1px solid var(--edge)}
.fl-stage{max-width:430px;aspect-ratio:1;margin:0 auto;cursor:crosshair;touch-action:none}
.fl-stage path{fill:none;stroke-linecap:round}
.fl-stage .dots{stroke:var(--edge);stroke-width:.045}.fl-stage .cloud{stroke:var(--pos);stroke-width:.075}
.fl-stage .way{stroke:var(--hot);stroke-width:.03}.fl-stage .mine{stroke:var(--hot);stroke-width:.17}
.fl-graph{height:200px}
.fl-graph path{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}
.fl-graph .kept{stroke:var(--hot)}.fl-graph .exact{stroke:currentColor;stroke-dasharray:6 5}
.fl-graph .now{stroke:var(--edge);stroke-width:1}
.fl p{margin:8px 0;min-height:4em}`;

const OWN = "your own";
const said = (value) => value.toFixed(2).replace("-", "−");

class Flows extends Moving {
  constructor(trait, root) {
    super();
    this.picture = trait("picture", "two moons");
    this.method = trait("method", "RK4");
    this.steps = trait("steps", 24);
    this.time = trait("time", 0);
    this.own = [];
    this.chosen = 3;
    this.noise = noise(COUNT, 11);
    this.build(root);
    this.solve();
  }

  build(root) {
    const range = (attrs, set) => {
      const text = h("span");
      const input = h("input", { type: "range", ...attrs, oninput: () => set(+input.value) });
      return { text, input, label: h("label", { class: "kit-wide" }, text, input) };
    };
    this.count = range({ min: 1, max: 40, value: this.steps }, (v) => ((this.steps = v), this.solve()));
    this.slider = range({ min: 0, max: 100, value: 100 * this.time }, (v) => (this.pause(), this.moveTo(v / 100)));
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
    this.clear = h("button", { type: "button", onclick: () => ((this.own = []), this.solve()) }, "Clear");
    this.stage = s("svg", { class: "fl-stage", viewBox: `${-VIEW} ${-VIEW} ${2 * VIEW} ${2 * VIEW}`, role: "img" });
    this.graph = s("svg", { class: "fl-graph", viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img" });
    this.text = h("p", { "aria-live": "polite" });
    const key = (colour, text) => h("span", {}, h("i", { style: `background:${colour}` }), text);
    root.append(
      h("div", { class: "kit-row" }, choice("Picture", [...Object.keys(PICTURES), OWN], this.picture, (v) => ((this.picture = v), this.solve())), this.clear,
        choice("Solver", ["Euler", "midpoint", "RK4"], this.method, (v) => ((this.method = v), this.solve())), this.count.label),
      h("div", { class: "kit-row" }, this.play, this.slider.label,
        h("button", { type: "button", onclick: () => this.choose((this.chosen + 1) % COUNT) }, "Another point")),
      h("div", { class: "fl-both" }, this.stage,
        h("div", {}, h("div", {}, "log p of the chosen point, from t = 0 to 1"), this.graph,
          h("div", { class: "kit-keys" }, key("var(--hot)", "kept account of, by the trace"), key("currentColor", "exact, dashed")), this.text)),
    );
    for (const kind of ["pointerdown", "pointermove"]) this.stage.addEventListener(kind, (event) => event.buttons && this.point(event));
    this.stage.addEventListener("pointerup", () => this.picture === OWN && this.solve());
  }

  /** A press on the stage: a dot of your own picture, or the nearest point is chosen. */
  point(event) {
    const box = this.stage.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 2 * VIEW - VIEW;
    const y = VIEW - ((event.clientY - box.top) / box.height) * 2 * VIEW;
    if (this.picture !== OWN) {
      const gaps = this.places().map(([a, b]) => (a - x) ** 2 + (b - y) ** 2);
      this.choose(gaps.indexOf(Math.min(...gaps)));
      return;
    }
    const last = this.own[this.own.length - 1];
    if (this.own.length < MOST && (!last || Math.hypot(x - last[0], y - last[1]) > 0.07)) this.own.push([x, y]);
    this.stage.querySelector(".dots").setAttribute("d", marks(this.own));
  }

  dots() {
    return this.picture === OWN ? (this.own.length ? this.own : [[0, 0]]) : PICTURES[this.picture];
  }

  choose(index) {
    this.chosen = index;
    this.draw();
  }

  solve() {
    this.paths = this.noise.map((point) => path(point, this.dots(), this.steps, this.method));
    this.draw();
  }

  moveTo(time) {
    this.time = Math.min(1, Math.max(0, time));
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    const ahead = this.time < 1 ? 1 : -1; // from the end it runs back
    this.animate((calm) => {
      this.moveTo(this.time + ahead * (calm ? 0.1 : 0.02));
      if (this.time <= 0 || this.time >= 1) this.pause();
    }, 50, 600);
  }

  /** A path's state now, between two steps of the solver in proportion. */
  at(states) {
    const place = this.time * this.steps;
    const n = Math.min(this.steps - 1, Math.floor(place));
    return states[n].map((value, i) => value + (place - n) * (states[n + 1][i] - value));
  }

  places() {
    return this.paths.map((states) => this.at(states));
  }

  draw() {
    const places = this.places();
    const mine = this.paths[this.chosen];
    const now = places[this.chosen];
    const way = mine.map(([x, y], n) => `${n ? "L" : "M"}${x.toFixed(2)} ${(-y).toFixed(2)}`).join("");
    this.stage.replaceChildren(s("path", { class: "dots", d: marks(this.dots()) }), s("path", { class: "cloud", d: marks(places) }),
      s("path", { class: "way", d: way }), s("path", { class: "mine", d: marks([now]) }));
    const exact = mine.map(([x, y], n) => field(n / this.steps, x, y, this.dots()).logDensity);
    this.drawGraph(mine.map((state) => state[2]), exact);
    const end = this.steps;
    this.count.text.textContent = `Steps: ${this.steps}`;
    this.slider.text.textContent = `Time t: ${this.time.toFixed(2)}`;
    this.slider.input.value = 100 * this.time;
    this.clear.style.display = this.picture === OWN ? "" : "none";
    this.text.textContent = (this.picture === OWN && !this.own.length ? "Draw on the stage. " : "")
      + `At the end the point's log p is ${said(exact[end])}; the trace kept account of ${said(mine[end][2])}, with ${counted(this.steps, "step")} of ${this.method}.`;
    this.stage.setAttribute("aria-label", `A cloud of ${COUNT} points at time ${this.time.toFixed(2)} on its way from noise to ${this.picture}`);
    this.graph.setAttribute("aria-label", `log p of the chosen point over time, ends at ${mine[end][2].toFixed(2)}, exactly ${exact[end].toFixed(2)}`);
  }

  /** Both curves of log p, between their least and greatest value (a coarse Euler leaves every scale). */
  drawGraph(kept, exact) {
    const low = Math.max(-15, Math.min(...exact, ...kept));
    const high = Math.min(10, Math.max(...exact, ...kept)) + 0.3;
    const y = (value) => (96 - (92 * (Math.min(12, Math.max(-17, value)) - low)) / (high - low)).toFixed(1);
    const line = (values) => values.map((value, n) => `${n ? "L" : "M"}${((100 * n) / this.steps).toFixed(1)} ${y(value)}`).join("");
    this.graph.replaceChildren(s("path", { class: "now", d: `M${100 * this.time} 0V100` }), s("path", { class: "kept", d: line(kept) }), s("path", { class: "exact", d: line(exact) }));
  }
}

const render = renders("fl", "A flow from noise to a picture", STYLE, (trait, root) => new Flows(trait, root));

export default { render };
