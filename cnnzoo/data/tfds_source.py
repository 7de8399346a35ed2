"""Every image classification set of TensorFlow Datasets, by its name."""

import logging
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from cnnzoo.data.source import Source, Split
from cnnzoo.errors import InputError, reason, unknown

CHUNK = 1024  # images decoded between two copies into the array


def load(name: str, *, data_dir: str | Path | None, image_size: tuple[int, int] | None) -> Source:
    """Load a TFDS set into memory, each image decoded once.

    The test split is TFDS' `test`, else `validation`, else the last tenth of `train`.

    Args:
        name: a TFDS name, with config and version if wanted: `"emnist/letters"`, `"mnist:3.0.1"`.
        data_dir: TFDS' folder, or `None` for `TFDS_DATA_DIR`, else TFDS' own default.
        image_size: `(height, width)` to resize to, needed where a set's images have many sizes.

    Raises:
        InputError: as `cnnzoo.data.load`.
    """
    builder = _builder(name, data_dir)
    features = builder.info.features
    if not {"image", "label"} <= set(features or ()):
        raise InputError(f"data set {name!r} is no image classification set: it has no 'image' and 'label'")
    _prepare(builder)
    train, test = _split_names(name, builder.info.splits)
    shape = _image_shape(name, features["image"].shape, image_size)
    _check_memory(name, shape, sum(builder.info.splits[split].num_examples for split in (train, test)))
    return Source(
        name,
        _read(builder, train, shape),
        _read(builder, test, shape),
        tuple(features["label"].names),
    )


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
    # TFDS tries an unreachable host ten times, for minutes; one look first tells at once.
    for url in list(builder.url_infos)[:1]:
        if not _reachable(url):
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


def _split_names(name: str, splits: Any) -> tuple[str, str]:
    if "train" not in splits:
        raise InputError(f"data set {name!r} has no split 'train', only {', '.join(splits)}")
    for test in ("test", "validation"):
        if test in splits:
            return "train", test
    return "train[:90%]", "train[90%:]"


def _image_shape(name: str, shape: tuple, image_size: tuple[int, int] | None) -> tuple[int, int, int]:
    height, width, channels = shape
    if image_size is not None:
        return (*image_size, channels)
    if height is None or width is None:
        raise InputError(f"the images of {name!r} have many sizes; give image_size=(height, width), such as (64, 64)")
    return height, width, channels


def _check_memory(name: str, shape: tuple[int, int, int], examples: int) -> None:
    needed = examples * int(np.prod(shape))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory / 2:
        raise InputError(
            f"data set {name!r} takes {needed / 2**30:.1f} GiB as {shape} pixels, more than half of this "
            f"machine's {memory / 2**30:.1f} GiB; give a smaller image_size"
        )


def _read(builder: Any, split: str, shape: tuple[int, int, int]) -> Split:
    """Decode a split with all cores; TFDS itself decodes in one thread."""
    import tensorflow_datasets as tfds

    image_feature = builder.info.features["image"]
    images = np.empty((builder.info.splits[split].num_examples, *shape), "uint8")
    labels = np.empty(len(images), "int32")

    def decoded(example):
        image = image_feature.decode_example(example["image"])
        if tuple(image.shape) != shape:
            image = tf.image.resize(image, shape[:2], antialias=True)
            image = tf.cast(tf.round(tf.clip_by_value(image, 0, 255)), tf.uint8)
        return tf.ensure_shape(image, shape), example["label"]

    examples = builder.as_dataset(split=split, decoders={"image": tfds.decode.SkipDecoding()}, shuffle_files=False)
    start = 0
    for chunk, names in examples.map(decoded, num_parallel_calls=tf.data.AUTOTUNE).batch(CHUNK):
        images[start : start + len(chunk)], labels[start : start + len(chunk)] = chunk, names
        start += len(chunk)
    if labels.min(initial=0) < 0:
        raise InputError(f"split {split!r} of {builder.name!r} has no labels")
    return Split(images, labels)
