// What is unusual about the drawing, for a net that was trained on digits in the middle: a sentence, and a way to mend it.

import { inkOf, invertBoard } from "./board.js";
import { byId, makeButton } from "./dom.js";
import { replaceBoard, shiftDrawing } from "./draw.js";
import { app, on, paperLevel } from "./state.js";

/**
 * Return a hint about a drawing, or null.
 * @param {import("./state.js").Board} board
 * @param {{paper: number, gray: boolean, drawn: boolean}} about paper: its level; drawn: whether it is the reader's own
 * @returns {{kind: string, text: string, mend?: string, by?: number[]} | null}
 */
export function hintFor(board, { paper, gray, drawn }) {
  if (!drawn) return null;
  if (!gray)
    return {
      kind: "photographs",
      text: "The net was trained on photographs: take a test image, or open one of your own.",
    };
  const about = inkOf(board, paper);
  const [ink, ground] = paper < 128 ? ["white", "black"] : ["black", "white"];
  const scale = board.width / 28;
  if (about.ink < 0.002)
    return { kind: "empty", text: "Empty. Draw with the mouse, a finger, or the arrow keys and space." };
  if (about.border > 0.6 || (about.ink > 0.5 && about.border > 0.3)) {
    return {
      kind: "inverted",
      text: `The net was trained on ${ink} ink on ${ground}, and here the ground is ${ink}.`,
      mend: "Invert",
    };
  }
  const right = Math.round(board.width / 2 - about.x);
  const down = Math.round(board.height / 2 - about.y);
  if (Math.hypot(right, down) > 3 * scale) {
    return {
      kind: "shifted",
      text: "The drawing is off the middle; the net's training images have their center of mass there.",
      mend: "Center it",
      by: [right, down],
    };
  }
  if (Math.max(about.bottom - about.top, about.right - about.left) < 11 * scale) {
    return { kind: "small", text: "The drawing is small: the training images fill about 20 of 28 pixels." };
  }
  if (about.stroke < 1.1 * scale)
    return {
      kind: "thin",
      text: "The stroke is thinner than those that the net was trained on, of about 2 to 4 pixels: its answer may be a guess.",
    };
  if (about.stroke > 4.6 * scale)
    return {
      kind: "thick",
      text: "The stroke is thicker than those that the net was trained on, of about 2 to 4 pixels: its answer may be a guess.",
    };
  return null;
}

/** Show a hint whenever the drawing has come to rest. */
export function setUpHints() {
  const line = byId("hint");
  on("settled", () => {
    const hint = hintFor(app.board, {
      paper: paperLevel(),
      gray: app.board.channels === 1,
      drawn: app.source.kind === "drawing",
    });
    if (line.dataset.kind === (hint?.kind ?? "") && line.textContent) return;
    line.dataset.kind = hint?.kind ?? "";
    line.className = hint && hint.kind !== "empty" ? "speaks" : "";
    line.replaceChildren(hint?.text ?? "");
    if (hint?.mend) {
      line.append(
        " ",
        makeButton(hint.mend, () => mend(hint.kind), { class: "link" }),
      );
    }
  });
}

function mend(/** @type {string} */ kind) {
  if (kind === "inverted") return replaceBoard(invertBoard(app.board));
  const about = inkOf(app.board, paperLevel());
  shiftDrawing(Math.round(app.board.width / 2 - about.x), Math.round(app.board.height / 2 - about.y));
}
