"""A dense layer that uses another one's weights in the other direction."""

from typing import Any

import keras
from keras import ops

from cnnzoo.errors import InputError
from cnnzoo.layers.tied import TiedLayer


@keras.saving.register_keras_serializable(package="cnnzoo")
class TiedDense(TiedLayer):
    """Multiply by the transposed kernel of a dense layer: y = activation(x · Wᵀ + bias), as a tied decoder does.

    W is that layer's own variable, with one gradient, the sum of both uses. A model counts and trains it once.
    It is frozen with the layer that it belongs to; `trainable` here is of the bias.

    After `clone_model`, `from_config` or loading, the layer is tied to the layer of the same name before it in
    its graph. A sub-model cut off behind that layer shares the variable as long as both live. Saved
    and loaded by itself, it has a kernel of its own; so has a decoder that was made a model of its own
    first and then called on an encoder's output: tie within one graph. A file holds the kernel with both
    layers, with the same values.

    Args:
        tied_to: a `keras.layers.Dense`, or the name of one among the layers before this one.
        activation: name or function applied to the result, or `None`.
        use_bias: whether to add a bias.
        bias_initializer: initial biases, shape `(units,)`.
        units: number of outputs, for a layer that may stand alone; by default known from the kernel.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor `(batch, …, width)`; the width is the number of units of the layer tied to.

    Returns:
        Float tensor `(batch, …, units)`, as wide as the input of the layer tied to.

    Raises:
        InputError: no such layer, not a dense one, not yet built, or of another width.

    Source: Vincent et al., "Stacked Denoising Autoencoders", JMLR 2010, section 2.2 (tied weights).

    Example:
    >>> image = keras.Input((8,))
    >>> code = keras.layers.Dense(3, "sigmoid", name="code")(image)
    >>> model = keras.Model(image, TiedDense("code", "sigmoid")(code))
    >>> model.output_shape, model.count_params()
    ((None, 8), 35)
    """

    source_class = keras.layers.Dense

    def __init__(
        self, tied_to, activation=None, use_bias=True, bias_initializer="zeros", units: int | None = None, **kwargs
    ):
        super().__init__(tied_to, activation, use_bias, bias_initializer, **kwargs)
        if units is not None and (type(units) is not int or units < 1):
            raise InputError(f"{self.name} can have an integer of at least 1 as units, not {units!r}")
        self.units: Any = units
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def _stands_alone(self) -> bool:
        return self.units is not None

    def build(self, input_shape):
        width = input_shape[-1]
        if self._share_kernel():
            outputs, takes = self.kernel.shape
            if width != takes:
                raise InputError(f"{self.name} is tied to {self.tied_to!r} of {takes} units and cannot take {width}")
            if self.units not in (None, outputs):
                raise InputError(
                    f"{self.name} is tied to {self.tied_to!r}, which has {outputs} inputs, and cannot have "
                    f"units={self.units}"
                )
            self.units = outputs
        elif not self._stands_alone():
            raise InputError(f"{self.name} must be called before it can be built: it is tied to {self.tied_to!r}")
        else:
            self._add_own_kernel((self.units, width))
        self._add_bias(self.units)
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: width})

    def call(self, inputs):
        sums = ops.matmul(inputs, ops.transpose(self.kernel))
        return self.activation(sums if self.bias is None else sums + self.bias)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
