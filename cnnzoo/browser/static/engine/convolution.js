/**
 * Convolutions, written as loops: for each position of the window, for each output map, for each value in the window.
 *
 * Sums are kept in double precision, outputs in single.
 *
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./payload.js").Tensor} Tensor
 * @typedef {import("./windows.js").Window} Window
 */
import { activate } from "./activations.js";
import { spansOf } from "./windows.js";

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
  const { kernel, bias } = layer.weights;
  const groups = layer.options.groups ?? 1;
  for (let group = 0; group < groups; group++) convolve(layer, image, kernel, bias, out, group, groups);
  activate(layer, out.data);
}

/**
 * Write the sums of one group of output maps.
 *
 * At each position, what the window holds is laid out in a row first: `held` values, each with the place of its weights
 * in the kernel. What is 0 is left out, as are the zeros of the padding: they add nothing.
 *
 * @param {Layer} layer
 * @param {Tensor} image
 * @param {Tensor} kernel
 * @param {Tensor | undefined} bias
 * @param {Tensor} out
 * @param {number} group
 * @param {number} groups
 */
function convolve(layer, image, kernel, bias, out, group, groups) {
  const window = /** @type {Window} */ (layer.options);
  const [height, width, channels] = image.shape;
  const [rows, columns, maps] = out.shape;
  const depth = channels / groups; // input maps of a group
  const first = (group * maps) / groups; // its output maps
  const last = first + maps / groups;
  const pixels = image.data;
  const [tall, wide] = window.size;
  const [down, right] = window.dilation;
  const values = new Float64Array(tall * wide * depth);
  const places = new Int32Array(values.length);
  const [rowSpans, columnSpans] = [spansOf(window, 0, rows, height), spansOf(window, 1, columns, width)];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const across = columnSpans[column];
      const along = rowSpans[row];
      let held = 0;
      for (let i = along.first; i < along.last; i++) {
        for (let j = across.first; j < across.last; j++) {
          const pixel = ((along.start + i * down) * width + across.start + j * right) * channels + group * depth;
          const place = (i * wide + j) * depth;
          for (let channel = 0; channel < depth; channel++) {
            const value = pixels[pixel + channel];
            if (value === 0) continue;
            values[held] = value;
            places[held++] = (place + channel) * maps;
          }
        }
      }
      sumProducts(values, places, held, kernel.data, bias, out.data, (row * columns + column) * maps, first, last);
    }
  }
}

/**
 * Sum the products of values and weights for the output maps from `first` to before `last`, eight maps at a time:
 * sums that are kept in the processor's registers are many times as fast as sums in an array.
 *
 * @param {Float64Array} values
 * @param {Int32Array} places  of each value's weights in the kernel, which has one for each output map there
 * @param {number} held  how many values there are
 * @param {Float32Array} weights
 * @param {Tensor | undefined} bias
 * @param {Float32Array} out
 * @param {number} at  where the outputs of this position start
 * @param {number} first
 * @param {number} last
 */
function sumProducts(values, places, held, weights, bias, out, at, first, last) {
  let map = first;
  for (; map + 8 <= last; map += 8) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let s4 = 0;
    let s5 = 0;
    let s6 = 0;
    let s7 = 0;
    for (let k = 0; k < held; k++) {
      const value = values[k];
      const place = places[k] + map;
      s0 += value * weights[place];
      s1 += value * weights[place + 1];
      s2 += value * weights[place + 2];
      s3 += value * weights[place + 3];
      s4 += value * weights[place + 4];
      s5 += value * weights[place + 5];
      s6 += value * weights[place + 6];
      s7 += value * weights[place + 7];
    }
    out[at + map] = s0;
    out[at + map + 1] = s1;
    out[at + map + 2] = s2;
    out[at + map + 3] = s3;
    out[at + map + 4] = s4;
    out[at + map + 5] = s5;
    out[at + map + 6] = s6;
    out[at + map + 7] = s7;
  }
  for (; map < last; map += 3) {
    const [second, third] = [Math.min(map + 1, last - 1), Math.min(map + 2, last - 1)]; // the last one twice, at the end
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    for (let k = 0; k < held; k++) {
      const value = values[k];
      const place = places[k];
      s0 += value * weights[place + map];
      s1 += value * weights[place + second];
      s2 += value * weights[place + third];
    }
    out[at + map] = s0;
    out[at + second] = s1;
    out[at + third] = s2;
  }
  if (bias) for (map = first; map < last; map++) out[at + map] += bias.data[map];
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
  const [down, right] = window.dilation;
  const [rowSpans, columnSpans] = [spansOf(window, 0, rows, height), spansOf(window, 1, columns, width)];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const across = columnSpans[column];
      const along = rowSpans[row];
      startWith(sums, bias);
      for (let i = along.first; i < along.last; i++) {
        for (let j = across.first; j < across.last; j++) {
          const pixel = ((along.start + i * down) * width + across.start + j * right) * channels;
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
  const [down, right] = window.dilation;
  const [rowSpans, columnSpans] = [spansOf(window, 0, rows, height), spansOf(window, 1, columns, width)];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const across = columnSpans[column];
      const along = rowSpans[row];
      const pixel = (row * columns + column) * channels;
      for (let i = along.first; i < along.last; i++) {
        for (let j = across.first; j < across.last; j++) {
          const target = ((along.start + i * down) * width + across.start + j * right) * maps;
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
  const [rowSpans, columnSpans] = [spansOf(window, 0, rows, height), spansOf(window, 1, columns, width)];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const position = row * columns + column;
      const across = columnSpans[column];
      const along = rowSpans[row];
      startWith(sums, bias, position * maps);
      for (let i = along.first; i < along.last; i++) {
        for (let j = across.first; j < across.last; j++) {
          for (let channel = 0; channel < channels; channel++) {
            const value = image.data[((along.start + i) * width + across.start + j) * channels + channel];
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
 * The convolution of the LeNets: each output map reads only the input maps that a table lists for it.
 *
 * It is computed as a convolution whose kernel is 0 where there is no link, which is faster than to look up each link.
 *
 * @param {Layer} layer  options.connections: for each output map the input maps that it reads. weights: kernel (rows,
 *   columns, links), one kernel for each link of the table, row by row; bias (output maps), or one for each
 *   unit (output rows, output columns, output maps)
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function partiallyConnected(layer, [image], out) {
  const { kernel, bias } = layer.weights;
  const [rows, columns, links] = kernel.shape;
  const channels = image.shape[2];
  const maps = out.shape[2];
  const full = { shape: [rows, columns, channels, maps], data: new Float32Array(rows * columns * channels * maps) };
  let link = 0;
  layer.options.connections.forEach((/** @type {number[]} */ sources, /** @type {number} */ map) => {
    for (const source of sources) {
      for (let position = 0; position < rows * columns; position++) {
        full.data[(position * channels + source) * maps + map] = kernel.data[position * links + link];
      }
      link++;
    }
  });
  convolve(layer, image, full, undefined, out, 0, 1);
  for (let unit = 0; unit < out.data.length; unit++) out.data[unit] += bias.data[unit % bias.data.length];
  activate(layer, out.data);
}
