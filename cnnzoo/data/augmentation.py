"""Random changes to training images, by name."""

import dataclasses
from collections.abc import Callable, Iterable

import keras
import tensorflow as tf
from keras import layers

from cnnzoo.data.pixel_layers import ColourNoise, InputNoise, RandomCrops, RandomShifts
from cnnzoo.errors import unknown

Shape = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random layers around a model's preprocessing.

    Attributes:
        on_pixels: layers for pixels from 0 to 255, before the preprocessing; they may change the size.
        on_inputs: layers for what the preprocessing returned.
    """

    on_pixels: tuple[keras.layers.Layer, ...] = ()
    on_inputs: tuple[keras.layers.Layer, ...] = ()

    def check(self, image_shape: Shape) -> None:
        """Refuse images that the layers cannot work on.

        Raises:
            InputError: they are smaller than the crops, or have no colours to change.

        Example:
        >>> augmentation("alexnet", (227, 227, 3)).check((256, 256, 3))
        """
        shape: tuple = (None, *image_shape)
        for layer in self.on_pixels:
            shape = layer.compute_output_shape(shape)


def none(input_shape: Shape) -> Augmentation:
    """Return no changes."""
    return Augmentation()


def affine(input_shape: Shape) -> Augmentation:
    """Return the distortions of LeNet's paper, shift, scale, squeeze and horizontal shear, and a small rotation.

    Rotation is added here. The ranges are not the paper's: they were chosen on a validation split of MNIST.
    What moves in from outside repeats the border. They work on the field that LeNet pads its digits to.

    Source: LeCun et al. 1998, section III-A: "planar affine transformations".
    """
    return Augmentation(
        on_inputs=(
            layers.RandomRotation(6 / 360, fill_mode="nearest", dtype="float32"),
            layers.RandomShear(0.09, 0.0, fill_mode="nearest", dtype="float32"),
            layers.RandomZoom(0.07, 0.07, fill_mode="nearest", dtype="float32"),
            layers.RandomTranslation(0.04, 0.04, fill_mode="nearest", dtype="float32"),
        )
    )


def flip(input_shape: Shape) -> Augmentation:
    """Return mirror images, left for right, of half of the images."""
    return Augmentation(on_pixels=(_flips(),))


def flip_shift(input_shape: Shape) -> Augmentation:
    """Return flips, and shifts by up to 5 pixels each way, whose border is repeated.

    Source: Springenberg et al. 2014, section 3.1.1: "horizontally flipped" and "randomly translated by up to
    5 pixels"; what it fills the border with is not said.
    """
    return Augmentation(on_pixels=(_flips(), RandomShifts(5)))


def shift(input_shape: Shape) -> Augmentation:
    """Return shifts by one pixel or none, up or down and left or right, whose border is repeated.

    Whole pixels: what an autoencoder is to give back must not be blurred by resampling.
    """
    return Augmentation(on_pixels=(RandomShifts(1),))


def noise(input_shape: Shape) -> Augmentation:
    """Return Gaussian noise of standard deviation 0.3 on every value of the model's input.

    It knows nothing of where a pixel lies, so that a net trained with it stays blind to the order of the pixels.
    """
    return Augmentation(on_inputs=(InputNoise(0.3),))


def alexnet(input_shape: Shape) -> Augmentation:
    """Return random crops of the model's size out of larger images, flips, and noise in colour and brightness.

    Source: Krizhevsky et al. 2012, section 4.1. The images there are 256×256.
    """
    return Augmentation(on_pixels=(RandomCrops(*input_shape[:2]), _flips(), ColourNoise(0.1)))


def _flips() -> keras.layers.Layer:
    return layers.RandomFlip("horizontal", dtype="float32")


AUGMENTATIONS: dict[str, Callable[[Shape], Augmentation]] = {
    "none": none,
    "affine": affine,
    "flip": flip,
    "flip_shift": flip_shift,
    "shift": shift,
    "noise": noise,
    "alexnet": alexnet,
}


def augmentation(name: str, input_shape: Shape) -> Augmentation:
    """Return new layers for an augmentation by its name.

    Args:
        name: one of `AUGMENTATIONS`.
        input_shape: `(height, width, channels)` of the model's input.

    Raises:
        InputError: no such augmentation.

    Example:
    >>> [type(layer).__name__ for layer in augmentation("alexnet", (227, 227, 3)).on_pixels]
    ['RandomCrops', 'RandomFlip', 'ColourNoise']
    """
    if name not in AUGMENTATIONS:
        raise unknown("augmentation", name, AUGMENTATIONS)
    return AUGMENTATIONS[name](input_shape)


def augmented(images: tf.Tensor, layers: Iterable[keras.layers.Layer], seeds: "BatchSeeds") -> tf.Tensor:
    """Apply augmentation layers with the randomness that belongs to one batch of one epoch.

    Keras' layers draw from a state that counts calls: what a batch gets would depend on which
    thread came first, and a resumed run would start the count anew. Here the seeds alone decide.

    Args:
        images: tensor `(batch, height, width, channels)`.
        layers: those of an `Augmentation`.
        seeds: the seeds of the batch.
    """
    for layer in layers:
        transformation = layer.get_random_transformation(images, training=True, seed=seeds)
        images = layer.transform_images(images, transformation, training=True)
    return images


class BatchSeeds(keras.random.SeedGenerator):
    """Hands out the seeds of one batch, one for each draw, without a variable.

    Args:
        seed: int32 tensor `(2,)`, another one for every batch.
    """

    def __init__(self, seed: tf.Tensor):
        self._seed = seed
        self._draws = 0

    def next(self, ordered=True):
        self._draws += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._draws)
