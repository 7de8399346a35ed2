"""How Keras and TensorFlow start, and how they run: what they must know, and which of their warnings to suppress."""

import importlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import Any

# The rooms whose classes Keras meets in files of models. They stand on Keras alone, and load in milliseconds after it.
SERIALIZABLE = ("layers", "losses", "metrics", "optimizers")
WITH_TENSORFLOW = ("data.augmentation",)  # layers that a model may begin with


def register_with_keras() -> None:
    """Let plain `keras.models.load_model` read every model that cnnzoo saved, without loading Keras for it.

    Keras finds the classes in a file by the names that they were registered by, and by nothing else. So they are
    registered as soon as Keras is there: now, or right after its import.
    """
    if "keras" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _AfterKeras())


def _register() -> None:
    for room in SERIALIZABLE + WITH_TENSORFLOW * ("tensorflow" in sys.modules):
        importlib.import_module(f"cnnzoo.{room}")


class _AfterKeras(MetaPathFinder):
    """Lets the other finders find Keras, and registers the classes once Keras has loaded.

    A hook into imports is a last resort: Keras looks for no plugins (no entry points), and to import it at once would
    make `import cnnzoo`, `cnnzoo --help` and `cnnzoo list` take seconds.
    """

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != "keras":
            return None
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((each for each in found if each is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: Any) -> None:
                execute(module)
                sys.meta_path.remove(self)  # not in `find_spec`, which others call to see whether there is a Keras
                _register()

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


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
