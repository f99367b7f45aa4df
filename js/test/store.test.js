// CurveStore: what the page holds is what the kernel holds. Run with `node --test js/test/`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CurveStore, join, smoothed } from "../src/store.js";

const F32 = Math.fround;

/** The kernel's side in few words: full buckets only, one column, one row a bucket at level 0. */
function block(level, offset, rows, buckets) {
  const view = new DataView(new ArrayBuffer(buckets.length * 20));
  buckets.forEach((b, i) => view.setFloat64(8 * i, b.step, true));
  ["mean", "low", "high"].forEach((name, s) =>
    buckets.forEach((b, i) => view.setFloat32(8 * buckets.length + 4 * (s * buckets.length + i), b[name], true)),
  );
  return [{ level, offset, count: buckets.length, rows, columns: ["loss"] }, view];
}
const flat = (step, value) => ({ step, mean: value, low: value, high: value });

test("blocks in order add up, the filling bucket is overwritten", () => {
  const store = new CurveStore(8);
  assert.ok(store.apply(...block(1, 0, 3, [flat(1, 0.5), flat(2, 7)])));
  assert.equal(store.solid, 1);
  assert.ok(store.apply(...block(1, 1, 4, [flat(3, 9)])));
  assert.deepEqual([...store.steps], [1, 3]);
  assert.deepEqual([...store.values("loss")], [0.5, 9]);
  assert.equal(store.solid, 2);
});

test("a higher level merges pairs: mean rounded once to float32, low, high, last step", () => {
  const store = new CurveStore(4);
  store.apply(...block(0, 0, 4, [flat(0, 0.1), flat(1, 0.2), flat(2, NaN), flat(3, 4)]));
  store.apply(...block(1, 2, 5, [flat(4, 1)]));
  assert.deepEqual([...store.steps], [1, 3, 4]);
  assert.deepEqual([...store.values("loss")], [F32((F32(0.1) + F32(0.2)) / 2), 4, 1]);
  assert.deepEqual([...store.values("loss", "low")], [F32(0.1), 4, 1]);
  assert.deepEqual([...store.values("loss", "high")], [F32(0.2), 4, 1]);
});

test("a hole is reported, drawn around, and repaired by what the page asks for", () => {
  const store = new CurveStore(8);
  store.apply(...block(0, 0, 2, [flat(0, 1), flat(1, 2)]));
  assert.equal(store.apply(...block(0, 4, 5, [flat(4, 5)])), false);
  assert.deepEqual(store.have(), { level: 0, full: 2 });
  assert.deepEqual(join([{ x: store.steps, ys: [store.values("loss")] }]), [
    [0, 1, 4],
    [1, 2, 5],
  ]);
  assert.ok(store.apply(...block(0, 2, 5, [flat(2, 3), flat(3, 4), flat(4, 5)])));
  assert.deepEqual([...store.values("loss")], [1, 2, 3, 4, 5]);
  assert.equal(store.solid, 5);
});

test("a block sent before a merge that was already made is left out", () => {
  const store = new CurveStore(4);
  store.apply(...block(1, 0, 4, [flat(1, 1), flat(3, 3)]));
  const version = store.version;
  assert.ok(store.apply(...block(0, 0, 2, [flat(0, 9), flat(1, 9)])));
  assert.equal(store.version, version);
});

test("a repeated snapshot changes nothing", () => {
  const store = new CurveStore(4);
  const all = block(0, 0, 3, [flat(0, 1), flat(1, 2), flat(2, 3)]);
  store.apply(...all);
  store.apply(...block(0, 3, 4, [flat(3, 4)]));
  store.apply(...all);
  assert.deepEqual([...store.values("loss")], [1, 2, 3, 4]);
  assert.equal(store.solid, 4);
});

test("more buckets than expected make room", () => {
  const store = new CurveStore(2);
  store.apply(
    ...block(
      0,
      0,
      5,
      [0, 1, 2, 3, 4].map((i) => flat(i, i)),
    ),
  );
  assert.deepEqual([...store.values("loss")], [0, 1, 2, 3, 4]);
});

test("join: null is a gap in a curve, undefined is another curve's step", () => {
  const joined = join([
    { x: [1, 2, 4], ys: [[10, NaN, 40]] },
    { x: [2, 3], ys: [[0.2, 0.3]] },
  ]);
  assert.deepEqual(joined, [
    [1, 2, 3, 4],
    [10, null, undefined, 40],
    [undefined, 0.2, 0.3, undefined],
  ]);
});

test("smoothing starts at the first value, passes over gaps and follows", () => {
  const out = smoothed(new Float32Array([2, NaN, 2, 2, ...Array(200).fill(5)]));
  assert.deepEqual([out[0], out[1], out[3]], [2, NaN, 2]);
  assert.ok(Math.abs(out[203] - 5) < 1e-3);
});
