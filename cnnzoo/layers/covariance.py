"""Mean and covariance of data that comes in batches, for layers that adapt to them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from keras import ops

from cnnzoo.errors import InputError

MAX_VALUES = 12_288  # per example, 64×64×3: the matrix then takes 1.2 GB in float64


def mean_and_covariance(data: Any, needed_for: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Return mean and covariance of the values of examples, and their number; in float64, a batch at a time.

    Args:
        data: array `(n, …)`, or batches of such, read once; each example is flattened.
        needed_for: what needs them, for a message: `"whitening"`.

    Returns:
        Arrays `(values,)` and `(values, values)`; the covariance is divided by n.

    Raises:
        InputError: fewer than two examples, more than 12,288 values in each, or a number that is not finite.

    Example:
    >>> mean, covariance, count = mean_and_covariance(np.array([[1.0, 0.0], [3.0, 0.0]]), "an example")
    >>> mean.tolist(), covariance.tolist(), count
    ([2.0, 0.0], [[1.0, 0.0], [0.0, 0.0]], 2)
    """
    batches: Iterable[Any] = [data] if hasattr(data, "shape") else data
    count, total, products = 0, np.zeros(()), np.zeros(())
    for batch in batches:
        rows = np.asarray(ops.convert_to_numpy(batch), "float64")
        rows = rows.reshape(len(rows), -1)
        check_values(rows.shape[1], needed_for)
        count, total, products = count + len(rows), total + rows.sum(axis=0), products + rows.T @ rows
    if not np.isfinite(total).all():
        raise InputError(f"{needed_for} needs finite numbers to adapt to. Received: examples with NaN or infinity")
    if count < 2:
        raise InputError(f"{needed_for} needs at least two examples to adapt to. Received: {count}")
    mean = total / count
    return mean, products / count - np.outer(mean, mean), count


def check_values(values: int, needed_for: str) -> None:
    """Refuse examples whose covariance would not fit into memory.

    Raises:
        InputError: more than 12,288 values.
    """
    if values > MAX_VALUES:
        raise InputError(
            f"{needed_for} relates each value of an example to each other: they may have at most {MAX_VALUES:,} "
            f"values, as 64×64 pixels of three colors have. Received: {values:,} values"
        )
