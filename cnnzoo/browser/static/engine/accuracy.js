/**
 * How well a net does on the test images of the page, also after something in it was changed.
 *
 * @typedef {import("./payload.js").Model} Model
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./forward.js").Values} Values
 * @typedef {import("./forward.js").Changes} Changes
 * @typedef {{right: number, error: number, of: number}} Score  right: classes that are right; error: mean squared
 *   error per image of an autoencoder, summed over its pixels
 */
import { firstChanged, forward, withWeights } from "./forward.js";
import { sizeOf } from "./payload.js";

/** Bytes that the outputs of one layer for all images may take to be kept. */
const KEPT_BYTES = 20e6;

/**
 * Return the index of the class that a net says.
 *
 * @param {Model} model
 * @param {Values} values
 */
export function classOf(model, values) {
  const scores = /** @type {import("./payload.js").Tensor} */ (values.get(model.output)).data;
  if (scores.length === 1) return scores[0] > 0.5 ? 1 : 0;
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i;
  return best;
}

/**
 * Return the squared error of an autoencoder's reconstruction, summed over the pixels.
 *
 * @param {Float32Array} input
 * @param {Float32Array} output
 */
export function squaredError(input, output) {
  let sum = 0;
  for (let i = 0; i < input.length; i++) sum += (output[i] - input[i]) ** 2;
  return sum;
}

/** A net's outputs for the test images, of which only those are calculated again that a change reaches. */
export class Evaluation {
  /**
   * @param {Model} model
   * @param {Float32Array[]} inputs
   * @param {number[]} labels
   */
  constructor(model, inputs, labels) {
    this.model = model;
    this.inputs = inputs;
    this.labels = labels;
    /** For each image, what was calculated first, and last, and with which changes. Layers that are the same in both
     * share their values. @type {{changes: Changes, values: Values}[][]} */
    this.kept = inputs.map(() => []);
    const fits = (/** @type {Layer} */ layer) => 4 * sizeOf(layer.shape) * inputs.length <= KEPT_BYTES;
    this.keeps = new Set(model.layers.filter(fits).map((layer) => layer.name));
  }

  /**
   * Score the net with changes, a part of the images at a time.
   *
   * @param {Changes} changes
   * @param {number} [part]  images between two yields
   * @yields {Score}  of the images so far; the last one is that of all
   */
  *scores(changes, part = 20) {
    const edited = withWeights(this.model, changes);
    const own = { ...changes, weights: {} }; // the weights are edited once for all images
    /** For each set of changes, the index of the first layer that is another now. @type {Map<Changes, number>} */
    const starts = new Map();
    const startAfter = (/** @type {Changes} */ before) => {
      const known = starts.get(before);
      if (known !== undefined) return known;
      const name = firstChanged(this.model, difference(before, changes));
      const start = this.model.layers.findIndex((layer) => layer.name === (name ?? this.model.output));
      starts.set(before, start);
      return start;
    };
    const score = { right: 0, error: 0, of: 0 };
    for (let i = 0; i < this.inputs.length; i++) {
      const kept = this.kept[i];
      const [before] = [...kept].sort((a, b) => startAfter(b.changes) - startAfter(a.changes));
      const from = before ? this.model.layers[startAfter(before.changes)].name : null;
      const values = forward(edited, this.inputs[i], { from, kept: before?.values, changes: own });
      const now = { changes, values: new Map([...values].filter(([name]) => this.keeps.has(name))) };
      this.kept[i] = kept.length === 0 ? [now] : [kept[0], now];
      if (this.model.kind === "autoencoder") {
        const output = /** @type {import("./payload.js").Tensor} */ (values.get(this.model.output)).data;
        score.error += squaredError(this.inputs[i], output);
      } else if (classOf(this.model, values) === this.labels[i]) score.right++;
      score.of = i + 1;
      if (score.of % part === 0 || score.of === this.inputs.length) yield { ...score, error: score.error / score.of };
    }
  }
}

/**
 * Return the layers in which two sets of changes differ, as changes.
 *
 * @param {Changes} before
 * @param {Changes} after
 * @returns {Changes}
 */
export function difference(before, after) {
  const found = /** @type {any} */ ({});
  for (const kind of /** @type {(keyof Changes)[]} */ (["silenced", "weights", "set"])) {
    const [a, b] = /** @type {Record<string, any>[]} */ ([before[kind] ?? {}, after[kind] ?? {}]);
    for (const layer of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (JSON.stringify(a[layer]) !== JSON.stringify(b[layer])) {
        found[kind] = { ...found[kind], [layer]: b[layer] ?? a[layer] };
      }
    }
  }
  return found;
}
