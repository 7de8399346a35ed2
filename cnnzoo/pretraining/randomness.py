"""Leaving the random state as it was."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR


@contextmanager
def undisturbed(seed: int) -> Iterator[None]:
    """Draw from `seed` in the block, and put the global random states of Python, NumPy and Keras back after it.

    Keras has no public way to look at its global generator without making one, which would draw a seed.

    Example:
    >>> random.seed(1)
    >>> before = random.getstate()
    >>> with undisturbed(0):
    ...     _ = random.random(), np.random.random(), keras.random.normal(())
    >>> random.getstate() == before
    True
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (what Keras' users seed)
    generator = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    state = None if generator is None else keras.ops.convert_to_numpy(generator.state)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, keras.random.SeedGenerator(seed))
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, generator)
        if generator is not None:
            generator.state.assign(state)
