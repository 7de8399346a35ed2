"""The benchmark of likelihoods: they are those of enumeration, and the script chooses on held-out images alone."""

import argparse
import importlib
import re

import numpy as np
import pytest

import cnnzoo
from tests import processes
from tests.machines import joint, tiny
from tests.processes import ROOT


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("rbm_likelihood")


def test_the_likelihood_is_that_of_enumeration(script):
    machine, images = tiny(), np.array([[1.0, 0, 1], [0, 1, 1], [1, 1, 1]])
    probabilities = joint(machine).sum(axis=1) / joint(machine).sum()
    exact = np.log(probabilities[[0b101, 0b011, 0b111]]).mean()
    options = argparse.Namespace(ais_steps=500, chains=400)
    mean, low, high = script.likelihood_of(machine, images, images, options, seed=1)
    assert low < exact < high
    assert low < mean < high
    assert mean == pytest.approx(exact, abs=0.05)


def test_images_are_binary_at_a_half_and_a_sixth_of_the_training_images_is_held_out(script):
    options = argparse.Namespace(data="digits", images=120, test_images=50)
    train, held_out, test = script.images_of(options)
    digits = cnnzoo.data.load("digits")
    of_training = (digits.train.images[:120].reshape(120, 64) / 255 > 0.5).astype("float32")
    np.testing.assert_array_equal(train, of_training[:100])
    np.testing.assert_array_equal(held_out, of_training[100:])
    np.testing.assert_array_equal(test, digits.test.images[:50].reshape(50, 64) / 255 > 0.5)


@pytest.mark.slow
def test_the_script_compares_both_at_equal_time():
    pytest.importorskip("torch")
    pytest.importorskip("rbms")
    sizes = ["--data", "digits", "--hidden", "8", "--images", "600", "--test-images", "100", "--rates", "0.1"]
    options = ["--seconds", "0.5", "--seeds", "1", "--threads", "1", "--ais-steps", "50", "--chains", "20"]
    ended = processes.run([ROOT / "benchmarks/rbm_likelihood.py", *sizes, *options])
    assert ended.returncode == 0, ended.stderr[-3000:]
    number = r"(-[\d.]+)"
    assert "64-8, 500 training images of digits, binary at 0.5, 0.5 s each" in ended.stdout
    held_out = re.findall(rf"^rbms +rate 0.1, centered (True|False): held-out {number} nats$", ended.stdout, re.M)
    best = max(held_out, key=lambda each: float(each[1]))[0]
    assert [each for each, _ in held_out] == ["True", "False"]
    line = rf"^(cnnzoo|rbms) +seed 0: test {number} nats, within {number} to {number}, after ([\d.]+) s, [\d,]+ steps$"
    found = {name: [*map(float, values)] for name, *values in re.findall(line, ended.stdout, re.M)}
    for mean, low, high, _ in found.values():
        assert low <= mean <= high < 0
    assert found["rbms"][3] >= max(0.5, found["cnnzoo"][3])
    for name, settings in (("cnnzoo", "rate 0.1"), ("rbms", f"rate 0.1, centered {best}")):
        mean = f"{found[name][0]:.2f}"
        assert re.search(rf"^{name} +mean test log-likelihood {mean} nats, n=1; {settings}$", ended.stdout, re.M)
