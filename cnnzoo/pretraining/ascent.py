"""The data on its way up the model, from the codes below one layer to those below the next."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import keras

from cnnzoo.pretraining.codes import check_memory, computed
from cnnzoo.pretraining.graph import Segment
from cnnzoo.pretraining.rows import ArrayRows, Rows, StreamRows
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
