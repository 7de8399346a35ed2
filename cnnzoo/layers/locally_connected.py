"""A convolution without shared weights."""

import keras
from keras import ops

from cnnzoo.checks import choice, integer
from cnnzoo.errors import InputError
from cnnzoo.layers import window


@keras.saving.register_keras_serializable(package="cnnzoo")
class LocallyConnected2D(keras.layers.Layer):
    """Slide a window that has other weights at every position: a convolution without weight sharing.

    It shows the cost of not sharing: AlexNet's first layer has 34,944 parameters with shared weights and
    105,705,600 without. Keras had this layer up to its version 2; weights of that version are reshaped to
    the kernel below.

    Args:
        filters: number of output maps; an integer ≥ 1.
        kernel_size: side of the window in pixels, or `(height, width)`.
        strides: step of the window in pixels, or `(height, width)`.
        padding: `"valid"`, or `"same"` for zeros around the image.
        activation: name or function applied to the result, or `None`.
        use_bias: whether every output neuron has a bias of its own.
        kernel_initializer: initial weights. It is called with the shape `(height, width, channels, positions ·
            filters)`, so that the fan-in is that of a unit; the fan-out is that of all positions together.
        bias_initializer: initial biases.
        kernel_regularizer: penalty on the kernel, or `None`.
        bias_regularizer: penalty on the biases, or `None`.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`, of fixed size.

    Returns:
        Float tensor `(batch, rows, columns, filters)`.

    Attributes:
        kernel: `(rows, columns, kernel height, kernel width, channels, filters)`; `kernel[i, j]` is the
            convolution kernel at that position.
        bias: `(rows, columns, filters)`.

    Raises:
        InputError: an argument is out of range, or the image is smaller than the window or of unknown size.

    Source: LeCun 1989, "Generalization and Network Design Strategies", net 3.

    Example:
    >>> import keras
    >>> images = keras.Input((7, 7, 1))
    >>> layer = LocallyConnected2D(2, 3)
    >>> layer(images).shape, layer.count_params(), keras.layers.Conv2D(2, 3)(images).shape
    ((None, 5, 5, 2), 500, (None, 5, 5, 2))
    """

    def __init__(
        self,
        filters: int,
        kernel_size,
        strides=1,
        padding: str = "valid",
        activation=None,
        use_bias: bool = True,
        kernel_initializer="lecun_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = integer("filters", filters)
        self.kernel_size = window.pair("kernel_size", kernel_size)
        self.strides = window.pair("strides", strides)
        self.padding = choice("padding", padding, window.PADDINGS)
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        _, rows, columns, _ = self.compute_output_shape(input_shape)
        if rows is None or columns is None:
            raise InputError(
                "every position has weights of its own, so the size of the images must be known. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        self.kernel = self.add_weight(
            shape=(rows, columns, *self.kernel_size, input_shape[-1], self.filters),
            initializer=self._initial_kernel,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(rows, columns, self.filters),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                name="bias",
            )

    def _initial_kernel(self, shape, dtype=None):
        rows, columns, height, width, channels, filters = shape
        kernels = self.kernel_initializer((height, width, channels, rows * columns * filters), dtype=dtype)
        return ops.transpose(
            ops.reshape(kernels, (height, width, channels, rows, columns, filters)), (3, 4, 0, 1, 2, 5)
        )

    def call(self, images):
        rows, columns = self.kernel.shape[:2]
        inputs = self.kernel_size[0] * self.kernel_size[1] * images.shape[-1]
        # One matrix product at every position: (batch, inputs of a window) × (inputs of a window, filters).
        windows = ops.transpose(self._windows(images), (1, 2, 0, 3))
        maps = ops.matmul(windows, ops.reshape(self.kernel, (rows, columns, inputs, self.filters)))
        maps = ops.transpose(maps, (2, 0, 1, 3))
        return self.activation(maps if self.bias is None else maps + self.bias)

    def _windows(self, images):
        """Return every window laid out in a row: `(batch, rows, columns, inputs of a window)`."""
        if self.padding == "same":
            images = window.pad_same(images, self.kernel_size, self.strides)
        rows, columns = self.kernel.shape[:2]
        down, right = self.strides
        pixels = [
            images[:, i : i + (rows - 1) * down + 1 : down, j : j + (columns - 1) * right + 1 : right]
            for i in range(self.kernel_size[0])
            for j in range(self.kernel_size[1])
        ]
        return ops.concatenate(pixels, axis=-1)

    def compute_output_shape(self, input_shape):
        batch, *image, _ = input_shape
        return batch, *window.output_sizes(image, self.kernel_size, self.strides, self.padding), self.filters

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }
