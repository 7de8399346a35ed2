"""Slices of a batch on their way through the layers of a net, side by side."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras.layers import Dense

from cnnzoo.layers import WideDense


@dataclass(frozen=True)
class Slices:
    """The slices of one tensor, cut along the batch.

    Attributes:
        parts: tensors `(part of the batch, …)`.
    """

    parts: tuple[tf.Tensor, ...]


def cut(batch: tf.Tensor, slices: int) -> Slices:
    """Cut a batch into nearly equal slices.

    Example:
    >>> [len(part) for part in cut(tf.zeros((8, 2)), 3).parts]
    [2, 3, 3]
    """
    size = tf.shape(batch)[0] if batch.shape[0] is None else batch.shape[0]
    ends = [size * number // slices for number in range(slices + 1)]
    return Slices(tuple(batch[start:end] for start, end in itertools.pairwise(ends)))


def joined(slices: Slices) -> tf.Tensor:
    """Return the batch that was cut."""
    return tf.concat(slices.parts, axis=0)


def side_by_side(operation: Any, call: Callable[..., Any] | None = None, activation: Any = None) -> Callable[..., Any]:
    """Return what calls a layer, or another operation of Keras, on every slice.

    Args:
        operation: the layer or operation.
        call: what is called for it, if not the operation itself.
        activation: what `call` activates a dense layer by, if not the layer's own.

    Example:
    >>> halves = cut(tf.reshape(tf.range(4.0), (4, 1)), 2)
    >>> joined(side_by_side(keras.layers.Rescaling(2.0))(halves)).numpy().ravel().tolist()
    [0.0, 2.0, 4.0, 6.0]
    """
    call = call or operation

    def each(*args: Any, **kwargs: Any) -> Any:
        if _is_plain_dense(operation, args):
            return _dense(operation, args[0], activation or operation.activation)
        flat = keras.tree.flatten((args, kwargs))
        count = next(len(value.parts) for value in flat if isinstance(value, Slices))
        results = [call(*own[0], **own[1]) for own in (_pick((args, kwargs), number) for number in range(count))]
        outputs = [Slices(parts) for parts in zip(*map(keras.tree.flatten, results), strict=True)]
        return outputs[0] if len(outputs) == 1 else outputs

    return each


def _pick(values: Any, number: int) -> Any:
    return keras.tree.map_structure(lambda value: value.parts[number] if isinstance(value, Slices) else value, values)


def _is_plain_dense(operation: Any, args: tuple) -> bool:
    """Return whether `_dense` does what a call would do."""
    # Of a class that inherits from Dense it is not known what its call does.
    return (
        type(operation) in (Dense, WideDense)
        and not (operation.lora_enabled or operation.quantization_mode or operation.activity_regularizer)
        and len(args) == 1
        and args[0].parts[0].shape.rank == 2
    )


def _dense(layer: Dense, slices: Slices, activation: Callable[[tf.Tensor], tf.Tensor]) -> Slices:
    dtype = layer.compute_dtype
    sums = _products(tf.cast(layer.kernel.value, dtype), *(tf.cast(part, dtype) for part in slices.parts))
    if layer.use_bias:
        bias = tf.cast(layer.bias.value, dtype)
        sums = [tf.nn.bias_add(each, bias) for each in sums]
    if isinstance(layer, WideDense):
        sums = [tf.cast(each, layer.variable_dtype) for each in sums]
    return Slices(tuple(map(activation, sums)))


@tf.custom_gradient
def _products(kernel: tf.Tensor, *slices: tf.Tensor) -> tuple[list[tf.Tensor], Callable[..., Any]]:
    """Multiply every slice with the kernel.

    Its gradient is taken of the whole batch at once. Derived slice by slice it would be written as many times as
    there are slices, and added up, which for wide layers is as long as several layers' arithmetic. In mixed
    precision the kernel is cast once for all slices.
    """

    def gradient(*upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        below = [tf.matmul(each, kernel, transpose_b=True) for each in upstream]
        whole = tf.matmul(tf.concat(slices, axis=0), tf.concat(upstream, axis=0), transpose_a=True)
        return whole, *below

    return [tf.matmul(each, kernel) for each in slices], gradient
