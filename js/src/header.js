// Name, status, times and the progress bar.
import { h, setAttr, setText } from "./dom.js";
import { count, duration, estimate } from "./format.js";
import { describeStatus, isLive } from "./status.js";

export class Header {
  constructor() {
    this._name = h("span", { class: "nbt-name" });
    this._word = h("span", {});
    this._chip = h(
      "span",
      { class: "nbt-chip nbtrain-status", role: "status" },
      h("i", { class: "nbt-chip-dot" }),
      this._word,
    );
    this._elapsed = h("b");
    this._eta = h("b");
    this._etaBox = h("span", {}, "left ", this._eta);
    this._fill = h("i");
    this._bar = h(
      "div",
      { class: "nbt-bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 },
      this._fill,
    );
    this._where = h("span", { class: "nbt-where" });
    this.el = h(
      "header",
      { class: "nbt-header" },
      h(
        "div",
        { class: "nbt-title" },
        this._name,
        this._chip,
        h("span", { class: "nbt-times" }, h("span", {}, "elapsed ", this._elapsed), this._etaBox),
      ),
      this._bar,
    );
    /** stands in the row of the buttons */
    this.where = this._where;
  }

  /** @param {any} state */
  update(state) {
    const progress = state.progress ?? {};
    const { tone, word } = describeStatus(state.status);
    setText(this._name, state.name || "run");
    setAttr(this._name, "title", state.dir || state.id || "");
    setText(this._word, word);
    setAttr(this._chip, "data-tone", tone);
    setAttr(this._chip, "data-live", state.status === "running" ? "" : null);
    setText(this._elapsed, duration(progress.elapsed_s ?? 0));
    this._etaBox.hidden = !isLive(state.status);
    setText(this._eta, estimate(progress.eta_s));
    this._progress(state, progress, tone);
    setText(this._where, where(state.status, progress));
  }

  /** @param {any} state @param {any} progress @param {string} tone */
  _progress(state, progress, tone) {
    const total = progress.total_steps;
    const fraction = total ? Math.min(1, (progress.step ?? 0) / total) : null;
    setAttr(this._bar, "data-tone", tone);
    setAttr(this._bar, "data-unknown", fraction === null && state.status === "running" ? "" : null);
    setAttr(this._bar, "aria-valuenow", fraction === null ? null : String(Math.round(100 * fraction)));
    this._fill.style.width = `${100 * (fraction ?? (isLive(state.status) ? 0 : 1))}%`;
  }
}

/** @param {string} status @param {any} p */
function where(status, p) {
  const of = (/** @type {number} */ n, /** @type {number | null} */ total) =>
    total ? `${count(n)} / ${count(total)}` : count(n);
  const parts = [];
  if (p.epoch) parts.push(`epoch ${of(p.epoch, p.total_epochs)}`);
  parts.push(`step ${of(p.step ?? 0, p.total_steps)}`);
  if (isLive(status) && p.phase && p.phase !== "training" && p.phase !== "paused") parts.push(`${p.phase}…`);
  return parts.join("  ·  ");
}
