/**
 * Convolutions, written as loops: for each position of the window, for each value in the window, for each output map.
 *
 * The loop over the output maps is the innermost: it runs along the kernel and the sums in memory, which is fast.
 * Sums are kept in double precision, outputs in single. A value of 0, as paper is and as a ReLU leaves many, adds
 * nothing and is passed over.
 *
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./payload.js").Tensor} Tensor
 * @typedef {import("./windows.js").Window} Window
 */
import { activate } from "./activations.js";
import { stepsInside, windowOf } from "./windows.js";

/** Set all sums to the biases, or to 0. @param {Float64Array} sums @param {Tensor | undefined} bias @param {number} [at] */
function startWith(sums, bias, at = 0) {
  for (let map = 0; map < sums.length; map++) sums[map] = bias ? bias.data[at + map] : 0;
}

/**
 * A convolution: each output map has one kernel, the same at every position.
 *
 * With `groups` the input maps and the output maps are cut into as many parts, and each part of the output sees its
 * part of the input alone.
 *
 * @param {Layer} layer  weights: kernel (rows, columns, input maps of a group, output maps), bias (output maps)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function convolution(layer, [image], out) {
  const window = /** @type {Window} */ (layer.options);
  const groups = layer.options.groups ?? 1;
  const [height, width, channels] = image.shape;
  const [rows, columns, maps] = out.shape;
  const { kernel, bias } = layer.weights;
  const [, kernelColumns, depth] = kernel.shape; // depth: the input maps of a group
  const weights = kernel.data;
  const pixels = image.data;
  const own = maps / groups; // the output maps of a group
  const sums = new Float64Array(maps);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const { top, left } = windowOf(window, row, column);
      const [firstRow, lastRow] = stepsInside(top, window.size[0], window.dilation[0], height);
      const [firstColumn, lastColumn] = stepsInside(left, window.size[1], window.dilation[1], width);
      startWith(sums, bias);
      for (let i = firstRow; i < lastRow; i++) {
        for (let j = firstColumn; j < lastColumn; j++) {
          const pixel = ((top + i * window.dilation[0]) * width + left + j * window.dilation[1]) * channels;
          for (let channel = 0; channel < channels; channel++) {
            const value = pixels[pixel + channel];
            if (value === 0) continue;
            const group = groups === 1 ? 0 : Math.floor(channel / depth);
            const first = group * own;
            const weight = ((i * kernelColumns + j) * depth + channel - group * depth) * maps;
            for (let map = first; map < first + own; map++) sums[map] += value * weights[weight + map];
          }
        }
      }
      out.data.set(sums, (row * columns + column) * maps);
    }
  }
  activate(layer, out.data);
}

/**
 * A depthwise convolution: each input map is convolved by itself, with `multiplier` kernels.
 *
 * @param {Layer} layer  weights: kernel (rows, columns, input maps, multiplier), bias (output maps)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function depthwiseConvolution(layer, [image], out) {
  const window = /** @type {Window} */ (layer.options);
  const multiplier = layer.options.multiplier;
  const [height, width, channels] = image.shape;
  const [rows, columns, maps] = out.shape;
  const { kernel, bias } = layer.weights;
  const sums = new Float64Array(maps);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const { top, left } = windowOf(window, row, column);
      const [firstRow, lastRow] = stepsInside(top, window.size[0], window.dilation[0], height);
      const [firstColumn, lastColumn] = stepsInside(left, window.size[1], window.dilation[1], width);
      startWith(sums, bias);
      for (let i = firstRow; i < lastRow; i++) {
        for (let j = firstColumn; j < lastColumn; j++) {
          const pixel = ((top + i * window.dilation[0]) * width + left + j * window.dilation[1]) * channels;
          const weight = (i * window.size[1] + j) * maps;
          for (let map = 0; map < maps; map++) {
            sums[map] += image.data[pixel + Math.floor(map / multiplier)] * kernel.data[weight + map];
          }
        }
      }
      out.data.set(sums, (row * columns + column) * maps);
    }
  }
  activate(layer, out.data);
}

/**
 * The transpose of a convolution: each value of the input adds the whole kernel, times itself, to a window of the output.
 *
 * `padding` is that of the convolution which it transposes: what falls into it is cut off.
 *
 * @param {Layer} layer  weights: kernel (rows, columns, output maps, input maps), bias (output maps)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function transposedConvolution(layer, [image], out) {
  const window = /** @type {Window} */ (layer.options);
  const [rows, columns, channels] = image.shape;
  const [height, width, maps] = out.shape;
  const { kernel, bias } = layer.weights;
  const sums = new Float64Array(out.data.length);
  for (let at = 0; at < sums.length; at++) sums[at] = bias ? bias.data[at % maps] : 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const { top, left } = windowOf(window, row, column);
      const [firstRow, lastRow] = stepsInside(top, window.size[0], window.dilation[0], height);
      const [firstColumn, lastColumn] = stepsInside(left, window.size[1], window.dilation[1], width);
      const pixel = (row * columns + column) * channels;
      for (let i = firstRow; i < lastRow; i++) {
        for (let j = firstColumn; j < lastColumn; j++) {
          const target = ((top + i * window.dilation[0]) * width + left + j * window.dilation[1]) * maps;
          for (let map = 0; map < maps; map++) {
            const weight = ((i * window.size[1] + j) * maps + map) * channels;
            let sum = 0;
            for (let channel = 0; channel < channels; channel++) {
              sum += image.data[pixel + channel] * kernel.data[weight + channel];
            }
            sums[target + map] += sum;
          }
        }
      }
    }
  }
  out.data.set(sums);
  activate(layer, out.data);
}

/**
 * A convolution without shared weights: each position has kernels and biases of its own.
 *
 * @param {Layer} layer  weights: kernel (output rows, output columns, rows, columns, input maps, output maps), bias
 *   (output rows, output columns, output maps)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function locallyConnected(layer, [image], out) {
  const window = /** @type {Window} */ (layer.options);
  const [height, width, channels] = image.shape;
  const [rows, columns, maps] = out.shape;
  const { kernel, bias } = layer.weights;
  const sums = new Float64Array(maps);
  const kernelSize = window.size[0] * window.size[1] * channels * maps;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const position = row * columns + column;
      const { top, left } = windowOf(window, row, column);
      const [firstRow, lastRow] = stepsInside(top, window.size[0], 1, height);
      const [firstColumn, lastColumn] = stepsInside(left, window.size[1], 1, width);
      startWith(sums, bias, position * maps);
      for (let i = firstRow; i < lastRow; i++) {
        for (let j = firstColumn; j < lastColumn; j++) {
          for (let channel = 0; channel < channels; channel++) {
            const value = image.data[((top + i) * width + left + j) * channels + channel];
            const weight = position * kernelSize + ((i * window.size[1] + j) * channels + channel) * maps;
            for (let map = 0; map < maps; map++) sums[map] += value * kernel.data[weight + map];
          }
        }
      }
      out.data.set(sums, position * maps);
    }
  }
  activate(layer, out.data);
}

/**
 * The convolution of LeNet-5's C3: each output map reads only the input maps that a table lists for it.
 *
 * @param {Layer} layer  options.connections: for each output map the input maps that it reads. weights: kernel (rows,
 *   columns, links), one kernel for each link of the table, row by row; bias (output maps)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function partiallyConnected(layer, [image], out) {
  const [, width, channels] = image.shape;
  const [rows, columns, maps] = out.shape;
  const { kernel, bias } = layer.weights;
  const [kernelRows, kernelColumns, links] = kernel.shape;
  /** @type {number[][]} */
  const connections = layer.options.connections;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let link = 0;
      for (let map = 0; map < maps; map++) {
        let sum = bias.data[map];
        for (const source of connections[map]) {
          for (let i = 0; i < kernelRows; i++) {
            const pixel = ((row + i) * width + column) * channels + source;
            const weight = i * kernelColumns * links + link;
            for (let j = 0; j < kernelColumns; j++) {
              sum += image.data[pixel + j * channels] * kernel.data[weight + j * links];
            }
          }
          link++;
        }
        out.data[(row * columns + column) * maps + map] = sum;
      }
    }
  }
  activate(layer, out.data);
}
