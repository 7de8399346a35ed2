"""Messages of `--workers` and related options; what they do is tested in tests/integration/distribute."""

import sys

import pytest

import cnnzoo
from cnnzoo.cli import main
from cnnzoo.cli.launch import Member, run_together, run_workers


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["train", *arguments])
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("lenet5_digits", "--workers", "1"),
            "`--workers` must be an integer of at least 2; leave it out to train in one process. Received: 1",
        ),
        (("pretraining_study_mnist", "--workers", "2"), "'pretraining_study_mnist' is a study"),
        (("lenet5_digits", "--workers", "2", "--strategy", "mirrored"), "not by 'mirrored'; leave out --strategy"),
        (("lenet5_digits", "--workers", "2", "--set", "epochs=none"), "`epochs` must be an integer. Received: 'none'"),
        (("lenet5_digits", "--resume", "--auto-resume"), "give one of them"),
        (("lenet5_digits", "--auto-resume"), "needs the run's folder; give a workdir"),
        (("lenet5_digits", "--strategy", "mirored"), "unknown strategy 'mirored'; did you mean 'mirrored'"),
        (("lenet5_digits", "--strategy", "parameter_server"), "Keras 3 does not train with parameter servers"),
        (("lenet5_digits", "--progress", "barr"), "unknown --progress 'barr'; did you mean 'bar'?"),
        (
            ("lenet5_digits", "--worker-timeout", "0"),
            "`worker_timeout` must be a positive number of seconds. Received: 0",
        ),
        (("lenet5_digits", "--logical-cpus", "0"), "`logical_cpus` must be a positive integer. Received: 0"),
    ],
)
def test_invalid_options_are_refused(capsys, arguments, words):
    assert words in refused(capsys, *arguments)


def test_a_worker_starts_no_workers(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(cnnzoo.InputError, match="TF_CONFIG says that this is one already"):
        run_workers(["train", "lenet5_digits"], 2)


def test_each_process_has_its_share_of_the_gpus(tmp_path, monkeypatch, capfd):
    """What it does with it, no machine without a GPU can show; see tests/test_runtime.py for which it takes."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho share $CNNZOO_GPU_SHARE\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert run_workers(["train", "lenet5_digits"], 2) == 0
    assert run_together([], [Member("chief", {}), Member("worker 0", {}, (0, 1))]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert sorted(lines[:2]) == ["[worker 0] share 0/2", "[worker 1] share 1/2"]
    assert sorted(lines[2:]) == ["[chief] share", "[worker 0] share 0/1"]
