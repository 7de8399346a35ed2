"""Making use of every core of the machine."""

import os

import keras
import tensorflow as tf
from keras import ops

from cnnzoo.layers import ContractivePenalty

# Below this many images a slice is too thin to outweigh the joining of the results.
SMALLEST_SLICE = 32


def slices_for(batch_size: int) -> int:
    """Set TensorFlow's threads for training in slices, and return how many slices pay.

    TensorFlow spreads each operation over all cores and waits for the slowest at every one. The
    operations of small nets are too short for that. When instead every core carries its own slice of
    the batch through the whole net, they wait for each other once a step.

    Threads can be set only before TensorFlow's first operation in a process. After that, unless they
    are set as needed already, and where there is an accelerator, the answer is 1.

    Args:
        batch_size: images in one step.

    Example:
    >>> slices_for(batch_size=1)
    1
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    slices = max(1, min(cores, batch_size // SMALLEST_SLICE))
    if slices == 1 or tf.config.list_physical_devices("GPU"):
        return 1
    try:
        tf.config.threading.set_intra_op_parallelism_threads(cores // slices)
        tf.config.threading.set_inter_op_parallelism_threads(slices)
    except RuntimeError:  # TensorFlow has started
        started = (
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.threading.get_inter_op_parallelism_threads(),
        )
        return slices if started == (cores // slices, slices) else 1
    return slices


def in_slices(model: keras.Model, slices: int) -> keras.Model:
    """Return a model that runs `model` on slices of the batch side by side and joins the outputs.

    It shares the weights. Loss, gradient and metrics are those of the whole batch, so training
    gives the same result up to the order of floating-point sums; dropout draws its noise slice by
    slice, so that it depends on their number. Not for nets that look across the batch, such as those
    with batch normalisation.

    Args:
        model: a functional model with one input and one output. One that adds penalties on activations to the
            loss is returned as it is: they are means over the batch, and every slice would add its own.
        slices: number of slices; 1 returns `model` itself. Batches must have at least as many images:
            TensorFlow's convolution gets the shape of an empty batch wrong.

    Example:
    >>> import cnnzoo, numpy as np
    >>> model, images = cnnzoo.lenet(), np.random.default_rng(0).random((8, 32, 32, 1), "float32")
    >>> bool(np.allclose(model(images), in_slices(model, 2)(images), atol=1e-6))
    True
    """
    if slices == 1 or any(map(_penalises_activations, model.layers)):
        return model
    images = keras.Input(model.input_shape[1:], name="images")
    outputs = [model(BatchSlice(number, slices, name=f"slice{number}")(images)) for number in range(slices)]
    return keras.Model(images, keras.layers.Concatenate(axis=0, name="joined")(outputs), name=f"{model.name}_in_slices")


def _penalises_activations(layer: keras.Layer) -> bool:
    return layer.activity_regularizer is not None or isinstance(layer, ContractivePenalty)


@keras.saving.register_keras_serializable(package="cnnzoo")
class BatchSlice(keras.layers.Layer):
    """Take one of several nearly equal slices of the batch.

    Args:
        number: which slice, from 0.
        slices: how many there are.

    Example:
    >>> import numpy as np
    >>> BatchSlice(1, 2)(np.arange(6.0).reshape(6, 1)).shape
    TensorShape([3, 1])
    """

    def __init__(self, number: int, slices: int, **kwargs):
        super().__init__(**kwargs)
        self.number = number
        self.slices = slices

    def call(self, batch):
        size = ops.shape(batch)[0]
        return batch[size * self.number // self.slices : size * (self.number + 1) // self.slices]

    def compute_output_shape(self, input_shape):
        return None, *input_shape[1:]

    def get_config(self):
        return {**super().get_config(), "number": self.number, "slices": self.slices}
