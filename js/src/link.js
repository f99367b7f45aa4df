// What the page knows of one run, kept once per widget and shared by its views: curves, log, layers, answers.
// Owns the messages (see nbtrain/widgets/panel.py for the other end); knows nothing of how anything looks.
import { CurveStore } from "./store.js";

const ASK_AGAIN_MS = 1000; // between two requests for missing buckets
const LATE_MS = 1500; // buckets that the state promises and that have not come by then are asked for

export class RunLink {
  /** @param {any} model anywidget model */
  constructor(model) {
    this.model = model;
    /** @type {Record<string, CurveStore>} */
    this.stores = { steps: new CurveStore(), evals: new CurveStore() };
    /** @type {{text: string, end: number, missing: boolean}} */
    this.log = { text: "", end: 0, missing: false };
    this.printing = ""; // what the training prints just now and is no line of the log yet: a progress bar
    /** @type {Set<(kind: string, content: any, buffers: DataView[]) => void>} */
    this._listeners = new Set();
    this._asked = -Infinity;
    /** @type {any} */
    this._timer = 0;
    model.on("msg:custom", (/** @type {any} */ content, /** @type {DataView[]} */ buffers) =>
      this.take(content, buffers),
    );
    model.on("change:state", () => {
      this._tell("state");
      this._checkLater();
    });
    for (const trait of ["alerts", "events"]) model.on(`change:${trait}`, () => this._tell(trait));
  }

  get state() {
    return this.model.get("state") ?? {};
  }

  get alerts() {
    return this.model.get("alerts") ?? { total: 0, items: [] };
  }

  get events() {
    return this.model.get("events") ?? { total: 0, items: [] };
  }

  /** @param {(kind: string, content: any, buffers: DataView[]) => void} listener @returns {() => void} */
  listen(listener) {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  /** @param {Record<string, unknown>} message */
  send(message) {
    this.model.send(message);
  }

  /** Ask for whatever is missing; a page that just opened misses everything. */
  hello() {
    this._asked = performance.now();
    const have = Object.fromEntries(Object.entries(this.stores).map(([id, store]) => [id, store.have()]));
    this.send({ type: "hello", have });
  }

  /** @param {any} content @param {DataView[]} [buffers] */
  take(content, buffers = []) {
    if (content.type === "curve") {
      const whole = this.stores[content.id]?.apply(content.header, buffers[0]);
      if (whole === false) this._askSoon();
    } else if (content.type === "log") {
      this._takeLog(content);
    } else if (content.type === "printing") {
      this.printing = content.text;
    }
    this._tell(content.type, content, buffers);
  }

  /** @param {{start: number, end: number, text: string}} part */
  _takeLog({ start, end, text }) {
    if (end <= this.log.end) return;
    const joins = start === this.log.end;
    this.log = { text: (joins ? this.log.text : "") + text, end, missing: joins ? this.log.missing : start > 0 };
    if (this.log.text.length > 200_000) this.log = { text: this.log.text.slice(-150_000), end, missing: true };
  }

  _askSoon() {
    clearTimeout(this._timer);
    const wait = Math.max(0, this._asked + ASK_AGAIN_MS - performance.now());
    this._timer = setTimeout(() => this.hello(), wait);
  }

  /** The last block of a run can be lost too: no later one would show the gap. */
  _checkLater() {
    const sent = this.state.sent ?? {};
    const behind = () => Object.entries(this.stores).some(([id, store]) => isBehind(store, sent[id]));
    if (!behind()) return;
    setTimeout(() => behind() && performance.now() - this._asked > ASK_AGAIN_MS && this._askSoon(), LATE_MS);
  }

  /** @param {string} kind @param {any} [content] @param {DataView[]} [buffers] */
  _tell(kind, content = null, buffers = []) {
    for (const listener of this._listeners) listener(kind, content, buffers);
  }
}

/** @param {CurveStore} store @param {[number, number, number] | undefined} sent level, full buckets, rows */
function isBehind(store, sent) {
  if (!sent) return false;
  const [level, full, rows] = sent;
  return store.rows < rows || store.level < level || (store.level === level && store.solid < full);
}
