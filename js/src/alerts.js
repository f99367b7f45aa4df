// Alerts of the run, newest first, behind a fold that remembers whether it was opened.
import { h, setText } from "./dom.js";
import { count } from "./format.js";

const RANK = ["critical", "warning", "info"];
/** What an alert may offer: done at a press, or at a second one where something is lost by it. */
/** @type {Record<string, {label: string, title: string, sure?: string}>} */
const OFFERS = {
  "raise-lr": { label: "Raise the rate", title: "Set three times the present learning rate at the next step" },
  "new-weights": {
    label: "New weights",
    title: "Initialise the model again at the next step: what it has learned is lost, but for the checkpoints",
    sure: "Press again: what was learned is lost",
  },
};

export class Alerts {
  /** @param {(message: Record<string, unknown>) => void} send */
  constructor(send) {
    this._send = send;
    /** @type {Map<string, string>} the pages that came, by the alert's id */
    this._pages = new Map();
    /** @type {Set<any>} alerts whose page stands open: the list is built anew with each new alert */
    this._open = new Set();
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

  /** @param {{total: number, items: any[]}} alerts @param {boolean} live offers can be taken */
  update(alerts, live) {
    const key = JSON.stringify([alerts, live]);
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
      ...[...items].reverse().map((alert) => item(alert, live ? this._offers(alert) : null, this._page(alert))),
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

  /** The page on what the alert says, behind a fold; fetched when it is opened first. @param {any} alert */
  _page(alert) {
    if (!alert.page) return null;
    const { rule, step } = alert;
    const key = `${rule} ${step}`;
    const body = h("div", { class: "nbt-alert-page", "data-rule": rule });
    this._fill(body);
    const fold = h("details", { open: this._open.has(key) }, h("summary", {}, h("span", { class: "nbt-fold" }), "What it means, and what to do"), body);
    fold.addEventListener("toggle", () => {
      if (fold.open) this._open.add(key);
      else this._open.delete(key);
      if (fold.open && !this._pages.has(rule)) this._send({ type: "page", rule });
    });
    return fold;
  }

  /** @param {{rule: string, html: string}} page */
  takePage({ rule, html }) {
    if (html) this._pages.set(rule, html);
    for (const body of this._list.querySelectorAll(".nbt-alert-page")) if (body.dataset.rule === rule) this._fill(body);
  }

  /** @param {any} body */
  _fill(body) {
    const { rule } = body.dataset;
    const html = this._pages.get(rule);
    if (html) body.innerHTML = html; // from nbtrain's own renderer, which escapes
    else setText(body, `%train explain ${rule} shows it too.`);
  }

  /** @param {any} alert */
  _offers(alert) {
    const known = (alert.offers ?? []).filter((/** @type {string} */ action) => action in OFFERS);
    if (!known.length) return null;
    return h("div", { class: "nbt-alert-offers" }, ...known.map((/** @type {string} */ a) => this._button(a)));
  }

  /** @param {string} action */
  _button(action) {
    const { label, title, sure } = OFFERS[action];
    let asked = !sure;
    const button = h("button", {
      class: `nbt-button nbtrain-${action}`,
      type: "button",
      title,
      text: label,
      on: {
        click: () => {
          if (!asked) {
            asked = true;
            setText(button, /** @type {string} */ (sure));
            return;
          }
          button.disabled = true;
          setText(button, "Asked for");
          this._send({ type: "control", action });
        },
      },
    });
    return button;
  }
}

/** @param {any} alert @param {Node | null} offers @param {Node | null} page */
function item(alert, offers, page) {
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
      offers,
      page,
    ),
  );
}
