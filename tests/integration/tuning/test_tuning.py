"""A search over a recipe, with real trials in their own process."""

import csv
import json
import os
import random
import signal
import subprocess
import time

import numpy as np
import pytest

import cnnzoo
from cnnzoo.cli import main
from cnnzoo.experiments import load_recipe, load_space, read_overrides
from cnnzoo.training.train import validate
from cnnzoo.tuning.space import VARIABLES, checked, default_space
from tests import processes
from tests.hold import hold

pytest.importorskip("keras_tuner", reason="needs keras-tuner (pip install 'cnnzoo[tune]')")

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
def tuned(recipe_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    return cnnzoo.tune(str(recipe_file), trials=9, seeds=1, overrides={"steps_per_execution": 2}, workdir=folder)


def test_every_kind_of_trial_is_in_the_table(tuned):
    found = {}
    for row in tuned.rows:
        marks = [key for key in row["overrides"] if key in ("model_options.units", "model_options.input_shape")]
        found[marks[0] if marks else row["overrides"]["learning_rate"]] = row["status"], row["sentence"]
    assert len(found) == len(tuned.rows) == 5, "the space has five values, and then the search is at its end"
    assert found[0.003] == found[0.005] == ("finished", None)
    sentences = {
        1e30: "not finite any more in epoch 1; try a smaller learning_rate",
        "model_options.units": "out of memory: allocating tensor with shape[8,2000000000000] and type float",
        "model_options.input_shape": "the input is too small: layer 'C1' receives 3×3 pixels",
    }
    for key, sentence in sentences.items():
        assert found[key][0] == "failed"
        assert sentence in found[key][1]


def test_the_best_comes_first_and_its_overrides_are_kept(tuned):
    figures = [row["figure"] for row in tuned.rows if row["figure"] is not None]
    assert figures == sorted(figures, reverse=True)
    assert [row["status"] for row in tuned.rows] == ["finished"] * 2 + ["failed"] * 3
    assert tuned.overrides == {"steps_per_execution": 2, **tuned.rows[0]["overrides"]}
    assert read_overrides(tuned.folder / "overrides.json") == tuned.overrides
    assert json.loads((tuned.folder / "leaderboard.json").read_text())["trials"] == tuned.rows
    lines = (tuned.folder / "leaderboard.md").read_text().splitlines()
    assert len(lines) == 2 + 5
    assert {line.count("|") for line in lines} == {7}


def test_a_figure_is_that_of_the_last_epoch_on_held_out_images(tuned):
    for row in tuned.rows[:2]:
        run = cnnzoo.Run(tuned.folder / "trials" / row["trial"])
        with run.history_file.open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 2
        assert row["figure"] == pytest.approx(float(rows[-1]["val_accuracy"]))
        assert row["images"] == round(0.2 * 1437)
        assert run.recipe["validation_split"] == 0.2
        assert "test" not in run.metrics
        assert not run.checkpoint_file.exists()


def test_the_winner_is_tested_beside_the_recipe(tuned):
    default, winner = tuned.comparison.rows
    assert (default["variant"], winner["variant"]) == ("default", "winner")
    folder = tuned.comparison.folder
    base = load_recipe("lenet5_digits").to_dict() | cnnzoo.Run(folder / "default" / "seed0").recipe
    best = cnnzoo.Run(folder / "winner" / "seed0").recipe
    assert best["learning_rate"] == tuned.overrides["learning_rate"]
    assert (base["learning_rate"], base["validation"], base["steps_per_execution"]) == (0.01, 0.0, 2)
    assert cnnzoo.Run(folder / "winner" / "seed0").metrics["test_examples"] == 50
    assert tuned.comparison.to_markdown() in tuned.to_markdown()


def test_a_finished_search_is_only_shown_again(tuned, recipe_file):
    before = {path: path.stat().st_mtime_ns for path in tuned.folder.rglob("outcome.json")}
    again = cnnzoo.tune(str(recipe_file), seeds=1, workdir=tuned.folder, resume=True, verbose=0)
    assert (again.rows, again.overrides) == (tuned.rows, tuned.overrides)
    assert {path: path.stat().st_mtime_ns for path in tuned.folder.rglob("outcome.json")} == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tuner": "bayesian"}, "begun with tuner='random', not 'bayesian'"),
        ({"trials": 3}, "begun with trials=9, not 3"),
        ({"overrides": {"epochs": 9}}, "begun with overrides="),
        ({"space": lambda hp: {"learning_rate": hp.Float("rate", 0.1, 0.2)}}, "begun with another space"),
    ],
)
def test_a_search_is_resumed_with_the_same_values_only(tuned, recipe_file, change, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.tune(str(recipe_file), workdir=tuned.folder, resume=True, verbose=0, **change)


def test_train_takes_the_overrides(tuned, recipe_file, capsys):
    """The winner's run was trained with just these: else it would not be gone on with."""
    run = tuned.comparison.folder / "winner" / "seed0"
    arguments = ["train", str(recipe_file), "--workdir", str(run), "--resume", "--overrides"]
    with pytest.raises(SystemExit) as end:
        main([*arguments, str(tuned.folder / "overrides.json")])
    assert not end.value.code
    assert f"run folder {run}" in capsys.readouterr().out
    other = tuned.folder / "other.json"
    other.write_text('{"learning_rate": 0.004}')
    assert "begun with learning_rate=" in refused(capsys, *arguments, other)
    assert "holds a search by cnnzoo tune" in refused(
        capsys, "train", recipe_file, "--workdir", tuned.folder, "--resume"
    )


def test_the_test_images_are_not_read(photo_folder, tmp_path):
    """They are no images at all here: who reads them fails."""
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


def test_without_test_images_a_source_is_the_same_else(tfds_folder):
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


def outcomes(folder):
    """Return each outcome with the moment at which it was written."""
    return {
        path.parent.name: (path.stat().st_mtime_ns, path.read_text()) for path in folder.glob("trials/*/outcome.json")
    }


def test_killed_stopped_and_resumed(tmp_path):
    """A trial's process is killed, as by the kernel; then the search itself; then it goes on to its end."""
    folder = tmp_path / "search"
    common = ["lenet5_digits", "--workdir", folder]
    with hold(IN_A_TRIAL, after=True) as held:
        search, line = started(*common, "--trials", 2, "--seeds", 0, "--smoke", **held.environment)
        assert line.startswith("trial 0: learning_rate=")
        os.kill(held.wait(search), signal.SIGKILL)
        why = "its process was killed by signal 9 (SIGKILL), as the kernel does when memory runs out"
        assert f"trial 0: failed: {why}" in search.stdout.readline()
        assert search.stdout.readline().startswith("trial 1: ")
        first, child = outcomes(folder), held.wait(search)
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
    ended = outcomes(folder)
    assert sorted(ended) == ["0", "1"]
    assert ended["0"] == first["0"]
    assert f"next: cnnzoo train lenet5_digits --overrides {folder}/overrides.json" in out


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tune", "lenet5_digit"), "did you mean 'lenet5_digits'"),
        (("tune", "pretraining_study_mnist"), "is a study, not a recipe"),
        (("tune", "pretraining_study_mnist", "--workers", 2), "is a study, not a recipe"),
        (("tune", "lenet5_digits", "--tuner", "baysian"), "unknown tuner 'baysian'; did you mean 'bayesian'"),
        (("tune", "lenet5_digits", "--trials", 0), "trials must be an integer of at least 1, not 0"),
        (("tune", "lenet5_digits", "--seeds", -1), "seeds must be an integer of at least 0, not -1"),
        (("tune", "lenet5_digits", "--seed", -1), "seed must be from 0"),
        (("tune", "lenet5_digits", "--set", "epoch=3"), "did you mean 'epochs'"),
        (("tune", "lenet5_digits", "--workers", 1), "--workers must be at least 2, not 1"),
        (("tune", "lenet5_digits", "--tuner", "hyperband", "--trials", 8), "at least 11 trials for 30 epochs, not 8"),
        (("tune", "lenet5_digits", "--resume"), "there is no run of 'tune/lenet5_digits'"),
        (("train", "lenet5_digits", "--overrides", "nowhere.json"), "'nowhere.json' cannot be read"),
        (("train", "pretraining_study_mnist", "--overrides", "a.json"), "--overrides is for a recipe"),
    ],
)
def test_what_cannot_be_is_refused(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused(capsys, *arguments)
    assert not list(tmp_path.rglob("recipe.json"))


@pytest.mark.parametrize(
    ("text", "words"),
    [("[1]", "must hold one JSON object"), ("{", "are no JSON"), ('{"epoch": 1}', "did you mean 'epochs'")],
)
def test_bad_overrides_get_a_sentence(capsys, tmp_path, text, words):
    (tmp_path / "overrides.json").write_text(text)
    assert words in refused(capsys, "train", "lenet5_digits", "--overrides", tmp_path / "overrides.json")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"TF_CONFIG": "{}"}, "TF_CONFIG is set"),
        ({VARIABLES[0]: "chief"}, f"{VARIABLES[1]} and {VARIABLES[2]} are not set"),
        (dict(zip(VARIABLES, ("worker0", "127.0.0.1", "1"), strict=True)), "a worker needs the search's folder"),
    ],
)
def test_a_part_that_is_not_understood_is_refused(monkeypatch, given, words):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.tune("lenet5_digits")


def test_without_keras_tuner_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(cnnzoo.InputError, match=r"pip install 'cnnzoo\[tune\]'"):
        cnnzoo.tune("lenet5_digits")


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (lambda hp: {"learning_rat": 1}, "did you mean 'learning_rate'"),
        (lambda hp: {"seed": 1}, "must not change seed"),
        (lambda hp: {"validation_split": 0.5}, "must not change validation_split"),
        (lambda hp: {"epochs": 1}, "hyperband itself decides"),
        (lambda hp: 3, "must return a mapping of overrides"),
        (lambda hp: {"model_options.x": object()}, "must return plain values"),
        (lambda hp: 1 / 0, "fails: ZeroDivisionError: division by zero"),
    ],
)
def test_a_bad_space_gets_a_sentence(space, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        checked(space, load_recipe("lenet5_digits"), epochs_given=True)(None)


@pytest.mark.parametrize(
    "name", ["lenet5_digits", "lenet5_mnist", "stacked_denoising_digits", "deep_autoencoder_digits"]
)
def test_spaces_of_recipes_hold_recipes(name):
    """At both ends of each range, and at the recipe's own values where they are in it."""
    import keras_tuner

    recipe, space = load_recipe(name), load_space(name)
    hyperparameters = keras_tuner.HyperParameters()
    found = checked(space, recipe)(hyperparameters)
    own = recipe.override({key: value for key, value in found.items() if "corruption" not in key})
    assert own.learning_rate == recipe.learning_rate
    assert own.optimizer_options == recipe.optimizer_options
    for probability in (0.0, 0.999999):
        for each in hyperparameters.space:
            hyperparameters.values[each.name] = each.prob_to_value(probability)
        assert recipe.override(checked(space, recipe)(hyperparameters)) != recipe


def test_a_recipe_without_a_space_varies_its_rate():
    import keras_tuner

    recipe = load_recipe("lenet_mnist")
    hyperparameters = keras_tuner.HyperParameters()
    rate = recipe.learning_rate
    assert default_space(recipe)(hyperparameters) == {"learning_rate": rate}
    (rates,) = hyperparameters.space
    assert [rates.prob_to_value(each) for each in (0.0, 0.5, 1.0)] == pytest.approx([rate / 10, rate, rate * 10])


def test_autoencoders_are_judged_by_squared_error_and_pretraining_is_searched(tmp_path):
    recipe = load_recipe("deep_autoencoder_digits").smoke().replace(epochs=1)
    tuned = cnnzoo.tune(
        recipe, space=load_space("deep_autoencoder_digits"), trials=1, seeds=0, workdir=tmp_path, verbose=0
    )
    figures = [row["figure"] for row in tuned.rows]
    assert figures == sorted(figures)
    for row in tuned.rows:
        run = cnnzoo.Run(tmp_path / "trials" / row["trial"])
        assert run.metrics["validation"]["squared_error"] == row["figure"]
        assert run.recipe["pretraining"]["epochs"] == row["overrides"]["pretraining.epochs"]
    assert not (tmp_path / ".pretrained").exists()


@pytest.mark.slow
def test_killed_at_random_moments_nothing_is_lost_or_repeated(tmp_path):
    """Twelve times; it ends as a search that nobody disturbed, figures and all."""
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
        now = outcomes(folder)
        assert {name: now.get(name) for name in seen} == seen
        seen = now
    assert seen
    search, _ = started("lenet5_digits", "--workdir", folder, "--resume")
    processes.ended(search)
    now = outcomes(folder)
    assert {name: now.get(name) for name in seen} == seen
    figures = [
        {name: [json.loads(text)[key] for key in ("overrides", "figure", "status")] for name, (_, text) in each.items()}
        for each in (now, outcomes(tmp_path / "plain"))
    ]
    assert figures[0] == figures[1]


@pytest.mark.slow
def test_an_interrupt_ends_it_with_a_sentence(tmp_path):
    with hold(IN_A_TRIAL) as held:
        arguments = ["lenet5_digits", "--trials", 2, "--smoke", "--workdir", tmp_path / "a"]
        search, _ = started(*arguments, **held.environment)
        child = held.wait(search)
        search.send_signal(signal.SIGINT)
        _, err = processes.ended(search)
        sentence = f"stopped; go on with: cnnzoo tune lenet5_digits --workdir {tmp_path / 'a'} --resume"
        assert (search.returncode, err.strip()) == (130, sentence)
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
    assert "| winner |" in out


@pytest.mark.slow
def test_eight_trials_of_lenet5_end_in_five_minutes(tmp_path):
    began = time.monotonic()
    search, _ = started("lenet5_digits", "--trials", 8, "--workdir", tmp_path / "a")
    out, _ = processes.ended(search)
    assert "| winner | 60,000 |" in out
    assert time.monotonic() - began < 300
