// A date as people type it, written as year-month-day: where a decoder looks for each sign, its states set by hand.
// The mathematics (what each letter knows, scores, weights, what is read) comes first, the page second.

import { h, s, frame, renders, BLUE } from "./shared/kit.js";

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/** The eight signs that are written, by what they say; two dashes stand between them. */
export const SLOTS = ["thousands of the year", "hundreds of the year", "tens of the year", "ones of the year",
  "tens of the month", "ones of the month", "tens of the day", "ones of the day"];
const FIRST = { year: 0, month: 4, day: 6 };

/** Numbers and words of a text: where they begin, what they say, and whether they are year, month, day or nothing. */
export function parts(text) {
  const found = [...text.matchAll(/\d+|\p{L}+/gu)].map((m) => ({ at: m.index, says: m[0], is: "" }));
  const numbers = found.filter(({ says }) => /^\d/.test(says));
  found.forEach((part) => {
    if (!/^\d/.test(part.says) && MONTHS.includes(part.says.slice(0, 3).toLowerCase())) part.is = "month";
  });
  numbers.forEach((part) => part.says.length === 4 && (part.is = "year"));
  const rest = numbers.filter(({ is, says }) => !is && says.length < 3);
  const named = found.some(({ is }) => is === "month");
  const yearFirst = numbers[0]?.is === "year";
  const order = named ? ["day"] : yearFirst ? ["month", "day"] : ["day", "month"];
  rest.forEach((part, n) => (part.is = order[n] ?? ""));
  return found;
}

/** For each letter of a text, which slots it belongs to, and the digit that it gives there: { slot: digit }. */
export function states(text) {
  const known = [...text].map(() => ({}));
  for (const { at, says, is } of parts(text)) {
    if (!is) continue;
    const width = is === "year" ? 4 : 2;
    const month = is === "month" && /^\p{L}/u.test(says);
    const value = month ? String(MONTHS.indexOf(says.slice(0, 3).toLowerCase()) + 1) : says;
    const digits = value.padStart(width, "0");
    for (let n = 0; n < width; n++) {
      if (month) for (let k = 0; k < 3; k++) known[at + k][FIRST[is] + n] = digits[n];
      else known[at + Math.max(0, n - (width - says.length))][FIRST[is] + n] = digits[n];
    }
  }
  return known;
}

/** h · e for each letter: `sharpness` where it belongs to the slot, 0 elsewhere. */
export const scores = (text, slot, sharpness) => states(text).map((known) => (slot in known ? sharpness : 0));

/** Their softmax. */
export function weights(text, slot, sharpness) {
  const all = scores(text, slot, sharpness);
  const most = Math.max(...all);
  const powers = all.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** What is read for a slot: how much each digit weighs, all letters together; what says no digit there is "?". */
export function readings(text, slot, sharpness) {
  const known = states(text);
  const total = {};
  weights(text, slot, sharpness).forEach((w, n) => {
    const says = known[n][slot] ?? "?";
    total[says] = (total[says] ?? 0) + w;
  });
  return total;
}

/** The sign that weighs most. */
export function sign(text, slot, sharpness) {
  return Object.entries(readings(text, slot, sharpness)).sort((a, b) => b[1] - a[1])[0]?.[0] ?? "?";
}

/** Year, month and day, with dashes. */
export function written(text, sharpness) {
  const signs = SLOTS.map((_, slot) => sign(text, slot, sharpness)).join("");
  return `${signs.slice(0, 4)}-${signs.slice(4, 6)}-${signs.slice(6)}`;
}

const EXAMPLE = "May 3, 2017";

/** All eight rows of weights: what stands in the page until the demo starts. */
export function still() {
  const cells = SLOTS.flatMap((_, row) => weights(EXAMPLE, row, 5).map((w, n) =>
    `<rect x="${n}" y="${row}" width="0.94" height="0.94" fill="${BLUE}" fill-opacity="${(0.05 + 0.95 * w).toFixed(2)}"/>`));
  return frame(`-0.2 -0.2 ${EXAMPLE.length + 0.4} ${SLOTS.length + 0.4}`, cells);
}

// ---------------------------------------------------------------------------------------------- the page

const LONGEST = 24;

const STYLE = `
.at input[type=text]{font:inherit;font-family:monospace;color:inherit;background:var(--paper);border:1px solid var(--edge);border-radius:6px;
 min-height:36px;padding:2px 8px;width:100%;min-width:0}
.at .kit-row label{flex:1 1 170px}
.at .signs,.at .letters{display:flex;flex-wrap:wrap;align-items:center;gap:4px;margin:2px 0 8px}
.at .signs button,.at .letters button{font-family:monospace;min-width:28px;min-height:36px;padding:0 4px}
.at .signs button[aria-pressed=true]{outline:3px solid var(--hot);outline-offset:-3px}
.at p{min-height:2.8em}
.at strong{display:block;margin:6px 0 2px;font-size:1em;font-weight:600}
.at svg{display:block;width:100%;height:auto;max-height:250px}
.at svg text{font:.72px monospace;fill:currentColor;text-anchor:middle;dominant-baseline:central}
.at .w{fill:var(--pos)}.at .here{fill:none;stroke:var(--hot);stroke-width:.09}`;

class Dates {
  constructor(trait, root) {
    this.text = trait("text", EXAMPLE).slice(0, LONGEST);
    this.sharpness = trait("sharpness", 5);
    this.slot = 6;
    this.guess = null;
    this.build(root);
    this.draw();
  }

  build(root) {
    this.input = h("input", { type: "text", maxlength: LONGEST, value: this.text, spellcheck: "false", autocapitalize: "off", oninput: () => this.retype(this.input.value) });
    this.sharp = h("input", { type: "range", min: 0, max: 8, step: 0.5, value: this.sharpness, oninput: () => ((this.sharpness = +this.sharp.value), this.draw()) });
    this.texts = { sharp: h("span"), ask: h("p", { "aria-live": "polite" }), note: h("p", { "aria-live": "polite" }) };
    this.signs = h("div", { class: "signs", role: "group", "aria-label": "Signs that are written" });
    this.letters = h("div", { class: "letters", role: "group", "aria-label": "Letters of the date: guess one" });
    this.svg = s("svg", { role: "img" });
    root.append(
      h("div", { class: "kit-row" }, h("label", {}, "A date: change it", this.input), h("label", {}, this.texts.sharp, this.sharp)),
      h("strong", {}, "Written: choose a sign"), this.signs,
      this.texts.ask, this.letters, this.svg, this.texts.note,
    );
  }

  retype(text) {
    if (!text) return;
    this.text = text;
    this.guess = null;
    this.draw();
  }

  choose(slot) {
    this.slot = slot;
    this.guess = null;
    this.draw();
    this.signs.querySelector("[aria-pressed=true]").focus();
  }

  answer(n) {
    this.guess = n;
    this.draw();
    this.letters.children[n].focus();
  }

  draw() {
    this.texts.sharp.textContent = `Scores are multiplied by ${this.sharpness}`;
    const all = written(this.text, this.sharpness).replaceAll("-", "");
    const buttons = [...all].map((c, slot) => h("button", { type: "button", "aria-pressed": slot === this.slot ? "true" : "false",
      "aria-label": `${c}: ${SLOTS[slot]}`, onclick: () => this.choose(slot) }, c));
    [6, 4].forEach((place) => buttons.splice(place, 0, h("span", { "aria-hidden": "true" }, "-")));
    this.signs.replaceChildren(...buttons);
    this.letters.replaceChildren(...[...this.text].map((c, n) => h("button", { type: "button", "aria-label": c === " " ? "space" : c,
      "aria-pressed": n === this.guess ? "true" : "false", onclick: () => this.answer(n) }, c === " " ? "·" : c)));
    this.drawWeights();
    this.say();
  }

  say() {
    const seen = weights(this.text, this.slot, this.sharpness);
    const total = Object.entries(readings(this.text, this.slot, this.sharpness)).sort((a, b) => b[1] - a[1]);
    this.texts.ask.textContent = this.guess === null
      ? `Which letter will it look at for the ${SLOTS[this.slot]}? Guess: choose one.`
      : `“${this.text[this.guess]}” has the weight ${seen[this.guess].toFixed(2)}: ${seen[this.guess] === Math.max(...seen) ? "none has more." : "others have more."}`;
    this.texts.note.textContent = this.guess === null ? "The weights show once you have guessed."
      : `Read for the ${SLOTS[this.slot]}: ${total.slice(0, 3).map(([c, w]) => `${c === "?" ? "no digit" : c} with ${w.toFixed(2)}`).join(", ")}.`;
  }

  drawWeights() {
    const letters = [...this.text];
    const shown = this.guess !== null;
    const bars = weights(this.text, this.slot, this.sharpness).map((w, n) => s("rect",
      { class: "w", x: n + 0.08, width: 0.84, y: shown ? 3 * (1 - w) : 2.95, height: shown ? Math.max(0.05, 3 * w) : 0.05 }));
    this.svg.setAttribute("viewBox", `-0.1 -0.1 ${Math.max(letters.length, 8) + 0.2} 4.2`);
    this.svg.setAttribute("aria-label", shown ? `Weights of the letters for the ${SLOTS[this.slot]}` : "Weights, hidden until a letter is guessed");
    this.svg.replaceChildren(...bars, ...letters.map((c, n) => s("text", { x: n + 0.5, y: 3.6 }, c === " " ? "·" : c)),
      ...(shown ? [s("rect", { class: "here", x: this.guess, y: 3.1, width: 1, height: 0.95 })] : []));
  }
}

const render = renders("at", "Attention weights as a date is written in its normal form", STYLE, (trait, root) => new Dates(trait, root));

export default { render };
