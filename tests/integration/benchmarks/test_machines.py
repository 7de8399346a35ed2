"""Benchmarks of machines and sparse codes: PyTorch's step is that of 2006, and edges are told from noise."""

import importlib
import re

import numpy as np
import pytest

import cnnzoo
from benchmarks.gabor_fits import gabor_fit, unit_fits
from tests import processes
from tests.machines import sigmoid
from tests.processes import ROOT


def test_the_step_in_pytorch_is_that_of_2006(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    step = importlib.import_module("rbm_throughput").step
    monkeypatch.setattr(torch, "bernoulli", lambda probabilities: (probabilities > 0.5).to(probabilities.dtype))
    rng = np.random.default_rng(0)
    v0, kernel, b, c = rng.random((5, 4)), rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    velocities = [rng.normal(size=each.shape) for each in (kernel, b, c)]
    ours = [torch.from_numpy(each.copy()) for each in (kernel, b, c)]
    step(torch.from_numpy(v0), *ours, [torch.from_numpy(each.copy()) for each in velocities], momentum=0.9)
    h0 = sigmoid(v0 @ kernel + c)
    v1 = sigmoid((h0 > 0.5) @ kernel.T + b)
    h1 = sigmoid(v1 @ kernel + c)
    slopes = [(v0.T @ h0 - v1.T @ h1) / 5 - 2e-4 * kernel, (v0 - v1).mean(0), (h0 - h1).mean(0)]
    for found, weight, velocity, slope in zip(ours, (kernel, b, c), velocities, slopes, strict=True):
        np.testing.assert_allclose(found, weight + 0.9 * velocity + 0.1 * slope, atol=1e-12)


def test_the_script_compares_the_contenders():
    pytest.importorskip("torch")
    ended = processes.run([ROOT / "benchmarks/rbm_throughput.py", "--rounds", "1", "--images", "400", "--one-core"])
    assert ended.returncode == 0, ended.stderr[-3000:]
    for name, other in (("torch", "cnnzoo"), ("BernoulliRBM", "cnnzoo at 10")):
        assert re.search(rf"^{name} .* images/s .* {other} is -?[\d.]+ times as fast$", ended.stdout, re.M)


def test_gabor_functions_are_edges_and_noise_is_not():
    rows, columns = np.mgrid[:8, :8].astype("float64")
    rng = np.random.default_rng(0)
    for angle in (0.3, 1.4, 2.6):
        u = (columns - 4) * np.cos(angle) + (rows - 3) * np.sin(angle)
        w = (rows - 3) * np.cos(angle) - (columns - 4) * np.sin(angle)
        edge = np.exp(-(u**2) / 3 - w**2 / 8) * np.cos(1.5 * u + 1)
        assert gabor_fit(edge) > 0.99
        assert gabor_fit(edge + rng.normal(scale=0.05, size=edge.shape)) > 0.8
    assert max(gabor_fit(rng.normal(size=(8, 8))) for _ in range(5)) < 0.6


@pytest.mark.slow
def test_edges_of_every_orientation_come_out(tmp_path):
    recipe = cnnzoo.load_recipe("sparse_autoencoder_patches")
    cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0)
    assert (unit_fits(tmp_path / "run") >= 0.7).mean() >= 0.8
