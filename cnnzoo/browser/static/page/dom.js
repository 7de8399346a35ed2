// Elements, numbers in words, and the sentence that a screen reader speaks.

/** Return the element with an id. @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Make an element.
 * @param {string} tag
 * @param {Object<string, any>} [settings] `on` holds listeners, `text` is the content; the rest are attributes.
 * @param {...any} children elements and texts
 * @returns {any}
 */
export function make(tag, settings = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(settings)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make a button. @param {string} text @param {(event: any) => void} act @param {Object<string, any>} [settings] */
export function makeButton(text, act, settings = {}) {
  return make("button", { type: "button", text, on: { click: act }, ...settings });
}

/** Return a number as text, with a true minus sign: three decimals, fewer for large numbers. */
export function shownNumber(/** @type {number} */ value, decimals = 3) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const small = decimals > 2 && size > 0 && size < 0.5 * 10 ** -decimals;
  const text =
    small || size >= 1e6
      ? value.toExponential(1)
      : value.toFixed(
          size >= 1000 ? 0 : size >= 100 ? Math.min(1, decimals) : size >= 10 ? Math.min(2, decimals) : decimals,
        );
  return (Number(text) === 0 ? text.replace("-", "") : text).replaceAll("-", "−");
}

/** Return an integer with commas. */
export function shownCount(/** @type {number} */ value) {
  return Math.round(value).toLocaleString("en-US");
}

/** Return a shape in words: `6 maps of 28 × 28`, `84 units`. */
export function shownShape(/** @type {number[]} */ shape) {
  if (shape.length === 3) {
    const [height, width, maps] = shape;
    return `${shownCount(maps)} ${maps === 1 ? "map" : "maps"} of ${height} × ${width}`;
  }
  if (shape.length === 2) return `${shownCount(shape[0])} steps of ${shownCount(shape[1])}`;
  return `${shownCount(shape[0])} ${shape[0] === 1 ? "unit" : "units"}`;
}

/** Have a screen reader say a sentence. */
export function announce(/** @type {string} */ sentence) {
  const live = byId("live");
  if (live && live.textContent !== sentence) live.textContent = sentence;
}

/** Show a sentence for a few seconds at the foot of the page. */
export function notify(/** @type {string} */ sentence, kind = "") {
  const toast = byId("toast");
  toast.textContent = sentence;
  toast.className = `shown ${kind}`;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (toast.className = ""), kind === "error" ? 9000 : 4000);
}

/** Return a function that runs `act` once the calls have paused. */
export function settled(/** @type {(...all: any[]) => void} */ act, milliseconds = 200) {
  /** @type {any} */
  let timer = 0;
  return (/** @type {any[]} */ ...all) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...all), milliseconds);
  };
}

/** Offer bytes or text as a file. */
export function download(/** @type {string} */ name, /** @type {Blob} */ blob) {
  const address = URL.createObjectURL(blob);
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
