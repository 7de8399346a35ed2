/**
 * Write what the engine computes, for tests in Python.
 *
 *     node values.js PAGE PICTURES TARGET [all|first|last] [HEIGHT×WIDTH×CHANNELS]
 *
 * PICTURES holds uint8 pixels of images, of the first model's own size or of the given one, one after the other. TARGET
 * gets, for each image, the outputs of all layers of all models as float32, in the order of the layers, the input first;
 * with `first` the input alone, with `last` the last layer's.
 */
import { readFileSync, writeFileSync } from "node:fs";

import { forward } from "../../cnnzoo/browser/static/engine/forward.js";
import { sizeOf } from "../../cnnzoo/browser/static/engine/payload.js";
import { preprocess } from "../../cnnzoo/browser/static/engine/preprocess.js";
import { pageAt } from "./pages.js";

const [page, pictures, target, which = "all", shape] = process.argv.slice(2);
const { models } = await pageAt(page);
const pixels = new Uint8Array(readFileSync(pictures));
const [height, width, channels] = shape ? shape.split("×").map(Number) : models[0].input.pixels;
const size = height * width * channels;
const all = [];
for (let start = 0; start < pixels.length; start += size) {
  const image = { height, width, channels, data: pixels.subarray(start, start + size) };
  for (const model of models) {
    const values = forward(model, preprocess(model, image));
    const names = [model.input.name, ...model.layers.map((layer) => layer.name)];
    for (const name of which === "all" ? names : [which === "first" ? model.input.name : model.output]) {
      const tensor = values.get(name);
      if (!tensor || tensor.data.length !== sizeOf(tensor.shape)) throw new Error(`${name} has no values`);
      all.push(Buffer.from(tensor.data.slice().buffer));
    }
  }
}
writeFileSync(target, Buffer.concat(all));
