"""What pretraining has to know about kinds of layers."""

from typing import Any

import keras

from cnnzoo.layers import MaskingNoise, SaltAndPepperNoise
from cnnzoo.pretraining.graph import Call, following

ACTIVATIONS = (
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ELU,
    keras.layers.Softmax,
)
NORMALISATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
    keras.layers.UnitNormalization,
    keras.layers.Normalization,
)
# What lies in [0, 1] before these lies there after them, too.
KEEPING_RANGE = (
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.ZeroPadding2D,
    keras.layers.Cropping2D,
    keras.layers.UpSampling2D,
    keras.layers.GaussianNoise,
    MaskingNoise,
    SaltAndPepperNoise,
)
TO_UNIT = ("sigmoid", "softmax", "hard_sigmoid")  # activations into [0, 1]


def is_encoder(layer: Any) -> bool:
    """Whether a layer can be pretrained."""
    return isinstance(layer, keras.layers.Dense | keras.layers.Conv2D) and not hasattr(layer, "tied_to")


def is_weighted(layer: Any) -> bool:
    """Whether a layer counts in the order of layers: it has weights and is no activation or normalisation."""
    return bool(getattr(layer, "weights", None)) and not isinstance(layer, (*ACTIVATIONS, *NORMALISATIONS))


def activated(call: Call, graph: list[Call]) -> list[Call]:
    """Return a call and those of the activation layers that directly follow it."""
    found = [call]
    for each in following(call.outgoing[0], graph):
        if not isinstance(each.layer, ACTIVATIONS):
            break
        found.append(each)
    return found


def activation_of(layer: Any) -> str:
    """Return the name of a layer's activation, or nothing."""
    return getattr(getattr(layer, "activation", None), "__name__", "")


def gives_softmax(layer: Any) -> bool:
    """Whether what leaves a layer are probabilities that sum to 1."""
    return isinstance(layer, keras.layers.Softmax) or activation_of(layer) == "softmax"
