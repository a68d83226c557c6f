// Draw a graph and see messages move: a graph convolution spreads what one node knows, or colours split round by round.
// The mathematics (sums over neighbours, steps, colours) comes first, the page second.

import { h, s, choice, Moving, frame, renders, BLUE, counted } from "./shared/kit.js";

const MOST = 9; // nodes

/** n nodes on an ellipse, clockwise from the top. */
const ring = (n) => Array.from({ length: n }, (_, v) => [50 + 40 * Math.sin((2 * Math.PI * v) / n), 30 - 22 * Math.cos((2 * Math.PI * v) / n)]);
const row = (n) => Array.from({ length: n }, (_, v) => [8 + (84 * v) / (n - 1), 30 + 8 * (v % 2 ? 1 : -1)]);
const closed = (first, n) => Array.from({ length: n }, (_, v) => [first + v, first + ((v + 1) % n)]);

/** Graphs to begin with: places of the nodes and pairs of neighbours. */
export const GRAPHS = {
  "molecule of the talk": { places: [[12, 30], [36, 12], [36, 48], [60, 30], [86, 30]], pairs: [[0, 1], [0, 2], [1, 3], [2, 3], [3, 4]] },
  "path of seven": { places: row(7), pairs: closed(0, 7).slice(0, 6) },
  "ring of six": { places: ring(6), pairs: closed(0, 6) },
  "two rings of three": { places: [[12, 12], [38, 30], [12, 48], [88, 12], [88, 48], [62, 30]], pairs: [...closed(0, 3), ...closed(3, 3)] },
  "star": { places: [[50, 30], ...ring(6)], pairs: [1, 2, 3, 4, 5, 6].map((v) => [0, v]) },
};

/** The neighbours of each of n nodes. */
export function neighbours(n, pairs) {
  const near = Array.from({ length: n }, () => []);
  pairs.forEach(([v, w]) => (near[v].push(w), near[w].push(v)));
  return near;
}

/** One graph convolution of one number a node: the sum over neighbours and oneself of state / √(d_v d_w). */
export function convolve(near, state) {
  const d = near.map((list) => 1 + list.length);
  return near.map((list, v) => [v, ...list].reduce((sum, w) => sum + state[w] / Math.sqrt(d[v] * d[w]), 0));
}

/** One round of Weisfeiler and Leman: new colours 0, 1, … in the order in which nodes show them. */
export function recolour(near, colours) {
  const names = new Map();
  return near.map((list, v) => {
    const view = `${colours[v]}:${list.map((w) => colours[w]).sort((a, b) => a - b)}`;
    if (!names.has(view)) names.set(view, names.size);
    return names.get(view);
  });
}

/** In which round each node first hears of `from`: its distance, Infinity where no way leads. */
export function firstHeard(near, from) {
  const rounds = near.map(() => Infinity);
  rounds[from] = 0;
  for (const queue = [from]; queue.length; ) {
    const v = queue.shift();
    near[v].filter((w) => rounds[w] === Infinity).forEach((w) => ((rounds[w] = rounds[v] + 1), queue.push(w)));
  }
  return rounds;
}

/** States of all rounds up to `count`. */
export function rounds(near, rule, from, count) {
  const passed = [near.map((_, v) => (rule === RULES[1] ? 0 : +(v === from)))];
  for (let n = 0; n < count; n++) passed.push((rule === RULES[1] ? recolour : convolve)(near, passed[n]));
  return passed;
}

export const RULES = ["graph convolution", "colours that split"];

const line = ([[x1, y1], [x2, y2]]) => `<path d="M${x1} ${y1}L${x2} ${y2}" stroke="currentColor" stroke-width="0.5"/>`;

/** The talk's molecule after two rounds: what stands in the page until the demo starts. */
export function still() {
  const { places, pairs } = GRAPHS["molecule of the talk"];
  const state = rounds(neighbours(5, pairs), RULES[0], 0, 2)[2];
  return frame("0 0 100 60", pairs.map((pair) => line(pair.map((v) => places[v]))),
    places.map(([x, y], v) => `<circle cx="${x}" cy="${y}" r="5" fill="${BLUE}" fill-opacity="${(0.1 + 0.9 * state[v]).toFixed(2)}" stroke="currentColor" stroke-width="0.4"/>`));
}

// ---------------------------------------------------------------------------------------------- the page

const STYLE = `
.gr svg.board{display:block;width:100%;height:auto;max-height:380px;cursor:crosshair;touch-action:manipulation;border:1px solid var(--edge);border-radius:8px}
.gr svg text{font-size:4px;fill:currentColor;text-anchor:middle;dominant-baseline:central;pointer-events:none}
.gr .edge{stroke:currentColor;stroke-width:.5}.gr .node{stroke:currentColor;stroke-width:.4}
.gr .marked{stroke:var(--hot);stroke-width:1.1}.gr .other{stroke:var(--neg);stroke-width:1.1;stroke-dasharray:1.5 1}
.gr .message{fill:var(--hot)}.gr .back{fill:var(--paper)}
.gr p{min-height:2.8em}`;

const SHADES = ["--pos", "--neg", "--hot"];

class Graphs extends Moving {
  constructor(trait, root) {
    super();
    this.rule = RULES[0];
    this.said = "?";
    this.build(root);
    this.load(trait("graph", "molecule of the talk"));
  }

  build(root) {
    const button = (text, onclick, kind = "") => h("button", { type: "button", class: kind, onclick }, text);
    this.play = button("Play", () => this.toggle(), "kit-main");
    this.pick = choice("Graph to start from", Object.keys(GRAPHS), "molecule of the talk", (name) => this.load(name));
    this.ends = h("div", { class: "kit-row" });
    this.svg = s("svg", { class: "board", viewBox: "0 0 100 60", role: "img", "aria-label": "The graph and the states of its nodes", onclick: (event) => this.clicked(event) });
    this.note = h("p", { "aria-live": "polite" });
    root.append(
      h("div", { class: "kit-row" }, this.pick, choice("What a round does", RULES, this.rule, (rule) => ((this.rule = rule), this.restart())),
        choice("Predict: the last node hears of the marked one in round", ["?", "1", "2", "3", "4", "5", "6", "7", "8", "never"], "?", (said) => ((this.said = said), this.draw()))),
      h("div", { class: "kit-row" }, this.play, button("One round", () => this.round()), button("Begin anew", () => this.restart())),
      this.svg, this.note, this.ends,
      h("div", { class: "kit-row" }, button("Join or cut these two", () => this.join(this.a, this.b)), button("Add a node", () => this.add()), button("Remove the marked node", () => this.remove())),
      h("p", {}, "In the picture: tap a node to mark it, tap another to join or cut the two, tap elsewhere to add a node."),
    );
  }

  load(name) {
    this.places = GRAPHS[name].places.map((place) => [...place]);
    this.pairs = GRAPHS[name].pairs.map((pair) => [...pair]);
    [this.a, this.b] = [0, 1];
    this.tapped = false;
    this.restart();
  }

  restart() {
    this.pause();
    [this.at, this.along] = [0, 0];
    const names = this.places.map((_, v) => `${v + 1}`);
    this.ends.replaceChildren(
      choice("Marked node", names, `${this.a + 1}`, (name) => ((this.a = name - 1), this.restart())),
      choice("Second node", names, `${this.b + 1}`, (name) => ((this.b = name - 1), this.draw())));
    this.near = neighbours(this.places.length, this.pairs);
    this.draw();
  }

  toggle() {
    if (this.timer) return this.pause();
    this.animate((calm) => (calm ? this.round() : this.move(0.05)), 40, 1500);
  }

  /** Let the messages of this round go on a little; at their end the states are updated. */
  move(part) {
    this.along += part;
    if (this.along >= 1) this.round();
    else this.draw();
  }

  round() {
    [this.at, this.along] = [Math.min(this.at + 1, 20), 0];
    if (this.at === 20) this.pause();
    this.draw();
  }

  clicked(event) {
    const corner = this.svg.createSVGPoint();
    [corner.x, corner.y] = [event.clientX, event.clientY];
    const { x, y } = corner.matrixTransform(this.svg.getScreenCTM().inverse());
    const hit = this.places.findIndex(([px, py]) => Math.hypot(px - x, py - y) < 7);
    if (hit < 0) return this.add([Math.min(94, Math.max(6, x)), Math.min(54, Math.max(6, y))]);
    const second = this.tapped && hit !== this.a;
    this.tapped = !second;
    if (second) return this.join(this.a, hit);
    this.a = hit;
    this.restart();
  }

  join(v, w) {
    if (v === w) return;
    this.b = w;
    const others = this.pairs.filter(([p, q]) => !((p === v && q === w) || (p === w && q === v)));
    this.pairs = others.length < this.pairs.length ? others : [...this.pairs, [v, w]];
    this.restart();
  }

  add(place) {
    if (this.places.length >= MOST) return;
    const free = ring(MOST).map((p) => [Math.min(...this.places.map((q) => Math.hypot(p[0] - q[0], p[1] - q[1]))), p]);
    this.places.push(place ?? free.sort((p, q) => q[0] - p[0])[0][1]);
    this.restart();
  }

  remove() {
    if (this.places.length < 3) return;
    const gone = this.a;
    const name = (v) => v - (v > gone);
    this.pairs = this.pairs.filter((pair) => !pair.includes(gone)).map((pair) => pair.map(name));
    this.places.splice(gone, 1);
    [this.a, this.b] = [0, 1];
    this.restart();
  }

  shade(value) {
    if (this.rule === RULES[0]) return { fill: "var(--pos)", "fill-opacity": (0.9 * Math.min(1, value)).toFixed(3) };
    return { fill: `var(${SHADES[value % 3]})`, "fill-opacity": [0.55, 0.25, 0.85][Math.floor(value / 3) % 3] };
  }

  draw() {
    const state = rounds(this.near, this.rule, this.a, this.at)[this.at];
    const moving = this.along > 0 ? this.pairs.flatMap(([v, w]) => [[v, w], [w, v]]) : [];
    this.svg.replaceChildren(
      ...this.pairs.map(([v, w]) => s("line", { class: "edge", x1: this.places[v][0], y1: this.places[v][1], x2: this.places[w][0], y2: this.places[w][1] })),
      ...this.places.flatMap(([x, y], v) => [
        s("circle", { class: "back", cx: x, cy: y, r: 5 }),
        s("circle", { class: `node ${v === this.a ? "marked" : v === this.b ? "other" : ""}`, cx: x, cy: y, r: 5, ...this.shade(state[v]) }),
        s("text", { x, y: y < 9 ? y + 8 : y - 7.5 }, `${v + 1}: ${this.rule === RULES[0] ? state[v].toFixed(2) : `colour ${state[v] + 1}`}`)]),
      ...moving.filter(([v]) => this.rule !== RULES[0] || state[v] > 0).map(([v, w]) => {
        const [x, y] = [0, 1].map((k) => this.places[v][k] + (0.15 + 0.7 * this.along) * (this.places[w][k] - this.places[v][k]));
        return s("circle", { class: "message", cx: x, cy: y, r: 1.2 });
      }));
    this.note.textContent = this.told(state);
  }

  /** What can be seen, in words, and whether the prediction came true. */
  told(state) {
    const begun = `Round ${this.at}. `;
    if (this.rule === RULES[1]) {
      const last = this.at && rounds(this.near, this.rule, this.a, this.at - 1)[this.at - 1];
      const [now, before] = [new Set(state).size, last ? new Set(last).size : 0];
      return `${begun}${counted(now, "colour")}${now === before ? ": nothing splits any more." : "."}`;
    }
    const heard = state.filter((value) => value > 0).length;
    const last = Math.max(...firstHeard(this.near, this.a));
    const all = `${heard} of ${state.length} nodes ${heard === 1 ? "has" : "have"} heard of node ${this.a + 1}.`;
    if (this.said === "?" || (last !== Infinity ? this.at < last : this.at < state.length)) return begun + all;
    const truth = last === Infinity ? "never" : `${last}`;
    const time = truth === "never" ? "Some never do" : `The last heard in round ${truth}`;
    return `${begun}${all} ${time}; you said ${this.said}: ${this.said === truth ? "right" : "not so"}.`;
  }
}

const render = renders("gr", "Messages on a graph", STYLE, (trait, root) => new Graphs(trait, root));

export default { render };
