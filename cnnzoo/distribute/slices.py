"""A batch in slices, one for every core."""

import inspect
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras.layers import Dense

from cnnzoo.errors import InputError
from cnnzoo.layers import WideDense
from cnnzoo.layers.contractive_penalty import penalises_activations

# Below this many images a slice is too thin to outweigh the joining of the results.
SMALLEST_SLICE = 32


def shards_for(batch_size: int) -> int:
    """Set TensorFlow's threads for training in slices, and return how many slices pay.

    TensorFlow spreads each operation over all cores and waits for the slowest at every one. The
    operations of small nets are too short for that. When instead every core carries its own slice of
    the batch through the whole net, they wait for each other once a step.

    Threads can be set only before TensorFlow's first operation in a process. After that, unless they
    are set for slices already, and where there is an accelerator or another backend, the answer is 1.

    Args:
        batch_size: images in one step.

    Example:
    >>> shards_for(batch_size=1)
    1
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    slices = max(1, min(cores, batch_size // SMALLEST_SLICE))
    if slices == 1 or keras.backend.backend() != "tensorflow" or tf.config.list_physical_devices("GPU"):
        return 1
    threads = tf.config.threading
    try:
        threads.set_intra_op_parallelizm_threads(cores // slices)
        threads.set_inter_op_parallelizm_threads(slices)
    except RuntimeError:  # TensorFlow has started
        together = threads.get_inter_op_parallelizm_threads()
        set_for_slices = together > 1 and threads.get_intra_op_parallelizm_threads() == cores // together
        return min(slices, together) if set_for_slices else 1
    return slices


def batch_shards(model: keras.Model, slices: int) -> keras.Model:
    """Return a model that runs `model` on slices of the batch side by side and joins the outputs.

    It shares the weights. Loss, gradient and metrics are those of the whole batch, so training
    gives the same result up to the order of floating-point sums; dropout draws its noise slice by
    slice, so that it depends on their number. Not for nets that look across the batch, such as those
    with batch normalization.

    Args:
        model: a model with one input and one output. One that adds penalties on activations to the
            loss is returned as it is: they are means over the batch, and every slice would add its own.
        slices: number of slices; 1 returns `model` itself. Batches must have at least as many images:
            TensorFlow's convolution gets the shape of an empty batch wrong.

    Raises:
        InputError: Keras' backend is not TensorFlow.

    Example:
    >>> import cnnzoo, numpy as np
    >>> model, images = cnnzoo.lenet(), np.random.default_rng(0).random((8, 32, 32, 1), "float32")
    >>> bool(np.allclose(model(images), batch_shards(model, 2)(images), atol=1e-6))
    True
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(f"slices are for Keras' TensorFlow backend, not {keras.backend.backend()!r}")
    if slices == 1 or any(map(penalises_activations, model._flatten_layers())):
        return model
    images = keras.Input(model.inputs[0].shape[1:], name="images")
    outputs = BatchShards(model, slices, name="batch_shards")(images)
    return keras.Model(images, outputs, name=f"{model.name}_in_batch_shards")


@keras.saving.register_keras_serializable(package="cnnzoo")
class BatchShards(keras.layers.Layer):
    """Run a model on nearly equal slices of the batch, side by side.

    Args:
        model: a model with one input and one output; a functional one goes layer by layer.
        slices: how many there are.

    Example:
    >>> import cnnzoo, numpy as np
    >>> BatchShards(cnnzoo.mlp(), 2)(np.ones((5, 28, 28, 1), "float32")).shape
    TensorShape([5, 10])
    """

    def __init__(self, model: keras.Model, slices: int, **kwargs):
        # The model's layers cast what they are given: here it is only cut and joined.
        super().__init__(**{"autocast": False, **kwargs})
        self.model = model
        self.slices = slices
        self.built = True

    def call(self, batch, training=None):
        def each(operation):
            return side_by_side(operation, _told(operation, training))

        slices = cut(batch, self.slices)
        if not isinstance(self.model, keras.Function):
            return joined(each(self.model)(slices))
        # Keras has no public way to say how each layer of a model is called.
        return joined(*keras.tree.flatten(self.model._run_through_graph([slices], operation_fn=each)))

    def compute_output_spec(self, batch):
        return keras.KerasTensor((None, *self.model.outputs[0].shape[1:]), dtype=self.model.outputs[0].dtype)

    @property
    def metrics(self):
        # Not those that the model is itself compiled with: what runs it in slices has its own.
        return [metric for layer in self.model.layers for metric in layer.metrics]

    def get_config(self):
        model = keras.saving.serialize_keras_object(self.model)
        return {**super().get_config(), "model": model, "slices": self.slices}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "model": keras.saving.deserialize_keras_object(config["model"])})


def _told(operation: Any, training: bool | None) -> Any:
    """Return a layer that knows whether it trains: in a model's graph it stands with what it was called with first."""
    takes = isinstance(operation, keras.Layer) and "training" in inspect.signature(operation.call).parameters
    if training is None or not takes:
        return operation
    return lambda *args, **kwargs: operation(*args, **{**kwargs, "training": training})


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
