"""Feature visualization by activation maximization: images that maximize a unit's activation, by gradient ascent."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnzoo import checks
from cnnzoo.analysis.layer_activations import activations, checked_units, images_for
from cnnzoo.layers.graph import outputs_of_layers
from cnnzoo.runtime import suppress_retracing_warnings

STEPS = 192  # of gradient ascent
RATE = 0.1
SMOOTHNESS = 2.0  # weight of the differences between neighboring pixels, against an activation in its deviations


def feature_visualization(
    model: keras.Model, layer: str, units: Sequence[int], images, *, steps: int = STEPS, seed: int = 0
):
    """Return images that maximize the activations of units of a layer.

    Each starts as the mean image with a little noise. Adam ascends the gradient of the unit's activation at the
    middle position of its map. A penalty keeps neighboring pixels similar, and a sigmoid keeps all pixels within
    the range of real images.

    Args:
        model: a functional or Sequential model with one image of a fixed size as its input.
        layer: name of a layer of maps, or of a dense one, as `cnnzoo.conv_report` prints it.
        units: indices of maps or units.
        images: float array `(batch, height, width, channels)` of real images, in the model's own scale, for the
            range of pixels and activations.
        steps: steps of gradient ascent, ≥ 1.
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
    steps = checks.integer("steps", steps)
    real = activations(model, images, [layer])[layer]
    units = checked_units(units, real.shape[-1], layer)
    deviations = real.reshape(-1, real.shape[-1]).std(axis=0)[units] + 1e-6

    def activations_of(inputs):
        return outputs_of_layers(model, [inputs], [layer])[layer]

    ascent = _GradientAscent(activations_of, np.asarray(units), deviations.astype("float32"), images, seed)
    ascent.compile(keras.optimizers.Adam(RATE), steps_per_execution=_steps_per_execution(steps), jit_compile=False)
    unused = np.zeros((steps, 1), "float32")  # the images are the weights
    with suppress_retracing_warnings():
        ascent.fit(unused, batch_size=1, shuffle=False, verbose=0)
    return ops.convert_to_numpy(ascent.images())


def _steps_per_execution(steps: int) -> int:
    """Return the largest divisor of the steps up to 64."""
    if keras.backend.backend() == "torch":
        return 1  # Keras allows no more there
    return next(count for count in range(64, 0, -1) if steps % count == 0)


class _GradientAscent(keras.Model):
    """A model whose weights are the images; the net's own weights are not among them and stay as they are."""

    def __init__(
        self,
        activations_of: Callable[[Any], Any],
        units: np.ndarray,
        deviations: np.ndarray,
        images: np.ndarray,
        seed: int,
    ):
        super().__init__(name="gradient_ascent", dtype="float32")
        # Keras does not track a function, so that it does not train the net's weights.
        self._activations = activations_of
        self._low, self._high = float(images.min()), float(images.max())
        self._units, self._deviations = units, deviations
        self._range = (self._high - self._low) or 1.0
        mean = np.clip((images.mean(axis=0) - self._low) / self._range, 0.05, 0.95)
        start = np.log(mean / (1 - mean))
        noise = np.random.default_rng(seed).normal(0, 0.1, (len(units), *start.shape))
        self._logits = self.add_weight(shape=noise.shape, name="logits", initializer="zeros")
        self._logits.assign((start + noise).astype("float32"))

    def images(self):
        """Return the images, within the range of real ones."""
        return self._low + (self._high - self._low) * ops.sigmoid(self._logits)

    def call(self, inputs):
        return self.images()

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        outputs = ops.cast(self._activations(y_pred), "float32")
        for axis in range(1, len(outputs.shape) - 1):
            outputs = ops.take(outputs, [outputs.shape[axis] // 2], axis=axis)
        outputs = ops.reshape(outputs, (len(self._units), -1))
        own = ops.sum(outputs * ops.one_hot(self._units, outputs.shape[-1]), axis=-1)
        own = own / ops.convert_to_tensor(self._deviations)
        scaled = (y_pred - self._low) / self._range
        down = ops.mean(ops.square(scaled[:, 1:] - scaled[:, :-1]), axis=(1, 2, 3))
        right = ops.mean(ops.square(scaled[:, :, 1:] - scaled[:, :, :-1]), axis=(1, 2, 3))
        return ops.sum(SMOOTHNESS * (down + right) - own)
