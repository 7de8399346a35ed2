"""The linear code that loses least, from which training goes on."""

import warnings
from typing import Any

import keras
import numpy as np

from cnnzoo.checks import refusal
from cnnzoo.errors import InputError
from cnnzoo.layers.covariance import mean_and_covariance
from cnnzoo.layers.reversible import ReversibleDense


@keras.saving.register_keras_serializable(package="cnnzoo")
class PrincipalComponents(ReversibleDense):
    """A linear code with tied weights, which `adapt` sets to the principal components of data.

    Of all linear codes of its width they leave the smallest squared error: code = (x − mean) · W, x ≈ code · Wᵀ + mean,
    with orthonormal columns W. The mean is one weight for both directions, since a step of the kernel would otherwise
    move all codes by its product with the mean image, which is longer than what differs between images. A linear
    autoencoder ends there as well when it is trained by gradients, after many more steps: the variances of the
    components of photographs span four orders of magnitude. The weights are trained on like those of any layer; before
    `adapt` the columns are orthonormal and random.

    Args:
        units: width of the code; an integer ≥ 1, and at most that of the input.
        kwargs: the other arguments of `ReversibleDense`.

    Call arguments:
        inputs: float tensor `(batch, width)`; in reverse `(batch, units)`.
        reverse: whether to go from the code to the input.

    Returns:
        Float tensor `(batch, units)`; in reverse `(batch, width)`.

    Raises:
        InputError: more units than numbers to encode.

    Source: Baldi and Hornik, "Neural networks and principal component analysis: Learning from examples without local
        minima", Neural Networks 2, 1989.

    Example:
    >>> rows = np.random.default_rng(0).normal(size=(500, 3)) * [3.0, 2.0, 0.1] + 5
    >>> code = PrincipalComponents(2)
    >>> code.adapt(rows)
    >>> bool(np.abs(code(code(rows), reverse=True) - rows).max() < 0.5)
    True
    """

    def __init__(self, units: int, *, kernel_initializer: Any = "orthogonal", use_bias: bool = False, **kwargs):
        super().__init__(units, kernel_initializer=kernel_initializer, use_bias=use_bias, **kwargs)
        if self.use_bias or not self.use_reverse_bias:
            given = f"{self.use_bias} and {self.use_reverse_bias}"
            raise refusal("use_bias and use_reverse_bias", "False and True, for the reverse bias is the mean", given)

    def build(self, input_shape):
        width = self.input_dim or input_shape[-1]
        if self.units > width:
            raise InputError(
                f"{self.name} encodes {width} numbers, of which there are at most as many principal components. "
                f"Received: units={self.units}"
            )
        super().build(input_shape)

    def call(self, inputs, reverse=False):
        return super().call(inputs if reverse else inputs - self.reverse_bias, reverse=reverse)

    def adapt(self, data: Any) -> None:
        """Set kernel and mean to those of data; computed in float64, a batch at a time.

        Fewer examples than units have fewer components than that: the directions of the others are arbitrary, and
        orthogonal to them. A warning says so.

        Args:
            data: array `(n, …)`, or batches of such, read once; each example is flattened.

        Raises:
            InputError: more than 12,288 values in an example, or a number that is not finite.
        """
        mean, covariance, count = mean_and_covariance(data, self.name)
        if not self.built:
            self.build((None, len(mean)))
        if count < self.units:
            warnings.warn(
                f"{self.name} has {self.units} units and is adapted to {count} examples: of its directions "
                f"{self.units - count} at least are arbitrary, until they are trained",
                stacklevel=2,
            )
        _, directions = np.linalg.eigh(covariance)  # in ascending order of their variances
        self.kernel.assign(directions[:, ::-1][:, : self.units])
        self.reverse_bias.assign(mean)
