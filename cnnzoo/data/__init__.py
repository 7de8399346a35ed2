"""Data sets by name, and the input pipelines that feed them to a model."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cnnzoo.checks import integer, is_integer, refusal
from cnnzoo.data import folders, tfds_source
from cnnzoo.data.augmentation import AUGMENTATIONS, Augmentation
from cnnzoo.data.binarization import binarize, binarized
from cnnzoo.data.file_split import report_broken_files
from cnnzoo.data.in_memory import fake, from_arrays, load_digits
from cnnzoo.data.patches import load_patches
from cnnzoo.data.pipeline import eval_pipeline, steps_per_epoch, train_pipeline
from cnnzoo.data.source import AnySplit, Source, Split, StreamedSplit
from cnnzoo.data.tables import load_breast_cancer, load_csv
from cnnzoo.data.tfds_source import using_data_dir
from cnnzoo.errors import InputError, near_names

__all__ = [
    "AUGMENTATIONS",
    "AnySplit",
    "Augmentation",
    "Source",
    "Split",
    "StreamedSplit",
    "binarize",
    "eval_pipeline",
    "fake",
    "from_arrays",
    "is_at_hand",
    "load",
    "report_broken_files",
    "steps_per_epoch",
    "train_pipeline",
    "using_data_dir",
]

# Data sets that are always in memory: the name of each, and the function that loads it.
IN_MEMORY: dict[str, Callable[..., Source]] = {
    "digits": load_digits,
    "patches": load_patches,
    "breast_cancer": load_breast_cancer,
}


def load(
    name: str | Path,
    *,
    data_dir: str | Path | None = None,
    image_size: tuple[int, int] | None = None,
    stream: bool | None = None,
    cache: str | Path | None = None,
    train: str | None = None,
    test: str | None = None,
    binarize: str = "none",
    label: str | None = None,
    on_error: str = "raise",
    class_names: Sequence[str] | None = None,
    train_examples: int | None = None,
    test_examples: int | None = None,
    with_test: bool = True,
) -> Source:
    """Load a data set by its name, decoded once, into uint8 arrays, or leave it on disk to be streamed.

    Args:
        name: `"digits"`, the `"patches"` of photographs or the table `"breast_cancer"`, which ship with scikit-learn;
            the path of a CSV file, described at `cnnzoo.data.tables.load_csv`; any TFDS image classification data set,
            such as `"mnist"` or `"cifar10:3.0.2"`; or a folder of class folders, described at
            `cnnzoo.data.folders.load`. A name that TFDS
            knows is TFDS'; write `"./mnist"` for a folder of that name.
        data_dir: where TFDS keeps its data; default `TFDS_DATA_DIR`, else TFDS' own folder. What is
            not there is downloaded.
        image_size: `(height, width)`; needed only for a data set whose images have many sizes. The
            largest central part of each is resized to it (bilinear, antialiased where it becomes less than half as
            large); see `cnnzoo.data.decoding.crop_and_resize`.
        stream: whether to leave the images on disk and decode them at each use; `None` streams those that
            would take more than half of the memory. A streamed data set is shuffled in blocks and holds out its
            last examples, so that results differ a little from those of the same data set in memory.
        cache: a folder in which the images, decoded once, are kept as one file of uint8 pixels a split, to be read from
            there at each use, in this run and in later ones; for data sets that take long to decode and do not fit
            into memory. Order and results are the same as in memory.
        train: training split, in TFDS' split language, such as `"train[:90%]"`; default `"train"`.
        test: test split, such as `"train[90%:]"`; default as described at `cnnzoo.data.tfds_source.load`.
        binarize: `"none"`; or black and white pixels, drawn with the probabilities that the grays say: `"fixed"`, once,
            or `"dynamic"`, where the training images stay gray, for draws of their own at each visit.
        label: name of the column of a CSV file that holds the classes; `None` where there is none.
        on_error: how to handle a file in a folder that cannot be decoded: `"raise"` stops and names it, `"skip"` leaves
            it out, warns and lists it in `Source.skipped`.
        class_names: the class folders of a folder in the order of their labels; default the alphabetical one.
        train_examples: number of training images to load, the first ones, or of a folder, which is in the order of its
            classes, evenly spread ones; `None` for all.
        test_examples: number of test images to load.
        with_test: whether the test images are read at all; without, `Source.test` is empty. Set it to `False` where
            something is chosen.

    Returns:
        A `Source` with its train and test images.

    Raises:
        InputError: no such data set, no images and labels in it, no network to download it, or not
            enough memory for it.

    Example:
    >>> digits = load("digits")
    >>> digits.image_shape, digits.classes, len(digits.train), len(digits.test)
    ((8, 8, 1), 10, 1437, 360)
    """
    if not isinstance(name, str | Path) or not str(name):
        raise refusal("name", "the name of a data set, or the path of a folder", name)
    _check(image_size, stream, cache, train_examples=train_examples, test_examples=test_examples)
    image_size = None if image_size is None else (int(image_size[0]), int(image_size[1]))
    parts: dict[str, Any] = {"train": train, "test": test}
    counts = {"train_examples": train_examples, "test_examples": test_examples}
    options: dict[str, Any] = {"image_size": image_size, "stream": stream, "cache": cache, "with_test": with_test}
    if str(name).endswith(".csv"):
        _refuse_for_table(name, **parts, image_size=image_size, stream=stream, cache=cache)
        source = load_csv(Path(name).expanduser(), label=label, with_test=with_test).first(*counts.values())
    elif label is not None:
        raise InputError(f"label={label!r} names a column of a CSV file; {str(name)!r} is none")
    else:
        source = _load_images(name, data_dir, parts, on_error, class_names, counts, options)
    return binarized(source, binarize)


def is_at_hand(name: str | Path) -> bool:
    """Return whether a data set is on this machine, so that `load` downloads nothing.

    Args:
        name: as `load` takes it.

    Example:
    >>> is_at_hand("digits"), is_at_hand("./no_such_folder")
    (True, False)
    """
    if str(name) in IN_MEMORY:
        return True
    try:
        folder = Path(name).expanduser() if str(name).endswith(".csv") else _folder(name)
        return folder.exists() if folder else tfds_source.is_prepared(str(name))
    except InputError:
        return False


def _load_images(
    name: str | Path,
    data_dir: str | Path | None,
    parts: dict[str, Any],
    on_error: str,
    class_names: Sequence[str] | None,
    counts: dict[str, Any],
    options: dict[str, Any],
) -> Source:
    """Load a folder, a data set in memory or one of TFDS."""
    folder = _folder(name)
    if (folder or name in IN_MEMORY) and any(parts.values()):
        raise InputError(f"train and test are in TFDS' split language; {str(name)!r} is not a TFDS data set")
    if folder:
        return folders.load(folder, on_error=on_error, class_names=class_names, **counts, **options)
    if on_error != "raise":
        raise InputError(
            f"on_error={on_error!r} is for folders of images; {str(name)!r} is a data set without broken files"
        )
    if class_names is not None:
        raise InputError(f"class_names is for folders of images; {str(name)!r} has classes in an order of its own")
    if name in IN_MEMORY:
        return _load_in_memory(str(name), **options).first(*counts.values())
    with using_data_dir(data_dir):
        return tfds_source.load(str(name), others=IN_MEMORY, **parts, **counts, **options)


def _refuse_for_table(name: str | Path, **given: Any) -> None:
    if unfit := [option for option, value in given.items() if value is not None]:
        raise InputError(f"{', '.join(unfit)} is for images; {str(name)!r} is a table, which is in memory")


def _load_in_memory(name: str, *, image_size: object, stream: bool | None, cache: object, with_test: bool) -> Source:
    source = IN_MEMORY[name](with_test=with_test)
    if stream or cache is not None:
        of_name = f"the {source.kind} of {name!r}"
        raise InputError(f"{of_name} are always in memory; stream=True and cache are for other data sets")
    if image_size not in (None, source.image_shape[:2]):
        size = "×".join(map(str, source.image_shape[:2]))
        what = f"{size}, and models resize them" if source.kind == "images" else "no images"
        raise InputError(f"the {source.kind} of {name!r} are {what}; leave out image_size={image_size}")
    return source


def _check(image_size: object, stream: bool | None, cache: object, **counts: int | None) -> None:
    sides = image_size if isinstance(image_size, tuple | list) else ()
    if image_size is not None and not (len(sides) == 2 and all(is_integer(side) and side > 0 for side in sides)):
        raise refusal("image_size", "(height, width), two positive integers", image_size)
    for name, count in counts.items():
        integer(name, count, or_none="all")
    if cache is not None and stream is not None:
        raise InputError(f"cache={str(cache)!r} is a folder of decoded images; leave out stream={stream}")


def _folder(name: str | Path) -> Path | None:
    """Return the folder that a name stands for, or `None` for the name of a data set, perhaps a mistyped one."""
    if isinstance(name, Path) or Path(name).is_absolute() or name.startswith((".", "~")):
        return Path(name).expanduser()
    if name in IN_MEMORY or tfds_source.knows(name):
        return None
    if Path(name).exists() or not {"/", os.sep, "."}.isdisjoint(name):
        return Path(name)
    if near_names(name, tfds_source.all_names(IN_MEMORY)):
        return None
    raise InputError(f"there is neither a folder nor a data set {name!r} (this is {str(Path.cwd())!r})")
