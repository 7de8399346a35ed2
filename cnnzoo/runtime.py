"""Start-up of Keras and TensorFlow: registered classes, suppressed warnings, steps per execution."""

import importlib
import logging
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from cnnzoo.errors import InputError
from cnnzoo.versions import check_versions

# The rooms whose classes Keras finds in files of models. They stand on Keras alone, and load in milliseconds after it.
SERIALIZABLE = ("layers", "losses", "metrics", "optimizers", "models.variational_model")
WITH_TENSORFLOW = ("data.augmentation",)  # layers that a model may begin with
GPU_SHARE = "CNNZOO_GPU_SHARE"  # environment variable: "1/4" for the second of four processes that share the GPUs
LITTLE_MEMORY = 4e9  # bytes of addresses: above what `ulimit -v` must leave for the smallest recipe to train


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
    check_versions()  # again: what is loaded need not be what is said to be installed
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
def suppress_messages(logger: str, part: str) -> Iterator[None]:
    """Suppress the messages of a logger that contain a text, in the block.

    Example:
    >>> with suppress_messages("tensorflow", "retracing"):
    ...     logging.getLogger("tensorflow").warning("5 out of the last 5 calls triggered tf.function retracing.")
    """

    def is_other(record: logging.LogRecord) -> bool:
        return part not in record.getMessage()

    logging.getLogger(logger).addFilter(is_other)
    try:
        yield
    finally:
        logging.getLogger(logger).removeFilter(is_other)


def suppress_retracing_warnings() -> AbstractContextManager[None]:
    """Suppress TensorFlow's retracing warnings: many small models are traced one after the other."""
    return suppress_messages("tensorflow", "retracing")


@contextmanager
def temporary_seed(seed: int) -> Iterator[None]:
    """Draw from `seed` in the block, and restore the global random states of Python, NumPy and Keras after it.

    TensorFlow's own global seed is left alone: nothing here draws from it, and it cannot be read.

    Example:
    >>> import keras, numpy as np
    >>> random.seed(1)
    >>> before = random.getstate()
    >>> with temporary_seed(0):
    ...     _ = random.random(), np.random.random(), keras.random.normal(())
    >>> random.getstate() == before
    True
    """
    import numpy as np

    from cnnzoo.keras_internals import own_global_generator

    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (what Keras' users seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        with own_global_generator():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def cores() -> int:
    """Return the number of cores that this process may run on: the machine's, or those that it is pinned to."""
    # `os.process_cpu_count` counts them from Python 3.13 on. Where there is no affinity, no process is pinned.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keras_home() -> Path:
    """Return the folder of Keras' configuration and caches; it need not be there."""
    try:
        return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    except RuntimeError:  # a user whom this system does not know, as in containers
        return Path(os.devnull) / "keras"  # where nothing can be kept


def start_tensorflow() -> None:
    """Start TensorFlow without the warnings that it writes to stderr before any log level applies.

    They say how it was compiled and which libraries it found. If the start fails, they are printed. Where the process
    may have too little memory, that is said before: TensorFlow ends it without a word.

    Of a GPU's memory it takes what it needs, unless TF_FORCE_GPU_ALLOW_GROWTH says otherwise, and not all of it at
    once: a search and its trials are several processes. One of several workers takes its share of the GPUs.

    Raises:
        InputError: there are GPUs, but not one for each of the workers that train together.
    """
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if (limit := _address_space()) < LITTLE_MEMORY:
        print(
            f"cnnzoo: this process may take {limit / 1e9:.1f} GB of memory (ulimit -v); TensorFlow needs some "
            f"{LITTLE_MEMORY / 1e9:.0f}, and may be killed with less",
            file=sys.stderr,
        )
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as warnings:
        os.dup2(warnings.fileno(), 2)
        try:
            import tensorflow

            gpus = tensorflow.config.list_physical_devices("GPU")
        except BaseException:
            warnings.seek(0)
            os.write(stderr, warnings.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    if share := os.environ.get(GPU_SHARE):
        tensorflow.config.set_visible_devices(shared_gpus(gpus, share, "TF_CONFIG" in os.environ), "GPU")


def shared_gpus(gpus: list[Any], share: str, together: bool) -> list[Any]:
    """Return the GPUs for one of several processes: as many for each, or one that it shares if there are too few.

    Args:
        gpus: those of this machine.
        share: which process, and of how many, such as `"0/2"`.
        together: whether the processes train one model, in which two of them cannot sum over the same GPU.

    Raises:
        InputError: they do, and there are fewer GPUs than processes.

    Example:
    >>> shared_gpus(["GPU:0", "GPU:1", "GPU:2", "GPU:3"], "1/2", together=True)
    ['GPU:2', 'GPU:3']
    """
    index, count = map(int, share.split("/"))
    if together and 0 < len(gpus) < count:
        raise InputError(
            f"{count} workers need a GPU each to train together, and this machine has {len(gpus)}: give "
            f"--workers {len(gpus)}, or none for one GPU, or hide the GPUs by CUDA_VISIBLE_DEVICES=-1"
        )
    own = len(gpus) // count
    return gpus[index * own : (index + 1) * own] if own or not gpus else [gpus[index % len(gpus)]]


def own_group() -> dict[str, Any]:
    """Return the options of `subprocess.Popen` for a process that an interrupt at the terminal does not reach.

    It is for the process that has started it, which ends it then.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def temporary_files_in(folder: str) -> dict[str, str]:
    """Return the environment variables of a process whose temporary files lie in a folder.

    TensorFlow's AutoGraph leaves some where its process is killed.
    """
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)


def _address_space() -> float:
    """Return how many bytes of addresses this process may have, which nobody limits on Windows."""
    try:
        import resource
    except ImportError:
        return math.inf
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return math.inf if limit == resource.RLIM_INFINITY else limit


def require_tensorflow(what: str) -> None:
    """Check that Keras runs on TensorFlow.

    Args:
        what: what needs it.

    Raises:
        InputError: Keras has another backend.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise InputError(f"KERAS_BACKEND must be 'tensorflow' for {what}. Received: {keras.backend.backend()!r}")


def steps_per_execution_for(batches: int, limit: int) -> tuple[int, int]:
    """Return the steps per epoch, and Keras' `steps_per_execution`: the steps between two returns to Python.

    Keras runs only complete executions: 468 steps in executions of 32 would run as 480, past the end of
    the epoch. The result is the size up to `limit` that leaves out the fewest batches, mostly none.

    Args:
        batches: batches in an epoch.
        limit: the largest `steps_per_execution`.

    Example:
    >>> steps_per_execution_for(468, 32), steps_per_execution_for(20, 32)
    ((468, 26), (20, 20))
    """
    if batches <= limit:
        return batches, batches
    size = min(range(limit, limit // 2, -1), key=lambda size: batches % size)
    return batches - batches % size, size
