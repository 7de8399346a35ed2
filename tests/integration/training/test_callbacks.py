"""Callbacks of the user's own, and what a run shows."""

import json

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import Recipe, run_study
from cnnzoo.training.sources import splits_of
from tests.integration.distribute.cluster import started
from tests.processes import finished

RECIPE = Recipe(model="lenet", data="digits", epochs=3, learning_rate=1e-3, batch_size=64, train_examples=128)
PHASES = RECIPE.replace(frozen={"epochs": 2, "learning_rate": 1e-2})


class Logger(keras.callbacks.Callback):
    """What Weights & Biases' and MLflow's callbacks do: note how a fit is set up, and numbers for every epoch."""

    def __init__(self):
        super().__init__()
        self.create_run, self.epochs, self.ended, self.batches = [], {}, 0, 0

    def on_train_begin(self, logs=None):
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.create_run.append({**self.params, **self.model.optimizer.get_config(), "rate": rate})

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs[epoch] = {name: float(value) for name, value in logs.items()}

    def on_train_end(self, logs=None):
        self.ended += 1


class StopAfter(keras.callbacks.Callback):
    """Stop at an epoch, counted from 1."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training |= epoch + 1 == self.epoch


def test_a_logger_gets_what_the_history_holds(tmp_path):
    logger = Logger()
    recipe = PHASES.replace(validation_split=0.25, steps_per_execution=1)
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=[logger])
    assert [create_run["epochs"] for create_run in logger.create_run] == [2, 5]  # both phases
    assert [create_run["steps"] for create_run in logger.create_run] == [2, 2]
    assert logger.create_run[0]["rate"] == pytest.approx(1e-2)
    assert (logger.ended, logger.batches) == (2, 10)
    assert list(logger.epochs) == [0, 1, 2, 3, 4]
    for row, logs in zip(run.history_rows, logger.epochs.values(), strict=True):
        assert logs == {name: row[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")}


def test_they_change_nothing_but_what_they_want_to(tmp_path):
    recipe = RECIPE.replace(epochs=1)
    alone = cnnzoo.train(recipe, workdir=tmp_path / "alone", verbose=0)
    logged = cnnzoo.train(recipe, workdir=tmp_path / "logged", verbose=2, callbacks=(Logger(),))
    for one, other in zip(alone.model().get_weights(), logged.model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("recipe", "epoch"), [(RECIPE, 2), (PHASES, 1), (PHASES, 3)])
def test_one_that_stops_training_ends_the_run_at_that_epoch(tmp_path, recipe, epoch):
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=[StopAfter(epoch)])
    assert run.history["epoch"] == list(range(1, epoch + 1))
    assert run.metrics["epochs"] == epoch
    assert cnnzoo.evaluate(run) == run.metrics["test"]
    before = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")}
    again = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, resume=True)
    assert again.metrics == run.metrics
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")} == before


def test_early_stopping_puts_the_best_weights_back(tmp_path):
    """The loss of a rate as high as this one rises after the first epoch or two."""
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    recipe = RECIPE.replace(validation_split=0.25, epochs=20, learning_rate=0.1, steps_per_execution=1, batch_size=16)
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=[stopping])
    losses = [row["val_loss"] for row in run.history_rows]
    best = int(np.argmin(losses))
    assert len(losses) == best + 2 < 20
    *_, validation = splits_of(recipe)
    model = run.model()
    images = cnnzoo.models.preprocessing("lenet", model)(validation.images)
    assert model.evaluate(images, validation.labels, verbose=0)[0] == pytest.approx(losses[best], rel=1e-4)


@pytest.mark.parametrize("bad", [Logger(), [Logger], [print], "early_stopping", [None]])
def test_what_is_no_list_of_callbacks_gets_a_sentence(tmp_path, bad):
    with pytest.raises(cnnzoo.InputError, match=r"`callbacks` must be a list of keras\.callbacks\.Callback\. Rec"):
        cnnzoo.train(RECIPE, workdir=tmp_path / "run", verbose=0, callbacks=bad)
    assert not (tmp_path / "run").exists()


def test_a_run_is_quiet_where_there_is_no_terminal(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("cnnzoo.callbacks.progress.RARE", np.inf)  # else there is a line a minute
    recipe = cnnzoo.experiments.load_recipe("stacked_denoising_digits").smoke()
    cnnzoo.train(recipe, workdir=tmp_path / "run")
    run_study(recipe_study(recipe), workdir=tmp_path / "study")
    assert capfd.readouterr() == ("", "")


def recipe_study(recipe):
    return cnnzoo.experiments.Study(recipe=recipe.replace(pretraining={}), variants={"plain": {}}, seeds=(0,))


def test_both_phases_are_announced(tmp_path, capsys):
    run = cnnzoo.train(PHASES, workdir=tmp_path / "run", verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "epochs 1 to 2: 4 layers frozen"
    assert lines[3] == "epochs 3 to 5: all layers learn"
    for line, row in zip(lines[1:3] + lines[4:], run.history_rows, strict=True):
        loss = cnnzoo.callbacks.progress.format_metric(row["loss"])
        assert line.startswith(f"epoch {row['epoch']:.0f}/5  loss {loss}  acc")


@pytest.mark.parametrize(("epochs", "first"), [(1, "epochs 1 to 2"), (2, "epochs 3 to 5")])
def test_a_resumed_run_shows_what_is_left(tmp_path, capsys, epochs, first):
    def interrupt(epoch, logs):
        if epoch + 1 == epochs:
            raise KeyboardInterrupt

    interrupting = keras.callbacks.LambdaCallback(on_epoch_end=interrupt)
    with pytest.raises(KeyboardInterrupt):
        cnnzoo.train(PHASES, workdir=tmp_path / "run", verbose=0, callbacks=[interrupting])
    cnnzoo.train(PHASES, workdir=tmp_path / "run", verbose=2, resume=True)
    resumed, *lines = capsys.readouterr().out.splitlines()
    assert resumed == f"resumes {tmp_path / 'run'} after epoch {epochs}"
    assert lines[0].startswith(first)
    shown = [line.split("  ")[0] for line in lines if line.startswith("epoch ")]
    assert shown == [f"epoch {number}/5" for number in range(epochs + 1, 6)]


WORKER = """
import json, sys
import keras, cnnzoo
from tests.integration.training.test_callbacks import RECIPE, Logger, StopAfter

rates = []

def noted(self, epoch, logs=None):
    rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))

cnnzoo.callbacks.StopOnNaN.on_epoch_end = noted  # on every worker, before the user's callbacks
logger, scheduler = Logger(), keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
recipe, callbacks = RECIPE.replace(schedule="constant"), [logger, scheduler, StopAfter(2)]
run = cnnzoo.train(recipe, workdir=sys.argv[1], strategy="multi_worker", verbose=2, callbacks=callbacks)
rates = [f"{rate:g}" for rate in rates]
print(json.dumps({"logged": len(logger.epochs), "rows": len(run.history_rows), "rates": rates}))
"""


def test_of_several_workers_the_chief_calls_them_and_all_stop_and_have_its_rate(tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    (chief, _), (other, _) = finished(started([tmp_path / "worker.py", tmp_path / "run"], 2))
    *lines, last = chief.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/3", "epoch 2/3"]
    rates = ["0.0005", "0.00025"]
    assert json.loads(last) == {"logged": 2, "rows": 2, "rates": rates}
    assert [json.loads(line) for line in other.splitlines()] == [{"logged": 0, "rows": 2, "rates": rates}]
