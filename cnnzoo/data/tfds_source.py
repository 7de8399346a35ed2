"""Every image classification set of TensorFlow Datasets, by its name."""

import logging
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.data.cached_split import cached
from cnnzoo.data.in_memory import fits_into_memory
from cnnzoo.data.source import Source, Split, nothing
from cnnzoo.data.tfds_records import TfdsSplit
from cnnzoo.errors import InputError, reason, unknown

CHUNK = 1024  # images decoded between two copies into the array


def knows(name: str) -> bool:
    """Return whether TFDS has a data set of this name."""
    import tensorflow_datasets as tfds

    return name.partition("/")[0].partition(":")[0] in tfds.list_builders(with_community_datasets=False)


def load(
    name: str,
    *,
    data_dir: str | Path | None,
    image_size: tuple[int, int] | None,
    stream: bool | None = None,
    train: str | None = None,
    test: str | None = None,
    train_examples: int | None = None,
    test_examples: int | None = None,
    cache: str | Path | None = None,
    with_test: bool = True,
) -> Source:
    """Load a TFDS set into memory, each image decoded once, or leave it on disk to be streamed.

    The test split is TFDS' `test`, else `validation`, whichever has labels, else the last tenth of `train`.

    Args:
        name: a TFDS name, with config and version if wanted: `"emnist/letters"`, `"mnist:3.0.1"`.
        data_dir: TFDS' folder, or `None` for `TFDS_DATA_DIR`, else TFDS' own default.
        image_size: `(height, width)` to bring images to, needed where a set's images have many sizes.
        stream: whether to leave the images on disk; `None` for where they, all of them, do not fit into half of
            the memory.
        train: what to train on, in TFDS' split language, such as `"train[:90%]"`.
        test: what to judge by.
        train_examples: number of training images to load; `None` for all.
        test_examples: number of test images to load.
        cache: folder to keep decoded pixels in.
        with_test: whether the test images are read; see `cnnzoo.data.load`.

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
    to_train, to_test = _splits(name, builder, shape, train, test)
    class_names = tuple(features["label"].names)
    in_memory = cache is None and fits_into_memory(name, (len(to_train) + len(to_test), *shape), stream)
    to_train, to_test, empty = to_train[:train_examples], to_test[:test_examples], nothing(shape)
    if cache is not None:
        return Source(name, cached(to_train, cache), cached(to_test, cache) if with_test else empty, class_names)
    if in_memory:
        return Source(name, _read(to_train), _read(to_test) if with_test else empty, class_names)
    return Source(name, to_train, to_test if with_test else empty, class_names)


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


def _splits(
    name: str, builder: Any, shape: tuple[int, int, int], train: str | None, test: str | None
) -> tuple[TfdsSplit, TfdsSplit]:
    splits = builder.info.splits
    if train is None and "train" not in splits:
        raise InputError(f"data set {name!r} has no split 'train', only {', '.join(splits)}; say which to train on")
    to_train = _split(name, builder, shape, train or "train")
    usual = (each for each in ("test", "validation") if each in splits and _has_labels(builder, each))
    if judged := test or next(usual, None):
        return to_train, _split(name, builder, shape, judged)
    return to_train.held_out(0.1, seed=0)


def _split(name: str, builder: Any, shape: tuple[int, int, int], words: str) -> TfdsSplit:
    """Return the split that words such as `"train[:90%]"` mean."""
    import tensorflow_datasets as tfds

    splits = builder.info.splits
    try:
        parts = tfds.core.ReadInstruction.from_spec(words).to_absolute(splits)
    except (ValueError, AssertionError, KeyError) as error:
        raise InputError(
            f"{words!r} is no split of {name!r} ({reason(error)}); its splits are {', '.join(splits)}, and parts of "
            "them are written such as 'train[:90%]'"
        ) from error
    first = parts[0]
    start, stop = first.from_ or 0, splits[first.splitname].num_examples if first.to is None else first.to
    if len(parts) != 1 or stop <= start:
        what = "several pieces" if len(parts) > 1 else "no examples"
        raise InputError(f"{words!r} of {name!r} has {what}; give one piece, such as 'train[:90%]'")
    return TfdsSplit(builder, first.splitname, shape, start, stop)


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


def _read(split: TfdsSplit) -> Split:
    """Decode a split into memory."""
    images = np.empty((len(split), *split.image_shape), "uint8")
    labels = np.empty(len(split), "int32")
    start = 0
    for chunk, names in split.in_order().batch(CHUNK):
        images[start : start + len(chunk)], labels[start : start + len(chunk)] = chunk, names
        start += len(chunk)
    if labels.min(initial=0) < 0:
        raise InputError(f"split {split.name!r} of {split.builder.name!r} has no labels")
    return Split(images, labels)
