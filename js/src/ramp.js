// A scale of colours from dark violet to light yellow. Its lightness only rises, so that it is read alike with every
// kind of colour vision, in print, and on both themes; made in OKLCH, https://bottosson.github.io/posts/oklab/.

/** @param {number} t 0..1 @returns {[number, number, number]} red, green, blue, 0..255 */
export function ramp(t) {
  const x = Math.min(1, Math.max(0, t));
  const lightness = 0.3 + 0.63 * x;
  const chroma = 0.11 + 0.045 * Math.sin(Math.PI * (0.15 + 0.85 * x));
  const hue = ((300 - 195 * x) * Math.PI) / 180;
  return fromOklab(lightness, chroma * Math.cos(hue), chroma * Math.sin(hue));
}

/** @param {number} L @param {number} a @param {number} b @returns {[number, number, number]} */
function fromOklab(L, a, b) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

/** @param {number} linear @returns {number} 0..255 */
function gamma(linear) {
  const c = Math.min(1, Math.max(0, linear));
  return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
}
