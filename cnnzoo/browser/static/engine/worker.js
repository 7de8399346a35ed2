/**
 * The worker: scores nets on the test images, while the page answers the pen.
 *
 * It takes `{type: "load", payload, block}` once, and then `{type: "accuracy", id, model, changes}`, with the index of
 * the model. It sends `{type: "progress", id, done, of}`, and at the end `{type: "accuracy", id, right, error, of}`. A
 * new request for a model takes the place of the one before.
 *
 * @typedef {import("./payload.js").Payload} Payload
 * @typedef {import("./forward.js").Changes} Changes
 * @typedef {{postMessage: (message: any) => void, onmessage: ((event: {data: any}) => void) | null}} Port
 */
import { Evaluation } from "./accuracy.js";
import { imagesIn, loadModels } from "./payload.js";
import { imageAt, preprocess } from "./preprocess.js";

/** The line in the page's program before which the engine ends. */
const LAST_LINE_OF_ENGINE = "// === The engine ends here; what follows is the page. ===";

/**
 * Answer the page's requests; this runs in the worker.
 *
 * @param {Port} port
 */
export function serveAccuracy(port) {
  /** @type {Evaluation[]} */
  let evaluations = [];
  /** The last request for each model. @type {number[]} */
  const latest = [];
  port.onmessage = async ({ data }) => {
    if (data.type === "load") {
      evaluations = evaluationsOf(data.payload, data.block);
      return;
    }
    latest[data.model] = data.id;
    const { id } = data;
    let score = null;
    for (score of evaluations[data.model].scores(data.changes ?? {})) {
      port.postMessage({ type: "progress", id, done: score.of, of: evaluations[data.model].inputs.length });
      await new Promise((resolve) => setTimeout(resolve)); // let a newer request come in
      if (latest[data.model] !== id) return;
    }
    port.postMessage({ type: "accuracy", id, ...score });
  };
}

/**
 * @param {Payload} payload
 * @param {ArrayBuffer} block
 */
export function evaluationsOf(payload, block) {
  const images = payload.images;
  if (!images) throw new Error("the page has no test images");
  images.data = images.data ?? imagesIn(images, block);
  return loadModels(payload, block).map((model) => {
    const inputs = images.labels.map((_, index) => preprocess(model, imageAt(images, block, index)));
    return new Evaluation(model, inputs, images.labels);
  });
}

/**
 * Start the worker; this runs in the page.
 *
 * @param {Document} page
 * @param {Payload} payload
 * @param {ArrayBuffer} block
 */
export function startWorker(page, payload, block) {
  const program = page.getElementById("program")?.textContent ?? "";
  const lines = program.split("\n");
  const engine = lines.slice(0, lines.indexOf(LAST_LINE_OF_ENGINE)).join("\n");
  const address = URL.createObjectURL(new Blob([engine, "\nserveAccuracy(self);"], { type: "text/javascript" }));
  const worker = new Worker(address);
  worker.postMessage({ type: "load", payload: { ...payload, images: { ...payload.images, data: undefined } }, block });
  let last = 0;
  return {
    worker,
    /**
     * Ask for the score of a model; `progress` is called with the fraction that is done.
     *
     * @param {number} model
     * @param {Changes} changes
     * @param {(fraction: number) => void} [progress]
     * @returns {Promise<{right: number, error: number, of: number} | null>}  null once a newer request has come
     */
    score(model, changes, progress = () => {}) {
      const id = ++last;
      return new Promise((resolve) => {
        const listen = (/** @type {MessageEvent} */ { data }) => {
          if (data.id < id) return;
          if (data.id === id && data.type === "progress") return progress(data.done / data.of);
          worker.removeEventListener("message", listen);
          resolve(data.id === id ? data : null);
        };
        worker.addEventListener("message", listen);
        worker.postMessage({ type: "accuracy", id, model, changes });
      });
    },
  };
}
