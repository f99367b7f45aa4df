// The heat map of the layers: rows are layers, columns are time, colours are gradient norms or update ratios.
import { h, setText } from "./dom.js";
import { count, number, setting } from "./format.js";
import { ABSENT, HeatStore, INFINITE, ZERO, powerOf, rangeOf, valueOf } from "./heat_store.js";
import { ramp } from "./ramp.js";

const WORDS = [
  { label: "Gradient norm", told: "gradient norm", note: "" },
  { label: "Update ratio", told: "update ratio", note: "Size of a step's change beside the size of the weights; about 1e-3 is usual." },
];
const TALL = 400; // pixels that the rows share while they are few enough
const [LEAST_ROW, MOST_ROW] = [3, 22];
const LABEL_ROOM = 13; // pixels a label needs
const LEAST_COLUMNS = 32; // a young run fills the picture from the left
const SHADES = 256;
const ASK_AGAIN_MS = 1000; // a gap is seen at each message until it is closed

/** @param {number} rows @returns {number} pixels of one */
export function rowHeight(rows) {
  return Math.max(LEAST_ROW, Math.min(MOST_ROW, Math.floor(TALL / Math.max(1, rows))));
}

export class HeatMap {
  /** @param {(have: {level: number, full: number}) => void} ask for columns that are missing */
  constructor(ask) {
    this.store = new HeatStore();
    this._ask = ask;
    this._measure = 0;
    this._drawn = "";
    this._asked = -ASK_AGAIN_MS;
    /** @type {[number, number] | null} column and row under the pointer or the keys */
    this._at = null;
    this._shades = Array.from({ length: SHADES }, (_, i) => ramp(i / (SHADES - 1)));
    this._buttons = WORDS.map(({ label }, i) =>
      h("button", {
        class: "nbt-segment",
        type: "button",
        role: "radio",
        "data-measure": i,
        text: label,
        on: { click: () => this.show(i) },
      }),
    );
    this._note = h("span", { class: "nbt-muted nbt-heat-note" });
    this._canvas = h("canvas", { class: "nbt-heat-canvas", tabindex: 0, role: "img" });
    this._mark = h("i", { class: "nbt-heat-mark", hidden: true });
    this._tip = h("div", { class: "nbt-tip nbt-heat-tip", role: "status", hidden: true });
    this._scroll = h("div", { class: "nbt-heat-scroll" }, this._canvas, this._mark);
    this._steps = h("div", { class: "nbt-heat-steps" });
    this._bar = h("i", { class: "nbt-heat-bar" });
    this._legend = h("div", { class: "nbt-heat-legend" });
    this._body = h("div", { class: "nbt-heat-body" }, this._scroll, this._tip);
    this.el = h(
      "div",
      { class: "nbt-block nbt-heat", hidden: true },
      h(
        "h4",
        {},
        h("span", { text: "Layers over time" }),
        h(
          "span",
          {
            class: "nbt-segments",
            role: "radiogroup",
            "aria-label": "What is shown",
            on: { keydown: (/** @type {KeyboardEvent} */ e) => this._choose(e) },
          },
          ...this._buttons,
        ),
        this._note,
      ),
      this._body,
      this._steps,
      this._legend,
    );
    const shades = this._shades.filter((_, i) => i % 15 === 0).map((c) => `rgb(${c.join(" ")})`);
    this._bar.style.background = `linear-gradient(90deg, ${shades.join(", ")})`;
    this._canvas.addEventListener("mousemove", (/** @type {MouseEvent} */ e) => this._point(e));
    this._canvas.addEventListener("mouseleave", () => this._aim(null));
    this._canvas.addEventListener("blur", () => this._aim(null));
    this._canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => this._key(e));
    this._resized = new ResizeObserver(() => this.draw());
    this._resized.observe(this._body);
    this._checkButtons();
  }

  /** @param {any} content */
  takeNames(content) {
    this.store.takeNames(content);
  }

  /** @param {any} content @param {DataView} view */
  take({ header }, view) {
    const now = performance.now();
    if (this.store.apply(header, view) || now - this._asked < ASK_AGAIN_MS) return;
    this._asked = now;
    this._ask(this.store.have());
  }

  /** @param {number} measure */
  show(measure) {
    this._measure = measure;
    this._checkButtons();
    this.draw();
  }

  draw() {
    const { store } = this;
    this.el.hidden = !store.names.length || !store.columns.length;
    const width = this._body.clientWidth;
    if (this.el.hidden || !width) return;
    const style = getComputedStyle(this.el);
    const key = [store.version, this._measure, width, devicePixelRatio, style.color].join();
    if (key === this._drawn) return;
    this._drawn = key;
    const rows = store.names.length;
    this._row = rowHeight(rows);
    this._gutter = Math.round(Math.min(190, 0.3 * width));
    this._slots = Math.max(LEAST_COLUMNS, store.columns.length);
    this._column = (width - this._gutter) / this._slots;
    this._range = rangeOf(store, this._measure);
    this._paint(width, rows * this._row, style);
    this._writeSteps();
    this._writeLegend();
    this._aim(this._at);
  }

  destroy() {
    this._resized.disconnect();
  }

  /** @param {number} width @param {number} height @param {CSSStyleDeclaration} style */
  _paint(width, height, style) {
    const ratio = devicePixelRatio;
    const canvas = this._canvas;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
    const ctx = canvas.getContext("2d");
    ctx.scale(ratio, ratio);
    ctx.imageSmoothingEnabled = false;
    const picture = this._picture(style);
    if (picture) ctx.drawImage(picture, this._gutter, 0, this._column * picture.width, height);
    ctx.fillStyle = style.getPropertyValue("--nbt-muted");
    ctx.font = `11px ${style.fontFamily}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "right";
    const every = Math.ceil(LABEL_ROOM / this._row);
    this.store.names.forEach((name, row) => {
      if (row % every) return;
      const middle = (row + (every > 1 ? Math.min(every, this.store.names.length - row) / 2 : 0.5)) * this._row;
      ctx.fillText(fitted(ctx, name || "(model)", this._gutter - 10), this._gutter - 8, middle);
    });
    const range = this._range;
    const words = WORDS[this._measure].told;
    const span = range ? `, ${setting(10 ** range.low)} to ${setting(10 ** range.high)}` : "";
    canvas.setAttribute(
      "aria-label",
      `${words} of ${this.store.names.length} layers over ${this.store.columns.length} points in time${span}. Arrow keys read single values.`,
    );
  }

  /** One pixel a cell. @param {CSSStyleDeclaration} style */
  _picture(style) {
    const { columns, names } = this.store;
    if (!columns.length || !this._range) return null;
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [columns.length, names.length];
    const ctx = picture.getContext("2d");
    if (!ctx) return null;
    const image = ctx.createImageData(columns.length, names.length);
    const odd = { [ZERO]: rgb(style.getPropertyValue("--nbt-axis")), [INFINITE]: rgb(style.getPropertyValue("--nbt-critical")) };
    const { low, high } = this._range;
    for (let row = 0; row < names.length; row++) {
      for (let c = 0; c < columns.length; c++) {
        const code = columns[c]?.codes[this._measure * names.length + row] ?? ABSENT;
        if (code === ABSENT) continue;
        const share = (powerOf(code) - low) / (high - low);
        const colour = odd[code] ?? this._shades[Math.round(Math.min(1, Math.max(0, share)) * (SHADES - 1))];
        image.data.set([...colour, 255], 4 * (row * columns.length + c));
      }
    }
    ctx.putImageData(image, 0, 0);
    return picture;
  }

  _writeSteps() {
    const { columns } = this.store;
    const marks = [];
    const width = this._slots * this._column;
    const most = Math.max(2, Math.floor(width / 110));
    const every = Math.max(1, Math.ceil(columns.length / most));
    for (let c = 0; c < columns.length; c += every) {
      const column = columns[c];
      if (!column) continue;
      const mark = h("span", { text: marks.length ? count(column.step) : `step ${count(column.step)}` });
      mark.style.left = `${this._gutter + c * this._column}px`;
      marks.push(mark);
    }
    this._steps.replaceChildren(...marks);
  }

  _writeLegend() {
    const range = this._range;
    setText(this._note, `${count(this.store.names.length)} layers. ${WORDS[this._measure].note}`.trim());
    if (!range) {
      this._legend.replaceChildren(h("span", { class: "nbt-muted", text: "Not measured for these layers." }));
      return;
    }
    const labels = [];
    for (let power = Math.ceil(range.low); power <= range.high; power++) labels.push(power);
    const every = Math.ceil(labels.length / 6);
    const ticks = labels
      .filter((_, i) => i % every === 0)
      .map((power) => {
        const tick = h("span", { text: setting(10 ** power) });
        tick.style.left = `${(100 * (power - range.low)) / (range.high - range.low)}%`;
        return tick;
      });
    const scale = h("div", { class: "nbt-heat-scale" }, this._bar, h("div", { class: "nbt-heat-ticks" }, ...ticks));
    const odd = [];
    if (range.zero) odd.push(swatch("axis", "0"));
    if (range.infinite) odd.push(swatch("critical", "infinite"));
    if (range.below || range.above) {
      const ends = [range.below && "lower", range.above && "higher"].filter(Boolean).join(" and ");
      odd.push(h("span", { class: "nbt-muted", text: `${ends} values have the colour of the end` }));
    }
    this._legend.replaceChildren(scale, ...odd);
  }

  /** @param {MouseEvent} event */
  _point(event) {
    const box = this._canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - this._gutter, event.clientY - box.top];
    this._aim([Math.floor(x / this._column), Math.floor(y / this._row)]);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const moves = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    });
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation(); // the notebook moves between cells with these keys
    const { columns, names } = this.store;
    const [c, row] = this._at ?? [columns.length - 1 - move[0], -move[1]];
    const kept = (/** @type {number} */ value, /** @type {number} */ end) => Math.max(0, Math.min(end - 1, value));
    this._aim([kept(c + move[0], columns.length), kept(row + move[1], names.length)]);
  }

  /** @param {[number, number] | null} at column and row */
  _aim(at) {
    const { columns, names } = this.store;
    const column = at && columns[at[0]];
    this._at = column && at[1] >= 0 && at[1] < names.length ? at : null;
    this._mark.hidden = this._tip.hidden = !this._at;
    if (!this._at || !column) return;
    const [c, row] = this._at;
    const [left, top] = [this._gutter + c * this._column, row * this._row];
    Object.assign(this._mark.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${Math.max(3, this._column)}px`,
      height: `${this._row}px`,
    });
    const value = valueOf(column.codes[this._measure * names.length + row]);
    this._tip.replaceChildren(
      h("b", { class: "nbt-heat-path", text: names[row] || "(model)" }),
      h("div", { text: `${WORDS[this._measure].told} ${value === null ? "not measured" : number(value, 3)}` }),
      h("div", { class: "nbt-tip-step", text: `step ${count(column.step)}` }),
    );
    const flip = left > this._body.clientWidth / 2;
    this._tip.style.left = flip ? "" : `${left + this._column + 10}px`;
    this._tip.style.right = flip ? `${this._body.clientWidth - left + 10}px` : "";
    const seen = top - this._scroll.scrollTop;
    this._tip.style.top = `${Math.max(0, Math.min(seen + this._row + 6, this._scroll.clientHeight - 66))}px`;
  }

  /** @param {KeyboardEvent} event */
  _choose(event) {
    if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    this.show(1 - this._measure);
    this._buttons[this._measure].focus();
  }

  _checkButtons() {
    this._buttons.forEach((button, i) => {
      button.setAttribute("aria-checked", String(i === this._measure));
      button.tabIndex = i === this._measure ? 0 : -1;
    });
  }
}

/** The end of a path tells layers apart: what does not fit is cut at the beginning. @param {CanvasRenderingContext2D} ctx @param {string} text @param {number} room */
function fitted(ctx, text, room) {
  if (ctx.measureText(text).width <= room) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ctx.measureText(`…${text.slice(middle)}`).width <= room) high = middle;
    else low = middle + 1;
  }
  return `…${text.slice(low)}`;
}

/** @param {string} hex @returns {[number, number, number]} */
function rgb(hex) {
  const value = parseInt(hex.trim().slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** @param {string} role @param {string} text */
function swatch(role, text) {
  const mark = h("i", { class: "nbt-heat-swatch" });
  mark.style.background = `var(--nbt-${role})`;
  return h("span", {}, mark, text);
}
