"""All callbacks of Keras in `cnnzoo.train`, on whole batches and in shards: they do what they do in a plain `fit`."""

import csv
import http.server
import inspect
import json
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import Recipe, distribute
from cnnzoo.callbacks import DivergedError
from cnnzoo.training.sources import splits_of

RECIPE = Recipe(
    model="lenet",
    data="digits",
    epochs=3,
    learning_rate=1e-3,
    schedule="constant",
    train_examples=256,
    validation_split=0.2,
    steps_per_execution=1,
)
# === One run with all that only watch ===


class Witness(keras.callbacks.Callback):
    """Do what people's own callbacks do with their model, and keep what it gives."""

    def __init__(self, backup):
        super().__init__()
        self.backup, self.weights, self.backed_up, self.seen = backup, [], [], []

    def on_epoch_end(self, epoch, logs=None):
        image, label = np.zeros((1, 32, 32, 1), "float32"), np.array([3])
        self.weights.append(self.model.get_weights())
        self.backed_up.append(json.loads((self.backup / "training_metadata.json").read_text())["epoch"])
        kernel, _ = self.model.get_layer("C3").get_weights()
        predicted = self.model.predict(image, verbose=0)
        loss, _ = self.model.evaluate(image, label, verbose=0)
        self.seen.append((type(self.model), self.model.name, kernel.shape, predicted, loss, self.model.optimizer))


@pytest.fixture
def monitor():
    """Return the address of a server on this machine, and what is sent to it."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


@pytest.fixture(
    params=[
        pytest.param((32, 1), id="batches of 32", marks=pytest.mark.slow),
        pytest.param((128, 2), id="batches of 128 in shards"),
    ]
)
def recipe(request, monkeypatch):
    """Return the recipe with a batch size; shards are what `cnnzoo train` has, whose threads are set for them."""
    batch_size, shards = request.param
    monkeypatch.setattr(distribute, "batch_shards_for", lambda size: shards)
    return RECIPE.replace(batch_size=batch_size)


def test_those_that_watch(recipe, tmp_path, monitor, capsys):
    keras_callbacks, calls = keras.callbacks, []
    witness = Witness(tmp_path / "backup")
    history = keras_callbacks.History()
    run = cnnzoo.train(
        recipe,
        workdir=tmp_path / "run",
        verbose=0,
        callbacks=[
            keras_callbacks.BackupAndRestore(tmp_path / "backup"),
            keras_callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
            keras_callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True),
            keras_callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_accuracy", save_best_only=True),
            keras_callbacks.CSVLogger(tmp_path / "log.csv"),
            keras_callbacks.TensorBoard(tmp_path / "logs"),
            keras_callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: calls.append(batch)),
            keras_callbacks.RemoteMonitor(monitor[0], send_as_json=True),
            keras_callbacks.ProgbarLogger(),
            history,
            witness,
        ],
    )
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    epochs = {name: run.history[name] for name in names}
    # History
    assert {name: history.history[name] for name in names} == epochs
    # ModelCheckpoint, of both kinds: files that load, with the weights of their epochs
    for epoch, weights in enumerate(witness.weights, start=1):
        model = cnnzoo.load_model(tmp_path / f"{epoch}.keras")
        bare = cnnzoo.lenet(compile=False)
        bare.load_weights(tmp_path / f"{epoch}.weights.h5")
        for each in (model, bare):
            for one, other in zip(each.get_weights(), weights, strict=True):
                np.testing.assert_array_equal(one, other)
        assert type(model) is type(bare)
        assert model.predict(np.zeros((1, 32, 32, 1)), verbose=0).shape == (1, 10)
    best = cnnzoo.load_model(tmp_path / "best.keras").get_weights()
    for one, other in zip(best, witness.weights[int(np.argmax(epochs["val_accuracy"]))], strict=True):
        np.testing.assert_array_equal(one, other)
    # BackupAndRestore: a backup after each epoch, and none at the end
    assert witness.backed_up == [1, 2, 3]
    assert not (tmp_path / "backup").exists()
    # CSVLogger
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {name: [float(row[name]) for row in rows] for name in names} == epochs
    # TensorBoard
    for name, folder in (("loss", "train"), ("loss", "validation")):
        written = scalars(tmp_path / "logs" / folder, f"epoch_{name}")
        assert written == pytest.approx(epochs[f"{'val_' * (folder == 'validation')}{name}"])
    # LambdaCallback, RemoteMonitor, ProgbarLogger (which shows what `verbose` says)
    assert calls == [*range(recipe.train_examples // recipe.batch_size)] * 3
    assert [sent["epoch"] for sent in monitor[1]] == [0, 1, 2]
    assert [sent["val_loss"] for sent in monitor[1]] == epochs["val_loss"]
    assert capsys.readouterr().out == ""
    # What they see is the model itself, which they may use
    image = np.zeros((1, 32, 32, 1), "float32")
    for (kind, name, kernel, predicted, loss, optimizer), weights in zip(witness.seen, witness.weights, strict=True):
        model = cnnzoo.lenet(compile=False)
        model.set_weights(weights)
        assert (kind, name, kernel) == (type(model), "lenet", (5, 5, 6, 16))
        np.testing.assert_allclose(predicted, model.predict(image, verbose=0), rtol=1e-5)
        assert loss == pytest.approx(-np.log(predicted[0, 3]), rel=1e-4)
        assert isinstance(optimizer, keras.optimizers.AdamW)
    assert witness.model.train_step == type(witness.model).train_step.__get__(witness.model)  # of whole batches again


def scalars(folder, name):
    values = []
    for file in sorted(folder.rglob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            values += [float(tf.make_ndarray(each.tensor)) for each in event.summary.value if each.tag == name]
    return values


# === Those that act ===


def recorded():
    """Return a list of the weights after each epoch, and the callback that fills it."""
    weights = []
    callback = keras.callbacks.Callback()
    callback.on_epoch_end = lambda epoch, logs=None: weights.append(callback.model.get_weights())
    return weights, callback


def assert_same(weights, others):
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)


def test_early_stopping_stops_and_puts_the_best_weights_back(recipe, tmp_path):
    """The best is the largest loss here, that of the first epoch."""
    weights, record = recorded()
    stopping = keras.callbacks.EarlyStopping("val_loss", mode="max", patience=1, restore_best_weights=True)
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=[stopping, record])
    assert run.history["epoch"] == [1, 2]
    assert_same(run.model().get_weights(), weights[0])


def test_rates_are_reduced_on_a_plateau(recipe, tmp_path):
    reducing = keras.callbacks.ReduceLROnPlateau("val_loss", mode="max", patience=1, factor=0.1)
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=[reducing])
    assert run.history["learning_rate"] == pytest.approx([1e-3, 1e-3, 1e-4])


def test_rates_follow_a_scheduler(recipe, tmp_path):
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=[scheduler])
    assert run.history["learning_rate"] == pytest.approx([1e-3, 5e-4, 2.5e-4])


def test_averaged_weights_are_swapped_in_for_validation(recipe, tmp_path):
    """At the end the averages are the model's weights."""
    recipe = recipe.replace(optimizer_options={"use_ema": True, "ema_momentum": 0.9})
    losses = {}
    for name, callbacks in {"swapped": [keras.callbacks.SwapEMAWeights()], "not": []}.items():
        run = cnnzoo.train(recipe, workdir=tmp_path / name, verbose=0, callbacks=callbacks)
        *_, validation = splits_of(recipe)
        model = run.model()
        images = cnnzoo.models.preprocessing("lenet", model)(validation.images)
        losses[name] = run.history["val_loss"][-1], model.evaluate(images, validation.labels, verbose=0)[0]
    assert losses["swapped"][0] == pytest.approx(losses["swapped"][1], rel=1e-5)
    assert losses["not"][0] != pytest.approx(losses["not"][1], rel=1e-3)


def test_a_loss_that_is_not_finite_is_an_error_also_with_terminate_on_nan(recipe, tmp_path):
    """A plain `fit` ends as if it were finished."""
    callbacks = [keras.callbacks.TerminateOnNaN()]
    recipe = recipe.replace(model="lenet5", learning_rate=1e30)
    with pytest.raises(DivergedError, match=r"the loss became|are not finite"):
        cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=callbacks)


def test_the_best_epoch_of_an_autoencoder_is_kept_by_its_squared_error(recipe, tmp_path):
    recipe = recipe.replace(model="autoencoder", model_options={"input_shape": (8, 8, 1), "units": (), "code": 8})
    weights, record = recorded()
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_squared_error", save_best_only=True)
    stopping = keras.callbacks.EarlyStopping("val_squared_error", patience=1)
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=[best, stopping, record])
    errors = run.history["val_squared_error"]
    assert errors == sorted(errors, reverse=True)
    assert len(errors) == 3
    assert_same(cnnzoo.load_model(tmp_path / "best.keras").get_weights(), weights[-1])


def test_orbax_is_keras_own_option():
    try:
        import orbax.checkpoint  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="orbax"):
            keras.callbacks.OrbaxCheckpoint(directory="nowhere")


def test_a_list_of_callbacks_is_a_plain_list(tmp_path):
    with pytest.raises(cnnzoo.InputError, match="`callbacks` must be a list"):
        cnnzoo.train(RECIPE, workdir=tmp_path / "run", verbose=0, callbacks=keras.callbacks.CallbackList([]))


def test_every_callback_of_keras_is_tested_here():
    named = {
        name
        for name, cls in inspect.getmembers(keras.callbacks, inspect.isclass)
        if issubclass(cls, keras.callbacks.Callback) and cls is not keras.callbacks.Callback
    }
    source = inspect.getsource(inspect.getmodule(test_every_callback_of_keras_is_tested_here))
    assert {name for name in named if f"callbacks.{name}(" not in source} == set()


# === What cannot go together ===


@pytest.mark.parametrize("schedule", ["cosine", "step"])
@pytest.mark.parametrize(
    "callback", [keras.callbacks.ReduceLROnPlateau(), keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate)]
)
def test_a_rate_that_a_schedule_sets_is_refused_before_the_first_step(tmp_path, schedule, callback):
    recipe = RECIPE.replace(schedule=schedule, lr_drop_epochs=(1,) if schedule == "step" else ())
    name = type(callback).__name__
    message = rf"{name} sets the learning rate itself: it needs the recipe's schedule='constant'\. Rec.*'{schedule}'"
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=[callback])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_reduced_rate_outlives_the_phase_of_frozen_layers_and_an_interruption(tmp_path, epochs):
    """The frozen phase has its own rate: what stays is the factor."""
    recipe = RECIPE.replace(epochs=2, frozen={"epochs": 2, "learning_rate": 1e-2}, batch_size=64)
    whole = cnnzoo.train(recipe, workdir=tmp_path / "whole", verbose=0, callbacks=[Reduce()])
    assert whole.history["learning_rate"] == pytest.approx([1e-2, 2.5e-3, 2.5e-4, 2.5e-4])
    callbacks = [Reduce(), InterruptBefore(epochs)]
    with pytest.raises(KeyboardInterrupt):
        cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=callbacks)
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, callbacks=[Reduce()], resume=True)
    assert run.history["learning_rate"] == whole.history["learning_rate"]
    assert_same(run.model().get_weights(), whole.model().get_weights())


class Reduce(keras.callbacks.Callback):
    """What ReduceLROnPlateau does, after the first epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) / 4


class InterruptBefore(keras.callbacks.Callback):
    """Interrupt in the epoch after one, counted from 1."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 0 and self.running == self.epoch:
            raise KeyboardInterrupt

    def on_epoch_begin(self, epoch, logs=None):
        self.running = epoch


def test_a_backup_of_another_epoch_than_the_runs_own_is_refused(tmp_path):
    """A backup that agrees with the run's own checkpoint does no harm."""

    def train(folder, **options):
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", **options.pop("backup", {}))
        callbacks = [backup, *options.pop("callbacks", [])]
        return cnnzoo.train(RECIPE, workdir=tmp_path / folder, verbose=0, callbacks=callbacks, **options)

    with pytest.raises(KeyboardInterrupt):
        train("run", callbacks=[InterruptBefore(2)])
    with pytest.raises(cnnzoo.InputError, match=r"has completed 0 epochs, and .* BackupAndRestore, has set it to 2; "):
        train("other")
    run = train("run", resume=True)
    whole = cnnzoo.train(RECIPE, workdir=tmp_path / "whole", verbose=0)
    assert run.history["epoch"] == [1, 2, 3]
    assert_same(run.model().get_weights(), whole.model().get_weights())
    kept = {"backup": {"delete_checkpoint": False}}
    train("kept", **kept)
    with pytest.raises(cnnzoo.InputError, match="has completed 0 epochs"):
        train("again", **kept)
