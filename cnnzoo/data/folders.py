"""A folder of class folders: photographs as people keep them."""

import dataclasses
import itertools
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from cnnzoo.data.cached_split import cached
from cnnzoo.data.decoding import CORES, broken, tried
from cnnzoo.data.file_split import FileSplit
from cnnzoo.data.in_memory import fits_into_memory
from cnnzoo.data.source import AnySplit, Source, Split, nothing
from cnnzoo.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
TEST_SHARE, TEST_SEED = 0.2, 0  # of a folder that brings no test images of its own

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

    With `train` in it, that is trained on and `test`, else `val` or `validation`, is judged by; where both are
    there, the latter is to watch by. Else a fifth of the images, drawn once and for all, is judged by. A class is
    called what its folder is called. Images that lie in no class folder make one class: autoencoders ask for no more.

    Args:
        folder: the folder.
        image_size: `(height, width)` to bring each image to, by `cnnzoo.data.decoding.central`; needed where they have
            many sizes.
        stream: whether to leave the images on disk; `None` for where they do not fit into half of the memory.
        on_error: `"raise"` stops at a file that is no whole image, and names it; `"skip"` leaves it out, says so, and
            lists it in `Source.skipped`.
        cache: folder to keep decoded pixels in; see `cnnzoo.data.load`.
        with_test: whether the test images are read; see `cnnzoo.data.load`.

    Raises:
        InputError: no such folder, no images, a class without images or without a folder in `train`, a broken file, or
            not enough memory.
    """
    if on_error not in ("raise", "skip"):
        raise InputError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}")
    names, parts = _parts(folder)
    shape = _shape(folder, parts["train"], image_size)
    if not with_test:
        del parts["test"]
    count = sum(len(part) for part in parts.values())
    parts = {name: dataclasses.replace(part, image_shape=shape, on_error=on_error) for name, part in parts.items()}
    splits: dict[str, AnySplit] = dict(parts)
    skipped: list[tuple[str, str]] = []
    if cache is not None:
        splits = {name: cached(part, cache) for name, part in parts.items()}
    elif fits_into_memory(str(folder), (count, *shape), stream):
        splits = {name: _read(part, image_size, skipped) for name, part in parts.items()}
    if skipped:
        log.warning("left out %d of %d files: %s", len(skipped), count, "; ".join(": ".join(file) for file in skipped))
    test = splits["test"] if with_test else nothing(shape)
    return Source(str(folder), splits["train"], test, names, splits.get("validation"), skipped=tuple(skipped))


def _parts(folder: Path) -> tuple[tuple[str, ...], dict[str, FileSplit]]:
    """Return the names of the classes, and the files to train on, to judge by and, if there are any, to watch by."""
    given = {part: folder / part for part in ("train", "test", "val", "validation") if (folder / part).is_dir()}
    if "train" not in given:
        names = _class_names(folder)
        train, test = _files(folder, names).held_out(TEST_SHARE, TEST_SEED)
        return names, {"train": train, "test": test}
    names = _class_names(given["train"])
    train = _files(given["train"], names)
    watched = given.get("val") or given.get("validation")
    if judged := given.get("test") or watched:
        parts = {"train": train, "test": _files(judged, names, complete=False)}
        if watched and watched != judged:
            parts["validation"] = _files(watched, names, complete=False)
        return names, parts
    train, test = train.held_out(TEST_SHARE, TEST_SEED)
    return names, {"train": train, "test": test}


def _class_names(folder: Path) -> tuple[str, ...]:
    names = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not _hidden(entry)))
    if not names and not any(_images(folder)):
        raise InputError(f"{str(folder)!r} holds neither class folders nor images ({', '.join(SUFFIXES)})")
    return names or (folder.name,)


def _files(folder: Path, names: tuple[str, ...], *, complete: bool = True) -> FileSplit:
    """Return the files of all classes, class by class, each in the order of their names."""
    folders = [folder / name for name in names] if any(entry.is_dir() for entry in folder.iterdir()) else [folder]
    unknown = {entry.name for entry in folder.iterdir() if entry.is_dir() and not _hidden(entry)} - set(names)
    if unknown:
        raise InputError(f"{str(folder)!r} has class folders that 'train' lacks: {', '.join(sorted(unknown))}")
    files, labels = [], []
    for label, each in enumerate(folders):
        found = sorted(_images(each)) if each.is_dir() else []
        if complete and not found:
            raise InputError(f"the class folder {str(each)!r} holds no images ({', '.join(SUFFIXES)})")
        files += found
        labels += [label] * len(found)
    if not files:
        raise InputError(f"{str(folder)!r} holds no images ({', '.join(SUFFIXES)})")
    return FileSplit(np.array([os.fsencode(file) for file in files]), np.array(labels, "int32"))


def _images(folder: Path) -> Iterator[Path]:
    return (each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES and not _hidden(each))


def _hidden(entry: Path) -> bool:
    return entry.name.startswith(".")


def _shape(folder: Path, part: FileSplit, image_size: tuple[int, int] | None) -> tuple[int, int, int]:
    if image_size is not None:
        return (*image_size, 3)
    for path in part.paths:
        pixels, _ = tried(path, None)
        if pixels is not None:
            return pixels.shape
    raise InputError(f"not one file of {str(folder)!r} can be read; the first is {os.fsdecode(part.paths[0])!r}")


def _read(part: FileSplit, image_size: tuple[int, int] | None, skipped: list[tuple[str, str]]) -> Split:
    """Decode files into memory, on all cores."""
    images, good = np.empty((len(part), *part.image_shape), "uint8"), np.ones(len(part), bool)
    size = None if image_size is None else part.image_shape
    with ThreadPoolExecutor(CORES) as pool:
        results = pool.map(tried, part.paths, itertools.repeat(size))
        for number, (pixels, reason) in enumerate(results):
            if pixels is not None and pixels.shape != part.image_shape:
                pool.shutdown(cancel_futures=True)
                raise InputError(
                    f"{os.fsdecode(part.paths[number])!r} is {_size(pixels.shape)}, others are "
                    f"{_size(part.image_shape)}; give image_size=(height, width), such as (227, 227)"
                )
            if pixels is not None:
                images[number] = pixels
                continue
            good[number] = False
            skipped.append((os.fsdecode(part.paths[number]), reason))
            if part.on_error == "raise":
                pool.shutdown(cancel_futures=True)
                raise InputError(broken(*skipped[-1]))
    if good.all():
        return Split(images, part.labels)
    if not good.any():
        raise InputError(f"not one of the {len(part)} files can be read; the first: {': '.join(skipped[0])}")
    return Split(images[good], part.labels[good])


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}×{shape[1]}"
