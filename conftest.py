"""What every test stands on: a quiet TensorFlow with two logical CPUs, and the two tiers of the suite.

The unit tier is what `pytest` runs: tests that neither train a recipe, search, export, serve nor start a process. The
integration tier (`pytest -m integration`) is the rest, but for what is marked slow, since it takes minutes. Nobody
marks a test `integration` by hand: it is one if it lies in `tests/integration/`, uses one of the fixtures named in
`HEAVY`, or is a docstring's example that calls one of the functions named there. A test that does so unmarked fails.
"""

import ctypes
import functools
import gc
import multiprocessing.process
import os
import re
import resource
import subprocess
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest
import tensorflow as tf

import cnnzoo.server
import cnnzoo.serving
import cnnzoo.training
import cnnzoo.tuning

gc.freeze()  # see `_tidied`

# Two devices, made before TensorFlow starts, so that distribution is tested on every machine.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

INTEGRATION = Path(__file__).parent / "tests" / "integration"
# Names of fixtures, which hand out what they are named after, and of functions in docstrings' examples.
HEAVY = {"train", "validate", "tune", "export", "serve", "processes"}
_HEAVY_EXAMPLE = re.compile(rf"\b(({'|'.join(sorted(HEAVY))})\(|run\(study)")


def _is_integration(item):
    if item.path.is_relative_to(INTEGRATION):
        return True
    if isinstance(item, pytest.DoctestItem):
        return any(_HEAVY_EXAMPLE.search(example.source) for example in item.dtest.examples)
    return bool(HEAVY & {*item.fixturenames})


def pytest_itemcollected(item):
    if item.get_closest_marker("slow") is None and _is_integration(item):
        item.add_marker(pytest.mark.integration)


# === The guard ===

_unit = False  # whether a test of the unit tier is running


def _guarded(owner, name, what):
    original = getattr(owner, name)

    @functools.wraps(original)
    def guarded(*args, **kwargs):
        if _unit:
            pytest.fail(f"a test of the unit tier {what}: it belongs into tests/integration (see conftest.py)")
        return original(*args, **kwargs)

    setattr(owner, name, guarded)


_guarded(subprocess.Popen, "__init__", "starts a process")
_guarded(multiprocessing.process.BaseProcess, "start", "starts a process")
# Where the rooms hand them on, and not where they are defined: there, doctest would lose their examples.
_guarded(cnnzoo.training, "train", "trains a recipe")
_guarded(cnnzoo.training, "validate", "trains a recipe")
_guarded(cnnzoo.tuning, "tune", "searches")
_guarded(cnnzoo.serving, "export", "exports")
_guarded(cnnzoo.server, "serve", "serves")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    global _unit
    _unit = item.get_closest_marker("slow") is None and item.get_closest_marker("integration") is None
    try:
        return (yield)
    finally:
        _unit = False


# === Memory ===
#
# TensorFlow's allocator for CPUs with oneDNN gives nothing back, so that a worker's peak is what its largest tests need
# together with what each `fit` leaves behind in TensorFlow. Nets of tests are small for that reason, too.

_memory = {}  # the peak of each worker, in bytes, at its end


def peak_memory():
    """Return the largest resident memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts kibibytes


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["peak"] = peak_memory()
    else:
        _memory["this process"] = peak_memory()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    _memory[node.gateway.id] = getattr(node, "workeroutput", {}).get("peak", 0)


def pytest_terminal_summary(terminalreporter):
    peaks = ", ".join(f"{name} {peak / 1e9:.2f} GB" for name, peak in sorted(_memory.items()))
    terminalreporter.write_line(f"peak memory (ru_maxrss): {peaks}")


@pytest.fixture(scope="module", autouse=True)
def _tidied():
    """Let go of a module's models and graphs, which would add up to gigabytes."""
    yield
    keras.utils.clear_session()
    gc.collect()
    gc.freeze()  # what is left lives to the end, and looking through all of TensorFlow takes a second each time
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)  # glibc keeps what was freed


# === What tests ask for ===


@pytest.fixture(scope="session")
def train():
    """Return `cnnzoo.train`; a test that asks for it is one of the integration tier."""
    return cnnzoo.train


@pytest.fixture(scope="session")
def export():
    """Return `cnnzoo.export`; a test that asks for it is one of the integration tier."""
    return cnnzoo.export


@pytest.fixture(scope="session")
def processes():
    """Return the module that starts processes; a test that asks for it is one of the integration tier."""
    from tests import processes

    return processes


@pytest.fixture(scope="session")
def two_replicas():
    """Return one strategy for the whole session: TensorFlow's collectives confuse a second one on the same CPUs."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def _let_go():
    """Let go of a test's large nets at once, before those of the next add up with them."""
    before = peak_memory()
    yield
    if peak_memory() > before + 50e6:
        gc.collect()


@pytest.fixture(scope="session")
def tfds_folder():
    """Return a TFDS folder with MNIST in it, or skip."""
    folder = os.environ.get("TFDS_DATA_DIR")
    if not folder or not (Path(folder) / "mnist").is_dir():
        pytest.skip("needs MNIST: set TFDS_DATA_DIR to a TFDS folder that has it")
    return folder
