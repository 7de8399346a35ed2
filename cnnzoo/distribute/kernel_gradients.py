"""One gradient for each dense kernel in a step that takes its batch in shards."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf


@contextmanager
def of_whole_batch(layers: Iterable[Any], shards: int) -> Iterator[None]:
    """Let the gradient of each dense kernel be one product over the whole batch, for what is computed within.

    Derived shard by shard it is written as many times as there are shards, and added up: a step of `deep_autoencoder`
    costs 3 % more processor time (`benchmarks/own_ways.py`), and more where single layers are pretrained. The values
    are the same up to the order of sums.

    Args:
        layers: layers, of which dense ones of Keras are changed while the context is open.
        shards: how many times the whole net is called; a layer that it calls twice is called twice as often.

    Example:
    >>> layer, parts = keras.layers.Dense(1, use_bias=False), [tf.ones((2, 3)), tf.ones((1, 3))]
    >>> layer.build((None, 3))
    >>> with tf.GradientTape() as tape, of_whole_batch([layer], shards=2):
    ...     total = tf.add_n([tf.reduce_sum(layer(part)) for part in parts])
    >>> tape.gradient(total, layer.kernel.value).numpy().ravel().tolist()
    [3.0, 3.0, 3.0]
    """
    dense = list({id(layer): layer for layer in layers if _is_plain(layer)}.values())
    for layer in dense:
        layer.call = _Products(layer, shards)
    try:
        yield
    finally:
        for layer in dense:
            del layer.call


def _is_plain(layer: Any) -> bool:
    """Return whether a layer computes what `_Products` does; a class that inherits from Dense may compute anything."""
    return type(layer) is keras.layers.Dense and not (layer.lora_enabled or layer.quantization_mode)


class _Products:
    """The call of a dense layer; the last shard's gradient of the kernel is that of all shards."""

    def __init__(self, layer: keras.layers.Dense, shards: int):
        self._layer, self._shards = layer, shards
        self._waiting: list[tuple[tf.Tensor, tf.Tensor]] = []  # inputs, and the gradients of their products

    def __call__(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        layer = self._layer
        if inputs.shape.rank != 2:
            return type(layer).call(layer, inputs, training=training)
        outputs = self._product(tf.convert_to_tensor(layer.kernel), inputs)
        if layer.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(layer.bias))
        return outputs if layer.activation is None else layer.activation(outputs)

    def _product(self, kernel: tf.Tensor, inputs: tf.Tensor) -> tf.Tensor:
        @tf.custom_gradient
        def product(kernel, inputs):
            def gradient(upstream):
                self._waiting.append((inputs, upstream))
                return self._of_kernel(), tf.matmul(upstream, kernel, transpose_b=True)

            return tf.matmul(inputs, kernel), gradient

        return product(kernel, inputs)

    def _of_kernel(self) -> tf.Tensor | None:
        """Return the gradient of the kernel for all shards, once there are all of them, before that none."""
        if len(self._waiting) < self._shards:
            return None
        inputs, upstream = (tf.concat(parts, axis=0) for parts in zip(*self._waiting, strict=True))
        self._waiting.clear()
        return tf.matmul(inputs, upstream, transpose_a=True)
