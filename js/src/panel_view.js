// The panel of a run put together. One draw per frame; nothing is drawn while it cannot be seen.
import { Alerts } from "./alerts.js";
import { ChartGroup } from "./chart_group.js";
import { Controls } from "./controls.js";
import { h, oncePerFrame, setAttr, setText } from "./dom.js";
import { EditRow } from "./edit_row.js";
import { smallPercent, toNumber } from "./format.js";
import { Header } from "./header.js";
import { InspectView } from "./inspect_view.js";
import { LogView } from "./log.js";
import { fillPlaces, GONE_MS } from "./places.js";
import { isLive, isOver } from "./status.js";
import { Tabs } from "./tabs.js";
import { followTheme } from "./theme.js";
import { Tiles } from "./tiles.js";

const COST_TITLE =
  "Measured: what the training thread does for these curves, timed at every 13th step, gradient norms and layer samples," +
  " and the processor time of the thread that writes files and updates this panel; an upper bound";

/**
 * @param {import("./link.js").RunLink} link
 * @param {HTMLElement} el
 * @returns {() => void} takes everything down
 */
export function showPanel(link, el) {
  const root = h("section", { class: "nbt nbtrain-panel", "aria-label": "Training run" });
  el.append(root); // before the charts: they read colours and widths
  let visible = true;
  /** @type {PanelView | null} */
  let made = null;
  const stopTheme = followTheme(root, () => made?.charts.recolour());
  const view = (made = new PanelView(link, root));
  // out of sight only the first charts are drawn: scrolled to, the panel is there at once
  const draw = oncePerFrame(() => (visible || !view.charts.isOpen) && view.update());
  /** @type {any} */
  let gone = 0;
  // The kernel puts a picture into the place of a panel whose run is over; a page loaded again misses it.
  const askWhenOver = () => {
    if (gone || !isOver(link.state.status)) return;
    gone = setTimeout(() => link.send({ type: "places" }), GONE_MS);
  };
  const unlisten = link.listen((kind, content, buffers) => {
    if (kind === "answer") (content.action === "edit" ? view.edit : view.controls).answer(content);
    if (kind === "state") askWhenOver();
    if (kind === "places" && !fillPlaces(link.model.widget_manager, content.places)) view.end(content.places);
    if (kind === "page") view.alerts.takePage(content);
    view.inspector.take(kind, content, buffers);
    draw();
  });
  const seen = new IntersectionObserver((entries) => {
    visible = entries.some((entry) => entry.isIntersecting);
    if (visible) draw();
  });
  seen.observe(root);
  view.update();
  askWhenOver();
  return () => {
    clearTimeout(gone);
    unlisten();
    stopTheme();
    seen.disconnect();
    draw.cancel();
    view.destroy();
    root.remove();
  };
}

class PanelView {
  /** @param {import("./link.js").RunLink} link @param {HTMLElement} root */
  constructor(link, root) {
    this.link = link;
    this.root = root;
    this.header = new Header();
    this.edit = new EditRow((message) => link.send(message));
    this.controls = new Controls((message) => link.send(message), this.header.where, this.edit.toggle);
    this.tiles = new Tiles();
    this.alerts = new Alerts((message) => link.send(message));
    this.inspector = new InspectView((message) => link.send(message));
    this.log = new LogView();
    this._end = h("div", { class: "nbt-end", hidden: true });
    const charts = h("div", {});
    this.tabs = new Tabs(
      [
        { id: "charts", label: "Charts", el: charts },
        { id: "inspector", label: "Inspector", el: this.inspector.el },
        { id: "log", label: "Log", el: this.log.el },
      ],
      (id) => this._opened(id),
    );
    this._cost = h("footer", { class: "nbt-cost", hidden: true, title: COST_TITLE });
    root.append(this.header.el, this.controls.el, this.edit.el, this._end, this.tiles.el, this.alerts.el, this.tabs.el, this._cost);
    this.charts = new ChartGroup(root);
    charts.append(this.charts.el);
  }

  update() {
    const { state, alerts, events } = this.link;
    setAttr(this.root, "data-status", state.status ?? "");
    this.header.update(state);
    this.controls.update(state);
    this.edit.update(state);
    this.tiles.update(state);
    this.alerts.update(alerts, isLive(state.status));
    this._updateEnd(state);
    const cost = toNumber(state.overhead);
    this._cost.hidden = cost === null;
    if (cost !== null) setText(this._cost, `Watching costs ${smallPercent(cost)} of the training time.`);
    if (this.tabs.current === "charts")
      this.charts.update(this.link.stores, this._marks(state, alerts, events), state);
    if (this.tabs.current === "log") this.log.update(this.link.log, this.link.printing);
    if (this.tabs.current === "inspector") this.inspector.draw();
  }

  /** Where the document cannot be reached, show the picture and the report here. @param {import("./places.js").Place[]} places */
  end(places) {
    const shown = places.map(({ data, metadata }) => {
      if (data["image/png"]) {
        const { width, alt } = metadata["image/png"] ?? {};
        return h("img", { src: `data:image/png;base64,${data["image/png"]}`, width, alt });
      }
      const place = h("div", {});
      place.innerHTML = data["text/html"] ?? ""; // from nbtrain's own renderer, which escapes
      return place;
    });
    if (shown.length) this.root.replaceChildren(...shown);
  }

  destroy() {
    this.inspector.destroy();
    this.controls.destroy();
    this.edit.destroy();
    this.charts.destroy();
  }

  /** @param {string} id */
  _opened(id) {
    if (!this.charts) return; // the first tab, shown while building
    if (id === "inspector") this.inspector.open();
    else this.inspector.close();
    this.link.send({ type: "log", open: id === "log", end: this.link.log.end });
    this.update();
  }

  /** @param {any} state @param {any} alerts @param {any} events @returns {import("./marks.js").Marks} */
  _marks(state, alerts, events) {
    const best = state.latest?.best_val_step ?? null;
    return {
      best: typeof best === "number" ? best : null,
      alerts: alerts.items
        .filter((/** @type {any} */ a) => a.step !== null)
        .map((/** @type {any} */ a) => ({ step: a.step, severity: a.severity, label: a.issue })),
      events: events.items,
    };
  }

  /** Why the run ended, and the traceback of one that failed. @param {any} state */
  _updateEnd(state) {
    const key = `${state.status}|${state.stop_reason}|${state.error}`;
    if (this._endKey === key) return;
    this._endKey = key;
    this._end.hidden = !isOver(state.status) || !(state.stop_reason || state.error);
    this._end.replaceChildren();
    if (this._end.hidden) return;
    const failed = state.status === "failed" || state.status === "diverged";
    setAttr(this._end, "data-tone", failed ? "critical" : state.status === "completed" ? "good" : "muted");
    const text = h("div", { class: "nbt-end-text" });
    setText(text, state.stop_reason || lastLine(state.error));
    this._end.append(text);
    if (state.error)
      this._end.append(
        h(
          "details",
          { open: failed },
          h("summary", {}, h("span", { class: "nbt-fold" }), "Traceback"),
          h("pre", { tabindex: 0, text: state.error }),
        ),
      );
  }
}

/** @param {string} text */
function lastLine(text) {
  return (text ?? "").trim().split("\n").pop() ?? "";
}
