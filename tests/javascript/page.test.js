/** What pen, shift, noise and files do to a drawing, and the address that holds it. */
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  drawStroke,
  gappedBoard,
  inkOf,
  invertBoard,
  noisyBoard,
  onWhite,
  shiftBoard,
} from "../../cnnzoo/browser/static/page/board.js";
import { packBytes, unpackBytes } from "../../cnnzoo/browser/static/page/packing.js";

const boardOf = (/** @type {number} */ side, channels = 1) => ({
  width: side,
  height: side,
  channels,
  data: new Uint8ClampedArray(side * side * channels),
});

test("a stroke covers the pixels that its distance from the line says", () => {
  const board = boardOf(9);
  drawStroke(board, [2, 4.5], [7, 4.5], 2, [255]);
  for (let y = 0; y < 9; y++) {
    // A pen of diameter 2 covers a pixel as far as its center is less than 1.5 from the line.
    const cover = Math.max(0, Math.min(1, 1.5 - Math.abs(y - 4)));
    assert.equal(board.data[y * 9 + 4], Math.round(255 * cover));
  }
  assert.equal(board.data[4 * 9], 0);
});

test("a stroke that is drawn twice is as dark as once, and the eraser takes it away", () => {
  const board = boardOf(12);
  drawStroke(board, [3, 3], [9, 8], 2.4, [255]);
  const once = board.data.slice();
  drawStroke(board, [3, 3], [9, 8], 2.4, [255]);
  assert.deepEqual(board.data, once);
  drawStroke(board, [3, 3], [9, 8], 8, [0]);
  assert.equal(Math.max(...board.data), 0);
});

test("a shift moves all pixels, and paper comes in", () => {
  const board = boardOf(4);
  board.data.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
  assert.deepEqual([...shiftBoard(board, 1, -2, 99)], [99, 9, 10, 11, 99, 13, 14, 15, ...Array(8).fill(99)]);
});

test("ink is measured: its center, its box, the width of its stroke", () => {
  const board = boardOf(28);
  for (let y = 6; y < 22; y++) board.data.fill(255, y * 28 + 12, y * 28 + 15); // a bar of 3 by 16
  const about = inkOf(board);
  assert.deepEqual([about.top, about.bottom, about.left, about.right], [6, 21, 12, 14]);
  assert.deepEqual([about.x, about.y], [13.5, 14]);
  assert.equal(about.ink, 48 / 784);
  assert.ok(Math.abs(about.stroke - 2 * (48 / 38)) < 0.15, String(about.stroke));
  assert.equal(about.border, 0);
  assert.equal(inkOf({ ...board, data: invertBoard(board) }).border, 1);
});

test("noise has its probability and its seed, and a gap is cut through the middle", () => {
  const board = boardOf(100);
  board.data.fill(128);
  const noisy = noisyBoard(board, 0.2, 5);
  const share = noisy.filter((level) => level !== 128).length / 1e4;
  assert.ok(Math.abs(share - 0.2) < 0.02, String(share));
  assert.deepEqual(noisy, noisyBoard(board, 0.2, 5));
  const cut = gappedBoard(board);
  assert.equal(cut[50 * 100 + 3], 0);
  assert.equal(cut[3], 128);
});

test("transparent pixels are white paper", () => {
  assert.deepEqual(
    [...onWhite(Uint8ClampedArray.from([10, 20, 30, 0, 10, 20, 30, 255]), 2, 1).data],
    [255, 255, 255, 10, 20, 30],
  );
});

test("an address holds every drawing, and what is none is refused", () => {
  let state = 1;
  for (let round = 0; round < 200; round++) {
    const bytes = Uint8ClampedArray.from({ length: 784 }, () => {
      state = (state * 16807) % 2147483647;
      return state % 11 < round % 12 ? 0 : state % 256;
    });
    const text = packBytes(bytes);
    assert.match(text, /^[\w-]*$/);
    assert.deepEqual(unpackBytes(text, 784), bytes);
  }
  assert.ok(packBytes(new Uint8ClampedArray(784)).length < 30);
  for (const text of ["", "!!", "AAAA", packBytes(new Uint8ClampedArray(783))])
    assert.equal(unpackBytes(text, 784), null);
});
