"""Real images by name, and the pipelines that feed them to a net."""

from pathlib import Path

from cnnzoo.data import digits, tfds_source
from cnnzoo.data.augmentation import AUGMENTATIONS, Augmentation
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
    "eval_pipeline",
    "load",
    "steps_per_epoch",
    "train_pipeline",
]


def load(
    name: str,
    *,
    data_dir: str | Path | None = None,
    image_size: tuple[int, int] | None = None,
    stream: bool | None = None,
    examples: int | None = None,
    test_examples: int | None = None,
) -> Source:
    """Load a data set by its name, decoded once, into uint8 arrays, or leave it on disk to be streamed.

    Args:
        name: `"digits"`, which ships with scikit-learn, or any TFDS image classification set, such
            as `"mnist"` or `"cifar10"`.
        data_dir: where TFDS keeps its data; default `TFDS_DATA_DIR`, else TFDS' own folder. What is
            not there is downloaded.
        image_size: `(height, width)`; needed only for a set whose images have many sizes. Each is
            rescaled until it just covers the size (bilinear, antialiased), and its centre cut out.
        stream: whether to leave the images on disk and decode them at each use; `None` for where they
            would take more than half of the memory. A streamed set is shuffled in blocks and holds out its
            last examples, so that results differ a little from those of the same set in memory.
        examples: number of training images to load, the first ones; `None` for all.
        test_examples: number of test images to load.

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
    for what, number in (("examples", examples), ("test_examples", test_examples)):
        if number is not None and (type(number) is not int or number < 1):
            raise InputError(f"{what} must be an integer of at least 1, or None for all, not {number!r}")
    if name == digits.NAME:
        if image_size not in (None, digits.SIZE):
            raise InputError(
                f"the images of 'digits' are 8×8, and models resize them; image_size={image_size} is for TFDS"
            )
        if stream:
            raise InputError("the images of 'digits' are always in memory; stream=True is for TFDS")
        return digits.load().first(examples, test_examples)
    return tfds_source.load(
        name,
        data_dir=data_dir,
        image_size=image_size,
        stream=stream,
        examples=examples,
        test_examples=test_examples,
    )
