/** Nets and numbers for tests. */

/** Numbers from −1 to 1 that are the same each time. @param {number} count @param {number} [seed] */
export function numbers(count, seed = 1) {
  let state = seed * 7919 + 1;
  return Float32Array.from({ length: count }, () => {
    state = (state * 16807) % 2147483647;
    return (state / 2147483647) * 2 - 1;
  });
}

/** @param {number[]} shape @param {number} [seed] */
export function tensor(shape, seed = 1) {
  return {
    shape,
    data: numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
  };
}

/** @param {string} kind @param {number[]} shape @param {any} [options] @param {any} [weights] */
export function layer(kind, shape, options = {}, weights = {}) {
  return {
    name: kind,
    layer: kind,
    class: kind,
    kind,
    inputs: ["images"],
    shape,
    parameters: 0,
    multiply_adds: 0,
    options,
    weights,
  };
}

/** A window's options. @param {number} size @param {number} [stride] @param {number[]} [padding] @param {number} [dilation] */
export function window(size, stride = 1, padding = [0, 0, 0, 0], dilation = 1) {
  return { size: [size, size], strides: [stride, stride], padding, dilation: [dilation, dilation] };
}

/** A chain of layers as a model. @param {number[]} input @param {[string, any][]} chain @returns {any} */
export function model(input, chain) {
  let before = "images";
  const layers = chain.map(([name, each]) => {
    const named = { ...each, name, layer: name, inputs: [before] };
    before = name;
    return named;
  });
  const byName = new Map(layers.map((each) => [each.name, each]));
  const taken = { name: "images", shape: input, pixels: input, preprocess: [], python: "", ink: null };
  return { name: "net", title: "net", kind: "classifier", input: taken, layers, byName, output: before, code: null };
}

/** A small net with a window of each sort, which ends in three probabilities. */
export function smallNet() {
  return model(
    [9, 8, 2],
    [
      [
        "conv",
        layer(
          "convolution",
          [9, 8, 4],
          { ...window(3, 1, [1, 1, 1, 1]), activation: "tanh" },
          { kernel: tensor([3, 3, 2, 4], 2), bias: tensor([4], 3) },
        ),
      ],
      [
        "norm",
        layer("local_response_normalization", [9, 8, 4], {
          neighbors: 3,
          alpha: 0.3,
          beta: 0.75,
          k: 1,
          region: "across",
        }),
      ],
      ["pool", layer("max_pooling", [4, 4, 4], window(2, 2))],
      [
        "table",
        layer(
          "partially_connected",
          [3, 3, 2],
          {
            ...window(2),
            connections: [
              [0, 2],
              [1, 2, 3],
            ],
          },
          { kernel: tensor([2, 2, 5], 4), bias: tensor([2], 5) },
        ),
      ],
      ["flat", layer("reshape", [18])],
      ["code", layer("dense", [4], { activation: "sigmoid" }, { kernel: tensor([18, 4], 6), bias: tensor([4], 7) })],
      ["output", layer("dense", [3], { activation: "softmax" }, { kernel: tensor([4, 3], 8), bias: tensor([3], 9) })],
    ],
  );
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function largestDifference(a, b) {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(...Array.from(a, (value, at) => Math.abs(value - b[at])));
}
