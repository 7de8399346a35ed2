// The page: its parts, put together.

import { byId, make, shownCount } from "./dom.js";
import { app, on, emit, loadApp, refresh } from "./state.js";
import { setUpDrawing, chooseTestImage, paintBoard } from "./draw.js";
import { makeAnswer, guessInWords } from "./bars.js";
import { makeNet, views } from "./maps.js";
import { setUpInspector } from "./inspect.js";
import { setUpChanges } from "./interfere.js";
import { setUpHints } from "./hints.js";
import { setUpCompare } from "./compare.js";
import { showCodeLabs } from "./autoencoder.js";

/** Build the panels of the nets that are shown. */
function showNets() {
  views.clear();
  document.body.className = app.shown.length > 1 ? "two" : "one";
  byId("answers").replaceChildren(...app.shown.filter((/** @type {number} */ index) => app.models[index].kind === "classifier").map(makeAnswer));
  showCodeLabs();
  byId("nets").replaceChildren(...app.shown.map(makeNet));
  for (const view of views.values()) view.place();
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

async function start() {
  await loadApp();
  const { payload } = app;
  document.title = byId("title").textContent = payload.title;
  const [first] = app.models;
  if (app.models.length === 1) byId("figure").textContent = [`${shownCount(first.parameters)} parameters`, first.figure?.text].filter(Boolean).join(", ");
  byId("about").textContent = `Made by cnnzoo ${payload.cnnzoo}. This file works without a network: the nets and their arithmetic are in it.`;
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
  on("board", () => {});
  paintBoard(byId("board"), app.board);
  emit("board");
  if (payload.images) chooseTestImage(0);
  refresh();
  on("values", () => {
    const index = app.shown.find((/** @type {number} */ each) => app.models[each].kind === "classifier");
    if (index === undefined || !app.values[index]) return;
    const [guess, second] = guessInWords(app.models[index], app.values[index]).split(", then ");
    byId("short-answer").replaceChildren(make("b", { text: guess }), second ? ` then ${second}` : "");
  });
  on("settled", () => {
    const guesses = app.shown.filter((/** @type {number} */ index) => app.models[index].kind === "classifier").map((/** @type {number} */ index) => guessInWords(app.models[index], app.values[index]));
    byId("answers").setAttribute("aria-label", guesses.join("; "));
  });
}

Object.assign(/** @type {any} */ (globalThis).cnnzoo ??= {}, { app });
start();
