// Pause, resume, stop, save: what can be pressed when, and what a press says at once.
import { h, icon, setText } from "./dom.js";
import { isLive } from "./status.js";

/** @type {{action: string, label: string, title: string, icon: any, said: string, heard: string}[]} */
const BUTTONS = [
  {
    action: "pause",
    label: "Pause",
    title: "Pause after the current step",
    icon: "pause",
    said: "Pausing…",
    heard: "Pausing after this step…",
  },
  { action: "resume", label: "Resume", title: "Go on training", icon: "resume", said: "Resuming…", heard: "Resuming…" },
  {
    action: "stop-step",
    label: "Stop after step",
    title: "End the run after the current step; model, optimizer and history stay in your variables",
    icon: "stop",
    said: "Stopping…",
    heard: "Stopping after this step…",
  },
  {
    action: "stop-epoch",
    label: "Stop after epoch",
    title: "End the run when this epoch and its validation are done",
    icon: "stop",
    said: "Stopping after this epoch…",
    heard: "Stopping after this epoch…",
  },
  {
    action: "save",
    label: "Save now",
    title: "Write a checkpoint at the next step",
    icon: "save",
    said: "Saving…",
    heard: "A checkpoint is written at the next step.",
  },
];
const UNHEARD_MS = 3000;
const SAVED_MS = 4000;

/** @param {string} action @param {string} status @param {string | null} pending */
export function isEnabled(action, status, pending) {
  if (!isLive(status)) return false;
  if (action === "pause") return status === "running" && pending !== "pause" && pending !== "stop-step";
  if (action === "resume") return status === "paused" && pending !== "resume";
  if (action === "save") return pending !== "save" && pending !== "stop-step";
  return pending !== "stop-step" && pending !== action;
}

export class Controls {
  /**
   * @param {(message: Record<string, unknown>) => void} send
   * @param {Node} where progress in words, left of the buttons
   * @param {Node} more a button that stands with them
   */
  constructor(send, where, more) {
    this._send = send;
    this._state = /** @type {any} */ ({});
    /** @type {{action: string, status: string, heard: boolean} | null} */
    this._pending = null;
    /** a stop at the epoch's end stays in force while the run is paused, resumed or saved */
    this._stopsAfterEpoch = false;
    /** @type {any} */
    this._timer = 0;
    this._said = h("span", { class: "nbt-said", role: "status", "aria-live": "polite" });
    this._buttons = BUTTONS.map((button) => ({
      ...button,
      el: h(
        "button",
        {
          class: `nbt-button nbtrain-${button.action}`,
          type: "button",
          "data-action": button.action,
          title: button.title, // what is read aloud after the visible label, which is the name
          on: { click: () => this._press(button) },
        },
        icon(button.icon),
        h("span", { text: button.label }),
      ),
    }));
    this._group = h(
      "div",
      { class: "nbt-buttons", role: "group", "aria-label": "Control of the run" },
      ...this._buttons.map((b) => b.el),
      more,
    );
    this.el = h(
      "div",
      { class: "nbt-controls" },
      h("div", { class: "nbt-controls-text" }, where, this._said),
      this._group,
    );
  }

  /** @param {any} state */
  update(state) {
    this._state = state;
    const pending = this._pending;
    if (this._stopsAfterEpoch && !isLive(state.status)) {
      this._stopsAfterEpoch = false;
      return this._settle("");
    }
    if (pending && (pending.status !== state.status || !isLive(state.status))) return this._settle("");
    this._group.hidden = !isLive(state.status);
    for (const { action, el } of this._buttons) {
      const pendingHere = action === "stop-epoch" && this._stopsAfterEpoch ? action : (this._pending?.action ?? null);
      el.disabled = !isEnabled(action, state.status, pendingHere);
      el.hidden =
        (action === "pause" && state.status === "paused") || (action === "resume" && state.status !== "paused");
    }
  }

  /** The kernel took a press. @param {{action: string, refused?: string}} answer */
  answer({ action, refused }) {
    if (refused) return this._settle(refused);
    const pending = this._pending;
    if (pending?.action !== action) return;
    pending.heard = true;
    clearTimeout(this._timer);
    setText(this._said, /** @type {any} */ (BUTTONS.find((b) => b.action === action)).heard);
    if (action === "stop-epoch") {
      this._stopsAfterEpoch = true;
      this._settle("");
    }
    if (action === "save") this._timer = setTimeout(() => this._settle(""), SAVED_MS);
  }

  destroy() {
    clearTimeout(this._timer);
  }

  /** @param {(typeof BUTTONS)[number]} button */
  _press({ action, said }) {
    clearTimeout(this._timer);
    this._pending = { action, status: this._state.status, heard: false };
    setText(this._said, said);
    this._send({ type: "control", action });
    this.update(this._state);
    this._timer = setTimeout(() => this._unheard(), UNHEARD_MS);
  }

  /** A front end or kernel that handles clicks only between cells: say so, and name the way that always works. */
  _unheard() {
    const folder = this._state.dir ? ` in ${this._state.dir}` : " in the run folder";
    setText(
      this._said,
      `The kernel is busy with another cell and will hear this when it ends. A file named STOP${folder} stops the run at once.`,
    );
  }

  /** @param {string} text */
  _settle(text) {
    clearTimeout(this._timer);
    this._pending = null;
    setText(this._said, text || (this._stopsAfterEpoch ? "Stopping after this epoch…" : ""));
    this.update(this._state);
  }
}
