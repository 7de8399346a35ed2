"""Codes: what the trained layers make of the data, computed once and kept in memory or in a file."""

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO, Literal

import keras
import numpy as np

from cnnzoo.errors import InputError
from cnnzoo.files import make_folder
from cnnzoo.pretraining.graph import Segment
from cnnzoo.pretraining.inputs import ArrayRows, FileRows, Rows, StreamRows, at_a_time
from cnnzoo.pretraining.stages import Stage

Cache = str | Path | Literal[False]


class Ascent:
    """Give each stage the rows that it trains on.

    Cached codes are computed from the cached codes below them, in one pass. Without a cache the rows
    are the data, and the frozen layers below run on every batch.

    Args:
        model: the model, which has one input.
        data: its examples.
        cache: `"memory"`, a folder or `False`.
        slices: in how many slices, side by side, codes are computed.
    """

    def __init__(self, model: keras.Model, data: Rows, cache: Cache, slices: int = 1):
        self._data = self._rows = data
        self.slices = slices
        self._start = self._at = model.inputs[0]
        self._cache = cache

    def shape_of(self, stage: Stage) -> tuple[int, ...]:
        """Return the shape of one example's codes."""
        shape = tuple(stage.codes.shape[1:])
        if None not in shape:
            return shape
        example = next(iter(self._data.in_order(1)))  # sides that the model leaves open
        return tuple(Segment(self._start, stage.codes)(keras.ops.convert_to_tensor(example)).shape[1:])

    def check_memory(self, stages: list[Stage]) -> None:
        """Refuse before the first step what would not fit later.

        Raises:
            InputError: the codes of a stage take more than half of the memory available.
        """
        for stage in stages:
            if self._cache == "memory" and stage.codes is not self._start and not self._is_data(stage):
                check_memory(self._data.count, self.shape_of(stage))

    def _is_data(self, stage: Stage) -> bool:
        in_array = type(self._data) is ArrayRows and self._data.dtype == "float32"
        return in_array and Segment(self._start, stage.codes).only_reshapes

    def up_to(self, stage: Stage) -> tuple[Rows, Callable[[Any], Any] | None]:
        """Return the rows for a stage, and what makes codes of them if they are none yet."""
        if self._cache is False:
            below = Segment(self._start, stage.codes)
            return self._data, None if below.is_identity else below
        try:
            part = Segment(self._at, stage.codes)
        except ValueError:  # the codes depend on more than the codes before them: up from the data again
            self.close()
            part = Segment(self._at, stage.codes)
        shape = self.shape_of(stage)
        if part.only_reshapes and type(self._rows) is ArrayRows and self._rows.dtype == "float32":
            self._rows = self._rows.reshaped(shape)
        elif not part.is_identity or isinstance(self._rows, StreamRows):
            codes = computed(self._rows, part, self._cache, shape, self.slices)
            self.close()
            self._rows = codes
        self._at = stage.codes
        return self._rows, None

    def close(self) -> None:
        """Let go of the codes."""
        if self._rows is not self._data:
            self._rows.close()
        self._rows, self._at = self._data, self._start


def computed(
    rows: Rows, function: Callable[[Any], Any], cache: str | Path, shape: tuple[int, ...], slices: int = 1
) -> ArrayRows:
    """Return what a function makes of all rows, in order.

    Args:
        rows: what goes in.
        function: takes and returns a float tensor `(batch, …)`, or slices of one.
        cache: `"memory"`, or the folder for a file.
        shape: shape of what comes out of one row.
        slices: in how many slices, side by side, a batch goes through the function.

    Raises:
        InputError: it would not fit into half of the memory available, or the folder cannot be written to.
    """
    few = compiled(function, rows)
    run = few if slices == 1 else compiled(_in_batch_shards(function, slices), rows)
    batches = (
        keras.ops.convert_to_numpy((run if len(batch) >= slices else few)(batch)).astype("float32", copy=False)
        for batch in rows.in_order(at_a_time(rows.shape, shape))
    )
    if cache == "memory":
        check_memory(rows.count, shape)
        codes = np.empty((rows.count, *shape), "float32")
        start = 0
        for batch in batches:
            codes[start : start + len(batch)] = batch
            start += len(batch)
        return ArrayRows(codes)
    return FileRows(_written(batches, Path(cache)), shape)


def _in_batch_shards(function: Callable[[Any], Any], slices: int) -> Callable[[Any], Any]:
    from cnnzoo.distribute.slices import cut, joined

    return lambda batch: joined(function(cut(batch, slices)))


def _written(batches: Iterable[np.ndarray], folder: Path) -> BinaryIO:
    """Write batches to a file without a name, which is gone when it is closed or the process ends, however it does."""
    make_folder(folder)
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    try:
        for batch in batches:
            file.write(np.ascontiguousarray(batch).data)
        file.flush()
    except OSError as error:
        file.close()
        raise InputError(f"cannot write codes to the folder {str(folder)!r}: {error.strerror}") from error
    return file


def check_memory(count: int, shape: tuple[int, ...]) -> None:
    """Refuse codes that would take more than half of the memory available."""
    needed, available = 4 * count * int(np.prod(shape, dtype="int64")), available_memory()
    if needed > available / 2:
        raise InputError(
            f"codes of shape {(count, *shape)} take {_gigabytes(needed)}, more than half of the "
            f"{_gigabytes(available)} of memory available; give cache=folder to keep them in a file, "
            "or cache=False to compute them anew for every batch"
        )


def _gigabytes(number: float) -> str:
    return f"{number / 2**30:,.1f} GiB"


def available_memory() -> int:
    """Return the bytes of memory that can be had without swapping."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    except OSError:  # not Linux
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def compiled(function: Callable[[Any], Any], rows: Rows) -> Callable[[np.ndarray], Any]:
    """Compile a function of batches of rows as the backend does."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        signature = tf.TensorSpec((None, *rows.shape), rows.dtype)
        traced = tf.function(lambda batch: function(batch), autograph=False).get_concrete_function(signature)
        return lambda batch: traced(tf.convert_to_tensor(batch))
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(lambda batch: function(batch))
    return lambda batch: function(keras.ops.convert_to_tensor(batch))


def in_unit_range(rows: Rows, function: Callable[[Any], Any]) -> bool:
    """Return whether all that a function makes of the rows lies in [0, 1]."""
    run = compiled(function, rows)
    for batch in rows.in_order(at_a_time(rows.shape)):
        values = keras.ops.convert_to_numpy(run(batch))
        if values.min() < 0 or values.max() > 1:
            return False
    return True
