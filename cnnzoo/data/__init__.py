"""Real images by name, and the pipelines that feed them to a net."""

from pathlib import Path

from cnnzoo.data import folders, tfds_source
from cnnzoo.data.augmentation import AUGMENTATIONS, Augmentation
from cnnzoo.data.file_split import broken_files_named
from cnnzoo.data.in_memory import DIGITS, DIGITS_SIZE, fake, from_arrays, load_digits
from cnnzoo.data.pipeline import eval_pipeline, steps_per_epoch, train_pipeline
from cnnzoo.data.source import AnySplit, Source, Split, StreamedSplit
from cnnzoo.errors import InputError

__all__ = [
    "AUGMENTATIONS",
    "AnySplit",
    "Augmentation",
    "Source",
    "Split",
    "StreamedSplit",
    "broken_files_named",
    "eval_pipeline",
    "fake",
    "from_arrays",
    "load",
    "steps_per_epoch",
    "train_pipeline",
]


def load(
    name: str | Path,
    *,
    data_dir: str | Path | None = None,
    image_size: tuple[int, int] | None = None,
    stream: bool | None = None,
    cache: str | Path | None = None,
    train: str | None = None,
    test: str | None = None,
    on_error: str = "raise",
    train_examples: int | None = None,
    test_examples: int | None = None,
    with_test: bool = True,
) -> Source:
    """Load a data set by its name, decoded once, into uint8 arrays, or leave it on disk to be streamed.

    Args:
        name: `"digits"`, which ships with scikit-learn; any TFDS image classification set, such as `"mnist"` or
            `"cifar10:3.0.2"`; or a folder of class folders, as `cnnzoo.data.folders.load` says. A name that TFDS knows
            is TFDS'; write `"./mnist"` for a folder of that name.
        data_dir: where TFDS keeps its data; default `TFDS_DATA_DIR`, else TFDS' own folder. What is
            not there is downloaded.
        image_size: `(height, width)`; needed only for a set whose images have many sizes. Each is
            rescaled until it just covers the size (bilinear, antialiased), and its center cut out.
        stream: whether to leave the images on disk and decode them at each use; `None` for where they
            would take more than half of the memory. A streamed set is shuffled in blocks and holds out its
            last examples, so that results differ a little from those of the same set in memory.
        cache: a folder in which the images, decoded once, are kept as one file of uint8 pixels a split, to be read from
            there at each use, in this run and in later ones; for sets that take long to decode and do not fit into
            memory. Order and results are those of memory.
        train: what to train on, in TFDS' words, such as `"train[:90%]"`; default `"train"`.
        test: what to judge by, such as `"train[90%:]"`; default as `cnnzoo.data.tfds_source.load` says.
        on_error: what to do with a broken file in a folder: `"raise"` names it, `"skip"` leaves it out, says so and
            lists it in `Source.skipped`.
        train_examples: number of training images to load, the first ones; `None` for all.
        test_examples: number of test images to load.
        with_test: whether the test images are read at all; without, `Source.test` is empty. For who chooses something.

    Returns:
        A `Source` with its train and test images.

    Raises:
        InputError: no such data set, no images and labels in it, no network to fetch it, or not
            enough memory for it.

    Example:
    >>> digits = load("digits")
    >>> digits.image_shape, digits.classes, len(digits.train), len(digits.test)
    ((8, 8, 1), 10, 1437, 360)
    """
    _check(image_size, stream, cache, train_examples=train_examples, test_examples=test_examples)
    folder = _folder(name)
    if (folder or name == DIGITS) and not (train is None and test is None):
        raise InputError(f"train and test are words of TFDS' split language; {str(name)!r} is no TFDS set")
    if not folder and on_error != "raise":
        raise InputError(
            f"on_error={on_error!r} is for folders of images; {str(name)!r} is a data set without broken files"
        )
    if folder:
        source = folders.load(
            folder, image_size=image_size, stream=stream, on_error=on_error, cache=cache, with_test=with_test
        )
        return source.first(train_examples, test_examples)
    if name == DIGITS:
        if image_size not in (None, DIGITS_SIZE):
            raise InputError(
                f"the images of 'digits' are 8×8, and models resize them; image_size={image_size} is for TFDS"
            )
        if stream or cache is not None:
            raise InputError("the images of 'digits' are always in memory; stream=True and cache are for other sets")
        return load_digits(with_test=with_test).first(train_examples, test_examples)
    return tfds_source.load(
        str(name),
        data_dir=data_dir,
        image_size=image_size,
        stream=stream,
        train=train,
        test=test,
        train_examples=train_examples,
        test_examples=test_examples,
        cache=cache,
        with_test=with_test,
    )


def _check(image_size: object, stream: bool | None, cache: object, **counts: int | None) -> None:
    sides = image_size if isinstance(image_size, tuple | list) else ()
    if image_size is not None and not (len(sides) == 2 and all(type(side) is int and side > 0 for side in sides)):
        raise InputError(f"image_size must be (height, width), two positive integers, not {image_size!r}")
    for what, number in counts.items():
        if number is not None and (type(number) is not int or number < 1):
            raise InputError(f"{what} must be an integer of at least 1, or None for all, not {number!r}")
    if cache is not None and stream is not None:
        raise InputError(f"cache={str(cache)!r} says where decoded images lie; leave out stream={stream}")


def _folder(name: str | Path) -> Path | None:
    """Return the folder that a name means, if it means one: a path, or what only the file system knows."""
    if isinstance(name, Path) or Path(name).is_absolute() or name.startswith((".", "~")):
        return Path(name).expanduser()
    if name == DIGITS or not Path(name).is_dir() or tfds_source.knows(name):
        return None
    return Path(name)
