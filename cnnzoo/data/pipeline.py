"""Input pipelines from uint8 images to batches, for training and for evaluation."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo.checks import integer
from cnnzoo.data.augmentation import Augmentation, BatchSeeds, apply_layers
from cnnzoo.data.cached_split import CachedSplit
from cnnzoo.data.source import HOST, AnySplit, Shard, Split, StreamedSplit
from cnnzoo.errors import InputError
from cnnzoo.runtime import cores, require_tensorflow

Preprocess = Callable[[Any], Any]
Read = Callable[[Any], tuple[tf.Tensor, tf.Tensor]]
PREFETCHED = 8  # batches


def steps_per_epoch(split: AnySplit, batch_size: int) -> int:
    """Return the number of whole batches in an epoch.

    Raises:
        InputError: the batch is larger than the split, or not positive.

    Example:
    >>> import cnnzoo
    >>> steps_per_epoch(cnnzoo.data.load("digits").train, batch_size=32)
    44
    """
    return len(split) // integer("batch_size", batch_size, most=len(split), of="the number of training examples")


def train_pipeline(
    split: AnySplit,
    batch_size: int,
    *,
    preprocess: Preprocess | None = None,
    augment: Augmentation | None = None,
    seed: int = 0,
    first_epoch: int = 0,
    steps: int | None = None,
    worker: int = 0,
    workers: int = 1,
    labels: bool = True,
) -> tf.data.Dataset:
    """Return endless shuffled batches, epoch after epoch; use with `steps_per_epoch`.

    The images of epoch n, their order and their augmentation depend on `seed` and n alone, so a
    run that resumes at epoch n gets the batches of an uninterrupted run. The last, partial batch of an
    epoch is left out: every step has the same shape, and other images are left out of the next epoch.

    Batches are gathered from the uint8 array by shuffled indices, several times faster than
    shuffling and batching single images. Images on disk are read as described at their split's class.

    Args:
        split: images and labels.
        batch_size: images in a batch; an integer from 1 to the number of examples.
        preprocess: function of a uint8 batch, such as `cnnzoo.models.lenet.preprocess_input`, or `None`.
        augment: the `Augmentation` that `augmentation` returns for the model's input shape, or `None`.
        seed: seed of order and augmentation.
        first_epoch: epoch to start at, from 0.
        steps: batches in an epoch, at most `steps_per_epoch`, which is the default.
        worker: index of the worker whose part of each batch is returned, from 0.
        workers: number of workers; `batch_size` is a multiple of it. Their parts make the batch of one process;
            augmentation draws for each of them anew.
        labels: whether the targets are labels. `False` is for autoencoders: the target of an image is the image itself,
            distorted alike, but without the corruptions of `augment`.

    Returns:
        A dataset of `(images, labels)`: float32 `(batch / workers, height, width, channels)`, or uint8 without
        `preprocess`, and int32 `(batch,)`.

    Raises:
        InputError: `batch_size` or `steps` is out of range, or `augment` does not work on these images.

    Example:
    >>> import cnnzoo
    >>> digits = cnnzoo.data.load("digits")
    >>> preprocess = cnnzoo.models.preprocessing("lenet", cnnzoo.lenet())
    >>> batches = train_pipeline(digits.train, 32, preprocess=preprocess)
    >>> batches.element_spec[0].shape
    TensorShape([32, 32, 32, 1])
    """
    most = steps_per_epoch(split, batch_size)
    steps = most if steps is None else integer("steps", steps, most=most, of="the number of whole batches in an epoch")
    augment = augment or Augmentation()
    augment.check(split.image_shape)
    if not (0 <= worker < workers and batch_size % workers == 0):
        raise InputError(
            "`worker` must be from 0 to below `workers`, and `batch_size` a multiple of `workers`. "
            f"Received: {worker=}, {workers=}, {batch_size=}"
        )
    shard = Shard(batch_size, steps, seed, first_epoch, worker, workers)
    batches, read = _gathered(split, shard) if isinstance(split, Split | CachedSplit) else _streamed(split, shard)

    def make_batch(number, batch):
        images, batch_labels = read(batch)
        own = tf.stack([seed, number])
        # Workers must not repeat each other's noise; the draws of a single process do not depend on this.
        seeds = BatchSeeds(tf.random.experimental.stateless_fold_in(own, worker) if workers > 1 else own)
        images = apply_layers(images, augment.on_pixels, seeds)
        images = _preprocessed(images, preprocess) if preprocess else images
        images = apply_layers(images, augment.on_inputs, seeds)
        corrupted = apply_layers(images, augment.corruptions, seeds)
        return corrupted, batch_labels if labels else images

    try:
        return _prefetched(batches.map(make_batch, num_parallel_calls=cores(), deterministic=True))
    except (NotImplementedError, TypeError):  # what other backends say to a tensor of TensorFlow's graph
        if layers := (*augment.on_pixels, *augment.on_inputs, *augment.corruptions):
            require_tensorflow(f"the augmentation {', '.join(layer.name for layer in layers)}")
        raise


def _gathered(split: Split | CachedSplit, shard: Shard) -> tuple[tf.data.Dataset, Read]:
    """Return a dataset of batch numbers and shuffled indices, and a function that reads a batch by its indices."""
    with tf.device(HOST):
        labels = tf.constant(split.labels)
        images = tf.constant(split.images) if isinstance(split, Split) else None

    def indices_of(epoch):
        numbers = epoch * shard.steps + tf.range(shard.steps)
        return tf.data.Dataset.from_tensor_slices((numbers, shard.indices(len(split), epoch)))

    def read(indices):
        if isinstance(split, CachedSplit):
            pixels = tf.numpy_function(split.read, [indices], tf.uint8)
        else:
            pixels = tf.gather(images, indices)
        batch = tf.ensure_shape(pixels, (shard.examples, *split.image_shape))
        return batch, tf.ensure_shape(tf.gather(labels, indices), (shard.examples,))

    return shard.epochs().flat_map(indices_of), read


def _streamed(split: StreamedSplit, shard: Shard) -> tuple[tf.data.Dataset, Read]:
    """Return a dataset of batch numbers and batches, and a function that returns a batch as it is."""
    examples = split.shuffled(shard).batch(shard.examples, drop_remainder=True)
    batches = examples.enumerate(shard.first_epoch * shard.steps)
    return batches.map(lambda number, batch: (tf.cast(number, tf.int32), batch)), lambda batch: batch


def eval_pipeline(
    split: AnySplit, batch_size: int, *, preprocess: Preprocess | None = None, labels: bool = True
) -> tf.data.Dataset:
    """Return every example once, in order; the last batch may be smaller.

    Args:
        split: images and labels.
        batch_size: images in a batch; an integer ≥ 1.
        preprocess: the function that is used in training, or `None`.
        labels: whether the targets are labels, or the images themselves, for autoencoders.

    Returns:
        A dataset of `(images, labels)` as `train_pipeline` returns it.

    Example:
    >>> import cnnzoo
    >>> digits = cnnzoo.data.load("digits")
    >>> sum(len(labels) for _, labels in eval_pipeline(digits.test, 100))
    360
    """
    if isinstance(split, StreamedSplit):
        examples = split.in_order()
    else:
        with tf.device(HOST):
            examples = tf.data.Dataset.from_tensor_slices((split.images, split.labels))
    batches = examples.batch(batch_size)
    if preprocess:
        batches = batches.map(
            lambda images, labels: (_preprocessed(images, preprocess), labels), num_parallel_calls=cores()
        )
    if not labels:
        batches = batches.map(lambda images, labels: (images, images))
    return _prefetched(batches)


def _preprocessed(images: tf.Tensor, preprocess: Preprocess) -> Any:
    """Return preprocessed images: in the graph, or under another backend, whose operations are in none, as arrays."""
    if keras.backend.backend() == "tensorflow":
        return preprocess(images)

    def of_arrays(batch):
        return keras.ops.convert_to_numpy(preprocess(batch))

    example = of_arrays(np.zeros((1, *images.shape[1:]), images.dtype.as_numpy_dtype))
    inputs = tf.numpy_function(of_arrays, [images], example.dtype)
    return tf.ensure_shape(inputs, (images.shape[0], *example.shape[1:]))


def _prefetched(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Prefetch batches, without tf.data's autotuning.

    Autotuning sleeps 10 ms, then 20, 40, … up to a minute between two measurements, and an iterator that
    is released waits for the end of that sleep: the longer a fit, the longer it hangs at its end.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    # Where several workers get the same dataset, each takes its shard of the batches; files cannot be sharded.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.prefetch(PREFETCHED).with_options(options)
