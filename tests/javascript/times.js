/**
 * Print as JSON how long the engine takes for the first model of a page; `benchmarks/browser.py` calls it.
 *
 *     node times.js PAGE IMAGES
 */
import { Evaluation } from "../../cnnzoo/browser/static/engine/accuracy.js";
import { forward } from "../../cnnzoo/browser/static/engine/forward.js";
import { imageAt, preprocess } from "../../cnnzoo/browser/static/engine/preprocess.js";
import { pageAt } from "./pages.js";

const [path, count] = process.argv.slice(2);
const { payload, block, models } = await pageAt(path);
const [model] = models;
const images = payload.images;
if (!images) throw new Error("the page has no test images");
const inputs = images.labels.map((_, index) => preprocess(model, imageAt(images, block, index)));

/** @param {number[]} values */
function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

const wall = [];
const processor = [];
for (let i = 0; i < Number(count); i++) {
  const start = performance.now();
  const before = process.cpuUsage().user;
  forward(model, preprocess(model, imageAt(images, block, i % images.count)));
  wall.push(performance.now() - start);
  processor.push((process.cpuUsage().user - before) / 1000);
}

const evaluation = new Evaluation(model, inputs, images.labels);
for (const _ of evaluation.scores({}));
/** Seconds, and seconds of processor time. @type {Record<string, [number, number]>} */
const scores = {};
for (const { name, weights } of model.layers) {
  if (Object.keys(weights).length === 0) continue;
  const start = performance.now();
  const before = process.cpuUsage().user;
  for (const _ of evaluation.scores({ silenced: { [name]: [0] } }));
  scores[name] = [(performance.now() - start) / 1000, (process.cpuUsage().user - before) / 1e6];
}
process.stdout.write(
  JSON.stringify({ image: median(wall), processor: median(processor), n: wall.length, of: images.count, scores }),
);
