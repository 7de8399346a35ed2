"""What augmentation layers share."""

from typing import Any

import keras
import tensorflow as tf

from cnnzoo.errors import InputError


class PixelLayer(keras.layers.Layer):
    """A layer in the two steps of Keras' augmentation layers: what is drawn, and what is done with it.

    `augmented` calls the two steps with seeds of its own; called as a layer, it draws from its generator.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})  # pixels are no matter of a net's precision
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None) -> Any:
        """Return what is drawn for each image, or what stands for it where nothing is drawn."""
        raise NotImplementedError

    def transform_images(self, images, transformation: Any, training: bool = True):
        """Return the images, changed by what was drawn."""
        raise NotImplementedError

    def call(self, images, training: bool = False):
        self.compute_output_shape(images.shape)  # refuses what does not fit
        drawn = self.get_random_transformation(images, training, self.generator)
        return self.transform_images(images, drawn, training)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


def integers(images, seed: Any, bounds: tuple[int, int]):
    """Draw two integers for each image, from 0 to below the two bounds."""
    examples = tf.shape(images)[:1]
    drawn = [tf.random.stateless_uniform(examples, seed.next(), maxval=bound, dtype="int32") for bound in bounds]
    return tf.stack(drawn, axis=1)


def picked(images, rows, columns):
    """Return the given rows and columns, `(batch, height)` and `(batch, width)`, of each image."""
    return tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def positive(name: str, value: int) -> int:
    """Return an integer of at least 1, or refuse it."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name} must be an integer of at least 1, not {value!r}")
    return value


def deviation(sigma: float) -> float:
    """Return a standard deviation, or refuse it."""
    if isinstance(sigma, bool) or not isinstance(sigma, int | float) or not 0 <= sigma < float("inf"):
        raise InputError(f"sigma must be a number of at least 0, not {sigma!r}")
    return sigma
