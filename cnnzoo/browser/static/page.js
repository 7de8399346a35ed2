import { classOf } from "./engine/accuracy.js";
import { forward } from "./engine/forward.js";
import { loadModels, readPayload } from "./engine/payload.js";
import { imageAt, preprocess } from "./engine/preprocess.js";

/** A placeholder: the class of the first image. */
async function showPage() {
  const { payload, block } = await readPayload(document);
  const models = loadModels(payload, block);
  const main = document.getElementById("main");
  if (main && payload.images) {
    const values = forward(models[0], preprocess(models[0], imageAt(payload.images, block, 0)));
    main.textContent = `${payload.title}: ${classOf(models[0], values)}`;
  }
}

showPage();
