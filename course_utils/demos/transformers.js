// Fixed against adaptive kernels: a convolution weighs its neighbours by distance, the same everywhere and for every text;
// self-attention (1706.03762) computes its weights from the text itself. Change a letter and see which matrix changes.
// The attention is the real one, softmax(Q Kᵀ / √d), on letters with positional encodings and heads whose weights are set by hand.

import { random, h, s, choice, frame, renders, BLUE, counted } from "./shared/kit.js";

const D = 16; // numbers for a letter, and as many for its position

/** PE(t, 2k) = sin(t / 10000^(2k/d)), PE(t, 2k + 1) = cos(…): one row for each of `count` positions. */
export function positionalEncoding(count, d = D) {
  return Array.from({ length: count }, (_, t) =>
    Array.from({ length: d }, (_, k) => (k % 2 ? Math.cos : Math.sin)(t / 10000 ** ((k - (k % 2)) / d))));
}

/** The encoding `by` positions on, from the encoding alone: a rotation of every (sin, cos) pair, so a linear map. */
export function shift(encoding, by) {
  const d = encoding.length;
  return encoding.map((v, k) => {
    const angle = by / 10000 ** ((k - (k % 2)) / d);
    return k % 2 ? v * Math.cos(angle) - encoding[k - 1] * Math.sin(angle) : v * Math.cos(angle) + encoding[k + 1] * Math.sin(angle);
  });
}

export function softmax(scores) {
  const most = Math.max(...scores);
  const powers = scores.map((v) => Math.exp(v - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((v) => v / sum);
}

/** Row i: how position i weighs every position, softmax(q_i · k_j / √d); with `causal`, nothing after i. */
export function attention(queries, keys, causal) {
  return queries.map((q, i) => softmax(keys.map((k, j) =>
    (causal && j > i ? -Infinity : q.reduce((sum, v, n) => sum + v * k[n], 0) / Math.sqrt(q.length)))));
}

/** The matrix that a convolution is: row i has `kernel[offset]` at column i − offset · dilation, for every i alike. */
export function convolutionMatrix(kernel, count, dilation = 1) {
  return Array.from({ length: count }, (_, i) => {
    const row = Array(count).fill(0);
    kernel.forEach((w, offset) => i - offset * dilation >= 0 && (row[i - offset * dilation] += w));
    return row;
  });
}

/** A fixed vector of ±1 for every character. */
function embed(character) {
  const rand = random(character.codePointAt(0) * 7919);
  return Array.from({ length: D }, () => (rand() < 0.5 ? -1 : 1));
}

const scaled = (row, gain) => row.map((v) => v * gain);

// What a head asks with and answers to. In a trained net, W_Q and W_K pick these parts out of the embeddings.
export const HEADS = {
  "the same letter": (letters) => ({ queries: letters, keys: letters }),
  "the place before": (letters, places) => ({ queries: places.map((p) => scaled(shift(p, -1), 12)), keys: places }),
  "what followed this letter before": (letters) => ({ // keys carry the letter before, which a first layer has fetched
    queries: letters, keys: letters.map((_, j) => (j ? letters[j - 1] : Array(D).fill(0))) }),
  "any: random weights": (letters, places) => {
    const rand = random(5);
    const matrix = () => Array.from({ length: D }, () => Array.from({ length: 2 * D }, () => (rand() - 0.5) * 1.2));
    const all = letters.map((row, n) => [...row, ...places[n]]);
    const project = (w) => all.map((x) => w.map((row) => row.reduce((sum, v, k) => sum + v * x[k], 0)));
    return { queries: project(matrix()), keys: project(matrix()) };
  },
};

export function headWeights(head, text, { causal = true, sharpness = 1 } = {}) {
  const { queries, keys } = HEADS[head]([...text].map(embed), positionalEncoding([...text].length));
  return attention(queries.map((q) => scaled(q, sharpness)), keys, causal);
}

/** Attention weights beside a convolution's: what stands in the page until the demo starts. */
export function still() {
  const squares = (matrix, left) => matrix.flatMap((row, i) => row.map((w, j) =>
    (w > 0.02 ? `<rect x="${left + j}" y="${i}" width="1" height="1" fill="${BLUE}" fill-opacity="${w.toFixed(2)}"/>` : "")));
  const text = "to be or not to be";
  return frame("0 0 40 18", `${squares(headWeights("the same letter", text, { sharpness: 2 }), 0).join("")}${
    squares(convolutionMatrix([0.4, 0.3, 0.2, 0.1], text.length), 22).join("")}`);
}

// ---------------------------------------------------------------------------------------------- the page

const LONGEST = 20;

const STYLE = `
.tf input[type=text]{font:inherit;font-family:monospace;color:inherit;background:var(--paper);border:1px solid var(--edge);border-radius:6px;
 min-height:36px;padding:2px 8px;width:100%;min-width:0}
.tf-pair{display:grid;grid-template-columns:1fr 1fr;gap:14px}
.tf-pair section{min-width:0}
.tf strong{display:block;margin:0 0 4px;font-size:1em;font-weight:600}
.tf svg{display:block;width:100%;overflow:visible;cursor:crosshair;touch-action:none}
.tf svg text{font:.72px monospace;fill:currentColor;text-anchor:middle;dominant-baseline:central}
.tf svg text.here{font-weight:700;fill:var(--hot)}
.tf .cell{fill:var(--pos)}.tf .back{fill:none;stroke:var(--edge);stroke-width:.04}
.tf .later{fill:var(--faint)}.tf .row{fill:none;stroke:var(--hot);stroke-width:.14}
.tf .bar{fill:var(--pos)}.tf .new{fill:none;stroke:var(--neg);stroke-width:.12}
.tf-kernel{display:grid;grid-template-columns:repeat(4,1fr);gap:8px}
.tf-kernel label{display:grid;margin:0;min-width:0}
@container (max-width:559px){.tf-pair{grid-template-columns:1fr}.tf-kernel{grid-template-columns:1fr 1fr}}`;

const CHANGED = 0.01; // a weight counts as changed from one part in a hundred

class Kernels {
  constructor(trait, root) {
    this.text = trait("text", "to be or not to be").slice(0, LONGEST);
    this.head = trait("head", "what followed this letter before");
    this.causal = trait("causal", true);
    this.sharpness = trait("sharpness", 2);
    this.kernel = [...trait("kernel", [0.4, 0.3, 0.2, 0.1])];
    this.at = this.text.length - 1;
    this.build(root);
    this.draw();
  }

  build(root) {
    const tick = h("input", { type: "checkbox", onchange: () => this.set({ causal: tick.checked }) });
    tick.checked = this.causal;
    this.input = h("input", { type: "text", maxlength: LONGEST, value: this.text, spellcheck: "false", autocapitalize: "off", oninput: () => this.retype(this.input.value) });
    this.sharp = h("input", { type: "range", min: 0, max: 5, step: 0.1, value: this.sharpness, oninput: () => this.set({ sharpness: +this.sharp.value }) });
    this.query = h("input", { type: "range", min: 0, oninput: () => this.look(+this.query.value) });
    this.texts = { sharp: h("span"), query: h("span"), note: h("p", { "aria-live": "polite" }), reads: [h("p"), h("p")] };
    this.svgs = ["Attention weights", "Convolution weights"].map((label) => s("svg", { role: "img", "aria-label": label }));
    this.svgs.forEach((svg) => ["pointerdown", "pointermove"].forEach((kind) => svg.addEventListener(kind, (event) => event.buttons && this.point(event, svg))));
    root.append(
      h("div", { class: "kit-row" }, h("label", { class: "kit-wide" }, "Text: change it", this.input),
        h("button", { type: "button", onclick: () => this.swap() }, "Swap two letters")),
      h("div", { class: "kit-row" }, choice("The head looks for", Object.keys(HEADS), this.head, (v) => this.set({ head: v })),
        h("label", { class: "kit-wide" }, this.texts.sharp, this.sharp), h("label", { class: "kit-tick" }, tick, "Causal")),
      h("div", { class: "kit-row" }, h("label", { class: "kit-wide" }, this.texts.query, this.query)),
      h("div", { class: "tf-pair" }, h("section", {}, h("strong", {}, "Attention: adaptive"), this.svgs[0], this.texts.reads[0]),
        h("section", {}, h("strong", {}, "Convolution: fixed"), this.svgs[1], this.texts.reads[1])),
      this.sliders(), this.texts.note,
    );
  }

  sliders() {
    const one = (offset) => {
      const text = h("span");
      const name = offset ? `${offset} before` : "itself";
      const show = () => (text.textContent = `${name}: ${this.kernel[offset].toFixed(2)}`);
      const input = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: this.kernel[offset],
        oninput: () => ((this.kernel[offset] = +input.value), show(), this.set({})) });
      show();
      return h("label", {}, text, input);
    };
    return h("div", {}, "The convolution's kernel", h("div", { class: "tf-kernel" }, ...this.kernel.map((_, offset) => one(offset))));
  }

  // ------------------------------------------------------------------------------------------- reacting

  matrices() {
    const { head, text, causal, sharpness } = this;
    return [headWeights(head, text, { causal, sharpness }), convolutionMatrix(this.kernel, text.length)];
  }

  set(change) {
    Object.assign(this, change);
    this.before = null;
    this.draw();
  }

  look(at) {
    this.at = at;
    this.draw();
  }

  /** Keep the matrices of the text before, to mark what an edit changes. */
  retype(text) {
    if (!text) return;
    this.before = this.text.length === text.length ? this.matrices() : null;
    this.text = text;
    this.at = Math.min(this.at, text.length - 1);
    this.draw();
  }

  swap() {
    const letters = [...this.text];
    const places = letters.flatMap((c, n) => (n + 1 < letters.length && c !== letters[n + 1] && c !== " " && letters[n + 1] !== " " ? [n] : []));
    if (!places.length) return;
    this.turn = ((this.turn ?? -1) + 1) % places.length;
    const n = places[this.turn];
    [letters[n], letters[n + 1]] = [letters[n + 1], letters[n]];
    this.input.value = letters.join("");
    this.retype(this.input.value);
  }

  point(event, svg) {
    const box = svg.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.height) - 1;
    this.look(Math.min(this.text.length - 1, Math.max(0, row)));
  }

  // -------------------------------------------------------------------------------------------- drawing

  draw() {
    const matrices = this.matrices();
    this.query.max = this.text.length - 1;
    this.query.value = this.at;
    this.texts.sharp.textContent = `Sharpness (size of the queries): ${this.sharpness}`;
    this.texts.query.textContent = `Look from letter ${this.at + 1}, “${this.text[this.at]}”`;
    matrices.forEach((matrix, n) => this.drawMatrix(this.svgs[n], matrix, this.before?.[n], n === 0));
    matrices.forEach((matrix, n) => (this.texts.reads[n].textContent = this.reading(matrix[this.at])));
    const count = (n) => matrices[n].flat().filter((v, k) => Math.abs(v - this.before[n].flat()[k]) > CHANGED).length;
    this.texts.note.textContent = this.before
      ? `That edit changed ${counted(count(0), "attention weight")} (framed) and ${counted(count(1), "weight")} of the convolution.`
      : "Each row says how one letter weighs the others. Edit the text, or swap two letters, and see which weights change.";
  }

  /** The letters a row reads, their weights added where they are equal: "b" 0.62, "t" 0.20. */
  reading(row) {
    const shares = new Map();
    row.forEach((w, j) => shares.set(this.text[j], (shares.get(this.text[j]) ?? 0) + w));
    const best = [...shares].filter(([, w]) => w > 0.03).sort((a, b) => b[1] - a[1]).slice(0, 3);
    return `Reads ${best.map(([c, w]) => `“${c}” ${w.toFixed(2)}`).join(", ") || "nothing"}`;
  }

  drawMatrix(svg, matrix, before, adaptive) {
    const n = matrix.length;
    this.height = n + 4; // letters above, the matrix, the chosen row as bars
    const cells = matrix.flatMap((row, i) => row.map((w, j) => [w, i, j]).filter(([w]) => w > 0.004));
    const squares = cells.map(([w, i, j]) => s("rect", { class: "cell", x: j + 1, y: i + 1, width: 1, height: 1, "fill-opacity": Math.min(1, w).toFixed(3) }));
    const moved = before ? matrix.flatMap((row, i) => row.map((w, j) => [w, i, j]).filter(([w, , j]) => Math.abs(w - before[i][j]) > CHANGED)) : [];
    const letters = [...this.text].flatMap((c, k) => [[k + 1.5, 0.5], [0.5, k + 1.5]].map(([x, y]) =>
      s("text", { x, y, class: k === this.at && x < 1 ? "here" : "" }, c === " " ? "·" : c)));
    const bars = matrix[this.at].map((w, j) => s("rect", { class: "bar", x: j + 1.1, y: n + 3.9 - 2.6 * Math.min(1, w), width: 0.8, height: 2.6 * Math.min(1, w) }));
    const later = this.causal || !adaptive ? Array.from({ length: n - 1 }, (_, i) => s("rect", { class: "later", x: i + 2, y: i + 1, width: n - 1 - i, height: 1 })) : [];
    svg.setAttribute("viewBox", `0 0 ${n + 1} ${this.height}`);
    svg.replaceChildren(...letters, ...later, ...squares, s("rect", { class: "back", x: 1, y: 1, width: n, height: n }),
      ...moved.map(([, i, j]) => s("rect", { class: "new", x: j + 1.1, y: i + 1.1, width: 0.8, height: 0.8 })),
      s("rect", { class: "row", x: 1, y: this.at + 1, width: n, height: 1 }), s("path", { class: "back", d: `M1 ${n + 3.9}h${n}` }), ...bars);
  }
}

const render = renders("tf", "Attention against convolution", STYLE, (trait, root) => new Kernels(trait, root));

export default { render };
