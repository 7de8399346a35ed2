"""The same pretraining under JAX."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.pretraining.worker import losses

ROOT = Path(__file__).parent.parent.parent


def test_jax_learns_the_same():
    pytest.importorskip("jax")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.pretraining.worker", "losses"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found.pop("backend") == "jax"
    for name, expected in losses().items():
        assert found[name]["changed"] == expected["changed"]
        for layer, history in expected["history"].items():
            np.testing.assert_allclose(found[name]["history"][layer]["loss"], history["loss"], rtol=1e-3)
