// What the page shows: the models, the drawing, the values of every layer, what is selected and what is changed.

import { forward } from "../engine/forward.js";
import { loadModels, readPayload } from "../engine/payload.js";
import { preprocess } from "../engine/preprocess.js";
import { startWorker } from "../engine/worker.js";

/**
 * @typedef {{width: number, height: number, channels: number, data: Uint8ClampedArray}} Board
 * @typedef {{silenced: Object<string, number[]>, weights: Object<string, Object<string, Object<string, number>>>,
 *   set: Object<string, Object<string, number>>}} Changes
 * @typedef {{model: number, layer: string, index: number}} Selection
 */

/** @type {any} */
export const app = {
  payload: null,
  block: null,
  models: [], // the nets, in the file's order
  shown: [0], // the indices of one or two nets that are on the page
  board: null, // the drawing, in the data's own size, 0 to 255
  source: { kind: "drawing" }, // or {kind: "test", index}
  values: [], // for each net: Map from a layer's name to {shape, data}, for the drawing
  changes: [], // for each net, what is silenced and edited
  selection: null,
  greeted: "", // "now" while an example is selected for the reader, then "yes"
  times: [], // milliseconds from each stroke to the last bar
};

/** @type {Object<string, Array<{act: (detail: any) => void, owner: any}>>} */
const listeners = {};

/**
 * Call `act` at each event of a name: board, values, settled, selection, changes, nets, shown, redraw, placed, theme.
 * With an owner, an element, it is called as long as that is on the page.
 */
export function on(
  /** @type {string} */ event,
  /** @type {(detail: any) => void} */ act,
  /** @type {any} */ owner = null,
) {
  listeners[event] ??= [];
  listeners[event].push({ act, owner });
}

/** Tell the listeners of an event. */
export function emit(/** @type {string} */ event, /** @type {any} */ detail = null) {
  listeners[event] = (listeners[event] ?? []).filter(({ owner }) => !owner || owner.isConnected);
  for (const { act } of listeners[event]) act(detail);
}

/** Return changes that change nothing. @returns {Changes} */
export function noChanges() {
  return { silenced: {}, weights: {}, set: {} };
}

/** Read the payload and load its nets. */
export async function loadApp() {
  const { payload, block } = await readPayload(document);
  app.payload = payload;
  app.block = block;
  app.models = loadModels(payload, block);
  app.changes = app.models.map(noChanges);
  app.values = app.models.map(() => null);
  app.shown = app.models.length > 1 ? [0, 1] : [0];
  const shape = payload.images?.shape ?? dataShape(app.models[0]);
  app.board = emptyBoard(shape);
}

/** Return the size of the images that a net's preprocessing takes, `[height, width, channels]`. */
export function dataShape(/** @type {any} */ model) {
  return model.input.pixels;
}

/** Return a board without ink. @returns {Board} */
export function emptyBoard(/** @type {number[]} */ [height, width, channels]) {
  const data = new Uint8ClampedArray(height * width * channels);
  return { width, height, channels, data: data.fill(paperLevel()) };
}

/** Return the level of paper: 0 where nets were trained on light ink. */
export function paperLevel() {
  return app.models[0].input.ink === "dark" ? 255 : 0;
}

/** Return a net's layers, with its input as the first. @returns {any[]} */
export function layersOf(/** @type {any} */ model) {
  model.withInput ??= [
    { name: model.input.name, kind: "input", inputs: [], shape: model.input.shape, options: {}, weights: {} },
    ...model.layers,
  ];
  return model.withInput;
}

/** Return a net's layer, or its input, by name. */
export function layerOf(/** @type {any} */ model, /** @type {string} */ name) {
  return layersOf(model).find((layer) => layer.name === name);
}

let frame = 0;
let strokeAt = 0;
/** @type {Map<number, string | null>} */
const stale = new Map();

/**
 * Calculate nets anew in the next frame; many calls in one frame make one calculation.
 * @param {{model?: number, from?: string | null}} [what] one net, from one of its layers on; by default all, from the input
 */
export function refresh({ model, from = null } = {}) {
  if (!strokeAt) strokeAt = performance.now();
  for (const index of model === undefined ? app.models.keys() : [model]) {
    stale.set(index, stale.has(index) && stale.get(index) !== from ? null : from);
  }
  if (!frame) frame = requestAnimationFrame(refreshNow);
}

let settle = 0;

/** Calculate what is stale at once, draw it, and note the time. */
export function refreshNow() {
  cancelAnimationFrame(frame);
  frame = 0;
  const calculated = app.shown.filter((/** @type {number} */ index) => stale.has(index));
  for (const index of calculated) {
    app.values[index] = valuesFor(index, app.board, stale.get(index) ?? null);
    stale.delete(index);
  }
  emit("values", calculated);
  if (strokeAt) app.times.push(performance.now() - strokeAt);
  if (app.times.length > 500) app.times.shift();
  strokeAt = 0;
  clearTimeout(settle);
  settle = window.setTimeout(() => emit("settled"), 150);
}

/** Return the values of all layers of a net for a board, with the changes made to it. */
export function valuesFor(
  /** @type {number} */ index,
  /** @type {Board} */ board,
  /** @type {string | null} */ from = null,
) {
  const model = app.models[index];
  const kept = from ? app.values[index] : null;
  return forward(model, preprocess(model, board), {
    from: kept ? from : null,
    kept: kept ?? undefined,
    changes: app.changes[index],
  });
}

/** Put a picture on the board. */
export function setBoard(/** @type {ArrayLike<number>} */ data, /** @type {any} */ source = { kind: "drawing" }) {
  app.board.data.set(data);
  app.source = source;
  emit("board");
  refresh();
}

/** Select a value, or nothing. */
export function select(/** @type {Selection | null} */ selection) {
  app.selection = selection;
  emit("selection");
}

/** Return the worker that counts correct predictions, started at the first call. */
export function accuracyWorker() {
  app.worker ??= startWorker(document, app.payload, app.block);
  return app.worker;
}
