// A Neural GPU as a cellular automaton: the same small CGRU at every place and in every step, its weights set by hand.
// The mathematics (the cell, two sets of weights, what is read) comes first, the page second.

import { h, s, choice, Moving, frame, renders, random, BLUE, PINK, counted } from "./shared/kit.js";

export const PLACES = 16;
const zeros = (...shape) => (shape.length === 1 ? Array(shape[0]).fill(0) : Array.from({ length: shape[0] }, () => zeros(...shape.slice(1))));

/** A sigmoid that reaches 0 and 1. */
export const cutoff = (x) => Math.min(1, Math.max(0, 1.2 / (1 + Math.exp(-x)) - 0.1));

/** A convolution over three places: s (C, n), rows of W (C, 3), with nothing beyond the ends. */
const mixed = (s, W, b) => W.map((kernels, o) => s[0].map((_, n) =>
  kernels.reduce((sum, kernel, c) => sum + kernel.reduce((inner, w, k) => inner + w * (s[c][n + k - 1] ?? 0), 0), b[o])));

/** One step: W (3 C, C, 3) and b (3 C) make update and reset gates and candidates, in this order. */
export function step(s, W, b) {
  const C = s.length;
  const part = (from, state) => mixed(state, W.slice(from * C, from * C + C), b.slice(from * C, from * C + C));
  const [u, r] = [part(0, s), part(1, s)].map((rows) => rows.map((row) => row.map(cutoff)));
  const made = part(2, s.map((row, c) => row.map((v, n) => r[c][n] * v)));
  return s.map((row, c) => row.map((v, n) => u[c][n] * v + (1 - u[c][n]) * Math.tanh(made[c][n])));
}

/** Channels: exactly one bit is 1; both are; the carry (1, -1, and 0 while unknown); the sum is 1 without it; by it. */
export function adder() {
  const [W, b] = [zeros(15, 5, 3), zeros(15)];
  b[0] = b[1] = 20; // what was given is kept
  b[2] = b[3] = b[4] = -20; // all else is always new
  b.fill(20, 5, 10); // all is seen
  [W[12][1][0], W[12][0][0], W[12][2][0], b[12]] = [18, 9, 4.5, -9]; // a carry is made on the left, or comes through it
  [W[13][0][1], W[13][2][1], b[13]] = [9, -4.5, -9];
  [W[14][2][1], W[14][0][1], b[14]] = [9, -9, -4.5];
  return [W, b];
}

/** Channels: particles, which go one place to the right in each step, and walls, which never change. */
export function walker() {
  const [W, b] = [zeros(6, 2, 3), zeros(6)];
  [b[0], b[1], b[2], b[3]] = [-20, 20, 20, 20];
  W[4][0][0] = 9;
  W[0][1][1] = 40;
  return [W, b];
}

/** Two rows of bits, the lowest first, as the adder's first state. */
export const image = (one, two) => [one.map((v, n) => +(v !== two[n])), one.map((v, n) => +(v && two[n])), ...zeros(3, one.length)];

/** The bits of the sum as they are read from a state. */
export const read = (state) => state[3].map((v, n) => +(v > 0.5 || state[4][n] > 0.5));

/** The sum of two rows of bits, without the last carry. */
export function due(one, two) {
  let carry = 0;
  return one.map((v, n) => {
    const total = v + two[n] + carry;
    carry = +(total > 1);
    return total % 2;
  });
}

/** All states from the first one on. */
export function states(first, [W, b], steps) {
  const rows = [first];
  for (let n = 0; n < steps; n++) rows.push(step(rows.at(-1), W, b));
  return rows;
}

const row = (text) => Array.from({ length: PLACES }, (_, n) => +(text[n] ?? 0));
const drawn = (rand) => [0, 1].map(() => Array.from({ length: PLACES }, () => +(rand() < 0.5)));
const TASKS = {
  "1 + 111111111111": () => [row("1"), row("111111111111")],
  "three short carries": () => [row("1111100011110011"), row("1000010010000101")],
  "a random sum": () => drawn(random(5)),
  "another random sum": () => drawn(random(8)),
};
const PARTICLES = "particles and a wall";

/** What a task shows: states, the channel that is drawn, what is read in each step and what is due. */
export function run(task) {
  if (task === PARTICLES) {
    const first = zeros(2, PLACES);
    for (const n of [0, 3, 4, 9]) first[0][n] = 1;
    first[1][12] = 1;
    return { rows: states(first, walker(), PLACES + 1), channel: 0 };
  }
  const bits = TASKS[task]();
  const rows = states(image(...bits), adder(), PLACES + 1);
  return { rows, channel: 2, bits, due: due(...bits) };
}

/** The first step from which on what is read is right. */
export const settled = ({ rows, due }) => rows.findLastIndex((state) => read(state).join() !== due.join()) + 1;

/** The longest carry: what stands in the page until the demo starts. */
export function still() {
  const { rows, channel } = run("1 + 111111111111");
  const cells = (sign) => rows.flatMap((state, y) => state[channel].flatMap((v, x) => (sign * v > 0.5 ? [`M${x} ${y}h.9v.9h-.9z`] : [])));
  return frame(`0 0 ${PLACES} ${rows.length}`, `<path d="${cells(-1).join("")}" fill="${BLUE}"/>`, `<path d="${cells(1).join("")}" fill="${PINK}"/>`);
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.ca svg{display:block;width:100%;height:auto;max-height:430px;margin:0 auto}
.ca svg text{font:12px monospace;fill:currentColor;text-anchor:middle}
.ca .wrong{fill:var(--hot);font-weight:bold}.ca .yes{fill:var(--hot)}.ca .no{fill:var(--pos)}.ca .cell{fill:none;stroke:var(--edge);stroke-width:.4}
.ca p{min-height:2.8em}`;

class Automaton extends Moving {
  constructor(trait, root) {
    super();
    this.task = trait("task", "1 + 111111111111");
    this.said = "?";
    this.build(root);
    this.restart();
  }

  build(root) {
    const button = (text, onclick, kind = "") => h("button", { type: "button", class: kind, onclick }, text);
    this.play = button("Play", () => this.toggle(), "kit-main");
    this.parts = { grid: h("div"), note: h("p", { "aria-live": "polite" }) };
    root.append(
      h("div", { class: "kit-row" },
        choice("What runs (lowest bit first)", [...Object.keys(TASKS), PARTICLES], this.task, (task) => ((this.task = task), this.restart())),
        choice("Predict: steps until the sum is right", ["?", "at most 6", "7 to 12", "13 and more"], this.said, (said) => ((this.said = said), this.draw()))),
      h("div", { class: "kit-row" }, this.play, button("One step", () => this.step()), button("Begin anew", () => this.restart())),
      this.parts.grid,
      h("div", { class: "kit-keys" },
        h("span", {}, h("i", { style: "background:var(--hot)" }), "a carry comes in, or a particle"),
        h("span", {}, h("i", { style: "background:var(--pos)" }), "no carry comes in"), h("span", {}, "empty: not known yet")),
      this.parts.note,
    );
  }

  restart() {
    this.pause();
    this.at = 0;
    this.made = run(this.task);
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    if (this.at === this.made.rows.length - 1) this.at = 0;
    this.animate(() => this.step(), 300, 1200);
  }

  step() {
    this.at = Math.min(this.at + 1, this.made.rows.length - 1);
    if (this.at === this.made.rows.length - 1) this.pause();
    this.draw();
  }

  draw() {
    const { rows, channel, bits, due } = this.made;
    const line = (values, y, kind = () => "") => values.map((v, n) => s("text", { x: 56 + 19 * n, y, class: kind(n) }, `${v}`));
    const head = bits ? [...line(bits[0], 14), ...line(bits[1], 30), s("text", { x: 22, y: 22 }, "given")] : [];
    const cells = rows.slice(0, this.at + 1).flatMap((state, y) => state[channel].map((v, n) =>
      s("rect", { class: v < 0 ? "no" : "yes", "fill-opacity": Math.abs(v).toFixed(2), x: 48 + 19 * n, y: 38 + 17 * y, width: 18, height: 16 })));
    const frames = rows.map((_, y) => s("rect", { class: "cell", x: 47, y: 37.5 + 17 * y, width: 19 * PLACES, height: 17 }));
    const below = 38 + 17 * rows.length + 14;
    const now = bits ? read(rows[this.at]) : [];
    const foot = bits ? [...line(now, below, (n) => (now[n] === due[n] ? "" : "wrong")), s("text", { x: 22, y: below }, "read")] : [];
    this.parts.grid.replaceChildren(s("svg", { viewBox: `0 0 356 ${below + 6}`, role: "img", "aria-label": `${this.task}, after ${counted(this.at, "step")}` },
      ...frames, ...cells, ...head, s("text", { x: 22, y: 50 + 17 * this.at }, `${this.at}`), ...foot));
    this.parts.note.textContent = this.told();
  }

  told() {
    const begun = `Step ${this.at} of ${this.made.rows.length - 1}.`;
    if (!this.made.bits) return `${begun} Each particle asks only its left neighbour; at the wall nothing ever changes.`;
    const wrong = read(this.made.rows[this.at]).filter((v, n) => v !== this.made.due[n]).length;
    if (this.at < this.made.rows.length - 1) return `${begun} ${wrong ? `Bits that are read wrongly: ${wrong}.` : "What is read is right."}`;
    const took = settled(this.made);
    const right = { "at most 6": took <= 6, "7 to 12": took > 6 && took <= 12, "13 and more": took > 12 }[this.said];
    return `${begun} The sum was right from step ${took} on.${right === undefined ? "" : right ? " You were right." : " You said something else."}`;
  }
}

const render = renders("ca", "A Neural GPU that adds", STYLE, (trait, root) => new Automaton(trait, root));

export default { render };
