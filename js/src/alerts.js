// Alerts of the run, newest first, behind a fold that remembers whether it was opened.
import { h, setText } from "./dom.js";
import { count } from "./format.js";

const RANK = ["critical", "warning", "info"];

export class Alerts {
  constructor() {
    this._summary = h("span", {});
    this._chips = h("span", { class: "nbt-alert-chips" });
    this._list = h("ul", { class: "nbt-alert-list" });
    this.el = h(
      "details",
      { class: "nbt-alerts", hidden: true },
      h("summary", {}, h("span", { class: "nbt-fold" }), this._summary, this._chips),
      this._list,
    );
    this._shown = "";
  }

  /** @param {{total: number, items: any[]}} alerts */
  update(alerts) {
    const key = JSON.stringify(alerts);
    if (key === this._shown) return;
    const first = this._shown === "";
    this._shown = key;
    const { total, items } = alerts;
    this.el.hidden = total === 0;
    setText(this._summary, total === 1 ? "1 alert" : `${count(total)} alerts`);
    const counts = RANK.map((severity) => [severity, items.filter((a) => a.severity === severity).length]).filter(
      ([, n]) => n,
    );
    this._chips.replaceChildren(
      ...counts.map(([severity, n]) =>
        h("span", { class: "nbt-chip", "data-tone": severity, text: `${n} ${severity}` }),
      ),
    );
    this._list.replaceChildren(
      ...[...items].reverse().map(item),
      ...(total > items.length
        ? [
            h("li", {
              class: "nbt-alert-more",
              text: `${count(total - items.length)} earlier ones are in the run's log`,
            }),
          ]
        : []),
    );
    if (first && items.some((a) => a.severity === "critical")) this.el.open = true;
  }
}

/** @param {any} alert */
function item(alert) {
  return h(
    "li",
    {},
    h("span", { class: "nbt-chip", "data-tone": alert.severity, text: alert.severity }),
    h(
      "div",
      {},
      h(
        "div",
        { class: "nbt-alert-issue" },
        alert.issue,
        alert.step === null ? null : h("span", { class: "nbt-alert-step", text: `step ${count(alert.step)}` }),
      ),
      alert.evidence ? h("div", { class: "nbt-alert-evidence", text: alert.evidence }) : null,
      alert.recommended ? h("div", { class: "nbt-alert-advice", text: `→ ${alert.recommended}` }) : null,
    ),
  );
}
