"""A dense layer called in both directions: one variable and one gradient, also in copies of a model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.layers import ReversibleDense
from cnnzoo.layers.graph import Subgraph
from tests import reference
from tests.layers.checking import random

WIDTH = 7
PARAMETERS = (WIDTH * 5 + 5 + WIDTH) + (5 * 3 + 3 + 5)


def tied_model(dtype="float32", **options):
    """Return 7-5-3-5-7 of two layers that are called in both directions, with random weights."""
    image = keras.Input((WIDTH,), name="image", dtype=keras.DTypePolicy(dtype).variable_dtype)
    encoder = ReversibleDense(5, "tanh", name="encoder", dtype=dtype, **options)
    code = ReversibleDense(3, "tanh", reverse_activation="sigmoid", name="code", dtype=dtype)
    model = keras.Model(image, encoder(code(code(encoder(image)), reverse=True), reverse=True))
    for number, weight in enumerate(model.weights):
        weight.assign(random(*weight.shape, seed=number))
    return model


def formula(images, outer, outer_bias, outer_back, inner, inner_bias, inner_back):
    codes = np.tanh(np.tanh(images @ outer + outer_bias) @ inner + inner_bias)
    return reference.logistic(codes @ inner.T + inner_back) @ outer.T + outer_back


def decoder_of(model):
    """Return the model from the code on, as `cnnzoo.decoder` makes it."""
    code = model.get_layer("code").output
    values = keras.Input(code.shape[1:])
    return keras.Model(values, Subgraph(code, model.output).run(values))


def test_in_reverse_it_multiplies_by_the_transposed_kernel():
    layer = ReversibleDense(3, "relu", reverse_activation="sigmoid", reverse_bias_initializer="ones")
    images, codes = random(4, 2, WIDTH).astype("float32"), random(4, 2, 3).astype("float32")
    plain = keras.layers.Dense(3, "relu")
    plain.build(images.shape)
    layer.build(images.shape)
    layer.kernel.assign(plain.kernel)
    np.testing.assert_array_equal(layer(images), plain(images))
    expected = reference.logistic(codes @ np.asarray(plain.kernel).T + 1)
    np.testing.assert_allclose(layer(codes, reverse=True), expected, atol=1e-6)
    assert layer.compute_output_shape(images.shape) == codes.shape
    assert layer.compute_output_shape(codes.shape, reverse=True) == images.shape
    without = ReversibleDense(3, use_bias=False, use_reverse_bias=False)
    without(images)
    np.testing.assert_allclose(without(codes, reverse=True), codes @ without.get_weights()[0].T, atol=1e-6)
    assert [tuple(weight.shape) for weight in without.weights] == [(WIDTH, 3)]


def test_the_gradient_of_the_kernel_is_the_sum_of_both_uses():
    model = tied_model("float64")
    images, upstream = random(6, WIDTH), random(6, WIDTH, seed=1)
    arrays = [np.asarray(weight) for weight in model.weights]
    with tf.GradientTape() as tape:
        outputs = model(images)
        total = tf.reduce_sum(outputs * upstream)
    np.testing.assert_allclose(outputs, formula(images, *arrays), atol=1e-12)
    expected = reference.slopes(formula, [images, *arrays], upstream)[1:]
    for found, slope in zip(tape.gradient(total, [w.value for w in model.weights]), expected, strict=True):
        assert reference.relative(found, slope) < 1e-7


def test_the_kernel_counts_once():
    model = tied_model()
    assert model.count_params() == PARAMETERS
    assert len(model.weights) == len(model.trainable_weights) == 6
    model.compile(keras.optimizers.SGD(momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    slots = [variable for variable in model.optimizer.variables if tuple(variable.shape)]
    assert sum(int(np.prod(slot.shape)) for slot in slots) == PARAMETERS


def renamed(layer):
    return type(layer).from_config({**layer.get_config(), "name": f"new_{layer.name}"})


COPIES = {
    "clone": lambda model, path: keras.models.clone_model(model),
    "clone with new names": lambda model, path: keras.models.clone_model(model, clone_function=renamed),
    "config": lambda model, path: type(model).from_config(model.get_config()),
    "json": lambda model, path: keras.models.model_from_json(model.to_json()),
    "file": lambda model, path: keras.models.load_model(path, safe_mode=True),
}


@pytest.mark.parametrize("way", COPIES)
def test_every_copy_is_tied(way, tmp_path):
    model = tied_model()
    model.save(tmp_path / "model.keras")
    copy = COPIES[way](model, tmp_path / "model.keras")
    assert copy.count_params() == PARAMETERS
    assert not {id(weight) for weight in copy.weights} & {id(weight) for weight in model.weights}
    images = random(5, WIDTH).astype("float32")
    if way != "file":
        copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(images), model(images))
    copy.compile(keras.optimizers.SGD(0.1), "mse")
    copy.fit(images, images, verbose=0)
    trained = copy.get_weights()
    assert np.abs(trained[0] - model.get_weights()[0]).max() > 1e-4
    np.testing.assert_allclose(copy(images), formula(images, *trained), atol=1e-5)


def test_a_file_has_the_kernel_once(tmp_path):
    model = tied_model()
    model.save_weights(tmp_path / "model.weights.h5")
    held = []
    keras.tree.map_structure(held.append, keras.saving.KerasFileEditor(str(tmp_path / "model.weights.h5")).weights_dict)
    assert sum(array.size for array in held) == PARAMETERS
    copy = keras.models.clone_model(model)
    copy.load_weights(tmp_path / "model.weights.h5")
    images = random(5, WIDTH).astype("float32")
    np.testing.assert_array_equal(copy(images), model(images))


def test_two_replicas_share_the_variable_and_equal_one(two_replicas):
    one = tied_model()
    with two_replicas.scope():
        two = keras.models.clone_model(one)
    two.set_weights(one.get_weights())
    images = random(8, WIDTH).astype("float32")
    for model, scope in ((one, None), (two, two_replicas)):
        with scope.scope() if scope else tf.distribute.get_strategy().scope():
            model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(tf.data.Dataset.from_tensor_slices((images, images)).batch(8), epochs=2, shuffle=False, verbose=0)
    assert two.count_params() == PARAMETERS
    for found, expected in zip(two.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_decoder_shares_the_kernel_and_works_alone(tmp_path):
    model = tied_model()
    decoder = decoder_of(model)
    codes = random(4, 3).astype("float32")
    expected = decoder(codes)
    weights = model.get_weights()
    back = reference.logistic(codes @ weights[3].T + weights[5]) @ weights[0].T + weights[2]
    np.testing.assert_allclose(expected, back, atol=1e-6)
    decoder.save(tmp_path / "decoder.keras")
    alone = keras.models.load_model(tmp_path / "decoder.keras")
    copy = keras.models.clone_model(decoder)  # in which every layer is called in reverse first
    copy.set_weights(decoder.get_weights())
    for other in (alone, copy):
        np.testing.assert_array_equal(other(codes), expected)
    model.get_layer("encoder").kernel.assign(np.zeros((WIDTH, 5)))
    assert np.ptp(decoder(codes), axis=0).max() == 0
    np.testing.assert_array_equal(alone(codes), expected)
    decoder.load_weights(tmp_path / "decoder.keras")  # into the shared variable
    np.testing.assert_array_equal(model.get_layer("encoder").kernel, weights[0])


def test_weights_load_into_models_with_frozen_layers(tmp_path):
    model, frozen = tied_model(), tied_model(trainable=False)
    model.save_weights(tmp_path / "all.weights.h5")
    frozen.set_weights([0 * value for value in frozen.get_weights()])
    frozen.load_weights(tmp_path / "all.weights.h5")
    images = random(4, WIDTH).astype("float32")
    np.testing.assert_array_equal(frozen(images), model(images))
    frozen.save(tmp_path / "frozen.keras")
    again = keras.models.load_model(tmp_path / "frozen.keras")
    assert len(again.trainable_weights) == len(frozen.trainable_weights) == 3
    np.testing.assert_array_equal(again(images), model(images))


def test_mixed_precision_computes_in_bfloat16_with_float32_weights():
    model = tied_model("mixed_bfloat16")
    images = random(4, WIDTH).astype("float32")
    assert model(images).dtype == model.output.dtype == "bfloat16"
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}
    assert reference.relative(np.asarray(model(images), "float32"), tied_model()(images)) < 0.03


@pytest.mark.parametrize("given", ["at first", "later"])
def test_lora_changes_the_kernel_of_both_directions(given, tmp_path):
    image = keras.Input((WIDTH,))
    layer = ReversibleDense(3, lora_rank=2 if given == "at first" else None)
    model = keras.Model(image, layer(layer(image), reverse=True))
    if given == "later":
        layer.enable_lora(2)
    kernel = np.asarray(layer.kernel)
    layer.lora_kernel_b.assign(random(2, 3))
    kernel = kernel + np.asarray(layer.lora_kernel_a) @ np.asarray(layer.lora_kernel_b)
    images = random(5, WIDTH).astype("float32")
    np.testing.assert_allclose(model(images), images @ kernel @ kernel.T, atol=1e-4)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "model.keras")(images), model(images), atol=1e-4)


def test_it_cannot_be_quantized():
    with pytest.raises(InputError, match=r"code cannot be quantized\. Received: dtype='int8_from_float32'"):
        ReversibleDense(3, name="code", dtype="int8_from_float32")
    layer = ReversibleDense(3)
    layer.build((None, WIDTH))
    with pytest.raises(NotImplementedError):
        layer.quantize("int8")


def built(**options):
    layer = ReversibleDense(3, name="code", **options)
    layer.build((None, WIDTH))
    return layer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: built()(np.zeros((2, 4))), r"of width 7 for 'code'\. Received: \(2, 4\)"),
        (lambda: built()(np.zeros((2, 4)), reverse=True), r"of width 3 for 'code' in reverse\. Received: \(2, 4\)"),
        (lambda: built()(keras.Input((4,))), r"of width 7 for 'code'\. Received: \(None, 4\)"),
        (lambda: built()(keras.Input((4,)), reverse=True), r"of width 3 for 'code' in reverse\. Received: \(None, 4\)"),
        # Never called forward, it takes what comes in reverse for its input.
        (lambda: ReversibleDense(3, name="code")(np.zeros((2, 4)), reverse=True), "of width 3 for 'code' in reverse"),
        (lambda: built(input_dim=6)(np.zeros((2, 7))), "of width 6 for 'code'"),
        (lambda: built(input_dim=0), "`input_dim` must be a positive integer, or None .* Received: 0"),
        (lambda: built(use_reverse_bias=1), "`use_reverse_bias` must be True or False. Received: 1"),
    ],
)
def test_wrong_widths_and_arguments_raise(make, message):
    with pytest.raises(InputError, match=message):
        make()
