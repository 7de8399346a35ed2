/**
 * Pooling: one number for each window of each map.
 *
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./payload.js").Tensor} Tensor
 * @typedef {import("./windows.js").Window} Window
 */
import { activate } from "./activations.js";
import { stepsInside, windowOf } from "./windows.js";

/**
 * Call `pool` for each output with what its window holds; values beyond the image are not in it.
 *
 * @param {Layer} layer
 * @param {Tensor} image
 * @param {Tensor} out
 * @param {number} start  what `step` starts with
 * @param {(sofar: number, value: number) => number} step
 * @param {(total: number, count: number, map: number) => number} end
 */
function pool(layer, image, out, start, step, end) {
  const window = /** @type {Window} */ (layer.options);
  const [height, width, maps] = image.shape;
  const [rows, columns] = out.shape;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const { top, left } = windowOf(window, row, column);
      const [firstRow, lastRow] = stepsInside(top, window.size[0], 1, height);
      const [firstColumn, lastColumn] = stepsInside(left, window.size[1], 1, width);
      const count = (lastRow - firstRow) * (lastColumn - firstColumn);
      for (let map = 0; map < maps; map++) {
        let total = start;
        for (let i = firstRow; i < lastRow; i++) {
          for (let j = firstColumn; j < lastColumn; j++) {
            total = step(total, image.data[((top + i) * width + left + j) * maps + map]);
          }
        }
        out.data[(row * columns + column) * maps + map] = end(total, count, map);
      }
    }
  }
}

/**
 * The largest value of each window.
 *
 * @param {Layer} layer
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function maxPooling(layer, [image], out) {
  pool(layer, image, out, -Infinity, (largest, value) => (value > largest ? value : largest), (largest) => largest);
}

/**
 * The mean of each window; values beyond the image do not count.
 *
 * @param {Layer} layer
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function averagePooling(layer, [image], out) {
  pool(layer, image, out, 0, (sum, value) => sum + value, (sum, count) => sum / count);
}

/**
 * (1/N Σ |x|ᵖ)^(1/p) of each window, or without 1/N where `normalized` is false.
 *
 * @param {Layer} layer
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function lpPooling(layer, [image], out) {
  const { p, normalized } = layer.options;
  const root = (/** @type {number} */ sum, /** @type {number} */ count) => (normalized ? sum / count : sum) ** (1 / p);
  pool(layer, image, out, 0, (sum, value) => sum + Math.abs(value) ** p, root);
}

/**
 * The subsampling of LeNet-5: the sum of each window, times one coefficient a map, plus one bias a map.
 *
 * @param {Layer} layer  weights: coefficient (maps), bias (maps)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function subsampling(layer, [image], out) {
  const coefficient = layer.weights.coefficient.data;
  const bias = layer.weights.bias.data;
  pool(layer, image, out, 0, (sum, value) => sum + value, (sum, _, map) => sum * coefficient[map] + bias[map]);
  activate(layer, out.data);
}

/**
 * The mean of each map.
 *
 * @param {Layer} layer
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function globalAveragePooling(layer, [image], out) {
  const maps = image.shape[2];
  const positions = image.data.length / maps;
  for (let map = 0; map < maps; map++) {
    let sum = 0;
    for (let at = map; at < image.data.length; at += maps) sum += image.data[at];
    out.data[map] = sum / positions;
  }
}

/**
 * The largest value of each map.
 *
 * @param {Layer} layer
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function globalMaxPooling(layer, [image], out) {
  const maps = image.shape[2];
  out.data.fill(-Infinity);
  for (let at = 0; at < image.data.length; at++) {
    out.data[at % maps] = Math.max(out.data[at % maps], image.data[at]);
  }
}
