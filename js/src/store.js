// CurveStore: what the page holds of one LiveCurve. Repeats the kernel's merge bit for bit, so that only new buckets
// travel. Knows nothing of charts or messages. The kernel's side is nbtrain/telemetry/curve.py.

/**
 * @typedef {{level: number, offset: number, count: number, rows: number, columns: string[]}} BlockHeader
 */

const STATISTICS = ["mean", "low", "high"];

export class CurveStore {
  /** @param {number} capacity most buckets kept; grows if the kernel sends more */
  constructor(capacity = 512) {
    this.capacity = capacity;
    this.level = 0;
    /** rows the kernel had appended when it sent the newest block */
    this.rows = 0;
    /** buckets known, the one still filling included */
    this.length = 0;
    /** full buckets known without a hole, counted from the first */
    this.solid = 0;
    /** one more after each change */
    this.version = 0;
    /** @type {string[]} */
    this.columns = [];
    this._full = 0;
    this._steps = new Float64Array(capacity).fill(NaN);
    /** @type {Record<string, Float32Array>[]} */
    this._stats = [];
  }

  /**
   * Take over a block.
   * @param {BlockHeader} header
   * @param {DataView} view
   * @returns {boolean} false when buckets are missing before this block: the kernel must be asked for them
   */
  apply(header, view) {
    if (header.level < this.level) return true; // sent before a merge that we already made
    if (!this._stats.length) this._open(header.columns);
    while (this.level < header.level) this._merge();
    this._reserve(header.offset + header.count);
    const whole = header.offset <= this.solid;
    const n = header.count;
    let at = 0;
    for (let i = 0; i < n; i++, at += 8) this._steps[header.offset + i] = view.getFloat64(at, true);
    for (const column of this._stats) {
      for (const name of STATISTICS) {
        const target = column[name];
        for (let i = 0; i < n; i++, at += 4) target[header.offset + i] = view.getFloat32(at, true);
      }
    }
    const end = header.offset + n;
    const full = Math.min(end, Math.floor(header.rows / 2 ** header.level));
    this.rows = Math.max(this.rows, header.rows);
    this.length = Math.max(this.length, end);
    this._full = Math.max(this._full, full);
    if (whole) this.solid = Math.max(this.solid, full);
    this.version++;
    return whole;
  }

  /** What to tell the kernel, so that it sends only what is missing. */
  have() {
    return { level: this.level, full: this.solid };
  }

  get steps() {
    return this._steps.subarray(0, this.length);
  }

  /**
   * @param {string} column
   * @param {"mean" | "low" | "high"} statistic
   * @returns {Float32Array} one value a bucket, NaN where absent; empty for an unknown column
   */
  values(column, statistic = "mean") {
    const index = this.columns.indexOf(column);
    return index < 0 ? new Float32Array(0) : this._stats[index][statistic].subarray(0, this.length);
  }

  /** @param {string[]} columns */
  _open(columns) {
    this.columns = columns;
    this._stats = columns.map(() =>
      Object.fromEntries(STATISTICS.map((name) => [name, new Float32Array(this.capacity).fill(NaN)])),
    );
  }

  /** @param {number} length */
  _reserve(length) {
    if (length <= this.capacity) return;
    while (this.capacity < length) this.capacity *= 2;
    const steps = new Float64Array(this.capacity).fill(NaN);
    steps.set(this._steps);
    this._steps = steps;
    for (const column of this._stats) {
      for (const name of STATISTICS) {
        const grown = new Float32Array(this.capacity).fill(NaN);
        grown.set(column[name]);
        column[name] = grown;
      }
    }
  }

  /** Merge full neighbours in pairs: exactly the operations of LiveCurve._merge, holes counting as absent. */
  _merge() {
    const half = Math.floor(this._full / 2);
    for (let i = 0; i < half; i++) this._steps[i] = this._steps[2 * i + 1];
    this._steps.fill(NaN, half);
    for (const { mean, low, high } of this._stats) {
      for (let i = 0; i < half; i++) {
        const j = 2 * i + 1;
        const left = mean[2 * i];
        const right = mean[j];
        mean[i] = left !== left ? right : right !== right ? left : (left + right) / 2; // x !== x: NaN
        low[i] = low[2 * i] <= low[j] || low[j] !== low[j] ? low[2 * i] : low[j];
        high[i] = high[2 * i] >= high[j] || high[j] !== high[j] ? high[2 * i] : high[j];
      }
      mean.fill(NaN, half);
      low.fill(NaN, half);
      high.fill(NaN, half);
    }
    this.solid = Math.floor(this.solid / 2);
    this._full = half;
    this.length = half;
    this.level++;
  }
}

/**
 * Average over neighbours, newer ones counting more, without the pull towards the first value.
 * @param {Float32Array} values NaN where absent
 * @param {number} keep how much of the average so far stays at each value
 * @returns {Float32Array} NaN where `values` is
 */
export function smoothed(values, keep = 0.88) {
  const out = new Float32Array(values.length);
  let [sum, weight] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (Number.isFinite(value)) {
      sum = keep * sum + (1 - keep) * value;
      weight = keep * weight + (1 - keep);
    }
    out[i] = Number.isFinite(value) ? sum / weight : NaN;
  }
  return out;
}

/**
 * Put curves with their own x side by side on one x, as uPlot wants it: null where a curve has no value at its own x
 * (a gap), undefined where the x is not the curve's (no gap).
 * @param {{x: ArrayLike<number>, ys: ArrayLike<number>[]}[]} parts each sorted by x
 * @returns {(number | null | undefined)[][]} x first, then each y of each part in order
 */
export function join(parts) {
  const cursor = parts.map(() => 0);
  /** @type {(number | null | undefined)[][]} */
  const out = [[]];
  for (const part of parts) for (const _ of part.ys) out.push([]);
  for (;;) {
    let x = Infinity;
    for (let p = 0; p < parts.length; p++) {
      const xs = parts[p].x;
      while (cursor[p] < xs.length && !Number.isFinite(xs[cursor[p]])) cursor[p]++; // a hole waiting for repair
      if (cursor[p] < xs.length && xs[cursor[p]] < x) x = xs[cursor[p]];
    }
    if (x === Infinity) return out;
    out[0].push(x);
    let column = 1;
    for (let p = 0; p < parts.length; p++) {
      const here = cursor[p];
      const mine = here < parts[p].x.length && parts[p].x[here] === x;
      for (const y of parts[p].ys) out[column++].push(mine ? (Number.isFinite(y[here]) ? y[here] : null) : undefined);
      if (mine) cursor[p]++;
    }
  }
}
