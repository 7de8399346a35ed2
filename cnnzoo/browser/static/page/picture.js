// The page as one picture: drawing, answer and maps, as SVG or PNG.

import { className, givesProbabilities, rankedOutputs } from "./bars.js";
import { shownTheme } from "./colors.js";
import { byId, shownNumber, shownShape } from "./dom.js";
import { views } from "./maps.js";
import { app } from "./state.js";
import { layerInWords } from "./words.js";

const INK = {
  light: { ground: "#ffffff", text: "#1d1c1a", faint: "#65615a", accent: "#b3400f", bar: "#f2efe9" },
  dark: { ground: "#141416", text: "#ecebe8", faint: "#a7a49d", accent: "#ff9b62", bar: "#26272b" },
};

const escaped = (/** @type {any} */ text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Return a canvas enlarged without smoothing, as an address of its PNG. */
function enlarged(/** @type {any} */ canvas, /** @type {number} */ width, /** @type {number} */ height) {
  const large = document.createElement("canvas");
  [large.width, large.height] = [width, height];
  const context = /** @type {any} */ (large.getContext("2d"));
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, width, height);
  return large.toDataURL();
}

/** Return the picture of a net as SVG, with its width and height. */
export function pictureOf(/** @type {number} */ index) {
  const model = app.models[index];
  const ink = INK[shownTheme()];
  /** @type {string[]} */
  const parts = [];
  const text = (
    /** @type {number} */ x,
    /** @type {number} */ y,
    /** @type {any} */ words,
    /** @type {string} */ style = "",
  ) => parts.push(`<text x="${x}" y="${y}" ${style}>${escaped(words)}</text>`);
  const image = (
    /** @type {any} */ canvas,
    /** @type {number} */ x,
    /** @type {number} */ y,
    /** @type {number} */ width,
    /** @type {number} */ height,
  ) =>
    parts.push(
      `<image x="${x}" y="${y}" width="${width}" height="${height}" href='${enlarged(canvas, width, height)}'/>`,
    );
  const bold = 'font-weight="650"';
  const faint = `fill="${ink.faint}" font-size="12"`;
  const [left, side] = [24, 196];
  text(left, 38, model.title, `${bold} font-size="20"`);
  image(byId("board"), left, 56, side, Math.round((side * app.board.height) / app.board.width));
  let width = 460;
  if (model.kind === "classifier") {
    const ranked = rankedOutputs(model, app.values[index]);
    const listed = ranked.length > 10 ? ranked.slice(0, 10) : ranked.slice().sort((a, b) => a[0] - b[0]);
    const probable = givesProbabilities(model);
    const [low, high] = probable ? [0, 1] : [ranked[ranked.length - 1][1], ranked[0][1]];
    text(
      250,
      76,
      `${className(model, ranked[0][0])}, then ${className(model, ranked[1]?.[0] ?? 0)}`,
      `${bold} font-size="18"`,
    );
    listed.forEach(([unit, value], row) => {
      const y = 90 + 16 * row;
      const share = high > low ? (value - low) / (high - low) : 0;
      text(318, y + 10, className(model, unit), 'text-anchor="end" font-size="12"');
      parts.push(
        `<rect x="326" y="${y}" width="200" height="11" fill="${ink.bar}"/><rect x="326" y="${y}" width="${(200 * share).toFixed(1)}" height="11" fill="${unit === ranked[0][0] ? ink.accent : ink.faint}"/>`,
      );
      text(534, y + 10, probable ? `${(100 * value).toFixed(1)} %` : shownNumber(value, 2), faint);
    });
    width = 620;
  }
  let y = 290;
  for (const view of views.values()) {
    if (view.index !== index) continue;
    view.visible = true;
    view.draw();
    const [across, down] = [view.canvas.width * view.layout.scale, view.canvas.height * view.layout.scale];
    text(left, y, view.layer.name, bold);
    text(
      left + 14 + 9 * view.layer.name.length,
      y,
      `${layerInWords(view.layer)} → ${shownShape(view.layer.shape)}, ${view.scale.map((/** @type {number} */ value) => shownNumber(value, 2)).join(" to ")}`,
      faint,
    );
    image(view.canvas, left, y + 8, across, down);
    width = Math.max(width, across + 2 * left);
    y += down + 40;
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" font-family="system-ui, sans-serif" font-size="14" fill="${ink.text}"><title>${escaped(model.title)}</title><rect width="${width}" height="${y}" fill="${ink.ground}"/>${parts.join("")}</svg>`;
  return { svg, width, height: y };
}

/** Return the picture of a net as PNG, in double resolution. @returns {Promise<Blob>} */
export async function pngOf(/** @type {number} */ index) {
  const { svg, width, height } = pictureOf(index);
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  /** @type {any} */ (canvas.getContext("2d")).drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture")))),
  );
}
