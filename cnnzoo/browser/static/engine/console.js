/**
 * The engine for the browser's console: `cnnzoo.forward(…)`, and so for tests in a browser.
 */
import { classOf } from "./accuracy.js";
import { explain } from "./explain.js";
import { decode, forward } from "./forward.js";
import { loadModels, readPayload } from "./payload.js";
import { imageAt, preprocess } from "./preprocess.js";

Object.assign(globalThis, {
  cnnzoo: { classOf, decode, explain, forward, imageAt, loadModels, preprocess, readPayload },
});
