import assert from "node:assert/strict";
import { test } from "node:test";

import { cropAndResize, preprocess, resize, withChannels } from "../../cnnzoo/browser/static/engine/preprocess.js";
import { model } from "./nets.js";

const picture = (
  /** @type {number} */ height,
  /** @type {number} */ width,
  /** @type {number} */ channels,
  /** @type {number[]} */ ...values
) => ({
  height,
  width,
  channels,
  data: Uint8Array.from(values),
});

test("an image of the right size is scaled, padded and shifted as the steps say", () => {
  const net = model([3, 3, 1], []);
  net.input.pixels = [1, 1, 1];
  net.input.preprocess = [
    { kind: "resize", height: 1, width: 1 },
    { kind: "pad", top: 1, bottom: 1, left: 1, right: 1, value: 0 },
    { kind: "scale", scale: [1.275 / 255], offset: [-0.1] },
  ];
  const paper = Math.fround(-0.1);
  assert.deepEqual(
    [...preprocess(net, picture(1, 1, 1, 255))].map((value) => Number(value.toFixed(6))),
    [-0.1, -0.1, -0.1, -0.1, 1.175, -0.1, -0.1, -0.1, -0.1],
  );
  assert.equal(preprocess(net, picture(1, 1, 1, 0))[4], paper);
});

test("each channel has its own scale and offset", () => {
  const net = model([1, 1, 3], []);
  net.input.preprocess = [{ kind: "scale", scale: [1], offset: [-1, -2, -3] }];
  assert.deepEqual([...preprocess(net, picture(1, 1, 3, 10, 20, 30))], [9, 18, 27]);
});

test("a standardized image has mean 0 and deviation 1, and one of one color is 0", () => {
  const net = model([1, 2, 1], []);
  net.input.preprocess = [{ kind: "standardize" }];
  assert.deepEqual([...preprocess(net, picture(1, 2, 1, 10, 20))], [-1, 1]);
  assert.deepEqual([...preprocess(net, picture(1, 2, 1, 7, 7))], [0, 0]);
});

test("colors become gray, gray becomes colors, and alpha is dropped", () => {
  assert.deepEqual([...withChannels(picture(1, 1, 4, 255, 0, 0, 9), 1).data], [76]);
  assert.deepEqual([...withChannels(picture(1, 1, 1, 7), 3).data], [7, 7, 7]);
  assert.deepEqual([...withChannels(picture(1, 1, 4, 1, 2, 3, 9), 3).data], [1, 2, 3]);
});

test("an image twice as wide loses its sides, and one of one color keeps it at any size", () => {
  const wide = picture(2, 4, 1, 9, 1, 2, 9, 9, 3, 4, 9);
  assert.deepEqual([...cropAndResize(wide, 2, 2).data], [1, 2, 3, 4]);
  const gray = { height: 13, width: 9, channels: 1, data: new Uint8Array(117).fill(130) };
  assert.ok([...cropAndResize(gray, 4, 4).data].every((value) => value === 130));
});

test("halving an image with antialiasing takes neighbors of both sides", () => {
  // A triangle of reach 2 around 0.5: 0.75 and 0.75 for the two nearest, 0.25 for the next; their sum is 1.75 at the edge.
  const [first] = resize(picture(1, 4, 1, 0, 0, 7, 0), 1, 2, true).data;
  assert.ok(Math.abs(first - 1) < 1e-6);
  assert.deepEqual([...resize(picture(1, 4, 1, 0, 4, 8, 12), 1, 2).data], [2, 10]);
});

test("the center is cut out of an image whose shorter side is resized", () => {
  const net = model([2, 2, 1], []);
  net.input.pixels = [4, 4, 1];
  net.input.preprocess = [{ kind: "center", height: 2, width: 2, rescaled: 2 }];
  const image = picture(4, 4, 1, ...Array.from({ length: 16 }, (_, i) => i));
  assert.deepEqual([...preprocess(net, image)], [5, 6, 9, 10]);
});
