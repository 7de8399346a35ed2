// Every layer's maps: one small canvas a layer, enlarged by whole numbers, drawn only while it is on the screen.

import { gradientOf, grayColors, signedColors } from "./colors.js";
import { announce, make, makeButton, shownCount, shownNumber, shownShape } from "./dom.js";
import { app, emit, layersOf, on, select } from "./state.js";
import { costsInWords, layerInWords, PASSING, placeInWords, planes, positionOf, valuesInWords } from "./words.js";

/** @typedef {{height: number, width: number, maps: number, shown: number, columns: number, cell: number, gap: number, scale: number}} Layout */

/** Return how a layer's maps are laid out in so many pixels of the page. @returns {Layout} */
export function layoutOf(/** @type {number[]} */ shape, /** @type {number} */ available, all = false) {
  const [height, width, maps] = planes(shape);
  if (height * width === 1) {
    const [cell, gap, scale] = maps <= 260 ? [7, 1, 2] : [1, 0, 8];
    const columns = Math.max(1, Math.min(maps, Math.floor(available / ((cell + gap) * scale))));
    return { height, width, maps, shown: maps, columns, cell, gap, scale };
  }
  const wanted = maps === 1 ? 112 : maps <= 8 ? 84 : maps <= 32 ? 62 : 46;
  const scale = Math.max(1, Math.min(14, Math.round(wanted / width)));
  const gap = scale >= 3 ? 1 : Math.ceil(4 / scale);
  const columns = Math.max(1, Math.min(maps, Math.floor((available + gap * scale) / ((width + gap) * scale))));
  const rows = Math.max(1, Math.floor(280 / ((height + gap) * scale)));
  return {
    height,
    width,
    maps,
    shown: all ? maps : Math.min(maps, Math.max(columns * rows, 1)),
    columns,
    cell: 1,
    gap,
    scale,
  };
}

/** Return the box of a part of a map in pixels of the page. */
export function boxIn(
  /** @type {Layout} */ layout,
  /** @type {number} */ map,
  top = 0,
  left = 0,
  height = layout.height,
  width = layout.width,
) {
  const { cell, gap, scale, columns } = layout;
  const [clipTop, clipLeft] = [Math.max(0, top), Math.max(0, left)];
  const [bottom, right] = [Math.min(layout.height, top + height), Math.min(layout.width, left + width)];
  const x = (map % columns) * (layout.width * cell + gap) + clipLeft * cell;
  const y = Math.floor(map / columns) * (layout.height * cell + gap) + clipTop * cell;
  return {
    left: x * scale,
    top: y * scale,
    width: Math.max(0, right - clipLeft) * cell * scale,
    height: Math.max(0, bottom - clipTop) * cell * scale,
  };
}

/** Return the smallest and the largest of values. */
export function rangeOf(/** @type {Float32Array} */ data) {
  let [low, high] = [Infinity, -Infinity];
  for (let index = 0; index < data.length; index++) {
    const value = data[index];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/**
 * Paint maps into a canvas.
 * @param {any} canvas
 * @param {Float32Array} data
 * @param {Layout} layout
 * @param {{gray?: boolean, each?: boolean, range?: number[]}} [how] gray: an image, black and white at the ends of `range`;
 *   each: every map has its own color scale
 * @returns {number[]} the lowest and the highest value of the scale
 */
export function paintMaps(canvas, data, layout, { gray = false, each = false, range } = {}) {
  const { height, width, maps, shown, columns, cell, gap } = layout;
  const rows = Math.ceil(shown / columns);
  const [across, down] = [columns * (width * cell + gap) - gap, rows * (height * cell + gap) - gap];
  if (canvas.width !== across || canvas.height !== down) {
    [canvas.width, canvas.height] = [across, down];
    canvas.picture = null;
  }
  const context = canvas.getContext("2d");
  canvas.picture ??= context.createImageData(across, down);
  const { picture } = canvas;
  const pixels = new Uint32Array(picture.data.buffer);
  const [low, high] = rangeOf(data);
  const [from, to] = range ?? (gray && low >= 0 && high <= 1 ? [0, 1] : [low, high]);
  const colors = gray ? grayColors() : signedColors();
  let limit = Math.max(-low, high) || 1;
  for (let map = 0; map < shown; map++) {
    if (each && !gray) {
      limit = 0;
      for (let at = map; at < data.length; at += maps) limit = Math.max(limit, Math.abs(data[at]));
      limit ||= 1;
    }
    const corner = Math.floor(map / columns) * (height * cell + gap) * across + (map % columns) * (width * cell + gap);
    const [times, zero] = gray ? [255 / (to - from || 1), from] : [255 / limit, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const step = Math.round((data[(y * width + x) * maps + map] - zero) * times);
        const color = colors[gray ? Math.max(0, Math.min(255, step)) : 255 + Math.max(-255, Math.min(255, step))];
        if (cell === 1) pixels[corner + y * across + x] = color;
        else
          for (let dy = 0; dy < cell; dy++)
            pixels.fill(
              color,
              corner + (y * cell + dy) * across + x * cell,
              corner + (y * cell + dy) * across + (x + 1) * cell,
            );
      }
    }
  }
  context.putImageData(picture, 0, 0);
  canvas.style.width = `${across * layout.scale}px`;
  canvas.style.height = `${down * layout.scale}px`;
  return gray ? [from, to] : low < 0 ? [-limit, limit] : [0, limit];
}

const settings = { each: false };

/** Use one color scale for each map, or one for each layer. */
export function scaleEachMap(/** @type {boolean} */ each) {
  settings.each = each;
  emit("redraw");
}

/** @type {Map<string, any>} */
export const views = new Map();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const { view } = /** @type {any} */ (entry.target);
      view.visible = entry.isIntersecting;
      if (view.visible && view.waits) view.draw();
    }
  },
  { rootMargin: "120px" },
);

/** Whether a layer's values are an image. */
function isImage(/** @type {any} */ model, /** @type {any} */ layer) {
  return (
    layer.kind === "input" || (model.kind === "autoencoder" && layer.name === model.output && layer.shape.length === 3)
  );
}

function makeView(/** @type {number} */ index, /** @type {any} */ layer) {
  const model = app.models[index];
  const gray = isImage(model, layer);
  const canvas = make("canvas", {
    tabindex: "0",
    role: "application",
    "aria-roledescription": "layer",
    "aria-label": `${layer.name}: ${layerInWords(layer)}`,
  });
  const marks = make("div", { class: "marks", "aria-hidden": "true" });
  const readout = make("p", {});
  const legend = make("span", { class: "legend", "aria-hidden": "true" });
  const more = makeButton(
    "",
    () => {
      view.all = !view.all;
      view.place();
      view.draw();
    },
    { class: "link", hidden: true },
  );
  const holder = make("div", { class: "maps" }, make("div", { class: "stage" }, canvas, marks));
  const element = make(
    "div",
    { class: "layer", role: "group", "data-layer": layer.name, "aria-label": `Layer ${layer.name}` },
    make(
      "header",
      {},
      make("h3", { text: layer.name }),
      make("span", { class: "small faint", text: `${layerInWords(layer)} → ${shownShape(layer.shape)}` }),
    ),
    holder,
    more,
    make("div", { class: "below" }, readout, legend),
  );
  const view = {
    index,
    layer,
    model,
    canvas,
    marks,
    element,
    readout,
    gray,
    all: false,
    visible: true,
    waits: false,
    layout: layoutOf(layer.shape, 300),
    scale: [0, 1],
    place() {
      const available = Math.max(120, (element.clientWidth || 320) - 2);
      view.layout = layoutOf(layer.shape, available, view.all);
      const hidden = layoutOf(layer.shape, available).shown < view.layout.maps;
      more.hidden = !hidden;
      more.textContent = view.all ? "Show fewer maps" : `Show all ${view.layout.maps} maps`;
    },
    draw() {
      view.waits = !view.visible;
      const values = app.values[index]?.get(layer.name);
      if (!values || view.waits) return;
      view.scale = paintMaps(canvas, values.data, view.layout, { gray, each: settings.each });
      const [low, high] = view.scale.map((value) => shownNumber(value, 2));
      if (legend.dataset.text !== low + high) {
        legend.dataset.text = low + high;
        const strip = make("i");
        strip.style.background = gray ? "linear-gradient(to right, #000, #fff)" : gradientOf(view.scale[0] < 0);
        legend.replaceChildren(low, strip, settings.each && !gray ? "each map its own" : high);
      }
    },
    describe() {
      const values = app.values[index]?.get(layer.name);
      if (values)
        canvas.setAttribute(
          "aria-label",
          `${valuesInWords(layer, values)}. ${selected() === null ? "Arrow keys choose a value." : ""}`,
        );
    },
    /** Mark boxes: `[map, top, left, height, width, class]`. */
    mark(/** @type {any[][]} */ boxes) {
      marks.replaceChildren(
        ...boxes
          .filter(([map]) => map < view.layout.shown)
          .map(([map, top, left, height, width, kind]) => {
            const box = boxIn(view.layout, map, top, left, height, width);
            const grown = kind === "silenced" ? 0 : 2;
            const mark = make("i", { class: kind });
            Object.assign(mark.style, {
              left: `${box.left - grown}px`,
              top: `${box.top - grown}px`,
              width: `${box.width + 2 * grown}px`,
              height: `${box.height + 2 * grown}px`,
            });
            return mark;
          }),
      );
      marks.style.overflow = "visible";
    },
  };
  const selected = () => {
    const { selection } = app;
    return selection && selection.model === index && selection.layer === layer.name ? selection.index : null;
  };
  const indexAt = (/** @type {any} */ event) => {
    const box = canvas.getBoundingClientRect();
    const { cell, gap, scale, columns, width, height, maps, shown } = view.layout;
    const [x, y] = [(event.clientX - box.left) / scale, (event.clientY - box.top) / scale];
    const [across, down] = [width * cell + gap, height * cell + gap];
    const map = Math.floor(y / down) * columns + Math.floor(x / across);
    const [column, row] = [Math.floor((x % across) / cell), Math.floor((y % down) / cell)];
    if (x < 0 || y < 0 || Math.floor(x / across) >= columns || map >= shown || column >= width || row >= height)
      return null;
    return (row * width + column) * maps + map;
  };
  const say = (/** @type {number | null} */ at) => {
    const values = app.values[index]?.get(layer.name);
    readout.textContent =
      at === null || !values
        ? costsInWords(layer) || " "
        : `${placeInWords(layer.shape, at)}: ${shownNumber(values.data[at], 4)}`;
  };
  say(null);
  canvas.addEventListener("pointermove", (/** @type {any} */ event) => say(indexAt(event)));
  canvas.addEventListener("pointerleave", () => say(null));
  canvas.addEventListener("click", (/** @type {any} */ event) => {
    const at = indexAt(event);
    if (at !== null) select({ model: index, layer: layer.name, index: at });
  });
  canvas.addEventListener("keydown", (/** @type {any} */ event) => {
    const next = steppedIndex(view.layout, layer.shape, selected(), event.key);
    if (next === null) return;
    event.preventDefault();
    select({ model: index, layer: layer.name, index: next });
    const value = app.values[index].get(layer.name).data[next];
    announce(`${placeInWords(layer.shape, next)}: ${shownNumber(value)}`);
  });
  /** @type {any} */ (element).view = view;
  watcher.observe(element);
  return view;
}

/** Steps of the arrow keys along units: 2 stands for a row of them. @type {Record<string, number>} */
const STEPS_OF_KEYS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -2, ArrowDown: 2 };

/** Return the index that an arrow key, [ or ] leads to from a value, or null for other keys. */
export function steppedIndex(
  /** @type {Layout} */ layout,
  /** @type {number[]} */ shape,
  /** @type {number | null} */ from,
  /** @type {string} */ key,
) {
  const known = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "[", "]", "PageUp", "PageDown", "Home", "End"];
  if (!known.includes(key)) return null;
  const { height, width, maps, columns } = layout;
  if (from === null) return (Math.floor(height / 2) * width + Math.floor(width / 2)) * maps;
  let { map, row, column } = positionOf(shape, from);
  const clip = (/** @type {number} */ value, /** @type {number} */ size) => Math.max(0, Math.min(size - 1, value));
  const single = height * width === 1;
  if (key === "[" || key === "PageUp") map = clip(map - 1, maps);
  else if (key === "]" || key === "PageDown") map = clip(map + 1, maps);
  else if (key === "Home") map = 0;
  else if (key === "End") map = maps - 1;
  else if (single)
    map = clip(
      map + (STEPS_OF_KEYS[key] === 2 ? columns : STEPS_OF_KEYS[key] === -2 ? -columns : STEPS_OF_KEYS[key]),
      maps,
    );
  else if (key === "ArrowLeft" || key === "ArrowRight") column = clip(column + (key === "ArrowLeft" ? -1 : 1), width);
  else row = clip(row + (key === "ArrowUp" ? -1 : 1), height);
  return (row * width + column) * maps + map;
}

/** Make the panel with all layers of a net. */
export function makeNet(/** @type {number} */ index) {
  const model = app.models[index];
  const each = make("input", {
    type: "checkbox",
    on: { change: (/** @type {any} */ event) => scaleEachMap(event.target.checked) },
  });
  each.checked = settings.each;
  const element = make(
    "section",
    { class: "net", "aria-label": `Layers of ${model.title}`, "data-model": index },
    make(
      "header",
      {},
      make("h2", { text: app.models.length > 1 ? model.title : "Inside the net" }),
      make("label", { class: "small" }, each, " a color scale for each map"),
      app.models.length > 1 && model.figure?.text
        ? make("small", { class: "figure", text: `${shownCount(model.parameters)} parameters, ${model.figure.text}` })
        : null,
    ),
  );
  for (const layer of layersOf(model)) {
    if (PASSING.has(layer.kind) && layer.name !== model.output) continue;
    const view = makeView(index, layer);
    views.set(`${index}/${layer.name}`, view);
    element.append(view.element);
  }
  new ResizeObserver(() => {
    for (const view of views.values()) {
      if (view.index !== index) continue;
      const before = JSON.stringify(view.layout);
      view.place();
      if (JSON.stringify(view.layout) !== before) view.draw();
    }
    emit("placed");
  }).observe(element);
  return element;
}

/** Draw all layers of nets that are on the screen. */
export function drawNets(/** @type {number[] | null} */ indices = null) {
  for (const view of views.values()) if (!indices || indices.includes(view.index)) view.draw();
}

/** Draw all layers, those beyond the screen's edge too. */
export function drawAll() {
  for (const view of views.values()) {
    view.visible = true;
    view.draw();
  }
}

on("values", drawNets);
on("redraw", () => drawNets());
on("theme", () => {
  for (const view of views.values()) view.element.querySelector(".legend").dataset.text = "";
  drawNets();
});
on("settled", () => {
  for (const view of views.values()) view.describe();
});
