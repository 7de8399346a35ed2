"""The partially connected convolution of the LeNets."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from cnnzoo.checks import flag, integer
from cnnzoo.errors import InputError
from cnnzoo.layers import window


@keras.saving.register_keras_serializable(package="cnnzoo")
class PartiallyConnectedConv2D(keras.layers.Layer):
    """Convolve, with each output map connected only to the input maps that a table lists for it.

    A link between an input and an output map has its own kernel; without a link there is
    no parameter. With 60 links, 5×5 kernels and 16 maps that is 60·25 + 16 = 1,516.

    Args:
        connections: for every output map, the indices of the input maps that it is connected to.
        kernel_size: side of the square kernel, in pixels; an integer ≥ 1.
        activation: name or function applied to the result, or `None`.
        kernel_initializer: initial kernels. It is called once per output map, with the shape
            `(kernel_size, kernel_size, inputs of this map, 1)`, so that the fan-in is that of the map.
        bias_initializer: initial biases, shape `(maps,)`, or `(rows, columns, maps)` with `unit_bias`.
        strides: step of the kernel down and to the right, in pixels; an integer ≥ 1.
        unit_bias: whether every unit has a bias of its own, as in the net of 1989, in place of one for its map. It
            needs images of fixed size.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`, with more channels than the
            largest index of the table.

    Returns:
        Float tensor `(batch, rows, columns, maps)`, with 1 + (height − kernel_size) // strides rows, and columns
        alike.

    Raises:
        InputError: `kernel_size` or `strides` is not a positive integer, `unit_bias` is no boolean, the image is
            smaller than the kernel, or of unknown size with `unit_bias`, or the table is empty, has an empty row, a
            repeated or negative index, or one beyond the input's channels.

    Source: LeCun et al. 1998, section II-B, layer C3 and table I; LeCun et al. 1989, "Backpropagation Applied to
        Handwritten Zip Code Recognition" (`strides` and `unit_bias`).

    Example:
    >>> import numpy as np
    >>> layer = PartiallyConnectedConv2D([[0, 1], [2]], kernel_size=3)
    >>> layer(np.zeros((1, 8, 8, 3), "float32")).shape[1:], layer.count_params()
    (TensorShape([6, 6, 2]), 29)
    """

    def __init__(
        self,
        connections: Sequence[Sequence[int]],
        kernel_size: int,
        activation=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        *,
        strides: int = 1,
        unit_bias: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.connections = tuple(tuple(int(index) for index in row) for row in connections)
        self._check_connections()
        self.kernel_size = integer("kernel_size", kernel_size)
        self.strides = integer("strides", strides)
        self.unit_bias = flag("unit_bias", unit_bias)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def _check_connections(self) -> None:
        if not self.connections:
            raise InputError("`connections` must have at least one output map. Received: an empty table")
        for map_index, row in enumerate(self.connections):
            if not row or len(set(row)) < len(row) or min(row) < 0:
                raise InputError(
                    "each row of `connections` must have distinct input maps, counted from 0. "
                    f"Received: {list(row)} for output map {map_index}"
                )

    def build(self, input_shape):
        channels = input_shape[-1]
        highest = max(max(row) for row in self.connections)
        if highest >= channels:
            raise InputError(
                f"`connections` has input map {highest}, but the input has {channels} maps, counted from 0"
            )
        links = [(source, target) for target, row in enumerate(self.connections) for source in row]
        # One-hot rows that put each link's kernel at its position in the dense kernel: a small matrix
        # product, which every backend differentiates well, where a scatter would be slow.
        placement = np.zeros((len(links), channels * len(self.connections)), "float32")
        for link, (source, target) in enumerate(links):
            placement[link, source * len(self.connections) + target] = 1
        self._placement = placement
        self._channels = channels
        self.kernel = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, len(links)), initializer=self._initial_kernel, name="kernel"
        )
        self.bias = self.add_weight(shape=self._bias_shape(input_shape), initializer=self.bias_initializer, name="bias")

    def _bias_shape(self, input_shape):
        _, rows, columns, maps = self.compute_output_shape(input_shape)
        if not self.unit_bias:
            return (maps,)
        if None in (rows, columns):
            raise InputError(
                "every unit has a bias of its own, so the size of the images must be known. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        return (rows, columns, maps)

    def _initial_kernel(self, shape, dtype=None):
        kernels = []
        for map_index, row in enumerate(self.connections):
            initializer = _reseeded(self.kernel_initializer, map_index)
            kernels.append(initializer((*shape[:2], len(row), 1), dtype=dtype)[..., 0])
        return ops.concatenate(kernels, axis=-1)

    @property
    def dense_kernel(self):
        """The kernel of a `Conv2D`, with zeros where nothing is connected: `(rows, columns, channels, maps)`."""
        kernel = ops.matmul(self.kernel, ops.cast(self._placement, self.compute_dtype))
        return ops.reshape(kernel, (self.kernel_size, self.kernel_size, self._channels, len(self.connections)))

    def call(self, images):
        maps = ops.conv(images, self.dense_kernel, self.strides, padding="valid", data_format="channels_last")
        return self.activation(maps + self.bias)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        kernel, strides = ((side, side) for side in (self.kernel_size, self.strides))
        return batch, *window.output_sizes(sides, kernel, strides, "valid"), len(self.connections)

    def get_config(self):
        return {
            **super().get_config(),
            "connections": [list(row) for row in self.connections],
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "unit_bias": self.unit_bias,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


def _reseeded(initializer, map_index: int):
    """Return a copy of an initializer with another seed: one initializer draws equal values for equal shapes."""
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer  # a plain function has no seed that is known here
    config = initializer.get_config()
    if isinstance(config.get("seed"), int):
        config["seed"] += map_index
    return type(initializer).from_config(config)
