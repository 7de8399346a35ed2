"""Silence where TensorFlow takes the order of the day for a mistake."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_retracing_notes() -> Iterator[None]:
    """Keep TensorFlow from warning that the same function is traced again, as many small models are.

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


def start_tensorflow() -> None:
    """Start TensorFlow without the notes that it writes to stderr before any log level holds.

    They say how it was compiled and which libraries it found. If the start fails, they are shown.
    """
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            import tensorflow

            tensorflow.config.list_physical_devices()
        except BaseException:
            notes.seek(0)
            os.write(stderr, notes.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def executions(batches: int, limit: int) -> tuple[int, int]:
    """Return the steps of an epoch, and how many of them to run between two returns to Python.

    Keras runs only whole executions: 468 steps in executions of 32 would run as 480, past the end of
    the epoch. The size up to `limit` that leaves out fewest of the batches is taken, mostly none.

    Example:
    >>> executions(468, 32), executions(20, 32)
    ((468, 26), (20, 20))
    """
    if batches <= limit:
        return batches, batches
    size = min(range(limit, limit // 2, -1), key=lambda size: batches % size)
    return batches - batches % size, size
