// Which point is which: click a place in one picture, and see where its match is in the other by the best of the
// features alone, whether that one chooses back, and what neighbours' votes make of it. Both pictures are one drawn
// street, the second seen by a turned camera; its windows are all alike, which is what makes matching hard.

import { random, h, s, frame, renders, BLUE, ORANGE, counted } from "./shared/kit.js";

export const GRID = 16; // places along a side
const PLACES = GRID * GRID;

const inside = (x, y, left, top, right, bottom) => x > left && x < right && y > top && y < bottom;

/** The colour [r, g, b], each from 0 to 1, of the street at (x, y): a wall of equal windows, a door, a tree, a lamp. */
export function street(x, y) {
  if (Math.hypot(x - 0.95, y - 0.15) < 0.42 + 0.05 * Math.sin(9 * Math.atan2(y - 0.15, x - 0.95))) return [0.25, 0.5, 0.22];
  if (inside(x, y, 0.89, 0.3, 1.01, 1)) return [0.4, 0.28, 0.2];
  if (inside(x, y, -1.06, -0.2, -1.01, 0.9) || Math.hypot(x + 1.03, y + 0.28) < 0.1) return [0.15, 0.15, 0.2];
  if (inside(x, y, -0.8, -0.75, 0.62, 0.8)) {
    if (inside(x, y, -0.24, 0.3, 0.04, 0.8)) return [0.5, 0.2, 0.15];
    const [u, v] = [(((x + 0.8) / 0.355) % 1), (((y + 0.75) / 0.5) % 1)];
    if (y < 0.25 && inside(u, v, 0.25, 0.2, 0.75, 0.8)) return u > 0.48 && u < 0.52 ? [0.95, 0.95, 0.9] : [0.35, 0.5, 0.7];
    return [0.85, 0.72, 0.55];
  }
  if (y < -0.75 && Math.abs(x + 0.09) < 0.85 - 0.9 * (-0.75 - y)) return [0.62, 0.3, 0.24];
  return y > 0.8 ? [0.55, 0.55, 0.57] : [0.72, 0.82 - 0.08 * y, 0.92];
}

/** The middle of place n, (x, y) from -1 to 1. */
export const middle = (n) => [(2 * (n % GRID) + 1) / GRID - 1, (2 * Math.floor(n / GRID) + 1) / GRID - 1];

/** Where (x, y) of the first picture is in the second: turned by an angle, a little larger, a little aside. */
export function move([x, y], turn) {
  const [c, s] = [1.12 * Math.cos(turn), 1.12 * Math.sin(turn)];
  return [c * x - s * y + 0.12, s * x + c * y - 0.08];
}

/** The way back of `move`. */
export function moveBack([x, y], turn) {
  const [a, b] = [x - 0.12, y + 0.08];
  const [c, s] = [Math.cos(turn) / 1.12, Math.sin(turn) / 1.12];
  return [c * a + s * b, -s * a + c * b];
}

/** Features of each place: the colours at 4 × 4 points around it, less their mean, with noise, of length 1. */
export function features(colour, noise, seed) {
  const rand = random(seed);
  return Array.from({ length: PLACES }, (_, n) => {
    const [x, y] = middle(n);
    const values = Array.from({ length: 48 }, (_, m) => {
      const [i, j] = [Math.floor(m / 12), Math.floor(m / 3) % 4];
      return colour(x + (j - 1.5) * 0.05, y + (i - 1.5) * 0.05)[m % 3] + 0.6 * noise * (rand() - 0.5);
    });
    const means = [0, 1, 2].map((k) => values.filter((_, m) => m % 3 === k).reduce((a, b) => a + b) / 16);
    const centred = values.map((v, m) => v - 0.85 * means[m % 3]);
    const length = Math.max(1e-6, Math.hypot(...centred));
    return centred.map((v) => v / length);
  });
}

/** Cosines of all pairs of places, none below 0: row n is place n of the first picture. */
export function correlate(f, g) {
  const c = new Float64Array(PLACES * PLACES);
  f.forEach((a, n) => g.forEach((b, m) => {
    let sum = 0;
    for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
    c[n * PLACES + m] = Math.max(0, sum);
  }));
  return c;
}

/** Each number times how close it comes to the best of its row and of its column. */
export function softMutual(c) {
  const [rows, columns] = [new Float64Array(PLACES), new Float64Array(PLACES)];
  c.forEach((v, i) => {
    const [n, m] = [Math.floor(i / PLACES), i % PLACES];
    rows[n] = Math.max(rows[n], v);
    columns[m] = Math.max(columns[m], v);
  });
  return c.map((v, i) => (v * v * v) / (rows[Math.floor(i / PLACES)] + 1e-6) / (columns[i % PLACES] + 1e-6));
}

/** One round of votes: the mean over nine offsets, by which both places step aside; beyond the borders are zeros. */
export function vote(c) {
  const out = new Float64Array(c.length);
  for (let di = -1; di <= 1; di++) {
    for (let dj = -1; dj <= 1; dj++) {
      const ok = (n) => inside(n % GRID + dj, Math.floor(n / GRID) + di, -1, -1, GRID, GRID);
      const step = di * GRID + dj;
      const partners = [...Array(PLACES).keys()].filter(ok);
      for (const n of partners) for (const m of partners) out[n * PLACES + m] += c[(n + step) * PLACES + m + step] / 9;
    }
  }
  return out;
}

/** The place of the second picture that place n finds best. */
export function best(c, n) {
  const row = c.subarray(n * PLACES, (n + 1) * PLACES);
  return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
}

/** The place of the first picture that place m of the second finds best. */
export function bestBack(c, m) {
  let found = 0;
  for (let n = 1; n < PLACES; n++) if (c[n * PLACES + m] > c[found * PLACES + m]) found = n;
  return found;
}

/** How far, in places, the match m of place n is from the true one; null where that is outside. */
export function gap(n, m, turn) {
  const [x, y] = move(middle(n), turn);
  if (Math.abs(x) >= 1 || Math.abs(y) >= 1) return null;
  const [u, v] = middle(m);
  return Math.hypot(u - x, v - y) * (GRID / 2);
}

/** Shares of places whose match is at most 1.5 places off: the best, those chosen back and their share, after votes. */
export function shares(raw, voted, turn) {
  let [all, right, mutual, mutualRight, after] = [0, 0, 0, 0, 0];
  for (let n = 0; n < PLACES; n++) {
    const m = best(raw, n);
    const off = gap(n, m, turn);
    if (off === null) continue;
    all += 1;
    right += off <= 1.5;
    after += gap(n, best(voted, n), turn) <= 1.5;
    if (bestBack(raw, m) === n) {
      mutual += 1;
      mutualRight += off <= 1.5;
    }
  }
  return { best: right / all, mutual: mutualRight / Math.max(1, mutual), chosenBack: mutual / all, voted: after / all };
}

/** Both pictures and one match: what stands in the page until the demo starts. */
export function still() {
  const turn = 0.2;
  const cells = (colour, left) => Array.from({ length: 24 }, (_, i) => {
    const fills = Array.from({ length: 24 }, (_, j) => colour((2 * j + 1) / 24 - 1, (2 * i + 1) / 24 - 1).map((v) => Math.round(255 * v)).join());
    return fills.map((fill, j) => {
      if (j && fills[j - 1] === fill) return ""; // one rectangle for a run of equal cells
      const end = fills.findIndex((other, k) => k > j && other !== fill);
      return `<rect x="${left + j}" y="${i}" width="${(end < 0 ? 24 : end) - j + 0.05}" height="1.05" fill="rgb(${fill})"/>`;
    }).join("");
  }).join("");
  const [x, y] = move([-0.1, 0.4], turn).map((v) => 12 * (v + 1));
  return frame("0 0 50 24", `${cells(street, 0)}${cells((u, v) => street(...moveBack([u, v], turn)), 26)}`
    + `<path d="M10.8 16.8L${26 + x} ${y}" stroke="${BLUE}" stroke-width=".4"/>`);
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.cp{--best:var(--neg);--voted:var(--pos)}
.cp .kit-row label{display:grid;gap:2px;margin:0;flex:1 1 150px}
.cp-pair{display:grid;grid-template-columns:1fr 1fr;gap:10px}
.cp-pair figure{margin:0}.cp-pair figcaption{padding:0;margin:0 0 4px;color:inherit;font-size:inherit;text-align:left}
.cp-view{position:relative;border:1px solid var(--edge);touch-action:manipulation}
.cp-view.cp-pick{cursor:crosshair}
.cp canvas,.cp svg{display:block;width:100%;height:auto;aspect-ratio:1}
.cp svg{position:absolute;inset:0}
.cp ul{list-style:none;margin:8px 0;padding:0}.cp li{margin:2px 0;padding:0}
.cp-key{display:inline-block;width:14px;height:14px;margin-right:6px;vertical-align:-2px;border:3px solid;border-radius:50%}
.cp-key.cp-square{border-radius:0}.cp-key.cp-dot{border-width:7px;width:14px}
.cp table{border-collapse:collapse;margin:8px 0 0}.cp td,.cp th{padding:2px 14px 2px 0;text-align:left;font-weight:400;border:0;background:none;color:inherit}`;

const SIDE = 192; // pixels of a drawn picture

function paint(canvas, colour) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  for (let n = 0; n < SIDE * SIDE; n++) {
    const [x, y] = [(2 * (n % SIDE) + 1) / SIDE - 1, (2 * Math.floor(n / SIDE) + 1) / SIDE - 1];
    image.data.set([...colour(x, y).map((v) => 255 * v), 255], 4 * n);
  }
  context.putImageData(image, 0, 0);
}

class Matching {
  constructor(trait, root) {
    this.turn = trait("turn", 12);
    this.noise = trait("noise", 0.5);
    this.rounds = trait("rounds", 2);
    this.chosen = trait("place", 4 * GRID + 11);
    this.build(root);
    this.see();
  }

  range(label, name, [min, max, step], changed) {
    const input = h("input", { type: "range", min, max, step, value: this[name], oninput: () => {
      this[name] = Number(input.value);
      text.textContent = `${label}: ${this[name]}`;
      changed();
    } });
    const text = h("span", {}, `${label}: ${this[name]}`);
    return h("label", {}, text, input);
  }

  view(caption, pick) {
    const canvas = h("canvas", { width: SIDE, height: SIDE });
    const marks = s("svg", { viewBox: "-1 -1 2 2", "aria-hidden": "true" });
    const attrs = pick ? { class: "cp-view cp-pick", tabindex: 0, role: "application", onclick: (e) => this.click(e), onkeydown: (e) => this.key(e),
      "aria-label": "First picture. Click a place, or move it with the arrow keys" } : { class: "cp-view", role: "img", "aria-label": "Second picture, turned, with the matches" };
    const box = h("div", attrs, canvas, marks);
    return { node: h("figure", {}, h("figcaption", {}, caption), box), canvas, marks, box };
  }

  build(root) {
    this.first = this.view("Click a place here", true);
    this.second = this.view("Its match", false);
    this.lines = h("ul", { "aria-live": "polite" });
    this.table = h("table");
    root.append(
      h("div", { class: "kit-row" }, this.range("Turn (degrees)", "turn", [-30, 30, 2], () => this.see()),
        this.range("Noise of features", "noise", [0, 2, 0.25], () => this.see()), this.range("Rounds of votes", "rounds", [0, 5, 1], () => this.count())),
      h("div", { class: "cp-pair" }, this.first.node, this.second.node), this.lines, this.table);
  }

  get radians() {
    return (this.turn * Math.PI) / 180;
  }

  see() {
    const seen = (x, y) => street(...moveBack([x, y], this.radians));
    paint(this.first.canvas, street);
    paint(this.second.canvas, seen);
    this.raw = correlate(features(street, this.noise, 1), features(seen, this.noise, 2));
    this.count();
  }

  count() {
    this.voted = softMutual(this.raw);
    for (let n = 0; n < this.rounds; n++) this.voted = vote(this.voted);
    const found = shares(this.raw, this.voted, this.radians);
    const percent = (v) => `${Math.round(100 * v)}\u00a0%`;
    const row = (...cells) => h("tr", {}, h("th", { scope: "row" }, cells[0]), h("td", {}, cells[1]));
    this.table.replaceChildren(h("tbody", {}, row("Right within 1.5 places, by the best match", percent(found.best)),
      row(`of those chosen back (${percent(found.chosenBack)} of all places)`, percent(found.mutual)),
      row(`after ${counted(this.rounds, "round")} of votes`, percent(found.voted))));
    this.draw();
  }

  click(event) {
    const box = this.first.box.getBoundingClientRect();
    const cell = (at, from, size) => Math.max(0, Math.min(GRID - 1, Math.floor(((at - from) / size) * GRID)));
    this.chosen = cell(event.clientY, box.top, box.height) * GRID + cell(event.clientX, box.left, box.width);
    this.draw();
  }

  key(event) {
    const [di, dj] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
    if (!di && !dj) return;
    event.preventDefault();
    const [i, j] = [Math.floor(this.chosen / GRID) + di, (this.chosen % GRID) + dj];
    if (inside(j, i, -1, -1, GRID, GRID)) this.chosen = i * GRID + j;
    this.draw();
  }

  draw() {
    const n = this.chosen;
    const [m, after] = [best(this.raw, n), best(this.voted, n)];
    const back = bestBack(this.raw, m) === n;
    const ring = ([x, y], colour, r) => [s("circle", { cx: x, cy: y, r, fill: "none", stroke: "#fff", "stroke-width": 0.06 }), s("circle", { cx: x, cy: y, r, fill: "none", stroke: colour, "stroke-width": 0.035 })];
    const square = ([x, y], colour, r) => [0.07, 0.035].map((width, k) => s("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, fill: "none", stroke: k ? colour : "#fff", "stroke-width": width }));
    const [x, y] = move(middle(n), this.radians);
    this.first.marks.replaceChildren(...ring(middle(n), "#111", 0.07));
    this.second.marks.replaceChildren(s("circle", { cx: x, cy: y, r: 0.03, fill: "#111", stroke: "#fff", "stroke-width": 0.02 }),
      ...square(middle(m), ORANGE, 0.07), ...ring(middle(after), BLUE, 0.09));
    const off = (match) => {
      const away = gap(n, match, this.radians);
      return away === null ? "" : `, ${away.toFixed(1)} places off`;
    };
    const key = (kind, colour) => h("span", { class: `cp-key ${kind}`, style: `color:${colour}`, "aria-hidden": "true" });
    const line = (mark, text) => h("li", {}, mark, text);
    this.lines.replaceChildren(
      line(key("cp-dot", "#111;border-color:#111;outline:1px solid #fff"), gap(n, m, this.radians) === null ? "true match: outside the second picture" : "true match"),
      line(key("cp-square", "var(--best)"), `best match${off(m)}; ${back ? "it chooses back" : "it chooses another place back, so it is not mutual"}`),
      line(key("", "var(--voted)"), `after ${counted(this.rounds, "round")} of votes${off(after)}`));
  }
}

const render = renders("cp", "Matching two pictures", STYLE, (trait, root) => new Matching(trait, root));

export default { render };
