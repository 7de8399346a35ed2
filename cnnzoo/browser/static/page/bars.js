// The net's answer: its outputs as bars, the first and the second guess.

import { make, makeButton, shownNumber } from "./dom.js";
import { app, layerOf, on, select } from "./state.js";

/** Return the class's name of an output unit. */
export function className(/** @type {any} */ model, /** @type {number} */ unit) {
  return String(model.classes?.[unit] ?? unit);
}

/** Return the outputs of a classifier, from the largest to the smallest, as `[unit, value]`. */
export function rankedOutputs(/** @type {any} */ model, /** @type {Map<string, any>} */ values) {
  return [...values.get(model.output).data].map((value, unit) => [unit, value]).sort((a, b) => b[1] - a[1]);
}

/** Return the first and second guess in words. */
export function guessInWords(/** @type {any} */ model, /** @type {Map<string, any>} */ values) {
  const [[first], second] = rankedOutputs(model, values);
  return `${className(model, first)}${second ? `, then ${className(model, second[0])}` : ""}`;
}

/** Whether outputs are probabilities. */
export function givesProbabilities(/** @type {any} */ model) {
  const { options, kind } = layerOf(model, model.output);
  return ["softmax", "sigmoid"].includes(options?.activation) || kind === "softmax";
}

/** Make the panel of one net's answer. */
export function makeAnswer(/** @type {number} */ index) {
  const model = app.models[index];
  const first = make("b", { text: "–" });
  const second = make("span", { class: "faint small", text: " " });
  const units = layerOf(model, model.output).shape.at(-1);
  const shown = Math.min(units, 12);
  const rows = Array.from({ length: shown }, (_, unit) => {
    const bar = make("i");
    const value = make("td");
    const button = makeButton("", () => select({ model: index, layer: model.output, index: row.unit }));
    const line = make(
      "tr",
      {},
      make("th", { scope: "row" }, button),
      make("td", {}, make("div", { class: "bar" }, bar)),
      value,
    );
    const row = { unit, bar, value, button, line, text: "" };
    return row;
  });
  const scores = !givesProbabilities(model);
  const radial = layerOf(model, model.output).kind.includes("radial");
  const note = radial
    ? "− squared distance to each class's bitmap: the longest bar is nearest"
    : scores
      ? "scores: the longest bar is the largest"
      : "probabilities";
  const caption = make("caption", { class: "hidden", text: `Outputs of ${model.title}: ${note}` });
  const element = make(
    "section",
    { class: "answer", "aria-label": `Answer of ${model.title}`, "data-model": index },
    make(
      "div",
      { class: "guess" },
      make("span", { class: "faint small", text: app.models.length > 1 ? model.title : "The net says" }),
      first,
      second,
    ),
    make(
      "div",
      {},
      make("table", { class: "bars" }, caption, make("tbody", {}, ...rows.map((row) => row.line))),
      make("small", { text: note }),
    ),
  );
  const draw = () => {
    const values = app.values[index];
    if (!values) return;
    const ranked = rankedOutputs(model, values);
    const listed = units > shown ? ranked.slice(0, shown) : ranked.slice().sort((a, b) => a[0] - b[0]);
    const [low, high] = scores
      ? [Math.min(0, ranked.at(-1)?.[1] ?? 0), Math.max(ranked[0][1], ranked.at(-1)?.[1] ?? 0)]
      : [0, 1];
    rows.forEach((row, place) => {
      const [unit, value] = listed[place];
      row.unit = unit;
      const width = high > low ? Math.max(0, (value - low) / (high - low)) : 0;
      row.bar.style.transform = `scaleX(${width.toFixed(4)})`;
      row.line.classList.toggle("first", unit === ranked[0][0]);
      const [name, text] = [className(model, unit), scores ? shownNumber(value, 2) : `${(100 * value).toFixed(1)} %`];
      if (row.text !== name) row.button.textContent = row.text = name;
      if (row.value.textContent !== text) row.value.textContent = text;
    });
    const name = className(model, ranked[0][0]);
    first.textContent = name;
    first.classList.toggle("long", name.length > 2);
    second.textContent = ranked[1] ? `then ${className(model, ranked[1][0])}` : "";
  };
  on("values", draw, element);
  return element;
}
