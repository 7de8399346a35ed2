// The page: its parts, put together.

import { showCodeLabs } from "./autoencoder.js";
import { guessInWords, makeAnswer } from "./bars.js";
import { setUpCompare } from "./compare.js";
import { byId, make, shownCount } from "./dom.js";
import { paintBoard, setUpDrawing, testImage } from "./draw.js";
import { setUpHints } from "./hints.js";
import { setUpInspector } from "./inspect.js";
import { setUpChanges } from "./interfere.js";
import { makeNet, views } from "./maps.js";
import { restoreState, setUpSharing } from "./share.js";
import { app, emit, loadApp, on, refresh, select, setBoard } from "./state.js";

/** Build the panels of the nets that are shown. */
function showNets() {
  byId("side").append(byId("inspector"));
  views.clear();
  document.body.className = app.shown.length > 1 ? "two" : "one";
  byId("answers").replaceChildren(
    ...app.shown.filter((/** @type {number} */ index) => app.models[index].kind === "classifier").map(makeAnswer),
  );
  showCodeLabs();
  byId("nets").replaceChildren(...app.shown.map(makeNet));
  for (const view of views.values()) view.place();
  emit("shown");
}

function setUpTheme() {
  const themes = ["", "light", "dark"];
  const names = { "": "as the system has it", light: "light", dark: "dark" };
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const next = themes[(themes.indexOf(root.dataset.theme ?? "") + 1) % themes.length];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    byId("theme").setAttribute("aria-label", `Theme: ${/** @type {any} */ (names)[next]}`);
    emit("theme");
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => emit("theme"));
}

/** Show an example of the arithmetic where there is room for it, until the reader chooses one. */
function selectFirst() {
  const [index] = app.shown;
  const layer = app.models[index].layers.find(
    (/** @type {any} */ each) => each.kind === "convolution" && each.shape.length === 3,
  );
  if (app.shown.length > 1 || app.greeted || !layer || !matchMedia("(min-width: 1180px)").matches) return;
  app.greeted = "now";
  const [height, width, maps] = layer.shape;
  select({ model: index, layer: layer.name, index: (Math.floor(height / 2) * width + Math.floor(width / 2)) * maps });
  app.greeted = "yes";
}

/** Let the reader choose which nets stand on the page, where the file holds several. */
function setUpNetChoices() {
  if (app.models.length < 2) return;
  const choice = (
    /** @type {string} */ id,
    /** @type {string} */ label,
    /** @type {any[]} */ options,
    /** @type {number} */ chosen,
  ) => {
    const list = make(
      "select",
      { id, on: { change: show } },
      ...options.map(([value, text]) => make("option", { value: String(value), text })),
    );
    list.value = String(chosen);
    return make("label", { class: "small" }, `${label} `, list);
  };
  const titles = app.models.map((/** @type {any} */ model, /** @type {number} */ index) => [index, model.title]);
  const show = () => {
    const [first, second] = [Number(byId("net-first").value), Number(byId("net-second").value)];
    app.shown = second < 0 || second === first ? [first] : [first, second];
    select(null);
    emit("nets");
    refresh();
  };
  const place = () =>
    byId("net-choices").replaceChildren(
      choice("net-first", "Net", titles, app.shown[0]),
      choice("net-second", "beside", [[-1, "none"], ...titles], app.shown[1] ?? -1),
    );
  on("nets", place);
  place();
}

async function start() {
  await loadApp();
  const { payload } = app;
  document.title = byId("title").textContent = payload.title;
  const [first] = app.models;
  if (app.models.length === 1)
    byId("figure").textContent = [`${shownCount(first.parameters)} parameters`, first.figure?.text]
      .filter(Boolean)
      .join(", ");
  byId("about").textContent =
    `Made by cnnzoo ${payload.cnnzoo}. This file works without a network: the nets and their arithmetic are in it.`;
  if (payload.missing?.length) {
    byId("missing").hidden = false;
    byId("missing").replaceChildren(...payload.missing.map((/** @type {string} */ text) => make("li", { text })));
  }
  setUpTheme();
  setUpDrawing();
  showNets();
  setUpChanges();
  setUpInspector();
  setUpHints();
  setUpCompare();
  paintBoard(byId("board"), app.board);
  on("nets", showNets);
  setUpNetChoices();
  setUpSharing();
  if (!restoreState(location.hash)) {
    if (payload.images) setBoard(testImage(0), { kind: "test", index: 0 });
    else emit("board");
    refresh();
    on("values", selectFirst);
  }
  on("values", () => {
    const index = app.shown.find((/** @type {number} */ each) => app.models[each].kind === "classifier");
    if (index === undefined || !app.values[index]) return;
    const [guess, second] = guessInWords(app.models[index], app.values[index]).split(", then ");
    byId("short-answer").replaceChildren(make("b", { text: guess }), second ? ` then ${second}` : "");
  });
  on("settled", () => {
    const guesses = app.shown
      .filter((/** @type {number} */ index) => app.models[index].kind === "classifier")
      .map((/** @type {number} */ index) => guessInWords(app.models[index], app.values[index]));
    byId("answers").setAttribute("aria-label", guesses.join("; "));
  });
}

Object.assign(/** @type {any} */ (globalThis).cnnzoo, { app });
start();
