// The drawing's pixels: what pen, eraser, shift, noise and files do to them. Nothing here touches the document.

/** @typedef {import("./state.js").Board} Board */

/**
 * Draw a straight stroke with round ends and soft edges.
 * @param {Board} board
 * @param {number[]} from x and y of the start, in pixels; pixel 0 has its center at 0.5
 * @param {number[]} to
 * @param {number} size diameter of the pen in pixels
 * @param {number[]} color a level for each channel
 */
export function drawStroke(board, [x0, y0], [x1, y1], size, color) {
  const { width, height, channels: depth, data } = board;
  const radius = size / 2;
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius - 1));
  const right = Math.min(width - 1, Math.ceil(Math.max(x0, x1) + radius + 1));
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius - 1));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(y0, y1) + radius + 1));
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const along = length ? Math.max(0, Math.min(1, ((x + 0.5 - x0) * dx + (y + 0.5 - y0) * dy) / length)) : 0;
      const distance = Math.hypot(x + 0.5 - x0 - along * dx, y + 0.5 - y0 - along * dy);
      const cover = Math.max(0, Math.min(1, radius + 0.5 - distance));
      if (!cover) continue;
      for (let channel = 0; channel < depth; channel++) {
        const at = (y * width + x) * depth + channel;
        const level = color[channel] ?? color[0];
        // A pixel that an earlier part of the stroke covers more keeps that part's level.
        const drawn = data[at] + (level - data[at]) * cover;
        data[at] =
          depth > 1
            ? drawn
            : level > 127
              ? Math.max(data[at], level * cover)
              : Math.min(data[at], 255 - (255 - level) * cover);
      }
    }
  }
}

/** Move a picture by whole pixels; what enters at the borders is paper. */
export function shiftBoard(
  /** @type {Board} */ board,
  /** @type {number} */ right,
  /** @type {number} */ down,
  paper = 0,
) {
  const { width, height, channels: depth } = board;
  const moved = new Uint8ClampedArray(board.data.length).fill(paper);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [fromX, fromY] = [x - right, y - down];
      if (fromX < 0 || fromY < 0 || fromX >= width || fromY >= height) continue;
      for (let channel = 0; channel < depth; channel++) {
        moved[(y * width + x) * depth + channel] = board.data[(fromY * width + fromX) * depth + channel];
      }
    }
  }
  return moved;
}

/** Turn light into dark. */
export function invertBoard(/** @type {Board} */ board) {
  return board.data.map((level) => 255 - level);
}

/** Rub noise over a picture: each pixel becomes black or white with a probability; a seed makes it repeatable. */
export function noisyBoard(/** @type {Board} */ board, probability = 0.2, seed = 1) {
  const noisy = board.data.slice();
  let state = seed >>> 0 || 1;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let pixel = 0; pixel < board.width * board.height; pixel++) {
    if (random() >= probability) continue;
    const level = random() < 0.5 ? 0 : 255;
    noisy.fill(level, pixel * board.channels, (pixel + 1) * board.channels);
  }
  return noisy;
}

/** Cut a gap through the middle of the ink, a sixth of its height. */
export function gappedBoard(/** @type {Board} */ board, paper = 0) {
  const { top, bottom, ink } = inkOf(board, paper);
  const cut = board.data.slice();
  if (!ink) return cut;
  const gap = Math.max(2, Math.round((bottom - top + 1) / 6));
  const first = Math.round((top + bottom + 1 - gap) / 2);
  cut.fill(paper, first * board.width * board.channels, (first + gap) * board.width * board.channels);
  return cut;
}

/**
 * Measure the ink of a picture: its amount as a fraction of all pixels, its box, its center of mass, the width of its
 * strokes (twice the area by the length of the outline), and how much ink lies on the border.
 */
export function inkOf(/** @type {Board} */ board, paper = 0) {
  const { width, height, channels: depth, data } = board;
  const level = (/** @type {number} */ y, /** @type {number} */ x) => {
    if (y < 0 || x < 0 || y >= height || x >= width) return 0;
    let sum = 0;
    for (let channel = 0; channel < depth; channel++) sum += Math.abs(data[(y * width + x) * depth + channel] - paper);
    return sum / depth / 255;
  };
  let [ink, atX, atY, outline, border] = [0, 0, 0, 0, 0];
  let [top, bottom, left, right] = [height, -1, width, -1];
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      const here = level(y, x);
      outline += Math.hypot(here - level(y, x - 1), here - level(y - 1, x));
      if (!here) continue;
      ink += here;
      atX += here * (x + 0.5);
      atY += here * (y + 0.5);
      if (y === 0 || x === 0 || y === height - 1 || x === width - 1) border += here;
      if (here > 0.2)
        [top, bottom, left, right] = [Math.min(top, y), Math.max(bottom, y), Math.min(left, x), Math.max(right, x)];
    }
  }
  return {
    ink: ink / (width * height),
    border: border / (2 * (width + height) - 4),
    stroke: outline ? (2 * ink) / outline : 0,
    x: ink ? atX / ink : width / 2,
    y: ink ? atY / ink : height / 2,
    top,
    bottom,
    left,
    right,
  };
}

/** Return the colors of a canvas's bytes red, green, blue, alpha, as they are seen on white paper. */
export function onWhite(
  /** @type {Uint8ClampedArray} */ bytes,
  /** @type {number} */ width,
  /** @type {number} */ height,
) {
  const data = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const cover = bytes[4 * pixel + 3] / 255;
    for (let channel = 0; channel < 3; channel++) {
      data[3 * pixel + channel] = Math.round(255 + (bytes[4 * pixel + channel] - 255) * cover);
    }
  }
  return { width, height, channels: 3, data };
}
