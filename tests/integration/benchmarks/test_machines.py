"""Benchmarks of machines and sparse codes: PyTorch's step is that of 2006, and edges are told from noise."""

import importlib
import re

import numpy as np
import pytest

import cnnzoo
from benchmarks.gabor_fits import gabor_fit, orientation, unit_weights
from tests import processes
from tests.machines import sigmoid, states
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


@pytest.mark.slow
def test_the_script_compares_the_contenders():
    pytest.importorskip("torch")
    check_comparison({"torch": "cnnzoo", "BernoulliRBM": "cnnzoo at 10"})


@pytest.mark.slow
def test_the_script_compares_with_the_package_rbms():
    pytest.importorskip("rbms")
    check_comparison({"rbms": "cnnzoo persistent", "rbms in order": "cnnzoo persistent"})


def check_comparison(pairs):
    options = ["--rounds", "1", "--images", "400", "--one-core", "--contenders", *pairs, *set(pairs.values())]
    ended = processes.run([ROOT / "benchmarks/rbm_throughput.py", *options])
    assert ended.returncode == 0, ended.stderr[-3000:]
    for name, other in pairs.items():
        assert re.search(rf"^{name} .* images/s .* {other} is -?[\d.]+ times as fast$", ended.stdout, re.M)


@pytest.mark.filterwarnings("ignore:`torch.jit.script`")  # by which that package compiles its functions
@pytest.mark.parametrize("centered", [False, True])
def test_the_package_rbms_raises_the_likelihood_in_steps_of_the_rate(monkeypatch, centered):
    """The likelihood is that of enumeration in NumPy; the gradient is divided by its norm."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("rbms")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    training = importlib.import_module("rbm_throughput").rbms_training
    torch.manual_seed(0)
    images = np.repeat(np.array([[1, 1, 0, 0], [0, 0, 1, 1]], "float32"), 30, axis=0)
    machine, update = training(images, 3, rate=0.1, batch_size=20, chains=200, centered=centered)
    arrays = lambda: [each.numpy().astype("float64") for each in machine.parameters()]  # noqa: E731
    v, h = states(4), states(3)

    def likelihood():
        kernel, b, c = arrays()
        energies = (v @ b)[:, None] + h @ c + v @ kernel @ h.T
        logarithms = np.logaddexp.reduce(energies, axis=1) - np.logaddexp.reduce(energies, axis=None)
        return logarithms[[12, 3]].mean()  # 1100 and 0011

    assert likelihood() == pytest.approx(-4 * np.log(2), abs=0.01)  # every pixel is as often white as black
    before = arrays()
    update(None, 0.05)
    moved = sum(np.square(now - old).sum() for now, old in zip(arrays(), before, strict=True))
    assert moved == pytest.approx(0.05**2, rel=1e-4)
    for step in range(600):
        update(None, 0.2 * (1 - step / 600))
    assert -np.log(2) - 0.4 < likelihood() < -np.log(2)


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


def test_a_wave_has_the_direction_of_its_crests_and_a_spot_has_none():
    rows, columns = np.mgrid[-8:9, -8:9].astype("float64")
    spot = np.exp(-(columns**2 + rows**2) / 20)
    for degrees in (0, 20, 45, 90, 100, 179):
        along = np.radians(degrees)
        wave = spot * np.cos(0.8 * (columns * np.sin(along) + rows * np.cos(along)))  # rows are counted downwards
        difference = abs(orientation(wave) - degrees)
        assert min(difference, 180 - difference) < 3
    assert orientation(spot) is None


def test_the_scripts_read_runs(tmp_path):
    patches = cnnzoo.train("sparse_autoencoder_patches", workdir=tmp_path / "patches", epochs=1, verbose=0)
    assert unit_weights(patches.folder).shape == (25, 8, 8)
    digits = cnnzoo.train("k_sparse_digits", workdir=tmp_path / "digits", epochs=5, verbose=0)
    ended = processes.run([ROOT / "benchmarks/sparse_features.py", digits.folder, "--iterations", "50"])
    error = re.match(r"test error ([\d.]+) % by logistic regression of 100 features, C=", ended.stdout)
    assert float(error[1]) < 15  # of ten classes


@pytest.mark.slow
def test_edges_of_every_orientation_come_out(tmp_path):
    recipe = cnnzoo.load_recipe("sparse_autoencoder_patches")
    cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0)
    units = unit_weights(tmp_path / "run")
    assert np.mean([gabor_fit(weights) >= 0.7 for weights in units]) >= 0.8
    angles = [angle for weights in units if (angle := orientation(weights)) is not None]
    assert np.all(np.histogram(angles, np.arange(0, 181, 45))[0] >= 1)
