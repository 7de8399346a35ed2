// An autoencoder's code: sliders, the plane of test codes, principal components beside it, interpolation, noise.

import { squaredError } from "../engine/accuracy.js";
import { decode } from "../engine/forward.js";
import { preprocess } from "../engine/preprocess.js";
import { gappedBoard, noisyBoard } from "./board.js";
import { shownTheme } from "./colors.js";
import { announce, byId, make, makeButton, settled, shownNumber } from "./dom.js";
import { replaceBoard, shiftDrawing } from "./draw.js";
import { layoutOf, paintMaps } from "./maps.js";
import { app, layerOf, on, paperLevel, refresh } from "./state.js";

const CLASS_COLORS = {
  light: ["#1f5fa8", "#c2571a", "#2f7d3b", "#b3262e", "#7a4fb0", "#855240", "#b8428f", "#5d6670", "#8a7a00", "#0f8594"],
  dark: ["#7fb2f0", "#ffa066", "#86cf8f", "#ff8a8f", "#c3a2f0", "#cfa593", "#f29ad2", "#b5bdc7", "#d9cb55", "#6fd3e0"],
};
const MOST_SLIDERS = 64;

/** Return an input rebuilt from its principal components. @returns {Float32Array} */
export function rebuilt(
  /** @type {Float32Array} */ input,
  /** @type {{mean: any, components: any, count: number}} */ { mean, components, count },
) {
  const result = Float32Array.from(mean);
  for (let unit = 0; unit < count; unit++) {
    let score = 0;
    for (let at = 0; at < input.length; at++) score += (input[at] - mean[at]) * components[at * count + unit];
    for (let at = 0; at < input.length; at++) result[at] += score * components[at * count + unit];
  }
  return result;
}

/** What is kept for noise: the drawing before it. */
const spoiled = { clean: /** @type {Uint8ClampedArray | null} */ (null) };

function spoil(/** @type {(board: any) => Uint8ClampedArray} */ act) {
  const clean = app.source.kind === "noised" && spoiled.clean ? spoiled.clean : app.board.data.slice();
  replaceBoard(act(app.board), { kind: "noised" });
  spoiled.clean = clean;
}

/** Make the panel of one autoencoder. */
export function makeCodeLab(/** @type {number} */ index) {
  const model = app.models[index];
  const size = model.code
    ? layerOf(model, model.code).shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1)
    : 0;
  const codes = model.codes && size ? readCodes(model) : null;
  const pca = model.pca
    ? { mean: model.pca.mean.data, components: model.pca.components.data, count: model.pca.components.shape[1] }
    : null;
  const limits = Array.from({ length: size }, (_, unit) => (codes ? codes.limits[unit] : [-4, 4]));

  // === Pictures ===
  const picture = (/** @type {string} */ name) => {
    const canvas = make("canvas", { role: "img", "aria-label": name });
    const caption = make("figcaption", {});
    return { canvas, caption, element: make("figure", {}, make("b", { class: "small", text: name }), canvas, caption) };
  };
  const pictures = {
    input: picture("the net's input"),
    output: picture("from the code"),
    pca: picture(`from ${size} principal components`),
  };
  const layout = { ...layoutOf(model.input.shape, 400), scale: Math.max(1, Math.round(112 / model.input.shape[1])) };
  const paint = (/** @type {any} */ canvas, /** @type {Float32Array} */ data, scale = layout.scale) =>
    paintImage(canvas, data, model.input.shape, scale);

  // === Sliders ===
  const set = () => app.changes[index].set[model.code] ?? {};
  const isSet = () => Object.keys(set()).length > 0;
  const setCode = (/** @type {Object<string, number>} */ values) => {
    app.changes[index].set[model.code] = { ...set(), ...values };
    refresh({ model: index, from: model.code });
  };
  const release = () => {
    delete app.changes[index].set[model.code];
    refresh({ model: index, from: null });
  };
  const sliders = limits.slice(0, MOST_SLIDERS).map(([low, high], unit) => {
    const input = make("input", {
      type: "range",
      min: low,
      max: high,
      step: (high - low) / 200 || 0.01,
      "aria-label": `Code number ${unit}`,
      on: {
        input: (/** @type {any} */ event) => setCode({ [unit]: Number(event.target.value) }),
      },
    });
    const value = make("output", { class: "small faint" });
    return {
      input,
      value,
      element: make(
        "div",
        { class: "slider" },
        make("span", { class: "small faint", text: String(unit) }),
        input,
        value,
      ),
    };
  });
  const releaseButton = makeButton("Back to the drawing's code", release, { disabled: true });

  // === The plane ===
  const plane = codes ? makePlane(index, codes, setCode) : null;

  // === Interpolation ===
  const ends = /** @type {any[]} */ ([null, null]);
  const strip = make("div", { class: "strip", role: "img", "aria-label": "No two drawings are kept yet" });
  const keep = (/** @type {number} */ end) => {
    ends[end] = {
      code: app.values[index].get(model.code).data.slice(),
      input: preprocess(model, app.board),
      output: app.values[index].get(model.output).data.slice(),
    };
    interpolate();
  };
  const interpolate = () => {
    if (!ends[0] || !ends[1]) {
      strip.replaceChildren(
        make("small", {
          text: ends[0]
            ? "A is kept. Draw another one and keep it as B."
            : ends[1]
              ? "B is kept. Keep another one as A."
              : "",
        }),
      );
      return;
    }
    const steps = 8;
    const images = Array.from({ length: steps + 1 }, (_, step) => {
      const share = step / steps;
      const code = ends[0].code.map(
        (/** @type {number} */ value, /** @type {number} */ unit) => (1 - share) * value + share * ends[1].code[unit],
      );
      const canvas = make("canvas", { "aria-hidden": "true" });
      paint(canvas, decodedFrom(index, code), Math.max(1, Math.round(layout.scale / 2)));
      const blend = make("canvas", { "aria-hidden": "true" });
      paint(
        blend,
        ends[0].input.map(
          (/** @type {number} */ value, /** @type {number} */ at) => (1 - share) * value + share * ends[1].input[at],
        ),
        Math.max(1, Math.round(layout.scale / 2)),
      );
      return make("div", {}, canvas, blend);
    });
    strip.replaceChildren(...images);
    strip.setAttribute(
      "aria-label",
      `${steps + 1} images from drawing A to drawing B: above decoded from codes between theirs, below their pixels mixed`,
    );
    announce("Interpolated between A and B");
  };

  const element = make(
    "section",
    { class: "panel lab", "aria-label": `Code of ${model.title}`, "data-model": index },
    make("h2", {
      text: app.models.length > 1 ? model.title : size ? `Through ${size} numbers and back` : "Reconstruction",
    }),
    make(
      "div",
      { class: "pictures" },
      pictures.input.element,
      make("span", { class: "sign faint", text: "→" }),
      pictures.output.element,
      pca ? pictures.pca.element : null,
    ),
    make("p", { class: "small", id: `denoised-${index}`, hidden: true }),
    make(
      "div",
      { class: "tools", role: "group", "aria-label": "Noise" },
      makeButton(
        "Rub noise over it",
        () => spoil((board) => noisyBoard(board, 0.2, 1 + Math.floor(Math.random() * 1e9))),
        { class: "noise" },
      ),
      makeButton("Cut a gap", () => spoil((board) => gappedBoard(board, paperLevel())), { class: "gap" }),
      makeButton("Shift it two pixels", () => shiftDrawing(2, 0)),
    ),
    size
      ? make(
          "div",
          { class: "codes" },
          plane?.element,
          make(
            "div",
            {},
            make("h3", { text: "The code" }),
            make("p", { class: "small faint", text: "Move a number: the decoder draws what it stands for." }),
            make(
              "div",
              { class: `sliders${sliders.length > 12 ? " many" : ""}` },
              ...sliders.map((slider) => slider.element),
            ),
            releaseButton,
          ),
        )
      : null,
    size
      ? make(
          "div",
          { class: "between" },
          make(
            "div",
            { class: "tools" },
            make("h3", { text: "Between two drawings" }),
            makeButton("Keep as A", () => keep(0), { class: "keep-a" }),
            makeButton("Keep as B", () => keep(1), { class: "keep-b" }),
          ),
          strip,
        )
      : null,
  );

  const draw = () => {
    const values = app.values[index];
    if (!values) return;
    const input = values.get(model.input.name)?.data ?? preprocess(model, app.board);
    const output = values.get(model.output).data;
    paint(pictures.input.canvas, input);
    paint(pictures.output.canvas, output);
    pictures.output.caption.textContent = isSet()
      ? "the code is yours"
      : `squared error ${shownNumber(squaredError(input, output), 2)}`;
    if (pca) {
      const linear = rebuilt(input, pca);
      paint(pictures.pca.canvas, linear);
      pictures.pca.caption.textContent = `squared error ${shownNumber(squaredError(input, linear), 2)}`;
    }
    if (!size) return;
    const code = values.get(model.code).data;
    sliders.forEach((slider, unit) => {
      if (document.activeElement !== slider.input || !isSet()) slider.input.value = String(code[unit]);
      slider.value.textContent = shownNumber(code[unit], 1);
    });
    if (releaseButton.disabled === isSet()) releaseButton.disabled = !isSet();
    plane?.place(code);
  };
  const describe = () => {
    const values = app.values[index];
    if (!values) return;
    pictures.input.canvas.setAttribute("aria-label", `The net's input, ${model.input.shape.join(" × ")}`);
    pictures.output.canvas.setAttribute(
      "aria-label",
      `The reconstruction from ${size || "the code's"} numbers: ${pictures.output.caption.textContent}`,
    );
    if (pca)
      pictures.pca.canvas.setAttribute(
        "aria-label",
        `The reconstruction from ${pca.count} principal components: ${pictures.pca.caption.textContent}`,
      );
    const line = element.querySelector(`#denoised-${index}`);
    const noised = app.source.kind === "noised" && spoiled.clean;
    line.hidden = !noised;
    if (noised) {
      const clean = preprocess(model, { ...app.board, data: spoiled.clean });
      const [from, to] = [preprocess(model, app.board), values.get(model.output).data].map((each) =>
        shownNumber(squaredError(clean, each), 1),
      );
      line.textContent = `Against the drawing before the noise: squared error ${from} of the noisy one, ${to} of the reconstruction.`;
    }
  };
  on("values", draw, element);
  on("settled", describe, element);
  on("theme", () => plane?.paint(), element);
  interpolate();
  return element;
}

function paintImage(
  /** @type {any} */ canvas,
  /** @type {Float32Array} */ data,
  /** @type {number[]} */ shape,
  /** @type {number} */ scale,
) {
  const [height, width, depth] = shape.length === 3 ? shape : [1, shape[0], 1];
  if (depth !== 3) {
    paintMaps(
      canvas,
      data,
      { height, width, maps: depth, shown: 1, columns: 1, cell: 1, gap: 0, scale },
      { gray: true, range: [0, 1] },
    );
    return;
  }
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  let [low, high] = [0, 1];
  for (const value of data) [low, high] = [Math.min(low, value), Math.max(high, value)];
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++)
      image.data[4 * pixel + channel] = (255 * (data[3 * pixel + channel] - low)) / (high - low);
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  Object.assign(canvas.style, { width: `${width * scale}px`, height: `${height * scale}px` });
}

/** Return what the decoder makes of a code. @returns {Float32Array} */
export function decodedFrom(/** @type {number} */ index, /** @type {ArrayLike<number>} */ code) {
  const model = app.models[index];
  const decoded = decode(model, Float32Array.from(code), { ...app.changes[index], set: {} });
  return /** @type {any} */ (decoded.get(model.output)).data;
}

function readCodes(/** @type {any} */ model) {
  const {
    values: {
      data: values,
      shape: [count, size],
    },
    mean: { data: mean },
  } = model.codes;
  const plane = model.codes.plane?.data;
  const directions = plane
    ? [0, 1].map((axis) => Array.from({ length: size }, (_, unit) => plane[unit * 2 + axis]))
    : [0, 1].map((axis) => Array.from({ length: size }, (_, unit) => Number(unit === axis)));
  const project = (/** @type {ArrayLike<number>} */ code, at = 0) =>
    directions.map((direction) =>
      direction.reduce((sum, weight, unit) => sum + weight * (code[at + unit] - mean[unit]), 0),
    );
  const points = Array.from({ length: count }, (_, row) => project(values, row * size));
  const limits = Array.from({ length: size }, (_, unit) => {
    let [low, high] = [Infinity, -Infinity];
    for (let row = 0; row < count; row++)
      [low, high] = [Math.min(low, values[row * size + unit]), Math.max(high, values[row * size + unit])];
    return [low, high];
  });
  return { values, count, size, directions, project, points, limits, labels: model.codes.labels };
}

function makePlane(
  /** @type {number} */ index,
  /** @type {any} */ codes,
  /** @type {(values: Object<string, number>) => void} */ setCode,
) {
  const model = app.models[index];
  const canvas = make("canvas", { tabindex: "0", role: "application", "aria-roledescription": "plane of codes" });
  const dot = make("i", { class: "dot" });
  const element = make(
    "figure",
    { class: "plane" },
    make("h3", { text: `The codes of ${codes.count.toLocaleString("en-US")} test images` }),
    make("div", { class: "stage" }, canvas, dot),
    make("figcaption", {
      text:
        codes.size > 2
          ? `Drag the point: it decodes the code there. The plane is the widest of the ${codes.size} directions; the other ${codes.size - 2} are those of the nearest test image.`
          : "Drag the point: it decodes the code there.",
    }),
  );
  const bounds = [0, 1].map((axis) => {
    const sorted = codes.points
      .map((/** @type {number[]} */ point) => point[axis])
      .sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
    const [low, high] = [sorted[0], sorted.at(-1)];
    return [low - 0.04 * (high - low), high + 0.04 * (high - low)];
  });
  const unit = (/** @type {number[]} */ point) => [
    (point[0] - bounds[0][0]) / (bounds[0][1] - bounds[0][0] || 1),
    1 - (point[1] - bounds[1][0]) / (bounds[1][1] - bounds[1][0] || 1),
  ];
  const SIDE = 640;
  const view = {
    element,
    at: [0, 0],
    paint() {
      const context = canvas.getContext("2d");
      [canvas.width, canvas.height] = [SIDE, SIDE];
      const colors = CLASS_COLORS[shownTheme()];
      context.globalAlpha = 0.65;
      codes.points.forEach((/** @type {number[]} */ point, /** @type {number} */ row) => {
        const [x, y] = unit(point);
        context.fillStyle = colors[codes.labels[row] % 10];
        context.beginPath();
        context.arc(x * SIDE, y * SIDE, 5, 0, 7);
        context.fill();
      });
      context.globalAlpha = 1;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.lineWidth = 8;
      context.strokeStyle = shownTheme() === "dark" ? "#1c1d20" : "#ffffff";
      const names = app.payload.images?.classes ?? [];
      for (const label of [...new Set(codes.labels)].sort()) {
        const own = codes.points
          .filter((/** @type {any} */ _, /** @type {number} */ row) => codes.labels[row] === label)
          .map(unit);
        const middle = [0, 1].map(
          (axis) =>
            own
              .map((/** @type {number[]} */ point) => point[axis])
              .sort((/** @type {number} */ a, /** @type {number} */ b) => a - b)[own.length >> 1] * SIDE,
        );
        const name = String(names[/** @type {number} */ (label)] ?? label);
        context.font = `700 ${name.length > 2 ? 22 : 34}px system-ui, sans-serif`;
        context.strokeText(name, middle[0], middle[1]);
        context.fillStyle = colors[/** @type {number} */ (label) % 10];
        context.fillText(name, middle[0], middle[1]);
      }
    },
    place(/** @type {ArrayLike<number>} */ code) {
      view.at = codes.project(code);
      const [x, y] = unit(view.at).map((share) => Math.max(0, Math.min(1, share)));
      Object.assign(dot.style, { left: `${100 * x}%`, top: `${100 * y}%` });
      describe();
    },
  };
  const moveTo = (/** @type {number[]} */ target) => {
    let [best, least] = [0, Infinity];
    codes.points.forEach((/** @type {number[]} */ point, /** @type {number} */ row) => {
      const distance = (point[0] - target[0]) ** 2 + (point[1] - target[1]) ** 2;
      if (distance < least) [best, least] = [row, distance];
    });
    const step = [0, 1].map((axis) => target[axis] - codes.points[best][axis]);
    setCode(
      Object.fromEntries(
        Array.from({ length: codes.size }, (_, each) => [
          each,
          codes.values[best * codes.size + each] +
            step[0] * codes.directions[0][each] +
            step[1] * codes.directions[1][each],
        ]),
      ),
    );
    return best;
  };
  const describe = settled(() =>
    canvas.setAttribute(
      "aria-label",
      `Plane of ${codes.count} test codes of ${model.title}, colored by class. The point is at ${shownNumber(view.at[0], 1)}, ${shownNumber(view.at[1], 1)}. Arrow keys move it.`,
    ),
  );
  const target = (/** @type {any} */ event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
    return [bounds[0][0] + x * (bounds[0][1] - bounds[0][0]), bounds[1][0] + y * (bounds[1][1] - bounds[1][0])];
  };
  let drags = false;
  canvas.addEventListener("pointerdown", (/** @type {any} */ event) => {
    drags = true;
    canvas.setPointerCapture(event.pointerId);
    moveTo(target(event));
  });
  canvas.addEventListener("pointermove", (/** @type {any} */ event) => {
    if (drags) moveTo(target(event));
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (drags = false));
  canvas.addEventListener("keydown", (/** @type {any} */ event) => {
    const moves = /** @type {Object<string, number[]>} */ ({
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
    });
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const best = moveTo([0, 1].map((axis) => view.at[axis] + (move[axis] * (bounds[axis][1] - bounds[axis][0])) / 40));
    announce(`Near a test image of class ${app.payload.images?.classes?.[codes.labels[best]] ?? codes.labels[best]}`);
  });
  view.paint();
  return view;
}

/** Show the panels of the autoencoders on the page. */
export function showCodeLabs() {
  byId("code-lab").replaceChildren(
    ...app.shown.filter((/** @type {number} */ index) => app.models[index].kind === "autoencoder").map(makeCodeLab),
  );
}
