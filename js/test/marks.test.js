// Marks: which a chart shows, and where their labels go.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chosen, placed } from "../src/marks.js";

const MARKS = {
  best: 5,
  alerts: [{ step: 1, severity: "info", label: "a" }],
  events: [
    { step: 2, kind: "lr", label: "lr 1 → 2" },
    { step: 3, kind: "epochs", label: "epochs 1 → 2" },
  ],
};

test("the loss shows all, the learning rate names its own changes, other charts name none", () => {
  assert.equal(chosen(MARKS, "all"), MARKS);
  assert.deepEqual(chosen(MARKS, "lr").events.map((e) => e.label), ["lr 1 → 2", ""]);
  assert.deepEqual(chosen(MARKS, undefined).events.map((e) => e.label), ["", ""]);
  assert.equal(chosen(MARKS, undefined).best, null);
});

test("labels never touch, never leave the plot, and go where there is room", () => {
  const labels = [10, 12, 14, 16, 200, 395].map((at) => ({ at, width: 60 }));
  const places = placed(labels, 0, 400);
  assert.deepEqual(places.slice(0, 3).map((p) => p?.row), [0, 1, 2]);
  assert.equal(places[3], null);
  assert.equal(places[4]?.row, 0);
  for (const p of places) if (p) assert.ok(p.left >= 0 && p.left + 60 <= 400);
});

test("a label that fits on neither side is left out", () => {
  assert.deepEqual(placed([{ at: 50, width: 90 }], 0, 100), [null]);
});
