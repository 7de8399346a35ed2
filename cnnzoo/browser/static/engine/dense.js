/**
 * Layers whose units see all values of the input.
 *
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./payload.js").Tensor} Tensor
 */
import { activate } from "./activations.js";

/**
 * Each unit: the sum of all inputs, each times a weight of its own, plus a bias.
 *
 * @param {Layer} layer  weights: kernel (inputs, units), bias (units)
 * @param {Tensor[]} inputs  of more than one axis, the last one is connected, at each position alike
 * @param {Tensor} out
 */
export function dense(layer, [values], out) {
  const { kernel, bias } = layer.weights;
  multiply(values.data, kernel, bias, out.data);
  activate(layer, out.data);
}

/**
 * Write values · kernel + bias into `out`.
 *
 * Inputs of 0, as paper is and as a ReLU leaves many, add nothing and are left out. Of the others four are taken at a
 * time, so that each sum is fetched and put back a quarter as often.
 *
 * @param {Float32Array} values
 * @param {Tensor} kernel  (inputs, units)
 * @param {Tensor | undefined} bias
 * @param {Float32Array} out
 */
function multiply(values, kernel, bias, out) {
  const [inputs, units] = kernel.shape;
  const weights = kernel.data;
  const sums = new Float64Array(units);
  const given = new Float64Array(inputs + 3); // the inputs that count, and zeros that fill up the last four
  const rows = new Int32Array(inputs + 3); // where the weights of each start
  for (let start = 0; start < values.length; start += inputs) {
    let count = 0;
    for (let input = 0; input < inputs; input++) {
      if (values[start + input] === 0) continue;
      given[count] = values[start + input];
      rows[count++] = input * units;
    }
    given.fill(0, count);
    for (let unit = 0; unit < units; unit++) sums[unit] = bias ? bias.data[unit] : 0;
    for (let i = 0; i < count; i += 4) addFour(sums, weights, given, rows, i);
    out.set(sums, (start / inputs) * units);
  }
}

/**
 * Add four inputs, each times its weights, to the sums of all units.
 *
 * @param {Float64Array} sums @param {Float32Array} weights @param {Float64Array} given @param {Int32Array} rows
 * @param {number} i  the first of the four
 */
function addFour(sums, weights, given, rows, i) {
  const a = given[i];
  const b = given[i + 1];
  const c = given[i + 2];
  const d = given[i + 3];
  const rowA = rows[i];
  const rowB = rows[i + 1];
  const rowC = rows[i + 2];
  const rowD = rows[i + 3];
  for (let unit = 0; unit < sums.length; unit++) {
    sums[unit] +=
      a * weights[rowA + unit] + b * weights[rowB + unit] + c * weights[rowC + unit] + d * weights[rowD + unit];
  }
}

/**
 * A dense layer in reverse, by the transpose of its kernel, as decoders with tied weights use their encoder's.
 *
 * @param {Layer} layer  weights: kernel (outputs, inputs), bias (outputs)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function transposedDense(layer, [values], out) {
  const { kernel, bias } = layer.weights;
  const [units, inputs] = kernel.shape;
  for (let position = 0; position < values.data.length / inputs; position++) {
    for (let unit = 0; unit < units; unit++) {
      let sum = bias ? bias.data[unit] : 0;
      for (let input = 0; input < inputs; input++) {
        sum += values.data[position * inputs + input] * kernel.data[unit * inputs + input];
      }
      out.data[position * units + unit] = sum;
    }
  }
  activate(layer, out.data);
}

/**
 * A linear code: what differs from the mean, times the components.
 *
 * @param {Layer} layer  weights: kernel (inputs, units), mean (inputs)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function principalComponents(layer, [values], out) {
  const { kernel, mean } = layer.weights;
  multiply(
    values.data.map((value, at) => value - mean.data[at]),
    kernel,
    undefined,
    out.data,
  );
  activate(layer, out.data);
}

/**
 * Radial basis units: the squared distance of the input to each unit's center.
 *
 * @param {Layer} layer  weights: centers (units, inputs); options.negate: whether the distance counts as a score
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function radialBasis(layer, [values], out) {
  const { centers } = layer.weights;
  const [units, inputs] = centers.shape;
  for (let unit = 0; unit < units; unit++) {
    let sum = 0;
    for (let input = 0; input < inputs; input++) {
      const difference = values.data[input] - centers.data[unit * inputs + input];
      sum += difference * difference;
    }
    out.data[unit] = layer.options.negate ? -sum : sum;
  }
}

/**
 * Whitening: what differs from the mean image, times a matrix that decorrelates all values.
 *
 * @param {Layer} layer  weights: mean (values), matrix (values, values)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function whitening(layer, [values], out) {
  const { mean, matrix } = layer.weights;
  multiply(
    values.data.map((value, at) => value - mean.data[at]),
    matrix,
    undefined,
    out.data,
  );
}
