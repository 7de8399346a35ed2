"""Images read directly from the files of a TFDS data set, in order or shuffled anew for every epoch."""

import dataclasses
import hashlib
from typing import Any

import tensorflow as tf

from cnnzoo.data.decoding import crop_and_resize
from cnnzoo.data.source import Shard, StreamedSplit, held_out_count
from cnnzoo.errors import InputError
from cnnzoo.runtime import cores

PARALLEL_FILES = 16  # files read in parallel
BLOCK_BYTES = 2**29  # encoded images that are shuffled at a time; about twice as many are in memory


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TfdsSplit(StreamedSplit):
    """Images with their labels in the files of a TFDS data set.

    Attributes:
        builder: TFDS' builder, which knows the files.
        name: TFDS' name of the split they are in, such as `"train"`.
        image_shape: height, width and channels of every image once it is read.
        start: index of the first example.
        stop: index after the last example.
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
            raise InputError(f"the step of a slice of examples on disk must be 1. Received: {step}")
        return dataclasses.replace(self, start=self.start + start, stop=self.start + max(start, stop))

    @property
    def tfds_name(self) -> str:
        """The split as TFDS writes it, such as `"train[0:1000]"`."""
        return f"{self.name}[{self.start}:{self.stop}]"

    def fingerprint(self) -> str:
        """Return hexadecimal digits that belong to these examples of this version of the data set."""
        examples = (self.builder.info.full_name, self.tfds_name, self.image_shape)
        return hashlib.sha256(repr(examples).encode()).hexdigest()

    def held_out(self, fraction: float, seed: int) -> tuple["TfdsSplit", "TfdsSplit"]:
        """Return the remaining examples and the last fraction of them, e.g. for validation.

        They are not chosen at random, as those of a `Split` are: picking single examples out of the
        files would read them all. TFDS shuffles a data set when it writes it.

        Args:
            fraction: fraction to hold out, in (0, 1).
            seed: without effect.

        Raises:
            InputError: either part would be empty.
        """
        count = held_out_count(len(self), fraction)
        return self[: len(self) - count], self[len(self) - count :]

    def in_order(self) -> tf.data.Dataset:
        """Return the examples once, in TFDS' order; see `StreamedSplit.in_order`."""
        return in_order(self.builder, self.tfds_name, self.image_shape)

    def shuffled(self, shard: Shard) -> tf.data.Dataset:
        """Return examples endlessly; see `StreamedSplit.shuffled` and `shuffled_records`."""
        records = shuffled_records(self.builder, self.tfds_name, shard)
        if shard.workers > 1:  # every worker reads all records, which is little work, and decodes its own
            numbered = records.enumerate()
            own = numbered.filter(lambda number, _: number % shard.batch_size // shard.examples == shard.worker)
            records = own.map(lambda _, record: record)
        decode = _decoder(self.builder, self.image_shape)
        return records.map(lambda record: decode(_parse(self.builder, record)), cores(), deterministic=True)


def in_order(builder: Any, split: str, shape: tuple[int, int, int]) -> tf.data.Dataset:
    """Return the images and labels of a split once, in TFDS' order, decoded with all cores.

    Args:
        builder: TFDS' builder, prepared.
        split: in TFDS' language, such as `"train[:100]"`.
        shape: the shape of every image; see `cnnzoo.data.decoding.crop_and_resize`.

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
    return examples.map(_decoder(builder, shape), num_parallel_calls=cores())


def shuffled_records(builder: Any, split: str, shard: Shard) -> tf.data.Dataset:
    """Return the encoded examples of a split endlessly, epoch after epoch, each in an order of its own.

    An epoch reads the files in a shuffled order, 16 in parallel, and shuffles the encoded images in
    blocks of 512 MiB (4,700 of ImageNet's, and a whole small set). TFDS has shuffled what lies in the files
    when it wrote them. The order of epoch n depends on `seed` and n alone.

    Args:
        builder: TFDS' builder, prepared, with files in the format `tfrecord`.
        split: in TFDS' language, such as `"train[:100]"`.
        shard: the order; the records are those of all workers.

    Returns:
        A dataset of string tensors `()`.
    """
    files = builder.info.splits[split].file_instructions
    paths = tf.constant([str(file.filename) for file in files])
    skips, takes = (tf.constant([getattr(file, end) for file in files], "int64") for end in ("skip", "take"))
    whole = builder.info.splits[split.partition("[")[0]]
    block = max(1, BLOCK_BYTES * whole.num_examples // max(1, whole.num_bytes))

    def epoch_of(epoch):
        epoch_seed = tf.stack([shard.seed, epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(files)), epoch_seed)
        parts = tf.data.Dataset.from_tensor_slices(tuple(tf.gather(part, order) for part in (paths, skips, takes)))
        records = parts.interleave(
            lambda path, skip, take: tf.data.TFRecordDataset(path, buffer_size=2**20).skip(skip).take(take),
            cycle_length=PARALLEL_FILES,
            num_parallel_calls=min(cores(), PARALLEL_FILES),
            deterministic=True,
        )
        blocks = records.batch(block).enumerate(1).map(lambda number, block: shuffled_block(block, epoch_seed, number))
        return blocks.prefetch(1).unbatch().take(shard.steps * shard.batch_size)

    def shuffled_block(records, epoch_seed, number):
        block_seed = tf.random.experimental.stateless_fold_in(epoch_seed, number)
        return tf.random.experimental.stateless_shuffle(records, block_seed)

    return shard.epochs().flat_map(epoch_of)


def _parse(builder: Any, record: tf.Tensor) -> dict[str, tf.Tensor]:
    import tensorflow_datasets as tfds

    return builder.info.features.deserialize_example(record, decoders={"image": tfds.decode.SkipDecoding()})


def _decoder(builder: Any, shape: tuple[int, int, int]):
    image_feature = builder.info.features["image"]

    def decode(example):
        image = image_feature.decode_example(example["image"])
        if tuple(image.shape) != shape:
            image = crop_and_resize(image, shape[:2])
        return tf.ensure_shape(image, shape), tf.cast(example["label"], "int32")

    return decode
