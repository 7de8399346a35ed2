"""Silence where TensorFlow takes the order of the day for a mistake."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_retracing_notes() -> Iterator[None]:
    """Keep TensorFlow from warning that the same function is traced again: each stage is a model of its own.

    Example:
    >>> with without_retracing_notes():
    ...     logging.getLogger("tensorflow").warning("5 out of the last 5 calls triggered tf.function retracing.")
    """

    def wanted(record: logging.LogRecord) -> bool:
        return "retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(wanted)
    try:
        yield
    finally:
        logger.removeFilter(wanted)
