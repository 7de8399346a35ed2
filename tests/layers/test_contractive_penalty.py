"""The contractive penalty against the Jacobian of automatic differentiation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.layers import ContractivePenalty, ReversibleDense
from tests import reference
from tests.layers.checking import random

WIDTH = 6
STACKS = [
    ["sigmoid"],
    ["tanh"],
    ["linear"],
    ["relu"],
    ["sigmoid", "sigmoid"],
    ["sigmoid", "tanh", "linear"],
    ["relu", "tanh", "sigmoid", "sigmoid"],
]


def contractive_model(stack, weight=0.3, dtype="float64"):
    """Return an encoder of as many layers, narrowing by one unit each, that ends in the penalty."""
    tensor = keras.Input((WIDTH,), name="image", dtype=keras.DTypePolicy(dtype).variable_dtype)
    image, outputs = tensor, []
    for number, activation in enumerate(stack):
        tensor = keras.layers.Dense(WIDTH - 1 - number, activation, name=f"dense_{number}", dtype=dtype)(tensor)
        outputs.append(tensor)
    code = ContractivePenalty(weight, name="penalty", dtype=dtype)(outputs if len(outputs) > 1 else tensor)
    model = keras.Model(image, code)
    for number, value in enumerate(model.weights):
        value.assign(random(*value.shape, seed=number))
    return model


def mean_squared_norm(model, images):
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        codes = model(images)
    return float(tf.reduce_mean(tf.reduce_sum(tape.batch_jacobian(codes, images) ** 2, axis=(1, 2))))


@pytest.mark.parametrize("stack", STACKS, ids=" ".join)
def test_the_penalty_equals_the_squared_norm_of_the_jacobian(stack):
    model = contractive_model(stack)
    images = random(9, WIDTH)
    codes = model(images)
    penalty = float(model.losses[0])
    assert penalty == pytest.approx(0.3 * mean_squared_norm(model, images), rel=1e-12)
    hidden = keras.Model(model.input, model.get_layer(f"dense_{len(stack) - 1}").output)
    np.testing.assert_array_equal(codes, hidden(images))


def test_the_gradient_of_the_weights_follows_the_formula():
    model = contractive_model(["sigmoid", "sigmoid"])
    images = random(4, WIDTH)

    def penalty(first, first_bias, second, second_bias):
        hidden = reference.logistic(images @ first + first_bias)
        codes = reference.logistic(hidden @ second + second_bias)
        jacobians = np.einsum(
            "ba,xa,bc,ac->bxc", hidden * (1 - hidden), first, codes * (1 - codes), second, optimize=True
        )
        return 0.3 * (jacobians**2).sum() / 4

    with tf.GradientTape() as tape:
        model(images)
        loss = model.losses[0]
    arrays = [np.asarray(weight) for weight in model.weights]
    assert float(loss) == pytest.approx(penalty(*arrays), rel=1e-12)
    found = tape.gradient(loss, [weight.value for weight in model.weights])
    for one, other in zip(found, reference.slopes(penalty, arrays, 1), strict=True):
        assert reference.relative(one, other) < 1e-7


def test_the_penalty_is_added_to_the_loss_and_the_layer_has_no_weights():
    model = contractive_model(["sigmoid"], dtype="float32")
    images, targets = random(8, WIDTH).astype("float32"), np.zeros((8, WIDTH - 1))
    expected = (np.asarray(model(images)) ** 2).mean() + 0.3 * mean_squared_norm(model, images)
    model.compile("sgd", "mse")
    assert model.evaluate(images, targets, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert model.fit(images, targets, verbose=0).history["loss"] == pytest.approx([expected], rel=1e-5)
    assert model.get_layer("penalty").variables == []
    assert model.count_params() == WIDTH * (WIDTH - 1) + WIDTH - 1


def renamed(layer):
    return type(layer).from_config({**layer.get_config(), "name": f"new_{layer.name}"})


@pytest.mark.parametrize("stack", [["sigmoid"], ["sigmoid", "tanh"]], ids=" ".join)
def test_a_copy_penalizes_its_own_layers(stack, tmp_path):
    model = contractive_model(stack)
    images = random(5, WIDTH)
    model(images)
    penalty = float(model.losses[0])
    model.save(tmp_path / "model.keras")
    copies = [keras.models.load_model(tmp_path / "model.keras"), keras.models.clone_model(model)]
    for copy in [*copies, keras.models.clone_model(model, clone_function=renamed)]:
        copy.set_weights(model.get_weights())
        copy(images)
        assert float(copy.losses[0]) == pytest.approx(penalty, rel=1e-12)
        copy.layers[1].kernel.assign(np.zeros((WIDTH, WIDTH - 1)))
        copy(images)
        assert float(copy.losses[0]) == 0


def test_a_model_used_as_a_layer_adds_its_penalty_once():
    model = contractive_model(["sigmoid", "tanh"])
    images = random(5, WIDTH)
    model(images)
    penalty = float(model.losses[0])
    outer = keras.Input((WIDTH,), dtype="float64")
    whole = keras.Model(outer, model(outer))
    whole(images)
    assert [float(loss) for loss in whole.losses] == pytest.approx([penalty], rel=1e-12)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_in_half_precision_the_penalty_is_summed_in_float32(dtype):
    model, single = contractive_model(["sigmoid", "tanh"], dtype=dtype), contractive_model(["sigmoid", "tanh"])
    images = random(5, WIDTH)
    codes = model(images.astype("float32"))
    single(images)
    assert codes.dtype == dtype.removeprefix("mixed_")
    assert model.losses[0].dtype == "float32"
    assert float(model.losses[0]) == pytest.approx(float(single.losses[0]), rel=0.05)


def dense(activation="sigmoid", name="code"):
    return keras.layers.Dense(3, activation, name=name)


square = ReversibleDense(WIDTH, name="square")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: ContractivePenalty(1)(x), "not that of 'image', a InputLayer"),
        (lambda x: ContractivePenalty(1)(np.zeros((2, 3), "float32")), "not values"),
        (
            lambda x: ContractivePenalty(1)(square(square(x), reverse=True)),
            "that of 'square', a ReversibleDense in rev",
        ),
        (lambda x: ContractivePenalty(1)(dense("softmax")(x)), "linear, relu, sigmoid, tanh; 'code' has softmax"),
        (
            lambda x: ContractivePenalty(1)([dense(name="a")(x), dense(name="b")(x)]),
            "'b' is not called with the one before it",
        ),
        (
            lambda x: ContractivePenalty(1)(dense()(keras.layers.Reshape((2, 3))(x))),
            r"that of 'code' is \(None, 2, 3\)",
        ),
        (lambda x: ContractivePenalty(-1), r"`weight` must be a number of at least 0\. Received: -1"),
        (lambda x: ContractivePenalty("much"), "Received: 'much'"),
    ],
)
def test_inputs_other_than_dense_outputs_raise(make, message):
    with pytest.raises(InputError, match=message):
        make(keras.Input((WIDTH,), name="image"))
