// The heat map's store: codes, merging, gaps, the range of its colours.
import assert from "node:assert/strict";
import { test } from "node:test";
import { rowHeight } from "../src/heat_map.js";
import { ABSENT, HeatStore, INFINITE, ZERO, merged, rangeOf, valueOf } from "../src/heat_store.js";
import { ramp } from "../src/ramp.js";

/** @param {number} step @param {number[]} codes */
function block(header, columns) {
  const rows = columns[0][1].length / 2;
  const view = new DataView(new ArrayBuffer(columns.length * (8 + 4 * rows)));
  let at = 0;
  for (const [step, codes] of columns) {
    view.setFloat64(at, step, true);
    at += 8;
    for (const code of codes) {
      view.setUint16(at, code, true);
      at += 2;
    }
  }
  return [{ rows, count: columns.length, ...header }, view];
}
const code = (/** @type {number} */ value) => 2 + Math.round(((Math.log10(value) + 20) / 40) * 65532);

test("codes are values, and merging is the kernel's", () => {
  assert.ok(Math.abs((valueOf(code(3e-4)) ?? 0) / 3e-4 - 1) < 2e-3);
  assert.deepEqual([ABSENT, ZERO, INFINITE].map(valueOf), [null, 0, Infinity]);
  const pairs = [[100, 300], [ABSENT, 300], [ZERO, 300], [INFINITE, 300], [ABSENT, ZERO], [ABSENT, ABSENT]];
  assert.deepEqual(pairs.map(([a, b]) => merged(a, b)), [200, 300, 300, INFINITE, ZERO, ABSENT]);
});

test("appends join, a gap is seen, and a merge halves what is there", () => {
  const store = new HeatStore();
  assert.ok(store.apply(...block({ level: 0, offset: 0, samples: 2 }, [[1, [10, 20]], [2, [30, 40]]])));
  assert.deepEqual(store.have(), { level: 0, full: 2 });
  assert.equal(store.apply(...block({ level: 0, offset: 3, samples: 4 }, [[4, [50, 60]]])), false);
  assert.deepEqual(store.have(), { level: 0, full: 2 });
  assert.ok(store.apply(...block({ level: 0, offset: 2, samples: 4 }, [[3, [50, 60]], [4, [70, 80]]])));
  assert.ok(store.apply(...block({ level: 1, offset: 2, samples: 5 }, [[5, [90, 90]]])));
  assert.deepEqual(store.columns.map((c) => c?.step), [2, 4, 5]);
  assert.deepEqual([...(store.columns[0]?.codes ?? [])], [20, 30]);
});

test("names come in parts", () => {
  const store = new HeatStore();
  store.takeNames({ start: 0, total: 3, names: ["a", "b"] });
  store.takeNames({ start: 2, total: 3, names: ["c"] });
  assert.deepEqual(store.names, ["a", "b", "c"]);
});

test("the colours span all but the outermost values, at least a power of ten", () => {
  const store = new HeatStore();
  store.takeNames({ start: 0, total: 2, names: ["a", "b"] });
  assert.equal(rangeOf(store, 0), null);
  store.apply(...block({ level: 0, offset: 0, samples: 1 }, [[1, [code(2e-3), code(5), ABSENT, ZERO]]]));
  assert.deepEqual(rangeOf(store, 0), { low: -3, high: 1, below: false, above: false, zero: false, infinite: false });
  assert.equal(rangeOf(store, 1)?.zero, true);
});

test("colours grow lighter and lighter", () => {
  const light = [...Array(65).keys()].map((i) => {
    const [r, g, b] = ramp(i / 64).map((c) => (c / 255) ** 2.2);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  });
  for (let i = 1; i < light.length; i++) assert.ok(light[i] > light[i - 1]);
  assert.ok(light[64] > 10 * light[0]);
});

test("few rows are tall, many are thin, none vanishes", () => {
  assert.deepEqual([5, 40, 500].map(rowHeight), [22, 10, 3]);
});
