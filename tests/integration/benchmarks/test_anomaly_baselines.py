"""The benchmark of anomaly detectors: the table that it prints, and what it says without PyOD."""

import re
import sys

import pytest

from tests import processes
from tests.integration.docs.scripts import run_script
from tests.processes import ROOT

SCRIPT = "benchmarks/anomaly_baselines.py"
DETECTORS = ["cnnzoo", "PCA", "isolation forest", "one-class SVM"]


@pytest.mark.slow
@pytest.mark.parametrize(("data", "classes"), [("digits", [0]), ("breast_cancer", [0, 1])])
def test_each_detector_has_an_area_for_each_class(data, classes):
    options = ["--data", data, "--classes", *classes, "--epochs", 2, "--train-examples", 150, "--seeds", 2]
    ended = processes.run([ROOT / SCRIPT, *options, "--detectors", *DETECTORS])
    assert ended.returncode == 0, ended.stderr[-3000:]
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in ended.stdout.splitlines() if "|" in line]
    assert table[0][1:] == DETECTORS
    rows = {first: values for first, *values in table[2:]}
    assert all(0 <= float(area) <= 1 for label in classes for area in rows[str(label)])
    assert all(re.fullmatch(r"0\.\d{4} ± 0\.\d{4}", mean) for mean in rows["mean, standard deviation over seeds"])
    assert all(float(seconds) >= 0 for seconds in rows["seconds, median"] + rows["processor seconds, median"])
    if data == "digits":
        assert float(rows["0"][DETECTORS.index("PCA")]) > 0.6


@pytest.mark.slow
def test_the_seeds_decide_what_is_drawn():
    options = ["--classes", 3, "--epochs", 1, "--train-examples", 100, "--seeds", 2, "--detectors", "PCA", "cnnzoo"]
    first, second = (processes.run([ROOT / SCRIPT, *options]).stdout.splitlines()[3] for _ in range(2))
    assert first == second
    assert first.startswith("| 3 |")


def test_without_pyod_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyod", None)
    with pytest.raises(SystemExit, match="PyOD's detectors need its package: pip install pyod") as ended:
        run_script(SCRIPT, "--data", "digits")
    assert "--detectors cnnzoo PCA 'isolation forest' 'one-class SVM'" in str(ended.value)
