"""Layers and models under JAX and PyTorch give the formulas' numbers and those of TensorFlow."""

import functools
import importlib.util
import json
import math
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import layers
from tests import processes, reference
from tests.integration.backends.worker import LOGITS, analysis_results
from tests.small_nets import thin

WORKER = Path(__file__).parent / "worker.py"
PACKAGES = {"jax": "JAX (pip install 'jax[cpu]')", "torch": "PyTorch (pip install torch)"}
TABLE = ((0,), (1, 3), (3, 2, 1, 0), (2,))


def averages(images, size, strides):
    """Average each window over its pixels within the images."""
    rows, columns = (-(-side // stride) for side, stride in zip(images.shape[1:3], strides, strict=True))
    out = np.zeros((len(images), rows, columns, images.shape[-1]))
    for i, j, window in reference.windows(images, size, strides, "same"):
        out[:, i, j] = window.mean(axis=(1, 2))
    return out


def there_and_back(layer):
    """Return a model that calls a layer forward and in reverse: the kernel's gradient comes from both."""
    image = keras.Input((6, 6, 4))
    return keras.Model(image, layer(layer(image), reverse=True))


def tied_convolutions(images, kernel, hidden_bias, bias):
    maps = np.tanh(reference.grouped_convolution(images, kernel, hidden_bias, (2, 2), "same", 1))
    return reference.transposed_convolution(maps, kernel, bias, (2, 2), "same", (6, 6))


def two_largest(rows):
    return np.where(rows >= np.sort(rows, axis=1)[:, -2:-1], rows, 0)


# A layer of each kind, and its formula for images and weights.
LAYERS = {
    "norm across": (
        layers.LocalResponseNormalization(5, 0.5, 0.75, 2.0),
        lambda x: reference.local_response_normalization(x, 5, 0.5, 0.75, 2.0, "across"),
    ),
    "norm within": (
        layers.LocalResponseNormalization(3, 0.3, 0.6, 1.0, "within"),
        lambda x: reference.local_response_normalization(x, 3, 0.3, 0.6, 1.0, "within"),
    ),
    "lp pool": (
        layers.LpPooling2D(1.5, 3, 2, "same"),
        lambda x: reference.lp_pooling(x, 1.5, (3, 3), (2, 2), "same", True),
    ),
    "lp pool, summed": (
        layers.LpPooling2D(2, 2, 2, "same", normalized=False),
        lambda x: reference.lp_pooling(x, 2, (2, 2), (2, 2), "same", False),
    ),
    "whitening": (
        layers.ZCAWhitening(),
        lambda x, mean, matrix: ((x.reshape(len(x), -1) - mean) @ matrix).reshape(x.shape),
    ),
    "ten crops": (layers.TenCrops(4, 3), reference.ten_crops),
    "locally connected": (
        layers.LocallyConnected2D(3, (2, 3), (2, 1), "same", bias_initializer="ones"),
        lambda x, kernel, bias: reference.locally_connected(x, kernel, bias, (2, 1), "same"),
    ),
    "columns": (
        layers.ColumnConv2D(6, 3, 2, "same", groups=2, bias_initializer="ones"),
        lambda x, kernel, bias: reference.grouped_convolution(x, kernel, bias, (2, 2), "same", 2),
    ),
    "pointwise": (
        layers.PointwiseConv2D(5, 2, bias_initializer="ones"),
        lambda x, kernel, bias: reference.grouped_convolution(x, kernel, bias, (2, 2), "valid", 1),
    ),
    "subsampling": (
        layers.Subsampling2D(2, activation=layers.scaled_tanh),
        lambda x, coefficient, bias: reference.scaled_tanh(reference.subsampling(x, 2, coefficient, bias)),
    ),
    "average pool": (
        layers.AveragePooling2D(3),
        lambda x: reference.subsampling(x, 3, np.full(4, 1 / 9), np.zeros(4)),
    ),
    "average pool, overlapping": (
        layers.AveragePooling2D(3, 2, "same"),
        lambda x: averages(x, (3, 3), (2, 2)),
    ),
    "partially connected": (
        layers.PartiallyConnectedConv2D(TABLE, 3),
        lambda x, kernel, bias: reference.partial_convolution(x, TABLE, np.moveaxis(kernel, -1, 0), bias),
    ),
    "partially connected, a bias a unit": (
        layers.PartiallyConnectedConv2D(TABLE, 3, strides=2, unit_bias=True, bias_initializer="ones"),
        lambda x, kernel, bias: reference.partial_convolution(x, TABLE, np.moveaxis(kernel, -1, 0), bias, 2),
    ),
    "a border of -1": (layers.ConstantPadding2D(2), lambda x: reference.constant_padding(x, 2, -1)),
    "radial basis": (
        layers.RadialBasis(3, adaptive=True, negate=True),
        lambda x, centers: -reference.squared_distances(x, centers),
    ),
    "gaussian code at rest": (layers.GaussianCode(3), lambda x, kernel, bias, *_: x @ kernel + bias),
    "gaussian scale": (layers.GaussianScale(), lambda x, log_scale: x),
    "dense there and back": (
        there_and_back(layers.ReversibleDense(3, "tanh")),
        reference.tied_autoencoder,
    ),
    "principal components there and back": (
        there_and_back(layers.PrincipalComponents(3)),
        lambda x, kernel, mean: (x - mean) @ kernel @ kernel.T + mean,
    ),
    "convolution there and back": (
        there_and_back(layers.ReversibleConv2D(3, 3, 2, "same", activation="tanh")),
        tied_convolutions,
    ),
    "two of nine are kept": (layers.KSparse(2), two_largest),
    "winners at rest": (layers.WinnerTakeAll(0.5), lambda x: x),
    "masking noise at rest": (layers.MaskingNoise(0.5), lambda x: x),
    "salt and pepper at rest": (layers.SaltAndPepperNoise(0.5), lambda x: x),
}

# Penalties on a code of logistic units, as they arrive in the loss of an autoencoder.
PENALTIES = {
    "sparsity": {"activity_regularizer": layers.KLSparsity(0.1, 0.5)},
    "l1_sparsity": {"activity_regularizer": layers.L1Sparsity(0.5)},
    "contraction": {"contractive": 0.5},
}

FLAT = (layers.RadialBasis, layers.GaussianCode, layers.KSparse)  # layers of vectors
MODELS = ["cuda_convnet", "all_cnn_c", "alexnet"]
SHIPPED = ["deep_autoencoder on mnist", "cuda_convnet on cifar10"]


def test_every_layer_has_a_case():
    public = {each for each in map(layers.__dict__.get, layers.__all__) if isinstance(each, type)}
    public = {each for each in public if issubclass(each, keras.layers.Layer)}
    models = [layer.layers if isinstance(layer, keras.Model) else [layer] for layer, _ in LAYERS.values()]
    assert public - {type(layer) for layers_of_case in models for layer in layers_of_case} == {
        layers.ContractivePenalty  # it returns its input; `PENALTIES` has what it adds to the loss
    }


def write_layer(name, folder):
    """Write a layer's configuration and weights, its input, and by the formula its outputs and gradients."""
    layer, formula = LAYERS[name]
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 9) if isinstance(layer, FLAT) else (2, 6, 6, 4)).astype("float32")
    if images.ndim == 4:
        images[0, :2, :2] = 0  # where a root has no slope
    layer.build(images.shape)
    weights = [rng.normal(size=weight.shape).astype("float32") for weight in layer.weights]
    expected = formula(images.astype("float64"), *weights)
    upstream = rng.normal(size=expected.shape).astype("float32")
    arrays = {"images": images, "upstream": upstream, "expected_0": expected}
    arrays |= {f"weight_{n}": weight for n, weight in enumerate(weights)}
    if layer.trainable_weights or not weights:
        slopes = reference.slopes(formula, [images, *weights], upstream)
    else:  # weights that are not trained get no gradient
        slopes = reference.slopes(lambda images: formula(images, *weights), [images], upstream)
    arrays |= {f"expected_{n}": gradient for n, gradient in enumerate(slopes, start=1)}
    np.savez(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.json").write_text(json.dumps(keras.saving.serialize_keras_object(layer)))


def write_penalty(name, folder):
    """Write an autoencoder with a penalty and its weights, images, and its losses under TensorFlow."""
    options = dict(PENALTIES[name])
    contractive = options.pop("contractive", 0)
    image = keras.Input((6,))
    hidden = keras.layers.Dense(5, "tanh", name="hidden")(image)
    code = keras.layers.Dense(3, "sigmoid", name="code", **options)(hidden)
    code = layers.ContractivePenalty(contractive)([hidden, code]) if contractive else code
    model = keras.Model(image, keras.layers.Dense(6)(code))
    images = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
    weights = {f"weight_{n}": weight for n, weight in enumerate(model.get_weights())}
    model.compile(keras.optimizers.SGD(0.1), "mse")
    losses = model.fit(images, images, epochs=2, batch_size=8, verbose=0).history["loss"]
    assert losses[0] > 1.05 * np.square(np.asarray(model(images)) - images).mean()  # the penalty is in it
    np.savez(folder / f"{name}.npz", images=images, expected=losses, **weights)
    (folder / f"{name}.json").write_text(model.to_json())


def write_model(name, folder):
    """Write a model's weights, images and labels, and what it makes of them under TensorFlow."""
    model = thin(name, **LOGITS)
    if (
        name == "alexnet"
    ):  # to be made thin by the worker it would have to be serialized, by which Keras loads TensorFlow
        (folder / f"{name}.json").write_text(model.to_json())
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, math.prod(w.shape[:-1]) ** -0.5, w.shape) for w in model.get_weights()])
    images = rng.normal(size=(4, *model.input_shape[1:])).astype("float32")
    labels = np.array([3, 1, 4, 1])
    model.save_weights(folder / f"{name}.weights.h5")
    before = np.asarray(model(images))
    losses = model.fit(images, labels, batch_size=4, epochs=2, verbose=0).history["loss"]
    np.savez(
        folder / f"{name}.npz",
        images=images,
        labels=labels,
        before=before,
        losses=losses,
        after=np.asarray(model(images)),
    )


def write_shipped(name, folder):
    """Write images, and what the SavedModel of weights that come with cnnzoo makes of them."""
    entry = cnnzoo.weights.shipped(*name.split(" on "))
    serve = tf.saved_model.load(str(entry.folder)).signatures["serving_default"]
    shape = serve.structured_input_signature[1]["images"].shape[1:]
    images = np.random.default_rng(0).integers(0, 256, (4, *shape)).astype("float32")
    outputs = serve(images=images)
    np.savez(
        folder / f"{name}.npz",
        images=images,
        expected=outputs["probabilities" if entry.class_names else "reconstruction"],
    )


def write_analysis(name, folder):
    """Write a model's weights, images, and what its layers do with them under TensorFlow."""
    model = cnnzoo.lenet()
    images = np.random.default_rng(0).uniform(0, 1, (4, 32, 32, 1)).astype("float32")
    model.save_weights(folder / f"{name}.weights.h5")
    np.savez(folder / f"{name}.npz", *analysis_results(model, images), images=images)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    for kind, names, write in (
        ("layers", LAYERS, write_layer),
        ("penalties", PENALTIES, write_penalty),
        ("models", MODELS, write_model),
        ("shipped", SHIPPED, write_shipped),
        ("analysis", ["what layers do"], write_analysis),
    ):
        (folder / kind).mkdir()
        for name in names:
            write(name, folder / kind)
    return folder


@pytest.fixture(scope="module", params=["jax", "torch"])
def found(request, folder):
    """Return what the worker printed under a backend: the differences of every case."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"needs {PACKAGES[request.param]}")
    return printed_under(request.param, WORKER, folder)


@functools.cache  # in a random order the backends alternate
def printed_under(backend, *arguments):
    """Return what a worker prints under a backend."""
    jax = {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # compiles in half the time
    ended = processes.run([*arguments], KERAS_BACKEND=backend, **jax)
    assert ended.returncode == 0, ended.stderr[-3000:]
    results = json.loads(ended.stdout.splitlines()[-1])
    assert results["backend"] == backend
    return results


@pytest.mark.parametrize("name", LAYERS)
def test_layer_gives_the_formulas_outputs_and_gradients(name, found):
    assert max(found[name]) <= 1e-5


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_arrive_in_the_loss_as_under_tensorflow(name, found):
    assert max(found[name]) <= 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_model_gives_and_learns_the_same_as_under_tensorflow(name, found):
    before, losses, after = found[name]
    assert before <= 1e-5
    assert losses <= 1e-4
    assert after <= 1e-4


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_give_the_outputs_of_their_saved_model(name, found):
    assert max(found[name]) <= 1e-5


def test_answers_made_images_occlusion_and_deconvolution_are_those_under_tensorflow(found):
    assert max(found["what layers do"]) <= 1e-4


def test_models_and_layers_need_no_tensorflow(found):
    assert not found["tensorflow was loaded"]
