"""What a model's file may take: known before any of it is taken, so that a small file cannot fill the memory."""

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras

from cnnzoo.errors import InputError
from cnnzoo.keras_internals import shape_of_new

CONFIG, WEIGHTS = "config.json", "model.weights.h5"  # names in the archive
CONFIG_BYTES = 2**24  # far more than that of a net with a thousand layers has
FREE_BYTES = 2**26  # below it, nothing is too much
MOST_VALUES = 2**26  # in a shape
PACKED = 20  # times the bytes on disk that others may be packed from; Keras itself packs nothing
SLOTS = 8  # times the bytes of the weights that variables may take: those of the optimizer may be missing in the file


def check_file(path: Path) -> int:
    """Check what the parts of a `.keras`, `.weights.h5` or `.npz` file would take, and return the bytes of its weights.

    Raises:
        InputError: its parts are packed from far more than there is on disk.
        Exception: it is damaged, of the kinds of `zipfile` and `h5py`.
    """
    # A file can be both, and its readers choose by its suffix; of what is neither, they complain.
    weights = _check_hdf5(path) if h5py.is_hdf5(path) else 0
    return _check_archive(path) if zipfile.is_zipfile(path) else weights


def _check_archive(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        total = sum(entry.file_size for entry in archive.infolist())  # also of those that have the same name
        if sizes.get(CONFIG, 0) > CONFIG_BYTES:
            raise _too_large(path, f"its {CONFIG} has {sizes[CONFIG]:,} bytes; {CONFIG_BYTES:,} are allowed")
        _check_packed(path, "its parts", total, path.stat().st_size)
        if CONFIG in sizes:
            _check_shapes(path, archive.read(CONFIG))
        if WEIGHTS not in sizes:
            return 0
        with archive.open(WEIGHTS) as file:
            return _check_hdf5(path, file.read())


def _check_shapes(path: Path, config: bytes) -> None:
    """Check that no shape in a configuration has more values than fit: some layers make constants of such a shape."""
    waiting = [("", json.loads(config))]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):  # what is below a shape is one, too
            waiting += [(f"{name} {key}" if "shape" in name else key, each) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [(name, each) for each in value if isinstance(each, dict | list)]
            values = math.prod(each for each in value if isinstance(each, int) and each > 0)
            if "shape" in name and values > MOST_VALUES:
                raise _too_large(path, f"its {CONFIG} has a shape of {values:,} values; {MOST_VALUES:,} are allowed")


def _check_hdf5(path: Path, content: bytes | None = None) -> int:
    """Check the arrays of an HDF5 file, or of one that an archive holds, and return their bytes."""
    sizes: list[int] = []

    def add(_: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            sizes.append(math.prod(entry.shape or ()) * entry.dtype.itemsize)

    with h5py.File(path if content is None else io.BytesIO(content)) as file:
        file.visititems(add)  # does not follow links out of the file, which Keras refuses
    _check_packed(path, "its arrays", sum(sizes), path.stat().st_size if content is None else len(content))
    return sum(sizes)


@contextmanager
def bounded_variables(path: Path, weights: int) -> Iterator[None]:
    """Refuse variables that are made in the block, before they are, once they take far more than the file's weights.

    Holds where Keras computes by TensorFlow; other backends have no way to hear of a variable before it is made.

    Args:
        path: the file that the model comes from.
        weights: bytes of the weights in it.

    Raises:
        InputError: they would take more; Keras may raise an error of its own from it.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    taken = 0

    def create(next_creator: Callable[..., Any], **options: Any) -> Any:
        nonlocal taken
        if shape := shape_of_new(options.get("initial_value")):
            taken += math.prod(shape) * tf.as_dtype(options["dtype"]).size
        if taken > FREE_BYTES + SLOTS * weights:
            raise _too_large(path, f"its layers would take {taken:,} bytes or more, and its weights have {weights:,}")
        return next_creator(**options)

    with tf.variable_creator_scope(create):
        yield


def _check_packed(path: Path, what: str, size: int, on_disk: int) -> None:
    if size > FREE_BYTES + PACKED * on_disk:
        raise _too_large(path, f"{what} would take {size:,} bytes, and are packed into {on_disk:,}")


def _too_large(path: Path, why: str) -> InputError:
    advice = "delete it" if path.suffix == ".npz" else "where you do trust it, Keras itself reads it"
    return InputError(f"{str(path)!r} is not to be trusted: {why}; {advice}")
