// The run's log: training.log, with what nbtrain says and what the training prints, and the bar it prints just now.
import { h, setText } from "./dom.js";

export class LogView {
  constructor() {
    this._text = h("pre", { class: "nbt-log-text", tabindex: 0, "aria-label": "Log of the run" });
    this._note = h("div", {
      class: "nbt-note",
      hidden: true,
      text: "Only the end is shown; the whole log is logs/training.log in the run folder.",
    });
    this._printing = h("pre", { class: "nbt-log-printing", hidden: true });
    this.el = h("div", { class: "nbt-log-view" }, this._note, this._text, this._printing);
  }

  /** @param {{text: string, missing: boolean}} log @param {string} printing */
  update(log, printing) {
    const el = this._text;
    const atEnd = el.scrollTop + el.clientHeight >= el.scrollHeight - 8;
    setText(el, log.text || "Nothing logged yet.");
    this._note.hidden = !log.missing;
    setText(this._printing, printing);
    this._printing.hidden = !printing;
    if (atEnd) el.scrollTop = el.scrollHeight;
  }
}
