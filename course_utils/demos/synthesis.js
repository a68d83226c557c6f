// Two searches for the same list program, one of them told which operations are likely.
// The mathematics (a small list language, a depth-first search, what a guide says) comes first, the page second.

import { h, s, choice, frame, random, renders, Moving, BLUE, ORANGE, counted } from "./shared/kit.js";

const add = (x, y) => x + y;
const whole = (x) => [x];
const list = (name, gives, f) => ({ name, takes: ["list"], gives, f });
/** Running results of f along a list. */
const scan = (f) => (xs) => xs.reduce((seen, x, n) => [...seen, n ? f(seen[n - 1], x) : x], []);
/** A function of a list that an empty list has no answer for. */
const some = (f) => (xs) => (xs.length ? f(xs) : null);

/** The operations, each by the name that it has in the lab's language; null is a failure. */
export const OPS = [
  list("head", "int", some((xs) => xs[0])), list("last", "int", some((xs) => xs.at(-1))),
  list("maximum", "int", some((xs) => Math.max(...xs))), list("sum", "int", (xs) => xs.reduce(add, 0)),
  list("count even", "int", (xs) => xs.filter((x) => x % 2 === 0).length),
  { name: "take", takes: ["int", "list"], gives: "list", f: (n, xs) => xs.slice(0, Math.max(n, 0)) },
  list("tail", "list", (xs) => xs.slice(1)), list("reverse", "list", (xs) => [...xs].reverse()),
  list("sort", "list", (xs) => [...xs].sort((x, y) => x - y)),
  list("map +1", "list", (xs) => xs.map((x) => x + 1)), list("map *2", "list", (xs) => xs.map((x) => x * 2)),
  list("map *-1", "list", (xs) => xs.map((x) => 0 - x)),
  list("filter even", "list", (xs) => xs.filter((x) => x % 2 === 0)), list("filter >0", "list", (xs) => xs.filter((x) => x > 0)),
  list("scan +", "list", scan(add)), list("scan max", "list", scan(Math.max)),
];
export const NAMES = OPS.map(({ name }) => name);

const kind = (value) => (Array.isArray(value) ? "list" : "int");
const numbers = (value) => (Array.isArray(value) ? value : whole(value));
export const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** All choices of arguments, the last one changing fastest. */
const ways = (takes, kinds) => takes.reduce((found, due) => found.flatMap((places) =>
  kinds.flatMap((k, n) => (k === due ? [[...places, n]] : []))), [[]]);

/** The results of a line on each row of values, or null where it fails. */
export function lineOn({ f }, places, rows) {
  const results = rows.map((row) => f(...places.map((n) => row[n])));
  return results.every((value) => value !== null && numbers(value).every((x) => x >= -256 && x <= 255)) ? results : null;
}

/** Depth-first search, node by node: the program so far, whether it fits, and what it gave. */
export function* search(examples, order, length, program = [], rows = examples.map(([input]) => [input])) {
  const due = examples.map(([, output]) => output);
  const last = program.length + 1 === length;
  for (const name of order) {
    const op = OPS[NAMES.indexOf(name)];
    if (last && op.gives !== kind(due[0])) continue;
    for (const places of ways(op.takes, rows[0].map(kind))) {
      const results = lineOn(op, places, rows);
      const longer = [...program, [name, ...places]];
      const fits = results !== null && same(results, due);
      yield { program: longer, results, fits };
      if (fits) return;
      if (results === null || last) continue;
      for (const node of search(examples, order, length, longer, rows.map((row, n) => [...row, results[n]]))) {
        yield node;
        if (node.fits) return;
      }
    }
  }
}

export const LINES = 3;

/** A program of three lines and three examples of it; each line uses the one before, and no line repeats a value. */
export function problem(seed) {
  const rand = random(seed);
  const of = (options) => options[Math.floor(rand() * options.length)];
  for (;;) {
    const examples = Array.from({ length: 3 }, () => Array.from({ length: 4 + Math.floor(rand() * 3) }, () => Math.floor(rand() * 17) - 6));
    let rows = examples.map((input) => [input]);
    const program = [];
    while (program.length < LINES && rows) {
      const op = of(OPS);
      const places = of(ways(op.takes, rows[0].map(kind)).filter((chosen) => chosen.includes(program.length))) ?? null;
      const results = places && lineOn(op, places, rows);
      const seen = results && rows[0].some((_, n) => same(rows.map((row) => row[n]), results));
      if (!places) continue;
      rows = results && !seen ? rows.map((row, n) => [...row, results[n]]) : null;
      program.push([op.name, ...places]);
    }
    if (rows && new Set(rows.map((row) => JSON.stringify(row.at(-1)))).size === 3) return { program, examples: rows.map((row) => [row[0], row.at(-1)]) };
  }
}

/** How likely a guide finds each operation: what is true, mixed with chance; `knows` from 0 (chance alone) to 1. */
export function guide(program, knows, seed) {
  const rand = random(seed + 77);
  const used = program.map(([name]) => name);
  return NAMES.map((name) => knows * used.includes(name) + (1 - knows) * rand());
}

/** Operations by falling likelihood. */
export const ordered = (likely) => NAMES.map((_, n) => n).sort((a, b) => likely[b] - likely[a] || a - b).map((n) => NAMES[n]);

/** How many nodes a search takes, `most` + 1 where it has not found anything by then. */
export function nodes(examples, order, most) {
  let count = 0;
  for (const { fits } of search(examples, order, LINES)) {
    count += 1;
    if (fits || count > most) break;
  }
  return count;
}

const COLUMNS = 64;
const MOST = 1600;

/** Two grids, one of them hardly begun: what stands in the page until the demo starts. */
export const still = () => frame("0 0 84 20", [[0, 700, ORANGE], [44, 60, BLUE]].flatMap(([left, count, colour]) =>
  Array.from({ length: count / 20 }, (_, n) => `<rect x="${left + (n % 20) * 2}" y="${2 * Math.floor(n / 20)}" width="1.7" height="1.7" fill="${colour}"/>`)));

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.sy .two{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:10px}
.sy .two svg{display:block;width:100%;height:auto;border:1px solid var(--edge);border-radius:4px}
.sy .d1{fill:var(--pos)}.sy .d2{fill:var(--pos);fill-opacity:.6}.sy .d3{fill:var(--pos);fill-opacity:.3}.sy .hit{fill:var(--hot)}
.sy code{display:block;min-height:2.7em;font-size:.8125rem;overflow-wrap:anywhere}
.sy ul{margin:0 0 8px;padding-left:18px}.sy p{min-height:2.7em}`;

const told = (program) => program.map(([name, ...places]) => `${name} ${places.map((n) => (n ? `line ${n}` : "input")).join(", ")}`).join("; ");
const show = (value) => (Array.isArray(value) ? `[${value.join(", ")}]` : `${value}`);
const GUESSES = ["?", "fewer than with it", "up to 3 times as many", "3 to 10 times as many", "more than 10 times as many"];

class Searches extends Moving {
  constructor(trait, root) {
    super();
    this.seed = trait("seed", 4);
    this.knows = trait("knows", 0.7);
    this.said = "?";
    this.build(root);
    this.begin();
  }

  build(root) {
    const button = (text, onclick, type = "") => h("button", { type: "button", class: type, onclick }, text);
    this.play = button("Play", () => this.toggle(), "kit-main");
    this.slider = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: this.knows, oninput: () => ((this.knows = +this.slider.value), this.begin()) });
    this.texts = { knows: h("span"), note: h("p", { "aria-live": "polite" }) };
    this.list = h("ul", {});
    this.panes = ["without a guide", "with a guide"].map((title) => {
      const svg = s("svg", { viewBox: `0 0 ${COLUMNS} ${MOST / COLUMNS}`, role: "img" });
      const [head, code] = [h("strong", {}), h("code", {})];
      return { title, svg, head, code, node: h("div", {}, head, svg, code) };
    });
    root.append(
      h("div", { class: "kit-row" },
        choice("Predict: without the guide it takes", GUESSES, "?", (said) => ((this.said = said), this.draw())),
        h("label", { class: "kit-wide" }, this.texts.knows, this.slider)),
      h("div", { class: "kit-row" }, this.play, button("One line", () => this.advance(1)), button("To the end", () => this.advance(MOST)),
        button("Begin again", () => this.begin()), button("Another program", () => ((this.seed += 1), this.begin()))),
      this.list, h("div", { class: "two" }, ...this.panes.map(({ node }) => node)), this.texts.note);
  }

  begin() {
    this.pause();
    const { program, examples } = problem(this.seed);
    const orders = [ordered(NAMES.map(random(this.seed + 5))), ordered(guide(program, this.knows, this.seed))];
    this.list.replaceChildren(...examples.map(([input, output]) => h("li", {}, `${show(input)} becomes ${show(output)}`)));
    this.panes.forEach((pane, n) => {
      Object.assign(pane, { walk: search(examples, orders[n], LINES), count: 0, now: null, done: false, order: orders[n] });
      pane.svg.replaceChildren();
    });
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    if (this.panes.every(({ done }) => done)) this.begin();
    this.animate((calm) => this.advance(calm ? 40 : 3), 40, 1500);
  }

  /** So many more lines for either search. */
  advance(lines) {
    this.panes.forEach((pane) => {
      const marks = [];
      for (let n = 0; n < lines && !pane.done; n += 1) {
        const { value, done } = pane.walk.next();
        pane.done = done || value.fits || pane.count + 1 >= MOST;
        if (done) break;
        pane.now = value;
        marks.push(s("rect", { class: value.fits ? "hit" : `d${value.program.length}`, x: pane.count % COLUMNS, y: Math.floor(pane.count / COLUMNS), width: 0.9, height: 0.9 }));
        pane.count += 1;
      }
      pane.svg.append(...marks);
    });
    if (this.panes.every(({ done }) => done)) this.pause();
    this.draw();
  }

  draw() {
    this.texts.knows.textContent = `How well the guide knows: ${Math.round(100 * this.knows)} %`;
    this.panes.forEach(({ title, svg, head, code, now, count, done, order }) => {
      head.textContent = `${title}: ${counted(count, "line")} tried${done ? (now.fits ? ", found" : ", given up") : ""}`;
      svg.setAttribute("aria-label", head.textContent);
      code.textContent = now ? told(now.program) : `first of all: ${order.slice(0, 4).join(", ")}, …`;
    });
    this.texts.note.textContent = this.note();
  }

  note() {
    const [plain, asked] = this.panes;
    if (!plain.done || !asked.done) return "A square is a line that was run on the examples: dark for a first line, pale for a third one, pink for the one that fits.";
    if (!asked.now.fits) return "The guide has led astray: nothing was found in time.";
    const times = plain.count / asked.count;
    const truth = GUESSES[times < 1 ? 1 : times <= 3 ? 2 : times <= 10 ? 3 : 4];
    const many = `Without the guide ${plain.now.fits ? "" : "at least "}${times.toFixed(1)} times as many lines.`;
    return this.said === "?" ? many : `${many} You said ${this.said}: ${this.said === truth ? "right" : "not so"}.`;
  }
}

const render = renders("sy", "A search with a guide and one without", STYLE, (trait, root) => new Searches(trait, root));

export default { render };
