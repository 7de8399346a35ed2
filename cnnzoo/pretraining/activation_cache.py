"""Activations of the trained layers, computed once and kept in memory or in a file."""

import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import keras
import numpy as np
import psutil

from cnnzoo.errors import InputError
from cnnzoo.files import make_folder, writing
from cnnzoo.pretraining.inputs import ArrayRows, FileRows, Rows, StreamRows, rows_per_batch
from cnnzoo.pretraining.segment import Segment
from cnnzoo.pretraining.stages import Stage

Cache = str | Path | Literal[False]


@dataclass(frozen=True)
class StageInputs:
    """What a stage trains on.

    Attributes:
        rows: the activations that enter the stage's layer, or the examples.
        compute: a function that computes the activations from a batch of rows; `None` if the rows are them already.
        shape: shape of one example's activations, without the batch.
    """

    rows: Rows
    compute: Callable[[Any], Any] | None
    shape: tuple[int, ...]

    def in_unit_range(self) -> bool:
        """Return whether all activations lie in [0, 1]."""
        run = compiled(self.compute or (lambda batch: batch), self.rows)
        for batch in self.rows.in_order(rows_per_batch(self.rows.shape)):
            values = keras.ops.convert_to_numpy(run(batch))
            if values.min() < 0 or values.max() > 1:
                return False
        return True


class ActivationCache:
    """The activations that enter the layer of each stage.

    Cached activations are computed from the cached activations below them, in one pass. Without a cache the rows
    are the data, and the frozen layers below run on every batch.

    Args:
        model: the model, which has one input.
        data: its examples.
        cache: `"memory"`, a folder or `False`.
    """

    def __init__(self, model: keras.Model, data: Rows, cache: Cache):
        self._data = self._rows = data
        self._start = self._tensor = model.inputs[0]  # `_rows` holds the values of `_tensor`
        self._cache = cache

    def shape_of(self, stage: Stage) -> tuple[int, ...]:
        """Return the shape of one example's activations."""
        shape = tuple(stage.inputs.shape[1:])
        if None not in shape:
            return shape
        example = next(iter(self._data.in_order(1)))  # sides that the model leaves open
        return tuple(Segment(self._start, stage.inputs)(keras.ops.convert_to_tensor(example)).shape[1:])

    def check_memory(self, stages: list[Stage]) -> None:
        """Check before the first step that the activations of all stages fit into memory.

        Raises:
            InputError: the activations of a stage take more than half of the memory available.
        """
        in_array = type(self._data) is ArrayRows and self._data.dtype == "float32"
        for stage in stages if self._cache == "memory" else []:
            segment = Segment(self._start, stage.inputs)
            if not segment.is_identity and not (in_array and segment.only_reshapes):
                _check_memory(self._data.count, self.shape_of(stage))

    def inputs_of(self, stage: Stage) -> StageInputs:
        """Return the inputs of a stage; the cache then holds its activations instead of an earlier stage's."""
        shape = self.shape_of(stage)
        if self._cache is False:
            segment = Segment(self._start, stage.inputs)
            return StageInputs(self._data, None if segment.is_identity else segment, shape)
        try:
            segment = Segment(self._tensor, stage.inputs)
        except ValueError:  # they depend on more than the activations before them: compute them from the data
            self.close()
            segment = Segment(self._tensor, stage.inputs)
        if segment.only_reshapes and type(self._rows) is ArrayRows and self._rows.dtype == "float32":
            self._rows = self._rows.reshaped(shape)
        elif not segment.is_identity or isinstance(self._rows, StreamRows):
            rows = computed_rows(self._rows, segment, self._cache, shape)
            self.close()
            self._rows = rows
        self._tensor = stage.inputs
        return StageInputs(self._rows, None, shape)

    def close(self) -> None:
        """Release the activations."""
        if self._rows is not self._data:
            self._rows.close()
        self._rows, self._tensor = self._data, self._start


def computed_rows(rows: Rows, function: Callable[[Any], Any], cache: str | Path, shape: tuple[int, ...]) -> ArrayRows:
    """Return the outputs of a function for all rows, in order.

    Args:
        rows: the inputs.
        function: takes and returns a float tensor `(batch, …)`.
        cache: `"memory"`, or the folder for a file.
        shape: shape of the output for one row.

    Raises:
        InputError: the outputs take more than half of the memory available, or the folder cannot be written to.
    """
    run = compiled(function, rows)
    batches = (
        keras.ops.convert_to_numpy(run(batch)).astype("float32", copy=False)
        for batch in rows.in_order(rows_per_batch(rows.shape, shape))
    )
    if cache != "memory":
        return FileRows(_temporary_file(batches, Path(cache)), shape)
    _check_memory(rows.count, shape)
    activations = np.empty((rows.count, *shape), "float32")
    start = 0
    for batch in batches:
        activations[start : start + len(batch)] = batch
        start += len(batch)
    return ArrayRows(activations)


def _temporary_file(batches: Iterable[np.ndarray], folder: Path) -> BinaryIO:
    """Write batches to a file without a name, which is gone when it is closed or the process ends, however it does."""
    make_folder(folder)
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    try:
        with writing(folder):
            for batch in batches:
                file.write(np.ascontiguousarray(batch).data)
            file.flush()
    except BaseException:
        with suppress(OSError):  # what it still holds
            file.close()
        raise
    return file


def _check_memory(count: int, shape: tuple[int, ...]) -> None:
    """Raise an `InputError` for activations that would take more than half of the memory available."""
    needed = 4 * count * int(np.prod(shape, dtype="int64"))
    available = psutil.virtual_memory().available
    if needed > available / 2:
        raise InputError(
            f"activations of shape {(count, *shape)} take {needed / 2**30:,.1f} GiB, more than half of the "
            f"{available / 2**30:,.1f} GiB of memory available; give cache=folder to keep them in a file, "
            "or cache=False to compute them anew for every batch"
        )


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
