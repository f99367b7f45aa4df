// The scheduler's next learning rates as a small curve, drawn as SVG.
import { h } from "./dom.js";
import { count, setting } from "./format.js";

const [WIDTH, HEIGHT, PAD] = [320, 84, 6];

/** @param {number[]} rates one a step from now on @param {string} [unit] what such a step is called @returns {HTMLElement} */
export function lrCurve(rates, unit = "steps") {
  const known = rates.filter((rate) => Number.isFinite(rate));
  if (known.length < 2) return h("div", { class: "nbt-muted", text: "Its next steps cannot be told in advance." });
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const flat = high === low;
  const x = (/** @type {number} */ i) => (WIDTH * i) / (rates.length - 1);
  const y = (/** @type {number} */ rate) =>
    flat ? HEIGHT / 2 : PAD + (HEIGHT - 2 * PAD) * (1 - (rate - low) / (high - low));
  const line = rates.map((rate, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(rate).toFixed(1)}`).join("");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute(
    "aria-label",
    `Learning rate over the next ${rates.length} ${unit}: from ${setting(rates[0])} to ${setting(rates[rates.length - 1])}`,
  );
  for (const [d, cls] of [
    [`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`, "nbt-area"],
    [line, "nbt-line"],
  ]) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    path.setAttribute("class", cls);
    svg.append(path);
  }
  return h(
    "figure",
    { class: "nbt-lr-curve" },
    h(
      "div",
      { class: "nbt-lr-scale" },
      h("span", { text: setting(high) }),
      flat ? null : h("span", { text: setting(low) }),
    ),
    svg,
    h("figcaption", {}, h("span", { text: "now" }), h("span", { text: `in ${count(rates.length - 1)} ${unit}` })),
  );
}
