"""The benchmark of `cnnzoo.predict`: what both of its contenders predict."""

import re

import pytest

import cnnzoo
from tests import processes
from tests.processes import ROOT


@pytest.mark.slow
def test_both_contenders_predict_the_classes_that_the_evaluation_counts(tmp_path):
    run = cnnzoo.train("lenet5_digits", workdir=tmp_path / "run", epochs=2, verbose=0, test_examples=100)
    cnnzoo.export(run, tmp_path / "models")
    command = [ROOT / "benchmarks/predict_throughput.py", tmp_path / "models", "--files", "100", "--rounds", "1"]
    ended = processes.run(command)
    assert ended.returncode == 0, ended.stderr[-3000:]
    right = [int(count) for count in re.findall(r"; (\d+) of 100 classes are right", ended.stdout)]
    assert right == [round(100 * run.metrics["test"]["accuracy"])] * 2
    assert "the same class for 100 of 100 files" in ended.stdout
