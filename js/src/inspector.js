// Entry of the inspector's bundle: a model, optimizer, scheduler or loader standing alone.
import "./look.css";
import "./inspect.css";
import { h } from "./dom.js";
import { InspectView } from "./inspect_view.js";
import { followTheme } from "./theme.js";

export default () => ({
  /** @param {{model: any, el: HTMLElement}} given */
  render({ model, el }) {
    const view = new InspectView((message) => model.send(message));
    const root = h("section", { class: "nbt nbtrain-inspector", "aria-label": "Inspector" }, view.el);
    el.append(root);
    const stopTheme = followTheme(root, () => {});
    const take = (/** @type {any} */ content, /** @type {DataView[]} */ buffers) => {
      view.take(content.type, content, buffers);
      view.draw();
    };
    model.on("msg:custom", take);
    view.open();
    return () => {
      model.off("msg:custom", take);
      view.destroy();
      stopTheme();
      root.remove();
    };
  },
});
