// fillPlaces: what it changes in a notebook's document, and what it leaves alone. The document is played by arrays.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cellBelow, fillPlaces } from "../src/places.js";

const WIDGET = "application/vnd.jupyter.widget-view+json";

function notebook(...cells) {
  const list = (items) => ({ length: items.length, get: (i) => items[i], set: (i, item) => (items[i] = item) });
  const given = cells.map((outputs) => (outputs ? { outputs: list(outputs) } : {}));
  return { context: { model: { cells: list(given) } } };
}
const output = (place, data) => ({ output_type: "display_data", data, metadata: place ? { nbtrain: { place } } : {} });
const wanted = (place, data) => ({ place, data, metadata: { nbtrain: { place } } });

test("places are filled wherever they stand, and nothing else is touched", () => {
  const other = output(null, { "text/plain": "theirs" });
  const first = [other, output("a", { [WIDGET]: { model_id: "m" }, "text/plain": "running" })];
  const second = [output("b", { "text/plain": "" })];
  const filled = fillPlaces(notebook(null, first, second), [
    wanted("a", { "image/png": "AAAA", "text/plain": "completed" }),
    wanted("b", { "text/html": "<p>report</p>", "text/plain": "report" }),
  ]);
  assert.equal(filled, true);
  assert.equal(first[0], other);
  assert.deepEqual(Object.keys(first[1].data), ["image/png", "text/plain"]);
  assert.equal(second[0].data["text/plain"], "report");
});

test("a place that shows it already keeps its view", () => {
  const live = output("a", { [WIDGET]: { model_id: "m" }, "text/plain": "step 1" });
  const outputs = [live];
  fillPlaces(notebook(outputs), [wanted("a", { [WIDGET]: { model_id: "m" }, "text/plain": "step 9" })]);
  assert.equal(outputs[0], live);
});

test("without the document, or with one of another kind, it says so", () => {
  const places = [wanted("a", { "text/plain": "x" })];
  assert.equal(fillPlaces(undefined, places), false);
  assert.equal(fillPlaces({}, places), false);
  assert.equal(fillPlaces(notebook([output("c", {})]), places), false);
  assert.equal(fillPlaces({ context: { model: { cells: { length: 2, get: () => null } } } }, places), false);
});

test("a cell is put below the one that shows the place, or it is said that there is none", () => {
  const manager = notebook([output("a", {})], [output("b", {})]);
  const put = [];
  manager.context.model.sharedModel = { insertCell: (at, cell) => put.push([at, cell]) };
  assert.equal(cellBelow(manager, "a", "%train"), true);
  assert.deepEqual(put, [[1, { cell_type: "code", source: "%train", metadata: {} }]]);
  assert.equal(cellBelow(manager, "c", "%train"), false);
  assert.equal(cellBelow(undefined, "a", "%train"), false);
});
