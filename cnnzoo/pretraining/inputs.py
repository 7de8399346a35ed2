"""Examples that can be read row by row: from an array, from a file, or as a stream of batches."""

import math
import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import keras
import numpy as np

from cnnzoo.errors import InputError
from cnnzoo.files import read_rows

MAX_ROWS = 1000  # at a time, where nothing is trained
MAX_BYTES = 2**25


def rows_per_batch(*shapes: tuple[int, ...]) -> int:
    """Return how many rows to compute at a time, so that the largest of some shapes stays within 32 MiB.

    Example:
    >>> rows_per_batch((784,), (1000,)), rows_per_batch((227, 227, 3), (55, 55, 96))
    (1000, 28)
    """
    largest = max(4 * int(np.prod(shape)) for shape in shapes)
    return max(1, min(MAX_ROWS, MAX_BYTES // largest))


class ArrayRows:
    """The rows of an array in memory, as float32 or, for integer inputs, as they are.

    Args:
        array: NumPy array `(n, …)`.
        dtype: what rows are cast to.
        shape: the shape of a row, if not that of the array's.
    """

    def __init__(self, array: np.ndarray, dtype: str = "float32", shape: tuple[int, ...] | None = None):
        self._array: np.ndarray | None = array
        self.dtype = dtype
        self.shape = array.shape[1:] if shape is None else shape
        self.count = len(array)

    def reshaped(self, shape: tuple[int, ...]) -> "ArrayRows":
        """Return the same rows, in another shape when they are read; nothing is copied."""
        assert self._array is not None, "closed"
        return ArrayRows(self._array, self.dtype, shape)

    def read(self, where: np.ndarray | slice) -> np.ndarray:
        """Return the rows of some indices, or of a slice."""
        assert self._array is not None, "closed"
        return self._array[where].astype(self.dtype, copy=False).reshape(-1, *self.shape)

    def in_order(self, size: int) -> Iterator[np.ndarray]:
        """Yield all rows in order, `size` at a time; the last ones as few as they are."""
        for start in range(0, self.count, size):
            yield self.read(slice(start, start + size))

    def epoch(self, generator: np.random.Generator, size: int, steps: int) -> Iterator[np.ndarray]:
        """Yield `steps` batches of `size` rows, in a new order."""
        order = generator.permutation(self.count)
        for step in range(steps):
            yield self.read(order[step * size : (step + 1) * size])

    def close(self) -> None:
        """Release the array, also where others still hold these rows."""
        self._array = None


class FileRows(ArrayRows):
    """The float32 rows of a file, read from the disk each time.

    Args:
        file: a binary file, closed by `close`.
        shape: shape of a row.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]):
        self._file = file
        self._lock = threading.Lock()
        self.shape = shape
        self.dtype = "float32"
        self.count = os.fstat(file.fileno()).st_size // (4 * math.prod(shape))

    def read(self, where: np.ndarray | slice) -> np.ndarray:
        """Return the rows of some indices, or of a slice."""
        indices = range(self.count)[where] if isinstance(where, slice) else where
        with self._lock:  # `close` waits for the reader, which may be a thread of tf.data
            return read_rows(self._file, indices, self.shape, self.dtype)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


class StreamRows:
    """The rows of batches that can be read again and again, in an order of their own.

    Args:
        batches: an iterable of arrays `(batch, …)`.
        count: number of rows.
        shape: shape of a row.
        dtype: what rows are cast to.
    """

    def __init__(self, batches: Iterable[Any], count: int, shape: tuple[int, ...], dtype: str = "float32"):
        self._batches = batches
        self.dtype = dtype
        self.count = count
        self.shape = shape

    def in_order(self, size: int) -> Iterator[np.ndarray]:
        """Yield all rows in the order of the stream, `size` at a time; the last ones as few as they are."""
        pending: list[np.ndarray] = []
        count = 0
        for batch in self._batches:
            pending.append(np.asarray(batch).astype(self.dtype, copy=False))
            count += len(pending[-1])
            if count >= size:
                rows = np.concatenate(pending)
                end = count - count % size
                yield from (rows[start : start + size] for start in range(0, end, size))
                pending, count = [rows[end:]], count - end
        if count:
            yield np.concatenate(pending)

    def epoch(self, generator: np.random.Generator, size: int, steps: int) -> Iterator[np.ndarray]:
        """Yield `steps` batches of `size` rows, in the order of the stream."""
        del generator
        yield from (rows for rows, _ in zip(self.in_order(size), range(steps), strict=False))

    def close(self) -> None:
        """Nothing is held."""


Rows = ArrayRows | StreamRows


def rows_of(data: Any, model: keras.Model) -> Rows:
    """Return the rows of the data that a model is pretrained on.

    Args:
        data: an array `(n, *input_shape)`, or batches of such: a `tf.data.Dataset`, a `keras.utils.PyDataset`
            or another iterable that can be read several times.
        model: the model, which has one input.

    Raises:
        InputError: labels instead of images or beside them, another shape, nothing, or values that are not finite.
    """
    expected = tuple(model.inputs[0].shape[1:])
    dtype = keras.backend.standardize_dtype(model.inputs[0].dtype)
    if isinstance(data, dict | tuple):
        raise InputError(
            "`data` must be images alone, without labels: an array or batches of arrays. "
            f"Received: a {type(data).__name__}"
        )
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        array = _array(data)
        _check(array, expected, "data")
        return ArrayRows(array, dtype)
    if isinstance(data, str) or not isinstance(data, Iterable | keras.utils.PyDataset):
        raise InputError(f"`data` must be an array {_text(expected)} or batches of such arrays. Received: {data!r}")
    return _stream(data, expected, dtype)


def check_finite(rows: Rows) -> None:
    """Check that all values are finite.

    Raises:
        InputError: some are not.
    """
    for batch in rows.in_order(rows_per_batch(rows.shape)):
        if batch.dtype.kind == "f" and not np.isfinite(batch).all():
            raise InputError("data holds values that are not finite (NaN or infinite); clean or leave out those images")


def _array(values: Any) -> np.ndarray:
    return values if isinstance(values, np.ndarray) else keras.ops.convert_to_numpy(values)


def _check(array: np.ndarray, expected: tuple[int | None, ...], name: str) -> None:
    """Check type and shape; `check_finite` checks the values later."""
    if array.ndim <= 1 and len(expected) >= 1 and array.dtype.kind in "iub":
        raise InputError(
            f"{name} has shape {array.shape} and integers in it, which looks like labels; "
            f"it must be images {_text(expected)}"
        )
    shape = array.shape[1:]
    fits = len(shape) == len(expected) and all(a in (None, b) for a, b in zip(expected, shape, strict=True))
    if not array.ndim or not fits:
        raise InputError(f"{name} has shape {array.shape}; the model takes {_text(expected)}")
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise InputError(f"{name} has dtype {array.dtype}; it must hold numbers")
    if not len(array):
        raise InputError(f"{name} is empty; at least one image is needed")


def _text(expected: tuple[int | None, ...]) -> str:
    return f"(n, {', '.join('any' if side is None else str(side) for side in expected)})"


def _stream(data: Iterable[Any], expected: tuple[int | None, ...], dtype: str) -> StreamRows:
    if iter(data) is data:
        raise InputError(
            "data is an iterator, which can be read only once; give an array, a tf.data.Dataset, "
            "a keras.utils.PyDataset or a list of batches"
        )
    if not _is_finite(data):
        raise InputError("data has no end; give a dataset that is not repeated")
    batches = _CheckedBatches(data, expected)
    count, shape = 0, None
    for batch in batches:
        if shape not in (None, batch.shape[1:]):
            raise InputError(f"the batches of data differ in shape: {shape} and {batch.shape[1:]}")
        count, shape = count + len(batch), batch.shape[1:]
    if shape is None:
        raise InputError("data is empty; at least one image is needed")
    return StreamRows(batches, count, shape, dtype)


def _is_finite(data: Any) -> bool:
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is not None
    cardinality = getattr(data, "cardinality", None)
    return cardinality is None or int(cardinality()) != -1  # tf.data.INFINITE_CARDINALITY


class _CheckedBatches:
    """The batches of a dataset as arrays, each checked when it is read.

    Args:
        data: the dataset.
        expected: shape of an image; `None` for sides that may have any size.
    """

    def __init__(self, data: Iterable[Any], expected: tuple[int | None, ...]):
        self._data = data
        self._expected = expected

    def __iter__(self) -> Iterator[np.ndarray]:
        for batch in self._data:
            if isinstance(batch, dict | tuple | list):
                raise InputError(
                    f"the batches of data must be images alone, without labels. Received: a {type(batch).__name__}; "
                    "leave the labels out, as data.map(lambda images, labels: images) does"
                )
            array = _array(batch)
            _check(array, self._expected, "a batch of data")
            yield array
