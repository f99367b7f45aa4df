// The run's log: what nbtrain wrote to training.log about it.
import { h, setText } from "./dom.js";

export class LogView {
  constructor() {
    this._text = h("pre", { class: "nbt-log-text", tabindex: 0, "aria-label": "Log of the run" });
    this._note = h("div", {
      class: "nbt-note",
      hidden: true,
      text: "Only the end is shown; the whole log is logs/training.log in the run folder.",
    });
    this.el = h("div", { class: "nbt-log-view" }, this._note, this._text);
  }

  /** @param {{text: string, missing: boolean}} log */
  update(log) {
    const el = this._text;
    const atEnd = el.scrollTop + el.clientHeight >= el.scrollHeight - 8;
    setText(el, log.text || "Nothing logged yet.");
    this._note.hidden = !log.missing;
    if (atEnd) el.scrollTop = el.scrollHeight;
  }
}
