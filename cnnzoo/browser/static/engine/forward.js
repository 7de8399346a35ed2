/**
 * The forward pass: all layers of a net, one after the other.
 *
 * @typedef {import("./payload.js").Model} Model
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./payload.js").Tensor} Tensor
 * @typedef {Map<string, Tensor>} Values  the output of each layer by its name, and the input
 *
 * @typedef {object} Changes  what a person changes in a net; all of it may be left out
 * @property {Record<string, number[]>} [silenced]  layer → maps or units that are set to 0 after the activation
 * @property {Record<string, Record<string, Record<number, number>>>} [weights]  layer → weight → index → value
 * @property {Record<string, Record<number, number>>} [set]  layer → index → value of its output
 */
import { LAYERS } from "./layers.js";
import { sizeOf } from "./payload.js";

/**
 * Compute the outputs of all layers.
 *
 * @param {Model} model
 * @param {Float32Array} input
 * @param {object} [options]
 * @param {string | null} [options.from]  the first layer that is calculated again, with all that depend on it
 * @param {string | null} [options.after]  the same without the layer itself, whose kept output is taken
 * @param {Values} [options.kept]  outputs of an earlier pass; what is not in it is calculated
 * @param {Changes} [options.changes]
 * @returns {Values}
 */
export function forward(model, input, { from = null, after = null, kept = new Map(), changes = {} } = {}) {
  const edited = withWeights(model, changes);
  const stale = dependents(model, from ?? after);
  if (after !== null) stale.delete(after);
  /** @type {Values} */
  const values = new Map([[model.input.name, { shape: model.input.shape, data: input }]]);
  for (const layer of needed(edited, stale, kept)) {
    const old = kept.get(layer.name);
    if (old && !stale.has(layer.name)) values.set(layer.name, old);
    else values.set(layer.name, outputOf(layer, values, changes));
  }
  return values;
}

/**
 * Compute the output of one layer, given those of the layers before it.
 *
 * @param {Layer} layer
 * @param {Values} values
 * @param {Changes} changes
 * @returns {Tensor}
 */
function outputOf(layer, values, changes) {
  const inputs = layer.inputs.map((name) => /** @type {Tensor} */ (values.get(name)));
  const out = { shape: layer.shape, data: new Float32Array(sizeOf(layer.shape)) };
  LAYERS[layer.kind](layer, inputs, out);
  const maps = layer.shape[layer.shape.length - 1];
  for (const map of changes.silenced?.[layer.name] ?? []) {
    for (let at = map; at < out.data.length; at += maps) out.data[at] = 0;
  }
  for (const [at, value] of Object.entries(changes.set?.[layer.name] ?? {})) out.data[Number(at)] = value;
  return out;
}

/**
 * Return the names of a layer and of all layers that depend on it; of all layers where there is none.
 *
 * @param {Model} model
 * @param {string | null} name
 * @returns {Set<string>}
 */
export function dependents(model, name) {
  if (name === null) return new Set(model.layers.map((layer) => layer.name));
  const found = new Set([name]);
  for (const layer of model.layers) {
    if (layer.inputs.some((input) => found.has(input))) found.add(layer.name);
  }
  found.delete(model.input.name);
  return found;
}

/**
 * Return the layers that are calculated or taken from what is kept: the stale ones, and what they depend on as far as
 * it is not kept. Where everything before is kept, that is all layers.
 *
 * @param {Model} model
 * @param {Set<string>} stale
 * @param {Values} kept
 * @returns {Layer[]}
 */
function needed(model, stale, kept) {
  const wanted = new Set([...stale, ...kept.keys()]);
  for (const layer of [...model.layers].reverse()) {
    const calculated = stale.has(layer.name) || !kept.has(layer.name);
    if (wanted.has(layer.name) && calculated) for (const input of layer.inputs) wanted.add(input);
  }
  return model.layers.filter((layer) => wanted.has(layer.name));
}

/**
 * Return a model with edited weights; its other weights are the same arrays. A weight that several layers share is
 * edited for all of them.
 *
 * @param {Model} model
 * @param {Changes} changes
 * @returns {Model}
 */
export function withWeights(model, changes) {
  /** @type {Map<Float32Array, Tensor>} */
  const edited = new Map();
  for (const [name, weights] of Object.entries(changes.weights ?? {})) {
    for (const [key, values] of Object.entries(weights)) {
      const weight = model.byName.get(name)?.weights[key];
      if (!weight) throw new Error(`layer ${name} has no weight ${key}`);
      const copy = edited.get(weight.data) ?? { shape: weight.shape, data: weight.data.slice() };
      for (const [at, value] of Object.entries(values)) copy.data[Number(at)] = value;
      edited.set(weight.data, copy);
    }
  }
  if (edited.size === 0) return model;
  const layers = model.layers.map((layer) => {
    const weights = Object.entries(layer.weights).map(([key, weight]) => [key, edited.get(weight.data) ?? weight]);
    return { ...layer, weights: Object.fromEntries(weights) };
  });
  return { ...model, layers, byName: new Map(layers.map((layer) => [layer.name, layer])) };
}

/**
 * Return the first layer that changes touch: what lies before it stays as it was. `null` where they touch none.
 *
 * @param {Model} model
 * @param {Changes} changes
 * @returns {string | null}
 */
export function firstChanged(model, changes) {
  const touched = new Set([changes.silenced, changes.weights, changes.set].flatMap((each) => Object.keys(each ?? {})));
  const shared = new Set();
  for (const name of Object.keys(changes.weights ?? {})) {
    for (const weight of Object.values(model.byName.get(name)?.weights ?? {})) shared.add(weight.data);
  }
  const first = model.layers.find(
    (layer) => touched.has(layer.name) || Object.values(layer.weights).some((weight) => shared.has(weight.data)),
  );
  return first ? first.name : null;
}

/**
 * Decode numbers to an image: an autoencoder's layers after its code.
 *
 * @param {Model} model
 * @param {Float32Array} code
 * @param {Changes} [changes]
 * @returns {Values}  the code, and the outputs of all layers that depend on it
 */
export function decode(model, code, changes = {}) {
  const layer = model.code === null ? undefined : model.byName.get(model.code);
  if (!layer) throw new Error(`${model.name} has no code`);
  const kept = new Map([[layer.name, { shape: layer.shape, data: code }]]);
  return forward(model, new Float32Array(sizeOf(model.input.shape)), { after: layer.name, kept, changes });
}
