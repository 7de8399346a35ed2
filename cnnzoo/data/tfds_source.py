"""Every image classification set of TensorFlow Datasets, by its name."""

import logging
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.data import streaming
from cnnzoo.data.source import Source, Split, StreamedSplit
from cnnzoo.errors import InputError, reason, unknown

CHUNK = 1024  # images decoded between two copies into the array


def load(
    name: str,
    *,
    data_dir: str | Path | None,
    image_size: tuple[int, int] | None,
    stream: bool | None = None,
    examples: int | None = None,
    test_examples: int | None = None,
) -> Source:
    """Load a TFDS set into memory, each image decoded once, or leave it on disk to be streamed.

    The test split is TFDS' `test`, else `validation`, whichever has labels, else the last tenth of `train`.

    Args:
        name: a TFDS name, with config and version if wanted: `"emnist/letters"`, `"mnist:3.0.1"`.
        data_dir: TFDS' folder, or `None` for `TFDS_DATA_DIR`, else TFDS' own default.
        image_size: `(height, width)` to bring images to, needed where a set's images have many sizes.
        stream: whether to leave the images on disk; `None` for where they, all of them, do not fit into half of
            the memory.
        examples: number of training images to load; `None` for all.
        test_examples: number of test images to load.

    Raises:
        InputError: as `cnnzoo.data.load`.
    """
    builder = _builder(name, data_dir)
    features = builder.info.features
    if not {"image", "label"} <= set(features or ()):
        raise InputError(f"data set {name!r} is no image classification set: it has no 'image' and 'label'")
    _prepare(builder)
    if (file_format := builder.info.file_format.value) != "tfrecord":
        raise InputError(f"data set {name!r} is stored as {file_format!r}; cnnzoo reads 'tfrecord', TFDS' default")
    shape = _image_shape(name, features["image"].shape, image_size)
    train, test = _splits(name, builder, shape)
    class_names = tuple(features["label"].names)
    streamed = _is_streamed(name, shape, len(train) + len(test), stream)
    train, test = train[:examples], test[:test_examples]
    if streamed:
        return Source(name, train, test, class_names)
    return Source(name, _read(train), _read(test), class_names)


def _builder(name: str, data_dir: str | Path | None) -> Any:
    import tensorflow_datasets as tfds

    logging.getLogger("absl").setLevel(logging.ERROR)  # TFDS reports each folder it looks into
    folder = str(data_dir or os.environ.get("TFDS_DATA_DIR") or tfds.core.constants.DATA_DIR)
    try:
        return tfds.builder(name, data_dir=folder, try_gcs=False)
    except tfds.core.DatasetNotFoundError as error:
        raise unknown("data set", name, ["digits", *tfds.list_builders(with_community_datasets=False)]) from error
    except (ValueError, AssertionError, RuntimeError, ImportError) as error:  # an unknown config, version or package
        raise InputError(f"data set {name!r} cannot be had: {reason(error)}") from error


def _prepare(builder: Any) -> None:
    if builder.is_prepared():
        return
    missing = f"data set {builder.name!r} is not in {str(builder.data_path)!r}"
    remedy = "say where it is with --data-dir or TFDS_DATA_DIR, or go online to let TFDS fetch it"
    by_hand = bool(builder.MANUAL_DOWNLOAD_INSTRUCTIONS)
    if by_hand:
        page = f"https://www.tensorflow.org/datasets/catalog/{builder.name}"
        remedy = f"TFDS makes it from files that its owners hand out to who registers, as {page} says"
    # TFDS tries an unreachable host ten times, for minutes; one look first tells at once.
    for url in list(builder.url_infos)[:1]:
        if not by_hand and not _reachable(url):
            raise InputError(f"{missing} and {urllib.parse.urlsplit(url).hostname} cannot be reached; {remedy}")
    try:
        builder.download_and_prepare()
    except Exception as error:  # no room, no write access, a changed file: each library has its own
        raise InputError(
            f"{missing} and could not be prepared ({type(error).__name__}: {reason(error)}); {remedy}"
        ) from error


def _reachable(url: str) -> bool:
    try:
        # The address comes from TFDS' own table, never from the user.
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=10):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True  # it answered
    except OSError:
        return False


def _splits(name: str, builder: Any, shape: tuple[int, int, int]) -> tuple[StreamedSplit, StreamedSplit]:
    splits = builder.info.splits
    if "train" not in splits:
        raise InputError(f"data set {name!r} has no split 'train', only {', '.join(splits)}")
    train = StreamedSplit(builder, "train", shape, 0, splits["train"].num_examples)
    for test in ("test", "validation"):
        if test in splits and _has_labels(builder, test):
            return train, StreamedSplit(builder, test, shape, 0, splits[test].num_examples)
    return train.held_out(0.1, seed=0)


def _has_labels(builder: Any, split: str) -> bool:
    """Look at the first example: where a contest keeps its labels secret, as ImageNet's did, TFDS has −1."""
    import tensorflow_datasets as tfds

    decoders = {"image": tfds.decode.SkipDecoding()}
    return all(example["label"] >= 0 for example in builder.as_dataset(split=f"{split}[:1]", decoders=decoders))


def _image_shape(name: str, shape: tuple, image_size: tuple[int, int] | None) -> tuple[int, int, int]:
    height, width, channels = shape
    if image_size is not None:
        return (*image_size, channels)
    if height is None or width is None:
        raise InputError(f"the images of {name!r} have many sizes; give image_size=(height, width), such as (64, 64)")
    return height, width, channels


def _is_streamed(name: str, shape: tuple[int, int, int], examples: int, stream: bool | None) -> bool:
    needed = examples * int(np.prod(shape))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if stream is False and needed > memory / 2:
        raise InputError(
            f"data set {name!r} takes {needed / 2**30:.1f} GiB as {shape} pixels, more than half of this "
            f"machine's {memory / 2**30:.1f} GiB; give a smaller image_size, or leave out stream=False"
        )
    return needed > memory / 2 if stream is None else stream


def _read(split: StreamedSplit) -> Split:
    """Decode a split into memory."""
    images = np.empty((len(split), *split.image_shape), "uint8")
    labels = np.empty(len(split), "int32")
    start = 0
    examples = streaming.in_order(split.builder, split.in_tfds_words, split.image_shape)
    for chunk, names in examples.batch(CHUNK):
        images[start : start + len(chunk)], labels[start : start + len(chunk)] = chunk, names
        start += len(chunk)
    if labels.min(initial=0) < 0:
        raise InputError(f"split {split.name!r} of {split.builder.name!r} has no labels")
    return Split(images, labels)
