"""A transposed convolution that uses a convolution's weights in the other direction."""

from typing import Any

import keras
from keras import ops

from cnnzoo.errors import InputError
from cnnzoo.layers.tied import TiedLayer

SETTINGS = ("kernel_size", "strides", "padding", "dilation_rate", "data_format")


@keras.saving.register_keras_serializable(package="cnnzoo")
class TiedConv2DTranspose(TiedLayer):
    """Send maps back through the kernel of a convolution: its transpose as a linear map, then bias and activation.

    The kernel is that layer's own variable, with one gradient, the sum of both uses; strides, padding,
    dilation and the order of the axes are that layer's (on CPUs, TensorFlow 2.21 knows the gradient of a dilated
    convolution, which this is, in float32 but not in float64). What is said of `TiedDense` about freezing,
    cloning, saving and decoders that stand alone holds here too.

    Args:
        tied_to: a `keras.layers.Conv2D` without groups, or the name of one among the layers before this one.
        activation: name or function applied to the result, or `None`.
        use_bias: whether to add a bias for each map.
        bias_initializer: initial biases, shape `(maps,)`.
        output_padding: rows and columns by which the output grows beyond the smallest image that
            the convolution makes this input of, `(height, width)` or one integer, each below the stride;
            `None` for what `keras.layers.Conv2DTranspose` gives.
        convolution: what a configuration tells of the convolution, for a layer that may stand alone: a dict of
            `filters` (output maps), `kernel_size`, `strides`, `padding`, `dilation_rate` and `data_format`.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        maps: float tensor `(batch, height, width, depth)`; the depth is the number of filters of the layer tied to.

    Returns:
        Float tensor `(batch, new_height, new_width, maps)`, as deep as the input of the layer tied to.

    Raises:
        InputError: no such layer, not a `Conv2D`, one with groups, not yet built, or of another depth.

    Source: Masci et al., "Stacked Convolutional Auto-Encoders", ICANN 2011, eq. 2 (flipped weights).

    Example:
    >>> image = keras.Input((28, 28, 1))
    >>> maps = keras.layers.Conv2D(8, 3, strides=2, padding="same", name="conv")(image)
    >>> model = keras.Model(image, TiedConv2DTranspose("conv")(maps))
    >>> model.output_shape, model.count_params()
    ((None, 28, 28, 1), 81)
    """

    source_class = keras.layers.Conv2D

    def __init__(
        self,
        tied_to,
        activation=None,
        use_bias=True,
        bias_initializer="zeros",
        output_padding=None,
        convolution: dict | None = None,
        **kwargs,
    ):
        super().__init__(tied_to, activation, use_bias, bias_initializer, **kwargs)
        self.output_padding = _pair(output_padding)
        self.filters: Any = None
        if convolution is not None:
            self._take_settings(convolution)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def _check_source(self, layer) -> None:
        if layer.groups != 1:
            raise InputError(
                f"{self.name} can be tied to a convolution without groups, not to {layer.name!r} "
                f"with groups={layer.groups}"
            )

    def _stands_alone(self) -> bool:
        return self.filters is not None

    def _take_settings(self, settings: dict) -> None:
        missing = sorted({"filters", *SETTINGS} - set(settings))
        if missing:
            raise InputError(f"the convolution of {self.name} must tell {', '.join(missing)}, not only {settings}")
        self.filters = settings["filters"]
        self.kernel_size, self.strides, self.dilation_rate = (
            tuple(settings[name]) for name in ("kernel_size", "strides", "dilation_rate")
        )
        self.padding, self.data_format = settings["padding"], settings["data_format"]

    def build(self, input_shape):
        source = self._source and self._source()
        if self._share_kernel():
            maps = self.kernel.shape[2]
            self._take_settings({"filters": maps, **{name: getattr(source, name) for name in SETTINGS}})
            takes = self.kernel.shape[3]
        elif not self._stands_alone():
            raise InputError(f"{self.name} must be called before it can be built: it is tied to {self.tied_to!r}")
        axis = 1 if self.data_format == "channels_first" else -1
        depth = input_shape[axis]
        if not self._shares:
            self._add_own_kernel((*self.kernel_size, self.filters, depth))
        elif depth != takes:
            raise InputError(f"{self.name} is tied to {self.tied_to!r} of {takes} filters and cannot take {depth} maps")
        self._check_output_padding()
        self._add_bias(self.filters)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={axis: depth})

    def _check_output_padding(self) -> None:
        given = self.output_padding
        if given is None:
            return
        pair = isinstance(given, tuple | list) and len(given) == 2 and all(type(side) is int for side in given)
        if not pair or not all(0 <= side < stride for side, stride in zip(given, self.strides, strict=True)):
            raise InputError(
                f"output_padding of {self.name} can be None or two integers from 0 to below the strides "
                f"{self.strides}, not {given!r}"
            )

    def call(self, maps):
        sums = self._transposed(maps, self.kernel)
        if self.bias is not None:
            sums += ops.reshape(self.bias, (-1, 1, 1)) if self.data_format == "channels_first" else self.bias
        return self.activation(sums)

    def _transposed(self, maps, kernel):
        return ops.conv_transpose(
            maps,
            kernel,
            strides=self.strides,
            padding=self.padding,
            output_padding=self.output_padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )

    def compute_output_shape(self, input_shape):
        kernel = keras.KerasTensor(self.kernel.shape)
        return tuple(self._transposed(keras.KerasTensor(input_shape), kernel).shape)

    def get_config(self):
        settings = None
        if self._stands_alone():
            settings = {"filters": self.filters, **{name: getattr(self, name) for name in SETTINGS}}
        return {**super().get_config(), "output_padding": self.output_padding, "convolution": settings}


def _pair(value: Any) -> Any:
    """Return one number twice, and a list from a file as the tuple that it was."""
    if isinstance(value, int):
        return value, value
    return tuple(value) if isinstance(value, list) else value
