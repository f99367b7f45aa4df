// What is pointed out on a chart: the best validation, and where alerts were raised.

/** @typedef {{best: number | null, alerts: {step: number, severity: string}[]}} Marks steps */

const RANK = ["info", "warning", "critical"]; // the gravest is drawn last, on top

/**
 * @param {any} u the plot
 * @param {Marks} marks
 * @param {Record<string, string>} colours
 */
export function drawMarks(u, { best, alerts }, colours) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const inside = (/** @type {number} */ x) => x >= bbox.left && x <= bbox.left + bbox.width;
  ctx.save();
  if (best !== null) {
    const x = Math.round(u.valToPos(best, "x", true)) + 0.5;
    if (inside(x)) {
      ctx.strokeStyle = ctx.fillStyle = colours.good;
      ctx.lineWidth = ratio;
      ctx.setLineDash([4 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const right = x > bbox.left + bbox.width - 40 * ratio;
      ctx.font = `${11 * ratio}px ${colours.font}`;
      ctx.textAlign = right ? "right" : "left";
      ctx.fillText("best", x + (right ? -5 : 5) * ratio, bbox.top + 10 * ratio);
    }
  }
  for (const { step, severity } of [...alerts].sort((a, b) => RANK.indexOf(a.severity) - RANK.indexOf(b.severity))) {
    const x = u.valToPos(step, "x", true);
    if (!inside(x)) continue;
    const [y, r] = [bbox.top + bbox.height - 1, 5 * ratio];
    ctx.fillStyle = colours[severity] ?? colours.info;
    ctx.beginPath();
    ctx.moveTo(x, y - 1.7 * r);
    ctx.lineTo(x - r, y);
    ctx.lineTo(x + r, y);
    ctx.fill();
  }
  ctx.restore();
}
