"""What every test stands on: a quiet TensorFlow with two logical CPUs, and the two tiers of the suite.

The unit tier is what `pytest` runs: tests that neither train a recipe, search, export, serve, start a process, train on
several devices nor read a data set of TFDS. The integration tier (`pytest -m integration`) is the rest, but for what is
marked slow, since it takes minutes. Nobody marks a test `integration` by hand: it is one if it lies in
`tests/integration/`, uses one of the fixtures named in `HEAVY`, or is a docstring's example that calls one of the
functions named there. A test that does so unmarked fails.

The unit tier runs without oneDNN, whose allocator gives no memory back, and so does without the operations that
TensorFlow has on a CPU by oneDNN alone. Tests of those, marked `onednn`, are of the integration tier, and skipped
where TensorFlow does without oneDNN by itself, as it does on processors before 2019.
"""

import ctypes
import functools
import gc
import multiprocessing.process
import os
import re
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow reads it as it is imported, before pytest has read its options. Workers inherit it.
if "PYTEST_XDIST_WORKER" not in os.environ and not any(word.startswith("-m") for word in sys.argv[1:]):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry

import cnnzoo
import cnnzoo.serving.server
import cnnzoo.training.train
from cnnzoo.runtime import cores

gc.freeze()  # see `_tidied`

# Two devices, made before TensorFlow starts, so that distribution is tested on every machine.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

INTEGRATION = Path(__file__).parent / "tests" / "integration"
# Names of fixtures, which hand out what they are named after, and of functions in docstrings' examples.
HEAVY = {"train", "validate", "run_study", "tune", "export", "serve", "processes", "two_replicas", "tfds_folder"}
_HEAVY_EXAMPLE = re.compile(rf"\b({'|'.join(sorted(HEAVY))})\(")


def _is_integration(item):
    if item.path.is_relative_to(INTEGRATION) or item.get_closest_marker("onednn"):
        return True
    if isinstance(item, pytest.DoctestItem):
        return any(_HEAVY_EXAMPLE.search(example.source) for example in item.dtest.examples)
    return bool(HEAVY & {*item.fixturenames})


def pytest_itemcollected(item):
    if item.get_closest_marker("slow") is None and _is_integration(item):
        item.add_marker(pytest.mark.integration)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """One worker more than cores for what is not the unit tier: TensorFlow keeps some memory of every fit."""
    return None if "not integration" in config.option.markexpr else cores() + 1


@functools.cache
def _has_onednn():
    """Whether TensorFlow computes by oneDNN here: by itself it does so on newer processors alone."""
    images, kernel = np.zeros((1, 4, 4, 1), np.float32), np.zeros((2, 2, 1, 1), np.float32)
    try:
        tf.nn.conv2d_transpose(images, kernel, (1, 6, 6, 1), strides=1, padding="VALID", dilations=2)
    except tf.errors.InvalidArgumentError:
        return False
    return True


def pytest_runtest_setup(item):
    if item.get_closest_marker("onednn") and not _has_onednn():
        pytest.skip(
            "needs oneDNN: choose the tier by `-m integration`, and on an older processor TF_ENABLE_ONEDNN_OPTS=1"
        )


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
# Where tests and examples take them from, and not where they are defined: there, doctest would lose their examples.
_guarded(cnnzoo, "train", "trains a recipe")
_guarded(cnnzoo, "run_study", "trains a recipe")
_guarded(cnnzoo.training.train, "fit", "trains a recipe")  # by `validate`, too, which has no other place
_guarded(cnnzoo, "tune", "searches")
_guarded(cnnzoo, "export", "exports")
_guarded(cnnzoo.serving.server, "serve", "serves")


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
# A worker's peak is what its largest test needs together with what those before it have left behind. Nets of tests are
# small for that reason, too.

_memory = {}  # the peak of each worker, in bytes, at its end


def peak_memory():
    """Return the largest resident memory that this process has had, in bytes."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    # Linux counts kibibytes, macOS bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


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


def _forget_gradients():
    """Let go of the graphs of all steps of training, which TensorFlow keeps forever: a megabyte or more a `fit`.

    An optimizer's sum over replicas has a gradient of its own in each graph. TensorFlow registers it under a new name,
    with the graph behind it, and has no way to take it back.
    """
    registered = gradient_registry._registry
    for name in [name for name in registered if name.startswith("CustomGradient-")]:
        del registered[name]


@pytest.fixture(scope="module", autouse=True)
def _tidied():
    """Let go of a module's models and graphs, which would add up to gigabytes."""
    yield
    if plt := sys.modules.get("matplotlib.pyplot"):
        plt.close("all")  # what examples have drawn
    keras.utils.clear_session()
    _forget_gradients()
    gc.collect()
    gc.freeze()  # what is left lives to the end, and looking through all of TensorFlow takes a second each time
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
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
