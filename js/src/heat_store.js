// HeatStore: what the page holds of the layers' history. Repeats the kernel's merge exactly, so that only new columns
// travel. The kernel's side is nbtrain/telemetry/layer_history.py.

export const MEASURES = ["gradient", "ratio"];
export const [ABSENT, ZERO, FIRST, INFINITE] = [0, 1, 2, 65535];
const [LOWEST, HIGHEST] = [-20, 20]; // powers of ten

/** @param {number} code @returns {number} log10 of its value; NaN for a code that is no positive finite number */
export function powerOf(code) {
  if (code < FIRST || code === INFINITE) return NaN;
  return LOWEST + ((code - FIRST) / (INFINITE - 1 - FIRST)) * (HIGHEST - LOWEST);
}

/** @param {number} code @returns {number | null} null where there was nothing */
export function valueOf(code) {
  if (code === ABSENT) return null;
  if (code === ZERO) return 0;
  return code === INFINITE ? Infinity : 10 ** powerOf(code);
}

/** @param {number} left @param {number} right codes */
export function merged(left, right) {
  const [low, high] = left < right ? [left, right] : [right, left];
  if (high === INFINITE || low < FIRST) return high;
  return (low + high) >> 1;
}

/** @typedef {{step: number, codes: Uint16Array}} Column codes: all gradient norms, then all update ratios */

export class HeatStore {
  constructor() {
    /** @type {string[]} */
    this.names = [];
    /** @type {(Column | undefined)[]} */
    this.columns = [];
    this.level = 0;
    /** full columns known without a hole, counted from the first */
    this.solid = 0;
    this.samples = 0;
    /** one more after each change */
    this.version = 0;
    this._full = 0;
  }

  /** @param {{start: number, total: number, names: string[]}} part */
  takeNames({ start, total, names }) {
    if (this.names.length !== total) this.names = Array(total).fill("");
    names.forEach((name, i) => (this.names[start + i] = name));
    this.version++;
  }

  /**
   * @param {{level: number, offset: number, count: number, samples: number, rows: number}} header
   * @param {DataView} view
   * @returns {boolean} false when columns are missing before this block
   */
  apply(header, view) {
    if (header.level < this.level) return true; // sent before a merge that we already made
    while (this.level < header.level) this._merge();
    const whole = header.offset <= this.solid;
    let at = 0;
    for (let i = 0; i < header.count; i++) {
      const codes = new Uint16Array(2 * header.rows);
      const step = view.getFloat64(at, true);
      at += 8;
      for (let k = 0; k < codes.length; k++, at += 2) codes[k] = view.getUint16(at, true);
      this.columns[header.offset + i] = { step, codes };
    }
    const full = Math.min(header.offset + header.count, Math.floor(header.samples / 2 ** header.level));
    this._full = Math.max(this._full, full);
    if (whole) this.solid = Math.max(this.solid, full);
    this.samples = Math.max(this.samples, header.samples);
    this.version++;
    return whole;
  }

  have() {
    return { level: this.level, full: this.solid };
  }

  _merge() {
    const half = Math.floor(this._full / 2);
    /** @type {(Column | undefined)[]} */
    const columns = [];
    for (let i = 0; i < half; i++) {
      const [left, right] = [this.columns[2 * i], this.columns[2 * i + 1]];
      if (left && right) columns[i] = { step: right.step, codes: left.codes.map((code, k) => merged(code, right.codes[k])) };
    }
    this.columns = columns;
    this.solid = Math.floor(this.solid / 2);
    this._full = half;
    this.level++;
  }
}

/**
 * The range of colours: powers of ten that hold all but the outermost hundredth of the values, in half powers.
 * @param {HeatStore} store @param {number} measure 0 or 1
 * @returns {{low: number, high: number, below: boolean, above: boolean, zero: boolean, infinite: boolean} | null}
 */
export function rangeOf(store, measure) {
  const rows = store.names.length;
  /** @type {number[]} */
  const powers = [];
  let [zero, infinite] = [false, false];
  for (const column of store.columns) {
    if (!column) continue;
    for (let row = 0; row < rows; row++) {
      const code = column.codes[measure * rows + row];
      if (code === ZERO) zero = true;
      else if (code === INFINITE) infinite = true;
      else if (code !== ABSENT) powers.push(powerOf(code));
    }
  }
  if (!powers.length) return zero || infinite ? { low: -1, high: 0, below: false, above: false, zero, infinite } : null;
  powers.sort((a, b) => a - b);
  const pick = (/** @type {number} */ share) => powers[Math.round(share * (powers.length - 1))];
  let [low, high] = [Math.floor(2 * pick(0.01)) / 2, Math.ceil(2 * pick(0.99)) / 2];
  if (high - low < 1) [low, high] = [low - (high - low === 0 ? 0.5 : 0), low + 1];
  return { low, high, below: powers[0] < low - 1e-6, above: powers[powers.length - 1] > high + 1e-6, zero, infinite };
}
