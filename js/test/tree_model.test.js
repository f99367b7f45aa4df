import assert from "node:assert/strict";
import { test } from "node:test";
import { TreeModel } from "../src/tree_model.js";

/** @param {[string, number, string, number][]} rows name, depth, class, parameters */
function model(rows) {
  const texts = ["class", "dtype", "device", "state", "shared", "held", "shape"];
  const words = Object.fromEntries(texts.map((t) => [t, t === "class" ? rows.map((r) => r[2]) : [""]]));
  const codes = Object.fromEntries(texts.map((t) => [t, rows.map((_, i) => (t === "class" ? i : 0))]));
  const numbers = { own: rows.map((r) => r[3]), total: rows.map((r) => r[3]) };
  return new TreeModel({ names: rows.map((r) => r[0]), depths: rows.map((r) => r[1]), numbers, words, codes });
}
const SMALL = model([
  ["", 0, "Net", 0],
  ["body", 1, "Sequential", 0],
  ["0", 2, "Linear", 6],
  ["1", 2, "ReLU", 0],
  ["head", 1, "Linear", 4],
]);

test("paths are put together from depth", () => {
  assert.deepEqual(SMALL.paths, ["", "body", "body.0", "body.1", "head"]);
  assert.deepEqual([...SMALL.parents], [-1, 0, 1, 1, 0]);
});

test("folding hides what is below and nothing else", () => {
  SMALL.foldAll(false);
  SMALL.collapsed[1] = 1;
  assert.deepEqual(SMALL.visible(), [0, 1, 4]);
  SMALL.foldAll(false);
  assert.deepEqual(SMALL.visible(), [0, 1, 2, 3, 4]);
});

test("a filter shows matches with the way to them, folded or not", () => {
  SMALL.foldAll(true);
  SMALL.filter("relu");
  assert.deepEqual(SMALL.visible(), [0, 1, 3]);
  assert.deepEqual([SMALL.matches, SMALL.isMatch(3), SMALL.isMatch(1)], [1, true, false]);
  SMALL.filter("");
  assert.equal(SMALL.matches, 5);
});

test("a module's gradient norm is the root of the sum of squares below it, its ratio the largest", () => {
  SMALL.setLive(new Uint32Array([2, 4]), new Float32Array([3, 4]), new Float32Array([0.001, 0.5]));
  const { norm, ratio } = SMALL.live();
  assert.deepEqual([norm[0], norm[1], norm[3]], [5, 3, NaN]);
  assert.deepEqual([ratio[0], ratio[1]], [0.5, Math.fround(0.001)]);
});

test("ten thousand modules open folded, so that few rows are shown, and filter within a frame's reach", () => {
  const rows = [["", 0, "Net", 0]];
  for (let i = 0; i < 1000; i++) {
    rows.push([`b${i}`, 1, "Block", 0]);
    for (let j = 0; j < 9; j++) rows.push([`l${j}`, 2, "Linear", 5]);
  }
  const big = model(rows);
  assert.equal(big.length, 10_001);
  assert.equal(big.visible().length, 1001);
  big.filter("b999.l8");
  assert.deepEqual(
    big.visible().map((i) => big.paths[i]),
    ["", "b999", "b999.l8"],
  );
});
