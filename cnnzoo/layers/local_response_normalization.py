"""The local response normalization of AlexNet and cuda-convnet."""

from collections.abc import Callable

import keras
from keras import ops

from cnnzoo.checks import choice, number, refusal


@keras.saving.register_keras_serializable(package="cnnzoo")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide every activity by a power of the sum of neighboring squares: y = x / (k + α Σ x²)^β.

    α multiplies the plain sum, as the paper and `tf.nn.local_response_normalization` have it. Caffe,
    cuda-convnet and PyTorch divide their α by the number of summed activities, so that their 1e-4 at
    n = 5 is 2e-5 here: `paper_alpha` converts.

    Args:
        size: n, how many neighboring maps are summed, or the side of the summed square in pixels; odd, ≥ 1.
        alpha: α, in the paper's convention; ≥ 0.
        beta: β, the power; ≥ 0.
        k: added to the sum; > 0, or a map of zeros would divide by 0.
        region: `"across"` sums over neighboring maps at one pixel, `"within"` over a square of pixels
            in one map. Beyond the edge there is nothing to sum.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor of the same shape.

    Raises:
        InputError: an argument is out of range, or the input is not of rank 4.

    Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3, where n=5, α=1e-4, β=0.75, k=2.

    Example:
    >>> import numpy as np
    >>> y = LocalResponseNormalization(size=3, alpha=1.0, beta=1.0, k=1.0)(np.ones((1, 1, 1, 4), "float32"))
    >>> [round(float(v), 3) for v in y[0, 0, 0]]  # 1/(1+2), 1/(1+3), 1/(1+3), 1/(1+2)
    [0.333, 0.25, 0.25, 0.333]
    """

    def __init__(
        self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0, region: str = "across", **kwargs
    ):
        super().__init__(**kwargs)
        if type(size) is not int or size < 1 or size % 2 == 0:
            raise refusal("size", "a positive odd integer", size)
        self.size = size
        self.alpha = number("alpha", alpha, 0)
        self.beta = number("beta", beta, 0)
        self.k = number("k", k, above=0)
        self.region = choice("region", region, ("across", "within"))
        self.input_spec = keras.layers.InputSpec(ndim=4)

    @staticmethod
    def paper_alpha(alpha: float, size: int, region: str = "across") -> float:
        """Convert an α that another library divides by the number of summed activities.

        Args:
            alpha: α as an argument of Caffe, cuda-convnet or PyTorch.
            size: their window, in maps or in pixels.
            region: `"across"` (n activities) or `"within"` (n² activities).

        Example:
        >>> LocalResponseNormalization.paper_alpha(1e-4, size=5)
        2e-05
        """
        return alpha / (size if region == "across" else size**2)

    def factors(self, images):
        """Return by what each activity is multiplied, (k + α Σ x²)^−β; of the shape of the images.

        Args:
            images: float tensor `(batch, height, width, channels)`.
        """
        return _power(self._scales(images), self.beta)

    def _scales(self, activities):
        """Return s = k + α Σ x²."""
        return self.k + self.alpha * self._summed(ops.square(activities))

    def _summed(self, values):
        return (_sum_across if self.region == "across" else _sum_within)(values, self.size)

    def call(self, images, training=None):
        # In half precision the squares would overflow from an activity of 256 on.
        activities = ops.cast(images, "float32") if self.compute_dtype in ("float16", "bfloat16") else images
        one_pass = _one_pass if training and self.region == "across" else lambda formula: formula
        return ops.cast(self._normalized(activities, one_pass), self.compute_dtype)

    def _normalized(self, activities, one_pass: Callable[[Callable], Callable]):
        """Return x·s^−β, whose slope is dy·s^−β − 2αβ·x·Σ(dy·y/s), by the same sum.

        Each formula is computed from the activities alone: to compute s once again is cheaper than to keep it. The term
        of the slope's sum has its own, or a compiler would compute every term once for every neighbor.
        """

        def forward(activities):
            return activities * self.factors(activities)

        def term(activities, slopes):
            scales = self._scales(activities)
            return slopes * activities * _power(scales, self.beta) / scales

        def slope(activities, slopes, terms):
            factors = self.factors(activities)
            return slopes * factors - (2 * self.alpha * self.beta) * activities * self._summed(terms)

        @ops.custom_gradient
        def normalize(activities):
            def gradient(*arguments, upstream=None):
                slopes = arguments[0] if upstream is None else upstream
                return one_pass(slope)(activities, slopes, one_pass(term)(activities, slopes))

            return one_pass(forward)(activities), gradient

        return normalize(activities)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "alpha": self.alpha,
            "beta": self.beta,
            "k": self.k,
            "region": self.region,
        }


def _one_pass(formula: Callable) -> Callable:
    """Return a formula compiled into one pass over memory, where TensorFlow traces a step of training.

    Operation by operation memory is passed over many times, and a step of AlexNet costs 13 % more processor time
    (`benchmarks/own_ways.py`, two cores, 5 interleaved turns).
    Inference and exports are left uncompiled, so that every server and converter takes them.
    """
    if keras.backend.backend() != "tensorflow":
        return formula
    import tensorflow as tf

    return formula if tf.executing_eagerly() else tf.function(formula, jit_compile=True)


def _sum_across(values, size: int):
    """Return the sum over `size` neighboring maps, itself included."""
    maps, side = values.shape[-1], size // 2
    padded = ops.pad(values, ((0, 0), (0, 0), (0, 0), (side, side)))
    total = padded[..., :maps]
    for first in range(1, size):
        total = total + padded[..., first : first + maps]
    return total


def _sum_within(values, size: int):
    """Return the sum over a square of `size`×`size` pixels of each map."""
    side = size // 2
    padded = ops.pad(values, ((0, 0), (side, side), (side, side), (0, 0)))
    return ops.average_pool(padded, size, 1, padding="valid", data_format="channels_last") * float(size**2)


def _power(sums, beta: float):
    """Return s^−β, for the papers' 0.75 by roots: five times as fast as a power."""
    if beta == 0.75:
        root = ops.rsqrt(sums)
        return root * ops.sqrt(root)
    return ops.power(sums, -beta)
