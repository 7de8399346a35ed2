"""`--callback module:NAME`: a tracker of one's own is called in runs, resumed runs, studies, and by the chief alone."""

import json
import sys

import keras
import pytest

import cnnzoo
from cnnzoo.cli import main
from cnnzoo.experiments.run import Run
from tests import processes

# What trackers do: something at once when they are made, and something with the metrics of each epoch.
TRACKERS = """
import json, keras, pathlib

class Tracker(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.write({"made": True})

    def write(self, entry):
        with pathlib.Path("tracked.jsonl").open("a", encoding="utf-8") as file:
            print(json.dumps(entry), file=file)

    def on_epoch_end(self, epoch, logs=None):
        self.write({"epoch": epoch + 1, **logs})

class Demanding(keras.callbacks.Callback):
    def __init__(self, project):
        super().__init__()

def after_two_epochs():
    return Stopping()

class Stopping(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 1

def nothing():
    pass

number = 3
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "trackers.py").write_text(TRACKERS, encoding="utf-8")
    return tmp_path


def train(folder, *words, code=0):
    command = ["-m", "cnnzoo", "train", *words, "--no-report", "--workdir", "run"]
    ended = processes.run(command, cwd=folder)
    assert ended.returncode == code, ended.stderr[-3000:]
    return ended


def tracked(folder):
    return [json.loads(line) for line in (folder / "tracked.jsonl").read_text().splitlines()]


def test_a_run_and_its_resumption_are_tracked(folder):
    train(folder, "lenet5_digits", "--smoke", "--epochs", "2", "--callback", "trackers:Tracker")
    train(folder, "lenet5_digits", "--resume", "--epochs", "3", "--callback", "trackers:Tracker")
    made, first, second, again, third = tracked(folder)
    assert made == again == {"made": True}
    rows = Run(folder / "run").history_rows
    for epoch, (entry, row) in enumerate(zip((first, second, third), rows, strict=True), start=1):
        assert (entry["epoch"], entry["loss"]) == (epoch, pytest.approx(row["loss"], rel=1e-6))


@pytest.mark.slow
def test_several_are_called_and_one_of_them_stops_the_run(folder):
    names = ("--callback", "trackers:after_two_epochs", "--callback", "trackers:Tracker")
    train(folder, "lenet5_digits", "--smoke", "--epochs", "4", *names)
    assert Run(folder / "run").metrics["epochs"] == 2
    assert len(tracked(folder)) == 3


@pytest.mark.slow
def test_the_chief_alone_makes_and_calls_it(folder):
    train(folder, "lenet5_digits", "--smoke", "--workers", "2", "--callback", "trackers:Tracker")
    assert [entry.get("epoch") for entry in tracked(folder)] == [None, 1, 2]


@pytest.mark.slow
def test_each_run_of_a_study_has_its_own(tmp_path):
    made = []

    class Tracker(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.epochs = []
            made.append(self)

        def on_epoch_end(self, epoch, logs=None):
            self.epochs.append(epoch)

    recipe = cnnzoo.Recipe(model="lenet", data="digits", epochs=2, learning_rate=1e-3, train_examples=64, batch_size=32)
    study = cnnzoo.Study(recipe=recipe, variants={"one": {}, "other": {"batch_size": 16}}, seeds=(0,))
    cnnzoo.run_study(study, workdir=tmp_path / "study", verbose=0, callbacks=[Tracker])
    assert [each.epochs for each in made] == [[0, 1], [0, 1]]
    cnnzoo.run_study(study, workdir=tmp_path / "study", verbose=0, callbacks=[Tracker], resume=True)
    assert len(made) == 2  # all runs are finished
    with pytest.raises(cnnzoo.InputError, match="`callbacks` must be a list of classes or functions"):
        cnnzoo.run_study(study, verbose=0, callbacks=[made[0]])


@pytest.mark.slow
def test_pretraining_is_said_to_be_without_it(folder):
    ended = train(folder, "stacked_denoising_digits", "--smoke", "--callback", "trackers:Tracker")
    assert "--callback is called in the epochs of the fit, and not while layers are pretrained" in ended.stdout
    assert [entry["epoch"] for entry in tracked(folder)[1:]] == [
        row["epoch"] for row in Run(folder / "run").history_rows
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Tracker", "`--callback` must be module:NAME, such as keras.callbacks:CSVLogger. Received: 'Tracker'"),
        ("trackers:", "`--callback` must be module:NAME"),
        ("tracker:Tracker", "there is no module 'tracker' to import"),
        ("keras.calbacks:CSVLogger", "'keras.calbacks' cannot be imported: No module named 'keras.calbacks'"),
        ("trackers:Traker", "unknown name in trackers 'Traker'; did you mean 'Tracker'?"),
        ("trackers:number", "must be a class of keras.callbacks.Callback, or a function that returns one. Received: 3"),
        ("trackers:nothing", "or a function that returns one. Received: None"),
        ("trackers:Demanding", "cannot be called without arguments: "),
    ],
)
def test_what_is_no_callback_is_refused_in_a_sentence(folder, capsys, monkeypatch, name, words):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit) as ended:
        main(["train", "lenet5_digits", "--smoke", "--workdir", "run", "--callback", name])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
    assert not (folder / "run").exists()


def test_mlflow_tracks_a_run_in_a_folder(folder, monkeypatch):
    pytest.importorskip("mlflow", reason="needs MLflow and pandas (pip install mlflow-skinny pandas)")
    pytest.importorskip("pandas", reason="needs MLflow and pandas (pip install mlflow-skinny pandas)")
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # its other stores need a data base
    address = (folder / "tracked").as_uri()
    command = ["-m", "cnnzoo", "train", "lenet5_digits", "--smoke", "--no-report", "--workdir", "run"]
    ended = processes.run(
        [*command, "--callback", "mlflow.keras:MlflowCallback"], cwd=folder, MLFLOW_TRACKING_URI=address
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    client = mlflow.MlflowClient(address)
    (run,) = client.search_runs(["0"])
    losses = [metric.value for metric in client.get_metric_history(run.info.run_id, "loss")]
    assert losses == pytest.approx(Run(folder / "run").history["loss"], rel=1e-6)
