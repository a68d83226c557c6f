// From one neuron to a differential equation: points of a spiral pass through layers, and one neuron divides them at the
// end. Few layers throw the points about; many unwind the spiral; ever more are a flow.

import { BLUE, ORANGE, h, s, choice, Moving, frame, normal, random, renders, counted } from "./shared/kit.js";

const POINTS = 110;
const TURNS = 2 * Math.PI; // how far the spiral winds, at radius 1
export const LAYERS = [0, 1, 2, 4, 8, 16, 32, 64];
const NAMES = LAYERS.map((count) => (count ? `${count}` : "none: one neuron alone"));

/** Points of two interlaced arms, {x: [x₁, x₂], y: 0 or 1}; each arm winds by `TURNS` from the middle to radius 1. */
export const spiral = (() => {
  const rand = random(5);
  return Array.from({ length: POINTS }, (_, n) => {
    const y = n % 2, r = 0.12 + (0.88 * (n + 0.5)) / POINTS;
    const angle = TURNS * r + Math.PI * y + 0.12 * normal(rand);
    return { x: [r * Math.cos(angle), r * Math.sin(angle)], y };
  });
})();

/** What every layer adds, times its share: a turn backwards, the faster the farther out, up to radius 1. */
export const field = ([a, b]) => {
  const speed = TURNS * Math.min(1, Math.hypot(a, b));
  return [speed * b, -speed * a];
};

/** Where a point is after each of `count` layers x ← x + f(x) / count: count + 1 places. */
export function journey(x, count) {
  const places = [x];
  for (let n = 0; n < count; n += 1) {
    const [u, v] = field(places[n]);
    places.push([places[n][0] + u / count, places[n][1] + v / count]);
  }
  return places;
}

/** The place at a time from 0 to 1, on the straight lines between a journey's places. */
export function at(places, time) {
  const along = time * (places.length - 1), n = Math.min(Math.floor(along), places.length - 2);
  if (places.length === 1) return places[0];
  return [0, 1].map((i) => places[n][i] + (along - n) * (places[n + 1][i] - places[n][i]));
}

/** The neuron at the end: class 0 where x₁ > 0. */
export const answer = ([a]) => (a > 0 ? 0 : 1);

/** Share of points that are right after `count` layers. */
export const right = (count) =>
  spiral.filter(({ x, y }) => answer(journey(x, count).at(-1)) === y).length / POINTS;

const EDGE = 1.5;
/** Where a point is drawn: beyond radius 1 the plane is squeezed, so that all of it fits. */
export const place = ([a, b]) => {
  const r = Math.hypot(a, b), squeeze = r <= 1 ? 1 : (1.45 - 0.45 / r) / r;
  return [squeeze * a, -squeeze * b].map((v) => v.toFixed(3));
};
const COLOURS = [BLUE, ORANGE];
const mark = ({ x, y }) => {
  const [cx, cy] = place(x);
  return y ? `<circle cx="${cx}" cy="${cy}" r=".04" fill="${ORANGE}"/>`
    : `<rect x="${cx - 0.035}" y="${cy - 0.035}" width=".07" height=".07" fill="${BLUE}"/>`;
};

export const still = () => frame("-1.5 -1.1 3 2.2", spiral.map(mark));

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.in svg{display:block;width:100%;max-width:420px;margin:0 auto}
.in .side0{fill:var(--pos);opacity:.1}
.in .side1{fill:var(--neg);opacity:.1}
.in path{fill:none;stroke:currentColor;stroke-width:.008;opacity:.4}
.in p{min-height:2.8em;text-align:center}`;

class Course extends Moving {
  constructor(trait, root) {
    super();
    this.count = trait("layers", 16);
    this.time = 0;
    this.stage = s("svg", { viewBox: "-1.5 -1.5 3 3", role: "img" });
    this.note = h("p", { "aria-live": "polite" });
    this.play = h("button", { class: "kit-main", onclick: () => this.toggle() }, "Play");
    this.slider = h("input", { type: "range", min: 0, max: 100, value: 0, oninput: () => {
      this.pause();
      this.time = this.slider.value / 100;
      this.draw();
    } });
    root.append(
      h("div", { class: "kit-row" },
        choice("Layers", NAMES, NAMES[LAYERS.indexOf(this.count)], (name) => this.choose(LAYERS[NAMES.indexOf(name)])),
        this.play,
        h("label", { class: "kit-wide" }, "How far through the net", this.slider)),
      this.stage,
      this.note,
    );
    this.choose(this.count);
  }

  choose(count) {
    this.count = count;
    this.time = 0;
    this.journeys = spiral.map(({ x }) => journey(x, count));
    const [blue, orange] = [0, 1].map((y) => s("rect", { class: `side${y}`, x: y ? -EDGE : 0, y: -EDGE, width: EDGE, height: 2 * EDGE }));
    this.marks = spiral.map(({ y }) => (y ? s("circle", { r: 0.04, fill: COLOURS[1] }) : s("rect", { width: 0.07, height: 0.07, fill: COLOURS[0] })));
    this.paths = [5, 58, 93, 108].map((n) => s("path", { d: `M${this.journeys[n].map((x) => place(x).join(" ")).join("L")}` }));
    this.stage.replaceChildren(blue, orange, ...this.paths, ...this.marks);
    this.pause();
    this.toggle();
  }

  toggle() {
    if (this.timer) return this.pause();
    if (this.time >= 1) this.time = 0;
    this.draw();
    this.animate((calm) => this.tick(calm), 40, 800);
  }

  tick(calm) {
    this.time = Math.min(1, this.time + (calm ? 0.25 : 0.01));
    this.draw();
    if (this.time === 1) this.pause();
  }

  draw() {
    this.slider.value = 100 * this.time;
    this.journeys.forEach((places, n) => {
      const [x, y] = place(at(places, this.time));
      const mark = this.marks[n];
      if (spiral[n].y) (mark.setAttribute("cx", x), mark.setAttribute("cy", y));
      else (mark.setAttribute("x", x - 0.035), mark.setAttribute("y", y - 0.035));
    });
    const share = `${Math.round(100 * right(this.count))} %`;
    this.stage.setAttribute("aria-label", `Points of two spiral arms on their way through ${counted(this.count, "layer")}; the plane's halves are a neuron's two answers`);
    const said = this.time < 1 ? "On their way. How many will end on the side of their own colour?"
      : this.count === 0 ? `A straight edge alone: ${share} of the points are on the side of their colour, hardly more than by guessing.`
      : `After ${counted(this.count, "layer")} ${share} of the points are on the side of their colour.`;
    if (this.note.textContent !== said) this.note.textContent = said;
  }
}

const render = renders("in", "A spiral on its way through a net", STYLE, (trait, root) => new Course(trait, root));

export default { render };
