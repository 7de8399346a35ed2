/**
 * Layers that bring values to a common scale.
 *
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./payload.js").Tensor} Tensor
 */
import { activate } from "./activations.js";

/**
 * Each channel times a number, plus a number. Batch normalization is this once it is trained.
 *
 * @param {Layer} layer  weights: scale (channels), offset (channels)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function scaleChannels(layer, [image], out) {
  const scale = layer.weights.scale.data;
  const offset = layer.weights.offset.data;
  for (let at = 0; at < image.data.length; at++) {
    const channel = at % scale.length;
    out.data[at] = image.data[at] * scale[channel] + offset[channel];
  }
  activate(layer, out.data);
}

/**
 * At each position: subtract the mean over the channels, and divide by their standard deviation.
 *
 * @param {Layer} layer  weights: gamma (channels), beta (channels)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function layerNormalization(layer, [image], out) {
  const { gamma, beta } = layer.weights;
  const channels = image.shape[image.shape.length - 1];
  for (let start = 0; start < image.data.length; start += channels) {
    const values = image.data.subarray(start, start + channels);
    const mean = values.reduce((sum, value) => sum + value, 0) / channels;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / channels;
    for (let i = 0; i < channels; i++) {
      const normalized = (values[i] - mean) / Math.sqrt(variance + layer.options.epsilon);
      out.data[start + i] = normalized * (gamma ? gamma.data[i] : 1) + (beta ? beta.data[i] : 0);
    }
  }
}

/**
 * Divide each value by a power of the sum of neighboring squares: y = x / (k + α Σ x²)^β.
 *
 * @param {Layer} layer  options.region: "across" sums over neighboring maps at one position, "within" over a square of
 *   one map; options.neighbors: how many maps, or the side of the square
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function localResponseNormalization(layer, [image], out) {
  const { alpha, beta, k, neighbors, region } = layer.options;
  const side = (neighbors - 1) / 2;
  const [height, width, maps] = image.shape;
  const across = region === "across";
  const squares = image.data.map((value) => value * value);
  // The sums along the maps, or along the columns, and then along the rows.
  const along = across ? slidingSums(squares, maps, 1, side) : slidingSums(squares, width, maps, side);
  const sums = across ? along : slidingSums(along, height, width * maps, side);
  for (let at = 0; at < out.data.length; at++) out.data[at] = image.data[at] * (k + alpha * sums[at]) ** -beta;
}

/**
 * Return for each value the sum of those at most `side` steps before and after it along one axis.
 *
 * @param {Float32Array | Float64Array} values
 * @param {number} length  of the axis
 * @param {number} step  from one value to the next along it
 * @param {number} side
 */
function slidingSums(values, length, step, side) {
  const sums = new Float64Array(values.length);
  for (let at = 0; at < values.length; at++) {
    const position = Math.floor(at / step) % length;
    const first = Math.max(-side, -position);
    const last = Math.min(side, length - 1 - position);
    let sum = 0;
    for (let i = first; i <= last; i++) sum += values[at + i * step];
    sums[at] = sum;
  }
  return sums;
}

/**
 * Call `visit` with the index of each value that a response is normalized by.
 *
 * @param {Layer} layer
 * @param {number[]} shape  of the image
 * @param {number} at  index of the value
 * @param {(neighbor: number) => void} visit
 */
export function forEachNeighbor(layer, [height, width, maps], at, visit) {
  const side = (layer.options.neighbors - 1) / 2;
  const map = at % maps;
  if (layer.options.region === "across") {
    const first = at - map;
    const last = Math.min(maps - 1, map + side);
    for (let other = Math.max(0, map - side); other <= last; other++) visit(first + other);
    return;
  }
  const column = Math.floor(at / maps) % width;
  const row = Math.floor(at / maps / width);
  for (let y = Math.max(0, row - side); y <= Math.min(height - 1, row + side); y++) {
    for (let x = Math.max(0, column - side); x <= Math.min(width - 1, column + side); x++) {
      visit((y * width + x) * maps + map);
    }
  }
}
