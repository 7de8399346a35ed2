"""A batch in shards, one for every core."""

import itertools
from typing import Any

import keras
import tensorflow as tf

from cnnzoo.checks import integer
from cnnzoo.errors import InputError
from cnnzoo.layers.contractive_penalty import penalizes_activations
from cnnzoo.runtime import cores

MIN_SHARD_SIZE = 32  # images; smaller shards gain less than it costs to split and to sum


def batch_shards_for(batch_size: int) -> int:
    """Return the number of shards in which a batch trains fastest here; nothing is changed.

    TensorFlow spreads each operation over all cores and waits for the slowest at every one. The
    operations of small nets are too short for that. When instead every core takes its own shard of
    the batch through the whole net, the cores wait for each other once per step.

    It is 1 with an accelerator, with another backend, and while TensorFlow's threads are not set for it, which
    `configure_threads` does.

    Args:
        batch_size: images in one step.

    Example:
    >>> batch_shards_for(batch_size=1)
    1
    """
    threads = tf.config.threading
    concurrent = threads.get_inter_op_parallelism_threads()
    configured = concurrent > 1 and threads.get_intra_op_parallelism_threads() == max(1, cores() // concurrent)
    return min(concurrent, _shards(batch_size)) if configured else 1


def configure_threads(batch_size: int) -> None:
    """Set TensorFlow's threads for training in shards: one for each shard, and the other cores' within each.

    This is for a program of one's own, as `cnnzoo train` is: it changes the whole process, and TensorFlow allows it
    only before its first operation. After that, with an accelerator or with another backend, nothing is changed.

    Args:
        batch_size: images in one step.

    Example:
    >>> configure_threads(batch_size=1)  # too few for shards
    """
    shards = _shards(batch_size)
    if shards == 1:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(max(1, cores() // shards))
        tf.config.threading.set_inter_op_parallelism_threads(shards)
    except RuntimeError:  # TensorFlow has started
        return


def _shards(batch_size: int) -> int:
    if keras.backend.backend() != "tensorflow" or tf.config.list_physical_devices("GPU"):
        return 1
    return max(1, min(cores(), batch_size // MIN_SHARD_SIZE))


def batch_shards(model: keras.Model, shards: int) -> keras.Model:
    """Return a model of the same layers that trains on shards of the batch, each on one core.

    Loss, gradient and metrics are those of the whole batch, so training gives the same result up to the order of
    floating-point sums; dropout draws its noise for each shard, so that it depends on their number. Not for models
    that compute across the batch, such as those with batch normalization.

    Args:
        model: a functional or built Sequential model with one input and one output. One that adds penalties on
            activations to the loss is returned as it is: they may be sums or squares of means over the batch, which
            shards cannot add up.
        shards: number of shards; 1 returns `model` itself. Batches must have at least as many images.

    Returns:
        A functional model, not compiled. Its loss must be a mean over the images, as Keras' losses are.

    Raises:
        InputError: Keras' backend is not TensorFlow, or `shards` is no positive integer.

    Example:
    >>> import cnnzoo, numpy as np
    >>> model, images = cnnzoo.lenet(), np.random.default_rng(0).random((8, 32, 32, 1), "float32")
    >>> sharded = batch_shards(model, 2)
    >>> sharded.compile("sgd", "sparse_categorical_crossentropy")
    >>> history = sharded.fit(images, np.arange(8), verbose=0)
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(f"Keras' backend must be 'tensorflow' for shards. Received: {keras.backend.backend()!r}")
    if integer("shards", shards) == 1 or any(map(penalizes_activations, _with_inner_layers(model))):
        return model
    sharded = BatchShards(model.inputs[0], model.outputs[0], name=model.name)
    sharded.shards = shards
    return sharded


def _with_inner_layers(layer: Any) -> list[Any]:
    return [layer, *(each for inner in getattr(layer, "layers", ()) for each in _with_inner_layers(inner))]


@keras.saving.register_keras_serializable(package="cnnzoo")
class BatchShards(keras.Model):
    """A functional model whose steps take each batch in nearly equal shards, which run at the same time.

    Attributes:
        shards: number of shards.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.mlp()
    >>> BatchShards(model.input, model.output).layers == model.layers
    True
    """

    shards = 1

    def train_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            y_pred, loss = self._by_shards(x, y, sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss)
        weights = self.trainable_weights
        self.optimizer.apply(tape.gradient(scaled, weights), weights)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        y_pred, _ = self._by_shards(x, y, sample_weight, training=False)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _by_shards(self, x, y, sample_weight, training):
        """Return the outputs for the whole batch and the loss, which is the mean of the shards' by their images."""
        size = tf.shape(keras.tree.flatten(x)[0])[0]
        ends = [size * number // self.shards for number in range(self.shards + 1)]
        outputs, losses = [], []
        for start, end in itertools.pairwise(ends):
            x_part, y_part, weights = (_rows(each, start, end) for each in (x, y, sample_weight))
            outputs.append(self(x_part, training=training))
            loss = self.compute_loss(x_part, y_part, outputs[-1], weights, training=training)
            losses.append(loss * tf.cast((end - start) / size, loss.dtype))
        total = tf.add_n(losses)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(total, sample_weight=size)
        return keras.tree.map_structure(lambda *parts: tf.concat(parts, axis=0), *outputs), total


def _rows(values, start, end):
    return None if values is None else keras.tree.map_structure(lambda each: each[start:end], values)
