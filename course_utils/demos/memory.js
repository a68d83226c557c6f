// A memory network whose vectors were set by hand: a story, a question, and where each hop looks.
// The mathematics (what a sentence is found by and what it says, one hop, several) comes first, the page second.

import { h, s, choice, frame, random, renders, BLUE, counted } from "./shared/kit.js";

export const PEOPLE = ["anna", "ben", "carla"];
export const THINGS = ["lamp", "ball"];
export const PLACES = ["attic", "cellar", "garden", "kitchen"];
export const WORDS = [...PEOPLE, ...THINGS, ...PLACES];
export const LATER = 0.12; // how much more a sentence is found for each sentence that it is later

/** The axis of a word, as a vector. */
export const axis = (word) => WORDS.map((other) => +(other === word));

/** What a sentence is found by (m) and what it says (c). Who took a thing: found by the thing, says the person. */
export function memory(sentence, at) {
  const { who, took, went } = sentence;
  const key = axis(took ?? who);
  const says = took ? axis(who).map((v, k) => v - key[k]) : axis(went);
  return { m: [...key, LATER * at], c: [...says, 0] };
}

/** One look: attention over memories, and what the question becomes. The last number of u is 1: later counts more. */
export function hop(u, memories, strength) {
  const scores = memories.map(({ m }) => strength * m.reduce((sum, v, k) => sum + v * u[k], 0));
  const most = Math.max(...scores);
  const sizes = scores.map((v) => Math.exp(v - most));
  const total = sizes.reduce((a, b) => a + b, 0);
  const p = sizes.map((v) => v / total);
  return { p, u: u.map((v, k) => v + p.reduce((sum, share, n) => sum + share * memories[n].c[k], 0)) };
}

/** Several looks: what `hop` gave after each. */
export function hops(story, asked, strength, count) {
  const memories = story.map(memory);
  let u = [...axis(asked), 1];
  return Array.from({ length: count }, () => {
    const now = hop(u, memories, strength);
    u = now.u;
    return now;
  });
}

/** The place that a question vector says most of. */
export const answer = (u) => PLACES.reduce((best, place) => (u[WORDS.indexOf(place)] > u[WORDS.indexOf(best)] ? place : best));

/** A story of six sentences that holds an answer to each of its questions. */
export function tell(seed) {
  const rand = random(seed);
  const of = (list) => list[Math.floor(rand() * list.length)];
  const first = of(PEOPLE);
  const others = PEOPLE.filter((who) => who !== first);
  const story = [
    { who: of(PEOPLE), went: of(PLACES) }, { who: first, took: "lamp" }, { who: others[0], went: of(PLACES) },
    { who: first, went: of(PLACES) }, { who: others[1], took: "ball" }, { who: others[1], went: of(PLACES) },
  ];
  if (rand() < 0.5) [story[4], story[2]] = [story[2], story[4]];
  return story;
}

export const say = ({ who, took, went }) => (took ? `${who} took the ${took}` : `${who} went to the ${went}`);
export const asking = (asked) => `where is ${THINGS.includes(asked) ? "the " : ""}${asked}?`;

/** Attention of two looks: what stands in the page until the demo starts. */
export function still() {
  const looks = hops(tell(1), "lamp", 20, 2);
  return frame("0 0 2 6", looks.flatMap(({ p }, k) => p.map((share, n) =>
    `<rect x="${k}" y="${n}" width="0.9" height="0.9" fill="${BLUE}" fill-opacity="${share.toFixed(2)}"/>`)));
}

// ---------------------------------------------------------------------------------------------- the page

const MOST = 3;

const STYLE = `
.mm ol{list-style:none;margin:0 0 8px;padding:0}
.mm li{display:flex;gap:8px;align-items:center;margin:0 0 4px}
.mm li button{flex:1 1 auto;text-align:left}
.mm li button[aria-pressed=true]{border-color:var(--hot);box-shadow:0 0 0 1px var(--hot)}
.mm li svg{flex:0 0 132px;width:132px;height:28px}
.mm .look{fill:var(--pos)}.mm .edge{fill:none;stroke:var(--edge);stroke-width:.5}
.mm .words{display:flex;flex-wrap:wrap;gap:2px 12px;margin:4px 0}
.mm p{min-height:2.7em}
.mm svg text{font:9px sans-serif;fill:currentColor;text-anchor:middle}`;

class Looks {
  constructor(trait, root) {
    this.seed = trait("seed", 1);
    this.strength = trait("strength", 20);
    this.asked = "lamp";
    this.build(root);
    this.begin();
  }

  build(root) {
    this.list = h("ol", {});
    this.look = h("button", { class: "kit-main", onclick: () => ((this.count += 1), this.draw()) }, "Look");
    this.sure = h("input", { type: "range", min: 0, max: 40, step: 1, value: this.strength, oninput: () => ((this.strength = +this.sure.value), this.draw()) });
    this.texts = { sure: h("span"), words: h("div", { class: "words" }), note: h("p", { "aria-live": "polite" }) };
    root.append(
      h("div", { class: "kit-row" },
        choice("Question: where is …", [...THINGS, ...PEOPLE], this.asked, (value) => ((this.asked = value), this.begin())),
        h("button", { onclick: () => ((this.seed += 1), this.begin()) }, "Another story"),
        h("label", { class: "kit-wide" }, this.texts.sure, this.sure)),
      this.list,
      h("div", { class: "kit-row" }, this.look, h("button", { onclick: () => this.begin() }, "Begin again")),
      this.texts.words,
      this.texts.note,
    );
  }

  begin() {
    this.story = tell(this.seed);
    this.count = 0;
    this.guess = null;
    this.draw();
  }

  draw() {
    const looks = hops(this.story, this.asked, this.strength, this.count);
    this.look.disabled = this.count >= MOST;
    this.texts.sure.textContent = `How sharply it looks: ${this.strength}`;
    this.list.replaceChildren(...this.story.map((sentence, n) => h("li", {},
      h("button", { "aria-pressed": `${this.guess === n}`, onclick: () => ((this.guess = n), this.draw()) }, say(sentence)),
      this.bars(looks.map(({ p }) => p[n]), say(sentence)))));
    const u = looks.at(-1)?.u ?? [...axis(this.asked), 1];
    this.texts.words.replaceChildren(h("span", {}, "The question now holds:"), ...WORDS.map((word, k) => [word, u[k]])
      .filter(([, value]) => value > 0.05).map(([word, value]) => h("span", {}, `${word} ${value.toFixed(2)}`)));
    this.texts.note.textContent = this.said(looks);
  }

  /** A sentence's attention, hop by hop. */
  bars(shares, sentence) {
    const said = shares.map((share, k) => `hop ${k + 1}: ${share.toFixed(2)}`).join(", ") || "not looked at yet";
    return s("svg", { viewBox: "0 0 132 28", role: "img", "aria-label": `${sentence}: ${said}` },
      ...Array.from({ length: MOST }, (_, k) => [
        s("rect", { class: "look", x: 44 * k + 1, y: 1, width: 42 * (shares[k] ?? 0), height: 26, "fill-opacity": 0.55 }),
        s("rect", { class: "edge", x: 44 * k + 1, y: 1, width: 42, height: 26 }),
        s("text", { x: 44 * k + 22, y: 18 }, shares[k] === undefined ? "" : shares[k].toFixed(2)),
      ]).flat());
  }

  said(looks) {
    if (!looks.length) {
      const marked = this.guess === null ? "Press the sentence that you think it will look at first." : "Now press Look.";
      return `“${asking(this.asked)}” ${marked}`;
    }
    const first = looks[0].p.indexOf(Math.max(...looks[0].p));
    const guessed = this.guess === null ? "" : this.guess === first ? "Your guess of the first look was right. " : "The first look went elsewhere. ";
    const { u } = looks.at(-1);
    const best = answer(u);
    const value = u[WORDS.indexOf(best)];
    return `${guessed}After ${counted(looks.length, "look")} it ${value > 0.5 ? `answers: ${best}.` : "knows no place yet."}`;
  }
}

const render = renders("mm", "Where a memory network looks", STYLE, (trait, root) => new Looks(trait, root));

export default { render };
