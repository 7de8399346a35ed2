/**
 * Layers without arithmetic, or with hardly any: they move values, or join them.
 *
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./payload.js").Tensor} Tensor
 */
import { activate } from "./activations.js";

/**
 * The same values: a layer that only trains, such as dropout, or another shape, as flattening gives.
 *
 * @param {Layer} layer
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function copyValues(layer, inputs, out) {
  out.data.set(inputs[layer.options.input ?? 0].data);
}

/**
 * An activation by itself.
 *
 * @param {Layer} layer
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function activationLayer(layer, [values], out) {
  out.data.set(values.data);
  activate(layer, out.data);
}

/**
 * A border of zeros, or of another value, around each map.
 *
 * @param {Layer} layer  options.padding: rows above and below, columns left and right; options.value
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function constantPadding(layer, [image], out) {
  const [top, , left] = layer.options.padding;
  out.data.fill(layer.options.value ?? 0);
  copyRows(image, 0, 0, out, top, left, image.shape[0], image.shape[1]);
}

/**
 * Each map without its border.
 *
 * @param {Layer} layer  options.cropping: rows above and below, columns left and right
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function cropping(layer, [image], out) {
  const [top, , left] = layer.options.cropping;
  copyRows(image, top, left, out, 0, 0, out.shape[0], out.shape[1]);
}

/**
 * @param {Tensor} image @param {number} top @param {number} left
 * @param {Tensor} out @param {number} toTop @param {number} toLeft
 * @param {number} rows @param {number} columns
 */
function copyRows(image, top, left, out, toTop, toLeft, rows, columns) {
  const maps = image.shape[2];
  for (let row = 0; row < rows; row++) {
    const from = ((top + row) * image.shape[1] + left) * maps;
    out.data.set(image.data.subarray(from, from + columns * maps), ((toTop + row) * out.shape[1] + toLeft) * maps);
  }
}

/**
 * Each value repeated over a window.
 *
 * @param {Layer} layer  options.size: rows and columns of the window
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function upSampling(layer, [image], out) {
  const [tall, wide] = layer.options.size;
  const [rows, columns, maps] = out.shape;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (Math.floor(row / tall) * image.shape[1] + Math.floor(column / wide)) * maps;
      out.data.set(image.data.subarray(from, from + maps), (row * columns + column) * maps);
    }
  }
}

/** @type {Record<string, (a: number, b: number) => number>} */
const MERGES = {
  add: (a, b) => a + b,
  average: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  maximum: Math.max,
  minimum: Math.min,
};

/**
 * Several tensors of one shape, value by value.
 *
 * @param {Layer} layer  options.by: the name of the operation
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function merge(layer, inputs, out) {
  const combine = MERGES[layer.options.by];
  const divisor = layer.options.by === "average" ? inputs.length : 1;
  for (let at = 0; at < out.data.length; at++) {
    let value = inputs[0].data[at];
    for (let i = 1; i < inputs.length; i++) value = combine(value, inputs[i].data[at]);
    out.data[at] = value / divisor;
  }
}

/**
 * Several tensors, one behind the other along an axis.
 *
 * @param {Layer} layer  options.axis: from 0, the batch not counted
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function concatenate(layer, inputs, out) {
  const length = (/** @type {number[]} */ shape) => shape.slice(layer.options.axis).reduce((a, b) => a * b, 1);
  let offset = 0;
  for (const input of inputs) {
    const run = length(input.shape);
    for (let block = 0; block * run < input.data.length; block++) {
      out.data.set(input.data.subarray(block * run, (block + 1) * run), block * length(out.shape) + offset);
    }
    offset += run;
  }
}

/**
 * The same values with their axes in another order.
 *
 * @param {Layer} layer  options.axes: for each axis of the output, that of the input
 * @param {Tensor[]} inputs
 * @param {Tensor} out
 */
export function permute(layer, [values], out) {
  /** @type {number[]} */
  const axes = layer.options.axes;
  const steps = values.shape.map((_, axis) => values.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  for (let at = 0; at < out.data.length; at++) {
    let rest = at;
    let from = 0;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      from += (rest % out.shape[axis]) * steps[axes[axis]];
      rest = Math.floor(rest / out.shape[axis]);
    }
    out.data[at] = values.data[from];
  }
}
