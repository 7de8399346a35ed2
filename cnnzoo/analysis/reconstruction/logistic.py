"""Logistic PCA: a linear code decoded by logistic units, which keep to the range of pixels."""

import dataclasses

import keras
import numpy as np

from cnnzoo.analysis.reconstruction.linear_codes import LinearCode, checked_size, pca, pixels
from cnnzoo.errors import InputError

SLOPE = 1 / 4  # of the logistic function at its middle
LEAST_DEVIATION = 1e-3  # a code that hardly varies among the training images is not blown up


def logistic_pca(images, size: int, *, epochs: int = 20, batch_size: int = 100, seed: int = 0) -> LinearCode:
    """Fit an autoencoder with a linear code and logistic outputs, one layer each, by cross-entropy.

    The paper prints 8.01 for MNIST and does not say which logistic PCA it means. There are two:

    - A code linear in the image, which is what is fitted here. `benchmarks/reconstruction_baselines.py` prints what
      the default settings give on MNIST.
    - A code fitted to each image on its own, also to each test image (Collins, Dasgupta and Schapire, 2001;
      Schein, Saul and Ungar, 2003). It sees the image that it is judged by while it looks for the code, and is no
      baseline for one pass of an encoder.

    It starts from the principal components, with codes of variance 1, and is trained by Adam at 0.03 with a
    cosine decay to 0. Those settings were chosen by the training loss.

    Args:
        images: array `(examples, …)` to fit; uint8, or floats of 0 to 1.
        size: numbers in a code; at most the pixels of an image, and at most the images.
        epochs: passes over the images, ≥ 1.
        batch_size: images a step, ≥ 1.
        seed: seed of the order of the images; Keras' own random state is neither used nor changed.

    Returns:
        A `LinearCode` whose reconstructions lie in 0 to 1.

    Raises:
        InputError: a size that cannot be had, pixels outside 0 to 1, or numbers that are no positive integers.

    Source: Hinton and Salakhutdinov, Science 313, 2006.

    Example:
    >>> from cnnzoo.analysis import squared_error
    >>> from cnnzoo.data import load
    >>> digits = load("digits")
    >>> coders = pca(digits.train.images, 8), logistic_pca(digits.train.images, 8)
    >>> principal, logistic = (squared_error(digits.test.images, c.reconstruct(digits.test.images)) for c in coders)
    >>> logistic < principal
    True
    """
    images = pixels(images)
    size = checked_size(size, images)
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} must be an integer of at least 1, not {value!r}")
    flat = images.reshape(len(images), -1).astype("float32", copy=False)
    start = _start(images, size)
    weights = _trained(start, flat, epochs, batch_size, np.random.default_rng(seed))
    kernel, offset, components, bias = weights
    return dataclasses.replace(start, kernel=kernel, offset=offset, components=components, bias=bias)


def _start(images: np.ndarray, size: int) -> LinearCode:
    """Return the principal components with codes of variance 1, and outputs whose slope makes up for the logistic's."""
    principal = pca(images, size)
    deviation = np.maximum(principal.encode(images).std(axis=0), LEAST_DEVIATION)
    # Half an image of ink, so that a pixel that is black in all images keeps a finite bias.
    mean = (images.reshape(len(images), -1).sum(axis=0, dtype="float64") + 0.5) / (len(images) + 1)
    return dataclasses.replace(
        principal,
        name="logistic PCA",
        kernel=principal.kernel / deviation,
        offset=principal.offset / deviation,
        components=principal.components * deviation[:, np.newaxis] / np.float32(SLOPE),
        bias=np.log(mean / (1 - mean)).astype("float32"),
        logistic=True,
    )


def _trained(
    start: LinearCode, flat: np.ndarray, epochs: int, batch_size: int, order: np.random.Generator
) -> list[np.ndarray]:
    # Zeros draw nothing from Keras' random state; float32 whatever the policy, as a baseline should be.
    dense = {"kernel_initializer": "zeros", "dtype": "float32"}
    model = keras.Sequential(
        [
            keras.Input((flat.shape[1],)),
            keras.layers.Dense(start.size, **dense),
            keras.layers.Dense(flat.shape[1], activation="sigmoid", **dense),
        ]
    )
    model.set_weights([start.kernel, start.offset, start.components, start.bias])
    shuffled = _Shuffled(flat, batch_size, order)
    rate = keras.optimizers.schedules.CosineDecay(0.03, epochs * len(shuffled))
    together = 1 if keras.config.backend() == "torch" else 16  # with PyTorch, Keras takes one step at a time
    model.compile(keras.optimizers.Adam(rate, beta_2=0.99), loss="binary_crossentropy", steps_per_execution=together)
    model.fit(shuffled, epochs=epochs, shuffle=False, verbose=0)
    return model.get_weights()


class _Shuffled(keras.utils.PyDataset):
    """Images as their own targets, in an order of its own each epoch."""

    def __init__(self, flat: np.ndarray, batch_size: int, order: np.random.Generator):
        super().__init__()
        self._flat, self._batch_size, self._generator = flat, batch_size, order
        self._order = order.permutation(len(flat))

    def __len__(self) -> int:
        return -(-len(self._flat) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        start = index * self._batch_size
        batch = self._flat[self._order[start : start + self._batch_size]]
        return batch, batch

    def on_epoch_end(self) -> None:
        self._order = self._generator.permutation(len(self._flat))
