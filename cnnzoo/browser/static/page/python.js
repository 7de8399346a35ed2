// The Python that gives the numbers that the page shows.

import { app, layerOf } from "./state.js";
import { positionOf } from "./words.js";

function base64Of(/** @type {Uint8Array | Uint8ClampedArray} */ bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

const listOf = (/** @type {any[]} */ values) => `[${values.join(", ")}]`;
const quoted = (/** @type {string} */ text) => JSON.stringify(text);

function inputLines(/** @type {any} */ model) {
  const { python, preprocess: steps, shape } = model.input;
  const { height, width, channels: depth, data } = app.board;
  const lines = (base64Of(data).match(/.{1,100}/g) ?? []).map((part) => `    "${part}"`);
  const pixels = [
    "pixels = base64.b64decode(",
    ...lines,
    ")",
    `pixels = np.frombuffer(pixels, "uint8").reshape(1, ${height}, ${width}, ${depth})`,
  ];
  if (python) return [...pixels, `images = ${python}(pixels, input_shape=model.input_shape[1:])`];
  const rest = ['images = pixels.astype("float32")'];
  for (const step of steps) {
    if (step.kind === "resize" && (height !== shape[0] || width !== shape[1]))
      rest.push(`images = keras.ops.image.resize(images, (${step.height}, ${step.width}))`);
    if (step.kind === "scale") rest.push(`images = images * ${listOf(step.scale)} + ${listOf(step.offset)}`);
  }
  return [...pixels, ...rest];
}

function roundingLines(/** @type {any} */ model) {
  if (model.dtype !== "float16") return [];
  // What the page makes of several weights, such as a batch normalization's scale, it keeps in single precision.
  const exact = model.layers
    .filter((/** @type {any} */ layer) => layer.kind === "scale")
    .map((/** @type {any} */ layer) => quoted(layer.layer));
  const other = exact.length ? ` and weight.path.split("/")[-2] not in (${exact.join(", ")},)` : "";
  return [
    "for weight in model.weights:  # the page keeps them in half precision",
    `    if "float" in weight.dtype${other}:`,
    '        weight.assign(np.clip(keras.ops.convert_to_numpy(weight), -65504, 65504).astype("float16"))',
  ];
}

function changeLines(/** @type {any} */ model, /** @type {any} */ changes) {
  const lines = [];
  for (const [name, named] of Object.entries(changes.weights)) {
    const layer = layerOf(model, name);
    for (const [weight, edits] of Object.entries(/** @type {any} */ (named))) {
      const variable = `model.get_layer(${quoted(layer.layer ?? name)}).${weight}`;
      lines.push(
        `edited = np.array(keras.ops.convert_to_numpy(${variable}))`,
        `edited.flat[${listOf(Object.keys(/** @type {any} */ (edits)))}] = ${listOf(Object.values(/** @type {any} */ (edits)))}`,
        `${variable}.assign(edited)`,
      );
    }
  }
  const touched = new Set([...Object.keys(changes.silenced), ...Object.keys(changes.set)]);
  if (touched.size) {
    lines.push(
      "",
      "def change(name, silenced=(), **values):",
      '    """Silence maps or units of a layer, the last axis of its outputs, and set values by their flat index."""',
      "    layer = model.get_layer(name)",
      "    call, shape = layer.call, layer.output.shape[1:]",
      '    keep, put = np.ones(shape, "float32"), np.zeros(shape, "float32")',
      "    keep[..., list(silenced)] = 0",
      '    for index, value in values.get("set", {}).items():',
      "        keep.flat[index], put.flat[index] = 0, value",
      "    layer.call = lambda *args, **kwargs: call(*args, **kwargs) * keep + put",
      "",
    );
    for (const name of touched) {
      const set = Object.entries(changes.set[name] ?? {}).map(([index, value]) => `${index}: ${value}`);
      lines.push(
        `change(${quoted(layerOf(model, name).layer ?? name)}, ${listOf(changes.silenced[name] ?? [])}${set.length ? `, set={${set.join(", ")}}` : ""})`,
      );
    }
  }
  return lines;
}

/** Return Python that builds a net as the page has it, and prints the value that is selected and the outputs. */
export function pythonOf(/** @type {number} */ index) {
  const model = app.models[index];
  const { selection } = app;
  const lines = [
    "import base64",
    "",
    "import keras",
    "import numpy as np",
    "",
    "import cnnzoo",
    "",
    `model = ${model.python}`,
    ...roundingLines(model),
    ...changeLines(model, app.changes[index]),
    ...inputLines(model),
    "outputs = keras.ops.convert_to_numpy(model(images, training=False))[0]",
  ];
  if (selection && selection.model === index && selection.layer !== model.input.name) {
    const layer = layerOf(model, selection.layer);
    const { map, row, column } = positionOf(layer.shape, selection.index);
    const at = layer.shape.length === 3 ? [row, column, map] : layer.shape.length === 2 ? [column, map] : [map];
    const call = /\(call (\d+)\)$/.exec(layer.name);
    const output = call
      ? `model.get_layer(${quoted(layer.layer)})._inbound_nodes[${Number(call[1]) - 1}].output_tensors[0]`
      : `model.get_layer(${quoted(layer.layer)}).output`;
    const value = app.values[index].get(layer.name).data[selection.index];
    lines.push(
      `values = keras.ops.convert_to_numpy(keras.Model(model.inputs, ${output})(images, training=False))[0]`,
      `print(values[${at.join(", ")}])  # ${layer.name}; the page shows ${Number(value.toPrecision(7))}`,
    );
  }
  if (model.kind === "classifier") lines.push("print(outputs)");
  else lines.push("print(np.square(outputs - keras.ops.convert_to_numpy(images)[0]).sum())  # squared error");
  return `${lines.join("\n")}\n`;
}
