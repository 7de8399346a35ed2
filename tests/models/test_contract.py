"""Properties of every model."""

import contextlib
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import weights
from cnnzoo.layers import AveragePooling2D
from tests.small_nets import (
    ALEXNET,
    CLASSIFIERS,
    SMALL,
    by_family,
    by_function,
    precision,
    small,
    targets_for,
    thin,
    without_draws,
)

# Trainable parameters as the papers count them.
PARAMETERS = {
    "lenet5": 60_000,
    "lenet_1989": 9_760,
    "lenet1": 2_578,
    "lenet4": 50_690,  # reconstructed: the papers' count cannot be
    "lenet": 61_706,
    "mlp": 266_610,
    "alexnet": 60_965_224,
    "caffenet": 60_965_224,
    "alexnet_owt": 61_100_840,
    "zfnet": 62_357_608,
    "zfnet_b": 107_627_624,
    "network_in_network": 966_986,
    "network_in_network_imagenet": 7_595_176,
    "cuda_convnet": 89_578,
    "autoencoder": 784 * 256 + 256 * 32 + 256 + 32 + 256 + 784,  # kernels once, as they are tied
    "deep_autoencoder": 2_837_314,
    "denoising_autoencoder": 784 * 1000 + 1000 + 784,
    "convolutional_autoencoder": 513 * 3072 + 2 * (16 * 3 * 64) + 64 + 2 * (9 * 64 + 1) * 64 + 3,  # tied code
    "stacked_convolutional_autoencoder": 2 * 16 * (3 * 32 + 32 * 64 + 64 * 32) + 32 + 64 + 32 + 64 + 32 + 3,
    "variational_autoencoder": 425_284,
    "stacked_autoencoder": 785 * 1000 + 2 * 1001 * 1000 + 1001 * 10,
    "all_cnn_a": 1_254_250,
    "all_cnn_b": 1_300_618,
    "all_cnn_c": 1_369_738,
    # By the paper's tables: a 3×3 convolution of as many maps more or less at each of the two halvings.
    **{f"conv_pool_cnn_{base}": count for base, count in zip("abc", (1_254_250, 1_300_618, 1_369_738), strict=True)},
    **{
        f"{sibling}_{base}": count - (9 * 96 + 1) * 96 - (9 * 192 + 1) * 192
        for sibling in ("model", "strided_cnn")
        for base, count in zip("abc", (1_254_250, 1_300_618, 1_369_738), strict=True)
    },
}
BATCH = 8

every_name = pytest.mark.parametrize("name", cnnzoo.list_models())
every_model = pytest.mark.parametrize("name", by_function(cnnzoo.list_models()))
every_classifier = pytest.mark.parametrize("name", by_function(CLASSIFIERS))


def images_for(model, batch=BATCH):
    return np.random.default_rng(0).uniform(-0.1, 1.2, (batch, *model.input_shape[1:])).astype("float32")


@every_name
def test_parameters_are_the_papers(name):
    with precision("float16"):  # half a gigabyte less for AlexNet, which is not run here
        model = cnnzoo.create(name, compile=False)
    assert sum(math.prod(weight.shape) for weight in model.trainable_weights) == PARAMETERS[name]


@every_classifier
def test_shapes_with_and_without_top(name):
    model = small(name, classes=7)
    assert model.output_shape == (None, 7)
    assert model(images_for(model)).shape == (BATCH, 7)
    features = small(name, include_top=False)
    assert features.output_shape[1:] != (10,)
    assert not features.compiled


@every_model
def test_a_model_can_be_rebuilt_from_its_configuration(name):
    model = thin(name)
    plain = keras.Model.from_config(model.get_config())  # has Keras' own layers where those of cnnzoo name them
    again = keras.Model.from_config(model.get_config(), custom_objects={"AveragePooling2D": AveragePooling2D})
    assert again.get_config() == model.get_config()
    images = images_for(model)
    for rebuilt in (plain, again):
        rebuilt.set_weights(model.get_weights())
        np.testing.assert_array_equal(model(images), rebuilt(images))


@every_model
def test_a_model_can_be_saved_and_loaded(name, tmp_path):
    model = thin(name)
    model.run_eagerly = True  # a step alone, and a graph of each takes a second
    images = images_for(model)
    targets = targets_for(model, images)
    model.fit(images, targets, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    again.run_eagerly = True
    np.testing.assert_array_equal(model(images), again(images))
    assert again.evaluate(images, targets, verbose=0) == model.evaluate(images, targets, verbose=0)


@every_model
def test_weights_are_loaded_from_a_file(name, tmp_path):
    # AlexNets' dense layers, of a hundred megabytes: test_alexnet_owt.py loads them.
    options = {"include_top": False} if SMALL.get(name) is ALEXNET else {}
    model = small(name, **options)
    images = images_for(model)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    for path in ("model.weights.h5", "model.keras"):
        loaded = small(name, weights=tmp_path / path, **options)
        np.testing.assert_array_equal(model(images), loaded(images))


@every_model
def test_gradient_reaches_every_weight(name):
    model = thin(name)
    images = images_for(model)
    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        loss = model.compute_loss(images, targets_for(model, images), outputs)
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.abs(gradient).max() > 0, weight.path


@every_model
def test_mixed_precision_trains_with_float32_weights_and_outputs(name):
    with precision("mixed_bfloat16"):
        model = thin(name)
    model.run_eagerly = True
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model.output.dtype == "float32"
    images = images_for(model)
    history = model.fit(images, targets_for(model, images), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize("name", by_family(cnnzoo.list_models()))
def test_two_replicas_equal_one(name, two_replicas):
    single = without_draws(thin(name))
    with two_replicas.scope():
        replicated = thin(name)
    replicated.set_weights(single.get_weights())
    images = images_for(single, batch=16)
    batches = tf.data.Dataset.from_tensor_slices((images, targets_for(single, images))).batch(8)
    for model, scope in ((single, contextlib.nullcontext()), (replicated, two_replicas.scope())):
        # Muon rounds what differs in float order, to bfloat16, and Adam divides it by gradients that are nearly 0.
        if not isinstance(model.optimizer, cnnzoo.optimizers.ClassicSGD):
            with scope:
                model.compile(keras.optimizers.SGD(0.1), model.loss)
        model.fit(batches, epochs=2, shuffle=False, verbose=0)
    for one, two in zip(single.get_weights(), replicated.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


@every_model
def test_input_tensor_is_built_upon(name):
    shape = thin(name).input_shape[1:]
    inputs = keras.Input(shape)
    model = small(name, input_tensor=keras.layers.Rescaling(0.5)(inputs))
    assert model.input is inputs
    assert [type(layer).__name__ for layer in model.layers[:2]] == ["InputLayer", "Rescaling"]


@every_name
def test_every_model_passes_its_arguments_to_the_scaffold(name, monkeypatch):
    """The errors of the scaffold are tested in test_scaffold.py: here is one wrong value for each of its functions."""
    wrong = [
        ({"input_shape": (0, 32, 3)}, r"three positive integers \(height, width, channels\).* Received: \(0, 32, 3\)"),
        ({"input_tensor": 3}, "Received: a int"),
    ]
    if name in CLASSIFIERS:
        wrong += [
            ({"include_top": "no"}, r"`include_top` must be True or False\. Received: 'no'"),
            ({"classes": 0}, r"`classes` must be a positive integer\. Received: 0"),
            ({"pooling": "avg"}, "`pooling` must be None"),
        ]
        assert not small(name, classifier_activation="relu").compiled  # there is no default loss for it
    for options, message in wrong:
        with pytest.raises(cnnzoo.InputError, match=message):
            small(name, **options)
    loaded = []
    monkeypatch.setattr(weights, "load", lambda model, file, *_: loaded.append((model.name, file)))
    model = small(name, weights="x.weights.h5", name="net")
    assert loaded == [("net", "x.weights.h5")]
    assert model.name == "net"
