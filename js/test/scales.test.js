import assert from "node:assert/strict";
import { test } from "node:test";
import { calm, nearestDefined, rangePercent, rangeY } from "../src/scales.js";

test("one wild raw value does not flatten the curve, and calm ones are all shown", () => {
  const smooth = Array.from({ length: 50 }, (_, i) => 2 - i / 50);
  const [low, high] = calm([smooth], [0, 49], [0.9, 1000], false);
  assert.equal(low, 0.9);
  assert.ok(Math.abs(high - (2 + 0.98)) < 1e-9);
  assert.deepEqual(calm([smooth.slice(0, 5)], [0, 4], [0.9, 1000], false), [0.9, 1000]);
});

test("an axis never has an empty range and starts at zero when values come close to it", () => {
  assert.deepEqual(rangeY(null, null, false), [0, 1]);
  assert.equal(rangeY(0.01, 3, false)[0], 0);
  for (const log of [false, true]) {
    const [low, high] = rangeY(0.5, 0.5, log);
    assert.ok(low < 0.5 && high > 0.5);
  }
});

test("the crosshair finds a curve's own nearest value", () => {
  assert.equal(nearestDefined([1, undefined, undefined, 4], 2), 3);
  assert.equal(nearestDefined([1, undefined, null, undefined, 4], 1), 0);
});

test("an axis of fractions spans a tenth at least, and stays within 0 and 1", () => {
  const close = (a, b) => a.every((x, i) => Math.abs(x - b[i]) < 1e-9);
  assert.ok(close(rangePercent(0.7, 0.73), [0.665, 0.765]));
  assert.ok(close(rangePercent(0.99, 1), [0.9, 1]));
  assert.ok(close(rangePercent(0, 0.01), [0, 0.1]));
  assert.deepEqual(rangePercent(0.2, 0.9), [0.2, 0.9]);
  assert.deepEqual(rangePercent(null, null), [null, null]);
});
