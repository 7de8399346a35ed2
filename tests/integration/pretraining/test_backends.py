"""Pretraining under JAX gives the same losses as under TensorFlow."""

import json

import numpy as np
import pytest

from tests import processes
from tests.integration.pretraining.worker import losses, machines


def test_jax_gives_the_same_losses():
    pytest.importorskip("jax", reason="needs JAX (pip install jax)")
    process = processes.start(["-m", "tests.integration.pretraining.worker", "losses"], KERAS_BACKEND="jax")
    expected_losses, expected_machines = losses(), machines()
    ((output, _),) = processes.finished([process])
    found = json.loads(output.splitlines()[-1])
    assert found.pop("backend") == "jax"
    for layer, history in found.pop("machines").items():
        np.testing.assert_allclose(history, expected_machines[layer], rtol=0.3)  # their draws differ
    for name, expected in expected_losses.items():
        assert found[name]["changed"] == expected["changed"]
        for layer, history in expected["history"].items():
            np.testing.assert_allclose(found[name]["history"][layer]["loss"], history["loss"], rtol=1e-3)
