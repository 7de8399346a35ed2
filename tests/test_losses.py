"""The losses against their formulas and Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.losses import MaximumAPosteriori, PixelCrossentropy, SparseMeanSquaredError
from tests import reference

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("rubbish", [0.0, 1.0, 10.0])
def test_the_loss_follows_the_papers_equation(rubbish):
    penalties, labels = RNG.uniform(0, 20, (16, 10)), RNG.integers(0, 10, 16)
    loss = MaximumAPosteriori(rubbish)(labels, -penalties.astype("float32"))
    assert float(loss) == pytest.approx(reference.maximum_a_posteriori(labels, penalties, rubbish), rel=1e-5)


def test_without_rubbish_class_it_equals_the_cross_entropy():
    penalties, labels = RNG.uniform(0, 20, (16, 10)).astype("float32"), RNG.integers(0, 10, 16)
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, -penalties)
    assert float(MaximumAPosteriori(1e4)(labels, -penalties)) == pytest.approx(float(expected), rel=1e-5)


def test_large_penalties_do_not_overflow():
    loss = MaximumAPosteriori(1.0)(np.array([0]), np.array([[-500.0, -900.0]], "float32"))
    assert float(loss) == pytest.approx(499, abs=1e-3)  # 500 + log(e^−1 + …)


def test_a_negative_penalty_raises():
    with pytest.raises(cnnzoo.InputError, match=r"`rubbish_penalty` must be a number of at least 0\. Received: -1"):
        MaximumAPosteriori(-1)


def test_the_squared_error_of_labels_is_that_of_targets_of_plus_and_minus_1():
    outputs, labels = RNG.normal(size=(16, 10)).astype("float32"), RNG.integers(0, 10, 16)
    value = float(SparseMeanSquaredError()(labels, outputs))
    assert value == pytest.approx(reference.mean_squared_error_of_labels(labels, outputs), rel=1e-5)
    targets = np.where(np.arange(10) == labels[:, None], 1.0, -1.0)
    assert value == pytest.approx(float(keras.losses.MeanSquaredError()(targets, outputs)), rel=1e-5)


def test_the_largest_output_has_the_least_squared_error():
    outputs = RNG.normal(size=(50, 10)).astype("float32")
    loss = SparseMeanSquaredError(reduction=None)
    errors = np.stack([loss(np.full(50, label), outputs) for label in range(10)], axis=1)
    np.testing.assert_array_equal(np.argmin(errors, axis=1), outputs.argmax(axis=1))
    # ‖y − t‖² is a constant less four times the output of the label's unit.
    constant = 10 * errors.astype("float64") + 4 * outputs
    np.testing.assert_allclose(constant, constant[:, :1].repeat(10, axis=1), rtol=1e-5)


def _trained(loss, build, activation="sigmoid"):
    """Return the loss, and the gradient of the first weights, of a net whose pixels are near 0 or 1."""
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(6, activation, kernel_initializer="ones", name="output")(inputs)
    model = keras.Model(inputs, build(outputs))
    images = np.array([[9, 8, 7, 6], [0.1, 0, 0, 0.2]], "float32")
    model.compile(keras.optimizers.SGD(1.0), loss)
    before = model.get_weights()[0]
    value = model.train_on_batch(images, np.zeros((2, *model.output_shape[1:]), "float32"))
    return float(value), before - model.get_weights()[0]


@pytest.mark.parametrize("in_graph", [False, True])
def test_cross_entropy_of_a_last_sigmoid_is_exact_near_0_and_1_in_eager_and_graph_mode(in_graph):
    """Keras computes clipped probabilities to 16 at most, with a gradient of 0 beyond."""
    logits = np.array([[-60.0, -20, -1e-3, 0], [1e-3, 20, 60, 88]], "float32")
    targets = np.array([[1.0, 0, 0.5, 1], [0, 1, 0, 0]], "float32")

    def trained(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = PixelCrossentropy()(targets, keras.activations.sigmoid(logits))
        return value, tape.gradient(value, logits)

    value, gradient = (tf.function(trained) if in_graph else trained)(tf.constant(logits))
    exact = logits.astype("float64")
    assert float(value) == pytest.approx((np.logaddexp(0, exact) - exact * targets).mean(), rel=1e-6)
    np.testing.assert_allclose(gradient, (1 / (1 + np.exp(-exact)) - targets) / targets.size, rtol=1e-4, atol=1e-9)


def test_cross_entropy_of_other_outputs_equals_keras_own():
    twice = keras.layers.Lambda(lambda pixels: pixels * 0.5)
    ours, expected = (
        _trained(loss, twice)
        for loss in (
            PixelCrossentropy(label_smoothing=0.1),
            keras.losses.BinaryCrossentropy(label_smoothing=0.1),
        )
    )
    assert ours[0] == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_allclose(ours[1], expected[1], rtol=1e-5)


def test_cross_entropy_of_logits_equals_keras_own():
    ours, expected = (
        _trained(loss(from_logits=True), keras.layers.Identity(), activation=None)
        for loss in (PixelCrossentropy, keras.losses.BinaryCrossentropy)
    )
    assert ours[0] == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_allclose(ours[1], expected[1], rtol=1e-5)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("in_graph", [False, True])
def test_each_image_has_one_value_that_its_sample_weight_multiplies(from_logits, in_graph):
    rng = np.random.default_rng(0)
    logits, targets = (rng.normal(size=(3, 4, 5, 2)).astype("float32"), rng.random((3, 4, 5, 2)).astype("float32"))
    exact = logits.astype("float64")
    expected = (np.logaddexp(0, exact) - exact * targets).mean(axis=(1, 2, 3))
    weights = np.array([1.0, 0.0, 2.5], "float32")

    def values(logits):
        pixels = logits if from_logits else keras.activations.sigmoid(logits)
        per_image = PixelCrossentropy(from_logits=from_logits, reduction=None)(targets, pixels)
        return per_image, PixelCrossentropy(from_logits=from_logits)(targets, pixels, sample_weight=weights)

    per_image, weighted = (tf.function(values) if in_graph else values)(tf.constant(logits))
    np.testing.assert_allclose(per_image, expected, rtol=1e-4)
    assert float(weighted) == pytest.approx((expected * weights).sum() / 3, rel=1e-4)


# === What people pass: every loss × forms of targets × forms of weights × batches, one of them the image's side ===

CLASSES = SIDE = 8
BATCHES = [1, 4, SIDE]
WHERE = ["eager", "compiled"]


def compute(where, loss, y_true, y_pred, sample_weight=None):
    """Return a loss' value as a person gets it: called on arrays, or by a compiled model."""
    if where == "eager":
        return float(loss(y_true, y_pred, sample_weight))
    model = keras.Sequential([keras.Input(y_pred.shape[1:]), keras.layers.Identity()])
    model.compile(loss=loss)
    return model.test_on_batch(y_pred, y_true, sample_weight)


def refused(where, message):
    """Return what a refusal of values is: an error of cnnzoo where the values are there, of TensorFlow in a graph."""
    return pytest.raises(cnnzoo.InputError if where == "eager" else tf.errors.InvalidArgumentError, match=message)


LABELS = {
    "integers": lambda labels: labels,
    "int64": lambda labels: labels.astype("int64"),
    "uint8": lambda labels: labels.astype("uint8"),
    "a column": lambda labels: labels[:, None],
    "whole floats": lambda labels: labels.astype("float32"),
}
WRONG_LABELS = {
    "one too large": (lambda labels: labels * 0 + CLASSES, r"Received: values from\W+8"),
    "negative": (lambda labels: labels * 0 - 1, r"Received: values from\W+1"),
    "fractions": (lambda labels: labels * 0 + 3.7, r"Received: values from\W+3\.7"),
    "far too large": (lambda labels: labels.astype("int64") * 0 + 2**31, "Received: values from"),
    "nan": (lambda labels: labels * np.nan, r"Received: values from\W+nan"),
}


def some_penalties(batch):
    rng = np.random.default_rng(batch)
    return rng.uniform(0, 20, (batch, CLASSES)), rng.integers(0, CLASSES, batch)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("batch", BATCHES)
def test_labels_of_every_form_are_right_or_refused(where, batch):
    penalties, labels = some_penalties(batch)
    negated, loss = -penalties.astype("float32"), MaximumAPosteriori(2.0)
    expected = reference.maximum_a_posteriori(labels, penalties, 2.0)
    for form, given in LABELS.items():
        assert compute(where, loss, given(labels), negated) == pytest.approx(expected, rel=1e-5), form
    for given, message in WRONG_LABELS.values():
        with refused(where, f"`y_true` must be integer labels from 0 to 7 for maximum_a_posteriori. {message}"):
            compute(where, loss, given(labels), negated)
    with refused(where, "`y_true` must be integer labels from 0 to 7 for sparse_mean_squared_error"):
        compute(where, SparseMeanSquaredError(), labels * 0 + CLASSES, negated)
    with pytest.raises(
        cnnzoo.InputError, match=rf"\(batch, 1\), and not one-hot, .* Received: shape \(.*, {CLASSES}\)"
    ):
        compute(where, loss, np.eye(CLASSES, dtype="float32")[labels], negated)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("batch", BATCHES)
def test_weights_of_labels_are_one_for_each_image_or_refused(where, batch):
    penalties, labels = some_penalties(batch)
    negated, weights = -penalties.astype("float32"), np.random.default_rng(0).random(batch)
    each = [reference.maximum_a_posteriori(*one, 1.0) for one in zip(labels[:, None], penalties[:, None], strict=True)]
    rows = zip(labels[:, None], negated[:, None], strict=True)
    errors = np.array([reference.mean_squared_error_of_labels(*row) for row in rows])
    for given in (weights, weights[:, None]):
        value = compute(where, MaximumAPosteriori(), labels, negated, given)
        assert value == pytest.approx((each * weights).mean(), rel=1e-5)
        value = compute(where, SparseMeanSquaredError(), labels, negated, given)
        assert value == pytest.approx((errors * weights).mean(), rel=1e-5)
    for shape in ((batch, SIDE, SIDE), (batch, CLASSES)):
        with pytest.raises(cnnzoo.InputError, match=r"`sample_weight` must have the shape \(batch,\) for outputs"):
            compute(where, MaximumAPosteriori(), labels, negated, np.ones(shape))


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("head", ["penalties", "softmax", "logits"])
def test_every_head_takes_the_same_labels_and_refuses_the_same(head, batch):
    """Keras' own cross-entropy raises for labels out of range on a CPU."""
    values, labels = np.random.default_rng(0).normal(size=(batch, CLASSES)).astype("float32"), np.arange(batch)
    output = {
        "penalties": cnnzoo.layers.RadialBasis(CLASSES, negate=True),
        "softmax": keras.layers.Softmax(),
        "logits": keras.layers.Identity(),
    }[head]
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=head == "logits")
    loss = tf.function(
        lambda given: (MaximumAPosteriori() if head == "penalties" else cross_entropy)(given, output(values))
    )
    found = [float(loss(given(labels))) for given in LABELS.values()]
    assert found == pytest.approx([found[0]] * len(found), rel=1e-6)
    for form in ("one too large", "negative"):
        with pytest.raises(tf.errors.InvalidArgumentError, match="label"):
            loss(WRONG_LABELS[form][0](labels))
    with pytest.raises(ValueError, match=r"rank|one-hot"):
        loss(np.eye(CLASSES)[labels])


def some_pixels(batch, channels=1):
    rng = np.random.default_rng(batch)
    images = rng.random((batch, SIDE, SIDE, channels)).astype("float32")
    outputs = rng.uniform(0.05, 0.95, images.shape).astype("float32")
    exact, given = outputs.astype("float64"), images.astype("float64")
    return images, outputs, -(given * np.log(exact) + (1 - given) * np.log(1 - exact)).mean(axis=-1)


PIXEL_WEIGHTS = {
    "one each image": lambda batch: (batch,),
    "a column": lambda batch: (batch, 1),
    "one each image, with axes": lambda batch: (batch, 1, 1),
    "one each pixel": lambda batch: (batch, SIDE, SIDE),
    "one each pixel, with its channel": lambda batch: (batch, SIDE, SIDE, 1),
    "one each pixel of all images": lambda _: (1, SIDE, SIDE),
    "one each row": lambda batch: (batch, SIDE, 1),
}


def in_rows(weights, batch):
    """Return weights as one for each pixel."""
    shape = weights.shape[:3] + (1,) * (3 - weights.ndim)
    return np.broadcast_to(weights.reshape(shape), (batch, SIDE, SIDE))


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("form", PIXEL_WEIGHTS)
def test_weights_of_pixels_are_those_of_keras_documentation(form, batch, where):
    shape = PIXEL_WEIGHTS[form](batch)
    images, outputs, rows = some_pixels(batch, channels=2)
    weights = np.random.default_rng(0).random(shape)
    value = compute(where, PixelCrossentropy(), images, outputs, weights)
    assert value == pytest.approx((rows * in_rows(weights, batch)).mean(), rel=1e-4)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("where", WHERE)
def test_one_weight_for_each_pixel_gives_what_keras_own_loss_gives(where, batch):
    images, outputs, _ = some_pixels(batch)
    weights = np.random.default_rng(0).random((batch, SIDE, SIDE)).astype("float32")
    for reduction in ("sum_over_batch_size", "mean", "mean_with_sample_weight"):
        theirs = keras.losses.BinaryCrossentropy(reduction=reduction)(images, outputs, weights)
        ours = compute(where, PixelCrossentropy(reduction=reduction), images, outputs, weights)
        assert ours == pytest.approx(float(theirs), rel=1e-5), reduction


@pytest.mark.parametrize("shape", [(4,), (4, SIDE), (4, SIDE, SIDE)])
def test_weights_under_every_reduction(shape):
    images, outputs, rows = some_pixels(4)
    weights = np.random.default_rng(0).random(shape)
    if len(shape) == 2:
        with pytest.raises(cnnzoo.InputError, match=r"\(batch,\) or \(batch, 8, 8\) .* Received: \(4, 8\)"):
            PixelCrossentropy()(images, outputs, weights)
        return
    weighted = rows * in_rows(weights, 4)
    of_images = weighted.mean(axis=(1, 2))
    expected = {
        None: of_images,
        "none": of_images,
        "sum": of_images.sum(),
        "mean": of_images.mean(),
        "mean_with_sample_weight": weighted.sum() / in_rows(weights, 4).sum(),
    }
    for reduction, value in expected.items():
        found = PixelCrossentropy(reduction=reduction, axis=1)(images, outputs, weights)
        np.testing.assert_allclose(found, value, rtol=1e-4, err_msg=str(reduction))


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("batch", BATCHES)
def test_targets_without_their_single_channel_are_those_with_it(where, batch):
    images, outputs, rows = some_pixels(batch)
    theirs = compute(where, keras.losses.BinaryCrossentropy(), images[..., 0], outputs)
    ours = compute(where, PixelCrossentropy(), images[..., 0], outputs)
    assert ours == pytest.approx(rows.mean(), rel=1e-4)
    assert ours == pytest.approx(theirs, rel=1e-5)
    with pytest.raises(cnnzoo.InputError, match="images and reconstructions of the same shape"):
        compute(where, PixelCrossentropy(), images[:, :4], outputs)


def test_targets_without_their_channel_keep_the_logits():
    """Of a reshaped sigmoid Keras would not find them, and cut the loss off at 16."""
    logits = np.full((2, 3, 3, 1), 40.0, "float32")
    value = tf.function(lambda z: PixelCrossentropy()(np.zeros((2, 3, 3)), keras.activations.sigmoid(z)))(logits)
    assert float(value) == pytest.approx(40)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(
    ("scaled", "received"),
    [
        (lambda images: (images * 255).astype("uint8"), r"from\W+[0-9.]+\W+to\W+2\d\d"),
        (lambda images: images * 2 - 1, r"from\W+0\.9"),
        (lambda images: images - images.mean(), r"from\W+0\.[45]"),
        (lambda images: images * 1.01 / images.max(), r"from\W+[0-9.e-]+\W+to\W+1\.01"),
    ],
)
def test_targets_that_are_no_pixels_from_0_to_1_are_refused(where, batch, scaled, received):
    images, outputs, _ = some_pixels(batch)
    with refused(where, f"`y_true` must be pixels from 0 to 1 for binary_crossentropy. Received: values {received}"):
        compute(where, PixelCrossentropy(), scaled(images), outputs)


@pytest.mark.parametrize("options", [{}, {"steps_per_execution": 5}], ids=str)
def test_pixels_of_0_to_255_stop_a_fit_in_its_first_execution(options):
    """Without a check the loss would fall below 0, to −67 and further."""
    steps = []
    counted = keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: steps.append(step))
    model = cnnzoo.autoencoder(input_shape=(SIDE, SIDE, 1), units=(), code=4, compile=False)
    model.compile("sgd", PixelCrossentropy(), **options)
    pixels = np.random.default_rng(0).integers(0, 256, (40, SIDE, SIDE, 1), "uint8")
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be pixels from 0 to 1"):
        model.fit(pixels / 255.0, pixels, batch_size=4, verbose=0, callbacks=[counted])
    assert steps == []


def test_where_no_error_can_be_raised_the_loss_is_nan():
    """XLA leaves assertions out."""
    _, outputs, _ = some_pixels(2)

    @tf.function(jit_compile=True)
    def values(labels, targets, outputs):
        return MaximumAPosteriori()(labels, -outputs[:, :, 0, 0]), PixelCrossentropy()(targets, outputs)

    right = values(tf.constant([0, 7]), outputs, outputs)
    wrong = values(tf.constant([0, 8]), outputs * 255, outputs)
    assert np.isfinite(right).all()
    assert np.isnan(wrong).all()


def test_the_posterior_takes_one_row_of_outputs_for_each_image():
    loss = cnnzoo.losses.MaximumAPosteriori()
    outputs = np.zeros((4, 10), "float32")
    with pytest.raises(cnnzoo.InputError, match=r"`y_pred` must have the shape \(batch, classes\) for .*\(4, 1, 10\)"):
        loss(np.arange(4), outputs[:, None])
    with pytest.raises(cnnzoo.InputError, match=r"a label for each of the 4 outputs for .* Received: 5 labels"):
        loss(np.arange(5), outputs)


def test_lists_are_taken_as_keras_takes_them():
    pixels = np.random.default_rng(0).random((2, 3, 3, 1)).astype("float32")
    ours = cnnzoo.losses.PixelCrossentropy()(pixels.tolist(), pixels.tolist())
    assert float(ours) == pytest.approx(float(keras.losses.BinaryCrossentropy()(pixels, pixels)), rel=1e-5)
