"""A variational autoencoder under JAX and PyTorch: its numbers are TensorFlow's, and it learns."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import cnnzoo
from tests.integration.backends.test_backends import PACKAGES, printed_under
from tests.tiers import cases

WORKER = Path(__file__).parent / "variational_worker.py"


@pytest.mark.parametrize("backend", cases(["jax", "torch"], {"torch"}))
@pytest.mark.parametrize("samples", cases([1, 4], {4}))
def test_it_gives_and_learns_what_it_does_under_tensorflow(backend, samples, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {PACKAGES[backend]}")
    images = np.random.default_rng(0).integers(0, 2, (32, 4, 4, 1)).astype("float32")
    model = cnnzoo.variational_autoencoder(input_shape=(4, 4, 1), units=(8,), code=2, samples=samples)
    model.fit(images, images, verbose=0)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    found = printed_under(backend, WORKER, tmp_path / "model.keras", tmp_path / "images.npy")
    expected = model.evaluate(images, images, batch_size=32, verbose=0, return_dict=True)
    for name in ("kl", "squared_error"):  # which have no draws
        assert found["evaluated"][name] == pytest.approx(expected[name], rel=1e-4)
    assert found["evaluated"]["loss"] == pytest.approx(expected["loss"], rel=0.1)  # draws of another generator
    likelihood = cnnzoo.analysis.log_likelihood(model, images, samples=200).mean()
    assert found["likelihood"] == pytest.approx(likelihood, rel=0.02)
    losses = found["history"]["loss"]
    assert set(found["history"]) == {"loss", "reconstruction", "kl"}
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert found["samples"] == [3, 4, 4, 1]
    assert not found["tensorflow was loaded"]
