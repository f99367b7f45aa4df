// The module tree: only the rows in sight exist in the page, so 10,000 modules open as fast as ten.
import { h, icon, setText } from "./dom.js";
import { count, number, shortCount } from "./format.js";

const ROW = 26;
const AROUND = 6; // rows made above and below those in sight
const HEADS = [
  "Module",
  "Class",
  "Output shape",
  "Parameters",
  "dtype",
  "Device",
  "State",
  "Optimizer",
  "Gradient norm",
  "Update ratio",
];

export class Tree {
  constructor() {
    /** @type {import("./tree_model.js").TreeModel | null} */
    this.model = null;
    /** @type {number[]} */
    this._rows = [];
    this._active = 0;
    this._filter = h("input", {
      class: "nbt-filter",
      type: "search",
      placeholder: "Filter by path or class",
      "aria-label": "Filter modules",
      on: { input: () => this._filtered() },
    });
    this._found = h("span", { class: "nbt-muted" });
    const fold = (/** @type {boolean} */ all) => () => {
      this.model?.foldAll(all);
      this._relist();
    };
    const bar = h(
      "div",
      { class: "nbt-tree-bar" },
      this._filter,
      this._found,
      h("button", { class: "nbt-link", type: "button", text: "Expand all", on: { click: fold(false) } }),
      h("button", { class: "nbt-link", type: "button", text: "Collapse all", on: { click: fold(true) } }),
    );
    const heads = h(
      "div",
      { class: "nbt-tree-head", role: "row" },
      ...HEADS.map((text) => h("span", { role: "columnheader", text })),
    );
    this._body = h("div", { class: "nbt-tree-rows", role: "rowgroup" });
    this._scroll = h(
      "div",
      {
        class: "nbt-tree-scroll",
        role: "treegrid",
        tabindex: 0,
        "aria-label": "Modules of the model",
        on: { scroll: () => this._draw(), keydown: (/** @type {KeyboardEvent} */ e) => this._key(e) },
      },
      heads,
      this._body,
    );
    this.el = h("div", { class: "nbt-tree" }, bar, this._scroll);
    this._resized = new ResizeObserver(() => this._draw());
    this._resized.observe(this._scroll);
  }

  /** @param {import("./tree_model.js").TreeModel} model */
  show(model) {
    if (this.model && this.model.length === model.length) model.collapsed.set(this.model.collapsed);
    this.model = model;
    this.el.classList.toggle("nbt-no-shapes", !model.cells.shape.some(Boolean));
    model.filter(this._filter.value);
    this._relist();
  }

  draw() {
    this._draw();
  }

  destroy() {
    this._resized.disconnect();
  }

  _filtered() {
    this.model?.filter(this._filter.value);
    this._scroll.scrollTop = 0;
    this._active = 0;
    this._relist();
  }

  _relist() {
    if (!this.model) return;
    this._rows = this.model.visible();
    this._active = Math.min(this._active, Math.max(0, this._rows.length - 1));
    this._body.style.height = `${ROW * this._rows.length}px`;
    const filtered = this._filter.value.trim() !== "";
    setText(
      this._found,
      filtered ? `${count(this.model.matches)} of ${count(this.model.length)}` : `${count(this.model.length)} modules`,
    );
    this._scroll.setAttribute("aria-rowcount", String(this._rows.length));
    this._draw();
  }

  _draw() {
    const { model } = this;
    if (!model) return;
    this.el.classList.toggle("nbt-tree-live", model.hasLive);
    const from = Math.max(0, Math.floor(this._scroll.scrollTop / ROW) - AROUND);
    const to = Math.min(
      this._rows.length,
      Math.ceil((this._scroll.scrollTop + (this._scroll.clientHeight || 400)) / ROW) + AROUND,
    );
    const live = model.hasLive ? { ...model.live(), scale: scaleOf(model.gradients) } : null;
    const made = [];
    for (let at = from; at < to; at++) made.push(this._row(at, live));
    this._body.replaceChildren(...made);
  }

  /** @param {number} at @param {any} live */
  _row(at, live) {
    const model = /** @type {import("./tree_model.js").TreeModel} */ (this.model);
    const i = this._rows[at];
    const cell = (/** @type {string} */ column) => model.cells[column][i];
    const folder = model.hasChildren[i] === 1;
    const depth = model.depths[i];
    const open = folder && !model.collapsed[i];
    const twist = h(
      "i",
      { class: `nbt-twist${folder ? "" : " nbt-leaf"}${open ? " nbt-open" : ""}` },
      folder ? icon("chevron") : null,
    );
    const name = h(
      "span",
      {
        class: "nbt-path",
        role: "gridcell",
        style: `padding-left: ${8 + 14 * depth}px`,
        title: model.paths[i] || "the model",
      },
      twist,
      h("b", { text: model.names[i] }),
    );
    const own = cell("own");
    const row = h(
      "div",
      {
        class: `nbt-tree-row${at === this._active ? " nbt-active" : ""}${model.isMatch(i) ? "" : " nbt-dim"}`,
        role: "row",
        "aria-level": depth + 1,
        "aria-expanded": folder ? String(open) : null,
        style: `top: ${ROW * at}px`,
        on: { click: () => this._pick(at, true) },
      },
      name,
      text(cell("class")),
      text(cell("shape")),
      h("span", {
        class: "nbt-num",
        role: "gridcell",
        title: `${count(cell("total"))} in all, ${count(own)} of its own`,
        text: cell("total") ? shortCount(cell("total")) : "",
      }),
      text(cell("dtype")),
      text(cell("device")),
      stateCell(cell("state"), cell("shared")),
      heldCell(cell("held")),
    );
    if (live) row.append(bar(live.norm[i], live.scale, "gradient"), bar(live.ratio[i], RATIO_SCALE, "train"));
    return row;
  }

  /** @param {number} at @param {boolean} fold */
  _pick(at, fold) {
    this._active = at;
    const i = this._rows[at];
    if (fold && this.model?.hasChildren[i] && !this._filter.value.trim()) this.model.collapsed[i] ^= 1;
    this._relist();
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const { model } = this;
    if (!model || !this._rows.length) return;
    const i = this._rows[this._active];
    const folded = model.collapsed[i] === 1;
    const to = {
      ArrowDown: this._active + 1,
      ArrowUp: this._active - 1,
      Home: 0,
      End: this._rows.length - 1,
      PageDown: this._active + 12,
      PageUp: this._active - 12,
    }[event.key];
    if (to !== undefined) this._active = Math.max(0, Math.min(this._rows.length - 1, to));
    else if (event.key === "ArrowRight" && model.hasChildren[i] && folded) model.collapsed[i] = 0;
    else if (event.key === "ArrowLeft" && model.hasChildren[i] && !folded) model.collapsed[i] = 1;
    else if (event.key === "ArrowLeft") this._active = Math.max(0, this._rows.indexOf(model.parents[i]));
    else if (event.key === "Enter" || event.key === " ") model.collapsed[i] ^= model.hasChildren[i];
    else return;
    event.preventDefault();
    event.stopPropagation();
    this._relist();
    const top = ROW * this._active;
    const [from, height] = [this._scroll.scrollTop, this._scroll.clientHeight - 2 * ROW];
    if (top < from) this._scroll.scrollTop = top;
    else if (top > from + height) this._scroll.scrollTop = top - height;
  }
}

const RATIO_SCALE = { from: -6, to: -1 }; // powers of ten; an update near 1e-3 of the weight sits in the middle

/** Powers of ten that the gradient norms of all layers span, at least two. @param {Float32Array} norms */
function scaleOf(norms) {
  let [low, high] = [Infinity, -Infinity];
  for (const v of norms) {
    if (!(v > 0) || !Number.isFinite(v)) continue;
    low = Math.min(low, Math.log10(v));
    high = Math.max(high, Math.log10(v));
  }
  if (low > high) return { from: -3, to: 1 };
  return { from: Math.max(Math.min(low, high - 2), high - 8), to: high };
}

/** @param {number} value @param {{from: number, to: number}} scale @param {string} role */
function bar(value, { from, to }, role) {
  if (value !== value && value !== 0) return h("span", { role: "gridcell" });
  const bad = !Number.isFinite(value);
  const size = bad ? 1 : value > 0 ? Math.max(0.03, Math.min(1, (Math.log10(value) - from) / (to - from || 1))) : 0;
  return h(
    "span",
    {
      class: "nbt-live",
      role: "gridcell",
      title:
        role === "train"
          ? "Size of the last update over the size of the weights; around 1e-3 is usual"
          : "Before clipping; logarithmic bar",
    },
    h(
      "i",
      { class: "nbt-live-bar" },
      h("i", { style: `width: ${(100 * size).toFixed(1)}%; background: var(--nbt-${bad ? "critical" : role})` }),
    ),
    h("span", { class: "nbt-num", text: number(value, 3) }),
  );
}

/** @param {string} value */
function text(value) {
  return h("span", { role: "gridcell", title: value || null, text: value });
}

/** @param {string} state @param {string} shared */
function stateCell(state, shared) {
  const tone = { trainable: "muted", frozen: "info", mixed: "info" }[state];
  return h(
    "span",
    { role: "gridcell", class: "nbt-chips" },
    tone ? h("span", { class: "nbt-chip", "data-tone": tone, text: state }) : null,
    shared
      ? h("span", {
          class: "nbt-chip",
          "data-tone": "muted",
          title: `Shares its parameters with ${shared}`,
          text: `= ${shared}`,
        })
      : null,
  );
}

/** @param {string} held */
function heldCell(held) {
  if (held === "none")
    return h(
      "span",
      { role: "gridcell" },
      h("span", {
        class: "nbt-chip",
        "data-tone": "warning",
        title: "Trainable, and in no optimizer: it never changes",
        text: "no optimizer",
      }),
    );
  return text(held);
}
