// One chart. The only file that knows uPlot.
import uPlot from "uplot";
import { h, setText } from "./dom.js";
import { count, logTicks, percentTicks, ticks } from "./format.js";
import { chosen, drawMarks, marksNear } from "./marks.js";
import { WHOLE, calm, nearestDefined, rangePercent, rangeX, rangeY, thinLog } from "./scales.js";
import { join, smoothed } from "./store.js";

/** @type {Record<string, string[]>} style of a line -> what is drawn of it, lowest first */
const KINDS = {
  line: ["mean"],
  points: ["mean"],
  faint: ["low", "high", "mean"],
  smoothed: ["low", "high", "mean", "smooth"],
};
const POINT_ROOM = 15; // pixels a point needs; with less only the line is drawn

export class Chart {
  /**
   * @param {import("./chart_specs.js").Spec} spec
   * @param {import("./chart_group.js").ChartGroup} group shares crosshair, zoom and colours
   */
  constructor(spec, group) {
    this.spec = spec;
    this.group = group;
    this.log = false;
    /** @type {uPlot | null} */
    this.plot = null;
    /** @type {import("./marks.js").Marks} */
    this.marks = { best: null, alerts: [], events: [] };
    this._versions = "";
    this._width = this._height = 0;
    /** @type {any[][]} */
    this._data = [[]];
    this._build();
  }

  _build() {
    const { spec } = this;
    this._values = spec.lines.map((line) => h("b"));
    /** @type {HTMLElement[]} of each line, where there is one */
    this._entries = [];
    this._labels = spec.lines.map((line) => line.label);
    this._names = spec.lines.map((line) => h("span", { text: `${line.label} ` }));
    const legend = h("span", { class: "nbt-legend" });
    spec.lines.forEach((line, i) => {
      // the raw curve has the colour of its smoothed twin and would only repeat it
      if (line.style === "faint" && spec.lines.length > 1) return;
      const mark = h("i", { class: `nbt-swatch nbt-swatch-${line.style}`, style: `color: var(--nbt-${line.role})` });
      const named = spec.lines.length > 1 ? [mark, this._names[i]] : [];
      this._entries[i] = h("span", {}, ...named, this._values[i]);
      legend.append(this._entries[i]);
    });
    this._toggle = h("button", {
      class: "nbt-log",
      type: "button",
      "aria-pressed": "false",
      title: "Logarithmic scale",
      "aria-label": `log scale, ${spec.title}`,
      text: "log",
      on: { click: () => this.setLog(!this.log) },
    });
    this._empty = h("div", { class: "nbt-chart-empty", text: "Waiting for the first step" });
    this._tip = h("div", { class: "nbt-tip", hidden: true });
    this.body = h("div", { class: "nbt-chart-body" }, this._empty);
    this.el = h(
      "figure",
      { class: `nbt-chart${spec.wide ? " nbt-wide" : ""}`, "data-chart": spec.id },
      h(
        "figcaption",
        {},
        h("span", { class: "nbt-chart-title", text: spec.title }),
        spec.unit ? h("span", { class: "nbt-chart-unit", text: spec.unit }) : null,
        legend,
        spec.percent ? null : this._toggle,
      ),
      this.body,
    );
  }

  /** What stands where nothing is drawn yet. @param {string} text */
  say(text) {
    setText(this._empty, text);
  }

  /**
   * Take new values over, if there are any.
   * @param {Record<string, import("./store.js").CurveStore>} stores
   * @param {import("./marks.js").Marks} marks
   * @returns {boolean} whether there is anything to show
   */
  update(stores, marks) {
    const versions =
      [...new Set(this.spec.lines.map((l) => l.from))].map((f) => stores[f].version).join() + JSON.stringify(marks);
    if (versions === this._versions) return this._filled;
    this._versions = versions;
    this.marks = marks;
    this._stores = stores;
    this._load();
    return this._filled;
  }

  /**
   * Call the lines as the run does, where the spec leaves it to the run.
   * @param {any} state
   */
  name(state) {
    if (!this.spec.named) return;
    const names = state[this.spec.named] ?? [];
    this._names.forEach((name, i) => {
      this._labels[i] = names[i] ?? "";
      setText(name, `${this._labels[i]} `);
    });
  }

  get _filled() {
    return this._data[0].length > 0 && this._data.slice(1).some((ys) => ys.some((y) => typeof y === "number"));
  }

  _load() {
    if (!this._stores) return;
    this._columns = [];
    const parts = new Map();
    for (const line of this.spec.lines) {
      const store = this._stores[line.from];
      if (!parts.has(line.from)) parts.set(line.from, { x: store.steps, ys: [], names: [] });
      const part = parts.get(line.from);
      for (const kind of KINDS[line.style]) {
        const values = store.values(line.column, /** @type {any} */ (kind === "smooth" ? "mean" : kind));
        part.ys.push(kind === "smooth" ? smoothed(values) : values);
        part.names.push({ line, kind });
      }
    }
    for (const part of parts.values()) {
      for (const ys of part.ys) if (this.log) for (let i = 0; i < ys.length; i++) if (ys[i] <= 0) part.clean = true;
      if (part.clean) part.ys = part.ys.map((/** @type {Float32Array} */ ys) => ys.map((y) => (y > 0 ? y : NaN)));
    }
    this._columns = [...parts.values()].flatMap((part) => part.names);
    this._data = join([...parts.values()]);
    const filled = this._filled;
    this._empty.hidden = filled;
    this.spec.lines.forEach((line, i) => {
      const ys = this._data[this._columns.findIndex((c) => c.line === line && c.kind === "mean") + 1];
      const told = !!ys?.some((/** @type {any} */ y) => typeof y === "number");
      // before the first value it is not known whether there will be validation
      if (this._entries[i]) this._entries[i].hidden = !told && (filled || line.from === "evals");
    });
    if (filled && !this.plot) this._open();
    else if (this.plot) this.plot.setData(/** @type {any} */ (this._data));
    this.showValues();
  }

  _open() {
    const width = this.body.clientWidth;
    if (!width) return; // not laid out yet: resize comes
    [this._width, this._height] = [width, this.body.clientHeight];
    this.group.readColours();
    this.plot = new uPlot(this._options(width), /** @type {any} */ (this._data), this.body);
    this.plot.over.append(this._tip);
    this.plot.over.addEventListener("dblclick", () => this.group.zoom(null));
  }

  /** @param {boolean} log */
  setLog(log) {
    this.log = log;
    this._toggle.setAttribute("aria-pressed", String(log));
    this._reopen();
  }

  _reopen() {
    this.plot?.destroy();
    this.plot = null;
    this._load();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.body;
    if (!width || (width === this._width && height === this._height)) return;
    [this._width, this._height] = [width, height];
    if (this.plot) this.plot.setSize({ width, height });
    else if (this._filled) this._open();
  }

  redraw() {
    this.plot?.redraw(false, true);
  }

  destroy() {
    this.plot?.destroy();
    this.plot = null;
  }

  /** The values under the crosshair; at rest none, the tiles show the newest. */
  showValues() {
    const plot = this.plot;
    const hovering = plot !== null && typeof plot.cursor.idx === "number" && (plot.cursor.left ?? -1) >= 0;
    this.spec.lines.forEach((line, i) => {
      const at = this._columns?.findIndex((c) => c.line === line && c.kind === "mean") ?? -1;
      const ys = at < 0 ? [] : this._data[at + 1];
      const idx = hovering ? plot.cursor.idxs?.[at + 1] : null;
      setText(this._values[i], idx === null || idx === undefined ? "" : this.spec.show(ys[idx] ?? null));
    });
    this._showTip(hovering);
  }

  /** @param {boolean} hovering */
  _showTip(hovering) {
    const plot = this.plot;
    const mine = hovering && plot !== null && this.group.hovered === this;
    this._tip.hidden = !mine;
    if (!mine || !plot) return;
    const rows = [
      h("div", {
        class: "nbt-tip-step",
        text: `step ${count(this._data[0][/** @type {number} */ (plot.cursor.idx)])}`,
      }),
    ];
    for (const [i, line] of this.spec.lines.entries()) {
      const at = (/** @type {string} */ kind) => this._columns.findIndex((c) => c.line === line && c.kind === kind) + 1;
      const idx = plot.cursor.idxs?.[at("mean")];
      if (idx === null || idx === undefined) continue;
      const value = this._data[at("mean")][idx];
      if (typeof value !== "number") continue;
      let text = this.spec.show(value);
      if (KINDS[line.style].includes("low")) {
        const [low, high] = [this._data[at("low")][idx], this._data[at("high")][idx]];
        if (low !== high) text += ` (${this.spec.show(low)} – ${this.spec.show(high)})`;
      }
      rows.push(
        h(
          "div",
          {},
          h("i", { class: `nbt-swatch nbt-swatch-${line.style}`, style: `color: var(--nbt-${line.role})` }),
          `${this._labels[i]} `,
          h("b", { text }),
        ),
      );
    }
    const { left = 0 } = plot.cursor;
    for (const { tone, text } of marksNear(plot, chosen(this.marks, this.spec.marks), left))
      rows.push(h("div", { class: "nbt-tip-mark", "data-tone": tone, text }));
    this._tip.replaceChildren(...rows);
    const flip = left > plot.over.clientWidth / 2;
    this._tip.style.left = flip ? "" : `${left + 12}px`;
    this._tip.style.right = flip ? `${plot.over.clientWidth - left + 12}px` : "";
  }

  /** @param {number} width @returns {uPlot.Options} */
  _options(width) {
    const { group } = this;
    const colour =
      (/** @type {string} */ role, alpha = 1) =>
      () =>
        withAlpha(group.colours[role], alpha);
    /** @type {uPlot.Series[]} */
    const series = [{}];
    /** @type {uPlot.Band[]} */
    const bands = [];
    this._columns.forEach(({ line, kind }, i) => {
      if (kind === "low" || kind === "high") {
        series.push({ stroke: undefined, width: 0, points: { show: false }, spanGaps: false });
        if (kind === "high") bands.push({ series: [i + 1, i], fill: colour(line.role, 0.16) });
        return;
      }
      const raw = kind === "mean" && KINDS[line.style].includes("low");
      series.push({
        stroke: colour(line.role, raw ? 0.4 : 1),
        width: raw ? 1 : line.from === "steps" && this.spec.lines.length === 1 ? 1.5 : 2,
        spanGaps: line.style === "points",
        points: {
          show: (u, si, from, to) => this._showPoints(line, si, from, to),
          size: line.style === "points" ? 6 : 4,
          width: 1.5,
          fill: colour(line.style === "points" ? "card" : line.role),
        },
      });
    });
    const axis = {
      stroke: colour("muted"),
      font: `11px ${group.colours.font}`,
      ticks: { show: false },
    };
    return {
      width,
      height: this.body.clientHeight,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      series,
      bands,
      scales: {
        x: { time: false, range: (u, min, max) => group.range ?? group.extent ?? rangeX(min, max) },
        y: { distr: this.log ? 3 : 1, range: (u, min, max) => this._rangeY(u, min, max) },
      },
      axes: [
        {
          ...axis,
          size: 24,
          gap: 4,
          space: 56,
          grid: { show: false },
          border: { show: true, stroke: colour("axis"), width: 1 },
          values: (u, splits) => ticks(splits),
          incrs: WHOLE,
        },
        {
          ...axis,
          gap: 6,
          space: 28,
          size: (u, values) => 14 + 6.4 * Math.max(3, ...(values ?? []).map((v) => String(v).length)),
          grid: { stroke: colour("grid"), width: 1, ...(this.log ? { filter: thinLog } : {}) },
          values: (u, splits) =>
            this.spec.percent ? percentTicks(splits) : this.log ? logTicks(splits) : ticks(splits, !this.spec.unit),
          filter: this.log ? thinLog : undefined,
        },
      ],
      cursor: {
        y: false,
        sync: { key: group.key, scales: ["x", null] },
        drag: { x: true, y: false, setScale: false, dist: 4 },
        dataIdx: (u, si, idx, x) => nearestDefined(/** @type {any} */ (u.data[si]), idx),
        points: {
          show: (u, si) => (this._columns[si - 1]?.kind === "mean" ? h("div", { class: "nbt-dot" }) : false),
          size: 7,
          width: 0,
          fill: (u, si) => group.colours[this._columns[si - 1].line.role],
        },
      },
      hooks: {
        setCursor: [() => this.showValues()],
        setSelect: [(u) => this._select(u)],
        draw: [(u) => drawMarks(u, chosen(this.marks, this.spec.marks), group.colours)],
        ready: [(u) => this._watchHover(u)],
      },
    };
  }

  /** @param {uPlot} u */
  _watchHover(u) {
    u.over.addEventListener("mouseenter", () => (this.group.hovered = this));
    u.over.addEventListener("mouseleave", () => {
      if (this.group.hovered === this) this.group.hovered = null;
      this.showValues();
    });
  }

  /** @param {uPlot} u */
  _select(u) {
    const { left, width } = u.select;
    if (width < 4) return;
    const range = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.group.zoom(/** @type {[number, number]} */ (range));
  }

  /** @param {any} line @param {number} si @param {number} from @param {number} to */
  _showPoints(line, si, from, to) {
    const ys = this._data[si];
    const most = this._width / POINT_ROOM;
    let points = 0;
    for (let i = from; i <= to && points <= most; i++) if (typeof ys[i] === "number") points++;
    return line.style === "points" ? points > 0 && points <= most : points === 1;
  }

  /** @param {uPlot} u @param {number | null} min @param {number | null} max @returns {[number, number]} */
  _rangeY(u, min, max) {
    if (this.spec.percent) [min, max] = rangePercent(min, max);
    if (this.spec.fromZero && !this.log && min !== null) min = Math.min(0, min);
    if (!this.spec.robust || min === null || max === null) return rangeY(min, max, this.log);
    const lines = this._columns.flatMap(({ line }, i) => (line.style === "faint" ? [] : [this._data[i + 1]]));
    const shown = /** @type {[number, number]} */ (u.series[0].idxs ?? [0, this._data[0].length - 1]);
    return rangeY(...calm(lines, shown, [min, max], this.log), this.log);
  }
}

/** @param {string} hex @param {number} alpha */
function withAlpha(hex, alpha) {
  if (alpha === 1 || !/^#[0-9a-f]{6}$/i.test(hex)) return hex;
  const part = Math.round(255 * alpha).toString(16);
  return hex + part.padStart(2, "0");
}
