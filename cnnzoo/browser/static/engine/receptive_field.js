/**
 * Receptive fields: which part of the net's input a unit sees, found by going back layer by layer.
 *
 * @typedef {import("./payload.js").Model} Model
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./windows.js").Box} Box
 * @typedef {{first: number, last: number}} Span  rows or columns, both included
 */

/**
 * Return the part of a layer's input that a part of its output depends on, along one side.
 *
 * @param {Layer} layer
 * @param {number} axis  0 for rows, 1 for columns
 * @param {Span} span  of the output
 * @returns {Span | null}  of the input; null for all of it
 */
function spanBefore(layer, axis, { first, last }) {
  const { size, strides, padding, dilation, cropping, neighbors, region } = layer.options;
  const extent = size && dilation ? (size[axis] - 1) * dilation[axis] + 1 : 0;
  switch (layer.kind) {
    case "convolution":
    case "depthwise_convolution":
    case "locally_connected":
    case "partially_connected":
    case "max_pooling":
    case "average_pooling":
    case "lp_pooling":
    case "subsampling": {
      const start = (/** @type {number} */ at) => at * strides[axis] - padding[2 * axis];
      return { first: start(first), last: start(last) + extent - 1 };
    }
    case "transposed_convolution": {
      const before = padding[2 * axis];
      return {
        first: Math.ceil((first + before - extent + 1) / strides[axis]),
        last: Math.floor((last + before) / strides[axis]),
      };
    }
    case "up_sampling":
      return { first: Math.floor(first / size[axis]), last: Math.floor(last / size[axis]) };
    case "padding":
      return { first: first - padding[2 * axis], last: last - padding[2 * axis] };
    case "cropping":
      return { first: first + cropping[2 * axis], last: last + cropping[2 * axis] };
    case "local_response_normalization": {
      const reach = region === "within" ? (neighbors - 1) / 2 : 0;
      return { first: first - reach, last: last + reach };
    }
    case "concatenate":
      return layer.options.axis === 2 ? { first, last } : null;
    case "activation":
    case "identity":
    case "scale":
    case "merge":
    case "layer_normalization":
      return { first, last };
    default:
      return null;
  }
}

/**
 * Return the receptive field of a unit on the net's input: all units that are connected with all see all of it.
 *
 * @param {Model} model
 * @param {string} name  of the layer
 * @param {number} row
 * @param {number} column
 * @returns {Box}
 */
export function receptiveField(model, name, row, column) {
  const [height, width] = model.input.shape;
  const whole = { top: 0, left: 0, height, width };
  /** Parts of layers' outputs that the unit depends on. @type {Map<string, [Span, Span] | null>} */
  const parts = new Map([
    [
      name,
      [
        { first: row, last: row },
        { first: column, last: column },
      ],
    ],
  ]);
  for (const layer of [...model.layers].reverse()) {
    const part = parts.get(layer.name);
    if (part === undefined) continue;
    for (const input of layer.inputs) {
      const shape = model.byName.get(input)?.shape ?? model.input.shape;
      const spans = part && shape.length === 3 ? part.map((span, axis) => spanBefore(layer, axis, span)) : [null];
      const before = spans.includes(null) ? null : spans.map((span, axis) => clipped(span, shape[axis]));
      parts.set(input, joined(parts.get(input), /** @type {[Span, Span] | null} */ (before)));
    }
  }
  const found = parts.get(model.input.name);
  if (!found) return whole;
  const [rows, columns] = found;
  return {
    top: rows.first,
    left: columns.first,
    height: rows.last - rows.first + 1,
    width: columns.last - columns.first + 1,
  };
}

/** @param {Span | null} span @param {number} side @returns {Span} */
function clipped(span, side) {
  const { first, last } = /** @type {Span} */ (span);
  return { first: Math.min(Math.max(first, 0), side - 1), last: Math.max(Math.min(last, side - 1), 0) };
}

/**
 * @param {[Span, Span] | null | undefined} a
 * @param {[Span, Span] | null} b
 * @returns {[Span, Span] | null}  null for all of it
 */
function joined(a, b) {
  if (a === undefined) return b;
  if (a === null || b === null) return null;
  const [rows, columns] = a.map((span, axis) => ({
    first: Math.min(span.first, b[axis].first),
    last: Math.max(span.last, b[axis].last),
  }));
  return [rows, columns];
}
