"""What `--workers` and its neighbors refuse, each in a sentence; what they do is in tests/integration/distribute."""

import pytest

import cnnzoo
from cnnzoo.cli import main
from cnnzoo.cli.launch import run_workers


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["train", *arguments])
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("lenet5_digits", "--workers", "1"), "--workers must be at least 2, not 1; leave it out"),
        (("pretraining_study_mnist", "--workers", "2"), "'pretraining_study_mnist' is a study"),
        (("lenet5_digits", "--workers", "2", "--strategy", "mirrored"), "not by 'mirrored'; leave out --strategy"),
        (("lenet5_digits", "--workers", "2", "--set", "epochs=none"), "epochs must be an integer"),
        (("lenet5_digits", "--resume", "--resume-or-begin"), "give one of them"),
        (("lenet5_digits", "--resume-or-begin"), "needs the run's folder; give a workdir"),
        (("lenet5_digits", "--strategy", "mirored"), "unknown strategy 'mirored'; did you mean 'mirrored'"),
        (("lenet5_digits", "--strategy", "parameter_server"), "Keras 3 does not train with parameter servers"),
        (("lenet5_digits", "--progress", "barr"), "--progress must be auto, bar, lines or none, not 'barr'"),
        (("lenet5_digits", "--wait", "0"), "wait must be a positive number of seconds, not 0"),
        (("lenet5_digits", "--cpus-as", "0"), "a CPU is split into at least 1 device, not 0"),
    ],
)
def test_what_cannot_be_is_refused(capsys, arguments, words):
    assert words in refused(capsys, *arguments)


def test_a_worker_starts_no_workers(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(cnnzoo.InputError, match="TF_CONFIG says that this is one already"):
        run_workers(["train", "lenet5_digits"], 2)
