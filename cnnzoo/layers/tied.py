"""Tied layers, which use the kernel of an earlier layer in the other direction, as tied decoders do."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras
from keras import ops

from cnnzoo.checks import integer, refusal
from cnnzoo.errors import InputError
from cnnzoo.layers.graph import layers_before


class TiedLayer(keras.layers.Layer):
    """Share the kernel variable of another layer, which is found by its name among the layers before this one.

    A subclass defines `source_class`, `_has_own_shape`, `build` and, if needed, `_check_source`. The arguments are
    described at `TiedDense`.
    """

    source_class: ClassVar[type] = keras.layers.Layer
    kernel: Any

    def __init__(self, tied_to, activation=None, use_bias: bool = True, bias_initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        # A function that returns the layer: Keras would track the layer itself as a part of this one.
        self._source: Callable[[], Any] | None = None
        self._source_name = ""
        if isinstance(tied_to, str) and tied_to:
            self._source_name = tied_to
        else:
            self._set_source(tied_to)
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.supports_masking = True
        self._shares = False

    @property
    def tied_to(self) -> str:
        """The name of the layer that the kernel belongs to."""
        return self._source().name if self._source else self._source_name

    def __call__(self, inputs, *args, **kwargs):
        if not self.built and self._source is None:
            self._find_source(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def _find_source(self, inputs: Any) -> None:
        before = layers_before(inputs)
        if self.tied_to in before:
            self._set_source(before[self.tied_to])
        elif not self._has_own_shape():
            names = ", ".join(map(repr, before)) or "none, as it is called with values instead of a graph's tensor"
            raise InputError(
                f"{self.name} is tied to {self.tied_to!r}, which must be a layer before it; those are {names}"
            )

    def _set_source(self, layer: Any) -> None:
        if not isinstance(layer, self.source_class):
            received = f"{layer.name!r}, a {type(layer).__name__}" if isinstance(layer, keras.Layer) else repr(layer)
            kind = self.source_class.__name__
            raise InputError(f"{self.name} can be tied to a {kind} layer or its name, not to {received}")
        self._check_source(layer)
        self._source = lambda: layer

    def _check_source(self, layer: Any) -> None:
        """Raise an `InputError` for a layer of the right class that cannot be tied to."""

    def _has_own_shape(self) -> bool:
        """Return whether the shape of a kernel is known without a layer to share one with."""
        raise NotImplementedError

    def _share_kernel(self) -> bool:
        """Share the kernel of the layer tied to; return whether there is such a layer.

        Raises:
            InputError: there is none, and no shape for a kernel of its own; or its kernel cannot be shared.
        """
        if self._source is None:
            if not self._has_own_shape():
                raise InputError(f"{self.name} must be called before it can be built: it is tied to {self.tied_to!r}")
            return False
        layer = self._source()
        if not layer.built:
            raise InputError(f"{self.name} is tied to {layer.name!r}, which has no kernel yet: call that layer first")
        kernel = layer.kernel
        if not isinstance(kernel, keras.Variable):
            raise InputError(
                f"{self.name} is tied to {layer.name!r}, whose kernel must be one variable: "
                "tie before it is quantized or given LoRA"
            )
        # Keras lists variables that were trainable when they were set before those that were not. The order of the
        # weights in a file must not depend on whether the other layer is frozen now.
        trainable, kernel.trainable = kernel.trainable, True
        self.kernel = kernel
        kernel.trainable = trainable
        self._shares = True
        return True

    def _add_own_kernel(self, shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")

    def _add_bias(self, outputs: int) -> None:
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(shape=(outputs,), initializer=self.bias_initializer, name="bias")

    @property
    def trainable(self) -> bool:
        """Whether the bias is trained; a shared kernel is trained or frozen with the layer that it belongs to."""
        return super().trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        shared = self.kernel if self._shares else None
        before = shared is not None and shared.trainable
        keras.layers.Layer.trainable.fset(self, value)
        if shared is not None:
            shared.trainable = before

    def get_build_config(self):
        # Built from a shape alone, before it is called, a loaded layer could not find the layer that it is tied to.
        return None

    def get_config(self):
        return {
            **super().get_config(),
            "tied_to": self.tied_to,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


@keras.saving.register_keras_serializable(package="cnnzoo")
class TiedDense(TiedLayer):
    """Multiply by the transposed kernel of a dense layer: y = activation(x · Wᵀ + bias), as a tied decoder does.

    W is that layer's own variable, with one gradient, the sum of both uses. A model counts and trains it once.
    It is frozen with the layer that it belongs to; `trainable` here is of the bias.

    A configuration has the name of that layer only. After `clone_model`, `from_config` or loading, this layer is
    tied to the layer of the same name before it in its graph. A sub-model that starts after that layer shares the
    variable as long as both exist. Saved and loaded by itself, it has a kernel of its own; so has a decoder that was
    made a model of its own first and then called on an encoder's output: tie within one graph. A file contains
    the kernel with both layers, with the same values.

    Args:
        tied_to: a `keras.layers.Dense`, or the name of one among the layers before this one.
        activation: name or function applied to the result, or `None`.
        use_bias: whether to add a bias, which is this layer's own.
        bias_initializer: initial biases, shape `(units,)`.
        units: number of outputs, for a layer that may be used without the other; by default that of the kernel.
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
        self.units: Any = integer("units", units, or_none="that of the kernel")
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def _has_own_shape(self) -> bool:
        return self.units is not None

    def build(self, input_shape):
        width = input_shape[-1]
        if self._share_kernel():
            outputs, inputs = self.kernel.shape
            if width != inputs:
                raise InputError(f"{self.name} is tied to {self.tied_to!r} of {inputs} units and cannot take {width}")
            if self.units not in (None, outputs):
                raise InputError(
                    f"{self.name} is tied to {self.tied_to!r}, which has {outputs} inputs, and cannot have "
                    f"units={self.units}"
                )
            self.units = outputs
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


SETTINGS = ("kernel_size", "strides", "padding", "dilation_rate", "data_format")


@keras.saving.register_keras_serializable(package="cnnzoo")
class TiedConv2DTranspose(TiedLayer):
    """Apply the transpose of a convolution, as a linear map, to maps; then bias and activation.

    The kernel is that layer's own variable, with one gradient, the sum of both uses; strides, padding,
    dilation and the order of the axes are that layer's (on CPUs, TensorFlow 2.21 has the gradient of a dilated
    convolution, which this is, in float32 but not in float64). Freezing, cloning, saving and use without the other
    layer are as described at `TiedDense`.

    Args:
        tied_to: a `keras.layers.Conv2D` without groups, or the name of one among the layers before this one.
        activation: name or function applied to the result, or `None`.
        use_bias: whether to add a bias for each map, which is this layer's own.
        bias_initializer: initial biases, shape `(maps,)`.
        output_padding: rows and columns by which the output is larger than the smallest image of which
            the convolution makes this input, `(height, width)` or one integer, each below the stride;
            `None` for the size that `keras.layers.Conv2DTranspose` returns.
        convolution: settings of the convolution, for a layer that may be used without it: a dict of `filters`
            (output maps), `kernel_size`, `strides`, `padding`, `dilation_rate` and `data_format`.
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
        sides = (output_padding, output_padding) if isinstance(output_padding, int) else output_padding
        self.output_padding = tuple(sides) if isinstance(sides, list) else sides  # a configuration has a list
        self.filters: Any = None
        if convolution is not None:
            self._set_convolution(convolution)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def _check_source(self, layer) -> None:
        if layer.groups != 1:
            raise InputError(
                f"{self.name} can be tied to a convolution without groups, not to {layer.name!r} "
                f"with groups={layer.groups}"
            )

    def _has_own_shape(self) -> bool:
        return self.filters is not None

    def _set_convolution(self, settings: dict) -> None:
        if missing := sorted({"filters", *SETTINGS} - set(settings)):
            raise InputError(f"`convolution` of {self.name} must contain {', '.join(missing)}. Received: {settings}")
        self.filters = settings["filters"]
        self.kernel_size, self.strides, self.dilation_rate = (
            tuple(settings[name]) for name in ("kernel_size", "strides", "dilation_rate")
        )
        self.padding, self.data_format = settings["padding"], settings["data_format"]

    def build(self, input_shape):
        if self._share_kernel():
            source: Any = self._source and self._source()
            settings = {name: getattr(source, name) for name in SETTINGS}
            self._set_convolution({"filters": self.kernel.shape[2], **settings})
        axis = 1 if self.data_format == "channels_first" else -1
        depth = input_shape[axis]
        if not self._shares:
            self._add_own_kernel((*self.kernel_size, self.filters, depth))
        elif depth != self.kernel.shape[3]:
            filters = self.kernel.shape[3]
            raise InputError(
                f"{self.name} is tied to {self.tied_to!r} of {filters} filters and cannot take {depth} maps"
            )
        self._check_output_padding()
        self._add_bias(self.filters)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={axis: depth})

    def _check_output_padding(self) -> None:
        sides = self.output_padding
        if sides is None:
            return
        is_pair = isinstance(sides, tuple) and len(sides) == 2 and all(type(side) is int for side in sides)
        if not is_pair or not all(0 <= side < stride for side, stride in zip(sides, self.strides, strict=True)):
            allowed = f"None or two integers from 0 to below the strides {self.strides}"
            raise refusal("output_padding", allowed, sides)

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
        convolution = None
        if self._has_own_shape():
            convolution = {"filters": self.filters, **{name: getattr(self, name) for name in SETTINGS}}
        return {**super().get_config(), "output_padding": self.output_padding, "convolution": convolution}
