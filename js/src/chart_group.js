// The charts of a run side by side: one crosshair, one zoom, one draw per frame.
import { Chart } from "./chart.js";
import { ALWAYS, SPECS } from "./chart_specs.js";
import { h, oncePerFrame } from "./dom.js";
import { isLive } from "./status.js";
import { readColours } from "./theme.js";

let groups = 0;

export class ChartGroup {
  /** @param {HTMLElement} root carries the colours */
  constructor(root) {
    this.root = root;
    this.key = `nbtrain-${++groups}`;
    /** @type {[number, number] | null} */
    this.range = null;
    /** @type {[number, number] | null} first and last step of all curves: the charts share one x */
    this.extent = null;
    /** @type {Chart | null} */
    this.hovered = null;
    /** @type {Record<string, string>} filled when the first chart opens: before, the page may not be laid out */
    this.colours = {};
    this.charts = SPECS.map((spec) => new Chart(spec, this));
    this._reset = h("button", {
      class: "nbt-zoom-out",
      type: "button",
      hidden: true,
      text: "Reset zoom",
      on: { click: () => this.zoom(null) },
    });
    this.charts[0].el.querySelector(".nbt-log").before(this._reset);
    this.el = h("div", { class: "nbt-charts" }, ...this.charts.map((chart) => chart.el));
    // each body, not the group: a second wide chart narrows the first without changing the group
    this._resized = new ResizeObserver(oncePerFrame(() => this.charts.forEach((chart) => chart.resize())));
    for (const chart of this.charts) this._resized.observe(chart.body);
  }

  /**
   * @param {Record<string, import("./store.js").CurveStore>} stores
   * @param {import("./marks.js").Marks} marks
   * @param {any} state of the run
   */
  update(stores, marks, state) {
    this.extent = extentOf(Object.values(stores));
    let wide = 0;
    for (const chart of this.charts) {
      chart.name(state);
      chart.say(isLive(state.status) ? "Waiting for the first step" : "Nothing was measured");
      const filled = chart.update(stores, marks);
      chart.el.hidden = !filled && !ALWAYS.has(chart.spec.id);
      if (chart.spec.wide && !chart.el.hidden) wide++;
    }
    this.el.classList.toggle("nbt-two-wide", wide > 1);
  }

  /** @param {[number, number] | null} range steps; null shows all */
  zoom(range) {
    this.range = range;
    this._reset.hidden = range === null;
    for (const { plot } of this.charts) plot?.setData(plot.data);
  }

  get isOpen() {
    return this.charts.some((chart) => chart.plot !== null);
  }

  readColours() {
    if (!this.colours.ink) this.colours = readColours(this.root);
  }

  recolour() {
    this.colours = readColours(this.root);
    for (const chart of this.charts) chart.redraw();
  }

  destroy() {
    this._resized.disconnect();
    for (const chart of this.charts) chart.destroy();
  }
}

/** @param {import("./store.js").CurveStore[]} stores @returns {[number, number] | null} */
function extentOf(stores) {
  let [first, last] = [Infinity, -Infinity];
  for (const { steps } of stores) {
    for (const step of steps.length ? [steps[0], steps[steps.length - 1]] : []) {
      first = Math.min(first, step);
      last = Math.max(last, step);
    }
  }
  return first < last ? [first, last] : null;
}
