// Shifted drawings: what each net says where the drawing stands elsewhere.

import { forward } from "../engine/forward.js";
import { preprocess } from "../engine/preprocess.js";
import { className, rankedOutputs } from "./bars.js";
import { shiftBoard } from "./board.js";
import { announce, byId, make, makeButton } from "./dom.js";
import { shiftDrawing } from "./draw.js";
import { app, on, paperLevel } from "./state.js";

const REACH = 4;
let running = 0;

/** Return the class that a net sees in the drawing when it is moved. */
function guessAt(/** @type {number} */ index, /** @type {number} */ right, /** @type {number} */ down) {
  const model = app.models[index];
  const board = { ...app.board, data: shiftBoard(app.board, right, down, paperLevel()) };
  return rankedOutputs(model, forward(model, preprocess(model, board), { changes: app.changes[index] }))[0][0];
}

function tableOf(/** @type {number} */ index) {
  const model = app.models[index];
  const cells = new Map();
  const span = Array.from({ length: 2 * REACH + 1 }, (_, at) => at - REACH);
  const rows = span.map((down) =>
    make(
      "tr",
      {},
      ...span.map((right) => {
        const cell = make("td", { text: "·" });
        cells.set(`${right} ${down}`, cell);
        return cell;
      }),
    ),
  );
  const words = make("p", { class: "small", "data-model": index });
  const element = make(
    "figure",
    { class: "shifts" },
    make("figcaption", { text: model.title }),
    make("table", { "aria-label": `Answers of ${model.title} to the moved drawing` }, make("tbody", {}, ...rows)),
    words,
  );
  return { index, cells, words, element, same: 0, done: 0 };
}

function briefName(/** @type {string} */ name) {
  return name.length > 2 ? name.slice(0, 3) : name;
}

/** Move the drawing everywhere within four pixels, row by row so that the page stays smooth. */
function shiftEverywhere() {
  const nets = app.shown.filter((/** @type {number} */ index) => app.models[index].kind === "classifier").map(tableOf);
  byId("shift-tables").replaceChildren(...nets.map((/** @type {any} */ net) => net.element));
  const run = ++running;
  const centers = new Map(nets.map((/** @type {any} */ net) => [net, guessAt(net.index, 0, 0)]));
  const size = 2 * REACH + 1;
  const step = (/** @type {number} */ down) => {
    if (run !== running) return;
    for (const net of nets) {
      for (let right = -REACH; right <= REACH; right++) {
        const guess = guessAt(net.index, right, down);
        const cell = net.cells.get(`${right} ${down}`);
        const same = guess === centers.get(net);
        cell.textContent = briefName(className(app.models[net.index], guess));
        cell.className = `${same ? "same" : "other"}${right === 0 && down === 0 ? " middle" : ""}`;
        net.same += same ? 1 : 0;
        net.done += 1;
      }
      net.words.textContent = `keeps its answer at ${net.same} of ${net.done} places`;
    }
    if (down < REACH) setTimeout(() => step(down + 1));
    else
      announce(
        nets.map((/** @type {any} */ net) => `${app.models[net.index].title} ${net.words.textContent}`).join("; "),
      );
  };
  if (size) step(-REACH);
}

/** Set up the panel; it is open where two nets stand side by side. */
export function setUpCompare() {
  const classifiers = () => app.shown.filter((/** @type {number} */ index) => app.models[index].kind === "classifier");
  const show = () => {
    if (!classifiers().length || !app.models[0].classes) return byId("compare").replaceChildren();
    byId("compare").replaceChildren(
      make(
        "details",
        { class: "panel", open: app.shown.length > 1 },
        make("summary", { class: "quiet", text: "Does the answer survive a shift?" }),
        make(
          "div",
          { class: "tools" },
          makeButton("Shift the drawing two pixels right", () => shiftDrawing(2, 0), { id: "shift-two" }),
          makeButton("Try every shift up to four pixels", shiftEverywhere, { id: "shift-all" }),
        ),
        make("div", { id: "shift-tables", class: "grids" }),
      ),
    );
  };
  on("shown", show);
  on("board", () => {
    running += 1;
    if (byId("shift-tables")?.children.length) byId("shift-tables").replaceChildren();
  });
  show();
}
