// Sharing: the state in the address, Python, pictures, print.

import { byId, download, notify } from "./dom.js";
import { testImage } from "./draw.js";
import { drawAll } from "./maps.js";
import { packBytes, unpackBytes } from "./packing.js";
import { pictureOf, pngOf } from "./picture.js";
import { pythonOf } from "./python.js";
import { app, emit, layerOf, on, refresh, select, setBoard } from "./state.js";

/** Return the state as the part of the address after #. */
export function stateText() {
  const state = new URLSearchParams();
  if (app.models.length > 1) state.set("nets", app.shown.join("."));
  if (app.source.kind === "test") state.set("image", String(app.source.index));
  else state.set("drawing", packBytes(app.board.data));
  const { selection } = app;
  if (selection) state.set("at", `${selection.model}.${selection.index}.${selection.layer}`);
  const touched = app.changes.some((/** @type {any} */ each) =>
    Object.values(each).some((part) => Object.keys(part).length),
  );
  if (touched) state.set("changes", JSON.stringify(app.changes));
  return state.toString();
}

/** Put the state of an address on the page; what does not fit this file is left out. */
export function restoreState(/** @type {string} */ text) {
  const state = new URLSearchParams(text.replace(/^#/, ""));
  const nets = (state.get("nets") ?? "")
    .split(".")
    .map(Number)
    .filter((index) => state.get("nets") && app.models[index]);
  if (nets.length) {
    app.shown = nets.slice(0, 2);
    emit("nets");
  }
  const changes = readChanges(state.get("changes"));
  if (changes) {
    app.changes.splice(0, app.changes.length, ...changes);
    emit("changes");
  }
  const image = state.has("image") ? Number(state.get("image")) : -1;
  const drawing = state.has("drawing") ? unpackBytes(state.get("drawing") ?? "", app.board.data.length) : null;
  if (drawing) setBoard(drawing);
  else if (app.payload.images && Number.isInteger(image) && image >= 0 && image < app.payload.images.count)
    setBoard(testImage(image), { kind: "test", index: image });
  else refresh();
  const [model, index, ...name] = (state.get("at") ?? "").split(".");
  const layer = app.models[Number(model)] && layerOf(app.models[Number(model)], name.join("."));
  const size = layer?.shape.reduce(
    (/** @type {number} */ product, /** @type {number} */ length) => product * length,
    1,
  );
  if (layer && Number(index) >= 0 && Number(index) < size && app.shown.includes(Number(model)))
    select({ model: Number(model), layer: layer.name, index: Number(index) });
  return [...state.keys()].length > 0;
}

function readChanges(/** @type {string | null} */ text) {
  if (!text) return null;
  try {
    const all = JSON.parse(text);
    const fits =
      all.length === app.models.length &&
      all.every((/** @type {any} */ each, /** @type {number} */ index) =>
        ["silenced", "weights", "set"].every((part) =>
          Object.keys(each[part]).every((name) => app.models[index].byName.has(name)),
        ),
      );
    return fits ? all : null;
  } catch {
    return null;
  }
}

async function copy(/** @type {string} */ text, /** @type {string} */ what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages that were opened from disk may not use the clipboard's interface.
    const area = document.createElement("textarea");
    area.value = text;
    byId("share").append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  notify(`${what} is in the clipboard.`);
}

/** Set up the menu, and keep the address up to date. */
export function setUpSharing() {
  const index = () => app.selection?.model ?? app.shown[0];
  const named = (/** @type {string} */ end) => `${app.models[index()].name}.${end}`;
  const acts = /** @type {Object<string, () => void>} */ ({
    "copy-link": () => copy(location.href, "The link"),
    "copy-python": () => copy(pythonOf(index()), "The Python"),
    "save-svg": () => download(named("svg"), new Blob([pictureOf(index()).svg], { type: "image/svg+xml" })),
    "save-png": async () => download(named("png"), await pngOf(index())),
    print: () => window.print(),
  });
  for (const [id, act] of Object.entries(acts)) {
    byId(id).addEventListener("click", () => {
      writeAddress();
      act();
      byId("share").open = false;
      byId("share").querySelector("summary").focus();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && byId("share").open) {
      byId("share").open = false;
      byId("share").querySelector("summary").focus();
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (!byId("share").contains(/** @type {any} */ (event.target))) byId("share").open = false;
  });
  let written = location.hash;
  const writeAddress = () => {
    written = `#${stateText()}`;
    history.replaceState(null, "", written);
  };
  on("settled", writeAddress);
  on("selection", writeAddress);
  window.addEventListener("hashchange", () => {
    if (location.hash !== written) restoreState(location.hash);
  });
  window.addEventListener("beforeprint", () => {
    drawAll();
    for (const details of document.querySelectorAll("#compare details")) /** @type {any} */ (details).open = false;
  });
}
