import assert from "node:assert/strict";
import { test } from "node:test";

import { LAYERS } from "../../cnnzoo/browser/static/engine/layers.js";
import { largestDifference, layer, tensor, window } from "./nets.js";

/** @param {string} kind @param {number[]} shape @param {any[]} inputs @param {any} [options] @param {any} [weights] */
function output(kind, shape, inputs, options = {}, weights = {}) {
  const out = { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
  LAYERS[kind](layer(kind, shape, options, weights), inputs, out);
  return [...out.data];
}

const of = (/** @type {number[]} */ shape, /** @type {number[]} */ ...values) => ({
  shape,
  data: Float32Array.from(values),
});
const ROWS = of([3, 3, 1], 1, 2, 3, 4, 5, 6, 7, 8, 9);

test("pooling counts only what lies within the image", () => {
  const same = window(2, 2, [0, 1, 0, 1]);
  assert.deepEqual(output("max_pooling", [2, 2, 1], [ROWS], same), [5, 6, 8, 9]);
  assert.deepEqual(output("average_pooling", [2, 2, 1], [ROWS], same), [3, 4.5, 7.5, 9]);
  assert.deepEqual(output("max_pooling", [1, 1, 1], [of([2, 2, 1], -4, -3, -2, -5)], window(2, 2)), [-2]);
  const lp = output("lp_pooling", [2, 2, 1], [ROWS], { ...same, p: 2, normalized: false });
  assert.ok(largestDifference(lp, [Math.sqrt(46), Math.sqrt(45), Math.sqrt(113), 9]) < 1e-5);
  const mean = output("lp_pooling", [1, 1, 1], [of([2, 2, 1], 3, -4, 0, 0)], {
    ...window(2, 2),
    p: 2,
    normalized: true,
  });
  assert.deepEqual(mean, [2.5]);
  assert.deepEqual(output("global_average_pooling", [1], [ROWS]), [5]);
  assert.deepEqual(output("global_max_pooling", [2], [of([1, 2, 2], -5, 4, -7, 3)]), [-5, 4]);
});

test("subsampling is the sum of a window, times a coefficient, plus a bias", () => {
  const weights = { coefficient: of([1], 0.5), bias: of([1], 1) };
  assert.deepEqual(output("subsampling", [1, 1, 1], [ROWS], window(2, 2), weights), [7]);
});

test("a dense layer and its reverse are a matrix and its transpose", () => {
  const kernel = of([5, 2], 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  const weights = { kernel, bias: of([2], 0.5, -0.5) };
  assert.deepEqual(output("dense", [2], [of([5], 1, 0, -1, 2, 1)], {}, weights), [19.5, 21.5]);
  assert.deepEqual(output("dense", [2], [of([5], 0, 0, 0, 0, 2)], {}, weights), [18.5, 19.5]);
  assert.deepEqual(
    output("dense", [2, 2], [of([2, 5], 1, 0, 0, 0, 0, 0, 1, 0, 0, 0)], {}, weights),
    [1.5, 1.5, 3.5, 3.5],
  );
  assert.deepEqual(output("transposed_dense", [5], [of([2], 1, -1)], {}, { kernel }), [-1, -1, -1, -1, -1]);
  assert.deepEqual(
    output("principal_components", [2], [of([5], 2, 1, 1, 1, 1)], {}, { kernel, mean: of([5], 1, 1, 1, 1, 1) }),
    [1, 2],
  );
});

test("a radial basis unit is the squared distance to its center", () => {
  const weights = { centers: of([2, 2], 1, 1, -1, 0) };
  assert.deepEqual(output("radial_basis", [2], [of([2], 1, -1)], { negate: false }, weights), [4, 5]);
  assert.deepEqual(output("radial_basis", [2], [of([2], 1, -1)], { negate: true }, weights), [-4, -5]);
});

test("whitening is the difference from the mean, times a matrix", () => {
  const weights = { mean: of([2], 1, 1), matrix: of([2, 2], 2, 0, 1, 3) };
  assert.deepEqual(output("whitening", [1, 2, 1], [of([1, 2, 1], 2, 3)], {}, weights), [4, 6]);
});

test("local response normalization divides by its neighbors, across maps and within one", () => {
  const options = { neighbors: 3, alpha: 1, beta: 1, k: 1 };
  const across = output("local_response_normalization", [1, 1, 4], [of([1, 1, 4], 1, 1, 1, 1)], {
    ...options,
    region: "across",
  });
  assert.ok(largestDifference(across, [1 / 3, 1 / 4, 1 / 4, 1 / 3]) < 1e-6);
  const within = output("local_response_normalization", [3, 3, 1], [ROWS], { ...options, region: "within" });
  const sums = [46, 91, 74, 159, 285, 219, 154, 271, 206].map((sum, at) => (at + 1) / (1 + sum));
  assert.ok(largestDifference(within, sums) < 1e-6);
});

test("normalizations have mean 0 and deviation 1, or the scale that is given", () => {
  const normalized = output("layer_normalization", [1, 1, 3], [of([1, 1, 3], 1, 2, 3)], { epsilon: 0 });
  assert.ok(largestDifference(normalized, [-Math.sqrt(1.5), 0, Math.sqrt(1.5)]) < 1e-6);
  const weights = { scale: of([2], 2, 3), offset: of([2], 0, 1) };
  assert.deepEqual(output("scale", [1, 2, 2], [of([1, 2, 2], 1, 1, 2, 2)], {}, weights), [2, 4, 4, 7]);
});

test("values are moved, joined and repeated", () => {
  const a = of([1, 2, 1], 1, 2);
  const b = of([1, 2, 1], 3, 5);
  const by = (/** @type {string} */ name) => output("merge", [1, 2, 1], [a, b], { by: name });
  assert.deepEqual(by("add"), [4, 7]);
  assert.deepEqual(by("subtract"), [-2, -3]);
  assert.deepEqual(by("multiply"), [3, 10]);
  assert.deepEqual(by("average"), [2, 3.5]);
  assert.deepEqual(by("maximum"), [3, 5]);
  assert.deepEqual(by("minimum"), [1, 2]);
  assert.deepEqual(output("concatenate", [1, 2, 2], [a, b], { axis: 2 }), [1, 3, 2, 5]);
  assert.deepEqual(output("concatenate", [1, 4, 1], [a, b], { axis: 1 }), [1, 2, 3, 5]);
  assert.deepEqual(output("permute", [2, 1, 1], [of([1, 2, 1], 7, 8)], { axes: [1, 0, 2] }), [7, 8]);
  assert.deepEqual(output("permute", [3, 2], [of([2, 3], 1, 2, 3, 4, 5, 6)], { axes: [1, 0] }), [1, 4, 2, 5, 3, 6]);
  assert.deepEqual(output("padding", [2, 3, 1], [a], { padding: [1, 0, 0, 1] }), [0, 0, 0, 1, 2, 0]);
  const background = { padding: [0, 1, 1, 0], value: -1 };
  assert.deepEqual(output("padding", [2, 3, 1], [a], background), [-1, 1, 2, -1, -1, -1]);
  assert.deepEqual(output("cropping", [2, 1, 1], [ROWS], { cropping: [1, 0, 2, 0] }), [6, 9]);
  assert.deepEqual(output("up_sampling", [2, 4, 1], [a], { size: [2, 2] }), [1, 1, 2, 2, 1, 1, 2, 2]);
  assert.deepEqual(output("reshape", [2], [a]), [1, 2]);
  assert.deepEqual(output("identity", [1, 2, 1], [a, b], { input: 1 }), [3, 5]);
  assert.deepEqual(output("activation", [1, 2, 1], [of([1, 2, 1], -1, 2)], { activation: "relu" }), [0, 2]);
});

test("the mean of a Gaussian code is a dense layer's", () => {
  const weights = { kernel: tensor([3, 2], 5), bias: tensor([2], 6) };
  const inputs = [tensor([3], 7)];
  assert.deepEqual(output("gaussian_code", [2], inputs, {}, weights), output("dense", [2], inputs, {}, weights));
});
