"""Anomaly detection, class by class: cnnzoo's autoencoders, scikit-learn's detectors, and PyOD's nets.

    pip install -e '.[torch]' pyod && python benchmarks/anomaly_baselines.py --data digits --seeds 3
    python benchmarks/anomaly_baselines.py --data breast_cancer --seeds 3
    python benchmarks/anomaly_baselines.py --data mnist --classes 0 1

Each class in turn is left out of training. A detector learns from all training examples of the other classes, without
their labels, and gives each test example a score; the figure is the area under the ROC curve (AUC) of the class left
out among the other test examples. All take the same values: pixels from 0 to 1, or rows that are standardized by the
training rows.

- cnnzoo: an autoencoder of `cnnzoo.models`, trained as `SETTINGS` below says, and `cnnzoo.analysis.anomaly_scores`: its
  squared error.
- PCA: the squared error of what the first principal components keep, as many as `COMPONENTS` says.
- isolation forest, one-class SVM: scikit-learn's, at their defaults; the SVM learns from 5,000 examples at most.
- PyOD AutoEncoder, PyOD VAE: at their defaults, which standardize each column again, pixels too.

Settings of cnnzoo and numbers of components were chosen by the training examples alone: a fifth of them was held out
(digits, and 12,500 images of MNIST), or each fifth in turn (breast cancer), and the class that is left out was the
anomaly; the settings are the same for all classes and seeds. What is not set is the library's default. On digits the
settings of the recipe `anomaly_digits` reach 0.973 there, against 0.967, in three times as long.

Each detector lives in a process of its own; they take turns, a class and a seed each. Seconds are those of a fit and of
the scores, after the libraries have been loaded and each detector has been fitted to few examples. Processor seconds
do not count the time in which other programs have the cores.
"""

import argparse
import importlib.util
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable

from turns import compared, serve

DETECTORS = ("cnnzoo", "PCA", "isolation forest", "one-class SVM", "PyOD AutoEncoder", "PyOD VAE")
MOST = 5000  # training examples of the one-class SVM, whose time grows with their square
COMPONENTS = {"digits": 10, "mnist": 20, "breast_cancer": 20}
SETTINGS = {
    "digits": {
        "model": "deep_autoencoder",
        "model_options": {"input_shape": (8, 8, 1), "units": (200, 100), "code": 6, "activation": "relu"},
        "epochs": 40,
        "batch_size": 64,
        "learning_rate": 4e-3,
    },
    "mnist": {
        "model": "deep_autoencoder",
        "model_options": {"units": (400, 150), "code": 6, "activation": "relu"},
        "epochs": 5,
        "batch_size": 128,
        "learning_rate": 2e-3,
    },
    "breast_cancer": {
        "model": "autoencoder",
        "model_options": {
            "input_shape": (30,),
            "units": (),
            "code": 3,
            "code_activation": "relu",
            "sparsity": {"kind": "l1", "weight": 0.17},
        },
        "epochs": 60,
        "batch_size": 32,
        "learning_rate": 1e-2,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=tuple(SETTINGS), default="digits")
    parser.add_argument("--classes", type=int, nargs="+", help="labels that are left out, one at a time (default: all)")
    parser.add_argument("--seeds", type=int, default=1, help="seeds 0 … SEEDS − 1")
    parser.add_argument("--epochs", type=int, help="of cnnzoo (default: those of SETTINGS)")
    parser.add_argument("--detectors", nargs="+", choices=DETECTORS, default=DETECTORS)
    parser.add_argument("--train-examples", type=int, help="the first training examples alone, for a trial")
    parser.add_argument("--detector", choices=DETECTORS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.detector:
        _serve(options)
    else:
        _check_pyod(options.detectors)
        _compare(options)


def _check_pyod(detectors: list[str]) -> None:
    if any(name.startswith("PyOD") for name in detectors) and importlib.util.find_spec("pyod") is None:
        raise SystemExit(
            "PyOD's detectors need its package: pip install pyod. Without it, name the others: --detectors "
            + " ".join(repr(name) if " " in name else name for name in DETECTORS if not name.startswith("PyOD"))
        )


def _compare(options: argparse.Namespace) -> None:
    names, classes = options.detectors, _classes(options)
    commands = {name: [sys.executable, __file__, "--detector", name, *sys.argv[1:]] for name in names}
    turns = compared(commands, len(classes) * options.seeds, warm_ups=0)
    print(f"{options.data}, {platform.machine()}, {os.cpu_count()} cores, seeds: {options.seeds}, interleaved turns")
    print(f"| AUC of the class | {' | '.join(names)} |")
    print(f"|---{'|---' * len(names)}|")
    for label in classes:
        areas = (statistics.mean(turn["auc"] for turn in turns[name] if turn["class"] == label) for name in names)
        print(f"| {label} | {' | '.join(f'{area:.3f}' for area in areas)} |")
    means = (_of_seeds(turns[name], options.seeds) for name in names)
    print(f"| mean, standard deviation over seeds | {' | '.join(means)} |")
    for kind in ("seconds", "processor seconds"):
        medians = (statistics.median(turn[kind] for turn in turns[name]) for name in names)
        print(f"| {kind}, median | {' | '.join(f'{each:.2f}' for each in medians)} |")


def _of_seeds(turns: list[dict], seeds: int) -> str:
    """Return the mean over the classes, of each seed: mean and spread."""
    means = [statistics.mean(turn["auc"] for turn in turns if turn["seed"] == seed) for seed in range(seeds)]
    spread = f" ± {statistics.stdev(means):.4f}" if seeds > 1 else ""
    return f"{statistics.mean(means):.4f}{spread}"


def _classes(options: argparse.Namespace) -> list[int]:
    return options.classes or list(range(2 if options.data == "breast_cancer" else 10))


def _serve(options: argparse.Namespace) -> None:
    from cnnzoo import data

    detect = _detector(options)
    source = data.load(options.data)
    some, ordinary, _ = _values(source, 0, 200)
    detect(some, ordinary[:50], 0, 1)
    jobs = ((label, seed) for label in _classes(options) for seed in range(options.seeds))
    serve(lambda: _turn(detect, source, options, *next(jobs)))


def _turn(detect: Callable, source, options: argparse.Namespace, label: int, seed: int) -> dict:
    from sklearn.metrics import roc_auc_score

    train, test, odd = _values(source, label, options.train_examples)
    clocks = {"seconds": time.perf_counter, "processor seconds": time.process_time}
    began = {kind: clock() for kind, clock in clocks.items()}
    scores = detect(train, test, seed, options.epochs)
    taken = {kind: clock() - began[kind] for kind, clock in clocks.items()}
    return {"class": label, "seed": seed, "auc": roc_auc_score(odd, scores), **taken}


def _values(source, label: int, examples: int | None):
    """Return training examples of all classes but one, test examples, and which of these are of that class."""
    import numpy as np

    ordinary = source.train.images[source.train.labels != label][:examples]
    train, test = (each.reshape(len(each), -1).astype("float32") for each in (ordinary, source.test.images))
    if source.kind == "images":
        train, test = train / 255, test / 255
    else:
        mean, deviation = train.mean(axis=0), train.std(axis=0)
        train, test = ((each - mean) / np.where(deviation, deviation, 1) for each in (train, test))
    return train, test, source.test.labels == label


def _detector(options: argparse.Namespace) -> Callable:
    """Return a function of training examples, test examples, a seed and epochs, if not its own, to scores."""
    if options.detector == "cnnzoo":
        return _cnnzoo(SETTINGS[options.data])
    if options.detector.startswith("PyOD"):
        return _pyod(options.detector)
    return _scikit_learn(options.detector, COMPONENTS[options.data])


def _cnnzoo(settings: dict) -> Callable:
    import keras
    import numpy as np

    from cnnzoo import Recipe, data, distribute, models, optimizers
    from cnnzoo.analysis import anomaly_scores
    from cnnzoo.runtime import steps_per_execution_for

    recipe = Recipe(data="digits", **settings)
    distribute.configure_threads(recipe.batch_size)  # as `cnnzoo train` does

    def detect(train, test, seed, epochs):
        keras.utils.set_random_seed(seed)
        model = models.create(recipe.model, **recipe.model_options)
        train, test = (each.reshape(-1, *model.input_shape[1:]) for each in (train, test))
        split = data.Split(train, np.zeros(len(train), "int32"))
        batch = min(recipe.batch_size, len(train))
        steps, together = steps_per_execution_for(data.steps_per_epoch(split, batch), recipe.steps_per_execution)
        rule = optimizers.make(recipe.optimizer, recipe.learning_rate, recipe.optimizer_options)
        model.compile(rule, model.loss, steps_per_execution=together)
        distribute.set_batch_shards(model, distribute.batch_shards_for(batch))
        batches = data.train_pipeline(split, batch, seed=seed, steps=steps, labels=False)
        model.fit(batches, steps_per_epoch=steps, epochs=epochs or recipe.epochs, shuffle=False, verbose=0)
        return anomaly_scores(model, test)

    return detect


def _scikit_learn(name: str, components: int) -> Callable:
    from sklearn.ensemble import IsolationForest
    from sklearn.svm import OneClassSVM

    from cnnzoo.analysis import pca

    def detect(train, test, seed, epochs):
        if name == "PCA":
            return ((pca(train, components, peak=None).reconstruct(test) - test) ** 2).sum(axis=1)
        if name == "isolation forest":
            return -IsolationForest(random_state=seed).fit(train).score_samples(test)
        return -OneClassSVM().fit(train[:MOST]).score_samples(test)

    return detect


def _pyod(name: str) -> Callable:
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.vae import VAE

    made = {"PyOD AutoEncoder": AutoEncoder, "PyOD VAE": VAE}[name]
    return lambda train, test, seed, epochs: made(random_state=seed, verbose=0).fit(train).decision_function(test)


if __name__ == "__main__":
    main()
