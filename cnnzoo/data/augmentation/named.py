"""Augmentations of training images, by name."""

import dataclasses
from collections.abc import Callable

from cnnzoo.checks import choice
from cnnzoo.data.augmentation.elastic_distortion import ElasticDistortion
from cnnzoo.data.augmentation.image_layers import AugmentationLayer, ColorNoise, RandomCrops, RandomFlips, RandomShifts
from cnnzoo.data.augmentation.input_noise import InputCorruption, InputNoise
from cnnzoo.data.augmentation.random_affine import RandomAffine
from cnnzoo.layers.noise import MaskingNoise, SaltAndPepperNoise

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random layers before and after a model's preprocessing.

    Attributes:
        on_pixels: layers for pixels from 0 to 255, before the preprocessing; they may change the size.
        on_inputs: layers for the output of the preprocessing.
        corruptions: layers for the output of `on_inputs`, which remains the target of an autoencoder.
    """

    on_pixels: tuple[AugmentationLayer, ...] = ()
    on_inputs: tuple[AugmentationLayer, ...] = ()
    corruptions: tuple[AugmentationLayer, ...] = ()

    def check(self, image_shape: Shape) -> None:
        """Check that the layers work on images of a shape.

        Raises:
            InputError: the images are smaller than the crops, or have no colors to change.

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
    The border is repeated outside. They apply to the padded field of LeNet's input.

    Source: LeCun et al. 1998, section III-A: "planar affine transformations".
    """
    return Augmentation(on_inputs=(_affine(),))


def _affine() -> RandomAffine:
    return RandomAffine(degrees=6, shear=0.09, zoom=0.07, shift=0.04)


def elastic(input_shape: Shape) -> Augmentation:
    """Return elastic distortions of the strength published for digits: σ of 4 pixels, α of 34.

    Source: Simard, Steinkraus and Platt 2003, section 2.
    """
    return Augmentation(on_inputs=(ElasticDistortion(34, 4),))


def affine_elastic(input_shape: Shape) -> Augmentation:
    """Return affine distortions, then elastic ones."""
    return Augmentation(on_inputs=(_affine(), ElasticDistortion(34, 4)))


def flip(input_shape: Shape) -> Augmentation:
    """Return horizontal flips of half of the images."""
    return Augmentation(on_pixels=(RandomFlips(),))


def flip_shift(input_shape: Shape) -> Augmentation:
    """Return flips, and shifts by up to 5 pixels each way, whose border is repeated.

    Source: Springenberg et al. 2014, section 3.1.1: "horizontally flipped" and "randomly translated by up to
    5 pixels"; it does not say what fills the border.
    """
    return Augmentation(on_pixels=(RandomFlips(), RandomShifts(5)))


def shift(input_shape: Shape) -> Augmentation:
    """Return shifts by one pixel or none, up or down and left or right, whose border is repeated.

    Whole pixels: resampling would blur the target of an autoencoder.
    """
    return Augmentation(on_pixels=(RandomShifts(1),))


def noise(input_shape: Shape) -> Augmentation:
    """Return Gaussian noise of standard deviation 0.3 on every value of the model's input.

    It does not depend on a pixel's position, so that a model trained with it stays blind to the order of the pixels.
    The target of an autoencoder is the input without it.
    """
    return Augmentation(corruptions=(InputNoise(0.3),))


def masking(input_shape: Shape) -> Augmentation:
    """Return a quarter of the input's values set to 0; the target of an autoencoder is the input before that.

    Source: Vincent et al. 2010, section 3.3.
    """
    return Augmentation(corruptions=(InputCorruption(MaskingNoise(0.25)),))


def salt_and_pepper(input_shape: Shape) -> Augmentation:
    """Return a quarter of the input's values set to 0 or 1; the target of an autoencoder is the input before.

    Source: Vincent et al. 2010, section 3.3.
    """
    return Augmentation(corruptions=(InputCorruption(SaltAndPepperNoise(0.25)),))


def alexnet(input_shape: Shape) -> Augmentation:
    """Return random crops of the model's size out of larger images, flips, and noise in color and brightness.

    Source: Krizhevsky et al. 2012, section 4.1. The images there are 256×256.
    """
    return Augmentation(on_pixels=(RandomCrops(*input_shape[:2]), RandomFlips(), ColorNoise(0.1)))


AUGMENTATIONS: dict[str, Callable[[Shape], Augmentation]] = {
    "none": none,
    "affine": affine,
    "elastic": elastic,
    "affine_elastic": affine_elastic,
    "flip": flip,
    "flip_shift": flip_shift,
    "shift": shift,
    "noise": noise,
    "masking": masking,
    "salt_and_pepper": salt_and_pepper,
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
    ['RandomCrops', 'RandomFlips', 'ColorNoise']
    """
    return AUGMENTATIONS[choice("augmentation", name, AUGMENTATIONS, "augmentations")](input_shape)
