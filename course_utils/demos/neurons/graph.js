// The network as it is drawn: a cell for each input and neuron, a line for each weight, as wide as the weight is strong.

import { h, s } from "../shared/kit.js";

export const GRID = 48; // pictures are GRID × GRID samples of the plane
const ROW = 42; // pixels between neurons of a layer
const TOP = 50; // room for the width buttons above them

export const picture = () => h("canvas", { width: GRID, height: GRID });

/** Shows the `net` of a page, its `widths` and which of all `names` are its `features`; tells the page what is pressed. */
export class Graph {
  constructor(page, names) {
    this.page = page;
    this.names = names;
    this.node = h("div", { class: "nn-graph", role: "group", "aria-label": "The network",
      onpointermove: (event) => this.mark(this.nearest(event)), onclick: (event) => page.grab(this.nearest(event)) });
  }

  build() {
    this.cells = new Map();
    this.links = [];
    this.lines = s("svg", { "aria-hidden": "true" });
    this.node.replaceChildren(this.lines);
    this.names.forEach((name, row) => this.addFeature(name, row));
    this.page.widths.forEach((width, l) => this.addSizes(width, l));
    this.page.net.layers.forEach(({ w }, l) => w.forEach((row, j) => this.addNeuron(l, j, row)));
  }

  place(column, row) {
    const columns = [this.names.length, ...this.page.widths, 1];
    return { x: (100 * column) / (columns.length - 1), y: TOP + ROW * (3.5 + row - (columns[column] - 1) / 2) };
  }

  addCell(column, row, key, attrs, ...kids) {
    const { x, y } = this.place(column, row);
    const canvas = picture();
    const cell = h("button", { type: "button", class: "nn-cell", onpointerenter: () => this.page.look(key),
      onpointerleave: () => this.page.look(null), ...attrs }, canvas);
    this.node.append(h("div", { class: "nn-at", style: `left:${x}%;top:${y}px` }, ...kids, cell));
    this.cells.set(key, { cell, canvas });
  }

  addFeature(name, row) {
    const on = this.page.features.includes(name);
    this.addCell(0, row, name, { "aria-pressed": `${on}`, "aria-label": `Input ${name}`, "data-off": !on,
      onclick: () => this.page.toggleFeature(name) }, h("span", { class: "nn-name", "aria-hidden": "true" }, name));
  }

  addSizes(width, l) {
    const make = (by, sign, word) => h("button", { type: "button", class: "nn-size", "data-size": `${l},${by}`,
      "aria-label": `Layer ${l + 1}: one neuron ${word} (now ${width})`, onclick: () => this.page.resize(l, by) }, sign);
    this.node.append(h("div", { class: "nn-at", style: `left:${this.place(l + 1, 0).x}%;top:14px` }, make(-1, "−", "less"), make(1, "+", "more")));
  }

  addNeuron(l, j, row) {
    const end = this.place(l + 1, j);
    row.forEach((_, i) => {
      const start = this.place(l, l ? i : this.names.indexOf(this.page.features[i]));
      const line = s("line", { x1: `${start.x}%`, y1: start.y, x2: `${end.x}%`, y2: end.y });
      this.links.push({ line, l, j, i, start, end });
      this.lines.append(line);
    });
    this.addCell(l + 1, j, `${l},${j}`, { "aria-label": this.page.nameOf(l, j), onclick: () => this.page.choose(l, j) });
  }

  /** The link within 7 pixels of the pointer, if any. */
  nearest(event) {
    const box = this.node.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const distance = ({ start, end }) => {
      const [x1, x2] = [start.x, end.x].map((x) => (x / 100) * box.width);
      const t = Math.min(0.93, Math.max(0.07, (px - x1) / (x2 - x1)));
      return Math.hypot(px - x1 - t * (x2 - x1), py - start.y - t * (end.y - start.y));
    };
    if (event.target.closest("button")) return undefined;
    return this.links.map((link) => ({ link, d: distance(link) })).filter(({ d }) => d < 7).sort((a, b) => a.d - b.d)[0]?.link;
  }

  mark(link) {
    this.links.forEach((other) => other.line.classList.toggle("near", other === link));
    this.node.style.cursor = link ? "pointer" : "";
  }

  press(chosen) {
    this.cells.forEach(({ cell }, key) => this.names.includes(key) || cell.setAttribute("aria-pressed", `${key === chosen}`));
  }

  drawWeights() {
    this.links.forEach(({ line, l, j, i }) => {
      const weight = this.page.net.layers[l].w[j][i];
      line.classList.toggle("pos", weight > 0);
      line.classList.toggle("neg", weight <= 0);
      line.setAttribute("stroke-width", Math.min(8, 0.5 + 2 * Math.abs(weight)));
    });
  }
}
