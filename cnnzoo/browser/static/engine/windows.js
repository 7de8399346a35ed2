/**
 * Windows: which values of the image a layer's unit sees.
 *
 * A window of `size` F moves by `strides` S over an image of side W with `padding` P zeros on each side, and fits
 * 1 + (W − F + 2P)/S times.
 *
 * @typedef {{size: [number, number], strides: [number, number], padding: [number, number, number, number],
 *   dilation: [number, number]}} Window  padding: above, below, left, right
 * @typedef {{top: number, left: number, height: number, width: number}} Box  it may reach beyond the image
 */

/**
 * Return the first and the last (excluded) step of a window that lie within the image along one side.
 *
 * @param {number} start  where the window starts; negative in the padding above
 * @param {number} steps  F, the window's values along this side
 * @param {number} dilation  distance between two of them
 * @param {number} side  W, values of the image
 * @returns {[number, number]}
 */
export function stepsInside(start, steps, dilation, side) {
  const first = start < 0 ? Math.ceil(-start / dilation) : 0;
  const last = Math.min(steps, Math.ceil((side - start) / dilation));
  return [first, Math.max(first, last)];
}

/**
 * Return where a unit's window lies on the layer's input.
 *
 * @param {Window} window
 * @param {number} row  of the unit
 * @param {number} column
 * @returns {Box}
 */
export function windowOf({ size, strides, padding, dilation }, row, column) {
  return {
    top: row * strides[0] - padding[0],
    left: column * strides[1] - padding[2],
    height: (size[0] - 1) * dilation[0] + 1,
    width: (size[1] - 1) * dilation[1] + 1,
  };
}
