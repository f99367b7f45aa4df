// Tabs with the keyboard of the ARIA pattern: arrows move, Home and End jump.
import { h } from "./dom.js";

let groups = 0;

export class Tabs {
  /** @param {{id: string, label: string, el: HTMLElement}[]} pages @param {(id: string) => void} shown */
  constructor(pages, shown) {
    this._shown = shown;
    const group = `nbt-tabs-${++groups}`;
    this._pages = pages.map((page) => {
      const panelId = `${group}-${page.id}`;
      const tab = h("button", {
        class: "nbt-tab",
        type: "button",
        role: "tab",
        "data-tab": page.id,
        "aria-controls": panelId,
        text: page.label,
        on: { click: () => this.show(page.id) },
      });
      const panel = h("div", { class: "nbt-page", role: "tabpanel", id: panelId, "aria-label": page.label }, page.el);
      return { ...page, tab, panel };
    });
    const list = h(
      "div",
      { class: "nbt-tablist", role: "tablist", on: { keydown: (/** @type {KeyboardEvent} */ e) => this._key(e) } },
      ...this._pages.map((p) => p.tab),
    );
    this.el = h("div", { class: "nbt-tabs" }, list, ...this._pages.map((p) => p.panel));
    this.current = "";
    this.show(pages[0].id);
  }

  /** @param {string} id */
  show(id) {
    if (id === this.current) return;
    this.current = id;
    for (const page of this._pages) {
      const on = page.id === id;
      page.tab.setAttribute("aria-selected", String(on));
      page.tab.tabIndex = on ? 0 : -1;
      page.panel.hidden = !on;
    }
    this._shown(id);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const at = this._pages.findIndex((p) => p.id === this.current);
    const last = this._pages.length - 1;
    const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[
      event.key
    ];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // the notebook moves between cells with these keys
    this.show(this._pages[to].id);
    this._pages[to].tab.focus();
  }
}
