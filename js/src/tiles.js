// The newest numbers, one tile each.
import { h, setAttr, setText } from "./dom.js";
import { count, number, percent, setting, shortCount, toNumber } from "./format.js";

const KNOWN = new Set([
  "train_loss",
  "smooth_loss",
  "val_loss",
  "lr",
  "grad_norm",
  "samples_per_s",
  "steps_per_s",
  "best_val_loss",
  "best_val_step",
  "train_acc",
  "val_acc",
  "epoch",
  "step",
]);
const MOST_EXTRA = 4;

/**
 * @typedef {{id: string, label: string, role: string, value: number | null, text: string, sub: string}} Tile
 * @param {any} state
 * @returns {Tile[]}
 */
export function tilesOf(state) {
  const latest = state.latest ?? {};
  const get = (/** @type {string} */ name) => toNumber(latest[name]);
  const steps = toNumber(state.progress?.steps_per_s);
  const validates = "patience" in (state.settings ?? {}); // a setting of runs with validation data
  const [train, smooth, val, best, acc, trainAcc, rate] = [
    "train_loss",
    "smooth_loss",
    "val_loss",
    "best_val_loss",
    "val_acc",
    "train_acc",
    "samples_per_s",
  ].map(get);
  const tiles = [
    {
      id: "train",
      label: "Train loss",
      role: "train",
      value: smooth ?? train,
      text: number(smooth ?? train),
      sub: smooth === null ? "" : `last step ${number(train)}`,
    },
  ];
  if (validates || val !== null)
    tiles.push({
      id: "valid",
      label: "Validation loss",
      role: "valid",
      value: val,
      text: number(val),
      sub: best === null ? "" : `best ${number(best)} · step\u00a0${stepText(get("best_val_step"))}`,
    });
  if (acc !== null || trainAcc !== null)
    tiles.push({
      id: "accuracy",
      label: acc === null ? "Train accuracy" : "Accuracy",
      role: acc === null ? "train" : "valid",
      value: acc ?? trainAcc,
      text: percent(acc ?? trainAcc),
      sub: acc !== null && trainAcc !== null ? `train ${percent(trainAcc)}` : "",
    });
  tiles.push(
    { id: "lr", label: "Learning rate", role: "lr", value: get("lr"), text: setting(get("lr")), sub: "" },
    {
      id: "gradient",
      label: "Gradient norm",
      role: "gradient",
      value: get("grad_norm"),
      text: number(get("grad_norm")),
      sub: "",
    },
    {
      id: "throughput",
      label: "Throughput",
      role: "throughput",
      value: rate,
      text: rate === null ? "–" : `${shortCount(rate)}/s`,
      sub: rate === null ? "" : steps === null ? "samples" : `samples · ${shortCount(steps).replace(" ", "\u00a0")}\u00a0steps/s`,
    },
  );
  const extra = Object.keys(latest)
    .filter((name) => !KNOWN.has(name))
    .sort();
  for (const name of extra.slice(0, MOST_EXTRA))
    tiles.push({
      id: `metric-${name}`,
      label: name.replaceAll("_", " "),
      role: "muted",
      value: get(name),
      text: number(get(name)),
      sub: "",
    });
  return tiles;
}

/** @param {number | null} step */
function stepText(step) {
  return step !== null && step >= 100_000 ? shortCount(step) : count(step);
}

export class Tiles {
  constructor() {
    this.el = h("div", { class: "nbt-tiles" });
    /** @type {Map<string, any>} */
    this._made = new Map();
  }

  /** @param {any} state */
  update(state) {
    const tiles = tilesOf(state);
    for (const tile of tiles) {
      const made = this._made.get(tile.id) ?? this._make(tile.id);
      setText(made.label, tile.label);
      setAttr(made.label, "title", tile.label);
      setAttr(made.sub, "title", tile.sub || null);
      setText(made.value, tile.text);
      setText(made.sub, tile.sub);
      made.mark.style.color = `var(--nbt-${tile.role})`;
      setAttr(made.el, "data-tone", tile.value !== null && !Number.isFinite(tile.value) ? "critical" : null);
    }
    const wanted = tiles.map((tile) => this._made.get(tile.id).el);
    if (wanted.length !== this.el.children.length || wanted.some((el, i) => this.el.children[i] !== el))
      this.el.replaceChildren(...wanted);
  }

  /** @param {string} id */
  _make(id) {
    const made = {
      mark: h("i", { class: "nbt-tile-mark" }),
      label: h("span", { class: "nbt-tile-name" }),
      value: h("b", { class: "nbt-tile-value" }),
      sub: h("span", { class: "nbt-tile-sub" }),
      el: /** @type {any} */ (null),
    };
    made.el = h(
      "div",
      { class: "nbt-tile", "data-tile": id },
      h("div", { class: "nbt-tile-label" }, made.mark, made.label),
      made.value,
      made.sub,
    );
    this._made.set(id, made);
    return made;
  }
}
