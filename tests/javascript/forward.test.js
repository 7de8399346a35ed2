import assert from "node:assert/strict";
import { test } from "node:test";

import { classOf, Evaluation } from "../../cnnzoo/browser/static/engine/accuracy.js";
import { decode, firstChanged, forward } from "../../cnnzoo/browser/static/engine/forward.js";
import { layer, model, numbers, smallNet, tensor } from "./nets.js";

const INPUT = numbers(144, 99);

/** @param {any} values */
const lists = (values) => Object.fromEntries([...values].map(([name, { data }]) => [name, [...data]]));

test("only what follows a change is calculated again", () => {
  const net = smallNet();
  const before = forward(net, INPUT);
  const changes = { silenced: { table: [1] } };
  const after = forward(net, INPUT, { from: "table", kept: before, changes });
  assert.equal(after.get("pool"), before.get("pool"));
  assert.deepEqual(lists(after), lists(forward(net, INPUT, { changes })));
  assert.ok(after.get("table")?.data.every((value, at) => at % 2 === 0 || value === 0));
});

test("what is not kept is calculated where it is needed", () => {
  const net = smallNet();
  const whole = forward(net, INPUT);
  const kept = new Map([["pool", /** @type {any} */ (whole.get("pool"))]]);
  const found = forward(net, INPUT, { from: "code", kept });
  assert.ok(!found.has("conv"));
  assert.deepEqual(
    [.../** @type {any} */ (found.get("output")).data],
    [.../** @type {any} */ (whole.get("output")).data],
  );
});

test("an edited weight counts for all layers that share it, and the net stays as it was", () => {
  const kernel = tensor([2, 2], 3);
  const net = model(
    [1, 1, 2],
    [
      ["flat", layer("reshape", [2])],
      ["there", layer("dense", [2], {}, { kernel })],
      ["back", layer("transposed_dense", [2], {}, { kernel })],
    ],
  );
  const before = [...kernel.data];
  const changes = { weights: { back: { kernel: { 1: 5 } } } };
  const values = forward(net, Float32Array.from([1, 0]), { changes });
  const [a, , c, d] = before;
  assert.deepEqual([.../** @type {any} */ (values.get("there")).data], [a, 5]);
  const expected = [a * a + 25, c * a + d * 5].map(Math.fround);
  assert.deepEqual([.../** @type {any} */ (values.get("back")).data], expected);
  assert.deepEqual([...kernel.data], before);
  assert.equal(firstChanged(net, changes), "there");
});

test("a weight that is not there is named", () => {
  assert.throws(
    () => forward(smallNet(), INPUT, { changes: { weights: { pool: { kernel: { 0: 1 } } } } }),
    /pool has no weight kernel/,
  );
});

test("a decoder starts from the code alone", () => {
  const net = { ...smallNet(), code: "code" };
  const values = forward(net, INPUT);
  const code = /** @type {any} */ (values.get("code")).data;
  assert.deepEqual(
    [.../** @type {any} */ (decode(net, code).get("output")).data],
    [.../** @type {any} */ (values.get("output")).data],
  );
  assert.throws(() => decode(smallNet(), code), /no code/);
});

test("scores after each change are those of a fresh evaluation", () => {
  const net = smallNet();
  const inputs = Array.from({ length: 30 }, (_, i) => numbers(144, i + 1));
  const labels = inputs.map((input, i) => (classOf(net, forward(net, input)) + (i % 3 === 0 ? 1 : 0)) % 3);
  const evaluation = new Evaluation(net, inputs, labels);
  const last = (/** @type {Evaluation} */ each, /** @type {any} */ changes) => [...each.scores(changes)].at(-1);
  assert.deepEqual(last(evaluation, {}), { right: 20, error: 0, of: 30 });
  const sequence = [
    { silenced: { conv: [0] } },
    { silenced: { conv: [0], table: [1] } },
    { weights: { code: { kernel: { 3: 4 } } }, silenced: { conv: [0] } },
    { set: { code: { 0: 2 } } },
    {},
  ];
  for (const changes of sequence) {
    assert.deepEqual(last(evaluation, changes), last(new Evaluation(net, inputs, labels), changes));
  }
});

test("scores come in parts, and an autoencoder's is its squared error", () => {
  const net = model(
    [1, 2, 1],
    [["double", layer("scale", [1, 2, 1], {}, { scale: tensor([1], 1), offset: tensor([1], 1) })]],
  );
  net.layers[0].weights = {
    scale: { shape: [1], data: Float32Array.from([2]) },
    offset: { shape: [1], data: Float32Array.from([0]) },
  };
  net.kind = "autoencoder";
  const inputs = [1, 2, 3].map((value) => Float32Array.from([value, 0]));
  const scores = [...new Evaluation(net, inputs, []).scores({}, 2)];
  assert.deepEqual(
    scores.map(({ of }) => of),
    [2, 3],
  );
  assert.ok(Math.abs(scores[1].error - (1 + 4 + 9) / 3) < 1e-6);
});
