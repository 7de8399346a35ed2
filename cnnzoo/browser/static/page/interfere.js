// Interfering: silence maps and units, edit weights, undo, and what that does to the accuracy on the test images.

import { firstChanged } from "../engine/forward.js";
import { announce, byId, make, makeButton, settled, shownCount, shownNumber } from "./dom.js";
import { accuracyWorker, app, emit, layerOf, noChanges, on, refresh } from "./state.js";
import { positionOf } from "./words.js";

/** @type {any[][]} */
const earlier = [];

/** Change what is silenced or edited in a net, from one of its layers on; undo brings the state before back. */
function change(/** @type {number} */ index, /** @type {string} */ layer, /** @type {(changes: any) => void} */ act) {
  earlier.push(structuredClone(app.changes));
  act(app.changes[index]);
  changed([[index, layer]]);
}

function changed(/** @type {Array<[number, string | null]>} */ parts) {
  for (const [model, from] of parts) refresh({ model, from });
  emit("changes");
}

/** Whether a unit or a map is silenced. */
export function isSilenced(/** @type {number} */ index, /** @type {string} */ layer, /** @type {number} */ unit) {
  return Boolean(app.changes[index].silenced[layer]?.includes(unit));
}

/** Silence a unit or a map, or let it speak again. */
export function toggleSilence(/** @type {number} */ index, /** @type {string} */ layer, /** @type {number} */ unit) {
  const was = isSilenced(index, layer, unit);
  change(index, layer, ({ silenced }) => {
    const units = (silenced[layer] ?? []).filter((/** @type {number} */ each) => each !== unit);
    if (!was) units.push(unit);
    if (units.length) silenced[layer] = units.sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
    else delete silenced[layer];
  });
  announce(`${layer}: ${unit} ${was ? "restored" : "silenced"}`);
}

/** Give weights of a layer other values: `{index: value}`. */
export function editWeights(
  /** @type {number} */ index,
  /** @type {string} */ layer,
  /** @type {string} */ name,
  /** @type {Object<string, number>} */ edits,
) {
  change(index, layer, ({ weights }) => {
    weights[layer] ??= {};
    weights[layer][name] = { ...weights[layer][name], ...edits };
  });
}

function undoChange() {
  const before = earlier.pop();
  if (!before) return;
  const parts = /** @type {Array<[number, null]>} */ (
    app.models.map((/** @type {any} */ _, /** @type {number} */ index) => [index, null])
  );
  app.changes.splice(0, app.changes.length, ...before.map((each, index) => ({ ...each, set: app.changes[index].set })));
  changed(parts);
}

/** Take all changes back. */
export function undoAll() {
  earlier.push(structuredClone(app.changes));
  app.changes.splice(
    0,
    app.changes.length,
    ...app.changes.map((/** @type {any} */ each) => ({ ...noChanges(), set: each.set })),
  );
  changed(app.models.map((/** @type {any} */ _, /** @type {number} */ index) => [index, null]));
}

/** Return the first layer of a net that changes touch, or null. */
function firstChangedOf(/** @type {number} */ index) {
  return firstChanged(app.models[index], { ...app.changes[index], set: {} });
}

/** Return the changes as lines: `{layer, text, restore}`. */
export function changesInWords(/** @type {number} */ index) {
  const { silenced, weights } = app.changes[index];
  const lines = [];
  for (const [layer, units] of Object.entries(silenced)) {
    const shape = layerOf(app.models[index], layer).shape;
    const what = shape.length === 3 && shape[0] * shape[1] > 1 ? "map" : "unit";
    for (const unit of units)
      lines.push({
        layer,
        text: `${layer}, ${what} ${unit}: silenced`,
        restore: () => toggleSilence(index, layer, unit),
      });
  }
  for (const [layer, named] of Object.entries(weights)) {
    for (const [name, edits] of Object.entries(named)) {
      const count = Object.keys(edits).length;
      if (!count) continue;
      const [[first, value]] = Object.entries(edits);
      const text =
        count === 1
          ? `${layer}, ${name}[${first}] = ${shownNumber(value)}`
          : `${layer}: ${shownCount(count)} values of ${name} edited`;
      lines.push({
        layer,
        text,
        restore: () =>
          change(index, layer, (changes) => {
            delete changes.weights[layer][name];
            if (!Object.keys(changes.weights[layer]).length) delete changes.weights[layer];
          }),
      });
    }
  }
  return lines;
}

// === Accuracy ===

/** @type {Map<number, any>} what the worker has counted: for each net, before and after the changes */
export const counts = new Map();
function countAgain() {
  if (!app.payload.images) return;
  for (const index of app.models.keys()) {
    const count = counts.get(index) ?? { before: null, after: null, progress: 0 };
    count.after = null;
    if (!firstChangedOf(index)) continue;
    counts.set(index, count);
    countFor(index, count, structuredClone({ ...app.changes[index], set: {} }));
  }
  showAccuracies();
}

/** Count the correct predictions before any change. */
function before(/** @type {number} */ index, /** @type {any} */ count, show = (/** @type {number} */ _) => {}) {
  count.counting ??= accuracyWorker()
    .score(index, noChanges(), show)
    .then((/** @type {any} */ score) => {
      count.before = score;
    });
  return count.counting;
}

function prepare(/** @type {number} */ index) {
  if (counts.has(index)) return;
  counts.set(index, { before: null, after: null, progress: 0 });
  before(index, counts.get(index));
}

async function countFor(/** @type {number} */ index, /** @type {any} */ count, /** @type {any} */ changes) {
  const show = (/** @type {number} */ fraction) => {
    count.progress = fraction;
    showAccuracies();
  };
  const worker = accuracyWorker();
  await before(index, count, show);
  if (JSON.stringify(changes) !== JSON.stringify({ ...app.changes[index], set: {} })) return;
  const after = await worker.score(index, changes, show);
  if (!after) return; // a newer request has come
  count.after = after;
  showAccuracies();
  emit("counted");
}

function inWords(/** @type {any} */ result, /** @type {string} */ kind) {
  if (!result) return "…";
  if (kind === "autoencoder") return shownNumber(result.error, 2);
  return `${((100 * result.right) / result.of).toFixed(1)} %`;
}

function showAccuracies() {
  const rows = [];
  for (const [index, count] of counts) {
    if (!firstChangedOf(index)) continue;
    const done = count.before && count.after;
    const model = app.models[index];
    const what = model.kind === "autoencoder" ? "squared error per image" : "accuracy";
    const text = `${app.models.length > 1 ? `${model.title}: ` : ""}${what} on ${app.payload.images.count} test images`;
    rows.push(
      make(
        "p",
        { class: "accuracy", "data-model": index },
        text,
        make("br"),
        make("b", { class: "was", text: inWords(count.before, model.kind) }),
        " → ",
        make("b", { class: "now", text: inWords(count.after, model.kind) }),
        done ? null : make("progress", { max: 1, value: count.progress, "aria-label": "Counting" }),
      ),
    );
    if (done && count.said !== count.after) {
      count.said = count.after;
      announce(`${what} ${inWords(count.before, model.kind)} before, ${inWords(count.after, model.kind)} now`);
    }
  }
  byId("accuracies").replaceChildren(...rows);
}

function showChanges() {
  const lines = app.models.flatMap((/** @type {any} */ model, /** @type {number} */ index) =>
    changesInWords(index).map((line) => ({
      ...line,
      text: app.models.length > 1 ? `${model.title}: ${line.text}` : line.text,
    })),
  );
  byId("changes").hidden = lines.length === 0;
  byId("change-list").replaceChildren(
    ...lines
      .slice(0, 40)
      .map((/** @type {any} */ line) =>
        make(
          "li",
          { class: "row small" },
          make("span", { text: line.text }),
          makeButton("restore", line.restore, { class: "link", "aria-label": `Restore ${line.text}` }),
        ),
      ),
  );
  if (!app.payload.images)
    byId("accuracies").textContent = "The accuracy needs test images, which this file does not hold.";
}

/** Set up the panel of changes. */
export function setUpChanges() {
  byId("undo-change").addEventListener("click", undoChange);
  byId("undo-changes").addEventListener("click", undoAll);
  const count = settled(countAgain, 60);
  // The first value that a reader chooses starts the worker, so that the accuracy before is known when one changes it.
  on("selection", () => {
    if (app.selection && app.greeted !== "now" && app.payload.images) prepare(app.selection.model);
  });
  on("changes", showChanges);
  on("changes", count);
}

/** Return the map or unit of a value. */
export function unitOf(/** @type {any} */ layer, /** @type {number} */ index) {
  return positionOf(layer.shape, index).map;
}
