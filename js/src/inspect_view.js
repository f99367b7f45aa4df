// The inspector: model, optimizers, schedulers and loaders as the kernel describes them. Used by panel and inspector.
import { h, setText } from "./dom.js";
import { count, number, setting, shortCount, toNumber } from "./format.js";
import { HeatMap } from "./heat_map.js";
import { lrCurve } from "./lr_curve.js";
import { Tree } from "./tree.js";
import { TreeModel } from "./tree_model.js";

const BEAT_MS = 20_000; // the kernel stops looking at the objects when no page has said this for a minute

export class InspectView {
  /** @param {(message: Record<string, unknown>) => void} send */
  constructor(send) {
    const page = Math.random().toString(36).slice(2); // the kernel looks as long as any page is open
    this._say = (/** @type {Record<string, unknown>} */ message) => send({ type: "inspect", page, ...message });
    /** @type {any} */
    this._beat = 0;
    this._wait = h("div", { class: "nbt-wait", text: "Looking at the objects…" });
    this._summary = h("span", { class: "nbt-muted" });
    this._title = h("span", {});
    this._gone = h("div", { class: "nbt-gone", hidden: true });
    this._tree = new Tree();
    this._note = h("div", { class: "nbt-muted nbt-under-tree", hidden: true });
    this._model = h(
      "div",
      { class: "nbt-block", hidden: true },
      h("h4", {}, this._title, this._summary),
      this._tree.el,
      this._note,
    );
    this._heat = new HeatMap((have) => this._say({ open: true, beat: true, heat: have }));
    this._optimizers = h("div", { class: "nbt-blocks" });
    this._schedulers = h("div", { class: "nbt-blocks" });
    this._loaders = h("div", { class: "nbt-blocks" });
    this.el = h(
      "div",
      { class: "nbt-inspect", "data-lm-suppress-shortcuts": "true" },
      this._gone,
      this._wait,
      this._model,
      this._heat.el,
      this._optimizers,
      this._schedulers,
      this._loaders,
    );
  }

  open() {
    this._say({ open: true, heat: this._heat.store.have() });
    clearInterval(this._beat);
    this._beat = setInterval(() => this._say({ open: true, beat: true }), BEAT_MS);
  }

  close() {
    if (!this._beat) return;
    clearInterval(this._beat);
    this._beat = 0;
    this._say({ open: false });
  }

  destroy() {
    this.close();
    this._heat.destroy();
  }

  draw() {
    this._tree.draw();
    this._heat.draw();
  }

  /** @param {string} kind @param {any} content @param {DataView[]} buffers */
  take(kind, content, buffers) {
    const take = /** @type {any} */ ({
      model: () => this._takeModel(JSON.parse(new TextDecoder().decode(buffers[0]))),
      "model-rows": () => this._takeRows(content),
      layers: () => this._takeLayers(buffers),
      "heat-names": () => this._heat.takeNames(content),
      heat: () => this._heat.take(content, buffers[0]),
      optimizers: () => this._optimizers.replaceChildren(...content.items.map(optimizerBlock)),
      schedulers: () => this._schedulers.replaceChildren(...content.items.map(schedulerBlock)),
      loaders: () => this._loaders.replaceChildren(...content.items.map(loaderBlock)),
      gone: () => this._takeGone(content),
    })[kind];
    if (!take) return;
    this._wait.hidden = true;
    take();
  }

  /** @param {any} packed */
  _takeModel(packed) {
    this._model.hidden = false;
    const model = new TreeModel(packed);
    model.names[0] ||= packed.head.name || "model";
    const before = this._tree.model;
    if (before && before.length === model.length)
      model.setLive(
        new Uint32Array(model.length).map((_, i) => i),
        before.gradients,
        before.ratios,
      );
    if (before) model.hasLive = before.hasLive;
    this._head(packed.head);
    this._tree.show(model);
  }

  /** @param {any} content */
  _takeRows({ head, rows }) {
    this._head(head);
    this._tree.model?.patch(rows);
    this._tree.draw();
  }

  /** @param {any} head */
  _head(head) {
    setText(this._title, [head.name, head.class].filter(Boolean).join("  ·  "));
    const frozen = head.total_params - head.trainable_params;
    const parts = [`${shortCount(head.total_params)} parameters`, `${shortCount(head.trainable_params)} trainable`];
    if (frozen) parts.push(`${shortCount(frozen)} frozen`);
    if (head.mode) parts.push(head.mode);
    setText(this._summary, parts.join("  ·  "));
    this._note.hidden = !head.note;
    setText(this._note, head.note || "");
  }

  /** @param {DataView[]} buffers rows, gradient norms, update ratios */
  _takeLayers([rows, gradients, ratios]) {
    this._tree.model?.setLive(
      new Uint32Array(bytes(rows)),
      new Float32Array(bytes(gradients)),
      new Float32Array(bytes(ratios)),
    );
  }

  /** @param {{text: string}} content */
  _takeGone({ text }) {
    this._gone.hidden = !text;
    setText(this._gone, text);
  }
}

/** @param {DataView} view */
function bytes(view) {
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
}

// a scheduler adds settings of its own to a group; what a group holds must not be pushed out of sight by them
const GROUP_ORDER = ["lr", "initial_lr", "weight_decay", "betas", "momentum", "params", "tensors", "eps"];
const GROUP_WORDS = /** @type {Record<string, string>} */ ({
  lr: "lr",
  initial_lr: "initial lr",
  weight_decay: "weight decay",
  tensors: "tensors",
  params: "parameters",
});

/** @param {any} optimizer */
function optimizerBlock(optimizer) {
  const keys = [...new Set(optimizer.groups.flatMap((/** @type {any} */ g) => Object.keys(g)))];
  const used = keys.filter((k) => optimizer.groups.some((/** @type {any} */ g) => g[k] !== null && g[k] !== false));
  const columns = used.sort((a, b) => place(a) - place(b));
  const table = h(
    "table",
    { class: "nbt-table" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { text: "group" }),
        ...columns.map((k) => h("th", { text: GROUP_WORDS[k] ?? k.replaceAll("_", " ") })),
      ),
    ),
    h(
      "tbody",
      {},
      ...optimizer.groups.map((/** @type {any} */ g, /** @type {number} */ i) =>
        h("tr", {}, h("td", { text: String(i) }), ...columns.map((k) => h("td", { text: cellText(g[k], k) }))),
      ),
    ),
  );
  return block(optimizer, "", h("div", { class: "nbt-scroll-x" }, table));
}

/** @param {string} key */
function place(key) {
  const at = GROUP_ORDER.indexOf(key);
  return at < 0 ? GROUP_ORDER.length : at;
}

/** @param {any} value @param {string} key @returns {string} */
function cellText(value, key) {
  if (value === null || value === undefined) return "–";
  if (key === "tensors" || key === "params") return count(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return `(${value.map((v) => cellText(v, "")).join(", ")})`;
  return typeof value === "number" ? setting(value) : String(value);
}

/** @param {any} scheduler */
function schedulerBlock(scheduler) {
  const now = Array.isArray(scheduler.now) ? scheduler.now[0] : scheduler.now;
  const rates = (scheduler.lrs ?? []).map((/** @type {any} */ r) => toNumber(Array.isArray(r) ? r[0] : r));
  return block(scheduler, `lr ${setting(toNumber(now))}`, lrCurve(rates, scheduler.unit));
}

/** @param {any} loader */
function loaderBlock(loader) {
  const yesNo = (/** @type {any} */ v) =>
    v === null || v === undefined ? "–" : v === true ? "yes" : v === false ? "no" : String(v);
  const facts = [
    ["data set", loader.dataset ?? "–"],
    ["samples", count(loader.samples)],
    ["batch size", yesNo(loader.batch_size)],
    ["batches", count(loader.batches)],
    ["workers", yesNo(loader.workers)],
    ["shuffle", yesNo(loader.shuffle)],
    ["drop last", yesNo(loader.drop_last)],
    ["pinned memory", yesNo(loader.pin_memory)],
  ];
  const list = h(
    "div",
    { class: "nbt-facts" },
    ...facts.map(([name, value]) =>
      h("div", {}, h("span", { class: "nbt-muted", text: name }), h("b", { text: value, title: value })),
    ),
  );
  const sample = loader.sample ?? [];
  const table = sample.length
    ? h(
        "table",
        { class: "nbt-table" },
        h("thead", {}, h("tr", {}, ...["sample", "shape", "dtype", "min", "max"].map((text) => h("th", { text })))),
        h(
          "tbody",
          {},
          ...sample.map((/** @type {any} */ s) =>
            h(
              "tr",
              {},
              h("td", { text: String(s.field) }),
              h("td", { text: shapeText(s.shape) }),
              h("td", { text: s.dtype ?? "" }),
              h("td", { text: setting(toNumber(s.min)) }),
              h("td", { text: setting(toNumber(s.max)) }),
            ),
          ),
        ),
      )
    : null;
  return block(loader, "", list, table);
}

/** @param {any} shape */
function shapeText(shape) {
  return Array.isArray(shape) ? shape.join(" × ") || "one number" : (shape ?? "");
}

/** @param {{name: string, class: string}} subject @param {string} aside @param {...any} content */
function block(subject, aside, ...content) {
  return h(
    "div",
    { class: "nbt-block" },
    h(
      "h4",
      {},
      h("span", { text: [subject.name, subject.class].filter(Boolean).join("  ·  ") }),
      h("span", { class: "nbt-muted", text: aside }),
    ),
    ...content,
  );
}
