// Entry of the start bar's bundle: the question under a plan, and the button that starts it.
import "./look.css";
import "./start.css";
import { h, icon, setText } from "./dom.js";
import { cellBelow, fillPlaces, GONE_MS } from "./places.js";
import { followTheme } from "./theme.js";

const UNHEARD_MS = 3000;

export default () => ({
  /** @param {{model: any, el: HTMLElement}} given */
  render({ model, el }) {
    const question = h("span", { class: "nbt-question" });
    const said = h("span", { class: "nbt-said", role: "status", "aria-live": "polite" });
    const label = h("span");
    /** @type {any} */
    let timer = 0;
    const button = h(
      "button",
      {
        class: "nbt-button nbt-primary nbtrain-start",
        type: "button",
        "data-action": "start",
        on: { click: () => press() },
      },
      icon(model.get("icon")),
      label,
    );
    const root = h(
      "section",
      { class: "nbt nbtrain-start-bar", "aria-label": model.get("label") },
      h("div", { class: "nbt-start-text" }, question, said),
      button,
    );
    el.append(root);
    const stopTheme = followTheme(root, () => {});

    const press = () => {
      if (model.get("cell")) return void offerCell();
      button.disabled = true;
      setText(said, model.get("busy"));
      model.send({ type: "start" });
      timer = setTimeout(
        () => setText(said, "The kernel is busy with another cell and does this when it ends."),
        UNHEARD_MS,
      );
    };
    const offerCell = async () => {
      const code = model.get("cell");
      if (cellBelow(model.widget_manager, model.get("place"), code)) {
        setText(said, "It stands below; nothing of it has run.");
        button.disabled = true;
        return;
      }
      try {
        await navigator.clipboard.writeText(code);
        setText(said, "Copied: paste it into a new cell.");
      } catch {
        setText(said, "This page lets no cell be added: copy it from the report.");
      }
    };
    const draw = () => {
      const phase = model.get("phase");
      clearTimeout(timer);
      root.dataset.phase = phase;
      setText(question, model.get("question"));
      setText(label, model.get("label"));
      setText(said, model.get("note"));
      button.disabled = phase === "starting";
      button.hidden = phase === "started" || phase === "closed";
      // The kernel puts another display into this one's place then; a page loaded again misses it.
      if (button.hidden) timer = setTimeout(() => model.send({ type: "places" }), GONE_MS);
    };
    /** @param {any} content */
    const take = (content) => {
      if (content.type !== "places" || fillPlaces(model.widget_manager, content.places)) return;
      if (content.places.length > 1) setText(said, `${model.get("note")} %train status shows the run.`);
    };
    const names = ["phase", "question", "label", "note"].map((name) => `change:${name}`);
    for (const name of names) model.on(name, draw);
    model.on("msg:custom", take);
    draw();
    return () => {
      clearTimeout(timer);
      for (const name of names) model.off(name, draw);
      model.off("msg:custom", take);
      stopTheme();
      root.remove();
    };
  },
});
