"""Standardization of vectors and signals: the preprocessing that is learned from training data."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from keras import ops

from cnnzoo.checks import check_finite, refusal
from cnnzoo.errors import InputError

NAMED = 10  # columns in a message


@dataclasses.dataclass(frozen=True)
class Standardization:
    """Subtract each column's mean and divide by its standard deviation, both of the training data.

    Attributes:
        mean: of each column, or of each channel of signals.
        deviation: standard deviation of each, > 0; 1 for a column that is constant.

    Example:
    >>> standardize = Standardization.of(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> ops.convert_to_numpy(standardize(np.array([[3.0, 20.0]]))).tolist()
    [[1.0, 0.0]]
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of(cls, values: np.ndarray, names: Sequence[str] | None = None) -> Self:
        """Return the standardization of training data; warn of columns that are constant.

        Args:
            values: array `(examples, columns)` or `(examples, steps, channels)`.
            names: names of the columns, for messages.

        Raises:
            InputError: fewer than two rows, or values that are not finite.
        """
        check_finite(values, "a standardization")
        rows = np.asarray(values).reshape(-1, values.shape[-1]).astype("float64")
        if len(rows) < 2:
            raise refusal("values", "two rows or more, to have a standard deviation", f"{len(rows)}")
        deviation = rows.std(axis=0)
        # Rounding leaves a deviation to a constant column of large numbers.
        constant = deviation <= 1e-12 * np.maximum(1, np.abs(rows).max(axis=0))
        if constant.any():
            columns = [names[int(column)] if names else str(column) for column in np.flatnonzero(constant)]
            listed = ", ".join(columns[:NAMED]) + ", …" * (len(columns) > NAMED)
            warnings.warn(
                f"{len(columns)} columns have one value in all training data, and tell nothing: {listed}", stacklevel=2
            )
        return cls(tuple(rows.mean(axis=0).tolist()), tuple(np.where(constant, 1.0, deviation).tolist()))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the standardization that `to_dict` returned.

        Raises:
            InputError: these are not its values.
        """
        try:
            mean, deviation = (tuple(map(float, values[name])) for name in ("mean", "deviation"))
            if len(mean) != len(deviation) or not all(0 < each < float("inf") for each in deviation):
                raise ValueError("a deviation for each mean, above 0")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"these are no means and standard deviations of columns: {error}") from error
        return cls(mean, deviation)

    def to_dict(self) -> dict[str, list[float]]:
        """Return all values as plain types."""
        return {"mean": list(self.mean), "deviation": list(self.deviation)}

    def __call__(self, values: Any) -> Any:
        """Return values standardized, as a float32 tensor."""
        values = ops.cast(values, "float32")
        return (values - ops.convert_to_tensor(self.mean, "float32")) / ops.convert_to_tensor(self.deviation, "float32")

    def inverse(self, values: Any) -> np.ndarray:
        """Return standardized values in the units of the training data, as a float32 array."""
        return (np.asarray(values) * np.array(self.deviation) + np.array(self.mean)).astype("float32")
