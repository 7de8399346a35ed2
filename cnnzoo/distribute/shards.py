"""A batch in shards, one for every core."""

import functools
import itertools
from typing import Any

import keras
import tensorflow as tf

from cnnzoo.checks import integer, refusal
from cnnzoo.distribute import kernel_gradients
from cnnzoo.errors import InputError
from cnnzoo.layers.contractive_penalty import penalizes_activations
from cnnzoo.runtime import cores, require_tensorflow

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


def set_batch_shards(model: keras.Model, shards: int) -> None:
    """Let a model train and evaluate on shards of each batch, each on one core, or on whole batches again.

    Loss, gradient and metrics are those of the whole batch, so training gives the same result up to the order of
    floating-point sums; dropout draws its noise for each shard, so that it depends on their number. Not for models
    that compute across the batch, such as those with batch normalization.

    It is the model's own training step that changes: callbacks, checkpoints and predictions have the model as it is.

    Args:
        model: a functional or built Sequential model with one output. One that adds penalties on
            activations to the loss trains on whole batches: they may be sums or squares of means over the batch,
            which shards cannot add up. Its loss must be a mean over the images, as Keras' losses are.
        shards: number of shards; 1 for whole batches.

    Raises:
        InputError: Keras' backend is not TensorFlow, `shards` is no positive integer, or the model has several
            outputs or a batch normalization. A loss that is no mean over the images is refused by the first step.

    Example:
    >>> import cnnzoo, numpy as np
    >>> model, images = cnnzoo.lenet(), np.random.default_rng(0).random((8, 32, 32, 1), "float32")
    >>> set_batch_shards(model, 2)
    >>> history = model.fit(images, np.arange(8), verbose=0)
    """
    require_tensorflow("shards of batches")
    if not isinstance(model, keras.Model) or not model.built:
        raise refusal("model", "a built Keras model, such as cnnzoo.lenet()", model)
    several = integer("shards", shards) > 1
    if several:
        _check_model(model)
        several = not _adds_penalties(model)
    for step in (_train_step, _test_step):
        name = step.__name__[1:]
        if several:
            setattr(model, name, functools.partial(step, model, shards))
        elif name in vars(model):
            delattr(model, name)
        else:
            continue
        model.train_function = model.test_function = None  # Keras makes them of the steps, at the next fit


def _with_inner_layers(layer: Any) -> list[Any]:
    return [layer, *(each for inner in getattr(layer, "layers", ()) for each in _with_inner_layers(inner))]


def _adds_penalties(model: keras.Model) -> bool:
    """Return whether a model adds penalties on activations to its loss, or has layers that compute over the batch.

    What layers of others do in their calls is seen by tracing one, which is never run.
    """
    layers = _with_inner_layers(model)
    if any(penalizes_activations(layer) or getattr(layer, "computes_over_batch", False) for layer in layers):
        return True
    if all(isinstance(layer, keras.Model) or _keeps_no_layer(layer) for layer in layers):
        return False
    specs = [tf.TensorSpec(each.shape, each.dtype) for each in model.inputs]
    inputs = specs if len(specs) > 1 else specs[0]  # a Sequential model takes no list
    tf.function(lambda x: model(x, training=True), autograph=False).get_concrete_function(inputs)
    regularized = [weight for weight in model.trainable_weights if weight.regularizer is not None]
    return len(model.losses) > len(regularized)


def _keeps_no_layer(layer: Any) -> bool:
    """Return whether a layer is one of Keras or cnnzoo that does not hand its work on to another one."""
    room = type(layer).__module__.partition(".")[0]
    return room in ("keras", "cnnzoo") and not isinstance(layer, keras.layers.Wrapper | keras.layers.RNN)


def _check_model(model: keras.Model) -> None:
    if len(model.outputs) != 1:
        raise InputError(f"{model.name} has {len(model.outputs)} outputs, and shards are for models with one")
    for layer in _with_inner_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            raise InputError(
                f"{layer.name} of {model.name} normalizes over the batch, which shards have only parts of: train it on "
                "whole batches"
            )


def _check_loss(model: keras.Model) -> None:
    reduction = getattr(model.loss, "reduction", "mean")
    if reduction not in ("sum_over_batch_size", "mean"):
        raise InputError(
            f"shards of a batch need a loss that is a mean over the images. Received: reduction={reduction!r}"
        )


def _train_step(model, shards, data):
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    in_one = kernel_gradients.of_whole_batch(_with_inner_layers(model), shards)
    with tf.GradientTape() as tape, in_one:
        y_pred, loss = _by_shards(model, shards, x, y, sample_weight, training=True)
        scaled = model.optimizer.scale_loss(loss)
    weights = model.trainable_weights
    model.optimizer.apply(tape.gradient(scaled, weights), weights)
    return model.compute_metrics(x, y, y_pred, sample_weight)


def _test_step(model, shards, data):
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    y_pred, _ = _by_shards(model, shards, x, y, sample_weight, training=False)
    return model.compute_metrics(x, y, y_pred, sample_weight)


def _by_shards(model, shards, x, y, sample_weight, training):
    """Return the outputs for the whole batch and the loss, which is the mean of the shards' by their images."""
    _check_loss(model)
    size = tf.shape(keras.tree.flatten(x)[0])[0]
    ends = [size * number // shards for number in range(shards + 1)]
    outputs, losses = [], []
    for start, end in itertools.pairwise(ends):
        some = tf.maximum(end, start + 1)  # layers need an image; that of an empty shard does not count
        x_part, y_part, weights = (_rows(each, start, some) for each in (x, y, sample_weight))
        y_pred = model(x_part, training=training)
        loss = model.compute_loss(x_part, y_part, y_pred, weights, training=training)
        outputs.append(_rows(y_pred, 0, end - start))
        losses.append(loss * tf.cast((end - start) / size, loss.dtype))
    total = tf.add_n(losses)
    for metric in model.metrics:
        if metric.name == "loss":
            metric.update_state(total, sample_weight=size)
    return keras.tree.map_structure(lambda *parts: tf.concat(parts, axis=0), *outputs), total


def _rows(values, start, end):
    return None if values is None else keras.tree.map_structure(lambda each: each[start:end], values)
