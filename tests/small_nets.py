"""Every net of the zoo at a size that tests can afford."""

import numpy as np

import cnnzoo

AUTOENCODERS = sorted({*cnnzoo.list_models("*autoencoder")} - {"stacked_autoencoder"})
CLASSIFIERS = sorted({*cnnzoo.list_models()} - {*AUTOENCODERS})

# The nets that are large are tested small, as their own options make them, and without noise, which
# is another on every replica.
ALEXNET = {"input_shape": (67, 67, 3), "dropout": 0.0}
SMALL = {
    "alexnet": ALEXNET,
    "caffenet": ALEXNET,
    "alexnet_owt": ALEXNET,
    "autoencoder": {"input_shape": (9, 8, 1), "units": (20, 12), "code": 5},
    "deep_autoencoder": {"input_shape": (9, 8, 1), "units": (20, 12), "code": 5},
    "denoising_autoencoder": {"input_shape": (9, 8, 1), "units": (12,), "code": 5, "rate": 0.0},
    "convolutional_autoencoder": {"input_shape": (11, 14, 3), "maps": (4, 6), "code": 5},
    "stacked_autoencoder": {"input_shape": (9, 8, 1), "units": (20, 12)},
    **{
        name: {"maps": (6, 12), "input_dropout": 0.0, "dropout": 0.0}
        for name in cnnzoo.list_models()
        if name.startswith(("model_", "strided_cnn_", "conv_pool_cnn_", "all_cnn_"))
    },
}


def small(name, **options):
    head = {} if name in AUTOENCODERS else {"classes": 10}
    return cnnzoo.create(name, **{**SMALL.get(name, {}), **head, **options})


def targets_for(model, images):
    """Return what a net of the zoo learns to answer: an autoencoder the images, a classifier one of ten labels."""
    return images.clip(0, 1) if model.output_shape == model.input_shape else np.arange(len(images)) % 10
