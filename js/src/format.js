// Numbers, times and counts as people read them. The same rules as nbtrain/units.py.

const THIN = 1e-3;

/** "NaN", "Infinity" and "-Infinity" travel as strings. @param {unknown} value @returns {number | null} */
export function toNumber(value) {
  if (value === null || value === undefined) return null;
  return typeof value === "number" ? value : Number(value);
}

/** 0.00012345 -> "1.234e-4"; null -> "–". @param {number | null | undefined} value */
export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < THIN) return exponent(value, digits - 1);
  return size >= 10 ** digits ? value.toFixed(0) : value.toPrecision(digits);
}

/** A setting as it was written: 0.001 -> "0.001", 3e-4 -> "3e-4". @param {number | null | undefined} value */
export function setting(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return number(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  const short = Number(value.toPrecision(4));
  return size < THIN || size >= 1e6 ? exponent(short, 3, true) : String(short);
}

/** @param {number} value @param {number} digits */
function exponent(value, digits, trim = false) {
  let [head, tail] = value.toExponential(digits).split("e");
  if (trim && head.includes(".")) head = head.replace(/\.?0+$/, "");
  return `${head}e${Number(tail)}`;
}

/** 75 -> "1:15". @param {number | null | undefined} value seconds */
export function duration(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const whole = Math.max(0, Math.round(value));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const [days, hours, minutes, rest] = [
    Math.floor(whole / 86400),
    Math.floor((whole % 86400) / 3600),
    Math.floor((whole % 3600) / 60),
    whole % 60,
  ];
  if (days) return `${days} d ${two(hours)}:${two(minutes)}:${two(rest)}`;
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** What is left, no finer than it can be known: 75 -> "~1:15", 90000 -> "~1 d 1 h". @param {number | null | undefined} value seconds */
export function estimate(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value < 86400) return `~${duration(value)}`;
  return `~${Math.floor(value / 86400)} d ${Math.floor((value % 86400) / 3600)} h`;
}

/** 1234567 -> "1,234,567". @param {number | null | undefined} value */
export function count(value) {
  return value === null || value === undefined || !Number.isFinite(value)
    ? "–"
    : Math.round(value).toLocaleString("en-US");
}

/** 1234567 -> "1.23 M". @param {number | null | undefined} value */
export function shortCount(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e12) return `${trimmed(value / 1e12)} T`;
  if (size >= 1e9) return `${trimmed(value / 1e9)} B`;
  if (size >= 1e6) return `${trimmed(value / 1e6)} M`;
  if (size >= 1e4) return `${trimmed(value / 1e3)} k`;
  return size >= 100 || Number.isInteger(value) ? count(value) : trimmed(value);
}

/** @param {number} value */
function trimmed(value) {
  return String(Number(value.toPrecision(3)));
}

/** 0.9731 -> "97.3 %". @param {number | null | undefined} fraction */
export function percent(fraction) {
  if (fraction === null || fraction === undefined) return "–";
  return Number.isFinite(fraction) ? `${(100 * fraction).toFixed(1)} %` : number(fraction);
}

/** A share with two digits: 0.00612 -> "0.61 %", 0.1234 -> "12 %". @param {number} fraction */
export function smallPercent(fraction) {
  const value = 100 * fraction;
  if (!Number.isFinite(value)) return number(value);
  return value > 0 && value < 0.01 ? "under 0.01 %" : `${Number(value.toPrecision(2))} %`;
}

/**
 * Labels of an axis: as many digits as the distance between ticks needs, never the same label twice.
 * @param {(number | null)[]} splits
 * @param {boolean} measured large numbers are written as `number` writes them, 8e10; counts are, as 80B
 * @returns {string[]}
 */
export function ticks(splits, measured = false) {
  const given = /** @type {number[]} */ (splits.filter((v) => v !== null));
  const largest = Math.max(...given.map(Math.abs));
  let gap = Infinity;
  for (let i = 1; i < given.length; i++) gap = Math.min(gap, Math.abs(given[i] - given[i - 1]));
  if (!Number.isFinite(gap) || gap === 0) gap = largest || 1;
  const small = largest < 0.01;
  return splits.map((v) => {
    if (v === null) return "";
    if (v === 0) return "0";
    if (small || largest >= (measured ? 1e6 : 1e15)) return exponent(v, Math.max(0, magnitude(v) - magnitude(gap)), true);
    if (largest >= 1e4) return shortTick(v, gap);
    const digits = digitsOf(gap);
    return v.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  });
}

/** Labels of an axis of fractions. @param {(number | null)[]} splits */
export function percentTicks(splits) {
  return ticks(splits.map((v) => (v === null ? null : 100 * v))).map((label) => label && `${label} %`);
}

/** Labels of a logarithmic axis: powers of ten and what stands between as short as they are. @param {(number | null)[]} splits */
export function logTicks(splits) {
  return splits.map((v) => (v === null ? "" : setting(v)));
}

/** @param {number} value @param {number} gap */
function shortTick(value, gap) {
  const [unit, sign] =
    Math.abs(value) >= 1e9
      ? [1e9, "B"]
      : Math.abs(value) >= 1e6
        ? [1e6, "M"]
        : Math.abs(value) >= 1e3
          ? [1e3, "k"]
          : [1, ""];
  return `${(value / unit).toFixed(Math.min(3, digitsOf(gap / unit))).replace(/\.0+$/, "")}${sign}`;
}

/** Places behind the point that tell ticks apart: 0.25 -> 2, 2.5 -> 1, 5 -> 0. @param {number} gap */
function digitsOf(gap) {
  const least = Math.max(0, -magnitude(gap));
  const written = gap * 10 ** least;
  return Math.min(10, Math.abs(written - Math.round(written)) < 1e-6 * written ? least : least + 1);
}

/** Power of ten of the leading digit. @param {number} value */
function magnitude(value) {
  return Math.floor(Math.log10(Math.abs(value)) + 1e-9);
}
