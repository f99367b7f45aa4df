// The edit row: what its fields stand at, and what of the typed text is a wish.
import assert from "node:assert/strict";
import { test } from "node:test";
import { currentOf, wishesOf } from "../src/edit_row.js";

test("fields stand at what the run has; what has no meaning in it is absent", () => {
  const state = { latest: { lr: 0.0005 }, settings: { epochs: 40, patience: null } };
  assert.deepEqual(currentOf(state), { lr: "5e-4", epochs: "40", patience: "" });
  assert.equal(currentOf({ ...state, settings: { lr: 0.1 } }).lr, "0.1"); // a paused run has no newer row
  assert.deepEqual(currentOf({}), { lr: "" });
});

test("only what differs is a wish; an emptied patience is off", () => {
  const current = { lr: "0.001", epochs: "40", patience: "3" };
  assert.deepEqual(wishesOf({ lr: " 0.001 ", epochs: "40", patience: "3" }, current), {});
  assert.deepEqual(wishesOf({ lr: "*0.5", epochs: "40", patience: " " }, current), { lr: "*0.5", patience: "off" });
});
