// Four cells of an LSTM, each with a task, their weights set by hand: type a sentence and see the gates at work.
// The mathematics (what a letter is, one step of the cell, a whole sentence) comes first, the page second.

import { h, s, frame, renders, BLUE } from "./shared/kit.js";

const sigmoid = (v) => 1 / (1 + Math.exp(-v));

/** What a letter is to the cells: 1 for each of these that it is, else 0. */
export const TRAITS = ["quote", "open", "close", "space", "end", "letter", "digit"];
export function traits(c) {
  const is = { quote: c === '"', open: c === "(", close: c === ")", space: /\s/.test(c), end: /[.!?]/.test(c), letter: /\p{L}/u.test(c), digit: /\d/.test(c) };
  return TRAITS.map((name) => +is[name]);
}

// For each gate a bias, what a trait adds, and what the cell's own state adds (`h`). A gate is open from about 3 on.
export const CELLS = {
  "inside quotation marks": {
    f: { bias: 6, quote: -12 }, i: { bias: -6, quote: 12, h: -16 }, g: { bias: 3 }, o: { bias: 6 } },
  "how deep in brackets": {
    f: { bias: 6 }, i: { bias: -6, open: 12, close: 12 }, g: { open: 3, close: -3 }, o: { bias: 6 } },
  "length of this word": {
    f: { bias: -6, letter: 12, digit: 12 }, i: { bias: -6, letter: 12, digit: 12 }, g: { bias: 0.2 }, o: { bias: 6 } },
  "a digit in this sentence": {
    f: { bias: 6, end: -12, digit: -12 }, i: { bias: -6, digit: 12 }, g: { bias: 3 }, o: { bias: -6, space: 9, end: 9 } },
};

/** One step: h and c before, the letter's traits, and what is added to every forget gate; gates, h and c after. */
export function step(weights, x, h, c, held = 0) {
  const into = (gate) => (weights[gate].bias ?? 0) + (weights[gate].h ?? 0) * h
    + TRAITS.reduce((sum, name, k) => sum + (weights[gate][name] ?? 0) * x[k], 0);
  const [f, i, o] = [sigmoid(into("f") + held), sigmoid(into("i")), sigmoid(into("o"))];
  const g = Math.tanh(into("g"));
  const memory = f * c + i * g;
  return { f, i, o, g, c: memory, h: o * Math.tanh(memory) };
}

/** A cell along a text: what `step` gives after each letter. */
export function read(name, text, held = 0) {
  let [h, c] = [0, 0];
  return [...text].map((letter) => {
    const now = step(CELLS[name], traits(letter), h, c, held);
    [h, c] = [now.h, now.c];
    return now;
  });
}

const EXAMPLE = 'She (who (being 7) knew) said "yes, at 9" to all.';

/** The brackets' memory along a sentence: what stands in the page until the demo starts. */
export function still() {
  return frame(`0 0 ${EXAMPLE.length} 2.4`, read("how deep in brackets", EXAMPLE).map(({ c }, n) =>
    `<rect x="${n}" y="${(2.2 - c).toFixed(2)}" width="0.9" height="${Math.max(0.04, c).toFixed(2)}" fill="${BLUE}"/>`));
}

// ---------------------------------------------------------------------------------------------- the page

const LONGEST = 60;
const ROWS = [["f", "forget gate: what stays"], ["i", "input gate: what comes in"], ["o", "output gate: what is shown"]];

const STYLE = `
.rc input[type=text]{font:inherit;font-family:monospace;color:inherit;background:var(--paper);border:1px solid var(--edge);border-radius:6px;
 min-height:36px;padding:2px 8px;width:100%;min-width:0}
.rc .kit-row label{flex:1 1 150px}
.rc p{min-height:4.1em}
.rc strong{display:block;margin:6px 0 2px;font-size:1em;font-weight:600}
.rc .strips{overflow-x:auto}.rc .strips strong{position:sticky;left:0;width:max-content}
.rc svg{display:block;width:100%;height:auto;cursor:crosshair;touch-action:pan-x}
.rc svg text{font:1.1px monospace;fill:currentColor;text-anchor:middle;dominant-baseline:central}
.rc .kit-keys span{display:flex;gap:6px;align-items:center}.rc .kit-keys svg{width:.8em;height:.8em;cursor:default}
.rc .gate{fill:var(--pos)}.rc .in{fill:var(--hot)}.rc .out{fill:var(--neg)}.rc .memory{fill:currentColor}
.rc .back{fill:none;stroke:var(--edge);stroke-width:.05}.rc .here{fill:none;stroke:var(--hot);stroke-width:.14}`;

class Gates {
  constructor(trait, root) {
    this.text = trait("text", EXAMPLE).slice(0, LONGEST);
    this.held = trait("held", 0);
    this.at = Math.min(18, this.text.length - 1);
    this.build(root);
    this.draw();
  }

  build(root) {
    this.input = h("input", { type: "text", maxlength: LONGEST, value: this.text, spellcheck: "false", autocapitalize: "off", oninput: () => this.retype(this.input.value) });
    this.place = h("input", { type: "range", min: 0, oninput: () => this.look(+this.place.value) });
    this.hold = h("input", { type: "range", min: -6, max: 6, step: 0.5, value: this.held, oninput: () => ((this.held = +this.hold.value), this.draw()) });
    this.texts = { place: h("span"), hold: h("span"), note: h("p", { "aria-live": "polite" }) };
    this.svgs = Object.keys(CELLS).map((name) => s("svg", { role: "img", "aria-label": `Gates and memory of the cell: ${name}` }));
    this.svgs.forEach((svg) => ["pointerdown", "pointermove"].forEach((kind) => svg.addEventListener(kind, (event) => {
      if (kind === "pointermove" && !event.buttons) return;
      const box = svg.getBoundingClientRect();
      this.look(Math.max(0, Math.min(this.text.length - 1, Math.floor(((event.clientX - box.left) / box.width) * this.text.length))));
    })));
    this.strips = h("div", { class: "strips", tabindex: 0, role: "group", "aria-label": "The text under four cells" },
      ...Object.keys(CELLS).flatMap((name, n) => [h("strong", {}, name), this.svgs[n]]));
    root.append(
      h("div", { class: "kit-row" }, h("label", {}, "Text: change it", this.input)),
      h("div", { class: "kit-row" }, h("label", {}, this.texts.place, this.place), h("label", {}, this.texts.hold, this.hold)),
      h("div", { class: "kit-keys" }, ...["gate", "in", "out", "memory"].map((kind, n) => h("span", {},
        s("svg", { viewBox: "0 0 1 1", "aria-hidden": "true" }, s("rect", { class: kind, width: 1, height: 1 })), ROWS[n]?.[1] ?? "bars: the memory"))),
      this.strips,
      this.texts.note,
    );
  }

  retype(text) {
    if (!text) return;
    this.text = text;
    this.look(text.length - 1);
  }

  look(at) {
    this.at = at;
    this.draw();
    this.follow();
  }

  /** On a phone the strips are wider than the screen: bring the letter that is looked at into sight. */
  follow() {
    const [{ clientWidth: room, scrollLeft: from }, letter] = [this.strips, this.strips.scrollWidth / this.text.length];
    const to = this.at * letter;
    if (to < from || to + letter > from + room) this.strips.scrollLeft = to - room / 2;
  }

  draw() {
    this.place.max = this.text.length - 1;
    this.place.value = this.at;
    this.texts.place.textContent = `Look at letter ${this.at + 1}, “${[...this.text][this.at]}”`;
    this.texts.hold.textContent = `Added to every forget gate: ${this.held}`;
    const cells = Object.keys(CELLS).map((name) => read(name, this.text, this.held));
    cells.forEach((cell, n) => this.drawCell(this.svgs[n], cell));
    this.texts.note.textContent = Object.keys(CELLS).map((name, n) => `${name}: ${this.said(cells[n][this.at])}`).join("; ") + ".";
  }

  /** What a cell does at the letter that is looked at, in words. */
  said({ f, i, o, c }) {
    const gate = (value, open, shut) => (value > 0.5 ? open : shut);
    return `${gate(f, "keeps", "forgets")}, ${gate(i, "takes in", "takes nothing in")}, ${gate(o, "shows", "hides")} ${c.toFixed(2)}`;
  }

  drawCell(svg, cell) {
    const letters = [...this.text];
    const most = Math.max(1, ...cell.map(({ c }) => Math.abs(c)));
    const shades = ROWS.flatMap(([gate, title], row) => cell.map((now, n) =>
      s("rect", { class: ["gate", "in", "out"][row], x: n, y: 1.4 + row, width: 1, height: 0.9, "fill-opacity": (0.06 + 0.94 * now[gate]).toFixed(2) },
        s("title", {}, `${title}: ${now[gate].toFixed(2)}`))));
    const bars = cell.map(({ c }, n) => {
      const height = (1.9 * Math.abs(c)) / most;
      return s("rect", { class: "memory", x: n + 0.1, y: c < 0 ? 6.5 : 6.5 - height, width: 0.8, height });
    });
    svg.setAttribute("viewBox", `-0.1 0 ${letters.length + 0.2} 7`);
    svg.style.minWidth = `${0.6 * letters.length}em`; // letters of at least 9 pixels
    svg.replaceChildren(...letters.map((c, n) => s("text", { x: n + 0.5, y: 0.7 }, c === " " ? "·" : c)), ...shades,
      s("path", { class: "back", d: `M0 6.5h${letters.length}` }), ...bars,
      s("rect", { class: "here", x: this.at, y: 0, width: 1, height: 6.9 }));
  }
}

const render = renders("rc", "Gates of an LSTM along a sentence", STYLE, (trait, root) => new Gates(trait, root));

export default { render };
