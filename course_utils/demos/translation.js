// Two discs full of points, a map from the first to the second and one back. Which maps come home, which fool a judge,
// and which of those is the right one? The judge of a disc looks at how evenly five rings of equal area are filled.

import { h, s, choice, frame, renders } from "./shared/kit.js";

const COUNT = 120;
const RINGS = 5;
const TURN = (2 * Math.PI) / 3;
const SWIRL = 4;

/** Points of a disc of radius 1, evenly spread: a sunflower's. */
export const disc = Array.from({ length: COUNT }, (_, n) => {
  const r = Math.sqrt((n + 0.5) / COUNT), a = n * Math.PI * (3 - Math.sqrt(5));
  return [r * Math.cos(a), r * Math.sin(a)];
});

const turned = ([x, y], angle) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
const swirled = (p, by) => turned(p, by * (p[0] ** 2 + p[1] ** 2));

/** Each map: from X to Y, and from Y to X. */
export const MAPS = {
  "the same place": { there: (p) => p, back: (p) => p },
  "turned": { there: (p) => turned(p, TURN), back: (p) => turned(p, -TURN) },
  "mirrored": { there: ([x, y]) => [-x, y], back: ([x, y]) => [-x, y] },
  "swirled": { there: (p) => swirled(p, SWIRL), back: (p) => swirled(p, -SWIRL) },
  "shrunk": { there: ([x, y]) => [x / 2, y / 2], back: ([x, y]) => [2 * x, 2 * y] },
  "turned, no way back": { there: (p) => turned(p, TURN), back: (p) => p },
  "all to the middle": { there: () => [0, 0], back: () => [0, 0] },
};

const distance = ([a, b], [c, d]) => Math.hypot(a - c, b - d);
const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;

/** How far, on average, points of both discs come back from where they were. */
export const cycle = ({ there, back }) =>
  mean(disc.map((p) => distance(back(there(p)), p))) + mean(disc.map((p) => distance(there(back(p)), p)));

/** What a judge sees: the share of points that would have to move for the rings to be evenly filled, from 0 to 1. */
export function unlike(points) {
  const shares = Array(RINGS + 1).fill(0);
  for (const [x, y] of points) shares[Math.min(RINGS, Math.floor(RINGS * (x * x + y * y)))] += 1 / points.length;
  return shares.reduce((sum, share, k) => sum + Math.max(0, share - (k < RINGS ? 1 / RINGS : 0)), 0);
}

/** All that the losses know of a map, and how far it is from the right one, which they do not know. */
export const costs = (map) => ({
  cycle: cycle(map),
  judgeX: unlike(disc.map(map.back)),
  judgeY: unlike(disc.map(map.there)),
  wrong: mean(disc.map((p) => distance(map.there(p), p))),
});

/** Who objects: the way home, a judge, both or nobody. */
export function objects({ cycle: home, judgeX, judgeY }) {
  const far = home > 0.05, seen = Math.max(judgeX, judgeY) > 0.05;
  return far && seen ? "both" : far ? "the way home" : seen ? "a judge" : "nobody";
}

const hue = ([x, y]) => `hsl(${Math.round((Math.atan2(y, x) * 180) / Math.PI + 180)} 65% 50%)`;
const radius = ([x, y]) => (0.03 + 0.03 * Math.hypot(x, y)).toFixed(3);

export const still = () => frame("-1.2 -1.2 4.9 2.4", [0, 2.5].map((left) => disc.map((p) =>
  `<circle cx="${(left + p[0]).toFixed(2)}" cy="${p[1].toFixed(2)}" r="${radius(p)}" fill="${hue(p)}"/>`)).flat());

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.tr svg{display:block;width:100%;max-width:620px;margin:0 auto}
.tr .ring{fill:none;stroke:var(--edge);stroke-width:.012}
.tr text{font:.21px sans-serif;fill:currentColor;text-anchor:middle}
.tr table{width:auto;margin:4px 0;border-collapse:collapse}
.tr td{padding:1px 14px 1px 0;text-align:left}
.tr p{min-height:4em}`;

const GUESSES = ["nobody", "the way home", "a judge", "both"];

class Discs {
  constructor(trait, root) {
    this.name = trait("map", "turned");
    this.guess = null;
    this.stage = s("svg", { viewBox: "-1.15 -1.3 6.1 2.5", role: "img" });
    this.texts = { table: h("table", {}), note: h("p", { "aria-live": "polite" }) };
    this.guesses = GUESSES.map((who) => h("button", { onclick: () => ((this.guess = who), this.draw()) }, who));
    root.append(
      h("div", { class: "kit-row" }, choice("Map from X to Y", Object.keys(MAPS), this.name, (value) => {
        this.name = value;
        this.guess = null;
        this.draw();
      })),
      this.stage,
      h("div", { class: "kit-row", role: "group", "aria-label": "Who will object?" }, h("span", {}, "Who will object?"), ...this.guesses),
      this.texts.table,
      this.texts.note,
    );
    this.draw();
  }

  draw() {
    const map = MAPS[this.name], found = costs(map);
    const places = [disc, disc.map(map.there), disc.map((p) => map.back(map.there(p)))];
    this.stage.setAttribute("aria-label", `Points of X, where they are in Y, and where they come back to: ${this.name}`);
    this.stage.replaceChildren(...places.flatMap((points, k) => [
      s("circle", { class: "ring", cx: 1.95 * k, cy: 0, r: 0.9 }),
      s("text", { x: 1.95 * k, y: -1.08 }, ["X", "there, in Y", "and back, in X"][k]),
      ...points.map((p, n) => s("circle", { cx: 1.95 * k + 0.9 * p[0], cy: 0.9 * p[1], r: radius(disc[n]), fill: hue(disc[n]) })),
    ]));
    this.guesses.forEach((button, k) => button.setAttribute("aria-pressed", `${this.guess === GUESSES[k]}`));
    const rows = [
      ["distance from home", found.cycle], ["judge of X: misplaced", found.judgeX], ["judge of Y: misplaced", found.judgeY],
      ["distance from the right place (no loss knows it)", found.wrong],
    ];
    this.texts.table.replaceChildren(...(this.guess ? rows : []).map(([name, value]) =>
      h("tr", {}, h("td", {}, name), h("td", {}, value.toFixed(2)))));
    this.texts.note.textContent = this.said(found);
  }

  said(found) {
    if (!this.guess) return "Colours show which point is which; the losses do not see them. Guess first: who will object to this map?";
    const who = objects(found);
    const begin = this.guess === who ? "Yes: " : "No: ";
    if (who !== "nobody") return `${begin}${who} ${who === "both" ? "object" : "objects"}.`;
    return found.wrong > 0.05
      ? `${begin}nobody objects, and every point is in the wrong place. To the losses it is as good as the right map.`
      : `${begin}nobody objects, and this one is right. Only you know that.`;
  }
}

const render = renders("tr", "Maps between two discs", STYLE, (trait, root) => new Discs(trait, root));

export default { render };
