"""A batch in shards, one for every core."""

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras.layers import Dense

from cnnzoo.checks import integer
from cnnzoo.errors import InputError
from cnnzoo.layers import WideDense
from cnnzoo.layers.contractive_penalty import penalizes_activations
from cnnzoo.layers.graph import run_graph, with_training

MIN_SHARD_SIZE = 32  # images; smaller shards gain less than the concatenation of their outputs costs


def shards_for(batch_size: int) -> int:
    """Set TensorFlow's threads for training in shards, and return the number of shards that is fastest.

    TensorFlow spreads each operation over all cores and waits for the slowest at every one. The
    operations of small nets are too short for that. When instead every core takes its own shard of
    the batch through the whole net, the cores wait for each other once per step.

    Threads can be set only before TensorFlow's first operation in a process. After that, unless they
    are already set for shards, and with an accelerator or another backend, the number is 1.

    Args:
        batch_size: images in one step.

    Example:
    >>> shards_for(batch_size=1)
    1
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shards = max(1, min(cores, batch_size // MIN_SHARD_SIZE))
    if shards == 1 or keras.backend.backend() != "tensorflow" or tf.config.list_physical_devices("GPU"):
        return 1
    threads = tf.config.threading
    try:
        threads.set_intra_op_parallelism_threads(cores // shards)
        threads.set_inter_op_parallelism_threads(shards)
    except RuntimeError:  # TensorFlow has started
        concurrent = threads.get_inter_op_parallelism_threads()
        set_for_shards = concurrent > 1 and threads.get_intra_op_parallelism_threads() == cores // concurrent
        return min(shards, concurrent) if set_for_shards else 1
    return shards


def batch_shards(model: keras.Model, shards: int) -> keras.Model:
    """Return a model that runs `model` on shards of the batch, each on one core, and concatenates the outputs.

    The two share their weights. Loss, gradient and metrics are those of the whole batch, so training
    gives the same result up to the order of floating-point sums; dropout draws its noise for each
    shard, so that it depends on their number. Not for models that compute across the batch, such as
    those with batch normalization.

    Args:
        model: a model with one input and one output. One that adds penalties on activations to the
            loss is returned as it is: they are means over the batch, and every shard would add its own.
        shards: number of shards; 1 returns `model` itself. Batches must have at least as many images:
            TensorFlow's convolution gets the shape of an empty batch wrong.

    Raises:
        InputError: Keras' backend is not TensorFlow, or `shards` is no positive integer.

    Example:
    >>> import cnnzoo, numpy as np
    >>> model, images = cnnzoo.lenet(), np.random.default_rng(0).random((8, 32, 32, 1), "float32")
    >>> bool(np.allclose(model(images), batch_shards(model, 2)(images), atol=1e-6))
    True
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(f"Keras' backend must be 'tensorflow' for shards. Received: {keras.backend.backend()!r}")
    if integer("shards", shards) == 1 or any(map(penalizes_activations, model._flatten_layers())):
        return model
    images = keras.Input(model.inputs[0].shape[1:], name="images")
    outputs = BatchShards(model, shards, name="batch_shards")(images)
    return keras.Model(images, outputs, name=f"{model.name}_in_batch_shards")


@keras.saving.register_keras_serializable(package="cnnzoo")
class BatchShards(keras.layers.Layer):
    """Run a model on nearly equal shards of the batch, each on one core.

    Args:
        model: a model with one input and one output; a functional one runs layer by layer.
        shards: number of shards.

    Example:
    >>> import cnnzoo, numpy as np
    >>> BatchShards(cnnzoo.mlp(), 2)(np.ones((5, 28, 28, 1), "float32")).shape
    TensorShape([5, 10])
    """

    def __init__(self, model: keras.Model, shards: int, **kwargs):
        # The model's layers cast their inputs: here they are only split and concatenated.
        super().__init__(**{"autocast": False, **kwargs})
        self.model = model
        self.shards = shards
        self.built = True

    def call(self, batch, training=None):
        def on_shards(operation):
            return per_shard(operation, with_training(operation, training))

        shards = split_batch(batch, self.shards)
        if not isinstance(self.model, keras.Function):
            return concat_shards(on_shards(self.model)(shards))
        return concat_shards(*keras.tree.flatten(run_graph(self.model, [shards], on_shards)))

    def compute_output_spec(self, batch):
        return keras.KerasTensor((None, *self.model.outputs[0].shape[1:]), dtype=self.model.outputs[0].dtype)

    @property
    def metrics(self):
        # Without those that the model itself is compiled with: the model around this layer has its own.
        return [metric for layer in self.model.layers for metric in layer.metrics]

    def get_config(self):
        model = keras.saving.serialize_keras_object(self.model)
        return {**super().get_config(), "model": model, "shards": self.shards}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "model": keras.saving.deserialize_keras_object(config["model"])})


@dataclass(frozen=True)
class Shards:
    """The shards of one tensor, split along the batch.

    Attributes:
        parts: tensors `(part of the batch, …)`.
    """

    parts: tuple[tf.Tensor, ...]


def split_batch(batch: tf.Tensor, shards: int) -> Shards:
    """Split a batch into nearly equal shards.

    Example:
    >>> [len(part) for part in split_batch(tf.zeros((8, 2)), 3).parts]
    [2, 3, 3]
    """
    size = tf.shape(batch)[0] if batch.shape[0] is None else batch.shape[0]
    ends = [size * number // shards for number in range(shards + 1)]
    return Shards(tuple(batch[start:end] for start, end in itertools.pairwise(ends)))


def concat_shards(shards: Shards) -> tf.Tensor:
    """Return the batch that was split."""
    return tf.concat(shards.parts, axis=0)


def per_shard(operation: Any, call: Callable[..., Any] | None = None, activation: Any = None) -> Callable[..., Any]:
    """Return a function that calls a layer, or another operation of Keras, on every shard.

    Args:
        operation: the layer or operation.
        call: what is called in its place; default the operation itself.
        activation: the activation of a dense layer in `call`; default the layer's own.

    Example:
    >>> halves = split_batch(tf.reshape(tf.range(4.0), (4, 1)), 2)
    >>> concat_shards(per_shard(keras.layers.Rescaling(2.0))(halves)).numpy().ravel().tolist()
    [0.0, 2.0, 4.0, 6.0]
    """
    call = call or operation

    def call_on_shards(*args: Any, **kwargs: Any) -> Any:
        if _is_plain_dense(operation, args):
            return _dense(operation, args[0], activation or operation.activation)
        flat = keras.tree.flatten((args, kwargs))
        count = next(len(value.parts) for value in flat if isinstance(value, Shards))
        results = [call(*own[0], **own[1]) for own in (_shard((args, kwargs), number) for number in range(count))]
        outputs = [Shards(parts) for parts in zip(*map(keras.tree.flatten, results), strict=True)]
        return outputs[0] if len(outputs) == 1 else outputs

    return call_on_shards


def _shard(values: Any, number: int) -> Any:
    return keras.tree.map_structure(lambda value: value.parts[number] if isinstance(value, Shards) else value, values)


def _is_plain_dense(operation: Any, args: tuple) -> bool:
    """Return whether `_dense` computes the same as a call."""
    # A class that inherits from Dense may compute anything in its call.
    return (
        type(operation) in (Dense, WideDense)
        and not (operation.lora_enabled or operation.quantization_mode or operation.activity_regularizer)
        and len(args) == 1
        and args[0].parts[0].shape.rank == 2
    )


def _dense(layer: Dense, shards: Shards, activation: Callable[[tf.Tensor], tf.Tensor]) -> Shards:
    dtype = layer.compute_dtype
    sums = _products(tf.cast(layer.kernel.value, dtype), *(tf.cast(part, dtype) for part in shards.parts))
    if layer.use_bias:
        bias = tf.cast(layer.bias.value, dtype)
        sums = [tf.nn.bias_add(each, bias) for each in sums]
    if isinstance(layer, WideDense):
        sums = [tf.cast(each, layer.variable_dtype) for each in sums]
    return Shards(tuple(map(activation, sums)))


@tf.custom_gradient
def _products(kernel: tf.Tensor, *shards: tf.Tensor) -> tuple[list[tf.Tensor], Callable[..., Any]]:
    """Multiply every shard with the kernel.

    The kernel's gradient is computed for the whole batch at once. Derived shard by shard it would be written as many
    times as there are shards, and added up, which for wide layers takes as long as the arithmetic of several layers. In
    mixed precision the kernel is cast once for all shards.
    """

    def gradient(*upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        of_shards = [tf.matmul(each, kernel, transpose_b=True) for each in upstream]
        of_kernel = tf.matmul(tf.concat(shards, axis=0), tf.concat(upstream, axis=0), transpose_a=True)
        return of_kernel, *of_shards

    return [tf.matmul(each, kernel) for each in shards], gradient
