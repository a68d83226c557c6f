// What demos share: colours, controls, seeded random numbers, playing, and how a page starts and clears one.

// The figures' own colours, seen well on white and on near-black (`COLOURS` of course_utils/plots.py).
export const BLUE = "#2277cc";
export const ORANGE = "#f04e06";
export const PINK = "#d0569a";

// `.kit` is the section around a demo, whose own styles come after these.
const KIT = `
html[data-theme=light] .kit{color-scheme:light}
html[data-theme=dark] .kit,[data-jp-theme-light=false] .kit{color-scheme:dark}
.kit{--pos:${BLUE};--neg:${ORANGE};--hot:${PINK};--paper:var(--pst-color-background,var(--jp-layout-color0,Canvas));
 --faint:color-mix(in srgb,currentColor 14%,transparent);--edge:color-mix(in srgb,currentColor 50%,transparent);
 container-type:inline-size;font-size:.875rem;line-height:1.35;text-align:left}
.kit *{box-sizing:border-box}
.kit button,.kit select{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--edge);border-radius:6px;
 min-height:36px;padding:2px 10px;cursor:pointer;max-width:100%}
.kit button:hover{background:var(--faint)}
.kit button.kit-main{background:#1f66ad;border-color:#1f66ad;color:#fff;min-width:84px}
.kit :focus-visible{outline:2px solid var(--pos);outline-offset:2px}
.kit-row{display:flex;flex-wrap:wrap;gap:8px 12px;align-items:end;margin:0 0 10px}
.kit-row label{display:grid;gap:2px;margin:0}
.kit-row label.kit-wide{flex:1 1 150px}
.kit-row label.kit-tick{display:flex;gap:6px;align-items:center;min-height:36px}
.kit-tick input{width:20px;height:20px;accent-color:var(--pos)}
.kit :where(input[type=range]){width:100%;margin:0;min-height:24px;accent-color:var(--pos)}
.kit p{margin:8px 0}
.kit-keys{display:flex;flex-wrap:wrap;gap:2px 14px;margin:6px 0}
.kit-keys i{display:inline-block;width:11px;height:11px;border-radius:50%;margin-right:5px}`;

/** Numbers in [0, 1) that are the same in every browser (mulberry32). */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A number from N(0, 1). */
export const normal = (rand) => Math.sqrt(-2 * Math.log(1 - rand())) * Math.cos(2 * Math.PI * rand());

/** Give an element attributes, listeners (`onclick`) and children. */
export function fill(node, attrs, kids = []) {
  for (const [name, value] of Object.entries(attrs)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...kids);
  return node;
}

/** A new element of HTML, and one of SVG, filled. */
export const h = (tag, attrs = {}, ...kids) => fill(document.createElement(tag), attrs, kids);
export const s = (tag, attrs = {}, ...kids) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attrs, kids);

/** A labelled list to choose from. */
export function choice(label, options, value, onchange) {
  const select = h("select", { onchange: () => onchange(select.value) }, ...options.map((o) => h("option", {}, `${o}`)));
  select.value = value;
  return h("label", {}, label, select);
}

/** "1 step", "2 steps". */
export const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** What plays and pauses, with a button `play`. */
export class Moving {
  /** Call `tick` again and again; whoever asks for less motion gets `tick(true)`, seldom. */
  animate(tick, delay, calmDelay) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.play.textContent = "Pause";
    this.timer = setInterval(() => tick(calm), calm ? calmDelay : delay);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    if (this.play) this.play.textContent = "Play";
  }
}

/** The still picture that holds a demo's place: SVG as text, in the demo's own units. */
export const frame = (view, ...parts) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${view}">${parts.flat().join("")}</svg>`;

/** What a page or a notebook calls: it makes the demo in a section of its own, and gives what clears it away. */
export const renders = (name, label, style, make) => ({ model, el }) => {
  const root = h("section", { class: `kit ${name}`, "aria-label": label }, h("style", {}, KIT + style));
  el.append(root);
  const demo = make((trait, fallback) => model?.get?.(trait) ?? fallback, root);
  return () => {
    demo.pause?.();
    root.remove();
  };
};
