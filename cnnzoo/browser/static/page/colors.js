// The colors of values: orange above zero, blue below, the ground at zero; images in gray.

const STOPS = {
  light: { below: ["#f6f4f0", "#86acd8", "#123f7c"], above: ["#f6f4f0", "#f0a777", "#8f2b00"] },
  dark: { below: ["#26272b", "#3f6fae", "#b5d6ff"], above: ["#26272b", "#c8632a", "#ffd9b8"] },
};

function channels(/** @type {string} */ hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function packed(/** @type {number[]} */ [red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function ramp(/** @type {string[]} */ stops, /** @type {number} */ position) {
  const at = position * (stops.length - 1);
  const index = Math.min(Math.floor(at), stops.length - 2);
  const [from, to] = [channels(stops[index]), channels(stops[index + 1])];
  return from.map((value, channel) => Math.round(value + (to[channel] - value) * (at - index)));
}

/** Return 511 colors as 32-bit numbers for canvases, from the most negative to the most positive. */
function signedTable(/** @type {"light" | "dark"} */ theme) {
  const table = new Uint32Array(511);
  for (let step = 0; step <= 255; step++) {
    table[255 - step] = packed(ramp(STOPS[theme].below, step / 255));
    table[255 + step] = packed(ramp(STOPS[theme].above, step / 255));
  }
  return table;
}

const grays = Uint32Array.from({ length: 256 }, (_, level) => packed([level, level, level]));
const tables = { light: signedTable("light"), dark: signedTable("dark") };

/** Return the theme that is shown: the chosen one, else the system's. @returns {"light" | "dark"} */
export function shownTheme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Return the table of colors of signed values in the theme that is shown. */
export function signedColors() {
  return tables[shownTheme()];
}

/** Return the table of grays. */
export function grayColors() {
  return grays;
}

/** Return the color of one value as CSS. */
export function colorOf(/** @type {number} */ value, /** @type {number} */ limit) {
  const share = limit > 0 ? Math.max(-1, Math.min(1, value / limit)) : 0;
  const stops = STOPS[shownTheme()][share < 0 ? "below" : "above"];
  return `rgb(${ramp(stops, Math.abs(share)).join(" ")})`;
}

/** Return black or white, whichever is better read upon a value's color. */
export function inkUpon(/** @type {number} */ value, /** @type {number} */ limit) {
  const share = limit > 0 ? Math.max(-1, Math.min(1, value / limit)) : 0;
  const [red, green, blue] = ramp(STOPS[shownTheme()][share < 0 ? "below" : "above"], Math.abs(share)).map((level) => {
    const part = level / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
}

/** Return a gradient in CSS from the most negative to the most positive color, or its upper half. */
export function gradientOf(/** @type {boolean} */ signed) {
  const { below, above } = STOPS[shownTheme()];
  return `linear-gradient(to right, ${[...(signed ? [...below].reverse().slice(0, -1) : []), ...above].join(", ")})`;
}
