"""What a person gives as data, checked and brought to rows."""

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from cnnzoo.errors import InputError
from cnnzoo.pretraining.rows import ArrayRows, Rows, StreamRows, at_a_time


def examples(data: Any, model: keras.Model) -> Rows:
    """Return the rows of what a model is to be pretrained on.

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
            f"data must be images alone, without labels: an array or batches of arrays, not a {type(data).__name__}"
        )
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        array = _array(data)
        _check(array, expected, "data")
        return ArrayRows(array, dtype)
    if isinstance(data, str) or not isinstance(data, Iterable | keras.utils.PyDataset):
        raise InputError(f"data must be an array {_wanted(expected)} or batches of such arrays, not {data!r}")
    return _streamed(data, expected, dtype)


def check_finite(rows: Rows) -> None:
    """Refuse values that are not finite.

    Raises:
        InputError: there are some.
    """
    for batch in rows.in_order(at_a_time(rows.shape)):
        if batch.dtype.kind == "f" and not np.isfinite(batch).all():
            raise InputError("data holds values that are not finite (NaN or infinite); clean or leave out those images")


def _array(values: Any) -> np.ndarray:
    return values if isinstance(values, np.ndarray) else keras.ops.convert_to_numpy(values)


def _check(array: np.ndarray, expected: tuple[int | None, ...], what: str) -> None:
    """Check kind and shape; the values are looked at later."""
    if array.ndim <= 1 and len(expected) >= 1 and array.dtype.kind in "iub":
        raise InputError(
            f"{what} has shape {array.shape} and integers in it, which looks like labels; "
            f"images {_wanted(expected)} should be there"
        )
    sides = array.shape[1:]
    fits = len(sides) == len(expected) and all(a in (None, b) for a, b in zip(expected, sides, strict=True))
    if not array.ndim or not fits:
        raise InputError(f"{what} has shape {array.shape}; the model takes {_wanted(expected)}")
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise InputError(f"{what} has dtype {array.dtype}; it must hold numbers")
    if not len(array):
        raise InputError(f"{what} is empty; at least one image is needed")


def _wanted(expected: tuple[int | None, ...]) -> str:
    return f"(n, {', '.join('any' if side is None else str(side) for side in expected)})"


def _streamed(data: Iterable[Any], expected: tuple[int | None, ...], dtype: str) -> StreamRows:
    if iter(data) is data:
        raise InputError(
            "data is an iterator, which can be read only once; give an array, a tf.data.Dataset, "
            "a keras.utils.PyDataset or a list of batches"
        )
    if not _is_finite(data):
        raise InputError("data has no end; give a dataset that is not repeated")
    batches = _Checked(data, expected)
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


class _Checked:
    """The batches of a dataset as arrays, each checked when it comes.

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
                    f"the batches of data must be images alone, without labels, not a {type(batch).__name__}; "
                    "leave the labels out, as data.map(lambda images, labels: images) does"
                )
            array = _array(batch)
            _check(array, self._expected, "a batch of data")
            yield array
