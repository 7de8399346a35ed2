/** Reads the pages that Python writes, as a browser does. */
import { readFileSync } from "node:fs";

import { loadModels, readPayload } from "../../cnnzoo/browser/static/engine/payload.js";

/** @param {string} path @param {string} id */
function textOf(path, id) {
  const page = readFileSync(path, "utf8");
  const start = page.indexOf(`id="${id}">`) + `id="${id}">`.length;
  return page.slice(start, page.indexOf("</script>", start));
}

/** @param {string} path */
export async function pageAt(path) {
  const { payload, block } = await readPayload({ getElementById: (id) => ({ textContent: textOf(path, id) }) });
  return { payload, block, models: loadModels(payload, block) };
}
