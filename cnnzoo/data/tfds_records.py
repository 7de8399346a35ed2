"""Images straight from the files of a TFDS set, in their order or shuffled anew for every epoch."""

import dataclasses
import hashlib
from typing import Any

import tensorflow as tf

from cnnzoo.data.decoding import CORES, central
from cnnzoo.data.source import StreamedSplit, held
from cnnzoo.errors import InputError

SHARDS = 16  # files read side by side
BLOCK_BYTES = 2**29  # encoded images that are shuffled at a time; about twice as many are in memory


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsSplit(StreamedSplit):
    """Images with their labels in the files of a TFDS set.

    Attributes:
        builder: TFDS' builder, which knows the files.
        name: TFDS' name of the split they are in, such as `"train"`.
        image_shape: height, width and channels of every image once it is read.
        start: number of the first example.
        stop: number of the example after the last.
    """

    builder: Any
    name: str
    image_shape: tuple[int, int, int]
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: slice) -> "TfdsSplit":
        start, stop, step = index.indices(len(self))
        if step != 1:
            raise InputError(f"examples that stay on disk are taken one after the other, not by steps of {step}")
        return dataclasses.replace(self, start=self.start + start, stop=self.start + max(start, stop))

    @property
    def in_tfds_words(self) -> str:
        """The split as TFDS writes it, such as `"train[0:1000]"`."""
        return f"{self.name}[{self.start}:{self.stop}]"

    def identity(self) -> str:
        """Return a name for these examples of this version of the set."""
        what = (self.builder.info.full_name, self.in_tfds_words, self.image_shape)
        return hashlib.sha256(repr(what).encode()).hexdigest()

    def held_out(self, share: float, seed: int) -> tuple["TfdsSplit", "TfdsSplit"]:
        """Return what remains and the last share of the examples, e.g. for validation.

        They are not chosen at random, as those of a `Split` are: picking single examples out of the
        files would read them all. TFDS shuffles a set when it writes it.

        Args:
            share: share to hold out, in (0, 1).
            seed: without effect.

        Raises:
            InputError: either part would be empty.
        """
        count = held(len(self), share)
        return self[: len(self) - count], self[len(self) - count :]

    def in_order(self) -> tf.data.Dataset:
        """Return the examples once, in TFDS' order; see `StreamedSplit.in_order`."""
        return in_order(self.builder, self.in_tfds_words, self.image_shape)

    def shuffled(
        self, *, seed: int, first_epoch: int, batch_size: int, steps: int, worker: int, workers: int
    ) -> tf.data.Dataset:
        """Return examples endlessly; see `StreamedSplit.shuffled` and `records`."""
        every = records(
            self.builder, self.in_tfds_words, seed=seed, first_epoch=first_epoch, examples=steps * batch_size
        )
        if workers > 1:  # all read the records, which is little work, and decode their own
            part = batch_size // workers
            every = every.enumerate().filter(lambda number, _: number % batch_size // part == worker)
            every = every.map(lambda _, record: record)
        decoded = _decoder(self.builder, self.image_shape)
        return every.map(lambda record: decoded(_parsed(self.builder, record)), CORES, deterministic=True)


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


def records(builder: Any, split: str, *, seed: int, first_epoch: int, examples: int) -> tf.data.Dataset:
    """Return the encoded examples of a split endlessly, epoch after epoch, each in an order of its own.

    An epoch reads the files in a shuffled order, 16 side by side, and shuffles the encoded images in
    blocks of 512 MiB (4,700 of ImageNet's, and a whole small set). TFDS has shuffled what lies in the files
    when it wrote them. The order of epoch n depends on `seed` and n alone.

    Args:
        builder: TFDS' builder, prepared, with files in the format `tfrecord`.
        split: in TFDS' language, such as `"train[:100]"`.
        seed: seed of the order.
        first_epoch: epoch to begin with, from 0.
        examples: examples in an epoch, at most those of the split.

    Returns:
        A dataset of string tensors `()`.
    """
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

    epochs = tf.data.Dataset.range(first_epoch, 2**31 - 1, output_type=tf.int32)
    return epochs.flat_map(epoch_of)


def _parsed(builder: Any, record: tf.Tensor) -> dict[str, tf.Tensor]:
    import tensorflow_datasets as tfds

    return builder.info.features.deserialize_example(record, decoders={"image": tfds.decode.SkipDecoding()})


def _decoder(builder: Any, shape: tuple[int, int, int]):
    image_feature = builder.info.features["image"]

    def decoded(example):
        image = image_feature.decode_example(example["image"])
        if tuple(image.shape) != shape:
            image = central(image, shape[:2])
        return tf.ensure_shape(image, shape), tf.cast(example["label"], "int32")

    return decoded
