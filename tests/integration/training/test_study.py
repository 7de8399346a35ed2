"""A study runs every variant at every seed, survives being stopped, and says what came out."""

import json
import statistics

import keras
import pytest

import cnnzoo
from cnnzoo import run_study
from cnnzoo.cli import main
from cnnzoo.experiments import Recipe, Study, load_recipe
from cnnzoo.training import sources
from cnnzoo.training.sources import read_once, source_of

COMMON = Recipe(model="lenet", data="digits", epochs=1, learning_rate=1e-3, train_examples=64, batch_size=32)
VARIANTS = {"average": {}, "max": {"model_options": {"subsampling": "max"}}}
STUDY = Study(recipe=COMMON.replace(model_options={"activation": "relu"}), variants=VARIANTS, seeds=(0, 3))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    return run_study(STUDY, workdir=tmp_path_factory.mktemp("study"), verbose=0)


def test_rows_are_what_the_runs_hold(comparison):
    assert [row["variant"] for row in comparison.rows] == ["average", "max"]
    for row in comparison.rows:
        runs = [cnnzoo.Run(comparison.folder / row["variant"] / f"seed{seed}") for seed in (0, 3)]
        errors = [100 * (1 - run.metrics["test"]["accuracy"]) for run in runs]
        assert row["errors"] == pytest.approx(errors)
        assert row["mean"] == pytest.approx(statistics.mean(errors))
        assert row["deviation"] == pytest.approx(statistics.stdev(errors))
        assert [run.recipe.seed for run in runs] == [0, 3]
    written = json.loads((comparison.folder / "metrics.json").read_text())
    assert written["rows"] == comparison.rows


def test_variants_change_single_entries_of_a_mapping(comparison):
    recipe = cnnzoo.Run(comparison.folder / "max" / "seed0").recipe
    assert recipe.model_options == {"activation": "relu", "subsampling": "max"}


def test_markdown_has_a_line_a_variant(comparison):
    lines = comparison.to_markdown().splitlines()
    assert len(lines) == 2 + 2
    assert lines[2].startswith("| average | 61,706 | ")
    assert {line.count("|") for line in lines} == {8}


def test_data_are_read_once_in_a_row_and_let_go(monkeypatch):
    few, more = COMMON, COMMON.replace(train_examples=300)
    with read_once():
        first = source_of(few)
        assert len(source_of(more).train) == 300
        assert source_of(few.replace(seed=3)) is first
        monkeypatch.setattr(sources, "CACHE_BYTES", 100)
        assert len(source_of(more.replace(test_examples=5)).test) == 5
        assert source_of(few) is not first
    assert source_of(few) is not source_of(few)


def test_a_stopped_study_goes_on_where_it_was(comparison, tmp_path, monkeypatch):
    """It is stopped by Ctrl-C while its third run trains; the two finished ones are not trained again."""
    fit, calls = keras.Model.fit, []

    def counted(self, *args, **kwargs):
        calls.append(self.name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "fit", counted)
    with pytest.raises(KeyboardInterrupt):
        run_study(STUDY, workdir=tmp_path / "study", verbose=0)
    again = run_study(STUDY, workdir=tmp_path / "study", resume=True, verbose=0)
    assert len(calls) == 3 + 2
    assert [row["errors"] for row in again.rows] == [row["errors"] for row in comparison.rows]


def test_a_study_is_resumed_with_the_same_values_only(comparison):
    with pytest.raises(cnnzoo.InputError, match="started with other values"):
        run_study(STUDY.replace(epochs=2), workdir=comparison.folder, resume=True, verbose=0)


def test_input_that_is_refused_leaves_no_folder(tmp_path):
    message = r"`batch_size` must be an integer from 1 to 64, the number of training examples\. Received: 128"
    with pytest.raises(cnnzoo.InputError, match=message):
        run_study(STUDY.replace(batch_size=128), workdir=tmp_path / "study", verbose=0)
    assert not (tmp_path / "study").exists()


def test_unfinished_files_of_a_killed_process_do_not_prevent_resuming(tmp_path):
    folder = tmp_path / "study"
    first = STUDY.replace(seed=0)
    with pytest.raises(cnnzoo.InputError):
        run_study(first.replace(batch_size=128), workdir=folder, verbose=0)
    folder.mkdir()
    (folder / "recipe.json").write_text(json.dumps(first.to_dict()))
    (folder / "average" / "seed0").mkdir(parents=True)
    (folder / "average" / "seed0" / ".part-1-recipe.json").write_text("{")
    assert len(run_study(first, workdir=folder, resume=True, verbose=0).rows) == 2


def test_a_study_is_no_run(comparison):
    with pytest.raises(cnnzoo.InputError, match="holds a study"):
        cnnzoo.evaluate(comparison.folder)


def test_recipes_and_studies_are_not_mistaken_for_each_other():
    assert cnnzoo.run_study is run_study  # where the sentence below sends a person
    with pytest.raises(cnnzoo.InputError, match="is a recipe, not a study"):
        run_study("lenet5_digits")
    with pytest.raises(cnnzoo.InputError, match="is a study, not a recipe"):
        cnnzoo.train("strides_against_pooling_cifar10")


def test_train_on_the_command_line_runs_and_resumes_a_study(tmp_path, capsys):
    file = tmp_path / "compared.py"
    file.write_text(
        "from cnnzoo import Recipe, Study\n"
        "common = Recipe(model='lenet', data='digits', epochs=1, learning_rate=1e-3,\n"
        "    train_examples=64, batch_size=32)\n"
        "study = Study(recipe=common, variants={'slow': {}, 'fast': {'learning_rate': 1e-2}})\n"
    )
    assert isinstance(load_recipe(file), Study)
    folder = tmp_path / "out"
    for more in (["--seed", "1"], ["--resume"]):
        with pytest.raises(SystemExit) as end:
            main(["train", str(file), "--workdir", str(folder), "--no-report", *more])
        assert not end.value.code
        out = capsys.readouterr().out
        assert "| slow | 61,706 |" in out
        assert "| fast | 61,706 |" in out
        assert f"study folder {folder}" in out
