"""The oracles give the same trials for the same seed, whenever they were killed, and no trial twice."""

import collections
import math
import socket
import threading

import pytest

from cnnzoo.cli.launch import free_ports
from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe
from cnnzoo.tuning import oracles, tuner_internals
from cnnzoo.tuning.results import TrialResults
from cnnzoo.tuning.space import VARIABLES, checked_space

keras_tuner = pytest.importorskip("keras_tuner", reason="needs keras-tuner (pip install -e '.[tune]')")
pytestmark = pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning", "ignore:getName:DeprecationWarning")

RECIPE = Recipe(model="lenet", data="digits", epochs=9, learning_rate=1e-3)
TRIALS = {"random": 6, "bayesian": 5, "hyperband": 18}


def space(hp):
    return {
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-1, sampling="log"),
        "augment": hp.Choice("augment", ["none", "affine"]),
        "batch_size": hp.Int("batch_size", 16, 64, step=16),
    }


def score_of(values):
    """Stand for a training: a score that depends on the values alone."""
    epochs = values.get("tuner/epochs", 9)
    return math.exp(-abs(math.log10(values["learning_rate"]) + 2.3)) + 0.01 * epochs + values["batch_size"] / 1e4


class Oracle:
    """An oracle that keeps a copy of every state that it writes."""

    def __init__(self, folder, tuner, seed=0, state=None, trials=None, epochs=9):
        self.states = []
        self.oracle = oracles.make(
            tuner,
            file=folder / "oracle.json",
            objective="accuracy",
            trials=trials or TRIALS[tuner],
            epochs=epochs,
            seed=seed,
        )
        hyperparameters = keras_tuner.HyperParameters()
        space(hyperparameters)
        self.oracle.update_space(hyperparameters)
        if state is not None:
            self.oracle.file.write_text(state)
            self.oracle.reload()
        save = self.oracle.save
        self.oracle.save = lambda: (save(), self.states.append(self.oracle.file.read_text()))

    def run(self, ended):
        """Run all trials that are left; `ended` counts how often each ended."""
        while (trial := self.oracle.create_trial("tuner0")).status != "STOPPED":
            self.oracle.update_trial(trial.trial_id, {"accuracy": score_of(trial.hyperparameters.values)})
            trial.status = "COMPLETED"
            self.oracle.end_trial(trial)
            ended[trial.trial_id] = ended.get(trial.trial_id, 0) + 1
        return {key: (each.hyperparameters.values, each.score) for key, each in self.oracle.trials.items()}


@pytest.mark.parametrize("tuner", sorted(TRIALS))
def test_killed_after_any_write_nothing_is_lost_repeated_or_changed(tmp_path, tuner):
    whole = Oracle(tmp_path, tuner)
    counts = {}
    expected = whole.run(counts)
    assert len(expected) == TRIALS[tuner]
    assert set(counts.values()) == {1}
    for state in whole.states[:: 1 if tuner == "random" else 4]:  # the others take their time
        killed = Oracle(tmp_path, tuner, state=state)
        ended = set(killed.oracle.end_order)
        again = {}
        assert killed.run(again) == expected
        assert set(again) == set(expected) - ended
        assert set(again.values()) <= {1}
    with pytest.raises(InputError, match="is damaged"):
        Oracle(tmp_path, tuner, state=whole.states[0][:-9])
    foreign = whole.states[0].replace('"class_name": "Float"', '"class_name": "Popen", "module": "subprocess"')
    with pytest.raises(InputError, match="is damaged: Unknown object: 'Popen'"):  # nothing else is made of a file
        Oracle(tmp_path, tuner, state=foreign)


@pytest.mark.parametrize("tuner", ["random", "hyperband"])
def test_another_seed_gives_other_trials(tmp_path, tuner):
    trials = [Oracle(tmp_path, tuner, seed).run({}).values() for seed in (0, 1, 2)]
    rates = [{round(math.log(values["learning_rate"]), 9) for values, _ in each} for each in trials]
    assert not rates[0] & rates[1]
    assert not rates[1] & rates[2]


def test_hyperband_trains_the_better_ones_for_longer(tmp_path):
    trials = Oracle(tmp_path, "hyperband").run({})
    for values, _ in trials.values():
        assert values["tuner/epochs"] in (1, 3, 9)
        if parent := values.get("tuner/trial_id"):
            below, _ = trials[parent]
            assert below["learning_rate"] == values["learning_rate"]
            assert below["tuner/epochs"] * 3 == values["tuner/epochs"]
    for epochs in (1, 3):  # trials that are trained further were no worse than those that are not
        first = {key: score for key, (values, score) in trials.items() if values["tuner/epochs"] == epochs}
        kept = {values.get("tuner/trial_id") for values, _ in trials.values()} & set(first)
        bracket = {trials[key][0]["tuner/bracket"] for key in kept}
        left = [score for key, score in first.items() if key not in kept and trials[key][0]["tuner/bracket"] in bracket]
        assert min(first[key] for key in kept) >= max(left)


@pytest.mark.parametrize(
    ("trials", "epochs", "message"),
    [
        (3, 9, r"must be at least 7 .* 9 epochs: 5 trials of 3 epochs, and of the best 2 of 9; .* Received: 3"),
        (9, 1, "`epochs` must be at least 2 for the tuner hyperband; use random or bayesian. Received: 1"),
    ],
)
def test_hyperband_with_too_few_trials_or_epochs_raises_an_error_that_says_how_many_it_needs(
    tmp_path, trials, epochs, message
):
    with pytest.raises(InputError, match=message):
        oracles.make("hyperband", file=tmp_path, objective="accuracy", trials=trials, epochs=epochs, seed=0)


@pytest.mark.parametrize("epochs", [2, 3, 4, 9, 10, 30, 100])
def test_hyperband_fits_into_its_trials(tmp_path, epochs):
    """keras-tuner runs the rounds that the number of trials was computed by, and the first bracket to its end."""
    factor = min(3, epochs)
    for trials in range(1, 60):
        try:
            oracle = Oracle(tmp_path, "hyperband", trials=trials, epochs=epochs)
        except InputError:
            continue
        oracle.oracle.save = lambda: None
        run = [values for values, _ in oracle.run({}).values()]
        assert len(run) <= trials
        opening = run[0]["tuner/bracket"]
        assert opening >= 1
        brackets = {number: oracles.rounds_of(number, epochs, factor) for number in range(opening + 1)}
        whole = sum(count for rounds in brackets.values() for count, _ in rounds)
        for number in brackets if whole <= trials else [opening]:
            found = collections.Counter(
                (values["tuner/round"], values["tuner/epochs"]) for values in run if values["tuner/bracket"] == number
            )
            times = max(1, trials // whole)
            rounds = enumerate(brackets[number])
            assert found == {(round, length): times * count for round, (count, length) in rounds}


def test_a_trial_that_ends_after_its_chief_was_replaced_is_not_given_out_again(tmp_path):
    """Its worker has outlived the chief; the new chief was about to give it to another worker, or has."""
    killed = Oracle(tmp_path, "random")
    first, second = (killed.oracle.create_trial(f"tuner{worker}") for worker in range(2))
    resumed = Oracle(tmp_path, "random", state=killed.states[-1]).oracle
    again = resumed.create_trial("tuner2")
    assert (again.trial_id, again.hyperparameters.values) == (first.trial_id, first.hyperparameters.values)
    for trial in (first, second, again):
        resumed.update_trial(trial.trial_id, {"accuracy": 0.5})
        trial.status = "COMPLETED"
        resumed.end_trial(trial)
    assert resumed.create_trial("tuner0").trial_id == "2"
    assert resumed.end_order == ["0", "1"]
    assert {tuner: trial.trial_id for tuner, trial in resumed.ongoing_trials.items()} == {"tuner0": "2"}


class FakeTrainer:
    """Stands for the process that trains, to be quick; it keeps the learning rates that it gets."""

    def __init__(self):
        self.rates = {}

    def train(self, recipe, folder, pretrained):
        self.rates[folder.name] = recipe.learning_rate
        if recipe.augment == "affine":
            return {"failed": "no such luck"}
        return {"validation": {"accuracy": 1 / 3, "loss": recipe.learning_rate}, "validation_examples": 3}


def test_a_chief_and_workers_search_as_one(tmp_path, monkeypatch):
    """Over keras-tuner's own protocol: the values arrive as they were drawn, and failures keep their message."""
    from cnnzoo.tuning.tuner import RecipeTuner, search

    monkeypatch.setenv(VARIABLES[1], "127.0.0.1")
    monkeypatch.setenv(VARIABLES[2], str(free_ports(1)[0]))
    alone = Oracle(tmp_path, "random").run({})
    (tmp_path / "recipe.json").write_text("{}")
    results = TrialResults(tmp_path, "accuracy")
    parts, trainers = {}, [FakeTrainer(), FakeTrainer()]
    for name, trainer in (("chief", None), ("worker0", trainers[0]), ("worker1", trainers[1])):
        monkeypatch.setenv(VARIABLES[0], name)
        oracle = Oracle(tmp_path, "random").oracle
        options = {"recipe": RECIPE, "trainer": trainer, "results": results, "log": lambda line: None}
        parts[name] = oracle, RecipeTuner(oracle, checked_space(space, RECIPE), **options)
    workers = [threading.Thread(target=search, args=(parts[name][1],)) for name in ("worker0", "worker1")]
    for worker in workers:
        worker.start()
    tuner_internals.serve(parts["chief"][0])
    for worker in workers:
        worker.join()
    drawn = {key: values["learning_rate"] for key, (values, _) in alone.items()}
    assert trainers[0].rates | trainers[1].rates == drawn
    assert not set(trainers[0].rates) & set(trainers[1].rates)
    rows = {row["trial"]: row for row in results.ranked()}
    for key, (values, _) in alone.items():
        failed = values["augment"] == "affine"
        assert rows[key]["overrides"] == {name: values[name] for name in ("learning_rate", "augment", "batch_size")}
        assert rows[key]["message"] == ("no such luck" if failed else None)
        assert rows[key]["score"] == (None if failed else 1 / 3)
        assert parts["chief"][0].trials[key].status == ("FAILED" if failed else "COMPLETED")
    state = Oracle(tmp_path, "random", state=(tmp_path / "oracle.json").read_text()).oracle
    assert state.get_state()["retry_queue"] == []


@pytest.mark.parametrize("tuner", ["bayesian", "hyperband"])
def test_workers_end_every_trial_once(tmp_path, monkeypatch, tuner):
    from cnnzoo.tuning.tuner import RecipeTuner, search

    class Counting(FakeTrainer):
        def train(self, recipe, folder, pretrained):
            ended.append(folder.name)
            return {"validation": {"accuracy": recipe.learning_rate * recipe.epochs, "loss": 0.0}}

    monkeypatch.setenv(VARIABLES[1], "127.0.0.1")
    monkeypatch.setenv(VARIABLES[2], str(free_ports(1)[0]))
    (tmp_path / "recipe.json").write_text("{}")
    results, ended, tuners = TrialResults(tmp_path, "accuracy"), [], {}
    results.formatted = str
    for name in ("chief", "worker0", "worker1"):
        monkeypatch.setenv(VARIABLES[0], name)
        oracle = Oracle(tmp_path, tuner).oracle
        options = {"recipe": RECIPE, "trainer": Counting(), "results": results, "log": lambda line: None}
        tuners[name] = RecipeTuner(oracle, checked_space(space, RECIPE), **options)
    workers = [threading.Thread(target=search, args=(tuners[name],)) for name in ("worker0", "worker1")]
    for worker in workers:
        worker.start()
    tuner_internals.serve(tuners["chief"].oracle)
    for worker in workers:
        worker.join()
    assert sorted(ended) == sorted(tuners["chief"].oracle.trials)
    assert len(ended) == TRIALS[tuner]
    best = results.ranked()[0]
    assert best["epochs"] == 9
    assert best["score"] == max(row["score"] for row in results.ranked() if row["epochs"] == 9)


def test_a_worker_that_sees_another_folder_raises_an_error(tmp_path, monkeypatch):
    from cnnzoo.tuning.tuner import RecipeTuner, search

    results = TrialResults(tmp_path / "elsewhere", "accuracy")
    oracle = Oracle(tmp_path, "random").oracle
    tuner = RecipeTuner(
        oracle,
        checked_space(space, RECIPE),
        recipe=RECIPE,
        trainer=FakeTrainer(),
        results=results,
        log=lambda line: None,
    )
    with pytest.raises(InputError, match="must all see the same folder"):
        search(tuner)


def test_a_chief_whose_address_is_taken_raises_an_error(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv(VARIABLES[1], "127.0.0.1")
        monkeypatch.setenv(VARIABLES[2], str(port))
        with pytest.raises(InputError, match=f"the chief cannot listen at 127.0.0.1:{port}: "):
            tuner_internals.serve(Oracle(tmp_path, "random").oracle)


def test_errors_of_the_search_itself_are_no_failed_trials(tmp_path):
    from cnnzoo.tuning.tuner import RecipeTuner, search

    class Faulty(FakeTrainer):
        def train(self, recipe, folder, pretrained):
            raise TypeError("a fault of the program")

    (tmp_path / "recipe.json").write_text("{}")
    oracle = Oracle(tmp_path, "random").oracle
    options = {"recipe": RECIPE, "trainer": Faulty(), "log": lambda line: None}
    tuner = RecipeTuner(oracle, checked_space(space, RECIPE), results=TrialResults(tmp_path, "accuracy"), **options)
    with pytest.raises(TypeError, match="a fault of the program"):
        search(tuner)
    assert oracle.end_order == []
