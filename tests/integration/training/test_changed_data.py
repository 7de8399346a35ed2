"""A run knows its images, and says what has changed; one process at a time works in its folder."""

import os
import shutil
import signal

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo.experiments.run import Run
from tests.hold import hold

RECIPE = cnnzoo.Recipe(
    model="mlp",
    model_options={"input_shape": (8, 8, 3), "units": (5,)},
    data="",
    image_size=(8, 8),
    epochs=1,
    learning_rate=0.01,
    batch_size=4,
)
COUNTS = {"train": 4, "test": 2}  # images of each class


def save(path, number):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8, 3), "uint8")).save(path)


@pytest.fixture
def run(tmp_path, train):
    """Return a run on two classes, of eight images to train on and four to test on."""
    images = [(part, tag, number) for part, count in COUNTS.items() for tag in "ab" for number in range(count)]
    for seed, (part, tag, number) in enumerate(images):
        save(tmp_path / "data" / part / tag / f"{number}.png", seed)
    return train(RECIPE.replace(data=str(tmp_path / "data")), workdir=tmp_path / "run", verbose=0)


def renamed(data):
    for part in ("train", "test"):
        (data / part / "a").rename(data / part / "c")


def added(data):
    for part in ("train", "test"):
        shutil.copytree(data / part / "a", data / part / "c")


def removed(data):
    for part in ("train", "test"):
        shutil.rmtree(data / part / "a")
        (data / part / "c").mkdir()
        save(data / part / "c" / "1.png", 5)


CLASSES = {"renamed": (renamed, "were a, b and are b, c"), "added": (added, "were a, b and are a, b, c")}
CLASSES["removed"] = (removed, "were a, b and are b, c")
IMAGES = {
    "removed": (lambda data: (data / "train/a/0.png").unlink(), "its train images were 8 and are 7", None),
    "added": (lambda data: save(data / "train/a/9.png", 9), "its train images were 8 and are 9", None),
    "changed": (lambda data: save(data / "train/a/0.png", 999), "its train images are as many, and other ones", None),
    "moved": (
        lambda data: (data / "train/a/0.png").rename(data / "train/b/9.png"),
        "its train images are as many, and other ones",
        None,
    ),
    "test": (lambda data: (data / "test/a/0.png").unlink(), *["its test images were 4 and are 3"] * 2),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_other_classes_are_refused(tmp_path, run, kind, train):
    change, words = CLASSES[kind]
    change(tmp_path / "data")
    with pytest.raises(cnnzoo.InputError, match=f"was trained on other images: its classes {words}; "):
        train(run.recipe, workdir=run.folder, resume=True, epochs=2, verbose=0)
    for read in (cnnzoo.evaluate, cnnzoo.report):
        with pytest.raises(cnnzoo.InputError, match=f"is not what .* was trained on: its classes {words}"):
            read(run)
    assert run.metrics["epochs"] == 1


@pytest.mark.parametrize("kind", IMAGES)
def test_other_images_are_refused_to_resume_on_and_said_in_evaluation(tmp_path, run, kind, train, caplog):
    change, words, in_evaluation = IMAGES[kind]
    change(tmp_path / "data")
    with pytest.raises(cnnzoo.InputError, match=words):
        train(run.recipe, workdir=run.folder, resume=True, epochs=2, verbose=0)
    caplog.clear()
    cnnzoo.evaluate(run)
    said = [message for message in caplog.messages if "has changed since the run" in message]
    assert [message.rpartition(": ")[2] for message in said] == ([in_evaluation] if in_evaluation else [])


def test_images_that_lie_elsewhere_are_the_same(tmp_path, run, train):
    shutil.move(tmp_path / "data", tmp_path / "moved")
    (tmp_path / "data").symlink_to(tmp_path / "moved")
    assert train(run.recipe, workdir=run.folder, resume=True, epochs=2, verbose=0).metrics["epochs"] == 2


def test_a_second_process_is_refused_and_the_first_goes_on(tmp_path, processes):
    folder = tmp_path / "run"
    command = ["-m", "cnnzoo", "train", "lenet5_digits", "--smoke", "--workdir", folder, "--no-report"]
    with hold("cnnzoo.callbacks.checkpoint:Checkpoint.on_epoch_end", call=2) as held:
        first = processes.start(command, **held.environment)
        held.wait(first)
        second = processes.run([*command[:4], "--workdir", folder, "--resume", "--no-report"])
        held.let_go()
        _, errors = processes.ended(first)
    refusal = f"cnnzoo: another process is at work in {str(folder)!r}; wait for its end, or end it"
    assert (second.returncode, second.stderr.strip()) == (2, refusal)
    assert (first.returncode, errors) == (0, "")
    assert Run(folder).metrics["epochs"] == 2


def test_the_lock_of_a_killed_process_is_free(tmp_path, processes):
    folder = tmp_path / "run"
    command = ["-m", "cnnzoo", "train", "lenet5_digits", "--smoke", "--workdir", folder, "--no-report"]
    with hold("cnnzoo.callbacks.checkpoint:Checkpoint.on_epoch_end", call=2) as held:
        first = processes.start(command, **held.environment)
        os.kill(held.wait(first), signal.SIGKILL)
        processes.ended(first)
    assert (folder / ".lock").exists()
    ended = processes.run([*command[:4], "--workdir", folder, "--resume", "--no-report"])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not (folder / ".lock").exists()


def test_no_command_disturbs_a_run_that_is_being_trained(tmp_path, processes):
    folder, exported = tmp_path / "run", tmp_path / "exported"
    train = ["-m", "cnnzoo", "train", "lenet5_digits", "--smoke", "--workdir", folder, "--no-report"]
    others = {
        "resume": ([*train[2:4], "--workdir", folder, "--resume"], "another process is at work in"),
        "train": (train[2:], "is not empty; give another one"),
        "evaluate": (["evaluate", folder], "holds no trained model"),
        "report": (["report", folder], "holds no "),
        "export": (["export", folder, "--to", exported], "holds no "),
        "tune": (["tune", "lenet5_digits", "--smoke", "--workdir", folder], "is not empty"),
    }
    with hold("cnnzoo.callbacks.checkpoint:Checkpoint.on_epoch_end", call=2) as held:
        first = processes.start(train, **held.environment)
        held.wait(first)
        started = {name: processes.start(["-m", "cnnzoo", *command]) for name, (command, _) in others.items()}
        ended = {name: (*processes.ended(process), process.returncode) for name, process in started.items()}
        held.let_go()
        _, errors = processes.ended(first)
    assert {name: code for name, (*_, code) in ended.items()} == dict.fromkeys(others, 2)
    for name, (_, words) in others.items():
        assert words in ended[name][1]
    assert (first.returncode, errors) == (0, "")
    assert Run(folder).metrics["epochs"] == 2
    assert not exported.exists()


@pytest.mark.slow
def test_two_of_a_command_at_once_are_both_right(tmp_path, processes):
    command = ["-m", "cnnzoo", "train", "lenet5_digits", "--smoke", "--no-report"]
    processes.finished([processes.start(command, cwd=tmp_path) for _ in range(2)])
    runs = [Run(tmp_path / "runs/lenet5_digits" / number) for number in "12"]
    assert runs[0].metrics["test"] == runs[1].metrics["test"]
    folder, page, exported = runs[0].folder, tmp_path / "page", tmp_path / "exported"
    twice = 2 * [["report", folder, "--to", page], ["export", folder, "--to", exported], ["evaluate", folder]]
    written = processes.finished([processes.start(["-m", "cnnzoo", *words]) for words in twice])
    assert written[2][0] == written[5][0] != ""
    assert sorted(path.name for path in exported.iterdir()) == ["1", "2"]
    assert (page / "report.html").read_text("utf-8").rstrip().endswith("</html>")
