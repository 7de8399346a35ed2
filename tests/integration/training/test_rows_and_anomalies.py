"""Recipes of tables and of anomalies, from training to the export, against NumPy and scikit-learn."""

import json

import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics

import cnnzoo
from cnnzoo import data

TABLE = cnnzoo.Recipe(
    model="autoencoder",
    data="breast_cancer",
    epochs=4,
    batch_size=32,
    learning_rate=3e-3,
    model_options={"units": (8,), "code": 3, "activation": "tanh", "code_activation": "linear"},
    optimizer="adam",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    recipe = TABLE.replace(anomalies=(0,), validation_split=0.2)
    return cnnzoo.train(recipe, workdir=tmp_path_factory.mktemp("runs") / "table", verbose=0)


@pytest.fixture(scope="module")
def standardized(run):
    """Return the ordinary test rows, all test rows, and their labels, standardized by the run's training rows."""
    source = data.load("breast_cancer")
    benign = source.train[source.train.labels == 1]
    kept, _ = benign.held_out(0.2, run.recipe.seed)
    mean, deviation = kept.images.astype("float64").mean(0), kept.images.astype("float64").std(0)
    content = json.loads((run.folder / "recipe.json").read_text())["standardization"]
    np.testing.assert_allclose(content["mean"], mean, rtol=1e-6)
    np.testing.assert_allclose(content["deviation"], deviation, rtol=1e-6)
    return ((source.test.images - mean) / deviation).astype("float32"), source.test


def test_metrics_are_those_of_standardized_rows(run, standardized):
    rows, test = standardized
    errors = np.square(rows - run.model().predict(rows, verbose=0)).sum(axis=1)
    odd = test.labels == 0
    assert run.metrics["test"]["squared_error"] == pytest.approx(errors[~odd].mean(), rel=1e-4)
    assert run.metrics["test_examples"] == (~odd).sum()
    found = run.metrics["anomalies"]
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(odd, errors), abs=1e-6)
    assert (found["anomalies"], found["ordinary"]) == (odd.sum(), (~odd).sum())
    assert found["found"] == (errors > found["threshold"])[odd].mean()
    assert cnnzoo.evaluate(run) == run.metrics["test"]


def test_resumed_for_more_epochs_it_is_the_run_of_all_of_them(run, tmp_path):
    recipe = run.recipe.replace(schedule="constant")
    short = cnnzoo.train(recipe.replace(epochs=2), workdir=tmp_path / "a", verbose=0)
    longer = cnnzoo.train(recipe.replace(epochs=4), workdir=tmp_path / "a", resume=True, verbose=0)
    whole = cnnzoo.train(recipe.replace(epochs=4), workdir=tmp_path / "b", verbose=0)
    for one, two in zip(longer.model().get_weights(), whole.model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert short.folder == longer.folder


def test_export_takes_rows_in_their_own_units_and_scores_them(run, standardized, tmp_path):
    rows, test = standardized
    version = cnnzoo.export(run, tmp_path, formats=("saved_model", "onnx", "litert"))
    loaded = tf.saved_model.load(str(version))
    expected = run.model().predict(rows, verbose=0)
    values = tf.constant(test.images)
    found = loaded.signatures["serving_default"](values=values)["reconstruction"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    scores = loaded.signatures["score"](values=values)["squared_error"]
    np.testing.assert_allclose(scores, cnnzoo.analysis.anomaly_scores(run.model(), rows), rtol=1e-4)
    import onnxruntime

    session = onnxruntime.InferenceSession(str(version / "model.onnx"))
    np.testing.assert_allclose(session.run(None, {"values": test.images})[0], expected, atol=1e-4)
    card = json.loads((version / "assets.extra" / "card.json").read_text())
    assert card["input"] == "float32 (batch, 30), values in their own units"


@pytest.fixture
def file(tmp_path):
    """Return a CSV file of five test rows, its columns in another order and with one more, and the rows."""
    source = data.load("breast_cancer")
    order = list(reversed(range(30)))
    lines = [",".join(["id", *(source.columns[column] for column in order)])]
    rows = source.test.images[:5]
    lines += [
        ",".join([f"row {number}", *(repr(float(row[column])) for column in order)]) for number, row in enumerate(rows)
    ]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines))
    return path, rows


def test_rows_of_a_file_are_scored_by_the_names_of_their_columns(run, file, tmp_path):
    path, rows = file
    content = json.loads((run.folder / "recipe.json").read_text())
    inputs = (rows - content["standardization"]["mean"]) / content["standardization"]["deviation"]
    errors = np.square(inputs - run.model().predict(inputs.astype("float32"), verbose=0)).sum(axis=1)
    threshold = run.metrics["anomalies"]["threshold"]
    version = cnnzoo.export(run, tmp_path / "export")
    for model in (run, version, version.parent):
        found = list(cnnzoo.predict(model, path))
        assert [each.file for each in found] == [f"{path}:{number}" for number in range(1, 6)]
        np.testing.assert_allclose([each.squared_error for each in found], errors, rtol=1e-3)
        assert [each.anomalous for each in found] == [bool(error > threshold) for error in errors]


def test_files_that_are_no_tables_of_the_model_are_refused(run, file, tmp_path):
    path, _ = file
    short = tmp_path / "short.csv"
    short.write_text("\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines()))
    for files, words in (
        (short, "has no column 'mean radius', which the model takes"),
        ("digit.png", "`files` must be CSV files, since the model takes rows"),
        (tmp_path / "none.csv", "the path of a CSV file that exists"),
    ):
        with pytest.raises(cnnzoo.InputError, match=words):
            list(cnnzoo.predict(run, files))


def test_report_has_traces_and_the_curve(run):
    page = cnnzoo.report(run).read_text(encoding="utf-8")
    assert "Not drawn" not in page
    assert {path.stem for path in (run.folder / "pictures").glob("*.svg")} >= {"traces", "roc_curve"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "lenet", "model_options": {}}, "lenet classifies images, and 'breast_cancer' has rows"),
        ({"augment": "flip"}, "`augment` must be 'none', 'noise' or 'masking' for rows"),
        ({"binarize": "fixed"}, "only pixels are drawn as black and white"),
        ({"anomalies": (0, 1)}, "`anomalies` must be some, and not all, of the labels 0 to 1"),
        ({"anomalies": (7,)}, "`anomalies` must be some, and not all"),
        ({"model_options": {"input_shape": (7,)}}, "rows of 'breast_cancer' have the shape"),
        ({"model": "convolutional_autoencoder", "model_options": {}}, "two positive integers"),
        ({"data": "digits", "model": "lenet", "model_options": {}, "anomalies": (1,)}, "empty for lenet"),
    ],
)
def test_what_fits_no_table_is_refused_and_leaves_no_folder(changes, words, tmp_path):
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.train(TABLE.replace(**changes), workdir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


def test_signals_are_trained_on_and_served(tmp_path):
    rng = np.random.default_rng(0)
    steps = np.linspace(0, 6, 40)
    signals = np.sin(steps + rng.uniform(0, 6, (64, 1)))[..., None] * [1.0, 50.0] + [0, 300]
    model = cnnzoo.stacked_convolutional_autoencoder(input_shape=(40, 2), maps=(8,), code=3)
    standardize = cnnzoo.models.standardization.Standardization.of(signals)
    given = np.asarray(standardize(signals))
    model.fit(given, given, verbose=0)
    version = cnnzoo.export(model, tmp_path, preprocess=standardize, formats=("saved_model", "onnx", "litert"))
    loaded = tf.saved_model.load(str(version))
    found = loaded.signatures["serving_default"](values=tf.constant(signals, "float32"))["reconstruction"]
    np.testing.assert_allclose(found, model.predict(given, verbose=0), atol=1e-4)
