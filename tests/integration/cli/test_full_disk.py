"""A disk that takes no more ends a command in one sentence; what was there is kept, and a run resumes to the bit.

The largest file that a process may write stands for the disk: what is larger fails as on a full one.
"""

import numpy as np
import pytest

import cnnzoo
from cnnzoo.experiments.run import Run
from tests import processes

FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size},) * 2); "
# Full from the second epoch on. TensorFlow loads before the command line silences it.
FULL_LATER = """
import resource
from cnnzoo.callbacks import Checkpoint

def save_on_a_full_disk(checkpoint, epoch, logs=None):
    if epoch == 1:
        resource.setrlimit(resource.RLIMIT_FSIZE, ({size},) * 2)
    save(checkpoint, epoch, logs)

save, Checkpoint.on_epoch_end = Checkpoint.on_epoch_end, save_on_a_full_disk
"""
COMMAND_LINE = "from cnnzoo import cli; cli.main()"
FULL = "File too large; what was there before is kept"
RECIPE = {"epochs": 2, "train_examples": 256}
OPTIONS = ("--epochs", "2", "--set", "train_examples=256", "--no-report")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return cnnzoo.train("lenet5_digits", workdir=tmp_path_factory.mktemp("run"), verbose=0, **RECIPE)


def on_a_full_disk(size, *arguments, disk=FULL_DISK):
    """Return the exit code of a command, and its last line on stderr; its files have at most so many bytes.

    Before that line TensorFlow may say that AutoGraph has no room for a file of its own; nothing raises a traceback.
    """
    # Coverage has files of its own, which are larger.
    without_coverage = {"COVERAGE_PROCESS_CONFIG": None, "COVERAGE_PROCESS_START": None}
    ended = processes.run(["-c", disk.format(size=size) + COMMAND_LINE, *arguments], **without_coverage)
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr.strip().splitlines()[-1]


def names(folder):
    return {path.name for path in folder.iterdir()} - {"logs"}


def test_a_run_that_met_a_full_disk_resumes_to_the_same_weights(tmp_path, finished):
    run = Run(tmp_path / "run")
    command = ["train", "lenet5_digits", "--workdir", run.folder]
    code, message = on_a_full_disk(100_000, *command, *OPTIONS, disk=FULL_LATER)
    again = f"make room, and resume with: cnnzoo train lenet5_digits --workdir {run.folder} --resume"
    assert (code, message) == (1, f"cnnzoo: cannot write {str(run.checkpoint_file)!r}: {FULL}; {again}")
    assert names(run.folder) == {"recipe.json", "history.csv", "checkpoint.weights.h5"}
    ended = processes.run(["-m", "cnnzoo", *command, "--resume", "--no-report"])
    assert (ended.returncode, ended.stderr) == (0, "")
    for ours, theirs in zip(run.model().get_weights(), finished.model().get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert run.metrics["test"] == finished.metrics["test"]


def test_a_run_without_its_first_checkpoint_leaves_nothing(tmp_path):
    folder = tmp_path / "run"
    code, message = on_a_full_disk(100_000, "train", "lenet5_digits", "--workdir", folder, *OPTIONS)
    file = str(folder / "checkpoint.weights.h5")
    assert (code, message) == (1, f"cnnzoo: cannot write {file!r}: {FULL}; make room, and run it again")
    assert not folder.exists()


def test_pretrained_layers_are_kept_or_not_written(tmp_path):
    folder = tmp_path / "run"
    command = ["train", "stacked_denoising_digits", "--smoke", "--workdir", folder, "--no-report"]
    code, message = on_a_full_disk(3_000, *command)
    assert code == 1
    assert message.startswith(f"cnnzoo: cannot write '{folder / 'pretraining'}/stage-1-")
    assert message.endswith(f"{FULL}; make room, and run it again")


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "{run}", "--to", "{to}"],
        ["export", "{run}", "--to", "{to}", "--format", "onnx"],
        ["export", "{run}", "--to", "{to}", "--format", "litert"],
        ["report", "{run}", "--to", "{to}"],
    ],
    ids=lambda arguments: "-".join([arguments[0], *arguments[5:]]),
)
def test_exports_and_reports_are_not_written_in_part(tmp_path, finished, arguments):
    to = tmp_path / "to"
    code, message = on_a_full_disk(4_000, *(text.format(run=finished.folder, to=to) for text in arguments))
    assert code == 1
    assert message.startswith(f"cnnzoo: cannot write '{to}")
    assert message.endswith(FULL)
    assert [path for path in to.rglob("*") if path.is_file() and path.stat().st_size >= 4_000] == []
    assert not list(to.rglob(".part-*"))
    assert not [path for path in to.iterdir() if path.name.isdecimal()]


def test_a_search_ends_in_a_sentence(tmp_path):
    command = ["tune", "lenet5_digits", "--smoke", "--trials", "1", "--seeds", "0", "--workdir", tmp_path / "search"]
    code, message = on_a_full_disk(1_000, *command)
    assert code == 1
    assert f"{FULL}; make room, and" in message


def test_a_cache_of_images_is_not_written_in_part(tmp_path, photo_folder):
    settings = [f"data={photo_folder}", f"cache={tmp_path / 'cache'}", "image_size=32,32"]
    options = [word for setting in settings for word in ("--set", setting)]
    command = ["train", "cuda_convnet_cifar10", "--smoke", "--no-report", "--workdir", tmp_path / "run", *options]
    code, message = on_a_full_disk(10_000, *command)
    assert code == 1
    assert message.startswith(f"cnnzoo: cannot write '{tmp_path / 'cache'}/")
    assert message.endswith(f"{FULL}; make room, and run it again")
    assert names(tmp_path / "cache") == set()
