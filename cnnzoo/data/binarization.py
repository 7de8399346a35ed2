"""Binary images, for models of binary pixels: each pixel is white with the probability that its gray says."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo.checks import choice, integer
from cnnzoo.data.augmentation import Augmentation
from cnnzoo.data.augmentation.image_layers import AugmentationLayer
from cnnzoo.data.source import AnySplit, Source, Split
from cnnzoo.errors import InputError

WAYS = ("none", "dynamic", "fixed")
SEEDS = {"train": 1, "test": 2, "validation": 3}  # of the draws that stay as they are, in each run the same


def binarize(images: Any, *, seed: int = 0) -> np.ndarray:
    """Return images of black and white pixels, drawn once: white with the gray value as its probability.

    Args:
        images: array `(examples, …)`; uint8 of 0 to 255, or floats of 0 to 1.
        seed: seed of the draws; an integer ≥ 0.

    Returns:
        Array of the same shape and type, of 0 and 255, or of 0 and 1.

    Raises:
        InputError: other pixels.

    Source: Salakhutdinov and Murray, "On the Quantitative Analysis of Deep Belief Networks", ICML 2008, section 5.

    Example:
    >>> binarize(np.array([[0, 255, 128, 128]], "uint8"), seed=1).tolist()
    [[0, 255, 0, 0]]
    """
    images = np.asarray(images)
    white = 255 if images.dtype == np.uint8 else 1
    if images.dtype != np.uint8 and (images.dtype.kind != "f" or not (images.min() >= 0 and images.max() <= 1)):
        raise InputError(
            f"`images` must be uint8, or floats from 0 to 1. Received: {images.dtype} from {images.min()} to "
            f"{images.max()}"
        )
    draws = np.random.default_rng(integer("seed", seed, 0)).random(images.shape, "float32")
    return np.where(draws * white < images, white, 0).astype(images.dtype)


def binarized(source: Source, way: str) -> Source:
    """Return a data set of binary images.

    Args:
        source: a data set in memory.
        way: `"none"`; `"dynamic"`, where training images stay gray, to be drawn anew at each visit, and those of test
            and validation are drawn once; or `"fixed"`, where all are drawn once.

    Raises:
        InputError: another way, or images on disk.
    """
    if choice("binarize", way, WAYS) == "none":
        return source
    parts = {name: getattr(source, name) for name in SEEDS if way == "fixed" or name != "train"}
    drawn: dict[str, Any] = {
        name: binarized_split(split, seed=SEEDS[name]) for name, split in parts.items() if split is not None
    }
    return dataclasses.replace(source, **drawn)


def binarized_split(split: AnySplit, seed: int) -> Split:
    """Return a split with its images drawn once.

    Raises:
        InputError: images on disk.
    """
    if not isinstance(split, Split):
        raise InputError("binary images are drawn in memory: leave out stream=True and cache, or set binarize='none'")
    if split.images.dtype != "uint8":
        raise InputError("only pixels are drawn as black and white, not rows or signals: set binarize='none'")
    return Split(binarize(split.images, seed=seed), split.labels)


def with_draws(augment: Augmentation) -> Augmentation:
    """Return an augmentation after which each pixel is drawn, before it is corrupted: the target is binary, too."""
    return dataclasses.replace(augment, on_inputs=(*augment.on_inputs, Binarization()))


@keras.saving.register_keras_serializable(package="cnnzoo")
class Binarization(AugmentationLayer):
    """Draw each pixel of 0 to 1 as 0 or 1, with its value as the probability of 1.

    Args:
        seed: seed of the draws for direct calls of the layer.

    Example:
    >>> drawn = Binarization()(np.full((8, 28, 28, 1), 0.25, "float32"), training=True).numpy()
    >>> sorted(set(drawn.ravel().tolist())), bool(abs(drawn.mean() - 0.25) < 0.03)
    ([0.0, 1.0], True)
    """

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        shape = tf.shape(images)
        return tf.random.stateless_uniform(shape, seed.next()) if training else tf.fill(shape, 0.5)

    def transform_images(self, images, transformation, training: bool = True):
        return tf.cast(transformation < tf.cast(images, "float32"), "float32")
