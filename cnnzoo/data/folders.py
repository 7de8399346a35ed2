"""Folders of images, with one folder for each class."""

import dataclasses
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnnzoo.checks import choice
from cnnzoo.data.cached_split import cache_split
from cnnzoo.data.decoding import broken_file_message, decode_files, try_decode
from cnnzoo.data.file_split import FileSplit, stamps_of
from cnnzoo.data.in_memory import fits_into_memory
from cnnzoo.data.source import AnySplit, Source, Split, empty_split
from cnnzoo.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
TEST_FRACTION, TEST_SEED = 0.2, 0  # for a folder without test images of its own

log = logging.getLogger(__name__)


def load(
    folder: Path,
    *,
    image_size: tuple[int, int] | None = None,
    stream: bool | None = None,
    on_error: str = "raise",
    cache: str | Path | None = None,
    with_test: bool = True,
) -> Source:
    """Load a folder with one folder of images for each class, or leave the images on disk to be streamed.

    A folder `train` holds the training images; `test`, else `val` or `validation`, the test images; where both are
    there, the latter holds the validation images. Without `train`, a random fifth of the images, always the same, is
    for testing. A class has the name of its folder. Images that lie in no class folder are one class, which is enough
    for an autoencoder.

    Args:
        folder: the folder.
        image_size: `(height, width)` to bring each image to, by `cnnzoo.data.decoding.crop_and_resize`; needed where
            they have many sizes.
        stream: whether to leave the images on disk; `None` for where they do not fit into half of the memory. They are
            decoded once even so, to find those that are broken; which they were is kept in Keras' folder.
        on_error: `"raise"` stops at a file that is not a readable image, and names it; `"skip"` leaves it out, warns,
            and lists it in `Source.skipped`.
        cache: folder to keep decoded pixels in; see `cnnzoo.data.load`.
        with_test: whether the test images are read; see `cnnzoo.data.load`.

    Raises:
        InputError: no such folder, no images, a class without images or without a folder in `train`, a broken file, or
            not enough memory.
    """
    choice("on_error", on_error, ("raise", "skip"))
    if not folder.is_dir():
        raise InputError(f"the folder {str(folder)!r} does not exist")
    names, parts = _parts(folder)
    shape = _shape(folder, parts["train"], image_size)
    if not with_test:
        del parts["test"]
    count = sum(len(part) for part in parts.values())
    parts = {name: dataclasses.replace(part, image_shape=shape) for name, part in parts.items()}
    in_memory = cache is None and fits_into_memory(str(folder), (count, *shape), stream)
    splits: dict[str, AnySplit] = {}
    skipped: list[tuple[str, str]] = []
    for name, part in parts.items():
        images = np.empty((len(part) if in_memory else 0, *shape), "uint8")
        broken = _read(part, image_size, images) if in_memory else part.broken()
        readable = _readable(part, broken, on_error, skipped)
        if in_memory:
            split = Split(images, part.labels)
            splits[name] = split if readable.all() else split[readable]
        else:
            splits[name] = part[readable] if cache is None else cache_split(part[readable], cache)
    if skipped:
        log.warning("skipped %d of %d files: %s", len(skipped), count, "; ".join(": ".join(file) for file in skipped))
    test = splits["test"] if with_test else empty_split(shape)
    return Source(str(folder), splits["train"], test, names, splits.get("validation"), skipped=tuple(skipped))


def _parts(folder: Path) -> tuple[tuple[str, ...], dict[str, FileSplit]]:
    """Return the names of the classes, and the files for training, testing and, if there are any, validation."""
    given = {part: folder / part for part in ("train", "test", "val", "validation") if (folder / part).is_dir()}
    names = _class_names(given.get("train", folder))
    train = _files(given.get("train", folder), names)
    validation = given.get("val") or given.get("validation")
    test = given.get("test") or validation
    if "train" not in given or test is None:
        train, held_out = train.held_out(TEST_FRACTION, TEST_SEED)
        return names, {"train": train, "test": held_out}
    parts = {"train": train, "test": _files(test, names, complete=False)}
    if validation and validation != test:
        parts["validation"] = _files(validation, names, complete=False)
    return names, parts


def _class_names(folder: Path) -> tuple[str, ...]:
    names = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not _hidden(entry)))
    if not names and not any(_images(folder)):
        raise InputError(f"{str(folder)!r} has neither class folders nor images ({', '.join(SUFFIXES)})")
    return names or (folder.name,)


def _files(folder: Path, names: tuple[str, ...], *, complete: bool = True) -> FileSplit:
    """Return the files of all classes, class by class, each in the order of their names."""
    folders = [folder / name for name in names] if any(entry.is_dir() for entry in folder.iterdir()) else [folder]
    unknown = {entry.name for entry in folder.iterdir() if entry.is_dir() and not _hidden(entry)} - set(names)
    if unknown:
        raise InputError(f"{str(folder)!r} has class folders that 'train' lacks: {', '.join(sorted(unknown))}")
    files, labels = [], []
    for label, class_folder in enumerate(folders):
        images = sorted(_images(class_folder)) if class_folder.is_dir() else []
        if complete and not images:
            raise InputError(f"the class folder {str(class_folder)!r} has no images ({', '.join(SUFFIXES)})")
        files += images
        labels += [label] * len(images)
    if not files:
        raise InputError(f"{str(folder)!r} has no images ({', '.join(SUFFIXES)})")
    paths = np.array([os.fsencode(file) for file in files])
    return FileSplit(paths, np.array(labels, "int32"), stamps_of(paths))


def _images(folder: Path) -> Iterator[Path]:
    return (file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not _hidden(file))


def _hidden(entry: Path) -> bool:
    return entry.name.startswith(".")


def _shape(folder: Path, part: FileSplit, image_size: tuple[int, int] | None) -> tuple[int, int, int]:
    if image_size is not None:
        return (*image_size, 3)
    for path in part.paths:
        pixels, _ = try_decode(path, None)
        if pixels is not None:
            return pixels.shape
    raise InputError(f"none of the files of {str(folder)!r} can be read; the first is {os.fsdecode(part.paths[0])!r}")


def _read(part: FileSplit, image_size: tuple[int, int] | None, images: np.ndarray) -> Iterator[tuple[int, str]]:
    """Decode files into an array, and yield the index of each that cannot be decoded, and why."""
    results = decode_files(part.paths, None if image_size is None else part.image_shape)
    for index, (pixels, reason) in enumerate(results):
        if pixels is None:
            yield index, reason
        elif pixels.shape != part.image_shape:
            raise InputError(
                f"{os.fsdecode(part.paths[index])!r} is {_size(pixels.shape)}, others are "
                f"{_size(part.image_shape)}; give image_size=(height, width), such as (227, 227)"
            )
        else:
            images[index] = pixels


def _readable(
    part: FileSplit, broken: Iterator[tuple[int, str]], on_error: str, skipped: list[tuple[str, str]]
) -> np.ndarray:
    """Return which files can be decoded, and add the broken ones to those skipped, or raise an error for the first."""
    readable = np.ones(len(part), bool)
    for index, reason in broken:
        readable[index] = False
        skipped.append((os.fsdecode(part.paths[index]), reason))
        if on_error == "raise":
            raise InputError(broken_file_message(*skipped[-1]))
    if not readable.any():
        raise InputError(f"none of the {len(part)} files can be read; the first: {': '.join(skipped[-len(part)])}")
    return readable


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}×{shape[1]}"
