"""A net with known random weights, and images for it."""

import keras
import numpy as np
import pytest

import cnnzoo


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(1)
    return cnnzoo.lenet()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(-0.1, 1.2, (12, 32, 32, 1)).astype("float32")
