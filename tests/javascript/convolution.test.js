import assert from "node:assert/strict";
import { test } from "node:test";

import {
  convolution,
  depthwiseConvolution,
  locallyConnected,
  partiallyConnected,
  transposedConvolution,
} from "../../cnnzoo/browser/static/engine/convolution.js";
import { largestDifference, layer, tensor, window } from "./nets.js";

/** The definition: a sum over all of the image, of which only what lies in the window has a weight. */
function byDefinition({ options, weights }, image, shape) {
  const [rows, columns, maps] = shape;
  const [height, width, channels] = image.shape;
  const [tall, wide, depth] = weights.kernel.shape;
  const out = [];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let map = 0; map < maps; map++) {
        let sum = weights.bias.data[map];
        const group = Math.floor(map / (maps / (options.groups ?? 1)));
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++)
            for (let channel = 0; channel < channels; channel++) {
              const i = (y - row * options.strides[0] + options.padding[0]) / options.dilation[0];
              const j = (x - column * options.strides[1] + options.padding[2]) / options.dilation[1];
              const inside = Number.isInteger(i) && Number.isInteger(j) && i >= 0 && j >= 0 && i < tall && j < wide;
              if (!inside || Math.floor(channel / depth) !== group) continue;
              sum +=
                image.data[(y * width + x) * channels + channel] *
                weights.kernel.data[((i * wide + j) * depth + (channel % depth)) * maps + map];
            }
        out.push(sum);
      }
  return out;
}

/** @param {any} made @param {Function} compute @param {any[]} inputs */
function computed(made, compute, inputs) {
  const out = { shape: made.shape, data: new Float32Array(made.shape.reduce((a, b) => a * b, 1)) };
  compute(made, inputs, out);
  return out.data;
}

const CASES = [
  ["plain", window(3), [5, 6, 7], 1],
  ["with strides and padding", window(3, 2, [1, 0, 1, 1]), [4, 4, 7], 1],
  ["dilated", window(2, 1, [1, 1, 0, 0], 3), [6, 5, 7], 1],
  ["in groups", window(3, 1, [1, 1, 1, 1]), [7, 8, 6], 2],
];

for (const [name, options, shape, groups] of CASES) {
  test(`a convolution ${name} is its definition`, () => {
    const image = tensor([7, 8, 4], 11);
    image.data[5] = 0;
    const kernel = tensor([options.size[0], options.size[1], 4 / groups, shape[2]], 12);
    const made = layer("convolution", shape, { ...options, groups }, { kernel, bias: tensor([shape[2]], 13) });
    assert.ok(largestDifference(computed(made, convolution, [image]), byDefinition(made, image, shape)) < 1e-5);
  });
}

test("the transpose of a convolution is its adjoint: ⟨Kx, y⟩ = ⟨x, Kᵀy⟩", () => {
  for (const [options, size] of [
    [window(3, 2, [0, 1, 0, 1]), 4],
    [window(3, 1), 6],
    [window(2, 3, [0, 0, 0, 0]), 3],
  ]) {
    const x = tensor([8, 8, 3], 21);
    const y = tensor([size, size, 5], 22);
    const kernel = tensor([options.size[0], options.size[1], 3, 5], 23);
    const forth = computed(layer("convolution", y.shape, options, { kernel }), convolution, [x]);
    const back = computed(layer("transposed_convolution", x.shape, options, { kernel }), transposedConvolution, [y]);
    const product = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);
    assert.ok(Math.abs(product(forth, y.data) - product(x.data, back)) < 1e-4);
  }
});

test("a partially connected convolution is one whose kernel is 0 where the table has no link", () => {
  const image = tensor([6, 5, 3], 31);
  const connections = [[0, 1], [2], [0, 1, 2]];
  const kernel = tensor([2, 2, 6], 32);
  const full = { shape: [2, 2, 3, 3], data: new Float32Array(36) };
  let link = 0;
  connections.forEach((sources, map) => {
    for (const source of sources) {
      for (let at = 0; at < 4; at++) full.data[(at * 3 + source) * 3 + map] = kernel.data[at * 6 + link];
      link++;
    }
  });
  const bias = tensor([3], 33);
  const partial = layer("partially_connected", [5, 4, 3], { ...window(2), connections }, { kernel, bias });
  const made = layer("convolution", [5, 4, 3], window(2), { kernel: full, bias });
  assert.ok(
    largestDifference(computed(partial, partiallyConnected, [image]), byDefinition(made, image, [5, 4, 3])) < 1e-5,
  );
});

test("a unit of a partially connected convolution may have a bias of its own", () => {
  const image = tensor([6, 5, 2], 35);
  const weights = { kernel: tensor([2, 2, 3], 36), bias: tensor([5, 4, 2], 37) };
  const options = { ...window(2), connections: [[0, 1], [1]] };
  const without = layer("partially_connected", [5, 4, 2], options, { ...weights, bias: tensor([2], 0) });
  without.weights.bias.data.fill(0);
  const expected = computed(without, partiallyConnected, [image]).map((sum, at) => sum + weights.bias.data[at]);
  const own = layer("partially_connected", [5, 4, 2], options, weights);
  assert.ok(largestDifference(computed(own, partiallyConnected, [image]), expected) < 1e-6);
});

test("without shared weights it is the same where all positions have one kernel", () => {
  const image = tensor([5, 5, 2], 41);
  const kernel = tensor([3, 3, 2, 4], 42);
  const bias = tensor([4], 43);
  const repeated = {
    shape: [3, 3, 3, 3, 2, 4],
    data: Float32Array.from({ length: 9 * 72 }, (_, at) => kernel.data[at % 72]),
  };
  const biases = { shape: [3, 3, 4], data: Float32Array.from({ length: 36 }, (_, at) => bias.data[at % 4]) };
  const local = layer("locally_connected", [3, 3, 4], window(3), { kernel: repeated, bias: biases });
  const shared = layer("convolution", [3, 3, 4], window(3), { kernel, bias });
  assert.ok(
    largestDifference(computed(local, locallyConnected, [image]), computed(shared, convolution, [image])) < 1e-6,
  );
});

test("a depthwise convolution is one in as many groups as there are maps", () => {
  const image = tensor([5, 6, 3], 51);
  const kernel = tensor([2, 3, 3, 2], 52);
  const bias = tensor([6], 53);
  const options = { ...window(2, 1, [1, 0, 0, 1]), size: [2, 3] };
  const grouped = layer(
    "convolution",
    [5, 5, 6],
    { ...options, groups: 3 },
    { kernel: { ...kernel, shape: [2, 3, 1, 6] }, bias },
  );
  const deep = layer("depthwise_convolution", [5, 5, 6], { ...options, multiplier: 2 }, { kernel, bias });
  assert.ok(
    largestDifference(computed(deep, depthwiseConvolution, [image]), byDefinition(grouped, image, [5, 5, 6])) < 1e-5,
  );
});
