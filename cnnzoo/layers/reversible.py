"""Layers that are called in both directions with one kernel, as the tied weights of autoencoders are."""

from typing import Any

import keras
from keras import ops

from cnnzoo.checks import flag, integer, is_integer, refusal
from cnnzoo.errors import InputError


def transposed(layer: Any, values: Any, output_padding: Any = None) -> Any:
    """Apply the transpose of a dense layer or a convolution, as a linear map: without bias and activation.

    Args:
        layer: a built `keras.layers.Dense`, or a `Conv1D` or `Conv2D` without groups.
        values: tensor `(batch, …)`, of the shape of the layer's outputs.
        output_padding: of a convolution; see `ReversibleConv2D`.

    Returns:
        Tensor of the shape of the layer's inputs.

    Example:
    >>> layer = keras.layers.Dense(3)
    >>> layer.build((None, 8))
    >>> transposed(layer, keras.ops.ones((2, 3))).shape
    TensorShape([2, 8])
    """
    kernel = layer.kernel
    if isinstance(values, keras.KerasTensor):
        kernel = keras.KerasTensor(kernel.shape, kernel.dtype)
    if isinstance(layer, keras.layers.Dense):
        return ops.matmul(values, ops.transpose(kernel))
    return ops.conv_transpose(
        values,
        kernel,
        strides=layer.strides,
        padding=layer.padding,
        output_padding=output_padding,
        data_format=layer.data_format,
        dilation_rate=layer.dilation_rate,
    )


class _Reversible(keras.layers.Layer):
    """What `ReversibleDense` and `ReversibleConv2D` add to the layers of Keras that they also derive from."""

    reverse_output_padding: Any = None
    reverse_bias: Any = None
    lora_rank: Any
    input_spec: Any

    def __init__(
        self,
        *args,
        reverse_activation=None,
        use_reverse_bias: bool = True,
        reverse_bias_initializer="zeros",
        input_dim: int | None = None,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.reverse_activation = keras.activations.get(reverse_activation)
        self.use_reverse_bias = flag("use_reverse_bias", use_reverse_bias)
        self.reverse_bias_initializer = keras.initializers.get(reverse_bias_initializer)
        self.input_dim = integer("input_dim", input_dim, or_none="that of the first input")
        if self.quantization_mode:
            raise InputError(f"{self.name} cannot be quantized. Received: dtype={self.dtype_policy.name!r}")

    @property
    def _axis(self) -> int:
        return 1 if getattr(self, "data_format", "") == "channels_first" else -1

    def build(self, input_shape):
        shape = list(input_shape)
        shape[self._axis] = self.input_dim or shape[self._axis]
        rank, self.lora_rank = self.lora_rank, None  # Keras adds LoRA at the end, and lets no weight follow it
        super().build(tuple(shape))
        self.input_dim = shape[self._axis]
        if self.use_reverse_bias:
            self.reverse_bias = self.add_weight(
                name="reverse_bias", shape=(self.input_dim,), initializer=self.reverse_bias_initializer
            )
        if rank:
            self.enable_lora(rank, self.lora_alpha)
        # One for both directions: Keras compares it without knowing which of them a call is.
        self.input_spec = keras.layers.InputSpec(min_ndim=self.input_spec.min_ndim)

    def call(self, inputs, reverse=False):
        self._check_width(inputs.shape, reverse)
        if not reverse:
            return super().call(inputs)
        sums = transposed(self, inputs, self.reverse_output_padding)
        if self.reverse_bias is not None:
            sums += ops.reshape(self.reverse_bias, (-1, 1, 1)) if self._axis == 1 else self.reverse_bias
        return self.reverse_activation(sums)

    def _check_width(self, shape, reverse: bool) -> None:
        expected = self.kernel.shape[-1] if reverse else self.input_dim
        if shape[self._axis] != expected:
            direction = " in reverse" if reverse else ""
            raise refusal("inputs", f"a tensor of width {expected} for {self.name!r}{direction}", tuple(shape))

    def compute_output_shape(self, input_shape, reverse=False):
        if self.built:
            self._check_width(input_shape, reverse)
        if not reverse:
            return super().compute_output_shape(input_shape)
        return tuple(transposed(self, keras.KerasTensor(input_shape), self.reverse_output_padding).shape)

    def compute_output_spec(self, inputs, reverse=False):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape, reverse), dtype=self.compute_dtype)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        if self.reverse_bias is not None:
            store[str(len(store.keys()))] = self.reverse_bias

    def load_own_variables(self, store):
        super().load_own_variables(store)
        if self.reverse_bias is not None:
            self.reverse_bias.assign(store[str(len(store.keys()) - 1)])

    def get_config(self):
        return {
            **super().get_config(),
            "reverse_activation": keras.activations.serialize(self.reverse_activation),
            "use_reverse_bias": self.use_reverse_bias,
            "reverse_bias_initializer": keras.initializers.serialize(self.reverse_bias_initializer),
            "input_dim": self.input_dim,
        }


@keras.saving.register_keras_serializable(package="cnnzoo")
class ReversibleDense(_Reversible, keras.layers.Dense):
    """Multiply by a kernel, or in reverse by its transpose: y = activation(x · W + b), x = reverse(y · Wᵀ + c).

    A decoder with tied weights calls the layers of its encoder again, in reverse, as
    `keras.layers.ReversibleEmbedding` is called. There is one layer, so a clone of the model is tied as well, and a
    file has the kernel once. The kernel's gradient is the sum of both uses.

    The first call decides on the width of the input, so it goes forward, or `input_dim` is given; a layer that was
    called has it in its configuration, so that a decoder alone can be copied, too. A model that has one direction
    only also holds the bias of the other, untrained. An `activity_regularizer` counts the outputs of both directions.
    LoRA changes the kernel for both. The layer cannot be quantized.

    Args:
        args: `units` and the other arguments of `keras.layers.Dense`, which are those of the forward direction.
        reverse_activation: name or function applied to the result in reverse, or `None`.
        use_reverse_bias: whether to add a bias in reverse, `(width,)`.
        reverse_bias_initializer: its initial values.
        input_dim: width of the input; by default that of the first call.
        kwargs: the arguments of `keras.layers.Dense`.

    Call arguments:
        inputs: float tensor `(batch, …, width)`; in reverse `(batch, …, units)`.
        reverse: whether to go from the outputs to the inputs.

    Returns:
        Float tensor `(batch, …, units)`; in reverse `(batch, …, width)`.

    Raises:
        InputError: an argument, or the width of the input, is not allowed.

    Source: Vincent et al., "Stacked Denoising Autoencoders", JMLR 2010, section 2.2 (tied weights).

    Example:
    >>> image = keras.Input((8,))
    >>> layer = ReversibleDense(3, "sigmoid", reverse_activation="sigmoid")
    >>> code = layer(image)
    >>> model = keras.Model(image, layer(code, reverse=True))
    >>> code.shape, model.output_shape, model.count_params()
    ((None, 3), (None, 8), 35)
    """


@keras.saving.register_keras_serializable(package="cnnzoo")
class ReversibleConv2D(_Reversible, keras.layers.Conv2D):
    """Convolve, or in reverse apply the transpose of that as a linear map; then bias and activation.

    Strides, padding, dilation and the order of the axes are the same in both directions (on CPUs,
    TensorFlow 2.21 has the gradient of a dilated convolution, which the reverse of one needs, in float32 but not in
    float64). All else is as described at `ReversibleDense`.

    Args:
        args: `filters`, `kernel_size` and the other arguments of `keras.layers.Conv2D`, which are those of the
            forward direction; `groups` must be 1.
        reverse_output_padding: rows and columns by which the output in reverse is larger than the smallest image of
            which the convolution makes this input, `(height, width)` or one integer, each below the stride; `None`
            for the size that `keras.layers.Conv2DTranspose` returns.
        kwargs: the arguments of `keras.layers.Conv2D`, and `reverse_activation`, `use_reverse_bias`,
            `reverse_bias_initializer` and `input_dim`, the depth of the input, as of `ReversibleDense`.

    Call arguments:
        inputs: float tensor `(batch, height, width, depth)`; in reverse `(batch, height, width, filters)`.
        reverse: whether to go from the outputs to the inputs.

    Returns:
        Float tensor `(batch, new_height, new_width, filters)`; in reverse `(batch, new_height, new_width, depth)`.

    Raises:
        InputError: an argument, or the depth of the input, is not allowed.

    Source: Masci et al., "Stacked Convolutional Auto-Encoders", ICANN 2011, eq. 2 (flipped weights).

    Example:
    >>> image = keras.Input((28, 28, 1))
    >>> layer = ReversibleConv2D(8, 3, strides=2, padding="same")
    >>> model = keras.Model(image, layer(layer(image), reverse=True))
    >>> model.output_shape, model.count_params()
    ((None, 28, 28, 1), 81)
    """

    def __init__(self, *args, reverse_output_padding=None, **kwargs):
        super().__init__(*args, **kwargs)
        sides = reverse_output_padding
        if is_integer(sides) or isinstance(sides, list):  # a configuration has a list
            sides = (sides, sides) if is_integer(sides) else tuple(sides)
        is_pair = isinstance(sides, tuple) and len(sides) == 2 and all(map(is_integer, sides))
        allowed = is_pair and all(0 <= side < stride for side, stride in zip(sides, self.strides, strict=True))
        if sides is not None and not allowed:
            below = f"None or two integers from 0 to below the strides {self.strides}"
            raise refusal("reverse_output_padding", below, reverse_output_padding)
        if self.groups != 1:
            raise refusal("groups", "1, for a convolution that has a reverse", self.groups)
        self.reverse_output_padding = sides if sides is None else tuple(map(int, sides))

    def get_config(self):
        return {**super().get_config(), "reverse_output_padding": self.reverse_output_padding}
