"""Image classification data sets of TensorFlow Datasets, by name."""

import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.data.cached_split import cache_split
from cnnzoo.data.in_memory import fits_into_memory
from cnnzoo.data.source import AnySplit, Source, Split, empty_split
from cnnzoo.data.tfds_records import TfdsSplit
from cnnzoo.errors import InputError, reason, unknown
from cnnzoo.runtime import suppress_messages

CHUNK = 1024  # images decoded between two copies into the array

_data_dir: ContextVar[str | Path | None] = ContextVar("data_dir", default=None)


@contextmanager
def using_data_dir(data_dir: str | Path | None) -> Iterator[None]:
    """Use a folder of TFDS' data as the default `data_dir` of `cnnzoo.data.load` in the block.

    Args:
        data_dir: the folder; `None` changes nothing.

    Example:
    >>> with using_data_dir("/data/tfds"), using_data_dir(None):
    ...     current_data_dir()
    '/data/tfds'
    """
    before = _data_dir.set(data_dir or _data_dir.get())
    try:
        yield
    finally:
        _data_dir.reset(before)


def current_data_dir() -> str | Path | None:
    """Return the folder that `using_data_dir` set, or `None`."""
    return _data_dir.get()


def all_names(others: Iterable[str] = ()) -> list[str]:
    """Return the names of TFDS' data sets, and others."""
    import tensorflow_datasets as tfds

    return [*others, *tfds.list_builders(with_community_datasets=False)]


def is_prepared(name: str) -> bool:
    """Return whether a data set of TFDS lies in its folder, so that nothing is downloaded to load it.

    Raises:
        InputError: TFDS has no data set of this name.
    """
    return _builder(name, ()).is_prepared()


def knows(name: str) -> bool:
    """Return whether TFDS has a data set of this name."""
    return name.partition("/")[0].partition(":")[0] in all_names()


@suppress_messages("absl", "has no dataset_info.json")  # a data set that is not there has a sentence here
def load(
    name: str,
    *,
    image_size: tuple[int, int] | None,
    stream: bool | None = None,
    train: str | None = None,
    test: str | None = None,
    train_examples: int | None = None,
    test_examples: int | None = None,
    cache: str | Path | None = None,
    with_test: bool = True,
    others: Iterable[str] = (),
) -> Source:
    """Load a TFDS data set into memory, each image decoded once, or leave it on disk to be streamed.

    The test split is TFDS' `test`, else `validation`, whichever has labels, else the last tenth of `train`.

    Args:
        name: a TFDS name, with config and version if wanted: `"emnist/letters"`, `"mnist:3.0.1"`.
        image_size: `(height, width)` to bring images to, needed where a data set's images have many sizes.
        stream: whether to leave the images on disk; `None` for where they, all of them, do not fit into half of
            the memory.
        train: training split, in TFDS' split language, such as `"train[:90%]"`.
        test: test split.
        train_examples: number of training images to load; `None` for all.
        test_examples: number of test images to load.
        cache: folder to keep decoded pixels in.
        with_test: whether the test images are read; see `cnnzoo.data.load`.
        others: names of data sets that are not TFDS', for the message about an unknown name.

    Raises:
        InputError: as `cnnzoo.data.load`.
    """
    builder = _builder(name, others)
    features = builder.info.features
    if not {"image", "label"} <= set(features or ()):
        raise InputError(f"data set {name!r} is no image classification set: it has no 'image' and 'label'")
    _prepare(builder)
    if (file_format := builder.info.file_format.value) != "tfrecord":
        raise InputError(f"data set {name!r} is stored as {file_format!r}; cnnzoo reads 'tfrecord', TFDS' default")
    shape = _image_shape(name, features["image"].shape, image_size)
    train_split, test_split = _splits(name, builder, shape, train, test)
    class_names = tuple(features["label"].names)
    in_memory = cache is None and fits_into_memory(name, (len(train_split) + len(test_split), *shape), stream)

    def loaded(split: TfdsSplit) -> AnySplit:
        if cache is not None:
            return cache_split(split, cache)
        return _read(split) if in_memory else split

    test_images = loaded(test_split[:test_examples]) if with_test else empty_split(shape)
    return Source(name, loaded(train_split[:train_examples]), test_images, class_names)


def _builder(name: str, others: Iterable[str]) -> Any:
    import tensorflow_datasets as tfds

    folder = str(current_data_dir() or os.environ.get("TFDS_DATA_DIR") or tfds.core.constants.DATA_DIR)
    try:
        return tfds.builder(name, data_dir=folder, try_gcs=False)
    except tfds.core.DatasetNotFoundError as error:
        message = f"{unknown('data set', name, all_names(others))} There is no folder of that name either"
        raise InputError(message) from error
    except (ValueError, AssertionError, RuntimeError, ImportError) as error:  # an unknown config, version or package
        raise InputError(f"data set {name!r} cannot be loaded: {reason(error)}") from error


def _prepare(builder: Any) -> None:
    if builder.is_prepared():
        return
    missing = f"data set {builder.name!r} is not in {str(builder.data_path)!r}"
    remedy = "set --data-dir or TFDS_DATA_DIR to its folder, or go online to let TFDS download it"
    by_hand = bool(builder.MANUAL_DOWNLOAD_INSTRUCTIONS)
    if by_hand:
        page = f"https://www.tensorflow.org/datasets/catalog/{builder.name}"
        remedy = f"TFDS makes it from files that its owners give to registered users, as {page} says"
    # TFDS tries an unreachable host ten times, for minutes; one request shows it at once.
    for url in list(builder.url_infos)[:1]:
        if not by_hand and not _reachable(url):
            raise InputError(f"{missing} and {urllib.parse.urlsplit(url).hostname} cannot be reached; {remedy}")
    try:
        builder.download_and_prepare()
    except (TypeError, AttributeError):  # a fault of a program
        raise
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
        return True  # there was a response
    except OSError:
        return False


def _splits(
    name: str, builder: Any, shape: tuple[int, int, int], train: str | None, test: str | None
) -> tuple[TfdsSplit, TfdsSplit]:
    splits = builder.info.splits
    if train is None and "train" not in splits:
        raise InputError(f"data set {name!r} has no split 'train', only {', '.join(splits)}; set `train`")
    train_split = _split(name, builder, shape, train or "train")
    labeled = (split for split in ("test", "validation") if split in splits and _has_labels(builder, split))
    if test := test or next(labeled, None):
        return train_split, _split(name, builder, shape, test)
    return train_split.held_out(0.1, seed=0)


def _split(name: str, builder: Any, shape: tuple[int, int, int], spec: str) -> TfdsSplit:
    """Return the split of a specification such as `"train[:90%]"`."""
    import tensorflow_datasets as tfds

    splits = builder.info.splits
    try:
        parts = tfds.core.ReadInstruction.from_spec(spec).to_absolute(splits)
    except (ValueError, AssertionError, KeyError) as error:
        raise InputError(
            f"{spec!r} is not a split of {name!r} ({reason(error)}); its splits are {', '.join(splits)}, and a part of "
            "one is written as 'train[:90%]'"
        ) from error
    first = parts[0]
    start, stop = first.from_ or 0, splits[first.splitname].num_examples if first.to is None else first.to
    if len(parts) != 1 or stop <= start:
        content = "several parts" if len(parts) > 1 else "no examples"
        raise InputError(f"{spec!r} of {name!r} has {content}; set one part, such as 'train[:90%]'")
    return TfdsSplit(builder, first.splitname, shape, start, stop)


def _has_labels(builder: Any, split: str) -> bool:
    """Read the first example: where a contest keeps its labels secret, as ImageNet's did, TFDS has −1."""
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
    for chunk, chunk_labels in split.in_order().batch(CHUNK):
        images[start : start + len(chunk)], labels[start : start + len(chunk)] = chunk, chunk_labels
        start += len(chunk)
    if labels.min(initial=0) < 0:
        raise InputError(f"split {split.name!r} of {split.builder.name!r} has no labels")
    return Split(images, labels)
