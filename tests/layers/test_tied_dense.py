"""A dense layer tied to another: one variable and one gradient, also in copies of a model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.layers import TiedDense
from tests import reference
from tests.layers.checking import random

WIDTH = 7


def tied_model(dtype="float32", **options):
    """Return 7-5-3-5-7 with the two decoder layers tied, and random weights."""
    image = keras.Input((WIDTH,), name="image", dtype=keras.DTypePolicy(dtype).variable_dtype)
    hidden = keras.layers.Dense(5, "tanh", name="encoder", dtype=dtype, **options)(image)
    code = keras.layers.Dense(3, "tanh", name="code", dtype=dtype)(hidden)
    back = TiedDense("code", "tanh", name="decoder_1", dtype=dtype)(code)
    model = keras.Model(image, TiedDense("encoder", name="decoder_2", dtype=dtype)(back))
    for number, weight in enumerate(model.weights):
        weight.assign(random(*weight.shape, seed=number))
    return model


def is_tied(model):
    return all(
        model.get_layer(decoder).kernel is model.get_layer(encoder)._kernel
        for encoder, decoder in (("encoder", "decoder_2"), ("code", "decoder_1"))
    )


def formula(images, outer, outer_bias, inner, inner_bias, back_bias, bias):
    codes = np.tanh(np.tanh(images @ outer + outer_bias) @ inner + inner_bias)
    return np.tanh(codes @ inner.T + back_bias) @ outer.T + bias


def test_it_multiplies_by_the_transposed_kernel():
    dense = keras.layers.Dense(3)
    dense.build((None, WIDTH))
    layer = TiedDense(dense, "sigmoid", bias_initializer="ones")
    codes = random(4, 2, 3).astype("float32")
    expected = reference.logistic(codes @ np.asarray(dense.kernel).T + 1)
    np.testing.assert_allclose(layer(codes), expected, atol=1e-6)
    assert layer.compute_output_shape(codes.shape) == (4, 2, WIDTH)
    assert layer.kernel is dense.kernel
    without = TiedDense(dense, use_bias=False)
    np.testing.assert_allclose(without(codes), codes @ np.asarray(dense.kernel).T, atol=1e-6)
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
    own = WIDTH * 5 + 5 + 5 * 3 + 3 + 5 + WIDTH
    assert model.count_params() == own
    assert len(model.weights) == len(model.trainable_weights) == 6
    model.compile(keras.optimizers.SGD(momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    slots = [variable for variable in model.optimizer.variables if tuple(variable.shape)]
    assert sum(int(np.prod(slot.shape)) for slot in slots) == own


def rebuilt(model, way, folder):
    if way == "clone":
        return keras.models.clone_model(model)
    if way == "config":
        return type(model).from_config(model.get_config())
    if way == "json":
        return keras.models.model_from_json(model.to_json())
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras", safe_mode=True)


@pytest.mark.parametrize("way", ["clone", "config", "json", "file"])
def test_every_copy_is_tied(way, tmp_path):
    model = tied_model()
    copy = rebuilt(model, way, tmp_path)
    assert is_tied(copy)
    assert copy.get_layer("decoder_2").kernel is not model.get_layer("decoder_2").kernel
    images = random(5, WIDTH).astype("float32")
    if way != "file":
        copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(images), model(images))
    copy.compile(keras.optimizers.SGD(0.1), "mse")
    before = copy.get_weights()
    copy.fit(images, images, verbose=0)
    assert is_tied(copy)
    encoder, decoder = copy.get_layer("encoder"), copy.get_layer("decoder_2")
    np.testing.assert_array_equal(encoder.get_weights()[0], decoder.get_weights()[0])
    assert np.abs(copy.get_weights()[0] - before[0]).max() > 1e-4
    assert copy.count_params() == model.count_params()


def test_a_copy_of_a_sequential_model_is_tied(tmp_path):
    model = keras.Sequential(
        [keras.Input((WIDTH,)), keras.layers.Dense(3, name="code"), TiedDense("code", "sigmoid", name="decoder")]
    )
    model.save(tmp_path / "model.keras")
    for copy in (keras.models.clone_model(model), keras.models.load_model(tmp_path / "model.keras")):
        assert copy.get_layer("decoder").kernel is copy.get_layer("code").kernel


def test_it_finds_a_layer_within_a_model_used_as_a_layer(tmp_path):
    encoder = keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(3, name="code")], name="encoder")
    image = keras.Input((WIDTH,))
    model = keras.Model(image, TiedDense("code", name="decoder")(encoder(image)))
    model.save(tmp_path / "model.keras")
    for copy in (model, keras.models.load_model(tmp_path / "model.keras")):
        assert copy.get_layer("decoder").kernel is copy.get_layer("encoder").get_layer("code").kernel


def test_a_layer_that_is_renamed_is_still_found():
    model = tied_model()
    model.get_layer("encoder").name = "first"
    assert model.get_layer("decoder_2").tied_to == "first"
    copy = keras.models.clone_model(model)
    assert copy.get_layer("decoder_2").kernel is copy.get_layer("first").kernel


def test_two_replicas_share_the_variable_and_equal_one(two_replicas):
    one = tied_model()
    with two_replicas.scope():
        two = keras.models.clone_model(one)
    assert is_tied(two)
    two.set_weights(one.get_weights())
    images = random(8, WIDTH).astype("float32")
    for model, scope in ((one, None), (two, two_replicas)):
        with scope.scope() if scope else tf.distribute.get_strategy().scope():
            model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(tf.data.Dataset.from_tensor_slices((images, images)).batch(8), epochs=2, shuffle=False, verbose=0)
    assert is_tied(two)
    for found, expected in zip(two.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_decoder_shares_the_kernel_until_it_is_saved_and_loaded_alone(tmp_path):
    model = tied_model()
    decoder = keras.Model(model.get_layer("code").output, model.output)
    assert decoder.get_layer("decoder_2").kernel is model.get_layer("encoder").kernel
    codes = random(4, 3).astype("float32")
    decoder.save(tmp_path / "decoder.keras")
    alone = keras.models.load_model(tmp_path / "decoder.keras")
    np.testing.assert_array_equal(alone(codes), decoder(codes))
    model.get_layer("encoder").kernel.assign(np.zeros((WIDTH, 5)))
    assert np.abs(alone.get_layer("decoder_2").get_weights()[0]).min() > 0
    assert not decoder.get_layer("decoder_2").get_weights()[0].any()
    decoder.load_weights(tmp_path / "decoder.keras")  # into the shared variable
    np.testing.assert_array_equal(model.get_layer("encoder").kernel, alone.get_layer("decoder_2").kernel)


def test_a_decoder_used_as_a_layer_is_not_tied_after_loading(tmp_path):
    """As the docstring says: when such a decoder is rebuilt, its encoder is not before it yet."""
    image, code = keras.Input((WIDTH,)), keras.Input((3,))
    encoder = keras.Model(image, keras.layers.Dense(3, name="code")(image), name="encoder")
    decoder = keras.Model(code, TiedDense(encoder.get_layer("code"), name="back")(code), name="decoder")
    model = keras.Model(image, decoder(encoder(image)))
    assert model.count_params() == WIDTH * 3 + 3 + WIDTH
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.count_params() == 2 * WIDTH * 3 + 3 + WIDTH
    images = random(4, WIDTH).astype("float32")
    np.testing.assert_array_equal(loaded(images), model(images))


def test_weights_load_into_models_with_frozen_layers(tmp_path):
    model, frozen = tied_model(), tied_model(trainable=False)
    assert [tuple(w.shape) for w in frozen.get_layer("decoder_2").weights] == [(WIDTH, 5), (WIDTH,)]
    model.save_weights(tmp_path / "all.weights.h5")
    frozen.set_weights([0 * value for value in frozen.get_weights()])
    frozen.load_weights(tmp_path / "all.weights.h5")
    images = random(4, WIDTH).astype("float32")
    np.testing.assert_array_equal(frozen(images), model(images))
    frozen.save(tmp_path / "frozen.keras")
    again = keras.models.load_model(tmp_path / "frozen.keras")
    assert len(again.trainable_weights) == len(frozen.trainable_weights) == 4
    np.testing.assert_array_equal(again(images), model(images))


def test_the_kernel_is_frozen_with_the_layer_it_belongs_to():
    model = tied_model()
    decoder, encoder = model.get_layer("decoder_2"), model.get_layer("encoder")
    decoder.trainable = False
    assert not decoder.trainable
    assert decoder.trainable_weights == []
    assert encoder.kernel.trainable
    assert not decoder.bias.trainable
    encoder.trainable = False
    decoder.trainable = True
    assert not encoder.kernel.trainable
    assert decoder.trainable_weights == [decoder.bias]
    model.trainable = False
    assert model.trainable_weights == []
    model.trainable = True
    assert len(model.trainable_weights) == 6


def test_mixed_precision_computes_in_bfloat16_with_float32_weights():
    model = tied_model("mixed_bfloat16")
    images = random(4, WIDTH).astype("float32")
    assert model(images).dtype == "bfloat16"
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}
    assert reference.relative(np.asarray(model(images), "float32"), tied_model()(images)) < 0.03


def dense(units=3):
    return keras.layers.Dense(units, name="code")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: TiedDense("cod")(dense()(x)), "'cod', which must be a layer before it; those are 'image', 'code'"),
        (lambda x: TiedDense("code")(np.zeros((1, 3), "float32")), "called with values"),
        (lambda x: TiedDense("image")(dense()(x)), "Dense layer or its name, not to 'image', a InputLayer"),
        (lambda x: TiedDense(keras.layers.ReLU(name="r")), "not to 'r', a ReLU"),
        (lambda x: TiedDense(7), "not to 7"),
        (lambda x: TiedDense(""), "not to ''"),
        (lambda x: TiedDense(dense())(x), "'code', which has no kernel yet"),
        (lambda x: TiedDense("code")(keras.layers.Dense(4)(dense()(x))), "of 3 units and cannot take 4"),
        (lambda x: TiedDense("code", units=6)(dense()(x)), "has 7 inputs, and cannot have units=6"),
        (lambda x: TiedDense("code", units=0), "`units` must be a positive integer, .* Received: 0"),
        (lambda x: TiedDense("code").build((None, 3)), "must be called before"),
    ],
)
def test_layers_that_cannot_be_tied_raise(make, message):
    with pytest.raises(InputError, match=message):
        make(keras.Input((WIDTH,), name="image"))


def test_a_kernel_with_lora_raises():
    layer = dense()
    layer.build((None, WIDTH))
    layer.enable_lora(1)
    with pytest.raises(InputError, match="one variable"):
        TiedDense(layer)(np.zeros((1, 3), "float32"))
