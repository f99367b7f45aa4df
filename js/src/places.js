// Displays that this page has lost: a page loaded again gets no display updates for cells that ran before it.
// Puts what the kernel says they show into the notebook's document, so that it is seen and saved.

const WIDGET = "application/vnd.jupyter.widget-view+json";
export const GONE_MS = 1500; // a view that should have been replaced by now will not be

/**
 * @typedef {{place: string, data: Record<string, any>, metadata: Record<string, any>}} Place
 * @param {any} manager the widget manager; JupyterLab's and Notebook's know the document, others do not
 * @param {Place[]} places
 * @returns {boolean} false where the document cannot be reached or has none of the places
 */
export function fillPlaces(manager, places) {
  const byName = new Map(places.map((place) => [place.place, place]));
  let found = false;
  try {
    const cells = manager?.context?.model?.cells;
    for (let i = 0; i < (cells?.length ?? 0); i++) {
      const outputs = cells.get(i).outputs;
      for (let j = 0; j < (outputs?.length ?? 0); j++) {
        const shown = outputs.get(j);
        const wanted = byName.get(shown.metadata?.nbtrain?.place);
        if (!wanted) continue;
        found = true;
        const { data, metadata } = wanted;
        if (!shows(shown.data, data)) outputs.set(j, { output_type: "display_data", data, metadata });
      }
    }
  } catch (error) {
    console.warn("nbtrain: the notebook's document is not as expected", error);
    return false;
  }
  return found;
}

/**
 * Put a new cell with this code below the one that shows a place.
 * @param {any} manager the widget manager
 * @param {string} place
 * @param {string} source
 * @returns {boolean} false where the document cannot be reached or does not have the place
 */
export function cellBelow(manager, place, source) {
  try {
    const model = manager?.context?.model;
    for (let i = 0; i < (model?.cells?.length ?? 0); i++) {
      const outputs = model.cells.get(i).outputs;
      for (let j = 0; j < (outputs?.length ?? 0); j++) {
        if (outputs.get(j).metadata?.nbtrain?.place !== place) continue;
        model.sharedModel.insertCell(i + 1, { cell_type: "code", source, metadata: {} });
        return true;
      }
    }
  } catch (error) {
    console.warn("nbtrain: the notebook's document is not as expected", error);
  }
  return false;
}

/** Whether an output shows this already: setting it again would build its view anew. @param {any} has @param {any} data */
function shows(has, data) {
  const [now, then] = [has?.[WIDGET]?.model_id, data[WIDGET]?.model_id];
  return now || then ? now === then : has?.["text/plain"] === data["text/plain"];
}
