"""Folders of images, with one folder for each class."""

import dataclasses
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cnnzoo.checks import choice
from cnnzoo.data.cached_split import cache_split
from cnnzoo.data.decoding import broken_file_message, decode_files
from cnnzoo.data.duplicates import duplicates
from cnnzoo.data.file_split import FileProblem, FileSplit
from cnnzoo.data.folder_layout import Layout, read_layout
from cnnzoo.data.in_memory import fits_into_memory
from cnnzoo.data.source import AnySplit, Source, Split, classes_without_images, empty_split, take
from cnnzoo.errors import InputError

log = logging.getLogger(__name__)


def load(
    folder: Path,
    *,
    image_size: tuple[int, int] | None = None,
    stream: bool | None = None,
    on_error: str = "raise",
    class_names: Sequence[str] | None = None,
    cache: str | Path | None = None,
    train_examples: int | None = None,
    test_examples: int | None = None,
    with_test: bool = True,
) -> Source:
    """Load a folder with one folder of images for each class, or leave the images on disk to be streamed.

    A folder `train` or `training` holds the training images; `test` or `testing` the test images; `val`, `valid` or
    `validation` the validation images, whatever the case of the letters. Without a test folder, a random fifth of the
    training images, always the same, is for testing. A class has the name of its folder, and all images below it, in
    the order of their names. Images that lie in no class folder are one class, which is enough for an autoencoder;
    beside class folders, or for testing what has classes, they have no label and are left out.

    What is left out, and what else may surprise, is logged as a warning, with counts: other files, hidden images,
    folders that are none of these, images that are both for training and for testing, classes without an image.

    Args:
        folder: the folder.
        image_size: `(height, width)` to bring each image to, by `cnnzoo.data.decoding.crop_and_resize`; needed where
            they have many sizes.
        stream: whether to leave the images on disk; `None` for where they do not fit into half of the memory. They are
            decoded once even so, to find those that are broken or not stored upright; which they were is kept in Keras'
            folder.
        on_error: `"raise"` stops at a file that is not a readable image, and names it; `"skip"` leaves it out, warns,
            and lists it in `Source.skipped`.
        class_names: the class folders in the order of their labels; default the alphabetical one, as in Keras.
        cache: folder to keep decoded pixels in; see `cnnzoo.data.load`.
        train_examples: number of training images, evenly spread over the files; `None` for all.
        test_examples: number of test images, chosen likewise.
        with_test: whether the test images are read; see `cnnzoo.data.load`.

    Raises:
        InputError: no such folder, no images, a class without images or without a folder in `train`, a broken file,
            images of several sizes without `image_size`, or not enough memory.
    """
    choice("on_error", on_error, ("raise", "skip"))
    if not folder.is_dir():
        raise InputError(f"the folder {str(folder)!r} {'is a file' if folder.exists() else 'does not exist'}")
    layout = read_layout(folder, class_names)
    shape = _shape(folder, layout.parts["train"], image_size)
    counts = {"train": train_examples, "test": test_examples}
    parts = {
        name: dataclasses.replace(take(part, counts.get(name)), image_shape=shape)
        for name, part in layout.parts.items()
        if with_test or name != "test"
    }
    wanted = parts["train"].labels
    count = sum(len(part) for part in parts.values())
    in_memory = cache is None and fits_into_memory(str(folder), (count, *shape), stream)
    splits: dict[str, AnySplit] = {}
    skipped: list[tuple[str, str]] = []
    damaged: list[tuple[str, str]] = []
    for name, part in parts.items():
        images = np.empty((len(part) if in_memory else 0, *shape), "uint8")
        exact = image_size is None
        problems = _read(part, images, exact=exact) if in_memory else part.check(exact=exact)
        readable = _readable(part, problems, on_error, skipped, damaged)
        parts[name] = files = part if readable.all() else part[readable]
        if in_memory:
            splits[name] = Split(images if readable.all() else images[readable], files.labels)
        else:
            splits[name] = files if cache is None else cache_split(files, cache)
    if skipped:
        log.warning("skipped %d of %d files: %s", len(skipped), count, "; ".join(": ".join(file) for file in skipped))
    if damaged:
        log.warning(
            "%d of %d files are damaged, and some of their pixels may be others than were saved; the first is %r: %s",
            *(len(damaged), count, *damaged[0]),
        )
    left = parts["train"].labels  # few images that are asked for need not be of all classes
    empty = classes_without_images(left, layout.class_names) if {*wanted.tolist()} > {*left.tolist()} else ()
    for warning in (*_left_out(layout), *layout.notes, *_duplicates(parts), *empty):
        log.warning("%s: %s", folder, warning)
    test = splits["test"] if with_test else empty_split(shape)
    return Source(
        str(folder), splits["train"], test, layout.class_names, splits.get("validation"), skipped=tuple(skipped)
    )


def _left_out(layout: Layout) -> Iterator[str]:
    if kinds := +layout.left_out:  # those that there are
        yield "left out: " + ", ".join(f"{kind} ({count})" for kind, count in kinds.most_common())


def _duplicates(parts: dict[str, FileSplit]) -> Iterator[str]:
    found = {name: duplicates(parts["train"], part) for name, part in parts.items() if name != "train"}
    for name, files in found.items():
        if files:
            part = parts[name]
            yield (
                f"{len(files)} of the {len(part)} {name} images are training images, too, byte by byte, such as "
                f"{files[0]!r}; what a model makes of them is no test"
            )
    both = duplicates(parts["validation"], parts["test"]) if {"validation", "test"} <= parts.keys() else []
    if files := [file for file in both if file not in found["test"]]:
        yield (
            f"{len(files)} of the {len(parts['test'])} test images are validation images, too, byte by byte, such as "
            f"{files[0]!r}; what is chosen by those is not tested by them"
        )


def _shape(folder: Path, part: FileSplit, image_size: tuple[int, int] | None) -> tuple[int, int, int]:
    if image_size is not None:
        return (*image_size, 3)
    for index in range(len(part)):
        (file,) = decode_files(part.paths[index : index + 1], None)
        if file.pixels is not None:
            return file.pixels.shape
    raise InputError(
        f"none of the files of {str(folder)!r} can be read; the first is {os.fsdecode(part.paths[0])!r}: {file.reason}"
    )


def _read(part: FileSplit, images: np.ndarray, *, exact: bool) -> Iterator[FileProblem]:
    """Decode files into an array, and yield what there is to say of them."""
    for index, file in enumerate(part.decoded(exact=exact)):
        if file.pixels is None:
            yield FileProblem(index, file.reason, broken=True)
            continue
        images[index] = file.pixels
        if file.damage:
            yield FileProblem(index, file.damage)


def _readable(
    part: FileSplit,
    problems: Iterator[FileProblem],
    on_error: str,
    skipped: list[tuple[str, str]],
    damaged: list[tuple[str, str]],
) -> np.ndarray:
    """Return which files can be decoded, and add the others to those skipped, or raise an error for the first."""
    readable = np.ones(len(part), bool)
    for index, reason, broken in problems:
        file = os.fsdecode(part.paths[index])
        if not broken:
            damaged.append((file, reason))
            continue
        readable[index] = False
        skipped.append((file, reason))
        if on_error == "raise":
            raise InputError(broken_file_message(*skipped[-1]))
    if not readable.any():
        raise InputError(f"none of the {len(part)} files can be read; the first: {': '.join(skipped[-len(part)])}")
    return readable
