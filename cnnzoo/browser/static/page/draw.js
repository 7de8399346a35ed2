// The drawing: pen and eraser by mouse, touch and keys, shift and undo, and pictures from files and test images.

import { cropAndResize, imageAt, withChannels } from "../engine/preprocess.js";
import { drawStroke, inkOf, onWhite, shiftBoard } from "./board.js";
import { announce, byId, make, makeButton, notify, settled } from "./dom.js";
import { app, emit, emptyBoard, on, paperLevel, refresh, refreshNow, setBoard } from "./state.js";

const pen = { size: 2.4, erases: false, down: false, x: 14, y: 14, at: [0, 0] };
/** @type {Array<{data: Uint8ClampedArray, source: any}>} */
const past = [];

/** Remember the drawing as it is, for undo. */
export function remember() {
  past.push({ data: app.board.data.slice(), source: app.source });
  if (past.length > 100) past.shift();
  byId("undo").disabled = false;
}

function undo() {
  const before = past.pop();
  byId("undo").disabled = past.length === 0;
  if (before) setBoard(before.data, before.source);
}

/** Replace the drawing by another picture; undo brings it back. */
export function replaceBoard(/** @type {ArrayLike<number>} */ data, /** @type {any} */ source = { kind: "drawing" }) {
  remember();
  setBoard(data, source);
}

/** Move the drawing by whole pixels. */
export function shiftDrawing(/** @type {number} */ right, /** @type {number} */ down) {
  replaceBoard(shiftBoard(app.board, right, down, paperLevel()));
}

function inkColor() {
  const paper = paperLevel();
  if (pen.erases) return [paper, paper, paper];
  if (app.board.channels === 1) return [255 - paper];
  const color = byId("pen-color").value;
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

function stroke(/** @type {number[]} */ from, /** @type {number[]} */ to) {
  drawStroke(app.board, from, to, pen.size, inkColor());
  app.source = { kind: "drawing" };
  emit("board");
  refresh();
}

/** Paint a board into a canvas of its own size. */
export function paintBoard(/** @type {any} */ canvas, /** @type {import("./state.js").Board} */ board) {
  const { width, height, channels: depth, data } = board;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      picture.data[4 * pixel + channel] = data[pixel * depth + (depth === 1 ? 0 : channel)];
    }
    picture.data[4 * pixel + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}

function placeCursor() {
  const cursor = byId("pen-cursor");
  const { width, height } = app.board;
  cursor.style.left = `${(100 * (pen.x + 0.5)) / width}%`;
  cursor.style.top = `${(100 * (pen.y + 0.5)) / height}%`;
  cursor.style.width = `${(100 * Math.max(1, pen.size)) / width}%`;
  cursor.style.height = `${(100 * Math.max(1, pen.size)) / height}%`;
  cursor.classList.toggle("down", pen.down);
}

const ARROWS = /** @type {Object<string, number[]>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
});

function pressed(/** @type {any} */ event) {
  if (event.key in ARROWS && !event.altKey && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const [right, down] = ARROWS[event.key];
    const from = [pen.x + 0.5, pen.y + 0.5];
    pen.x = Math.max(0, Math.min(app.board.width - 1, pen.x + right));
    pen.y = Math.max(0, Math.min(app.board.height - 1, pen.y + down));
    if (pen.down) stroke(from, [pen.x + 0.5, pen.y + 0.5]);
    else announce(`Row ${pen.y}, column ${pen.x}`);
    placeCursor();
  } else if (event.key === " " || event.key === "Enter") {
    event.preventDefault();
    pen.down = !pen.down;
    if (pen.down) {
      remember();
      stroke([pen.x + 0.5, pen.y + 0.5], [pen.x + 0.5, pen.y + 0.5]);
    }
    announce(pen.down ? "Pen down: the arrow keys draw" : "Pen up");
    placeCursor();
  } else if (event.key.toLowerCase() === "e" && !event.ctrlKey && !event.metaKey) {
    choosePen(!pen.erases);
    announce(pen.erases ? "Eraser" : "Pen");
  }
}

function choosePen(/** @type {boolean} */ erases) {
  pen.erases = erases;
  byId("pen").setAttribute("aria-pressed", String(!erases));
  byId("eraser").setAttribute("aria-pressed", String(erases));
}

function followPointer(/** @type {any} */ canvas) {
  const at = (/** @type {any} */ event) => {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * app.board.width) / box.width,
      ((event.clientY - box.top) * app.board.height) / box.height,
    ];
  };
  let draws = false;
  canvas.addEventListener("pointerdown", (/** @type {any} */ event) => {
    if (event.button > 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    draws = true;
    canvas.parentElement.classList.add("by-pointer");
    remember();
    pen.at = at(event);
    stroke(pen.at, pen.at);
  });
  canvas.addEventListener("pointermove", (/** @type {any} */ event) => {
    if (!draws) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) {
      const to = at(move);
      drawStroke(app.board, pen.at, to, pen.size, inkColor());
      pen.at = to;
    }
    app.source = { kind: "drawing" };
    emit("board");
    refresh();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      draws = false;
      [pen.x, pen.y] = pen.at.map((value, axis) =>
        Math.max(0, Math.min([app.board.width, app.board.height][axis] - 1, Math.floor(value))),
      );
      placeCursor();
    });
  }
  canvas.addEventListener("keydown", (/** @type {any} */ event) => {
    canvas.parentElement.classList.remove("by-pointer");
    pressed(event);
  });
}

/** Put a file's picture on the board, brought to the data's size as the preprocessing does it. */
export async function takeFile(/** @type {Blob & {name?: string}} */ file) {
  const named = file.name || "The picture";
  try {
    const bitmap = await createImageBitmap(file);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    const context = /** @type {any} */ (canvas.getContext("2d", { willReadFrequently: true }));
    context.drawImage(bitmap, 0, 0);
    const bytes = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
    const { width, height, channels: depth } = app.board;
    const image = withChannels(onWhite(bytes, bitmap.width, bitmap.height), depth);
    const sized = image.width === width && image.height === height ? image : cropAndResize(image, height, width);
    replaceBoard(Uint8ClampedArray.from(sized.data), { kind: "drawing" });
    const reduced =
      sized === image ? "" : `, reduced to ${width} × ${height} pixels as the net's preprocessing does it`;
    notify(`${named}: ${bitmap.width} × ${bitmap.height} pixels${reduced}.`);
  } catch {
    notify(`${named} is no image that this browser can read. PNG, JPEG, GIF and WebP work everywhere.`, "error");
  }
}

function takeTransferred(/** @type {any} */ transfer) {
  const files = [...(transfer?.files ?? [])];
  const file = files.find((each) => each.type.startsWith("image/")) ?? files[0];
  if (file) takeFile(file);
  return Boolean(file);
}

// === Test images ===

const gallery = { first: 0, label: -1, size: 12 };

/** Return a test image's pixels. */
export function testImage(/** @type {number} */ index) {
  return imageAt(app.payload.images, app.block, index).data;
}

/** Put a test image on the board. */
export function chooseTestImage(/** @type {number} */ index) {
  replaceBoard(testImage(index), { kind: "test", index });
}

/** Return the name of a test image's class. */
export function testLabel(/** @type {number} */ index) {
  const { images } = app.payload;
  return images.labels ? (images.classes?.[images.labels[index]] ?? String(images.labels[index])) : "";
}

function galleryIndices() {
  const { images } = app.payload;
  const all = Array.from({ length: images.count }, (_, index) => index);
  return gallery.label < 0 ? all : all.filter((index) => images.labels[index] === gallery.label);
}

function showGallery() {
  const indices = galleryIndices();
  if (gallery.first >= indices.length) gallery.first = 0;
  const page = indices.slice(gallery.first, gallery.first + gallery.size);
  const [height, width, depth] = app.payload.images.shape;
  byId("gallery").replaceChildren(
    ...page.map((index) => {
      const canvas = make("canvas", { "aria-hidden": "true" });
      paintBoard(canvas, { width, height, channels: depth, data: /** @type {any} */ (testImage(index)) });
      const label = `Test image ${index}${testLabel(index) ? `: ${testLabel(index)}` : ""}`;
      const button = makeButton("", () => chooseTestImage(index), {
        class: "thumbnail",
        "aria-label": label,
        title: label,
        "data-index": index,
      });
      button.append(canvas);
      return button;
    }),
  );
  markChosen();
}

function markChosen() {
  for (const button of byId("gallery").children) {
    button.setAttribute(
      "aria-pressed",
      String(app.source.kind === "test" && Number(button.dataset.index) === app.source.index),
    );
  }
}

function setUpGallery() {
  const { images } = app.payload;
  if (!images) {
    byId("test-images").hidden = true;
    return;
  }
  const classes = images.labels ? [...new Set(images.labels)].sort((a, b) => a - b) : [];
  byId("gallery-class").append(
    make("option", { value: "-1", text: "all classes" }),
    ...classes.map((label) => make("option", { value: String(label), text: images.classes?.[label] ?? String(label) })),
  );
  byId("gallery-class").hidden = classes.length === 0;
  byId("gallery-class").addEventListener("change", (/** @type {any} */ event) => {
    [gallery.label, gallery.first] = [Number(event.target.value), 0];
    showGallery();
  });
  byId("gallery-next").addEventListener("click", () => {
    gallery.first += gallery.size;
    showGallery();
  });
  showGallery();
}

// === Setting up ===

/** Return the drawing in words. */
export function boardInWords() {
  const { width, height } = app.board;
  const size = `${width} × ${height} pixels`;
  if (app.source.kind === "test") return `Test image ${app.source.index}, ${testLabel(app.source.index)}, ${size}`;
  const ink = inkOf(app.board, paperLevel());
  if (ink.ink < 0.002) return `Empty drawing, ${size}`;
  return `Drawing, ${size}, ink in rows ${ink.top} to ${ink.bottom} and columns ${ink.left} to ${ink.right}`;
}

/** Make the drawing answer to pointer, keys, files and buttons. */
export function setUpDrawing() {
  const canvas = byId("board");
  canvas.style.aspectRatio = `${app.board.width} / ${app.board.height}`;
  [pen.x, pen.y] = [Math.floor(app.board.width / 2), Math.floor(app.board.height / 2)];
  pen.size = (2.4 * app.board.width) / 28;
  byId("pen-size").value = String(pen.size);
  followPointer(canvas);
  byId("pen").addEventListener("click", () => choosePen(false));
  byId("eraser").addEventListener("click", () => choosePen(true));
  byId("pen-size").addEventListener("input", (/** @type {any} */ event) => {
    pen.size = Number(event.target.value);
    placeCursor();
  });
  byId("pen-color-label").hidden = app.board.channels === 1;
  byId("clear").addEventListener("click", () =>
    replaceBoard(emptyBoard([app.board.height, app.board.width, app.board.channels]).data),
  );
  byId("undo").addEventListener("click", undo);
  for (const button of document.querySelectorAll("[data-shift]")) {
    const [right, down] = /** @type {any} */ (button).dataset.shift.split(" ").map(Number);
    button.addEventListener("click", () => shiftDrawing(right, down));
  }
  byId("upload").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", (/** @type {any} */ event) => {
    if (event.target.files[0]) takeFile(event.target.files[0]);
    event.target.value = "";
  });
  document.addEventListener("paste", (event) => {
    if (takeTransferred(event.clipboardData)) event.preventDefault();
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  for (const end of ["dragleave", "drop"])
    document.addEventListener(end, () => document.body.classList.remove("dragging"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    takeTransferred(event.dataTransfer);
  });
  document.addEventListener("keydown", (event) => {
    const typing = /** @type {any} */ (event.target).closest?.(
      "input:not([type=range]):not([type=checkbox]), textarea, select",
    );
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) {
      event.preventDefault();
      undo();
    }
  });
  on("board", () => {
    paintBoard(canvas, app.board);
    if (app.payload.images) markChosen();
  });
  const describe = settled(() =>
    canvas.setAttribute(
      "aria-label",
      `${boardInWords()}. Arrow keys move the pen, space lowers and lifts it, E erases.`,
    ),
  );
  on("board", describe);
  setUpGallery();
  placeCursor();
  choosePen(false);
  return refreshNow;
}
