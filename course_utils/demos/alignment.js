// Gradient reversal in the plane: a line learns to tell two clouds of features apart, and goes down its loss. The target's
// dots are sent up on it; the source's are held where their labels want them. The line knows nothing of classes (disc, cross).

import { random, normal, h, s, choice, Moving, frame, renders, BLUE, ORANGE, counted } from "./shared/kit.js";

const EACH = 24; // dots of a class in a domain
const DOTS = 0.1; // how far a dot goes in a step, for each unit of its gradient
const DECAY = 0.01; // of the line's weights: it forgets what it no longer sees
export const STARTS = { "moved aside": 1, "turned over": -1 };

/** Dots of both domains: place x, y; domain 0 (source) or 1 (target); class 0 or 1. The target's classes may be turned over. */
export function begin(start, seed = 3) {
  const rand = random(seed);
  const dots = [];
  for (const domain of [0, 1])
    for (const kind of [0, 1])
      for (let n = 0; n < EACH; n++) {
        const up = (kind ? -0.9 : 0.9) * (domain ? STARTS[start] : 1);
        dots.push({ x: (domain ? 1.3 : -1.3) + 0.3 * normal(rand), y: up + 0.3 * normal(rand), domain, kind });
      }
  return dots;
}

const sigma = (z) => 1 / (1 + Math.exp(-z));

/** Mean cross-entropy of a line [w1, w2, c] that says "target" where w·x + c is above 0, and its slopes in the line. */
export function pays(dots, [w1, w2, c]) {
  let loss = 0;
  const slope = [0, 0, 0];
  for (const { x, y, domain } of dots) {
    const z = w1 * x + w2 * y + c;
    loss += Math.log1p(Math.exp(-Math.abs(z))) + Math.max(domain ? -z : z, 0);
    const error = sigma(z) - domain;
    [x, y, 1].forEach((by, i) => (slope[i] += (error * by) / dots.length));
  }
  return { loss: loss / dots.length, slope };
}

/** One step of the game: the line down its loss by `rate`; the target's dots up on theirs, `strength` times as far. */
export function step(dots, line, strength, rate) {
  const { slope } = pays(dots, line);
  const moved = dots.map((dot) => {
    if (!dot.domain) return dot;
    const error = sigma(line[0] * dot.x + line[1] * dot.y + line[2]) - dot.domain;
    const by = DOTS * strength * error; // up: along the slope of the loss in the dot's place
    return { ...dot, x: dot.x + by * line[0], y: dot.y + by * line[1] };
  });
  return [moved, line.map((w, i) => w * (1 - DECAY) - rate * slope[i])];
}

/** The game with one line for all, or with one for each class, who is told which dots are whose. */
export function play(dots, lines, strength, rate) {
  if (lines.length === 1) {
    const [moved, line] = step(dots, lines[0], strength, rate);
    return [moved, [line]];
  }
  const parts = [0, 1].map((kind) => step(dots.filter((dot) => dot.kind === kind), lines[kind], strength, rate));
  const queues = parts.map(([moved]) => [...moved]);
  return [dots.map((dot) => queues[dot.kind].shift()), parts.map(([, line]) => line)];
}

/** How far to the right the target's middle stands of the source's. */
export function gap(dots) {
  const mean = (domain) => {
    const own = dots.filter((dot) => dot.domain === domain);
    return own.reduce((sum, dot) => sum + dot.x, 0) / own.length;
  };
  return mean(1) - mean(0);
}

/** Share of the target's dots whose nearest dot of the source has their class. */
export function matched(dots) {
  const source = dots.filter((dot) => !dot.domain);
  const target = dots.filter((dot) => dot.domain);
  const right = target.filter((dot) => {
    const away = source.map(({ x, y }) => (x - dot.x) ** 2 + (y - dot.y) ** 2);
    return source[away.indexOf(Math.min(...away))].kind === dot.kind;
  });
  return right.length / target.length;
}

const VIEW = 2.6; // half a side of the stage
const mark = ({ x, y, kind }) => {
  const [a, b] = [x.toFixed(2), (-y).toFixed(2)];
  return kind ? `M${(x - 0.06).toFixed(2)} ${(-y - 0.06).toFixed(2)}l.12 .12m0 -.12l-.12 .12` : `M${a} ${b}m-.07 0a.07 .07 0 1 0 .14 0a.07 .07 0 1 0-.14 0`;
};
const marks = (dots, domain) => dots.filter((dot) => dot.domain === domain).map(mark).join("");

export function still() {
  const dots = begin("moved aside");
  const drawn = [BLUE, ORANGE].map((colour, domain) => `<path stroke="${colour}" d="${marks(dots, domain)}"/>`);
  return frame("-2.6 -2 5.2 4", `<g fill="none" stroke-width=".045">`, drawn, `<path stroke="currentColor" d="M0 -1.9V1.9"/></g>`);
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.al-both{display:grid;gap:12px}
@container (min-width:560px){.al-both{grid-template-columns:minmax(0,1.25fr) minmax(0,1fr)}}
.al svg{display:block;width:100%;border:1px solid var(--edge)}
.al-stage{max-width:430px;aspect-ratio:1;margin:0 auto}
.al-stage path{fill:none;stroke-width:.04}
.al-stage .source{stroke:var(--pos)}.al-stage .target{stroke:var(--neg)}.al-stage .line{stroke:currentColor;stroke-width:.025}
.al-graph{height:150px}
.al-graph path{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}
.al-graph .paid{stroke:var(--hot)}.al-graph .blind{stroke:currentColor;stroke-width:1;stroke-dasharray:6 5}
.al p{min-height:4em}`;

const GUESSES = ["choose first …", "they meet and stay", "they go past each other", "they never meet"];
const KEPT = 300; // steps that the graph shows
const said = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

class Alignment extends Moving {
  constructor(trait, root) {
    super();
    this.start = trait("start", "moved aside");
    this.strength = trait("strength", 1);
    this.rate = trait("rate", 0.03);
    this.own = false;
    this.build(root);
    this.reset();
  }

  build(root) {
    const range = (attrs, set) => {
      const text = h("span");
      const input = h("input", { type: "range", ...attrs, oninput: () => (set(+input.value), this.draw()) });
      return { text, input, label: h("label", { class: "kit-wide" }, text, input) };
    };
    this.reversal = range({ min: 0, max: 2, step: 0.1, value: this.strength }, (v) => (this.strength = v));
    this.speed = range({ min: -2, max: -0.2, step: 0.1, value: Math.log10(this.rate) }, (v) => (this.rate = 10 ** v));
    this.play = h("button", { type: "button", class: "kit-main", onclick: () => this.toggle() }, "Play");
    this.each = h("input", { type: "checkbox", onchange: () => ((this.own = this.each.checked), this.reset()) });
    this.stage = s("svg", { class: "al-stage", viewBox: `${-VIEW} ${-VIEW} ${2 * VIEW} ${2 * VIEW}`, role: "img" });
    this.graph = s("svg", { class: "al-graph", viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img" });
    this.text = h("p", { "aria-live": "polite" });
    const key = (colour, text) => h("span", {}, h("i", { style: `background:${colour}` }), text);
    this.guess = choice("Your prediction", GUESSES, GUESSES[0], () => this.draw());
    root.append(
      h("div", { class: "kit-row" }, this.guess, choice("Target", Object.keys(STARTS), this.start, (v) => ((this.start = v), this.reset())),
        h("label", { class: "kit-tick" }, this.each, "a classifier for each class (needs labels)")),
      h("div", { class: "kit-row" }, this.play, h("button", { type: "button", onclick: () => this.advance(1) }, "Step"),
        h("button", { type: "button", onclick: () => this.reset() }, "Begin again"), this.reversal.label, this.speed.label),
      h("div", { class: "al-both" }, this.stage,
        h("div", {}, h("div", {}, "What the domain classifier pays, in nats, over the steps"), this.graph,
          h("div", { class: "kit-keys" }, key("var(--pos)", "source"), key("var(--neg)", "target"), key("currentColor", "log 2, dashed: it knows nothing")), this.text)),
    );
  }

  reset() {
    this.pause();
    this.dots = begin(this.start);
    this.lines = Array.from({ length: this.own ? 2 : 1 }, () => [0.5, 0, 0]);
    this.steps = 0;
    this.paid = [this.loss()];
    this.passed = false;
    this.draw();
  }

  loss() {
    const parts = this.lines.map((line, kind) => pays(this.own ? this.dots.filter((dot) => dot.kind === kind) : this.dots, line).loss);
    return parts.reduce((a, b) => a + b, 0) / parts.length;
  }

  advance(count) {
    for (let n = 0; n < count; n++) {
      [this.dots, this.lines] = play(this.dots, this.lines, this.strength, this.rate);
      this.steps++;
      this.paid.push(this.loss());
      this.passed ||= gap(this.dots) < -0.3;
    }
    this.paid = this.paid.slice(-KEPT);
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    this.animate((calm) => this.advance(calm ? 20 : 2), 40, 800);
  }

  /** A line w·x + c = 0 across the stage. */
  across([w1, w2, c]) {
    const length = Math.hypot(w1, w2);
    if (length < 1e-3) return "";
    const [a, b, off] = [w1 / length, w2 / length, -c / length];
    const end = (t) => `${(off * a - t * b).toFixed(2)} ${(-(off * b + t * a)).toFixed(2)}`;
    return `M${end(-9)}L${end(9)}`;
  }

  draw() {
    const apart = gap(this.dots);
    const now = this.paid[this.paid.length - 1];
    this.stage.replaceChildren(s("path", { class: "source", d: marks(this.dots, 0) }), s("path", { class: "target", d: marks(this.dots, 1) }),
      s("path", { class: "line", d: this.lines.map((line) => this.across(line)).join("") }));
    const y = (value) => (100 - 95 * Math.min(1, value)).toFixed(1);
    const line = this.paid.map((value, n) => `${n ? "L" : "M"}${((100 * n) / (KEPT - 1)).toFixed(1)} ${y(value)}`).join("");
    this.graph.replaceChildren(s("path", { class: "blind", d: `M0 ${y(Math.LN2)}H100` }), s("path", { class: "paid", d: line }));
    this.reversal.text.textContent = `Reversal λ: ${this.strength.toFixed(1)}`;
    this.speed.text.textContent = `Classifier's rate: ${this.rate.toPrecision(2)}`;
    const seen = this.passed ? "they have gone past each other" : Math.abs(apart) < 0.3 ? "they have met" : "they are apart";
    const guess = this.guess.querySelector("select").value;
    this.text.textContent = (guess === GUESSES[0] ? "Choose a prediction, then play. " : `You said: ${guess}. `)
      + `After ${counted(this.steps, "step")} ${seen}: the target's middle is ${said(apart)} to the right of the source's. `
      + `${said(100 * matched(this.dots), 0)} % of its dots lie nearest to a source dot of their class. The classifier pays ${said(now)}.`;
    this.stage.setAttribute("aria-label", `Discs and crosses of source and target after ${counted(this.steps, "step")}, ${said(apart)} apart, and the line of the domain classifier`);
    this.graph.setAttribute("aria-label", `The domain classifier's loss, now ${said(now)} nats; log 2 is 0.69`);
  }
}

const render = renders("al", "Gradient reversal in the plane", STYLE, (trait, root) => new Alignment(trait, root));

export default { render };
