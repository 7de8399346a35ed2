"""The numbers of a page: one block of bytes, and where in it each array lies."""

from typing import Any

import keras
import numpy as np

from cnnzoo.checks import choice

DTYPES = ("float16", "float32")
STEP = 4  # each array starts at a multiple of so many bytes, as typed arrays in JavaScript need it


class Block:
    """Bytes to which arrays are added.

    Args:
        dtype: `"float16"` or `"float32"`, in which floating-point arrays are kept.

    Raises:
        InputError: another type.

    Example:
    >>> block = Block("float16")
    >>> block.add(np.array([1.0, 2.0], "float32")), block.add(np.array([3, 4], "uint8"))
    ({'shape': [2], 'dtype': 'float16', 'at': 0}, {'shape': [2], 'dtype': 'uint8', 'at': 4})
    """

    def __init__(self, dtype: str):
        self.dtype = choice("dtype", dtype, DTYPES)
        self._parts: list[bytes] = []
        self._size = 0
        self._known: dict[int, dict[str, Any]] = {}
        self._kept: list[Any] = []  # so that no other array gets the identity of one that is known

    def add(self, values: Any) -> dict[str, Any]:
        """Return where an array lies in the block; a weight that is added again lies where it was.

        Args:
            values: a weight of Keras, or an array; uint8 stays uint8, and numbers that are made of several weights,
                which come as float64, are kept in float32.
        """
        if id(values) in self._known:
            return self._known[id(values)]
        array = np.asarray(keras.ops.convert_to_numpy(values))
        if array.dtype != np.uint8:
            array = rounded(array, "float32" if array.dtype == np.float64 else self.dtype)
        entry = {"shape": list(array.shape), "dtype": str(array.dtype), "at": self._size}
        content = array.astype(array.dtype.newbyteorder("<")).tobytes()
        content += bytes(-len(content) % STEP)
        self._parts.append(content)
        self._size += len(content)
        self._known[id(values)] = entry
        self._kept.append(values)
        return entry

    def content(self) -> bytes:
        """Return all bytes."""
        return b"".join(self._parts)


def rounded(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return values as `dtype`; what is too large for half precision becomes its largest number.

    Example:
    >>> rounded(np.array([0.1, 1e6]), "float16").tolist()
    [0.0999755859375, 65504.0]
    """
    limits = np.finfo(dtype)
    return np.clip(values, limits.min, limits.max).astype(dtype)
