import assert from "node:assert/strict";
import { test } from "node:test";
import { count, duration, estimate, number, percent, setting, shortCount, smallPercent, ticks, toNumber } from "../src/format.js";

test("numbers keep four significant places and never hide a NaN", () => {
  assert.deepEqual(
    [0.123456, 12.3456, 0.00012345, 0, null, NaN, Infinity, 1234567].map((v) => number(v)),
    ["0.1235", "12.35", "1.234e-4", "0", "–", "NaN", "∞", "1.235e6"],
  );
  assert.ok(Number.isNaN(toNumber("NaN")));
  assert.equal(toNumber("-Infinity"), -Infinity);
  assert.equal(toNumber(null), null);
});

test("settings read as they were written", () => {
  assert.deepEqual([0.001, 3e-4, 0.1, 1e-5, 0].map(setting), ["0.001", "3e-4", "0.1", "1e-5", "0"]);
});

test("times, counts, percent", () => {
  assert.deepEqual([5, 75, 4000, 90061].map(duration), ["0:05", "1:15", "1:06:40", "1 d 01:01:01"]);
  assert.equal(count(1234567), "1,234,567");
  assert.deepEqual([950, 12345, 1234567, 7.25e9].map(shortCount), ["950", "12.3 k", "1.23 M", "7.25 B"]);
  assert.equal(percent(0.9731), "97.3 %");
});

test("the labels of an axis are all different", () => {
  for (const splits of [
    [0.0009, 0.00095, 0.001],
    [0, 0.0005, 0.001, 0.0015],
    [0.2, 0.25, 0.3],
    [0, 500, 1000, 1500],
    [0, 5000, 10000],
    [999000, 999500, 1000000],
    [0, 250000, 500000, 1000000],
    [1e-7, 2e-7],
  ]) {
    const labels = ticks(splits);
    assert.equal(new Set(labels).size, splits.length, labels.join(" "));
  }
  assert.deepEqual(ticks([0, 5000, 10000]), ["0", "5k", "10k"]);
  assert.deepEqual(ticks([0, 0.0005, 0.001]), ["0", "5e-4", "1e-3"]);
});

test("what is left is told no finer than it is known, small shares with two digits", () => {
  assert.deepEqual([null, 75, 3750, 90000].map(estimate), ["–", "~1:15", "~1:02:30", "~1 d 1 h"]);
  assert.deepEqual([0, 0.00612, 0.1234, 0.00001].map(smallPercent), ["0 %", "0.61 %", "12 %", "under 0.01 %"]);
});

test("ticks two and a half apart are written as they are", () => {
  assert.deepEqual(ticks([0, 2.5, 5, 7.5]), ["0", "2.5", "5.0", "7.5"]);
  assert.deepEqual(ticks([0, 0.25, 0.5]), ["0", "0.25", "0.50"]);
  assert.deepEqual(ticks([0, 2500, 5000]), ["0", "2,500", "5,000"]);
  assert.deepEqual(ticks([0, 25000, 50000]), ["0", "25k", "50k"]);
  assert.deepEqual(ticks([0, 4e10, 8e10]), ["0", "40B", "80B"]);
  assert.deepEqual(ticks([0, 4e10, 8e10], true), ["0", "4e10", "8e10"]);
});
