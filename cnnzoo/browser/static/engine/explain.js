/**
 * The arithmetic of one number: all that it is made of, term by term.
 *
 * @typedef {import("./payload.js").Model} Model
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./payload.js").Tensor} Tensor
 * @typedef {import("./windows.js").Window} Window
 * @typedef {import("./windows.js").Box} Box
 * @typedef {import("./forward.js").Values} Values
 * @typedef {import("./forward.js").Changes} Changes
 *
 * @typedef {object} Term
 * @property {string} source  the layer whose output it reads
 * @property {number[]} at  row, column and map there, or the unit; outside of the image for a zero of the padding
 * @property {number} index  the same as one number; −1 for a zero of the padding
 * @property {number} input
 * @property {number | null} weight  null where nothing is weighted
 * @property {number} product  what the term adds
 *
 * @typedef {object} Explanation
 * @property {string} kind
 * @property {number[]} at  row, column and map of the number, or its unit
 * @property {Box | null} window  on the layer's input, where a window slides
 * @property {Box} field  the receptive field, on the net's input
 * @property {Term[]} terms
 * @property {number} bias
 * @property {number} sum  bias and all products
 * @property {string} activation
 * @property {number} value  the number itself
 * @property {boolean} silenced  whether it was set, and not calculated
 * @property {string} sentence
 * @property {number} [winner]  which term is the largest, of maximum pooling
 * @property {number[]} [reads]  the input maps that a partially connected map reads
 * @property {{height: number, width: number, data: number[]}} [bitmap]  the center of a radial basis unit
 */
import { activationNamed } from "./activations.js";
import { withWeights } from "./forward.js";
import { forEachNeighbor } from "./normalization.js";
import { receptiveField } from "./receptive_field.js";
import { windowOf } from "./windows.js";

/**
 * What a kind of layer says of one number: its terms, and how they make it.
 *
 * @typedef {object} Parts
 * @property {Term[]} terms
 * @property {number} [bias]
 * @property {Box} [window]
 * @property {number} [winner]
 * @property {(sum: number) => number} [end]  what is made of the sum in place of the layer's activation
 * @property {string} [formula]
 * @property {number[]} [reads]
 * @property {{height: number, width: number, data: number[]}} [bitmap]
 */

/**
 * Explain a number in a layer's output. It is calculated again in double precision, from the outputs of the layers
 * before, and equals the one shown but for the rounding of that.
 *
 * @param {Model} model
 * @param {Values} values  as `forward` returns them
 * @param {string} name  of the layer
 * @param {number} index  of the number in the layer's output
 * @param {Changes} [changes]  those that the values were calculated with
 * @returns {Explanation}
 */
export function explain(model, values, name, index, changes = {}) {
  const layer = withWeights(model, changes).byName.get(name);
  if (!layer) throw new Error(`there is no layer ${name}`);
  const inputs = layer.inputs.map((input) => /** @type {Tensor} */ (values.get(input)));
  const at = coordinates(layer.shape, index);
  const parts = EXPLAINED[layer.kind](layer, inputs, at, index);
  const bias = parts.bias ?? 0;
  const sum =
    parts.winner === undefined
      ? parts.terms.reduce((total, { product }) => total + product, bias)
      : parts.terms[parts.winner].product;
  const activation = layer.options.activation ?? "linear";
  let value = parts.end ? parts.end(sum) : activated(layer, inputs, index, sum);
  const given = changes.set?.[name]?.[index];
  const silenced = given !== undefined || (changes.silenced?.[name] ?? []).includes(at[at.length - 1]);
  if (silenced) value = given ?? 0;
  const [row, column] = at.length === 3 ? at : [0, 0];
  return {
    kind: layer.kind,
    at,
    window: parts.window ?? null,
    field: receptiveField(model, name, row, column),
    terms: parts.terms,
    bias,
    sum,
    activation,
    value,
    silenced,
    sentence: silenced ? `It is set to ${short(value)}.` : sentence(layer, parts, bias, sum, value),
    ...(parts.winner === undefined ? {} : { winner: parts.winner }),
    ...(parts.reads ? { reads: parts.reads } : {}),
    ...(parts.bitmap ? { bitmap: parts.bitmap } : {}),
  };
}

/** Row, column and map of a value. @param {number[]} shape @param {number} index */
export function coordinates(shape, index) {
  const at = [];
  let rest = index;
  for (const side of [...shape].reverse()) {
    at.unshift(rest % side);
    rest = Math.floor(rest / side);
  }
  return at;
}

/**
 * @param {Layer} layer @param {Tensor[]} inputs @param {number} index @param {number} sum
 * @returns {number}
 */
function activated(layer, inputs, index, sum) {
  const { activation = "linear", activation_options: options = {} } = layer.options;
  if (activation !== "softmax") return activationNamed(activation)(sum, options);
  // A probability needs the sums of all units.
  const units = layer.shape[layer.shape.length - 1];
  const first = index - (index % units);
  const sums = Array.from({ length: units }, (_, unit) => {
    const { terms, bias = 0 } = EXPLAINED[layer.kind](
      layer,
      inputs,
      coordinates(layer.shape, first + unit),
      first + unit,
    );
    return terms.reduce((total, { product }) => total + product, bias);
  });
  const largest = Math.max(...sums);
  return Math.exp(sum - largest) / sums.reduce((total, each) => total + Math.exp(each - largest), 0);
}

/** @param {number} value */
function short(value) {
  return Number(value.toPrecision(4)).toString().replace("-", "−");
}

/**
 * @param {Layer} layer @param {Parts} parts @param {number} bias @param {number} sum @param {number} value
 */
function sentence(layer, parts, bias, sum, value) {
  if (parts.winner !== undefined) return `${short(value)} is the largest of ${parts.terms.length} values.`;
  if (parts.formula) return `${short(value)} = ${parts.formula}.`;
  const { activation = "linear" } = layer.options;
  const products = `${parts.terms.length} products${parts.bias === undefined ? "" : ` and the bias ${short(bias)}`}`;
  if (activation === "linear") return `${short(value)} is the sum of ${products}.`;
  return `${short(value)} = ${activation}(${short(sum)}); ${short(sum)} is the sum of ${products}.`;
}

/**
 * Return a term that reads one value of an input.
 *
 * @param {Layer} layer @param {Tensor[]} inputs @param {number} index @param {number | null} weight
 * @param {number} [source]  which of the inputs
 * @returns {Term}
 */
function term(layer, inputs, index, weight, source = 0) {
  const input = inputs[source].data[index];
  const at = coordinates(inputs[source].shape, index);
  return { source: layer.inputs[source], at, index, input, weight, product: weight === null ? input : input * weight };
}

/**
 * Return the terms of a window over some maps of an image, the zeros of the padding included if `pads`.
 *
 * @param {Layer} layer @param {Tensor[]} inputs @param {number[]} at
 * @param {number[]} maps
 * @param {(i: number, j: number, map: number) => number | null} weightAt
 * @param {boolean} [pads]
 */
function windowTerms(layer, inputs, at, maps, weightAt, pads = true) {
  const window = /** @type {Window} */ (layer.options);
  const [height, width, channels] = inputs[0].shape;
  const { top, left } = windowOf(window, at[0], at[1]);
  /** @type {Term[]} */
  const terms = [];
  for (let i = 0; i < window.size[0]; i++) {
    for (let j = 0; j < window.size[1]; j++) {
      const row = top + i * window.dilation[0];
      const column = left + j * window.dilation[1];
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      for (const map of maps) {
        if (inside) terms.push(term(layer, inputs, (row * width + column) * channels + map, weightAt(i, j, map)));
        else if (pads) {
          const weight = weightAt(i, j, map);
          terms.push({ source: layer.inputs[0], at: [row, column, map], index: -1, input: 0, weight, product: 0 });
        }
      }
    }
  }
  return terms;
}

/** @param {number} count @param {number} [first] */
function range(count, first = 0) {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** @param {Layer} layer @param {number[]} at */
const windowAt = (layer, at) => windowOf(/** @type {Window} */ (layer.options), at[0], at[1]);

/** One input value, as it is. @param {Layer} layer @param {Tensor[]} inputs @param {number} index @param {number} [source] */
const copied = (layer, inputs, index, source = 0) => ({ terms: [term(layer, inputs, index, 1, source)] });

/**
 * A layer that is connected with all of its input.
 *
 * @param {Layer} layer @param {Tensor[]} inputs @param {number} index
 * @param {Tensor} kernel @param {boolean} transposed @param {Tensor | undefined} bias
 */
function connected(layer, inputs, index, kernel, transposed, bias) {
  const units = layer.shape[layer.shape.length - 1];
  const unit = index % units;
  const length = inputs[0].shape[inputs[0].shape.length - 1];
  const start = Math.floor(index / units) * length;
  const terms = range(length).map((input) => {
    const weight = kernel.data[transposed ? unit * length + input : input * units + unit];
    return term(layer, inputs, start + input, weight);
  });
  return { terms, ...(bias ? { bias: bias.data[unit] } : {}) };
}

/**
 * A connected layer that first subtracts a mean.
 *
 * @param {Layer} layer @param {Tensor[]} inputs @param {number} index @param {Tensor} kernel @param {Tensor} mean
 */
function centeredAndConnected(layer, inputs, index, kernel, mean) {
  // All values of an image are connected with all.
  const flat = { ...layer, shape: [kernel.shape[1]] };
  const parts = connected(flat, [{ ...inputs[0], shape: [kernel.shape[0]] }], index, kernel, false, undefined);
  for (const each of parts.terms)
    each.product = (each.input - mean.data[each.index]) * /** @type {number} */ (each.weight);
  return parts;
}

/** @type {Record<string, (layer: Layer, inputs: Tensor[], at: number[], index: number) => Parts>} */
const EXPLAINED = {
  convolution(layer, inputs, at) {
    const { kernel, bias } = layer.weights;
    const [, columns, depth, maps] = kernel.shape;
    const first = Math.floor(at[2] / (maps / (layer.options.groups ?? 1))) * depth;
    const weight = (/** @type {number} */ i, /** @type {number} */ j, /** @type {number} */ map) =>
      kernel.data[((i * columns + j) * depth + map - first) * maps + at[2]];
    const terms = windowTerms(layer, inputs, at, range(depth, first), weight);
    return { terms, window: windowAt(layer, at), ...(bias ? { bias: bias.data[at[2]] } : {}) };
  },
  depthwise_convolution(layer, inputs, at) {
    const { kernel, bias } = layer.weights;
    const maps = layer.shape[2];
    const source = Math.floor(at[2] / layer.options.multiplier);
    const terms = windowTerms(
      layer,
      inputs,
      at,
      [source],
      (i, j) => kernel.data[(i * kernel.shape[1] + j) * maps + at[2]],
    );
    return { terms, window: windowAt(layer, at), ...(bias ? { bias: bias.data[at[2]] } : {}) };
  },
  transposed_convolution(layer, inputs, at) {
    const { kernel, bias } = layer.weights;
    const { size, strides, padding, dilation } = layer.options;
    const [rows, columns, channels] = inputs[0].shape;
    const maps = layer.shape[2];
    const terms = [];
    for (let i = size[0] - 1; i >= 0; i--) {
      for (let j = size[1] - 1; j >= 0; j--) {
        // Row · stride − padding + i · dilation is the row of the output.
        const row = (at[0] + padding[0] - i * dilation[0]) / strides[0];
        const column = (at[1] + padding[2] - j * dilation[1]) / strides[1];
        const whole = Number.isInteger(row) && Number.isInteger(column);
        if (!whole || row < 0 || row >= rows || column < 0 || column >= columns) continue;
        for (let channel = 0; channel < channels; channel++) {
          const weight = kernel.data[((i * size[1] + j) * maps + at[2]) * channels + channel];
          terms.push(term(layer, inputs, (row * columns + column) * channels + channel, weight));
        }
      }
    }
    return { terms, ...(bias ? { bias: bias.data[at[2]] } : {}) };
  },
  locally_connected(layer, inputs, at) {
    const { kernel, bias } = layer.weights;
    const [, columns, , kernelColumns, channels, maps] = kernel.shape;
    const position = at[0] * columns + at[1];
    const size = layer.options.size[0] * kernelColumns * channels * maps;
    const terms = windowTerms(
      layer,
      inputs,
      at,
      range(channels),
      (i, j, map) => kernel.data[position * size + ((i * kernelColumns + j) * channels + map) * maps + at[2]],
    );
    return { terms, window: windowAt(layer, at), ...(bias ? { bias: bias.data[position * maps + at[2]] } : {}) };
  },
  partially_connected(layer, inputs, at) {
    const { kernel, bias } = layer.weights;
    /** @type {number[][]} */
    const connections = layer.options.connections;
    const reads = connections[at[2]];
    const first = connections.slice(0, at[2]).reduce((links, row) => links + row.length, 0);
    const [, columns, links] = kernel.shape;
    const unit = (at[0] * layer.shape[1] + at[1]) * layer.shape[2] + at[2]; // has a bias of its own, or its map has
    const terms = windowTerms(
      layer,
      inputs,
      at,
      reads,
      (i, j, map) => kernel.data[(i * columns + j) * links + first + reads.indexOf(map)],
    );
    return { terms, window: windowAt(layer, at), bias: bias.data[unit % bias.data.length], reads };
  },
  max_pooling(layer, inputs, at) {
    const terms = windowTerms(layer, inputs, at, [at[2]], () => null, false);
    return { terms, window: windowAt(layer, at), winner: largestOf(terms), end: (sum) => sum };
  },
  average_pooling(layer, inputs, at) {
    const count = windowTerms(layer, inputs, at, [at[2]], () => null, false).length;
    const terms = windowTerms(layer, inputs, at, [at[2]], () => 1 / count, false);
    return { terms, window: windowAt(layer, at), end: (sum) => sum, formula: `the mean of ${count} values` };
  },
  lp_pooling(layer, inputs, at) {
    const { p, normalized } = layer.options;
    const terms = windowTerms(layer, inputs, at, [at[2]], () => null, false);
    const count = normalized ? terms.length : 1;
    for (const each of terms) each.product = Math.abs(each.input) ** p / count;
    const formula = `(${normalized ? `1/${terms.length} ` : ""}Σ|x|^${p})^(1/${p})`;
    return { terms, window: windowAt(layer, at), end: (sum) => sum ** (1 / p), formula };
  },
  subsampling(layer, inputs, at) {
    const { coefficient, bias } = layer.weights;
    const terms = windowTerms(layer, inputs, at, [at[2]], () => coefficient.data[at[2]]);
    return { terms, window: windowAt(layer, at), bias: bias.data[at[2]] };
  },
  global_average_pooling(layer, inputs, at) {
    const [rows, columns, maps] = inputs[0].shape;
    const positions = rows * columns;
    const map = at[at.length - 1];
    const terms = range(positions).map((position) => term(layer, inputs, position * maps + map, 1 / positions));
    return { terms, end: (sum) => sum, formula: `the mean of ${positions} values` };
  },
  global_max_pooling(layer, inputs, at) {
    const [rows, columns, maps] = inputs[0].shape;
    const map = at[at.length - 1];
    const terms = range(rows * columns).map((position) => term(layer, inputs, position * maps + map, null));
    return { terms, winner: largestOf(terms), end: (sum) => sum };
  },
  dense: (layer, inputs, _, index) => connected(layer, inputs, index, layer.weights.kernel, false, layer.weights.bias),
  transposed_dense: (layer, inputs, _, index) =>
    connected(layer, inputs, index, layer.weights.kernel, true, layer.weights.bias),
  gaussian_code: (layer, inputs, _, index) =>
    connected(layer, inputs, index, layer.weights.kernel, false, layer.weights.bias),
  principal_components: (layer, inputs, _, index) =>
    centeredAndConnected(layer, inputs, index, layer.weights.kernel, layer.weights.mean),
  whitening: (layer, inputs, _, index) => ({
    ...centeredAndConnected(layer, inputs, index, layer.weights.matrix, layer.weights.mean),
    end: (sum) => sum,
  }),
  radial_basis(layer, inputs, _, unit) {
    const { centers } = layer.weights;
    const length = centers.shape[1];
    const center = Array.from(centers.data.subarray(unit * length, (unit + 1) * length));
    const terms = center.map((weight, input) => term(layer, inputs, input, weight));
    for (const each of terms) each.product = (each.input - /** @type {number} */ (each.weight)) ** 2;
    const { negate } = layer.options;
    // LeNet-5's centers are pictures of the digits, 12 rows of 7 pixels.
    const bitmap = length === 84 ? { bitmap: { height: 12, width: 7, data: center } } : {};
    const formula = `${negate ? "−" : ""}Σ(x − w)² over ${length} values`;
    return { terms, end: (sum) => (negate ? -sum : sum), formula, ...bitmap };
  },
  scale(layer, inputs, at, index) {
    const { scale, offset } = layer.weights;
    const channel = at[at.length - 1];
    return { terms: [term(layer, inputs, index, scale.data[channel])], bias: offset.data[channel] };
  },
  layer_normalization(layer, inputs, at, index) {
    const { gamma, beta } = layer.weights;
    const channels = layer.shape[layer.shape.length - 1];
    const channel = at[at.length - 1];
    const terms = range(channels, index - channel).map((each) => term(layer, inputs, each, null));
    const mean = terms.reduce((sum, { input }) => sum + input, 0) / channels;
    const variance = terms.reduce((sum, { input }) => sum + (input - mean) ** 2, 0) / channels;
    const normalized = (inputs[0].data[index] - mean) / Math.sqrt(variance + layer.options.epsilon);
    const end = () => normalized * (gamma ? gamma.data[channel] : 1) + (beta ? beta.data[channel] : 0);
    return { terms, end, formula: "(x − mean)/deviation · γ + β" };
  },
  local_response_normalization(layer, inputs, _, index) {
    const { alpha, beta, k } = layer.options;
    /** @type {Term[]} */
    const terms = [];
    forEachNeighbor(layer, inputs[0].shape, index, (neighbor) => terms.push(term(layer, inputs, neighbor, null)));
    for (const each of terms) each.product = alpha * each.input ** 2;
    const value = inputs[0].data[index];
    return {
      terms,
      bias: k,
      end: (sum) => value * sum ** -beta,
      formula: `x/(k + α Σx²)^${beta} with x = ${short(value)}`,
    };
  },
  merge(layer, inputs, _, index) {
    const { by } = layer.options;
    const terms = inputs.map((_each, source) =>
      term(layer, inputs, index, by === "average" ? 1 / inputs.length : 1, source),
    );
    if (by === "subtract") Object.assign(terms[1], { weight: -1, product: -terms[1].input });
    const all = terms.map(({ input }) => input);
    if (by === "multiply") return { terms, end: () => all.reduce((a, b) => a * b), formula: "the product" };
    if (by === "maximum") return { terms, winner: largestOf(terms), end: (sum) => sum };
    if (by === "minimum") return { terms, end: () => Math.min(...all), formula: "the least" };
    return { terms };
  },
  concatenate(layer, inputs, at) {
    const { axis } = layer.options;
    let source = 0;
    const from = [...at];
    while (from[axis] >= inputs[source].shape[axis]) from[axis] -= inputs[source++].shape[axis];
    return copied(layer, inputs, indexAt(inputs[source].shape, from), source);
  },
  reshape: (layer, inputs, _, index) => copied(layer, inputs, index),
  identity: (layer, inputs, _, index) => copied(layer, inputs, index, layer.options.input ?? 0),
  permute(layer, inputs, at) {
    /** @type {number[]} */
    const from = [];
    layer.options.axes.forEach((/** @type {number} */ axis, /** @type {number} */ to) => {
      from[axis] = at[to];
    });
    return copied(layer, inputs, indexAt(inputs[0].shape, from));
  },
  padding(layer, inputs, at) {
    const [top, , left] = layer.options.padding;
    const [height, width] = inputs[0].shape;
    const row = at[0] - top;
    const column = at[1] - left;
    if (row < 0 || row >= height || column < 0 || column >= width)
      return { terms: [], end: () => layer.options.value ?? 0, formula: "the value of the border" };
    return copied(layer, inputs, indexAt(inputs[0].shape, [row, column, at[2]]));
  },
  cropping(layer, inputs, at) {
    const [top, , left] = layer.options.cropping;
    return copied(layer, inputs, indexAt(inputs[0].shape, [at[0] + top, at[1] + left, at[2]]));
  },
  up_sampling(layer, inputs, at) {
    const [tall, wide] = layer.options.size;
    const from = [Math.floor(at[0] / tall), Math.floor(at[1] / wide), at[2]];
    return copied(layer, inputs, indexAt(inputs[0].shape, from));
  },
  activation: (layer, inputs, _, index) => copied(layer, inputs, index),
};

/** @param {Term[]} terms */
function largestOf(terms) {
  let winner = 0;
  terms.forEach(({ input }, i) => {
    if (input > terms[winner].input) winner = i;
  });
  return winner;
}

/** @param {number[]} shape @param {number[]} at */
export function indexAt(shape, at) {
  return shape.reduce((index, side, axis) => index * side + at[axis], 0);
}

/**
 * Return 1 + (W − F + 2P)/S with a layer's numbers, for its rows and its columns; null where no window slides.
 *
 * @param {Model} model
 * @param {string} name
 * @returns {{side: number, window: number, padding: [number, number], stride: number, outputs: number,
 *   text: string}[] | null}
 */
export function windowFormula(model, name) {
  const layer = model.byName.get(name);
  const { size, strides, padding, dilation } = layer?.options ?? {};
  if (!layer || !size || !strides || layer.kind === "transposed_convolution") return null;
  const shape = model.byName.get(layer.inputs[0])?.shape ?? model.input.shape;
  return [0, 1].map((axis) => {
    const window = (size[axis] - 1) * dilation[axis] + 1;
    const [before, after] = [padding[2 * axis], padding[2 * axis + 1]];
    const pads = before === after ? `2·${before}` : `${before} + ${after}`;
    const outputs = layer.shape[axis];
    const exact = 1 + (shape[axis] - window + before + after) / strides[axis];
    const whole = Number.isInteger(exact) ? `${outputs}` : `${Number(exact.toFixed(2))}, rounded down to ${outputs}`;
    const text = `1 + (${shape[axis]} − ${window} + ${pads})/${strides[axis]} = ${whole}`;
    return { side: shape[axis], window, padding: [before, after], stride: strides[axis], outputs, text };
  });
}
