"""What every test stands on: a quiet TensorFlow with two logical CPUs, and the data where there is some."""

import gc
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest
import tensorflow as tf

# Two devices, made before TensorFlow starts, so that distribution is tested on every machine.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(scope="session")
def two_replicas():
    """Return one strategy for the whole session: TensorFlow's collectives confuse a second one on the same CPUs."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module", autouse=True)
def _tidied():
    """Let go of a module's models and graphs, which would add up to gigabytes."""
    yield
    keras.utils.clear_session()
    gc.collect()


@pytest.fixture(scope="session")
def tfds_folder():
    """Return a TFDS folder with MNIST in it, or skip."""
    folder = os.environ.get("TFDS_DATA_DIR")
    if not folder or not (Path(folder) / "mnist").is_dir():
        pytest.skip("needs MNIST: set TFDS_DATA_DIR to a TFDS folder that has it")
    return folder
