// Layers in the words of papers: what a layer does, where a value stands, which step made it.

import { shownCount, shownNumber } from "./dom.js";

const ACTIVATION_NAMES = /** @type {Object<string, string>} */ ({
  linear: "",
  scaled_tanh: "1.7159 · tanh(2x/3)",
  relu: "ReLU",
  gelu: "GELU",
  sigmoid: "logistic",
});

/** Layers that pass values on as they are. */
export const PASSING = new Set(["flatten", "reshape", "dropout", "noise", "identity", "permute"]);

/** Return an activation's name as papers write it, or "". */
export function activationInWords(/** @type {string | undefined} */ name) {
  return name ? (ACTIVATION_NAMES[name] ?? name.replaceAll("_", " ")) : "";
}

/** Return what a layer does. */
export function layerInWords(/** @type {any} */ layer) {
  const { kind, options = {} } = layer;
  const size = options.size ? `${options.size.join(" × ")} ` : "";
  const stride = options.strides?.some((/** @type {number} */ step) => step > 1)
    ? `, stride ${options.strides[0]}`
    : "";
  const activation = activationInWords(options.activation);
  const name = kind === "input" ? "what the net sees" : `${size}${kind.replaceAll("_", " ")}`;
  return `${name}${stride}${activation && kind !== "activation" ? `, ${activation}` : activation && kind === "activation" ? `: ${activation}` : ""}`;
}

/** Return a layer's costs in words. */
export function costsInWords(/** @type {any} */ layer) {
  const parts = [];
  if (layer.parameters) parts.push(`${shownCount(layer.parameters)} parameters`);
  if (layer.multiply_adds) parts.push(`${shownCount(layer.multiply_adds)} multiply-adds`);
  return parts.join(" · ");
}

/** Return height, width and maps of a shape; units count as maps of 1 × 1. */
export function planes(/** @type {number[]} */ shape) {
  if (shape.length === 3) return shape;
  if (shape.length === 2) return [1, shape[0], shape[1]];
  return [1, 1, shape[0]];
}

/** Return row, column and map of a value. */
export function positionOf(/** @type {number[]} */ shape, /** @type {number} */ index) {
  const [, width, maps] = planes(shape);
  return { map: index % maps, column: Math.floor(index / maps) % width, row: Math.floor(index / maps / width) };
}

/** Return where a value stands: `map 3, row 5, column 9`, or `unit 12`. */
export function placeInWords(/** @type {number[]} */ shape, /** @type {number} */ index) {
  const { map, row, column } = positionOf(shape, index);
  const [height, width] = planes(shape);
  return height * width === 1 ? `unit ${map}` : `map ${map}, row ${row}, column ${column}`;
}

/** Return a layer's values in words, for screen readers. */
export function valuesInWords(
  /** @type {any} */ layer,
  /** @type {{shape: number[], data: Float32Array}} */ { shape, data },
) {
  let best = 0;
  for (let index = 1; index < data.length; index++) if (data[index] > data[best]) best = index;
  const [height, width, maps] = planes(shape);
  const size =
    height * width === 1
      ? `${shownCount(maps)} units`
      : `${shownCount(maps)} ${maps === 1 ? "map" : "maps"} of ${height} × ${width}`;
  return `${layer.name}, ${layerInWords(layer)}: ${size}. Largest value ${shownNumber(data[best])} in ${placeInWords(shape, best)}`;
}

/** Return 1 + (W − F + 2P)/S with a layer's numbers, or null where it has none. */
export function arithmetic(/** @type {any} */ layer, /** @type {number[]} */ inputShape) {
  const { size, strides, padding = [0, 0, 0, 0], dilation = [1, 1] } = layer.options ?? {};
  if (
    !size ||
    !strides ||
    layer.shape.length !== 3 ||
    inputShape.length !== 3 ||
    layer.kind.startsWith("transposed") ||
    layer.kind === "up_sampling"
  )
    return null;
  const [wide, field, before, after, stride] = [
    inputShape[1],
    dilation[1] * (size[1] - 1) + 1,
    padding[2],
    padding[3],
    strides[1],
  ];
  const around = before === after ? `2 · ${before}` : `${before} + ${after}`;
  const result = 1 + (wide - field + before + after) / stride;
  return {
    text: `1 + (W − F + 2P) / S = 1 + (${wide} − ${field} + ${around}) / ${stride} = ${shownNumber(result, Number.isInteger(result) ? 0 : 1)}`,
    floors: !Number.isInteger(result),
    width: layer.shape[1],
  };
}
