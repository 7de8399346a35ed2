"""Every model at a size that is fast to test."""

import contextlib
import functools

import keras
import numpy as np

import cnnzoo
from cnnzoo import models
from tests.tiers import cases

CLASSIFIERS = [name for name in cnnzoo.list_models() if not models.reconstructs(name)]
AUTOENCODERS = [name for name in cnnzoo.list_models() if name not in CLASSIFIERS]
DETERMINISTIC = [name for name in AUTOENCODERS if name != "variational_autoencoder"]  # the code is no draw
LOGISTIC = [name for name in DETERMINISTIC if name != "convolutional_autoencoder"]  # others have linear outputs
ALL_CONVOLUTIONAL = [
    name for name in cnnzoo.list_models() if name.startswith(("model_", "strided_cnn_", "conv_pool_cnn_", "all_cnn_"))
]
# Built by the same functions as alexnet, zfnet, network_in_network and all_cnn_c, which are not in this set and
# represent them.
VARIANTS = {"caffenet", "zfnet_b", "network_in_network_imagenet", *ALL_CONVOLUTIONAL} - {"all_cnn_c"}
# Of whose layers another net has every kind; they are left out where a test takes seconds a net.
KIN = VARIANTS | {
    "alexnet", "autoencoder", "cuda_convnet", "deep_autoencoder", "denoising_autoencoder", "lenet", "lenet1", "lenet4",
    "mlp", "network_in_network", "stacked_convolutional_autoencoder", "zfnet",
}  # fmt: skip

# Large models are tested small, by their own options, and without noise, which differs on every replica.
ALEXNET = {"input_shape": (67, 67, 3), "dropout": 0.0}
SMALL = {
    "alexnet": ALEXNET,
    "caffenet": ALEXNET,
    "alexnet_owt": ALEXNET,
    "zfnet": ALEXNET,
    "zfnet_b": ALEXNET,
    "network_in_network": {"input_shape": (16, 16, 3), "dropout": 0.0},
    "network_in_network_imagenet": {"input_shape": (67, 67, 3), "dropout": 0.0},
    "autoencoder": {"input_shape": (9, 8, 1), "units": (20, 12), "code": 5},
    "deep_autoencoder": {"input_shape": (9, 8, 1), "units": (20, 12), "code": 5},
    "denoising_autoencoder": {"input_shape": (9, 8, 1), "units": (12,), "code": 5, "rate": 0.0},
    "convolutional_autoencoder": {"input_shape": (11, 14, 3), "maps": (4, 6), "code": 5},
    "stacked_convolutional_autoencoder": {"input_shape": (11, 14, 3), "maps": (4, 6), "code": 5},
    "variational_autoencoder": {"input_shape": (9, 8, 1), "units": (20, 12), "code": 5},
    "stacked_autoencoder": {"input_shape": (9, 8, 1), "units": (20, 12)},
    **{name: {"maps": (6, 12), "input_dropout": 0.0, "dropout": 0.0} for name in ALL_CONVOLUTIONAL},
}
# They have no option for fewer maps; AlexNets and their kin have 4,096 units, which take a test seconds and gigabytes.
WIDE = {*(name for name in SMALL if SMALL[name] is ALEXNET), "network_in_network", "network_in_network_imagenet"}


@contextlib.contextmanager
def precision(policy):
    """Build models under a dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def small(name, /, **options):
    head = {} if name in AUTOENCODERS else {"classes": 10}
    return cnnzoo.create(name, **{**SMALL.get(name, {}), **head, **options})


def thin(name, /, **options):
    """Return the model of `small`, compiled alike, but wide nets with an eighth of their maps and units."""
    if name not in WIDE:
        return small(name, **options)
    return keras.models.model_from_json(_thinned(name, keras.config.dtype_policy().name, *options.items()))


@functools.cache
def _thinned(name, policy, *options):
    """Return a thin model under a dtype policy, with its compilation, without its weights."""

    def thinner(layer):
        config = layer.get_config()
        for width in ("filters", "units"):
            if config.get(width, 0) > 10:  # all but the classes
                config[width] //= 8
        return type(layer).from_config(config)

    model = small(name, **dict(options))
    thinned = keras.models.clone_model(model, clone_function=thinner)
    thinned.compile_from_config(model.get_compile_config())
    return thinned.to_json()


def without_draws(model):
    """Return a model whose code, if it is one with a distribution, has no variance: its draws are the mean."""
    for layer in model.layers:
        if isinstance(layer, cnnzoo.layers.GaussianCode):
            layer.log_variance_bias.assign(np.full(layer.units, -200.0))
    return model


def targets_for(model, images):
    """Return targets for a model: the images for an autoencoder, one of ten labels for a classifier."""
    return images.clip(0, 1) if model.output_shape == model.input_shape else np.arange(len(images)) % 10


def by_function(names):
    """Return names as cases of a test: one model of each function always runs, the variants are marked slow."""
    return cases(names, VARIANTS)


def by_family(names):
    """Return names as cases of a test: one net of each family always runs, its kin are marked slow."""
    return cases(names, KIN)
