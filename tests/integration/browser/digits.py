"""Digits as a data set of the size of MNIST's images, without a file: scikit-learn's, enlarged."""

import dataclasses

import numpy as np
from PIL import Image

from cnnzoo import data
from cnnzoo.data.source import Split


def enlarged(split):
    """Return 8×8 images as 28×28: a digit of 20×20 in the middle, as MNIST has it."""
    images = np.zeros((len(split), 28, 28, 1), "uint8")
    for image, small in zip(images, split.images, strict=True):
        image[4:24, 4:24, 0] = Image.fromarray(small[..., 0]).resize((20, 20), Image.Resampling.BICUBIC)
    return Split(images, split.labels)


def source():
    """Return the data set."""
    digits = data.load("digits")
    return dataclasses.replace(digits, train=enlarged(digits.train), test=enlarged(digits.test))
