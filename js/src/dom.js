// Small pieces of the page: elements, icons, and writing only what changed.

/**
 * Make an element. Strings become text nodes, so nothing from the kernel is ever read as HTML.
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; `class`, `text`, `on: {event: handler}`, `hidden` and ARIA as named
 * @param {...(Node | string | null | undefined)} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") el.textContent = value;
    else if (name === "on") for (const [event, handler] of Object.entries(value)) el.addEventListener(event, handler);
    else el.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null && child !== undefined) el.append(child);
  return el;
}

/** Set text only when it differs: no needless layout. @param {any} el @param {string} text */
export function setText(el, text) {
  if (el._text !== text) {
    el._text = text;
    el.textContent = text;
  }
}

/** @param {Element} el @param {string} name @param {string | null} value */
export function setAttr(el, name, value) {
  if (value === null) el.removeAttribute(name);
  else if (el.getAttribute(name) !== value) el.setAttribute(name, value);
}

const PATHS = {
  pause: "M5 3.5h2v9H5zM9 3.5h2v9H9z",
  resume: "M5 3.2v9.6L12.5 8z",
  stop: "M4.5 4.5h7v7h-7z",
  save: "M8 2.5v6.2M5.2 6.2 8 9l2.8-2.8M3.5 11.5v1.5h9v-1.5",
  edit: "M3 13l.7-2.8L10.9 3l2.1 2.1L5.8 12.3zM9.6 4.3l2.1 2.1",
  check: "M3.5 8.5l3 3 6-7",
  chevron: "M6 4l4 4-4 4",
  alert: "M8 2.6 14 13H2zM8 6.4v3.2M8 11.4v.1",
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `nbt-icon nbt-icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * Run `work` at most once per animation frame.
 * @param {() => void} work
 * @returns {(() => void) & {cancel: () => void}}
 */
export function oncePerFrame(work) {
  let frame = 0;
  const ask = () => {
    if (!frame)
      frame = requestAnimationFrame(() => {
        frame = 0;
        work();
      });
  };
  ask.cancel = () => {
    cancelAnimationFrame(frame);
    frame = 0;
  };
  return ask;
}
