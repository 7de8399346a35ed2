"""What a unit looks for: the image that it answers to most strongly, found by gradient ascent."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnzoo.analysis.layer_activations import activations, images_for
from cnnzoo.errors import InputError
from cnnzoo.runtime import without_retracing_notes

STEPS = 192  # of gradient ascent
RATE = 0.1
SMOOTHNESS = 2.0  # weight of the differences between neighboring pixels, against a unit's answer in its deviations


def feature_visualization(
    model: keras.Model, layer: str, units: Sequence[int], images, *, steps: int = STEPS, seed: int = 0
):
    """Return images that units of a layer answer to most strongly.

    Each begins as the mean image with a little noise and climbs the gradient of its unit's answer, in the middle of
    the unit's map, by Adam. Neighboring pixels are kept alike, and all pixels within the range of real images.

    Args:
        model: a functional or Sequential model with one image of a fixed size as its input.
        layer: name of a layer of maps, or of a dense one.
        units: numbers of maps or units.
        images: float array `(batch, height, width, channels)` of real images, in the model's own scale, for the
            range of pixels and answers.
        steps: steps of ascent, ≥ 1.
        seed: seed of the noise.

    Returns:
        float32 array `(units, height, width, channels)`, in the model's own scale.

    Raises:
        InputError: no such layer or unit, or images that do not fit.

    Source: Erhan, Bengio, Courville and Vincent, "Visualizing Higher-Layer Features of a Deep Network", 2009; the
        smoothness as in Mahendran and Vedaldi, 2015, with squared differences.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(8, 32, 32, 1))
    >>> feature_visualization(cnnzoo.lenet(), "C3", [0, 1], images, steps=4).shape
    (2, 32, 32, 1)
    """
    images = images_for(model, images)
    if type(steps) is not int or steps < 1:
        raise InputError(f"steps must be an integer of at least 1, not {steps!r}")
    answers = activations(model, images, [layer])[layer]
    every = answers.shape[-1]
    if any(not isinstance(unit, int | np.integer) or not 0 <= unit < every for unit in units) or not len(units):
        raise InputError(f"units must be integers of 0 to {every - 1}, the units of {layer!r}, not {list(units)!r}")
    deviations = answers.reshape(-1, every).std(axis=0)[list(units)] + 1e-6
    net = keras.Model(model.inputs, model.get_layer(layer).output)
    ascent = Ascent(net, np.asarray(units), deviations.astype("float32"), images, seed)
    ascent.compile(keras.optimizers.Adam(RATE), steps_per_execution=_together(steps), jit_compile=False)
    nothing = np.zeros((steps, 1), "float32")
    with without_retracing_notes():
        ascent.fit(nothing, batch_size=1, shuffle=False, verbose=0)
    return ops.convert_to_numpy(ascent.pictures())


def _together(steps: int) -> int:
    """Return how many steps to take between two returns to Python: the most up to 64 that leave no rest."""
    if keras.backend.backend() == "torch":
        return 1  # Keras allows no more there
    return next(count for count in range(64, 0, -1) if steps % count == 0)


class Ascent(keras.Model):
    """A model whose weights are the images; the net that answers to them is no part of it and stays as it is."""

    def __init__(self, net: keras.Model, units: np.ndarray, deviations: np.ndarray, images: np.ndarray, seed: int):
        super().__init__(name="ascent", dtype="float32")
        # A function, which Keras does not look into: the net's weights are not to be trained.
        self._answer: Callable[[Any], Any] = lambda inputs: net(inputs, training=False)
        self._low, self._high = float(images.min()), float(images.max())
        self._units, self._deviations = units, deviations
        height = (self._high - self._low) or 1.0
        share = np.clip((images.mean(axis=0) - self._low) / height, 0.05, 0.95)
        start = np.log(share / (1 - share))
        noise = np.random.default_rng(seed).normal(0, 0.1, (len(units), *start.shape))
        self._logits = self.add_weight(shape=noise.shape, name="logits", initializer="zeros")
        self._logits.assign((start + noise).astype("float32"))

    def pictures(self):
        """Return the images, within the range of real ones."""
        return self._low + (self._high - self._low) * ops.sigmoid(self._logits)

    def call(self, inputs):
        return self.pictures()

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        answers = ops.cast(self._answer(y_pred), "float32")
        for axis in range(1, len(answers.shape) - 1):
            answers = ops.take(answers, [answers.shape[axis] // 2], axis=axis)
        answers = ops.reshape(answers, (len(self._units), -1))
        own = ops.sum(answers * ops.one_hot(self._units, answers.shape[-1]), axis=-1) / ops.convert_to_tensor(
            self._deviations
        )
        scaled = (y_pred - self._low) / ((self._high - self._low) or 1.0)
        down = ops.mean(ops.square(scaled[:, 1:] - scaled[:, :-1]), axis=(1, 2, 3))
        right = ops.mean(ops.square(scaled[:, :, 1:] - scaled[:, :, :-1]), axis=(1, 2, 3))
        return ops.sum(SMOOTHNESS * (down + right) - own)
