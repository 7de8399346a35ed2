import csv
import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.callbacks import Checkpoint
from cnnzoo.experiments import load_recipe
from cnnzoo.experiments.run import Run
from cnnzoo.files import PART
from cnnzoo.runtime import steps_per_execution_for
from tests import processes
from tests.hold import hold

QUICK = {"epochs": 2, "train_examples": 256, "verbose": 0}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One short run for the tests that only look."""
    return cnnzoo.train("lenet5_digits", workdir=tmp_path_factory.mktemp("run"), **QUICK)


def test_run_folder_holds_everything(run):
    names = {path.name for path in run.folder.iterdir()}
    assert names == {
        "recipe.json",
        "history.csv",
        "logs",
        "checkpoint.weights.h5",
        "model.keras",
        "metrics.json",
    }
    assert list(run.logs.rglob("events.out.tfevents.*"))


def test_metrics_say_what_was_trained(run):
    metrics = json.loads(run.metrics_file.read_text())
    assert metrics["model"] == "lenet5"
    assert metrics["parameters"] == 60_000
    assert metrics["seed"] == 0
    assert metrics["epochs"] == 2
    assert metrics["test_examples"] == 360
    assert 0 <= metrics["test"]["accuracy"] <= 1
    assert metrics["images_per_second"] == pytest.approx(2 * 256 / metrics["train_seconds"], rel=0.01, abs=1)


@pytest.mark.parametrize("batches", [1, 31, 32, 44, 234, 467, 468, 1875])
def test_an_epoch_runs_no_step_too_many(batches):
    steps, together = steps_per_execution_for(batches, 32)
    assert steps % together == 0
    assert together <= 32
    assert 0.99 * batches <= steps <= batches


def test_optimizer_counts_the_steps_of_the_recipe(run):
    assert int(run.model().optimizer.iterations) == 2 * (256 // 32)


def test_recipe_file_gives_the_recipe_and_versions_back(run):
    content = json.loads(run.recipe_file.read_text())
    assert cnnzoo.Recipe(**content["recipe"]) == load_recipe("lenet5_digits").replace(epochs=2, train_examples=256)
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}
    assert content["versions"].items() >= versions.items()


def test_history_has_one_row_an_epoch(run):
    with run.history_file.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert set(rows[0]) == {"epoch", "accuracy", "loss", "learning_rate", "seconds"}


def test_evaluate_is_what_train_measured(run):
    assert cnnzoo.evaluate(run.folder) == run.metrics["test"]


def test_accuracy_is_what_numpy_counts(run):
    source = cnnzoo.data.load("digits")
    model = run.model()
    outputs = model(cnnzoo.models.lenet.preprocess_input(source.test.images, (32, 32, 1)))
    right = (np.argmax(outputs, axis=-1) == source.test.labels).mean()
    assert run.metrics["test"]["accuracy"] == pytest.approx(right)


def test_saved_model_arrives_compiled_with_the_recipes_optimizer(run):
    model = run.model()
    assert type(model.optimizer).__name__ == "AdamW"
    assert model.loss.name == "maximum_a_posteriori"


def test_a_fresh_process_loads_the_model_with_nothing_else_imported(run):
    code = "import cnnzoo, sys; print(cnnzoo.Run(sys.argv[1]).model().name)"
    result = processes.run(["-c", code, run.folder])
    assert result.stdout.strip() == "lenet5", result.stderr


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path):
    weights = []
    for number, seed in enumerate((1, 1, 2)):
        run = cnnzoo.train("lenet5_digits", workdir=tmp_path / str(number), seed=seed, **QUICK)
        weights.append(run.model().get_weights())
    assert all((a == b).all() for a, b in zip(weights[0], weights[1], strict=True))
    assert any((a != b).any() for a, b in zip(weights[0], weights[2], strict=True))


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_precision_is_the_runs_alone(tmp_path, precision):
    run = cnnzoo.train("lenet5_digits", workdir=tmp_path / "run", precision=precision, **QUICK)
    model = run.model()
    assert model.get_layer("C1").compute_dtype == precision.removeprefix("mixed_")
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_validation_images_are_held_out_and_watched(tmp_path):
    run = cnnzoo.train("lenet5_digits", workdir=tmp_path / "run", validation_split=0.2, **QUICK)
    assert {"val_accuracy", "val_loss"} <= set(run.history)


def test_recipe_of_ones_own(tmp_path):
    recipe = cnnzoo.Recipe(
        model="mlp",
        data="digits",
        epochs=1,
        learning_rate=0.1,
        optimizer="sgd",
        optimizer_options={"momentum": 0.5},
        schedule="constant",
        model_options={"units": [32]},
        name="mine",
    )
    model = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0).model()
    assert model.get_layer("fc1").units == 32
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
    assert model.optimizer.momentum == 0.5


def test_the_rate_drops_after_the_epochs_of_the_recipe(tmp_path):
    changes = {"schedule": "step", "lr_drop_epochs": (1, 3, 9), "lr_drop_factor": 0.1, "warmup": 0.0}
    recipe = load_recipe("lenet5_digits").replace(epochs=4, train_examples=128, **changes)
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0)
    rate = run.model().optimizer._learning_rate  # the schedule itself, as it was saved with the model
    lr_multipliers = [float(rate(step)) for step in range(4 * 4)]
    np.testing.assert_allclose(lr_multipliers, 6e-3 * np.repeat([1, 0.1, 0.1, 0.01], 4), rtol=1e-6)
    # A row shows the rate that the next epoch begins with.
    np.testing.assert_allclose(run.history["learning_rate"], 6e-3 * np.array([0.1, 0.1, 0.01, 0.01]))


def test_models_of_named_epochs_are_kept_also_by_a_run_that_resumes(tmp_path):
    recipe = load_recipe("lenet5_digits").replace(
        epochs=1, train_examples=128, schedule="constant", warmup=0.0, keep_epochs=(1, 3)
    )
    cnnzoo.train(recipe, workdir=tmp_path, verbose=0)
    run = cnnzoo.train(recipe.replace(epochs=3), workdir=tmp_path, verbose=0, resume=True)
    assert sorted(path.name for path in run.epochs.iterdir()) == ["1.keras", "3.keras"]
    early, late = (cnnzoo.load_model(run.epochs / f"{epoch}.keras") for epoch in (1, 3))
    np.testing.assert_array_equal(late.layers[1].kernel, run.model().layers[1].kernel)
    assert np.abs(early.layers[1].kernel - late.layers[1].kernel).max() > 0
    with pytest.raises(cnnzoo.InputError, match=r"started with keep_epochs=\[1, 3\], not \[1\]"):
        cnnzoo.train(recipe.replace(epochs=3, keep_epochs=(1,)), workdir=tmp_path, verbose=0, resume=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "lenet6"}, "did you mean"),
        ({"data": "digit"}, "did you mean 'digits'"),
        ({"augment": "afine"}, "did you mean 'affine'"),
        ({"augment": "alexnet"}, "images of 8×8 pixels are too small for crops of 32×32"),
        ({"optimizer": "adamv"}, "did you mean 'adam"),
        ({"optimizer_options": {"weight_deca": 1}}, "did you mean 'weight_decay'"),
        ({"optimizer_options": {"weight_decay": "much"}}, "optimizer_options"),
        ({"model_options": {"haed": "rbf"}}, "did you mean 'head'"),
        ({"model_options": {"input_shape": (12, 12, 1)}}, "layer 'C3' receives 4×4"),
        ({"model_options": {"input_shape": (32, 32, 3)}}, "set model_options.input_shape=32,32,1"),
        ({"batch_size": 5000}, "from 1 to 1437, the number of training examples"),
        ({"epocs": 3}, "did you mean 'epochs'"),
        ({"model_options": {"include_top": False}}, "no compiled classifier for the 10 classes"),
        ({"model_options": {"classes": 5}}, "no compiled classifier for the 10 classes"),
        ({"model": "lenet", "model_options": {"activation": "rellu"}}, "cannot be built with .*rellu"),
        ({"model": "lenet", "model_options": {"dropout": 1.5}}, "cannot be built with"),
        ({"optimizer": "optimizer"}, "unknown optimizer 'optimizer'"),
        ({"image_size": (16, 16)}, "the images of 'digits' are 8×8"),
        ({"stream": True}, "the images of 'digits' are always in memory"),
        ({"test_crops": 10}, "images larger than their input of 32×32; the images are 8×8"),
    ],
    ids=str,
)
def test_bad_values_are_refused_before_anything_is_written(tmp_path, changes, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.train("lenet5_digits", workdir=tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_a_diverging_run_stops_and_leaves_nothing(tmp_path):
    with pytest.raises(cnnzoo.InputError, match=r"the loss became nan in epoch 1; try a smaller learning_rate"):
        cnnzoo.train("lenet5_digits", workdir=tmp_path / "run", learning_rate=1e30, verbose=0)
    assert not (tmp_path / "run").exists()


def test_full_and_unwritable_work_folders_are_refused(run, tmp_path):
    with pytest.raises(cnnzoo.InputError, match=r"`resume` must be True, False or 'auto'\. Received: None"):
        cnnzoo.train("lenet5_digits", workdir=run.folder, resume=None)
    with pytest.raises(cnnzoo.InputError, match="is not empty; give another one, or --resume"):
        cnnzoo.train("lenet5_digits", workdir=run.folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(cnnzoo.InputError, match="is not empty"):
        cnnzoo.train("lenet5_digits", workdir=tmp_path / "file")
    with pytest.raises(cnnzoo.InputError, match="cannot write to the folder"):
        cnnzoo.train("lenet5_digits", workdir="/proc/run", **QUICK)
    with pytest.raises(cnnzoo.InputError, match=r"cannot write to the folder .*: File name too long"):
        cnnzoo.train("lenet5_digits", workdir=tmp_path / ("x" * 300), **QUICK)


def test_resuming_a_finished_run_returns_it(run):
    before = run.metrics_file.read_bytes()
    again = cnnzoo.train("lenet5_digits", workdir=run.folder, resume=True, epochs=2, train_examples=256)
    assert again.metrics_file.read_bytes() == before


@pytest.mark.parametrize("verbose", ["auto", 0])
def test_a_run_that_resumes_says_so(run, tmp_path, capsys, verbose):
    cnnzoo.train("lenet5_digits", workdir=run.folder, resume=True, **{**QUICK, "verbose": verbose})
    assert capsys.readouterr().out == (f"{run.folder} is finished; nothing was trained\n" if verbose else "")
    copy = _unfinished_copy(run, tmp_path / "copy")
    cnnzoo.train("lenet5_digits", workdir=copy.folder, resume=True, **{**QUICK, "verbose": verbose})
    assert capsys.readouterr().out.startswith(f"resumes {copy.folder} after epoch 2\n" if verbose else "")


def _train_and_interrupt_after_an_epoch(recipe, folder, monkeypatch, **options):
    def save_and_stop(checkpoint, epoch, logs=None):
        save(checkpoint, epoch, logs)
        raise KeyboardInterrupt

    save = Checkpoint.on_epoch_end
    monkeypatch.setattr(Checkpoint, "on_epoch_end", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        cnnzoo.train(recipe, workdir=folder, verbose=0, **options)
    monkeypatch.undo()


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_an_interrupted_run_resumes_in_python_too(tmp_path, monkeypatch, precision):
    """With half precision, steps that overflow are not counted by the optimizer; tuples are lists in the file."""
    recipe = load_recipe("lenet5_digits").replace(
        epochs=2, train_examples=64, batch_size=16, precision=precision, model_options={"input_shape": (32, 32, 1)}
    )
    _train_and_interrupt_after_an_epoch(recipe, tmp_path, monkeypatch)
    history = (tmp_path / "history.csv").read_text()
    (tmp_path / "history.csv").unlink()
    with pytest.raises(cnnzoo.InputError, match="has 0 rows, but the checkpoint was written after 1 epochs"):
        cnnzoo.train(recipe, workdir=tmp_path, resume=True, verbose=0)
    (tmp_path / "history.csv").write_text(history)
    assert len(cnnzoo.train(recipe, workdir=tmp_path, resume=True, verbose=0).history_rows) == 2


def test_averaged_weights_are_saved_and_evaluated_also_after_a_resume(tmp_path, monkeypatch):
    average = {"use_ema": True, "ema_momentum": 0.9}
    recipe = load_recipe("lenet5_digits").replace(epochs=2, train_examples=64, batch_size=16, optimizer_options=average)
    whole = cnnzoo.train(recipe, workdir=tmp_path / "whole", verbose=0)
    _train_and_interrupt_after_an_epoch(recipe, tmp_path / "stopped", monkeypatch)
    resumed = cnnzoo.train(recipe, workdir=tmp_path / "stopped", resume=True, verbose=0)
    kept, trained = whole.model(), whole.model()
    trained.load_weights(whole.checkpoint_file)
    averages = trained.optimizer._model_variables_moving_average
    for value, after, last, mean in zip(
        kept.trainable_variables,
        resumed.model().trainable_variables,
        trained.trainable_variables,
        averages,
        strict=True,
    ):
        np.testing.assert_array_equal(value, after)
        np.testing.assert_array_equal(value, mean)
        assert not np.array_equal(value, last)


def test_resuming_with_other_values_or_nothing_is_refused(run, tmp_path):
    for changes in ({"epochs": 1}, {"seed": 1}, {"epochs": 3, "seed": 1}):
        with pytest.raises(cnnzoo.InputError, match=r"was started with (epochs=2, not 1|seed=0, not 1)"):
            cnnzoo.train("lenet5_digits", workdir=run.folder, resume=True, **{**QUICK, **changes})
    assert run.metrics["epochs"] == 2
    with pytest.raises(cnnzoo.InputError, match="there is no run in"):
        cnnzoo.train("lenet5_digits", workdir=tmp_path, resume=True)


LENGTHENED = load_recipe("lenet5_digits").replace(epochs=2, train_examples=64, batch_size=16)
CONSTANT = LENGTHENED.replace(schedule="constant")


@pytest.mark.parametrize("is_finished", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("changes", [{}, {"frozen": {"epochs": 1}, "model_options": {"head": "softmax"}}], ids=str)
def test_a_run_resumes_with_more_epochs_as_if_it_had_been_so_long(tmp_path, monkeypatch, is_finished, changes):
    recipe, folder = CONSTANT.replace(**changes), tmp_path / "run"
    if is_finished:
        cnnzoo.train(recipe, workdir=folder, verbose=0)
    else:
        _train_and_interrupt_after_an_epoch(recipe, folder, monkeypatch)
    longer = cnnzoo.train(recipe, workdir=folder, resume=True, verbose=0, epochs=4)
    whole = cnnzoo.train(recipe, workdir=tmp_path / "whole", verbose=0, epochs=4)
    for one, other in zip(longer.model().get_weights(), whole.model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("epoch", "loss", "learning_rate"):
        assert longer.history[name] == whole.history[name]
    assert longer.metrics["test"] == whole.metrics["test"]
    assert longer.recipe == whole.recipe
    assert longer.content["lengthened"] == [2]
    assert "lengthened" not in whole.content
    with pytest.raises(cnnzoo.InputError, match="was started with epochs=4, not 2"):
        cnnzoo.train(recipe, workdir=folder, resume=True, verbose=0)


def test_a_run_is_evaluated_anew_where_only_its_evaluation_is_another(tmp_path):
    recipe = LENGTHENED.replace(optimizer_options={"use_ema": True, "ema_momentum": 0.9})
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, test_examples=50)
    before, weights = run.metrics, run.model().get_weights()
    whole = cnnzoo.train(recipe, workdir=tmp_path / "whole", verbose=0)
    again = cnnzoo.train(recipe, workdir=run.folder, resume=True, verbose=0)
    assert (before["test_examples"], again.metrics["test_examples"]) == (50, 360)
    assert again.metrics["test"] == whole.metrics["test"] != before["test"]
    assert again.content["data"] == whole.content["data"]
    assert again.recipe == whole.recipe
    assert again.history_rows == run.history_rows
    for one, other in zip(again.model().get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(cnnzoo.InputError, match=r"test_crops=10 is for classifiers and images larger than .* of 32×32"):
        cnnzoo.train(recipe, workdir=run.folder, resume=True, verbose=0, test_crops=10)
    assert again.metrics["test"] == whole.metrics["test"]


def test_a_run_that_decays_continues_at_the_rates_of_the_longer_one(tmp_path):
    run = cnnzoo.train(LENGTHENED, workdir=tmp_path / "run", verbose=0)
    longer = cnnzoo.train(LENGTHENED, workdir=run.folder, resume=True, verbose=0, epochs=4)
    whole = cnnzoo.train(LENGTHENED, workdir=tmp_path / "whole", verbose=0, epochs=4)
    rates = longer.history["learning_rate"]
    assert rates[1] < rates[2] == pytest.approx(whole.history["learning_rate"][2])
    assert rates[2:] == pytest.approx(whole.history["learning_rate"][2:])


def test_a_finished_run_keeps_its_results_where_its_longer_recipe_is_refused(tmp_path):
    for name in ("train/a", "train/b", "test/a", "test/b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            pixels = np.full((40, 40, 1), 16 * number, "uint8")
            keras.utils.save_img(tmp_path / "photos" / name / f"{number}.png", pixels, scale=False)
    options = {"input_shape": (32, 32, 3)}
    recipe = CONSTANT.replace(model="lenet", model_options=options, data=str(tmp_path / "photos"))
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0)
    shutil.rmtree(tmp_path / "photos")
    with pytest.raises(cnnzoo.InputError, match="photos"):
        cnnzoo.train(recipe, workdir=run.folder, resume=True, epochs=4, verbose=0)
    assert run.metrics["epochs"] == 2
    assert run.model()


def _unfinished_copy(run, folder):
    folder.mkdir()
    for path in (run.recipe_file, run.history_file, run.checkpoint_file):
        (folder / path.name).write_bytes(path.read_bytes())
    return Run(folder)


def test_a_damaged_checkpoint_is_refused(run, tmp_path):
    copy = _unfinished_copy(run, tmp_path / "copy")
    (copy.folder / ".part-1-model.keras").write_text("left by a killed process")
    copy.checkpoint_file.write_bytes(run.checkpoint_file.read_bytes()[:5000])
    with pytest.raises(cnnzoo.InputError, match=r"checkpoint.* cannot be read .*; delete it to begin at epoch 1"):
        cnnzoo.train("lenet5_digits", workdir=copy.folder, resume=True, **QUICK)
    assert not list(copy.folder.glob(".part-*"))


def test_a_damaged_model_or_folder_without_run_is_refused(run, tmp_path):
    copy = _unfinished_copy(run, tmp_path / "copy")
    with pytest.raises(cnnzoo.InputError, match="holds no trained model"):
        cnnzoo.evaluate(copy)
    copy.model_file.write_bytes(run.model_file.read_bytes()[:3000])
    with pytest.raises(cnnzoo.InputError, match="is damaged"):
        cnnzoo.evaluate(copy)
    with pytest.raises(cnnzoo.InputError, match="holds no finished run"):
        cnnzoo.evaluate(tmp_path)


def _train(folder, *arguments, **variables):
    command = ["-m", "cnnzoo", "train", "lenet5_digits", "--workdir", folder, *arguments, "--no-report"]
    return processes.start(command, **variables)


def _ended(process):
    """Return the exit status and what was written to stderr."""
    _, message = processes.ended(process)
    return process.returncode, message.strip()


OPTIONS = [
    *("--epochs", "3"),
    *("--batch-size", "64"),
    *("--set", "model_options.head=softmax"),
    *("--set", "steps_per_execution=1"),
]
# The second checkpoint is written, and has not yet taken the place of the first.
SAVING = {"function": "pathlib:Path.replace", "about": "checkpoint.weights.h5", "call": 2}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("undisturbed"))
    assert _ended(_train(run.folder, *OPTIONS)) == (0, "")
    return run


def _assert_resumes_as_undisturbed(run, undisturbed):
    assert run.history["epoch"] == [1, 2]
    assert not run.metrics_file.exists()
    assert _ended(_train(run.folder, "--resume")) == (0, "")
    assert run.history["epoch"] == [1, 2, 3]
    for one, two in zip(undisturbed.history_rows, run.history_rows, strict=True):
        assert {**one, "seconds": 0} == {**two, "seconds": 0}
    for one, two in zip(undisturbed.model().get_weights(), run.model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert run.metrics["test"] == undisturbed.metrics["test"]


def test_a_run_killed_while_it_saves_resumes_to_the_same_weights(tmp_path, undisturbed):
    run = Run(tmp_path / "run")
    with hold(**SAVING) as held:
        process = _train(run.folder, *OPTIONS, **held.environment)
        os.kill(held.wait(process), signal.SIGKILL)
        assert _ended(process)[0] == -signal.SIGKILL
    assert len(list(run.folder.glob(f"{PART}*-checkpoint.weights.h5"))) == 1
    _assert_resumes_as_undisturbed(run, undisturbed)


@pytest.mark.parametrize("stop", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_leaves_a_run_that_resumes(tmp_path, undisturbed, stop):
    run = Run(tmp_path / "run")
    with hold(**SAVING) as held:
        process = _train(run.folder, *OPTIONS, **held.environment)
        os.kill(held.wait(process), stop)
        remedy = f"cnnzoo: stopped; resume with: cnnzoo train lenet5_digits --workdir {run.folder} --resume"
        assert _ended(process) == (128 + stop, remedy)
    assert not list(run.folder.glob(f"{PART}*"))
    _assert_resumes_as_undisturbed(run, undisturbed)


def test_dropout_resumes_with_the_randomness_it_would_have_had(tmp_path, monkeypatch):
    """Keras saves no random states; see EpochRandomness."""
    recipe = load_recipe("lenet5_digits").replace(
        model="mlp", model_options={"dropout": 0.5}, epochs=2, train_examples=256
    )
    whole = cnnzoo.train(recipe, workdir=tmp_path / "whole", verbose=0)
    _train_and_interrupt_after_an_epoch(recipe, tmp_path / "cut", monkeypatch)
    resumed = cnnzoo.train(recipe, workdir=tmp_path / "cut", resume=True, verbose=0)
    assert len(resumed.history_rows) == 2
    for one, two in zip(whole.model().get_weights(), resumed.model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_streamed_set_is_trained_on_evaluated_and_resumed_as_one_in_memory(tmp_path, monkeypatch, imagenet_folder):
    recipe = cnnzoo.Recipe(
        model="lenet",
        data="imagenet2012",
        epochs=2,
        batch_size=8,
        learning_rate=1e-3,
        model_options={"input_shape": (32, 32, 3)},
        augment="alexnet",
        image_size=(40, 40),
        stream=True,
        validation_split=0.25,
        train_examples=32,
        name="streamed",
    )
    whole = cnnzoo.train(recipe, workdir=tmp_path / "whole", data_dir=imagenet_folder, verbose=0)
    assert (whole.metrics["image_shape"], whole.metrics["test_examples"]) == ([40, 40, 3], 12)
    assert "val_loss" in whole.history_rows[0]
    assert cnnzoo.evaluate(whole, data_dir=imagenet_folder) == whole.metrics["test"]

    _train_and_interrupt_after_an_epoch(recipe, tmp_path / "cut", monkeypatch, data_dir=imagenet_folder)
    resumed = cnnzoo.train(recipe, workdir=tmp_path / "cut", resume=True, data_dir=imagenet_folder, verbose=0)
    assert {**resumed.history_rows[1], "seconds": 0} == {**whole.history_rows[1], "seconds": 0}
    for one, two in zip(whole.model().get_weights(), resumed.model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)

    smoke = cnnzoo.train(recipe.smoke(), workdir=tmp_path / "smoke", data_dir=imagenet_folder, verbose=0)
    assert smoke.metrics["epochs"] == 2
