// A program that does not know exactly at which line it is: bubble sort with a blank, on stacks that hold distributions.
// The mathematics (push, pop, an exchange by chance, one step of all lines at once) comes first, the page second.

import { h, s, choice, Moving, frame, renders, BLUE } from "./shared/kit.js";

export const VALUES = 10;
export const LINES = [["blank", 0], [">r", 0], ["more?", 0], ["r>", 0], ["more r?", 3]];
const SAYS = ["exchange the two on top, or not", "move the top to the return stack", "a number on top? back to line 0", "move it back", "a number there? back to line 3", "the end of the pass"];

export const oneHot = (k, n) => Array.from({ length: n }, (_, i) => +(i === k));
const roll = (top, by) => top.map((_, n) => top[(n - by + top.length) % top.length]);
const mean = (p, one, other) => one.map((v, k) => p * v + (1 - p) * other[k]);

/** A stack of so many cells, all 0, and where its top is. */
export const empty = (n) => ({ cells: Array.from({ length: n }, () => oneHot(0, VALUES)), top: oneHot(0, n) });

export function push({ cells, top }, value) {
  const on = roll(top, 1);
  return { cells: cells.map((cell, n) => mean(on[n], value, cell)), top: on };
}

/** What is read at the top, and the stack with its top one cell back. */
export function pop({ cells, top }) {
  const value = oneHot(-1, VALUES).map((_, k) => cells.reduce((sum, cell, n) => sum + top[n] * cell[k], 0));
  return [value, { cells, top: roll(top, -1) }];
}

/** Scores of a blank that is more or less sure to exchange where a larger number is above a smaller one. */
export const scores = (sure) => Array.from({ length: VALUES }, (_, i) => Array.from({ length: VALUES }, (_, j) => (i > j && j > 0 ? sure : -sure)));

/** What a word makes of both stacks. */
export function act(word, state, table) {
  const [data, back] = state;
  if (word === ">r") {
    const [value, rest] = pop(data);
    return [rest, push(back, value)];
  }
  if (word === "r>") {
    const [value, rest] = pop(back);
    return [push(data, value), rest];
  }
  if (word !== "blank") return state;
  const [above, once] = pop(data);
  const [below, twice] = pop(once);
  const p = above.reduce((sum, a, i) => sum + a * below.reduce((inner, b, j) => inner + b / (1 + Math.exp(-table[i][j])), 0), 0);
  return [push(push(twice, mean(p, above, below)), mean(p, below, above)), back];
}

/** One step: every line, as much as the counter is there; then the counter goes on, or jumps. */
export function tick(state, counter, table) {
  const left = [...LINES.map(([word]) => act(word, state, table)), state];
  const blend = (pick) => pick(state).map((_, n) => left.reduce((sum, one, i) => sum + counter[i] * pick(one)[n], 0));
  const mixed = [0, 1].map((k) => ({ cells: state[k].cells.map((_, n) => blend((one) => one[k].cells[n])), top: blend((one) => one[k].top) }));
  const next = oneHot(-1, LINES.length + 1);
  next[LINES.length] = counter[LINES.length];
  LINES.forEach(([word, target], i) => {
    const jump = word === "more?" ? 1 - pop(state[0])[0][0] : word === "more r?" ? 1 - pop(state[1])[0][0] : 0;
    next[target] += counter[i] * jump;
    next[i + 1] += counter[i] * (1 - jump);
  });
  return [mixed, next];
}

/** Numbers on the data stack, the last on top. */
export const load = (numbers) => [numbers.reduce((stack, n) => push(stack, oneHot(n, VALUES)), empty(numbers.length + 2)), empty(numbers.length + 2)];

/** Stacks and counter after so many steps; a pass has five for each number, and then the counter begins anew. */
export function run(numbers, sure, steps) {
  let [state, counter] = [load(numbers), oneHot(0, LINES.length + 1)];
  for (let n = 0; n < steps; n++) {
    if (n % (5 * numbers.length) === 0) counter = oneHot(0, LINES.length + 1);
    [state, counter] = tick(state, counter, scores(sure));
  }
  return [state, counter];
}

/** The likeliest value of each number's cell, the bottom first. */
export const found = (state, n) => state[0].cells.slice(1, n + 1).map((cell) => cell.indexOf(Math.max(...cell)));

/** The counter over one pass with an unsure blank: what stands in the page until the demo starts. */
export function still() {
  const shades = Array.from({ length: 15 }, (_, n) => run([2, 3, 9], 1, n + 1)[1]);
  return frame("0 0 15 6", shades.flatMap((counter, x) => counter.map((p, y) =>
    `<rect x="${x}" y="${y}" width="0.95" height="0.95" fill="${BLUE}" fill-opacity="${p.toFixed(2)}"/>`)));
}

// ---------------------------------------------------------------------------------------------- the page

const LISTS = { "2, 3, 9": [2, 3, 9], "9, 5, 1": [9, 5, 1], "4, 8, 6": [4, 8, 6], "1, 7, 2, 5": [1, 7, 2, 5] };

const STYLE = `
.sp ol{list-style:none;margin:0 0 8px;padding:0;display:grid;gap:3px}
.sp li{position:relative;padding:5px 8px;border:1px solid var(--edge);border-radius:6px;overflow:hidden;display:flex;gap:10px;flex-wrap:wrap}
.sp li i{position:absolute;inset:0 auto 0 0;background:var(--pos);opacity:.3}
.sp li b{position:relative;flex:0 0 84px;font-family:monospace}.sp li span{position:relative;flex:1 1 170px}
.sp svg{display:block;width:100%;height:auto;max-height:230px}
.sp svg text{font:12px sans-serif;fill:currentColor;text-anchor:middle}
.sp .cell{fill:none;stroke:var(--edge);stroke-width:.6}.sp .top{fill:var(--hot)}.sp .value{fill:var(--pos)}
.sp p{min-height:2.8em}`;

class Program extends Moving {
  constructor(trait, root) {
    super();
    this.sure = trait("sure", 1);
    this.list = "2, 3, 9";
    this.said = "?";
    this.build(root);
    this.restart();
  }

  build(root) {
    const button = (text, onclick, kind = "") => h("button", { type: "button", class: kind, onclick }, text);
    this.play = button("Play", () => this.toggle(), "kit-main");
    this.knob = h("input", { type: "range", min: 0, max: 8, step: 0.5, value: this.sure, oninput: () => ((this.sure = +this.knob.value), this.restart()) });
    this.texts = { sure: h("span"), note: h("p", { "aria-live": "polite" }), lines: h("ol", {}), stacks: h("div") };
    root.append(
      h("div", { class: "kit-row" },
        choice("List, the last on top", Object.keys(LISTS), this.list, (list) => ((this.list = list), this.restart())),
        choice("Predict: sorted at the end, the largest below?", ["?", "yes", "no"], this.said, (said) => ((this.said = said), this.draw())),
        h("label", { class: "kit-wide" }, this.texts.sure, this.knob)),
      h("div", { class: "kit-row" }, this.play, button("One step", () => this.step()), button("To the end", () => this.finish()), button("Begin anew", () => this.restart())),
      this.texts.lines, this.texts.stacks, this.texts.note,
    );
  }

  get numbers() {
    return LISTS[this.list];
  }

  get last() {
    return 5 * this.numbers.length * (this.numbers.length - 1);
  }

  restart() {
    this.pause();
    this.at = 0;
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    if (this.at === this.last) this.at = 0;
    this.animate(() => this.step(), 350, 1500);
  }

  step() {
    this.at = Math.min(this.at + 1, this.last);
    if (this.at === this.last) this.pause();
    this.draw();
  }

  finish() {
    this.pause();
    this.at = this.last;
    this.draw();
  }

  draw() {
    const [state, counter] = run(this.numbers, this.sure, this.at);
    this.texts.sure.textContent = `How sure the blank is: ${this.sure === 0 ? "it knows nothing" : `scores of ±${this.sure}`}`;
    this.texts.lines.replaceChildren(...SAYS.map((says, n) => h("li", {},
      h("i", { style: `width:${(100 * counter[n]).toFixed(1)}%` }),
      h("b", {}, n < LINES.length ? `${n} ${LINES[n][0]}` : "end"), h("span", {}, says), h("span", { style: "flex:0 0 44px" }, `${Math.round(100 * counter[n])} %`))));
    this.texts.stacks.replaceChildren(this.stacks(state));
    this.texts.note.textContent = this.told(state, counter);
  }

  /** Both stacks, cell by cell: bars for its values 0 to 9, and a bar for how much of the top is there. */
  stacks(state) {
    const n = this.numbers.length + 2;
    const width = 312 / n - 4;
    const one = ({ cells, top }, y, name) => [
      s("text", { x: 26, y: y + 34 }, name),
      ...cells.flatMap((cell, c) => {
        const x = 50 + c * (width + 4);
        const k = cell.indexOf(Math.max(...cell));
        return [
          ...cell.map((p, v) => s("rect", { class: "value", x: x + (v * width) / VALUES, y: y + 45 - 28 * p, width: width / VALUES - 0.4, height: 28 * p })),
          s("rect", { class: "cell", x, y: y + 15, width, height: 30 }),
          s("rect", { class: "top", x, y: y + 47, width: width * top[c], height: 4 }),
          s("text", { x: x + width / 2, y: y + 11 }, `${k}: ${Math.round(100 * cell[k])} %`)];
      })];
    return s("svg", { viewBox: "0 0 362 114", role: "img", "aria-label": `Data stack, the bottom first: ${found(state, n - 2).join(", ")}` },
      ...one(state[0], 0, "data"), ...one(state[1], 60, "return"));
  }

  told(state, counter) {
    const most = Math.max(...counter);
    const where = counter.indexOf(most);
    const begun = `Step ${this.at} of ${this.last}. Most of the counter, ${Math.round(100 * most)} %, is at ${where < LINES.length ? `line ${where}` : "the end"}.`;
    if (this.at < this.last) return begun;
    const numbers = found(state, this.numbers.length);
    const sorted = numbers.join() === [...this.numbers].sort((a, b) => b - a).join();
    const guess = this.said === "?" ? "" : ` You said ${this.said}: ${(this.said === "yes") === sorted ? "right" : "not so"}.`;
    return `${begun} Likeliest, from the bottom up: ${numbers.join(", ")}, ${sorted ? "" : "not "}sorted.${guess}`;
  }
}

const render = renders("sp", "A soft program counter", STYLE, (trait, root) => new Program(trait, root));

export default { render };
