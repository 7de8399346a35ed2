"""Recipes end with the same weights on one device, on two, and in two processes, also if one of these is killed."""

import json
import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import Recipe
from tests import processes
from tests.hold import hold
from tests.integration.distribute.cluster import started

# 55 steps of 130 images; nothing in it is random. 7 validation and 9 test images: odd, partial batches.
PLAIN = Recipe(
    model="lenet",
    data="digits",
    epochs=5,
    learning_rate=0.05,
    batch_size=130,
    optimizer="sgd",
    optimizer_options={"momentum": 0.9},
    validation_split=7 / 1437,
    test_examples=9,
    name="plain",
)
DEEP = Recipe(
    model="stacked_autoencoder",
    data="digits",
    model_options={"input_shape": (8, 8, 1), "units": (40, 30)},
    epochs=1,
    learning_rate=1e-3,
    batch_size=100,
    pretraining={"epochs": 2, "batch_size": 100},
    name="deep",
)
# With dropout and distortions, whose noise a resumed run must draw as the undisturbed one did.
NOISY = PLAIN.replace(model="mlp", model_options={"dropout": 0.5}, epochs=3, augment="affine", name="noisy")
# `cnnzoo` whose launcher has another grace period, its first argument.
WITH_GRACE_PERIOD = (
    "import sys\nfrom cnnzoo.cli import launch, main\nlaunch.GRACE_PERIOD = float(sys.argv.pop(1))\nmain()"
)
SAVED = "cnnzoo.callbacks.checkpoint:Checkpoint.on_epoch_end"  # the chief alone calls it


def recipe_file(recipe, folder):
    path = folder / f"{recipe.name}.py"
    path.write_text(f"from cnnzoo import Recipe\nrecipe = Recipe(**{recipe.to_dict()!r})\n")
    return path


def weights(folder):
    return cnnzoo.Run(folder).model().get_weights()


@pytest.fixture(scope="module")
def plain_alone(tmp_path_factory):
    return cnnzoo.train(PLAIN, workdir=tmp_path_factory.mktemp("plain"), verbose=0, strategy="default")


def test_two_replicas_and_two_workers_equal_one_process(tmp_path, two_replicas, plain_alone):
    for recipe, atol in ((PLAIN, 1e-5), (DEEP, 1e-4)):
        command = ["-m", "cnnzoo", "train", recipe_file(recipe, tmp_path), "--workdir", tmp_path / recipe.name / "two"]
        workers = started(command, 2)
        alone = plain_alone
        if recipe is not PLAIN:
            alone = cnnzoo.train(recipe, workdir=tmp_path / recipe.name / "alone", verbose=0, strategy="default")
        twice = cnnzoo.train(recipe, workdir=tmp_path / recipe.name / "replicas", verbose=0, strategy=two_replicas)
        (chief, _), (other, _) = processes.finished(workers)
        assert "test accuracy" in chief
        assert other == f"worker 1 of 2 is done; the chief wrote the run to {tmp_path / recipe.name / 'two'}\n"
        both = cnnzoo.Run(tmp_path / recipe.name / "two")
        assert (both.content["workers"], both.content["replicas"]) == (2, 2)
        for run in (twice, both):
            for one, expected in zip(weights(run.folder), weights(alone.folder), strict=True):
                np.testing.assert_allclose(one, expected, atol=atol)
            assert run.metrics["test"] == pytest.approx(alone.metrics["test"], abs=1e-5)
            assert [row["loss"] for row in run.history_rows] == pytest.approx(
                [row["loss"] for row in alone.history_rows], rel=1e-4
            )
            layers = alone.metrics.get("pretraining", {})
            for name, history in layers.items():
                assert run.metrics["pretraining"][name]["loss"] == pytest.approx(history["loss"], abs=1e-4)
        assert len(alone.metrics.get("pretraining", {})) == (2 if recipe is DEEP else 0)


@pytest.mark.slow
def test_a_fit_with_partial_batches_gives_the_same_weights(two_replicas):
    digits = cnnzoo.data.load("digits").train[:90]  # 64 and 26
    images = np.asarray(cnnzoo.models.lenet.preprocess_input(digits.images, (32, 32, 1)))
    weights_by_scope = []
    for scope in (None, two_replicas):
        keras.utils.set_random_seed(0)
        with scope.scope() if scope else pytest.MonkeyPatch.context():
            model = cnnzoo.lenet()
        model.fit(images, digits.labels, batch_size=64, epochs=25, shuffle=False, verbose=0)
        weights_by_scope.append(model.get_weights())
    for one, other in zip(*weights_by_scope, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def launched(arguments, grace_period=None, **variables):
    program = ["-m", "cnnzoo"] if grace_period is None else ["-c", WITH_GRACE_PERIOD, grace_period]
    return processes.start([*program, "train", *arguments, "--no-report"], **variables)


def rows(folder):
    return len(cnnzoo.Run(folder).history_rows)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    processes.finished([launched([recipe_file(NOISY, folder), "--workers", "2", "--workdir", folder / "run"])])
    return folder / "run"


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1], ids=["the chief", "the other"])
def test_one_of_two_workers_is_killed_and_both_resume(tmp_path, undisturbed, victim):
    file, folder = recipe_file(NOISY, tmp_path), tmp_path / "killed"
    with hold(SAVED, call=2, after=True) as held:
        # Twice as long as this test waits: a survivor ends by itself, or not at all.
        arguments = [file, "--workers", "2", "--workdir", folder]
        process = launched(arguments, grace_period=2 * processes.PATIENCE, **held.environment)
        chief = held.wait(process)
        (other,) = processes.children(process.pid) - {chief}
        os.kill((chief, other)[victim], signal.SIGKILL)
        if victim == 1:
            held.let_go()
        out, errors = processes.ended(process)
    assert process.returncode == 128 + signal.SIGKILL
    assert f"worker {victim} was killed by signal 9; the others are ended, too" in errors
    survivor = 1 - victim
    assert f"[worker {survivor}] cnnzoo: worker {survivor} of 2 stops, since another worker is gone" in errors
    assert "Traceback" not in out + errors
    assert rows(folder) == 2
    processes.finished([launched([*arguments, "--resume"])])
    assert [row["epoch"] for row in cnnzoo.Run(folder).history_rows] == [1, 2, 3]
    for one, other in zip(weights(folder), weights(undisturbed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_worker_that_does_not_stop_when_another_is_killed_is_ended(tmp_path):
    with hold("cnnzoo.runtime:start_tensorflow") as held:
        arguments = ["lenet5_digits", "--workers", "2", "--workdir", tmp_path / "run"]
        process = launched(arguments, grace_period=0, **held.environment)
        killed, stuck = held.wait(process), held.wait(process)
        os.kill(killed, signal.SIGKILL)
        _, errors = processes.ended(process)
        assert process.returncode == 128 + signal.SIGKILL
        assert "was killed by signal 9; the others are ended, too" in errors
        assert processes.is_gone(stuck)


def test_a_run_resumes_on_more_and_on_fewer_devices(tmp_path, two_replicas, plain_alone, monkeypatch):
    """It starts on one device, resumes on two, and ends on one, with the weights of a run on one."""
    folder = tmp_path / "moved"
    for number, strategy in enumerate(("default", two_replicas, "default")):
        with monkeypatch.context() as patch:
            if number < 2:
                patch.setattr(cnnzoo.callbacks.StopOnNaN, "on_epoch_begin", interrupt_at(2 * (number + 1)))
                with pytest.raises(KeyboardInterrupt):
                    cnnzoo.train(PLAIN, workdir=folder, verbose=0, strategy=strategy, resume="auto")
            else:
                cnnzoo.train(PLAIN, workdir=folder, verbose=0, strategy=strategy, resume="auto")
    assert [row["epoch"] for row in cnnzoo.Run(folder).history_rows] == [1, 2, 3, 4, 5]
    for one, other in zip(weights(folder), weights(plain_alone.folder), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def interrupt_at(epoch):
    def on_epoch_begin(callback, number, logs=None):
        callback._epoch = number + 1
        if number == epoch:
            raise KeyboardInterrupt

    return on_epoch_begin


def test_replicas_drop_other_units_and_the_first_those_of_one_device(two_replicas):
    drawn = {}
    for name, strategy in (("one", None), ("two", two_replicas)):
        keras.utils.set_random_seed(0)
        with strategy.scope() if strategy else pytest.MonkeyPatch.context():
            model = keras.Sequential([keras.Input((1000,)), keras.layers.Dropout(0.5)])
        callback = cnnzoo.callbacks.EpochRandomness()
        callback.set_model(model)
        callback.on_epoch_begin(2)
        run = tf.function(lambda model=model: model(tf.ones((1, 1000)), training=True))
        outputs = two_replicas.experimental_local_results(two_replicas.run(run)) if strategy else [run()]
        drawn[name] = [np.asarray(each) != 0 for each in outputs]
        callback.on_train_end()
    np.testing.assert_array_equal(drawn["two"][0], drawn["one"][0])
    assert 0.4 < np.mean(drawn["two"][0] == drawn["two"][1]) < 0.6


def test_an_interrupt_is_forwarded_and_prints_how_to_resume(tmp_path):
    file, folder = recipe_file(PLAIN.replace(epochs=2), tmp_path), tmp_path / "run"
    with hold(SAVED, after=True) as held:
        process = launched([file, "--workers", "2", "--workdir", folder], **held.environment)
        held.wait(process)
        workers = processes.children(process.pid)
        process.send_signal(signal.SIGTERM)
        _, errors = processes.ended(process)
    assert process.returncode == 143
    assert f"--workdir {folder} --resume" in errors
    assert "Traceback" not in errors
    assert len(workers) == 2
    assert all(map(processes.is_gone, workers))
    assert rows(folder) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 125}, "batch_size must be a multiple of the 2 replicas, among which .* such as 124, not 125"),
        ({"batch_size": 1}, "such as 2, not 1"),
        (
            {"pretraining": {"epochs": 1, "batch_size": 5}},
            "pretraining.batch_size must be a multiple of the 2 replicas",
        ),
        ({"test_examples": 1}, "1 images to evaluate or to validate on are too few for 2 replicas"),
        ({"train_examples": 1, "batch_size": 2}, "from 1 to 1, the number of training examples. Received: 2"),
    ],
)
def test_batches_that_replicas_cannot_share_are_refused(tmp_path, two_replicas, changes, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.train(PLAIN.replace(**changes, epochs=1), workdir=tmp_path / "run", strategy=two_replicas, verbose=0)


def test_the_command_line_splits_a_cpu(tmp_path):
    process = launched(
        [recipe_file(PLAIN.replace(epochs=1), tmp_path), "--logical-cpus", "2", "--workdir", tmp_path / "run"]
    )
    ((output, _),) = processes.finished([process])
    expected = (
        "2 replicas in 1 process: batches of 130 are cut into 65 each; the learning rate is the recipe's own, 0.05"
    )
    assert output.splitlines()[0] == expected
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["replicas"] == 2
