// What is pointed out on a chart: the best validation, where alerts were raised, and what was changed by hand.

/**
 * @typedef {{step: number, kind: string, label: string}} Change
 * @typedef {{best: number | null, alerts: {step: number, severity: string, label: string}[], events: Change[]}} Marks steps
 */

const RANK = ["info", "warning", "critical"]; // the gravest is drawn last, on top
const NEAR = 7; // pixels from the crosshair at which a mark is told in words
const TOLD = 4; // marks at once
const ROW = 14; // pixels of a row of labels
const ROWS = 3;

/**
 * What one chart shows of the marks.
 * @param {Marks} marks
 * @param {"all" | "lr" | undefined} kind see chart_specs.js
 * @returns {Marks}
 */
export function chosen(marks, kind) {
  if (kind === "all") return marks;
  const events = marks.events.map((event) => (kind === event.kind ? event : { ...event, label: "" }));
  return { best: null, alerts: [], events };
}

/**
 * Where the labels of marks go: side by side in a row, in a lower row where they would touch, nowhere where none is left.
 * @param {{at: number, width: number}[]} labels sorted by `at`, pixels
 * @param {number} from @param {number} to pixels of the plot
 * @returns {({left: number, row: number} | null)[]}
 */
export function placed(labels, from, to) {
  const ends = Array(ROWS).fill(from - 1);
  return labels.map(({ at, width }) => {
    const left = at + 4 + width <= to ? at + 4 : at - 4 - width;
    if (left < from) return null;
    const row = ends.findIndex((end) => left > end);
    if (row < 0) return null;
    ends[row] = left + width + 4;
    return { left, row };
  });
}

/**
 * @param {any} u the plot
 * @param {Marks} marks
 * @param {Record<string, string>} colours
 */
export function drawMarks(u, { best, alerts, events }, colours) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const inside = (/** @type {number} */ x) => x >= bbox.left - 1 && x <= bbox.left + bbox.width + 1; // rounded
  const at = (/** @type {number} */ step) => Math.round(u.valToPos(step, "x", true)) + 0.5;
  const lines = [
    ...events.map(({ step, label }) => ({ x: at(step), label, best: false, colour: colours.muted, dash: [ratio, 2 * ratio] })),
    ...(best === null ? [] : [{ x: at(best), label: "best", colour: colours.good, dash: [4 * ratio, 3 * ratio], best: true }]),
  ]
    .filter(({ x }) => inside(x))
    .sort((a, b) => a.x - b.x);
  ctx.save();
  ctx.lineWidth = ratio;
  ctx.font = `${11 * ratio}px ${colours.font}`;
  for (const { x, colour, dash } of lines) {
    ctx.strokeStyle = colour;
    ctx.setLineDash(dash);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.setLineDash([]);
  for (const { x, colour, best: isBest } of lines) {
    if (isBest) continue;
    ctx.fillStyle = colour; // a flag at the top: the crosshair is a line too
    ctx.beginPath();
    ctx.arc(x, bbox.top, 2.5 * ratio, 0, 2 * Math.PI);
    ctx.fill();
  }
  const named = lines.filter(({ label }) => label);
  const widths = named.map(({ x, label }) => ({ at: x / ratio, width: ctx.measureText(label).width / ratio }));
  const places = placed(widths, bbox.left / ratio, (bbox.left + bbox.width) / ratio);
  ctx.textAlign = "left";
  named.forEach(({ label, colour }, i) => {
    const place = places[i];
    if (!place) return;
    const top = bbox.top + place.row * ROW * ratio;
    ctx.fillStyle = colours.card;
    ctx.globalAlpha = 0.85;
    ctx.fillRect((place.left - 2) * ratio, top, (widths[i].width + 4) * ratio, ROW * ratio);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour;
    ctx.fillText(label, place.left * ratio, top + 10.5 * ratio);
  });
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

/**
 * The marks under the crosshair, in words.
 * @param {any} u the plot
 * @param {Marks} marks
 * @param {number} left of the crosshair, pixels
 * @returns {{tone: string, text: string}[]}
 */
export function marksNear(u, { alerts, events }, left) {
  const near = (/** @type {number} */ step) => Math.abs(u.valToPos(step, "x") - left) <= NEAR;
  const told = [
    ...events.filter((e) => e.label && near(e.step)).map((e) => ({ tone: "muted", text: e.label })),
    ...alerts.filter((a) => near(a.step)).map((a) => ({ tone: a.severity, text: a.label })),
  ];
  return told.slice(0, TOLD);
}
