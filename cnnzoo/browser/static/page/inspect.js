// The arithmetic of one value: its field, its window, every product, the sum, the activation.

import { explain } from "../engine/explain.js";
import { className } from "./bars.js";
import { colorOf, inkUpon } from "./colors.js";
import { byId, make, makeButton, settled, shownCount, shownNumber } from "./dom.js";
import { editWeights, isSilenced, toggleSilence, unitOf } from "./interfere.js";
import { views } from "./maps.js";
import { app, layerOf, on, select } from "./state.js";
import { activationInWords, arithmetic, layerInWords, PASSING, placeInWords, planes, positionOf } from "./words.js";

const shown = { channel: -1, all: false, sliding: 0, edited: /** @type {any} */ (null) };

/** Return the explanation of the value that is selected, or null. @returns {any} */
export function explained() {
  const { selection } = app;
  if (!selection || !app.values[selection.model]) return null;
  if (selection.layer === app.models[selection.model].input.name) return inputAbout(selection);
  return explain(
    app.models[selection.model],
    app.values[selection.model],
    selection.layer,
    selection.index,
    app.changes[selection.model],
  );
}

/** A value of the input has no arithmetic: the preprocessing made it. */
function inputAbout(/** @type {any} */ selection) {
  const value = app.values[selection.model].get(selection.layer).data[selection.index];
  return {
    kind: "input",
    terms: [],
    value,
    field: null,
    window: null,
    sentence: "The preprocessing made it of the drawing's pixel",
  };
}

/** Return where a term's weight lies in the layer's kernel, or null where it cannot be edited. */
function weightIndexOf(/** @type {any} */ layer, /** @type {any} */ term, /** @type {any} */ about) {
  const { kernel } = layer.weights;
  if (!kernel || term.weight === null) return null;
  const unit = about.at.at(-1);
  if (layer.kind === "dense" || layer.kind === "gaussian_code")
    return term.index < 0 ? null : (term.index % kernel.shape[0]) * kernel.shape[1] + unit;
  if (layer.kind !== "convolution" && layer.kind !== "partially_connected") return null;
  const { dilation } = layer.options;
  const [i, j] = [(term.at[0] - about.window.top) / dilation[0], (term.at[1] - about.window.left) / dilation[1]];
  const [, columns, depth, maps] = kernel.shape;
  if (layer.kind === "convolution") {
    const first = Math.floor(unit / (maps / (layer.options.groups ?? 1))) * depth;
    return ((i * columns + j) * depth + term.at[2] - first) * maps + unit;
  }
  const links = layer.options.connections;
  const before = links
    .slice(0, unit)
    .reduce((/** @type {number} */ sum, /** @type {any[]} */ row) => sum + row.length, 0);
  return (i * columns + j) * depth + before + links[unit].indexOf(term.at[2]);
}

// === Grids of numbers ===

/**
 * Make a table of numbers on their colors.
 * @param {Array<Array<{value: number, won?: boolean, press?: () => void, name?: string}>>} rows
 * @param {number} limit
 * @param {string} caption
 */
function grid(rows, limit, caption) {
  const tight = rows[0].length > 7;
  return make(
    "figure",
    {},
    make(
      "table",
      { class: `numbers${tight ? " tight" : ""}`, "aria-label": caption },
      make(
        "tbody",
        {},
        ...rows.map((row) =>
          make(
            "tr",
            {},
            ...row.map(({ value, won, press, name }) => {
              const text = tight ? "" : shownNumber(value, Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0);
              const cell = make("td", { class: won ? "won" : null, title: shownNumber(value, 5) });
              cell.style.background = colorOf(value, limit);
              cell.style.color = inkUpon(value, limit);
              if (press)
                cell.append(makeButton(text, press, { "aria-label": `${name}: ${shownNumber(value, 4)}. Edit` }));
              else cell.textContent = text;
              return cell;
            }),
          ),
        ),
      ),
    ),
    make("figcaption", { text: caption }),
  );
}

function largest(/** @type {any[]} */ terms, /** @type {string} */ key) {
  return terms.reduce((size, term) => Math.max(size, Math.abs(term[key])), 0);
}

function byChannel(/** @type {any[]} */ terms) {
  /** @type {Map<number, any[]>} */
  const groups = new Map();
  for (const term of terms) {
    const channel = term.at.at(-1);
    if (!groups.has(channel)) groups.set(channel, []);
    groups.get(channel)?.push(term);
  }
  return groups;
}

function asRows(/** @type {any[]} */ terms, /** @type {(term: any) => any} */ cell) {
  /** @type {Map<number, any[]>} */
  const rows = new Map();
  for (const term of terms) {
    const row = term.at.length === 3 ? term.at[0] : 0;
    if (!rows.has(row)) rows.set(row, []);
    rows.get(row)?.push(cell(term));
  }
  return [...rows.values()];
}

const total = (/** @type {any[]} */ terms) => terms.reduce((sum, term) => sum + term.product, 0);

// === Parts of the explanation ===

function windowPart(/** @type {any} */ about, /** @type {any} */ layer, /** @type {any} */ selection) {
  const groups = byChannel(about.terms);
  const channels_ = [...groups.keys()];
  if (!groups.has(shown.channel)) {
    shown.channel = channels_.reduce(
      (best, each) => (Math.abs(total(groups.get(each) ?? [])) > Math.abs(total(groups.get(best) ?? [])) ? each : best),
      channels_[0],
    );
  }
  const terms = groups.get(shown.channel) ?? [];
  const source = layer.inputs[0];
  const edit = (/** @type {any} */ term) =>
    weightIndexOf(layer, term, about) === null
      ? null
      : {
          name: `weight at ${term.at.join(", ")}`,
          press: () => {
            shown.edited = term;
            showInspector();
            byId("weight-value")?.focus();
          },
        };
  const parts = [
    make(
      "div",
      { class: "grids" },
      grid(
        asRows(terms, (term) => ({ value: term.input })),
        largest(about.terms, "input"),
        `window in ${source}${channels_.length > 1 ? `, map ${shown.channel}` : ""}`,
      ),
      make("span", { class: "sign", text: "×" }),
      grid(
        asRows(terms, (term) => ({ value: term.weight, ...edit(term) })),
        largest(about.terms, "weight"),
        "kernel (press a value to edit it)",
      ),
      make("span", { class: "sign", text: "=" }),
      grid(
        asRows(terms, (term) => ({ value: term.product })),
        largest(about.terms, "product"),
        `products, sum ${shownNumber(total(terms))}`,
      ),
    ),
  ];
  if (channels_.length > 1) {
    parts.push(
      make(
        "div",
        { class: "chips", role: "group", "aria-label": `Maps of ${source} that this value reads` },
        make("span", { class: "small faint", text: `reads ${source}, map` }),
        ...channels_.map((channel) =>
          makeButton(
            String(channel),
            () => {
              shown.channel = channel;
              showInspector();
              /** @type {any} */ (document.querySelector(`#inspector .chips [data-channel="${channel}"]`))?.focus();
            },
            {
              "data-channel": channel,
              "aria-pressed": String(channel === shown.channel),
              "aria-label": `map ${channel}, sum of products ${shownNumber(total(groups.get(channel) ?? []))}`,
            },
          ),
        ),
      ),
    );
  }
  if (shown.edited) parts.push(editorOf(shown.edited, selection, weightIndexOf(layer, shown.edited, about)));
  return parts;
}

function editorOf(/** @type {any} */ term, /** @type {any} */ selection, /** @type {any} */ at) {
  const input = make("input", {
    type: "number",
    id: "weight-value",
    step: "any",
    value: String(Number(term.weight.toPrecision(5))),
    "aria-label": "New value of the weight",
  });
  input.style.width = "7rem";
  const apply = (/** @type {number} */ value) => {
    if (!Number.isFinite(value)) return;
    shown.edited = null;
    editWeights(selection.model, selection.layer, "kernel", { [at]: value });
  };
  return make(
    "form",
    {
      class: "row",
      on: {
        submit: (/** @type {any} */ event) => {
          event.preventDefault();
          apply(Number(input.value));
        },
      },
    },
    make("span", { class: "small", text: `Weight at ${term.at.join(", ")}` }),
    input,
    make("button", { type: "submit", text: "Set" }),
    makeButton("0", () => apply(0), { "aria-label": "Set to 0" }),
  );
}

function poolingPart(/** @type {any} */ about, /** @type {any} */ layer) {
  const limit = largest(about.terms, "input");
  const won = (/** @type {any} */ term) => about.winner !== undefined && about.terms[about.winner] === term;
  const [{ at, weight } = { at: [0], weight: null }] = about.terms;
  const words =
    about.winner !== undefined
      ? "The framed value is the largest: it alone goes on."
      : weight !== null
        ? `Each value times ${shownNumber(weight, 4)}${layer.weights.coefficient ? ", the map's trained coefficient" : ""}.`
        : "";
  return [
    make(
      "div",
      { class: "grids" },
      grid(
        asRows(about.terms, (term) => ({ value: term.input, won: won(term) })),
        limit,
        `window in ${layer.inputs[0]}, map ${at.at(-1)}`,
      ),
    ),
    words ? make("p", { class: "small", text: words }) : null,
  ];
}

function bitmapPart(/** @type {any} */ about, /** @type {any} */ model, /** @type {any} */ selection) {
  const columns = 7;
  const rows = (/** @type {string} */ key) =>
    Array.from({ length: Math.ceil(about.terms.length / columns) }, (_, row) =>
      about.terms
        .slice(row * columns, (row + 1) * columns)
        .map((/** @type {any} */ term) => ({ value: key === "square" ? (term.input - term.weight) ** 2 : term[key] })),
    );
  const tight = (/** @type {string} */ key, /** @type {string} */ caption) => {
    const figure = grid(
      rows(key),
      largest(about.terms, key === "square" ? "product" : key) ||
        Math.max(
          ...rows(key)
            .flat()
            .map((cell) => Math.abs(cell.value)),
        ),
      caption,
    );
    figure.firstChild.classList.add("tight");
    for (const cell of figure.querySelectorAll("td")) cell.textContent = "";
    return figure;
  };
  return [
    make("p", {
      text: `Each class has a bitmap of 7 × 12 pixels. The output compares it with the ${about.terms.length} values of the layer before: the nearest bitmap wins.`,
    }),
    make(
      "div",
      { class: "grids" },
      tight("input", "the 84 values"),
      make("span", { class: "sign", text: "−" }),
      tight("weight", `bitmap of “${className(model, selection.index)}”`),
      make("span", { class: "sign", text: "→" }),
      tight("square", "differences, squared"),
    ),
  ];
}

/** Return where a value comes from, behind layers that pass it on. */
function sourceInWords(/** @type {any} */ model, /** @type {string} */ name, /** @type {number} */ index) {
  let source = layerOf(model, name);
  while (source.kind !== "input" && PASSING.has(source.kind) && source.kind !== "permute")
    source = layerOf(model, source.inputs[0]);
  if (source.shape.length < 3 || source.shape[0] * source.shape[1] === 1) return `${source.name} ${index}`;
  const { map, row, column } = positionOf(source.shape, index);
  return `${source.name}, map ${map} (${row}, ${column})`;
}

function termsPart(/** @type {any} */ about, /** @type {any} */ model, /** @type {any} */ layer) {
  const sorted = [...about.terms].sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const listed = shown.all ? sorted : sorted.slice(0, 12);
  const rest = sorted.length - listed.length;
  const limit = largest(sorted, "product");
  const row = (/** @type {any} */ term) => {
    const product = make("td", { text: shownNumber(term.product) });
    product.style.background = `linear-gradient(to left, ${colorOf(term.product, limit)} ${Math.round((100 * Math.abs(term.product)) / (limit || 1))}%, transparent 0)`;
    product.style.color = Math.abs(term.product) > limit * 0.3 ? inkUpon(term.product, limit) : "";
    return make(
      "tr",
      {},
      make("td", { text: sourceInWords(model, layer.inputs[0], term.index) }),
      make("td", { text: shownNumber(term.input) }),
      make("td", { text: shownNumber(term.weight) }),
      product,
    );
  };
  return [
    make(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Products" },
      make(
        "table",
        { class: "terms" },
        make(
          "thead",
          {},
          make("tr", {}, ...["input", "value", "weight", "product"].map((text) => make("th", { scope: "col", text }))),
        ),
        make("tbody", {}, ...listed.map(row)),
      ),
    ),
    rest > 0 || (shown.all && sorted.length > 12)
      ? makeButton(
          shown.all
            ? "Show the 12 largest"
            : `Show all ${shownCount(sorted.length)}; the other ${shownCount(rest)} add ${shownNumber(total(sorted.slice(listed.length)))}`,
          () => {
            shown.all = !shown.all;
            showInspector();
          },
          { class: "link small" },
        )
      : null,
  ];
}

function sumPart(/** @type {any} */ about, /** @type {any} */ layer) {
  const line = (/** @type {string} */ name, /** @type {number} */ value, kind = "") =>
    make("tr", { class: kind }, make("td", { text: name }), make("td", { text: shownNumber(value, 5) }));
  const activation = activationInWords(layer.options?.activation ?? about.activation);
  const rows = [];
  const count = shownCount(about.terms.length);
  if (layer.kind.includes("radial")) rows.push(line(`sum of ${count} squared differences`, about.sum));
  else if (layer.weights.bias)
    rows.push(
      line(`sum of ${count} products`, about.sum - about.bias),
      line("+ bias", about.bias),
      line("= sum", about.sum, "total"),
    );
  else if (about.terms.length > 1 && about.winner === undefined)
    rows.push(line(about.terms[0].weight === null ? `sum of ${count} terms` : `sum of ${count} products`, about.sum));
  const activated = activation ? `${activation} of it` : "value";
  rows.push(
    line(
      about.silenced ? "set by you to" : layer.kind.includes("radial") && layer.options.negate ? "negated" : activated,
      about.value,
      "total",
    ),
  );
  return make("table", { class: "sums", "aria-label": "The sum" }, make("tbody", {}, ...rows));
}

// === The panel ===

function welcome() {
  return [
    make("h2", { id: "inspector-title", text: "Look inside" }),
    make("p", {
      text: "Draw on the left, then press any point of a map: here stands how its number comes about, product by product, and on the drawing what it sees.",
    }),
    make(
      "p",
      { class: "faint" },
      "With keys: ",
      make("kbd", { text: "Tab" }),
      " to a layer, arrows choose a value, ",
      make("kbd", { text: "[" }),
      " ",
      make("kbd", { text: "]" }),
      " the map before and after.",
    ),
  ];
}

/** Show the arithmetic of the value that is selected. */
export function showInspector() {
  const panel = byId("inspector");
  const about = explained();
  place(panel);
  if (!about) {
    panel.replaceChildren(...welcome());
    markAll(null);
    return;
  }
  const { selection } = app;
  const model = app.models[selection.model];
  const layer = layerOf(model, selection.layer);
  const input = layerOf(model, layer.inputs[0]);
  const unit = unitOf(layer, selection.index);
  const [height, width] = planes(layer.shape);
  const inputIsMaps = input && input.shape.length === 3;
  const pooling = /pool|subsampling/.test(layer.kind);
  const parts = [
    make(
      "div",
      { class: "row" },
      make("h2", { id: "inspector-title", text: `${layer.name}, ${placeInWords(layer.shape, selection.index)}` }),
      makeButton("×", () => select(null), { "aria-label": "Close" }),
    ),
    make("p", { class: "big", text: shownNumber(about.value, 5) }),
    make("p", { class: "faint small", text: `${layerInWords(layer)}${about.sentence ? `. ${about.sentence}` : ""}` }),
  ];
  if (layer.kind.includes("radial")) parts.push(...bitmapPart(about, model, selection));
  else if (pooling) parts.push(...poolingPart(about, layer));
  else if (
    inputIsMaps &&
    about.window &&
    about.terms.length &&
    about.terms[0].weight !== null &&
    about.window.height * about.window.width <= 150
  )
    parts.push(...windowPart(about, layer, selection));
  else if (about.terms.length) parts.push(...termsPart(about, model, layer));
  if (layer.kind !== "input") parts.push(sumPart(about, layer));
  if (about.reads && inputIsMaps && layer.kind.includes("partial")) {
    parts.push(
      make("p", {
        class: "small",
        text: `Map ${unit} reads ${about.reads.length} of the ${input.shape[2]} maps of ${input.name}: ${about.reads.join(", ")}.`,
      }),
      tableOfReads(layer, input, unit),
    );
  }
  const sizes = input && arithmetic(layer, input.shape);
  if (sizes) {
    parts.push(
      make("p", { class: "formula", text: sizes.text }),
      make("p", {
        class: "faint small",
        text: sizes.floors
          ? `It does not divide: the layer is ${sizes.width} wide, and the last pixels of its input are not read.`
          : `W: width of ${input.name}; F: window; P: padding on each side; S: stride.`,
      }),
    );
  }
  if (about.field) {
    parts.push(
      make("p", {
        class: "faint small",
        text: `Receptive field: ${about.field.height} × ${about.field.width} pixels of the net's input, rows ${about.field.top} to ${about.field.top + about.field.height - 1}, columns ${about.field.left} to ${about.field.left + about.field.width - 1}; framed on the drawing.`,
      }),
    );
  }
  if (layer.kind !== "input") parts.push(buttons(about, layer, selection, unit, height * width));
  panel.replaceChildren(...parts.filter(Boolean));
  markAll(about);
}

function buttons(
  /** @type {any} */ about,
  /** @type {any} */ layer,
  /** @type {any} */ selection,
  /** @type {number} */ unit,
  /** @type {number} */ size,
) {
  const what = size > 1 ? "map" : "unit";
  const silenced = isSilenced(selection.model, layer.name, unit);
  const edits = about.terms
    .map((/** @type {any} */ term) => weightIndexOf(layer, term, about))
    .filter((/** @type {any} */ at) => at !== null);
  return make(
    "div",
    { class: "tools" },
    makeButton(
      silenced ? `Restore ${what} ${unit}` : `Silence ${what} ${unit}`,
      () => toggleSilence(selection.model, layer.name, unit),
      { id: "silence", "aria-pressed": String(silenced) },
    ),
    edits.length
      ? makeButton(
          "Set its weights to 0",
          () =>
            editWeights(
              selection.model,
              layer.name,
              "kernel",
              Object.fromEntries(edits.map((/** @type {number} */ at) => [at, 0])),
            ),
          { id: "zero-kernel" },
        )
      : null,
    size > 1 ? makeButton(shown.sliding ? "Stop" : "Slide the window", slide, { id: "slide" }) : null,
  );
}

function tableOfReads(/** @type {any} */ layer, /** @type {any} */ input, /** @type {number} */ unit) {
  const table = layer.options?.connections;
  if (!table) return null;
  const rows = Array.from({ length: input.shape[2] }, (_, from) =>
    table.map((/** @type {number[]} */ reads, /** @type {number} */ to) => ({
      value: reads.includes(from) ? (to === unit ? 1 : 0.35) : 0,
    })),
  );
  const figure = grid(rows, 1, `rows: maps of ${input.name}; columns: maps of ${layer.name}`);
  figure.firstChild.classList.add("tight");
  for (const cell of figure.querySelectorAll("td")) {
    cell.textContent = "";
    cell.removeAttribute("title");
  }
  return figure;
}

/** Move the window over the map, a value at a time. */
function slide() {
  if (shown.sliding) {
    clearInterval(shown.sliding);
    shown.sliding = 0;
    showInspector();
    return;
  }
  shown.sliding = window.setInterval(() => {
    const { selection } = app;
    if (!selection) return slide();
    const layer = layerOf(app.models[selection.model], selection.layer);
    const [height, width, maps] = planes(layer.shape);
    const next = selection.index + maps;
    select({ ...selection, index: next < height * width * maps ? next : selection.index % maps });
    byId("slide")?.focus({ preventScroll: true });
  }, 240);
  showInspector();
}

function place(/** @type {any} */ panel) {
  const beside = document.body.classList.contains("one") && matchMedia("(min-width: 1180px)").matches;
  const { selection } = app;
  const home =
    beside || !selection ? byId("side") : (views.get(`${selection.model}/${selection.layer}`)?.element ?? byId("side"));
  if (panel.parentElement !== home) home.append(panel);
}

// === Marks on maps and drawing ===

/** Return where the drawing lies within a net's input: the rows and columns of padding before it. */
export function paddingOf(/** @type {any} */ model) {
  return model.input.preprocess
    .filter((/** @type {any} */ step) => step.kind === "pad")
    .reduce(
      (/** @type {any} */ sum, /** @type {any} */ step) => ({ top: sum.top + step.top, left: sum.left + step.left }),
      { top: 0, left: 0 },
    );
}

function markAll(/** @type {any} */ about) {
  const { selection } = app;
  const boxes = new Map([...views.keys()].map((key) => [key, /** @type {any[]} */ ([])]));
  for (const view of views.values()) {
    const [height, width] = planes(view.layer.shape);
    for (const unit of app.changes[view.index].silenced[view.layer.name] ?? [])
      boxes.get(`${view.index}/${view.layer.name}`)?.push([unit, 0, 0, height, width, "silenced"]);
    const touched =
      view.layer.name in app.changes[view.index].silenced || view.layer.name in app.changes[view.index].weights;
    view.element.classList.toggle("changed", touched);
  }
  const board = byId("board-marks");
  board.replaceChildren();
  if (about && selection) {
    const model = app.models[selection.model];
    const layer = layerOf(model, selection.layer);
    const { map, row, column } = positionOf(layer.shape, selection.index);
    boxes.get(`${selection.model}/${layer.name}`)?.push([map, row, column, 1, 1, "chosen"]);
    const source = layer.inputs[0];
    if (about.window && about.terms.length) {
      const read = new Set(about.terms.map((/** @type {any} */ term) => term.at.at(-1)));
      const { top, left, height, width } = about.window;
      for (const each of read)
        boxes.get(`${selection.model}/${source}`)?.push([each, top, left, height, width, "window"]);
    }
    if (about.field) {
      const first = model.input.name;
      const { top, left, height, width } = about.field;
      if (source !== first) boxes.get(`${selection.model}/${first}`)?.push([0, top, left, height, width, "window"]);
      const padding = paddingOf(model);
      const mark = make("i");
      const [from, to] = [
        [top - padding.top, left - padding.left],
        [top - padding.top + height, left - padding.left + width],
      ];
      const clip = (/** @type {number} */ value, /** @type {number} */ size) => Math.max(0, Math.min(size, value));
      const [y0, x0, y1, x1] = [
        clip(from[0], app.board.height),
        clip(from[1], app.board.width),
        clip(to[0], app.board.height),
        clip(to[1], app.board.width),
      ];
      Object.assign(mark.style, {
        top: `${(100 * y0) / app.board.height}%`,
        left: `${(100 * x0) / app.board.width}%`,
        height: `${(100 * (y1 - y0)) / app.board.height}%`,
        width: `${(100 * (x1 - x0)) / app.board.width}%`,
      });
      board.append(mark);
    }
  }
  for (const [key, view] of views) view.mark(boxes.get(key) ?? []);
}

/** Set up the inspector. */
export function setUpInspector() {
  on("selection", () => {
    shown.edited = null;
    showInspector();
  });
  const again = settled(showInspector, 60);
  on("values", () => {
    if (app.selection) again();
  });
  on("changes", showInspector);
  on("theme", showInspector);
  on("placed", showInspector);
  on("shown", showInspector);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && app.selection) select(null);
  });
  showInspector();
}
