"""A search over a recipe, with real trials in their own process."""

import csv
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import time

import numpy as np
import pytest

import cnnzoo
from cnnzoo.cli import main
from cnnzoo.experiments import load_recipe, load_space, read_overrides
from cnnzoo.training.train import validate
from cnnzoo.tuning.space import VARIABLES, checked_space, default_space
from cnnzoo.tuning.trial_process import Trainer
from tests import processes
from tests.hold import hold

pytest.importorskip("keras_tuner", reason="needs keras-tuner (pip install -e '.[tune]')")

TINY = """
from cnnzoo import Recipe
recipe = Recipe(
    model="lenet", data="digits", epochs=2, learning_rate=1e-2, batch_size=32, train_examples=64, test_examples=50
)
def space(hp):
    kind = hp.Choice("kind", ["well", "faster", "diverges", "memory", "shape"])
    return {
        "well": {"learning_rate": 0.003},
        "faster": {"learning_rate": 0.005, "model_options.activation": "relu"},
        "diverges": {"learning_rate": 1e30},
        "memory": {"model": "mlp", "model_options.units": [8, 2_000_000_000_000]},
        "shape": {"model_options.input_shape": [3, 3, 1]},
    }[kind]
"""


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("recipes") / "tiny.py"
    file.write_text(TINY)
    return file


@pytest.fixture(scope="module")
def result(recipe_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    return cnnzoo.tune(str(recipe_file), trials=9, seeds=1, overrides={"steps_per_execution": 2}, workdir=folder)


def test_every_kind_of_trial_is_in_the_leaderboard(result):
    rows = {}
    for row in result.rows:
        marks = [key for key in row["overrides"] if key in ("model_options.units", "model_options.input_shape")]
        rows[marks[0] if marks else row["overrides"]["learning_rate"]] = row["status"], row["message"]
    assert len(rows) == len(result.rows) == 5, "the space has five values, after which the search ends"
    assert rows[0.003] == rows[0.005] == ("finished", None)
    messages = {
        1e30: "not finite any more in epoch 1; try a smaller learning_rate",
        "model_options.units": "out of memory: allocating tensor with shape[8,2000000000000] and type float",
        "model_options.input_shape": "the input is too small: layer 'C1' receives 3×3 pixels",
    }
    for key, message in messages.items():
        assert rows[key][0] == "failed"
        assert message in rows[key][1]


def test_the_best_comes_first_and_its_overrides_are_kept(result):
    scores = [row["score"] for row in result.rows if row["score"] is not None]
    assert scores == sorted(scores, reverse=True)
    assert [row["status"] for row in result.rows] == ["finished"] * 2 + ["failed"] * 3
    assert result.overrides == {"steps_per_execution": 2, **result.rows[0]["overrides"]}
    assert read_overrides(result.folder / "overrides.json") == result.overrides
    assert json.loads((result.folder / "leaderboard.json").read_text())["trials"] == result.rows
    lines = (result.folder / "leaderboard.md").read_text().splitlines()
    assert len(lines) == 2 + 5
    assert {line.count("|") for line in lines} == {7}


def test_a_score_is_that_of_the_last_epoch_on_held_out_images(result):
    for row in result.rows[:2]:
        run = cnnzoo.Run(result.folder / "trials" / row["trial"])
        with run.history_file.open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 2
        assert row["score"] == pytest.approx(float(rows[-1]["val_accuracy"]))
        assert row["validation_examples"] == round(0.2 * 1437)
        assert run.recipe.validation_split == 0.2
        assert "test" not in run.metrics
        assert not run.checkpoint_file.exists()


def test_the_best_trial_is_compared_with_the_recipe_on_test_images(result):
    default, best = result.comparison.rows
    assert (default["variant"], best["variant"]) == ("default", "best")
    folder = result.comparison.folder
    base, recipe = (cnnzoo.Run(folder / name / "seed0").recipe for name in ("default", "best"))
    assert recipe.learning_rate == result.overrides["learning_rate"]
    assert (base.learning_rate, base.validation_split, base.steps_per_execution) == (0.01, 0.0, 2)
    assert cnnzoo.Run(folder / "best" / "seed0").metrics["test_examples"] == 50
    assert result.comparison.to_markdown() in result.to_markdown()


def test_resuming_a_finished_search_returns_the_same_result(result, recipe_file):
    before = {path: path.stat().st_mtime_ns for path in result.folder.rglob("result.json")}
    again = cnnzoo.tune(str(recipe_file), seeds=1, workdir=result.folder, resume=True, verbose=0)
    assert (again.rows, again.overrides) == (result.rows, result.overrides)
    assert {path: path.stat().st_mtime_ns for path in result.folder.rglob("result.json")} == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tuner": "bayesian"}, "started with tuner='random', not 'bayesian'"),
        ({"trials": 3}, "started with trials=9, not 3"),
        ({"overrides": {"epochs": 9}}, "started with overrides="),
        ({"space": lambda hp: {"learning_rate": hp.Float("rate", 0.1, 0.2)}}, "started with another space"),
    ],
)
def test_a_search_is_resumed_with_the_same_values_only(result, recipe_file, change, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.tune(str(recipe_file), workdir=result.folder, resume=True, verbose=0, **change)


def test_train_takes_the_overrides(result, recipe_file, capsys):
    """The best trial's run was trained with just these: else it would not be resumed."""
    run = result.comparison.folder / "best" / "seed0"
    arguments = ["train", str(recipe_file), "--workdir", str(run), "--resume", "--overrides"]
    with pytest.raises(SystemExit) as end:
        main([*arguments, str(result.folder / "overrides.json")])
    assert not end.value.code
    assert f"run folder {run}" in capsys.readouterr().out
    other = result.folder / "other.json"
    other.write_text('{"learning_rate": 0.004}')
    assert "started with learning_rate=" in refused(capsys, *arguments, other)
    assert "holds a search by cnnzoo tune" in refused(
        capsys, "train", recipe_file, "--workdir", result.folder, "--resume"
    )


def test_the_test_images_are_not_read(photo_folder, tmp_path):
    """They are not even images here: to read them would fail."""
    for file in (photo_folder / "train").rglob("*.jpg"):
        target = tmp_path / "data" / file.relative_to(photo_folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
        broken = tmp_path / "data" / "test" / file.relative_to(photo_folder / "train")
        broken.parent.mkdir(parents=True, exist_ok=True)
        broken.write_bytes(b"unread")
    recipe = cnnzoo.Recipe(
        model="lenet", data=str(tmp_path / "data"), epochs=1, learning_rate=1e-3, batch_size=16, image_size=(28, 28)
    ).replace(model_options={"input_shape": (28, 28, 3)})
    with pytest.raises(cnnzoo.InputError, match="test"):
        cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0)
    run = validate(recipe, workdir=tmp_path / "trial", verbose=0)
    assert run.metrics["validation_examples"] == round(0.2 * 48)


def test_a_source_without_test_images_has_the_same_training_images(tfds_folder):
    for name in ("digits", "mnist"):
        source = cnnzoo.data.load(name, data_dir=tfds_folder, train_examples=50, with_test=False)
        assert source.test.images.shape == (0, *source.image_shape)
        whole = cnnzoo.data.load(name, data_dir=tfds_folder, train_examples=50, test_examples=1)
        assert np.array_equal(source.train.images, whole.train.images)


# A trial has ended its first epoch, and saves it.
IN_A_TRIAL = "cnnzoo.callbacks.checkpoint:Checkpoint.on_epoch_end"


def started(*arguments, **variables):
    """Start `cnnzoo tune` and wait for its first line."""
    process = processes.start(["-m", "cnnzoo", "tune", *arguments], **variables)
    return process, process.stdout.readline()


def results_in(folder):
    """Return the text of each result, with the time at which it was written."""
    return {
        path.parent.name: (path.stat().st_mtime_ns, path.read_text()) for path in folder.glob("trials/*/result.json")
    }


@pytest.mark.slow
def test_a_search_survives_a_killed_trial_and_resumes_after_it_was_killed_itself(tmp_path):
    """A trial's process is killed, as by the kernel; then the search itself; then it is resumed, and ends."""
    folder = tmp_path / "search"
    common = ["lenet5_digits", "--workdir", folder]
    with hold(IN_A_TRIAL, after=True) as held:
        search, line = started(*common, "--trials", 2, "--seeds", 0, "--smoke", **held.environment)
        assert line.startswith("trial 0: learning_rate=")
        os.kill(held.wait(search), signal.SIGKILL)
        reason = "its process was killed by signal 9 (SIGKILL), as the kernel does when memory runs out"
        assert f"trial 0: failed: {reason}" in search.stdout.readline()
        assert search.stdout.readline().startswith("trial 1: ")
        first, child = results_in(folder), held.wait(search)
        assert json.loads(first["0"][1])["status"] == "failed"
        with pytest.raises(cnnzoo.InputError, match="another process is at work in"):
            cnnzoo.tune("lenet5_digits", workdir=folder, resume=True, verbose=0)
        search.kill()
        processes.ended(search)
        assert processes.is_gone(child)

    search, line = started(*common, "--resume")
    assert line.startswith("trial 1: "), "the one that was running"
    out, err = processes.ended(search)
    assert (search.returncode, err) == (0, "")
    ended = results_in(folder)
    assert sorted(ended) == ["0", "1"]
    assert ended["0"] == first["0"]
    assert f"next: cnnzoo train lenet5_digits --overrides {folder}/overrides.json" in out


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tune", "lenet5_digit"), "did you mean 'lenet5_digits'"),
        (("tune", "pretraining_study_mnist"), "is a study, not a recipe"),
        (("tune", "pretraining_study_mnist", "--workers", 2), "is a study, not a recipe"),
        (("tune", "lenet5_digits", "--tuner", "baysian"), "unknown tuner 'baysian'; did you mean 'bayesian'"),
        (("tune", "lenet5_digits", "--trials", 0), "`trials` must be a positive integer. Received: 0"),
        (("tune", "lenet5_digits", "--seeds", -1), "`seeds` must be a non-negative integer. Received: -1"),
        (("tune", "lenet5_digits", "--seed", -1), "`seed` must be an integer from 0"),
        (("tune", "lenet5_digits", "--set", "epoch=3"), "did you mean 'epochs'"),
        (("tune", "lenet5_digits", "--set", "drop_factor=0.3"), "`drop_factor` is now `lr_drop_factor`"),
        (("train", "lenet5_digits", "--set", "examples=3"), "`examples` is now `train_examples`"),
        (("tune", "lenet5_digits", "--verbose", 3), "`--verbose` must be an integer from 0 to 2. Received: 3"),
        (
            ("tune", "lenet5_digits", "--workers", 1),
            "`--workers` must be an integer of at least 2; leave it out to search in one process. Received: 1",
        ),
        (
            ("tune", "lenet5_digits", "--tuner", "hyperband", "--trials", 8),
            "at least 11 for the tuner hyperband and 30 epochs",
        ),
        (("tune", "lenet5_digits", "--resume"), "there is no run of 'tune/lenet5_digits'"),
        (("train", "lenet5_digits", "--overrides", "nowhere.json"), "'nowhere.json' cannot be read"),
        (("train", "pretraining_study_mnist", "--overrides", "a.json"), "--overrides is for a recipe"),
    ],
)
def test_bad_arguments_end_with_a_message_and_create_no_run(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *arguments)
    assert not list(tmp_path.rglob("recipe.json"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "must hold one JSON object"),
        ("{", "are not valid JSON"),
        ('{"epoch": 1}', "did you mean 'epochs'"),
        ('{"repeats": 3}', "`repeats` is now `repeat`"),
    ],
)
def test_bad_overrides_end_with_a_message(capsys, tmp_path, text, message):
    (tmp_path / "overrides.json").write_text(text)
    assert message in refused(capsys, "train", "lenet5_digits", "--overrides", tmp_path / "overrides.json")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"TF_CONFIG": "{}"}, "TF_CONFIG must not be set"),
        ({VARIABLES[0]: "chief"}, f"{VARIABLES[1]} and {VARIABLES[2]} are not set"),
        (dict(zip(VARIABLES, ("worker0", "127.0.0.1", "1"), strict=True)), "a worker needs the search's folder"),
    ],
)
def test_contradicting_environment_variables_raise_an_error(monkeypatch, given, message):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.tune("lenet5_digits")


def test_without_keras_tuner_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(cnnzoo.InputError, match=r'not installed: pip install .*\[tune\]"'):
        cnnzoo.tune("lenet5_digits")


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (lambda hp: {"learning_rat": 1}, "did you mean 'learning_rate'"),
        (lambda hp: {"validation": 0.5}, "`validation` is now `validation_split`"),
        (lambda hp: {"optimizer_options.rates": 1}, "`optimizer_options.rates` is now `optimizer_options.lr_multipl"),
        (lambda hp: {"pretraining": {"examples": 1}}, "`pretraining.examples` is now `pretraining.train_examples`"),
        (lambda hp: {"seed": 1}, "must not change seed"),
        (lambda hp: {"validation_split": 0.5}, "must not change validation_split"),
        (lambda hp: {"epochs": 1}, "hyperband sets them"),
        (lambda hp: 3, "must return a mapping of overrides"),
        (lambda hp: {"model_options.x": object()}, "must return plain values"),
        (lambda hp: 1 / 0, "fails: ZeroDivisionError: division by zero"),
    ],
)
def test_a_bad_space_raises_an_error(space, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        checked_space(space, load_recipe("lenet5_digits"), fixed_epochs=True)(None)


@pytest.mark.parametrize(
    "name", ["lenet5_digits", "lenet5_mnist", "stacked_denoising_digits", "deep_autoencoder_digits"]
)
def test_spaces_of_recipes_give_valid_recipes(name):
    """At both ends of each range, and at the recipe's own values where they are in it."""
    import keras_tuner

    recipe, space = load_recipe(name), load_space(name)
    hyperparameters = keras_tuner.HyperParameters()
    overrides = checked_space(space, recipe)(hyperparameters)
    own = recipe.override({key: value for key, value in overrides.items() if "corruption" not in key})
    assert own.learning_rate == recipe.learning_rate
    assert own.optimizer_options == recipe.optimizer_options
    for probability in (0.0, 0.999999):
        for each in hyperparameters.space:
            hyperparameters.values[each.name] = each.prob_to_value(probability)
        assert recipe.override(checked_space(space, recipe)(hyperparameters)) != recipe


def test_a_recipe_without_a_space_varies_its_rate():
    import keras_tuner

    recipe = load_recipe("lenet_mnist")
    hyperparameters = keras_tuner.HyperParameters()
    rate = recipe.learning_rate
    assert default_space(recipe)(hyperparameters) == {"learning_rate": rate}
    (rates,) = hyperparameters.space
    assert [rates.prob_to_value(each) for each in (0.0, 0.5, 1.0)] == pytest.approx([rate / 10, rate, rate * 10])


@pytest.mark.slow
def test_autoencoders_are_compared_by_squared_error_and_pretraining_is_searched(tmp_path):
    recipe = load_recipe("deep_autoencoder_digits").smoke().replace(epochs=1)
    result = cnnzoo.tune(
        recipe, space=load_space("deep_autoencoder_digits"), trials=1, seeds=0, workdir=tmp_path, verbose=0
    )
    scores = [row["score"] for row in result.rows]
    assert scores == sorted(scores)
    for row in result.rows:
        run = cnnzoo.Run(tmp_path / "trials" / row["trial"])
        assert run.metrics["validation"]["squared_error"] == row["score"]
        assert run.recipe.pretraining["epochs"] == row["overrides"]["pretraining.epochs"]
    assert not (tmp_path / ".pretrained").exists()


@pytest.mark.slow
def test_killed_at_random_moments_nothing_is_lost_or_repeated(tmp_path):
    """Twelve times; it ends with the same results as a search that was never killed."""
    rng = random.Random(0)
    arguments = ["--trials", 6, "--seeds", 0, "--epochs", 8]
    plain, _ = started("lenet5_digits", "--workdir", tmp_path / "plain", *arguments)
    processes.ended(plain)
    folder, seen = tmp_path / "killed", {}
    for kill in range(12):
        search, _ = started("lenet5_digits", "--workdir", folder, *(["--resume"] if kill else arguments))
        for _ in range(rng.choice([0, 1, 1, 2])):  # two lines a trial
            search.stdout.readline()
        try:
            search.communicate(timeout=rng.uniform(0, 9))
        except subprocess.TimeoutExpired:
            search.kill()
            processes.ended(search)
        now = results_in(folder)
        assert {name: now.get(name) for name in seen} == seen
        seen = now
    assert seen
    search, _ = started("lenet5_digits", "--workdir", folder, "--resume")
    processes.ended(search)
    now = results_in(folder)
    assert {name: now.get(name) for name in seen} == seen
    results = [
        {name: [json.loads(text)[key] for key in ("overrides", "score", "status")] for name, (_, text) in each.items()}
        for each in (now, results_in(tmp_path / "plain"))
    ]
    assert results[0] == results[1]


@pytest.mark.slow
def test_an_interrupt_ends_the_search_with_a_message_on_how_to_resume_it(tmp_path):
    with hold(IN_A_TRIAL) as held:
        arguments = ["lenet5_digits", "--trials", 2, "--smoke", "--workdir", tmp_path / "a"]
        search, _ = started(*arguments, **held.environment)
        child = held.wait(search)
        search.send_signal(signal.SIGINT)
        _, err = processes.ended(search)
        message = f"cnnzoo: stopped; resume with: cnnzoo tune lenet5_digits --workdir {tmp_path / 'a'} --resume"
        assert (search.returncode, err.strip()) == (130, message)
        assert processes.is_gone(child)


@pytest.mark.slow
def test_two_workers_and_a_chief(tmp_path):
    search, _ = started(
        "lenet5_digits", "--smoke", "--trials", 4, "--seeds", 1, "--workers", 2, "--workdir", tmp_path / "a"
    )
    out, err = processes.ended(search)
    assert (search.returncode, err) == (0, "")
    assert {line.split("]")[0] for line in out.splitlines()} == {"[chief", "[worker 0", "[worker 1"}
    alone, _ = started("lenet5_digits", "--smoke", "--trials", 4, "--seeds", 0, "--workdir", tmp_path / "b")
    processes.ended(alone)
    rows = [json.loads((tmp_path / name / "leaderboard.json").read_text())["trials"] for name in "ab"]
    values = [{row["trial"]: row["overrides"] for row in each} for each in rows]
    assert values[0] == values[1]
    assert "| best |" in out


@pytest.mark.slow
def test_eight_trials_of_lenet5_end_in_five_minutes(tmp_path):
    start = time.monotonic()
    search, _ = started("lenet5_digits", "--trials", 8, "--workdir", tmp_path / "a")
    out, _ = processes.ended(search)
    assert "| best | 60,000 |" in out
    assert time.monotonic() - start < 300


@pytest.mark.slow
def test_a_search_goes_on_with_the_images_that_it_began_with(photo_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    shutil.copytree(photo_folder, data)
    recipe = cnnzoo.Recipe(
        model="lenet", data=str(data), epochs=1, learning_rate=1e-3, batch_size=16, image_size=(28, 28), name="photos"
    ).replace(model_options={"input_shape": (28, 28, 3)})
    options = {"workdir": tmp_path / "search", "tuner": "random", "seeds": 0, "verbose": 0}
    cnnzoo.tune(recipe, trials=1, **options)
    added = data / "train" / "even" / "added.jpg"
    shutil.copy(data / "train" / "even" / "0.jpg", added)
    with pytest.raises(cnnzoo.InputError, match=r"had other images: its train images were 48 and are 49; put them"):
        cnnzoo.tune(recipe, trials=2, resume=True, **options)
    added.unlink()
    cnnzoo.tune(recipe, trials=2, resume=True, **options)
    assert len(results_in(tmp_path / "search")) == 2


def test_strangers_at_the_port_of_the_results_neither_hang_nor_end_a_search(tmp_path):
    trainer = Trainer(data_dir=None, verbose=0)
    trainer.start()
    address = trainer._listening.getsockname()
    for said in (b"", b"\xff\n", b"hello\n", b"0" * 100_000):
        with socket.create_connection(address) as stranger:
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends by a reset
            stranger.sendall(said)
    try:
        recipe = cnnzoo.load_recipe("lenet5_digits").smoke()
        metrics = trainer.train(recipe, tmp_path / "trials" / "0", tmp_path / "shared")
    finally:
        trainer.close()
    assert metrics["epochs"] == 2
