// Light or dark, and the colours that a canvas needs by value. Follows JupyterLab, VS Code, Colab, then the system.

const ROLES = [
  "train",
  "valid",
  "lr",
  "gradient",
  "throughput",
  "good",
  "info",
  "warning",
  "critical",
  "muted",
  "ink",
  "card",
  "grid",
  "axis",
];

/** @returns {boolean} */
function isDark() {
  const body = document.body;
  const lab = body.getAttribute("data-jp-theme-light");
  if (lab !== null) return lab === "false";
  const code = body.getAttribute("data-vscode-theme-kind");
  if (code !== null) return code.includes("dark") || code === "vscode-high-contrast";
  const colab = document.documentElement.getAttribute("theme");
  if (colab !== null) return colab === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/**
 * Keep `data-theme` of `root` right.
 * @param {HTMLElement} root
 * @param {() => void} changed called after each change
 * @returns {() => void} stops following
 */
export function followTheme(root, changed) {
  const apply = () => {
    const theme = isDark() ? "dark" : "light";
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    changed();
  };
  apply();
  const observer = new MutationObserver(apply);
  for (const el of [document.body, document.documentElement])
    observer.observe(el, {
      attributes: true,
      attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind", "theme", "class"],
    });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", apply);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", apply);
  };
}

/** @param {HTMLElement} root @returns {Record<string, string>} role -> colour, and `font` */
export function readColours(root) {
  const style = getComputedStyle(root);
  const colours = Object.fromEntries(ROLES.map((role) => [role, style.getPropertyValue(`--nbt-${role}`).trim()]));
  return { ...colours, font: style.fontFamily };
}
