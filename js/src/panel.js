// Entry of the run panel's bundle.
import "uplot/dist/uPlot.min.css";
import "./look.css";
import "./panel.css";
import "./inspect.css";
import { RunLink } from "./link.js";
import { showPanel } from "./panel_view.js";

// A factory, so that each widget has a store of its own: `initialize` and `render` are given different model proxies.
export default () => {
  /** @type {RunLink} */
  let link;
  return {
    /** @param {{model: any}} given */
    initialize({ model }) {
      link = new RunLink(model);
      link.hello();
    },
    /** @param {{model: any, el: HTMLElement}} given */
    render({ model, el }) {
      link ??= new RunLink(model);
      return showPanel(link, el);
    },
  };
};
