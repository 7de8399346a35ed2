"""PyTorch's files of tensors, read without PyTorch, and without calling a function that a file names."""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",  # of ml_dtypes, which Keras imports
    "LongStorage": "<i8",
}
STREAM = (0x1950A86A20F9469CFC6C, 1001)  # the numbers that files of PyTorch before 1.6 start with


class Tensor(NamedTuple):
    """What a file says of a tensor: in which storage its values lie, and where."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(path: Path) -> Any:
    """Return what `torch.save` wrote, with an array in the place of every tensor of a state dict.

    Args:
        path: a file in the format of today, or in that before PyTorch 1.6.

    Raises:
        pickle.UnpicklingError: the file is none, or names anything but dicts and tensors, which is not called.
        Exception: other ones of `pickle`, `zipfile` and NumPy: the file is damaged.

    Source: PyTorch's torch/serialization.py.
    """
    content, storages = _from_zip(path) if zipfile.is_zipfile(path) else _from_stream(path)
    if not isinstance(content, dict):
        return content
    return {name: _view(each, storages) if isinstance(each, Tensor) else each for name, each in content.items()}


def _from_zip(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
    with zipfile.ZipFile(path) as archive:
        root = next(name for name in archive.namelist() if name.endswith("data.pkl")).removesuffix("data.pkl")
        content, dtypes = _unpickled(io.BytesIO(archive.read(f"{root}data.pkl")))
        return content, {key: np.frombuffer(archive.read(f"{root}data/{key}"), dtypes[key]) for key in dtypes}


def _from_stream(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
    file = io.BytesIO(path.read_bytes())
    if (_unpickled(file)[0], _unpickled(file)[0]) != STREAM:
        raise pickle.UnpicklingError("it starts otherwise")
    _, (content, dtypes), (keys, _) = _unpickled(file), _unpickled(file), _unpickled(file)
    storages = {}
    for key in keys:
        size = int.from_bytes(file.read(8), "little")
        storages[key] = np.frombuffer(file.getbuffer(), dtypes[key], size, file.tell())
        file.seek(storages[key].nbytes, io.SEEK_CUR)
    return content, storages


def _unpickled(file: io.BytesIO) -> tuple[Any, dict[str, np.dtype]]:
    """Return what the next pickle holds, with a `Tensor` for each tensor, and the type of each storage.

    Nothing is called but `OrderedDict` and two functions, which are new for every pickle: it can set attributes of
    what it calls.
    """

    def tensor(storage, offset, shape, strides, *_):
        return Tensor(storage, offset, shape, strides)

    def parameter(data, *_):
        return data

    known = {("collections", "OrderedDict"): OrderedDict, **{("torch", name): name for name in DTYPES}}
    known |= {("torch._utils", "_rebuild_tensor_v2"): tensor, ("torch._utils", "_rebuild_parameter"): parameter}
    dtypes: dict[str, np.dtype] = {}

    class Unpickler(pickle.Unpickler):  # noqa: S301 (it finds what is known above, and nothing else)
        def find_class(self, module, name):
            if (module, name) not in known:
                raise pickle.UnpicklingError(f"it names {module}.{name}")
            return known[module, name]

        def persistent_load(self, pid):
            _, dtype, key, *_ = pid
            dtypes[key] = np.dtype(DTYPES[dtype])
            return key

    return Unpickler(file).load(), dtypes


def _view(tensor: Tensor, storages: dict[str, np.ndarray]) -> np.ndarray:
    """Return a tensor's values, which must all lie in its storage."""
    values = storages[tensor.storage]
    last = tensor.offset + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    if min(0, tensor.offset, *tensor.shape, *tensor.strides) < 0 or (0 not in tensor.shape and last >= len(values)):
        raise ValueError(f"a tensor is larger than its storage of {len(values)} values")
    strides = [stride * values.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, strides, writeable=False)
