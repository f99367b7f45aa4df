// Ranges and ticks of the charts' axes. Numbers only; knows nothing of uPlot or the page.

/** Distances between ticks on an axis of whole steps. */
export const WHOLE = [1, 2, 5].flatMap((m) => [...Array(13).keys()].map((e) => m * 10 ** e)).sort((a, b) => a - b);

const ROOM = 0.08; // of the span, above and below
const ENOUGH = 20; // values that tell what is calm

/** @param {number | null} min @param {number | null} max @returns {[number, number]} */
export function rangeX(min, max) {
  if (min === null || max === null) return [0, 1];
  return min === max ? [min - 0.5, max + 0.5] : [min, max];
}

const LEAST_PERCENT = 0.1; // of an axis of fractions: with less, noise looks like news

/** Widen a range of fractions to a tenth, within 0..1. @param {number | null} min @param {number | null} max @returns {[number | null, number | null]} */
export function rangePercent(min, max) {
  if (min === null || max === null || max - min >= LEAST_PERCENT) return [min, max];
  const low = Math.max(0, Math.min((min + max - LEAST_PERCENT) / 2, Math.max(1, max) - LEAST_PERCENT));
  return [Math.min(min, low), Math.max(max, low + LEAST_PERCENT)];
}

/** @param {number | null} min @param {number | null} max @param {boolean} log @returns {[number, number]} */
export function rangeY(min, max, log) {
  if (min === null || max === null) return log ? [0.1, 1] : [0, 1];
  if (log) {
    const room = Math.max(0.05, 0.06 * Math.log10(max / min));
    return [min / 10 ** room, max * 10 ** room];
  }
  const span = max - min || Math.abs(max) || 1;
  const low = min >= 0 && min - ROOM * span < 0 ? 0 : min - ROOM * span;
  return [low, max + ROOM * span];
}

/**
 * Keep single wild raw values from flattening the curves: the axis spans the lines, and raw values at most as much again.
 * @param {any[][]} lines values of the smoothed and validation curves
 * @param {[number, number]} shown first and last index in view
 * @param {[number, number]} range of everything, raw values included
 * @param {boolean} log
 * @returns {[number, number]}
 */
export function calm(lines, [from, to], [min, max], log) {
  let [low, high, n] = [Infinity, -Infinity, 0];
  for (const ys of lines) {
    for (let k = from; k <= to; k++) {
      const y = ys[k];
      if (typeof y !== "number") continue;
      n++;
      if (y < low) low = y;
      if (y > high) high = y;
    }
  }
  if (n < ENOUGH) return [min, max];
  return log
    ? [Math.max(min, (low * low) / high), Math.min(max, (high * high) / low)]
    : [Math.max(min, low - (high - low)), Math.min(max, high + (high - low))];
}

/** Powers of ten; between them only where there is room. @param {unknown} plot @param {number[]} splits */
export function thinLog(plot, splits) {
  const decades = Math.log10(splits[splits.length - 1] / splits[0]);
  const kept = decades > 2.5 ? [1] : decades > 1 ? [1, 3] : decades > 0.5 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  return splits.map((v) => {
    const lead = v / 10 ** Math.floor(Math.log10(v) + 1e-9);
    return kept.some((k) => Math.abs(lead - k) < 0.01) ? v : null;
  });
}

/** The curve's own value nearest to a step that may be another curve's. @param {any[]} ys @param {number} idx */
export function nearestDefined(ys, idx) {
  for (let d = 0; d < ys.length; d++) {
    if (idx - d >= 0 && typeof ys[idx - d] === "number") return idx - d;
    if (idx + d < ys.length && typeof ys[idx + d] === "number") return idx + d;
  }
  return idx;
}
