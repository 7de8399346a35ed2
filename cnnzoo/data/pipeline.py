"""From uint8 images to batches: one way for training, one for judging."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from cnnzoo.data.augmentation import Augmentation, BatchSeeds, augmented
from cnnzoo.data.cached_split import CachedSplit
from cnnzoo.data.decoding import CORES
from cnnzoo.data.source import AnySplit, Split, StreamedSplit
from cnnzoo.errors import InputError

Preprocess = Callable[[Any], Any]
Read = Callable[[Any], tuple[tf.Tensor, tf.Tensor]]
AHEAD = 8  # batches made ahead of the net


def steps_per_epoch(split: AnySplit, batch_size: int) -> int:
    """Return the number of whole batches in an epoch.

    Raises:
        InputError: the batch is larger than the split, or not positive.

    Example:
    >>> import cnnzoo
    >>> steps_per_epoch(cnnzoo.data.load("digits").train, batch_size=32)
    44
    """
    if not 1 <= batch_size <= len(split):
        raise InputError(f"batch_size must be from 1 to the {len(split)} training examples, not {batch_size}")
    return len(split) // batch_size


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

    What epoch n holds, in which order and how it is augmented depends on `seed` and n alone, so a
    run that resumes at epoch n sees what the undisturbed run saw. The last, partial batch of an
    epoch is left out: every step has the same shape, and another epoch leaves out others.

    Batches are gathered from the uint8 array by shuffled indices, several times faster than
    shuffling and batching single images. What stays on disk is read as its split says.

    Args:
        split: images and labels.
        batch_size: images in a batch; an integer from 1 to the number of examples.
        preprocess: function of a uint8 batch, such as `cnnzoo.models.lenet.preprocess_input`, or `None`.
        augment: what `augmentation` returned for the model's input shape, or `None`.
        seed: seed of order and augmentation.
        first_epoch: epoch to begin with, from 0.
        steps: batches in an epoch, at most `steps_per_epoch`, which is the default.
        worker: index of the worker whose part of each batch is wanted, from 0.
        workers: how many there are; `batch_size` is a multiple of it. Their parts make the batch of one process;
            augmentation draws for each of them anew.
        labels: whether images come with their labels. `False` is for autoencoders: what an image comes with is the
            image itself, distorted alike, but without the corruptions of `augment`.

    Returns:
        A dataset of `(images, labels)`: float32 `(batch / workers, height, width, channels)`, or uint8 without
        `preprocess`, and int32 `(batch,)`.

    Raises:
        InputError: `batch_size` or `steps` is out of range, or the images are none that `augment` works on.

    Example:
    >>> import cnnzoo
    >>> digits = cnnzoo.data.load("digits")
    >>> batches = train_pipeline(digits.train, 32, preprocess=cnnzoo.models.lenet.preprocess_input)
    >>> batches.element_spec[0].shape
    TensorShape([32, 32, 32, 1])
    """
    whole = steps_per_epoch(split, batch_size)
    steps = whole if steps is None else steps
    if not 1 <= steps <= whole:
        raise InputError(f"steps must be from 1 to the {whole} whole batches of an epoch, not {steps}")
    augment = augment or Augmentation()
    augment.check(split.image_shape)
    if not (0 <= worker < workers and batch_size % workers == 0):
        raise InputError(
            f"worker must be from 0 to below workers, and batch_size a multiple of workers; "
            f"not {worker=}, {workers=}, {batch_size=}"
        )
    order = (batch_size, steps, seed, first_epoch, worker, workers)
    batches, read = _gathered(split, *order) if isinstance(split, Split | CachedSplit) else _streamed(split, *order)

    def batch_of(number, chosen):
        images, names = read(chosen)
        own = tf.stack([seed, number])
        # Workers must not repeat each other's noise; what one process draws stays as it was.
        seeds = BatchSeeds(tf.random.experimental.stateless_fold_in(own, worker) if workers > 1 else own)
        images = augmented(images, augment.on_pixels, seeds)
        images = preprocess(images) if preprocess else images
        images = augmented(images, augment.on_inputs, seeds)
        corrupted = augmented(images, augment.corruptions, seeds)
        return corrupted, names if labels else images

    return _prefetched(batches.map(batch_of, num_parallel_calls=CORES, deterministic=True))


def _gathered(
    split: Split | CachedSplit, batch_size: int, steps: int, seed: int, first_epoch: int, worker: int, workers: int
) -> tuple[tf.data.Dataset, Read]:
    """Return a dataset of batch numbers and shuffled indices, and what reads a batch by its indices."""
    labels = tf.constant(split.labels)
    images = tf.constant(split.images) if isinstance(split, Split) else None

    def indices_of(epoch):
        order = tf.random.experimental.stateless_shuffle(tf.range(len(split)), seed=tf.stack([seed, epoch]))
        batches = tf.reshape(order[: steps * batch_size], (steps, workers, batch_size // workers))[:, worker]
        return tf.data.Dataset.from_tensor_slices((epoch * steps + tf.range(steps), batches))

    def read(indices):
        if isinstance(split, CachedSplit):
            pixels = tf.numpy_function(split.fetched, [indices], tf.uint8)
        else:
            pixels = tf.gather(images, indices)
        batch = tf.ensure_shape(pixels, (batch_size // workers, *split.image_shape))
        return batch, tf.ensure_shape(tf.gather(labels, indices), (batch_size // workers,))

    epochs = tf.data.Dataset.range(first_epoch, 2**31 - 1, output_type=tf.int32)
    return epochs.flat_map(indices_of), read


def _streamed(
    split: StreamedSplit, batch_size: int, steps: int, seed: int, first_epoch: int, worker: int, workers: int
) -> tuple[tf.data.Dataset, Read]:
    """Return a dataset of batch numbers and batches; there is nothing left to read."""
    share = {"batch_size": batch_size, "steps": steps, "worker": worker, "workers": workers}
    examples = split.shuffled(seed=seed, first_epoch=first_epoch, **share)
    batches = examples.batch(batch_size // workers, drop_remainder=True).enumerate(first_epoch * steps)
    return batches.map(lambda number, batch: (tf.cast(number, tf.int32), batch)), lambda batch: batch


def eval_pipeline(
    split: AnySplit, batch_size: int, *, preprocess: Preprocess | None = None, labels: bool = True
) -> tf.data.Dataset:
    """Return every example once, in order, the last batch as short as it comes.

    Args:
        split: images and labels.
        batch_size: images in a batch; an integer ≥ 1.
        preprocess: the function that training used, or `None`.
        labels: whether images come with their labels, or with themselves, for autoencoders.

    Returns:
        A dataset of `(images, labels)` as `train_pipeline` gives them.

    Example:
    >>> import cnnzoo
    >>> digits = cnnzoo.data.load("digits")
    >>> sum(len(labels) for _, labels in eval_pipeline(digits.test, 100))
    360
    """
    if isinstance(split, StreamedSplit):
        examples = split.in_order()
    else:
        examples = tf.data.Dataset.from_tensor_slices((split.images, split.labels))
    batches = examples.batch(batch_size)
    if preprocess:
        batches = batches.map(lambda images, names: (preprocess(images), names), num_parallel_calls=CORES)
    if not labels:
        batches = batches.map(lambda images, names: (images, images))
    return _prefetched(batches)


def _prefetched(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Let batches be made ahead, without tf.data's autotuning.

    Autotuning sleeps 10 ms, then 20, 40, … up to a minute between two looks, and an iterator that
    is given up waits for the end of that sleep: the longer a fit, the longer it hangs at its end.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    # Where several workers get the same dataset each takes its share of the batches; files cannot be shared out.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.prefetch(AHEAD).with_options(options)
