/**
 * Activations: what a unit makes of its sum. Each is Keras' function of that name, with its default parameters.
 *
 * @typedef {import("./payload.js").Layer} Layer
 */

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/** @param {number} x */
const logistic = (x) => 1 / (1 + Math.exp(-x));
/** log(1 + eˣ), which neither overflows nor loses what is small. @param {number} x */
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** @type {Record<string, (x: number, options: Record<string, number>) => number>} */
export const ACTIVATIONS = {
  linear: (x) => x,
  relu: (x, { negative_slope = 0, threshold = 0, maximum = Infinity }) =>
    x >= threshold ? Math.min(x, maximum) : negative_slope * (x - threshold),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  leaky_relu: (x, { negative_slope = 0.2 }) => (x >= 0 ? x : negative_slope * x),
  elu: (x, { alpha = 1 }) => (x >= 0 ? x : alpha * Math.expm1(x)),
  selu: (x) => SELU_SCALE * (x >= 0 ? x : SELU_ALPHA * Math.expm1(x)),
  gelu: (x) => 0.5 * x * (1 + errorFunction(x / Math.SQRT2)),
  sigmoid: logistic,
  hard_sigmoid: (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1),
  tanh: Math.tanh,
  hard_tanh: (x) => Math.min(Math.max(x, -1), 1),
  scaled_tanh: (x) => 1.7159 * Math.tanh((x * 2) / 3),
  softplus,
  softsign: (x) => x / (1 + Math.abs(x)),
  silu: (x) => x * logistic(x),
  mish: (x) => x * Math.tanh(softplus(x)),
  exponential: Math.exp,
};

/**
 * The error function: a series near 0, and beyond it a continued fraction. Both to all digits that count here.
 *
 * @param {number} x
 */
export function errorFunction(x) {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  let result;
  if (size < 2.5) {
    let term = size;
    let sum = size;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-size * size) / n;
      sum += term / (2 * n + 1);
    }
    result = (2 / Math.sqrt(Math.PI)) * sum;
  } else {
    let fraction = 0;
    for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction);
    result = 1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction);
  }
  return x < 0 ? -result : result;
}

/**
 * Apply a layer's activation to the sums of its units, in place.
 *
 * @param {Layer} layer
 * @param {Float32Array} values
 */
export function activate(layer, values) {
  const { activation = "linear", activation_options: options = {} } = layer.options;
  if (activation === "linear") return;
  if (activation === "softmax") return softmax(values, layer.shape[layer.shape.length - 1]);
  if (activation === "relu" && Object.keys(options).length === 0) {
    for (let i = 0; i < values.length; i++) if (values[i] < 0) values[i] = 0;
    return;
  }
  const apply = activationNamed(activation);
  for (let i = 0; i < values.length; i++) values[i] = apply(values[i], options);
}

/** @param {string} name */
export function activationNamed(name) {
  const found = ACTIVATIONS[name];
  if (!found) throw new Error(`there is no activation ${name}`);
  return found;
}

/**
 * Divide eˣ by the sum of all eˣ, so that the results are probabilities: they sum to 1.
 *
 * @param {Float32Array} values  changed in place; each `length` of them are one distribution
 * @param {number} length
 */
export function softmax(values, length) {
  for (let start = 0; start < values.length; start += length) {
    const scores = values.subarray(start, start + length);
    const largest = scores.reduce((a, b) => Math.max(a, b)); // e to the power of a large score would overflow
    const powers = Array.from(scores, (score) => Math.exp(score - largest));
    const sum = powers.reduce((a, b) => a + b);
    for (let i = 0; i < length; i++) scores[i] = powers[i] / sum;
  }
}
