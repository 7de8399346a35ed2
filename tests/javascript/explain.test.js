import assert from "node:assert/strict";
import { test } from "node:test";

import { coordinates, explain, windowFormula } from "../../cnnzoo/browser/static/engine/explain.js";
import { forward } from "../../cnnzoo/browser/static/engine/forward.js";
import { LAYERS } from "../../cnnzoo/browser/static/engine/layers.js";
import { receptiveField } from "../../cnnzoo/browser/static/engine/receptive_field.js";
import { layer, model, numbers, smallNet, tensor, window } from "./nets.js";

/** Nets of one layer, so that there is one of each kind. */
function nets() {
  const sevens = [7, 6, 4];
  const weights = { kernel: tensor([3, 3, 4, 6], 1), bias: tensor([6], 2) };
  const same = window(3, 2, [1, 1, 0, 1]);
  /** @type {[number[], any][]} */
  const alone = [
    [sevens, layer("convolution", [4, 3, 6], { ...same, activation: "softmax" }, weights)],
    [sevens, layer("convolution", [4, 3, 6], { ...same, groups: 2 }, { kernel: tensor([3, 3, 2, 6], 3) })],
    [
      sevens,
      layer(
        "depthwise_convolution",
        [4, 3, 8],
        { ...same, multiplier: 2 },
        { kernel: tensor([3, 3, 4, 2], 4), bias: tensor([8], 5) },
      ),
    ],
    [
      [4, 3, 6],
      layer(
        "transposed_convolution",
        sevens,
        { ...same, activation: "tanh" },
        { kernel: tensor([3, 3, 4, 6], 6), bias: tensor([4], 7) },
      ),
    ],
    [
      sevens,
      layer("locally_connected", [4, 3, 2], same, {
        kernel: tensor([4, 3, 3, 3, 4, 2], 8),
        bias: tensor([4, 3, 2], 9),
      }),
    ],
    [sevens, layer("max_pooling", [4, 3, 4], same)],
    [sevens, layer("average_pooling", [4, 3, 4], same)],
    [sevens, layer("lp_pooling", [4, 3, 4], { ...same, p: 3, normalized: true })],
    [
      sevens,
      layer(
        "subsampling",
        [3, 3, 4],
        { ...window(2, 2), activation: "scaled_tanh" },
        { coefficient: tensor([4], 1), bias: tensor([4], 2) },
      ),
    ],
    [sevens, layer("global_average_pooling", [4])],
    [sevens, layer("global_max_pooling", [4])],
    [[7], layer("dense", [5], { activation: "gelu" }, { kernel: tensor([7, 5], 1), bias: tensor([5], 2) })],
    [[7], layer("gaussian_code", [5], {}, { kernel: tensor([7, 5], 1), bias: tensor([5], 2) })],
    [[5], layer("transposed_dense", [7], {}, { kernel: tensor([7, 5], 1), bias: tensor([7], 2) })],
    [[7], layer("principal_components", [3], {}, { kernel: tensor([7, 3], 1), mean: tensor([7], 2) })],
    [[84], layer("radial_basis", [3], { negate: true }, { centers: tensor([3, 84], 1) })],
    [[2, 2, 1], layer("whitening", [2, 2, 1], {}, { matrix: tensor([4, 4], 1), mean: tensor([4], 2) })],
    [sevens, layer("scale", sevens, {}, { scale: tensor([4], 1), offset: tensor([4], 2) })],
    [sevens, layer("layer_normalization", sevens, { epsilon: 0.001 }, { gamma: tensor([4], 1), beta: tensor([4], 2) })],
    [
      sevens,
      layer("local_response_normalization", sevens, { neighbors: 3, alpha: 0.2, beta: 0.75, k: 2, region: "within" }),
    ],
    [sevens, layer("merge", sevens, { by: "add" })],
    [sevens, layer("concatenate", sevens, { axis: 2 })],
    [sevens, layer("reshape", [168])],
    [sevens, layer("permute", [4, 7, 6], { axes: [2, 0, 1] })],
    [sevens, layer("padding", [9, 7, 4], { padding: [1, 1, 1, 0] })],
    [sevens, layer("padding", [9, 7, 4], { padding: [1, 1, 1, 0], value: -1 })],
    [
      sevens,
      layer(
        "partially_connected",
        [3, 3, 2],
        { ...window(2, 2), connections: [[0, 3], [1]] },
        { kernel: tensor([2, 2, 3], 1), bias: tensor([3, 3, 2], 2) },
      ),
    ],
    [sevens, layer("cropping", [5, 5, 4], { cropping: [1, 1, 1, 0] })],
    [sevens, layer("up_sampling", [14, 18, 4], { size: [2, 3] })],
    [sevens, layer("activation", sevens, { activation: "softmax" })],
    [sevens, layer("identity", sevens)],
  ];
  return [smallNet(), ...alone.map(([shape, each]) => model(shape, [[each.kind, each]]))];
}

test("an explanation's terms make the number that is shown, in each kind of layer", () => {
  const kinds = new Set();
  for (const net of nets()) {
    const values = forward(
      net,
      numbers(
        net.input.shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1),
        5,
      ),
    );
    for (const { name, kind } of net.layers) {
      kinds.add(kind);
      const { data } = /** @type {any} */ (values.get(name));
      for (let index = 0; index < data.length; index++) {
        const found = explain(net, values, name, index);
        assert.ok(Math.abs(found.value - data[index]) < 1e-5, `${kind} ${index}: ${found.value}, not ${data[index]}`);
        assert.ok(found.sentence.endsWith(".") && !found.sentence.includes("NaN"), found.sentence);
      }
    }
  }
  assert.deepEqual(kinds, new Set(Object.keys(LAYERS)));
});

test("an explanation says which pixel won, which maps are read, and which bitmap is compared with", () => {
  const net = smallNet();
  const values = forward(net, numbers(144, 5));
  const pooled = explain(net, values, "pool", 3);
  assert.equal(pooled.terms.length, 4);
  assert.equal(pooled.terms[pooled.winner ?? -1].input, Math.max(...pooled.terms.map(({ input }) => input)));
  assert.deepEqual(explain(net, values, "table", 1).reads, [1, 2, 3]);
  assert.deepEqual(explain(net, values, "table", 1).terms[0].at, [0, 0, 1]);
  const rbf = model([84], [["output", layer("radial_basis", [2], { negate: true }, { centers: tensor([2, 84], 1) })]]);
  const { bitmap } = explain(rbf, forward(rbf, numbers(84)), "output", 1);
  assert.deepEqual([bitmap?.height, bitmap?.width, bitmap?.data.length], [12, 7, 84]);
});

test("the zeros of the padding are terms, outside of the image", () => {
  const net = smallNet();
  const { terms, window: seen } = explain(net, forward(net, numbers(144, 5)), "conv", 0);
  assert.deepEqual(seen, { top: -1, left: -1, height: 3, width: 3 });
  assert.deepEqual(terms.filter(({ index }) => index < 0).length, 10);
  assert.deepEqual(terms[0].at, [-1, -1, 0]);
});

test("what a person has set is said to be set", () => {
  const net = smallNet();
  const changes = { silenced: { conv: [1] }, set: { code: { 2: 0.5 } } };
  const values = forward(net, numbers(144, 5), { changes });
  assert.equal(explain(net, values, "conv", 1, changes).value, 0);
  assert.equal(explain(net, values, "code", 2, changes).silenced, true);
  assert.equal(explain(net, values, "code", 1, changes).silenced, false);
  assert.throws(() => explain(net, values, "none", 0), /no layer none/);
});

test("a receptive field is what changes a number when it changes", () => {
  const chains = [
    smallNet(),
    model(
      [8, 8, 1],
      [
        ["conv", layer("convolution", [4, 4, 2], window(3, 2, [0, 1, 0, 1]), { kernel: tensor([3, 3, 1, 2], 1) })],
        [
          "back",
          layer("transposed_convolution", [8, 8, 1], window(3, 2, [0, 1, 0, 1]), { kernel: tensor([3, 3, 1, 2], 2) }),
        ],
        ["crop", layer("cropping", [6, 7, 1], { cropping: [1, 1, 0, 1] })],
      ],
    ),
    model(
      [6, 6, 1],
      [
        ["pad", layer("padding", [8, 8, 1], { padding: [1, 1, 1, 1] })],
        [
          "norm",
          layer("local_response_normalization", [8, 8, 1], { neighbors: 3, alpha: 1, beta: 1, k: 1, region: "within" }),
        ],
        ["up", layer("up_sampling", [16, 16, 1], { size: [2, 2] })],
        ["pool", layer("average_pooling", [7, 7, 1], window(3, 2))],
      ],
    ),
  ];
  for (const net of chains) {
    const [height, width, channels] = net.input.shape;
    const input = numbers(height * width * channels, 5);
    const before = forward(net, input);
    /** For each number, the pixels that change it. @type {Map<string, number[][]>} */
    const seen = new Map();
    for (let pixel = 0; pixel < height * width; pixel++) {
      const changed = input.slice();
      for (let channel = 0; channel < channels; channel++) changed[pixel * channels + channel] += 3.7;
      const after = forward(net, changed);
      for (const { name, shape } of net.layers) {
        if (shape.length !== 3) continue;
        const old = /** @type {any} */ (before.get(name)).data;
        /** @type {any} */ (after.get(name)).data.forEach(
          (/** @type {number} */ value, /** @type {number} */ index) => {
            if (value === old[index]) return;
            const [row, column] = coordinates(shape, index);
            const key = `${name} ${row} ${column}`;
            seen.set(key, [...(seen.get(key) ?? []), [Math.floor(pixel / width), pixel % width]]);
          },
        );
      }
    }
    for (const [key, pixels] of seen) {
      const [name, row, column] = key.split(" ");
      const { top, left, height: tall, width: wide } = receptiveField(net, name, Number(row), Number(column));
      for (const [y, x] of pixels) {
        assert.ok(y >= top && y < top + tall && x >= left && x < left + wide, `${key}: ${y}, ${x}`);
      }
      // All of the field counts but where a maximum hides it or a stride leaves pixels out.
      const exact = name === "conv" || name === "norm" || name === "table";
      if (exact && net.layers[0].kind === "convolution" && name === "conv") assert.equal(pixels.length > 0, true);
      const rows = pixels.map(([y]) => y);
      if (name === "conv") assert.deepEqual([Math.min(...rows), Math.max(...rows)], [top, top + tall - 1], key);
    }
  }
});

test("the formula has the layer's numbers", () => {
  const net = smallNet();
  assert.equal(windowFormula(net, "conv")?.[0].text, "1 + (9 − 3 + 2·1)/1 = 9");
  assert.equal(windowFormula(net, "pool")?.[0].text, "1 + (9 − 2 + 2·0)/2 = 4.5, rounded down to 4");
  assert.equal(windowFormula(net, "code"), null);
});
