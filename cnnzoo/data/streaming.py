"""Images straight from the files of a TFDS set, in their order or shuffled anew for every epoch."""

import os
from typing import Any

import tensorflow as tf

CORES = os.cpu_count() or 1
SHARDS = 16  # files read side by side
BLOCK_BYTES = 2**29  # encoded images that are shuffled at a time; about twice as many are in memory


def in_order(builder: Any, split: str, shape: tuple[int, int, int]) -> tf.data.Dataset:
    """Return the images and labels of a split once, in TFDS' order, decoded with all cores.

    Args:
        builder: TFDS' builder, prepared.
        split: in TFDS' language, such as `"train[:100]"`.
        shape: the shape of every image; see `central`.

    Returns:
        A dataset of `(image, label)`: uint8 `(height, width, channels)` and int32 `()`.
    """
    import tensorflow_datasets as tfds

    examples = builder.as_dataset(
        split=split,
        decoders={"image": tfds.decode.SkipDecoding()},  # TFDS itself decodes in one thread
        shuffle_files=False,
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    return examples.map(_decoder(builder, shape), num_parallel_calls=CORES)


def shuffled(
    builder: Any, split: str, shape: tuple[int, int, int], *, seed: int, first_epoch: int, examples: int
) -> tf.data.Dataset:
    """Return images and labels endlessly, epoch after epoch, each in an order of its own.

    An epoch reads the files in a shuffled order, 16 side by side, and shuffles the encoded images in
    blocks of 512 MiB (4,700 of ImageNet's, and a whole small set). TFDS has shuffled what lies in the files
    when it wrote them. The order of epoch n depends on `seed` and n alone.

    Args:
        builder: TFDS' builder, prepared, with files in the format `tfrecord`.
        split: in TFDS' language, such as `"train[:100]"`.
        shape: the shape of every image; see `central`.
        seed: seed of the order.
        first_epoch: epoch to begin with, from 0.
        examples: examples in an epoch, at most those of the split.

    Returns:
        A dataset as `in_order` gives it.
    """
    import tensorflow_datasets as tfds

    files = builder.info.splits[split].file_instructions
    paths = tf.constant([str(file.filename) for file in files])
    skips, takes = (tf.constant([getattr(file, end) for file in files], "int64") for end in ("skip", "take"))
    whole = builder.info.splits[split.partition("[")[0]]
    block = max(1, BLOCK_BYTES * whole.num_examples // max(1, whole.num_bytes))

    def epoch_of(epoch):
        epoch_seed = tf.stack([seed, epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(files)), epoch_seed)
        shards = tf.data.Dataset.from_tensor_slices(tuple(tf.gather(part, order) for part in (paths, skips, takes)))
        records = shards.interleave(
            lambda path, skip, take: tf.data.TFRecordDataset(path, buffer_size=2**20).skip(skip).take(take),
            cycle_length=SHARDS,
            num_parallel_calls=min(CORES, SHARDS),
            deterministic=True,
        )
        blocks = records.batch(block).enumerate(1).map(lambda number, block: shuffled_block(block, epoch_seed, number))
        return blocks.prefetch(1).unbatch().take(examples)

    def shuffled_block(records, epoch_seed, number):
        block_seed = tf.random.experimental.stateless_fold_in(epoch_seed, number)
        return tf.random.experimental.stateless_shuffle(records, block_seed)

    decoded = _decoder(builder, shape)

    def parsed(record):
        return decoded(
            builder.info.features.deserialize_example(record, decoders={"image": tfds.decode.SkipDecoding()})
        )

    epochs = tf.data.Dataset.range(first_epoch, 2**31 - 1, output_type=tf.int32)
    return epochs.flat_map(epoch_of).map(parsed, num_parallel_calls=CORES, deterministic=True)


def central(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Rescale an image until it just covers a size, its aspect ratio kept, and cut out the centre.

    Bilinear and antialiased; `ScaleAndTranslate` computes only the pixels that are kept.

    Args:
        image: uint8 tensor `(height, width, channels)`.
        size: height and width to return.

    Returns:
        uint8 tensor of that size.

    Source: Krizhevsky et al. 2012, section 2: "such that the shorter side was of length 256, and then
    cropped out the central 256×256 patch".

    Example:
    >>> import numpy as np
    >>> central(tf.constant(np.zeros((30, 50, 3), "uint8")), (16, 16)).shape
    TensorShape([16, 16, 3])
    """
    given, wanted = tf.cast(tf.shape(image)[:2], "float64"), tf.constant(size, "float64")
    covering = tf.maximum(tf.round(given * tf.reduce_max(wanted / given)), wanted)
    pixels = tf.raw_ops.ScaleAndTranslate(
        images=image[tf.newaxis],
        size=size,
        scale=tf.cast(covering / given, "float32"),
        translation=tf.cast(-((covering - wanted) // 2), "float32"),
        kernel_type="triangle",
        antialias=True,
    )[0]
    return tf.cast(tf.round(tf.clip_by_value(pixels, 0, 255)), "uint8")


def _decoder(builder: Any, shape: tuple[int, int, int]):
    image_feature = builder.info.features["image"]

    def decoded(example):
        image = image_feature.decode_example(example["image"])
        if tuple(image.shape) != shape:
            image = central(image, shape[:2])
        return tf.ensure_shape(image, shape), tf.cast(example["label"], "int32")

    return decoded
