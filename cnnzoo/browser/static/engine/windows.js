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
 * Return where the window starts for each output along one side, and which of its steps lie within the image.
 *
 * @param {Window} window
 * @param {number} axis  0 for rows, 1 for columns
 * @param {number} outputs  along this side
 * @param {number} side  W, values of the image
 * @returns {{start: number, first: number, last: number}[]}  start: negative in the padding; last: excluded
 */
export function spansOf({ size, strides, padding, dilation }, axis, outputs, side) {
  return Array.from({ length: outputs }, (_, output) => {
    const start = output * strides[axis] - padding[2 * axis];
    const first = start < 0 ? Math.ceil(-start / dilation[axis]) : 0;
    const last = Math.max(first, Math.min(size[axis], Math.ceil((side - start) / dilation[axis])));
    return { start, first, last };
  });
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
