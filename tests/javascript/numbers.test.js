import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

import { ACTIVATIONS, activate, errorFunction, softmax } from "../../cnnzoo/browser/static/engine/activations.js";
import {
  bytesOfBase64,
  inflate,
  loadModel,
  numberOfHalf,
  readPayload,
  undoDifferences,
} from "../../cnnzoo/browser/static/engine/payload.js";
import { layer } from "./nets.js";

test("half precision is read as IEEE 754 says", () => {
  /** @type {[number, number][]} */
  const known = [
    [0x0000, 0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x3c00, 1],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xc000, -2],
  ];
  for (const [bits, number] of known) assert.equal(numberOfHalf(bits), number);
  assert.ok(Number.isNaN(numberOfHalf(0x7e00)));
});

test("the block is unpacked from the page's text", async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * i) % 251);
  const text = `\n${deflateSync(bytes).toString("base64")}\n`;
  assert.deepEqual(new Uint8Array(await inflate(bytesOfBase64(text))), bytes);
  const payload = { models: [], images: null };
  const page = {
    getElementById: (/** @type {string} */ id) => ({ textContent: id === "bytes" ? text : JSON.stringify(payload) }),
  };
  const found = await readPayload(page);
  assert.deepEqual(found.payload, payload);
  assert.equal(found.block.byteLength, 1000);
});

test("layers that share a weight share its array", () => {
  const kernel = { shape: [1, 2], dtype: "float16", at: 0 };
  const block = new Uint16Array([0x3c00, 0xc000]).buffer;
  const layers = ["a", "b"].map((name) => ({ ...layer("dense", [2]), name, weights: { kernel } }));
  const model = loadModel({ layers, pca: null, codes: null }, block);
  assert.deepEqual([...model.layers[0].weights.kernel.data], [1, -2]);
  assert.equal(model.layers[0].weights.kernel.data, model.layers[1].weights.kernel.data);
});

test("differences from the neighbors' median become pixels again", () => {
  // Of [[7, 9], [8, 250]]: 250 is predicted by the larger of 9 and 8, as the corner is no larger than either.
  assert.deepEqual([...undoDifferences(Uint8Array.from([7, 2, 1, 241]), [2, 2, 1])], [7, 9, 8, 250]);
  // Red 10 and blue 250 are kept as their differences from green 200, modulo 256.
  assert.deepEqual([...undoDifferences(Uint8Array.from([66, 200, 50]), [1, 1, 3])], [10, 200, 250]);
});

test("the error function has its published values", () => {
  /** @type {[number, number][]} */
  const known = [
    [0, 0],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2.5, 0.999593047982555],
    [3.5, 0.9999992569016276],
    [-1, -0.8427007929497149],
    [9, 1],
  ];
  for (const [x, value] of known) assert.ok(Math.abs(errorFunction(x) - value) < 1e-14, `${x}`);
});

test("activations have their closed forms", () => {
  /** @type {[string, number, number][]} */
  const known = [
    ["linear", -3, -3],
    ["relu", -3, 0],
    ["relu6", 8, 6],
    ["leaky_relu", -1, -0.2],
    ["elu", -Math.log(2), -0.5],
    ["selu", 1, 1.0507009873554805],
    ["gelu", 1, 0.8413447460685429],
    ["sigmoid", Math.log(3), 0.75],
    ["hard_sigmoid", 3, 1],
    ["tanh", Math.log(2), 0.6],
    ["hard_tanh", 1.5, 1],
    ["scaled_tanh", 1.5 * Math.log(2), 1.7159 * 0.6],
    ["softplus", 0, Math.log(2)],
    ["softplus", 800, 800],
    ["softsign", -3, -0.75],
    ["silu", Math.log(3), 0.75 * Math.log(3)],
    ["mish", 0, 0],
    ["exponential", 1, Math.E],
  ];
  for (const [name, x, value] of known) assert.ok(Math.abs(ACTIVATIONS[name](x, {}) - value) < 1e-12, name);
  assert.deepEqual(new Set(known.map(([name]) => name)), new Set(Object.keys(ACTIVATIONS)));
});

test("a ReLU of its own has a slope, a threshold and a maximum", () => {
  const options = { negative_slope: 0.5, threshold: 1, maximum: 4 };
  assert.deepEqual(
    [-1, 0, 1, 2, 9].map((x) => ACTIVATIONS.relu(x, options)),
    [-1, -0.5, 1, 2, 4],
  );
});

test("a softmax of large scores does not overflow, and each row is by itself", () => {
  const values = Float32Array.from([1000, 1000 + Math.log(3), 0, 0]);
  softmax(values, 2);
  for (const [at, value] of [0.25, 0.75, 0.5, 0.5].entries()) assert.ok(Math.abs(values[at] - value) < 1e-4);
  const made = { ...layer("dense", [2]), options: { activation: "softmax" } };
  const two = Float32Array.from([0, 0]);
  activate(made, two);
  assert.deepEqual([...two], [0.5, 0.5]);
});

test("an unknown activation is named", () => {
  const made = { ...layer("dense", [1]), options: { activation: "sine" } };
  assert.throws(() => activate(made, new Float32Array(1)), /no activation sine/);
});
