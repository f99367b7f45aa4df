// The edit row: learning rate, epochs, steps and patience of a run, changed while it trains.
import { h, icon, setAttr, setText } from "./dom.js";
import { setting, toNumber } from "./format.js";
import { isLive } from "./status.js";

/** @type {{name: string, label: string, hint: string, empty: string}[]} */
const FIELDS = [
  { name: "lr", label: "Learning rate", hint: "A number such as 1e-4, or *0.5 for half of it", empty: "" },
  { name: "epochs", label: "Epochs", hint: "Epochs in all", empty: "" },
  { name: "max_steps", label: "Max steps", hint: "Optimizer steps in all", empty: "" },
  { name: "patience", label: "Patience", hint: "Evaluations without a better one before it stops; empty: off", empty: "off" },
];
const UNHEARD_MS = 3000;
const SAID_MS = 6000;
let rows = 0;

/**
 * What the fields stand at: name -> text; a field that has no meaning in this run is absent.
 * @param {any} state
 * @returns {Record<string, string>}
 */
export function currentOf(state) {
  const settings = state.settings ?? {};
  /** @type {Record<string, string>} */
  const found = {};
  for (const { name } of FIELDS) {
    if (name === "lr") {
      const lr = toNumber(settings.lr) ?? toNumber(state.latest?.lr);
      found.lr = lr === null ? "" : setting(lr);
    } else if (name in settings) found[name] = settings[name] === null ? "" : String(settings[name]);
  }
  return found;
}

/**
 * The wishes of a row: what was typed where it differs from what stands there.
 * @param {Record<string, string>} typed
 * @param {Record<string, string>} current
 * @returns {Record<string, string>}
 */
export function wishesOf(typed, current) {
  const changed = Object.entries(typed).filter(([name, text]) => text.trim() !== current[name]);
  return Object.fromEntries(changed.map(([name, text]) => [name, text.trim() || (name === "patience" ? "off" : "")]));
}

export class EditRow {
  /** @param {(message: Record<string, unknown>) => void} send */
  constructor(send) {
    this._send = send;
    /** @type {Record<string, string>} */
    this._current = {};
    this._state = /** @type {any} */ ({});
    /** @type {any} */
    this._timer = 0;
    const id = `nbt-edit-${++rows}`;
    this._said = h("span", { class: "nbt-said nbt-edit-said", role: "status", "aria-live": "polite" });
    this._fields = FIELDS.map((field) => {
      const input = h("input", {
        class: "nbt-field",
        type: "text",
        name: field.name,
        autocomplete: "off",
        spellcheck: "false",
        title: field.hint,
        placeholder: field.empty,
        on: { input: () => this._mark() },
      });
      return { ...field, input, el: h("label", { class: "nbt-edit-field" }, h("span", { text: field.label }), input) };
    });
    this._apply = h("button", { class: "nbt-button nbt-primary", type: "submit", "data-action": "apply", text: "Apply" });
    this.el = h(
      "form",
      {
        class: "nbt-edit",
        id,
        hidden: true,
        "aria-label": "Change the run while it trains",
        "data-lm-suppress-shortcuts": "true",
        on: {
          submit: (/** @type {Event} */ event) => this._submit(event),
          keydown: (/** @type {KeyboardEvent} */ event) => this._key(event),
        },
      },
      ...this._fields.map((field) => field.el),
      this._apply,
      this._said,
    );
    this.toggle = h(
      "button",
      {
        class: "nbt-button nbtrain-edit",
        type: "button",
        "data-action": "edit",
        title: "Change learning rate, epochs or patience while it trains",
        "aria-expanded": "false",
        "aria-controls": id,
        on: { click: () => this.open(this.el.hidden) },
      },
      icon("edit"),
      h("span", { text: "Edit" }),
    );
  }

  /** @param {boolean} open */
  open(open) {
    this.el.hidden = !open;
    setAttr(this.toggle, "aria-expanded", String(open));
    if (!open) return this.toggle.focus();
    this._say("");
    for (const field of this._fields) field.input.value = this._current[field.name] ?? "";
    this._mark();
    const first = this._fields[0].input;
    first.focus({ preventScroll: true });
    first.select();
  }

  /** @param {any} state */
  update(state) {
    this._state = state;
    if (!isLive(state.status)) {
      this.el.hidden = this.toggle.hidden = true;
      return;
    }
    this.toggle.hidden = false;
    const before = this._current;
    this._current = currentOf(state);
    for (const { name, el, input } of this._fields) {
      el.hidden = !(name in this._current);
      const untouched = input.value.trim() === (before[name] ?? "");
      if (untouched && input.value !== this._current[name]) input.value = this._current[name] ?? "";
    }
    this._mark();
  }

  /** @param {{said?: string, refused?: string}} answer */
  answer({ said, refused }) {
    clearTimeout(this._timer);
    this._apply.disabled = false;
    if (refused) {
      this._say(refused, "critical");
      return;
    }
    for (const { name, input } of this._fields) if (name in this._current) input.value = this._current[name];
    this._mark();
    this._say(`From the next step: ${said}.`, "good");
    this._timer = setTimeout(() => this._say(""), SAID_MS);
  }

  destroy() {
    clearTimeout(this._timer);
  }

  /** @param {Event} event */
  _submit(event) {
    event.preventDefault();
    const shown = this._fields.filter((field) => field.name in this._current);
    const typed = Object.fromEntries(shown.map(({ name, input }) => [name, input.value]));
    const values = wishesOf(typed, this._current);
    if (!Object.keys(values).length) return this._say("Nothing is different yet: type a new value first.");
    clearTimeout(this._timer);
    this._apply.disabled = true;
    this._say("Sending…");
    this._send({ type: "edit", values });
    this._timer = setTimeout(() => this._unheard(), UNHEARD_MS);
  }

  _unheard() {
    this._apply.disabled = false;
    this._say("The kernel is busy with another cell and will hear this when it ends.");
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    event.stopPropagation(); // the notebook's own keys: `d d` would delete the cell
    if (event.key === "Escape") {
      event.preventDefault();
      this.open(false);
    }
  }

  /** Show which fields differ from what stands in the run. */
  _mark() {
    for (const { name, input } of this._fields)
      setAttr(input, "data-changed", input.value.trim() === (this._current[name] ?? "") ? null : "");
  }

  /** @param {string} text @param {string} [tone] */
  _say(text, tone) {
    setText(this._said, text);
    setAttr(this._said, "data-tone", tone ?? null);
  }
}
