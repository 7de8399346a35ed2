/**
 * Pooling: one number for each window of each map.
 *
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./payload.js").Tensor} Tensor
 * @typedef {import("./windows.js").Window} Window
 */
import { activate } from "./activations.js";
import { spansOf } from "./windows.js";

/**
 * Call `pool` for each window of each map, with the part of it that lies within the image.
 *
 * @param {Layer} layer
 * @param {Tensor} image
 * @param {Tensor} out  gets what `pool` returns
 * @param {(first: number, rows: number, columns: number, map: number) => number} pool  first: index of the upper left
 *   value; the next one to the right is as many values further as there are maps
 */
function poolWindows(layer, image, out, pool) {
  const window = /** @type {Window} */ (layer.options);
  const [height, width, maps] = image.shape;
  const [rows, columns] = out.shape;
  const [rowSpans, columnSpans] = [spansOf(window, 0, rows, height), spansOf(window, 1, columns, width)];
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const across = columnSpans[column];
      const along = rowSpans[row];
      const first = ((along.start + along.first) * width + across.start + across.first) * maps;
      for (let map = 0; map < maps; map++) {
        out.data[at++] = pool(first + map, along.last - along.first, across.last - across.first, map);
      }
    }
  }
}

/**
 * Return the sum of a window.
 *
 * @param {Tensor} image
 * @param {number} first
 * @param {number} rows
 * @param {number} columns
 */
function sumOfWindow({ data, shape: [, width, maps] }, first, rows, columns) {
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) sum += data[first + (i * width + j) * maps];
  }
  return sum;
}

/**
 * The largest value of each window.
 *
 * @param {Layer} layer
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function maxPooling(layer, [image], out) {
  const [, width, maps] = image.shape;
  const { data } = image;
  poolWindows(layer, image, out, (first, rows, columns) => {
    let largest = -Infinity;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const value = data[first + (i * width + j) * maps];
        if (value > largest) largest = value;
      }
    }
    return largest;
  });
}

/**
 * The mean of each window; values beyond the image do not count.
 *
 * @param {Layer} layer
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function averagePooling(layer, [image], out) {
  poolWindows(layer, image, out, (first, rows, columns) => sumOfWindow(image, first, rows, columns) / (rows * columns));
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
  const powers = { shape: image.shape, data: image.data.map((value) => Math.abs(value) ** p) };
  poolWindows(layer, image, out, (first, rows, columns) => {
    const sum = sumOfWindow(powers, first, rows, columns);
    return (normalized ? sum / (rows * columns) : sum) ** (1 / p);
  });
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
  poolWindows(layer, image, out, (first, rows, columns, map) => {
    return sumOfWindow(image, first, rows, columns) * coefficient[map] + bias[map];
  });
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
