"""Evaluate and draw finished runs under another backend of Keras, and print the results as JSON.

`KERAS_BACKEND=torch python tests/integration/backends/run_worker.py CLASSIFIER AUTOENCODER FOLDER`; `test_runs.py`
trains the two runs.
"""

import json
import sys
import warnings
from pathlib import Path

import keras
import numpy as np

import cnnzoo
from cnnzoo import plots


def pages(runs, folder):
    """Write the page of each run, and one of both, and return their paths."""
    each = [cnnzoo.report(run, to=folder / str(number)) for number, run in enumerate(runs)]
    return [str(page) for page in (*each, cnnzoo.report(runs, to=folder / "both"))]


def drawn(classifier, autoencoder):
    """Return the alternative texts of pictures that no page has."""
    digits = cnnzoo.data.load("digits").test
    denoising = cnnzoo.denoising_autoencoder(input_shape=(8, 8, 1), code=6)
    pictures = [
        plots.images(digits.images[:4], digits.labels[:4]),
        plots.learning_curves({"one": classifier, "other": classifier}),
        plots.denoised(denoising, digits.images[:3]),
        plots.reconstructions(autoencoder.model(), digits.images[:3], train=digits.images),
        plots.layer_costs("lenet5"),
        plots.receptive_fields("lenet5"),
    ]
    for picture in pictures:
        picture.canvas.draw()
    return [picture.alternative for picture in pictures]


def equivariance(classifier):
    """Return the numbers of an analysis that no picture shows."""
    images = np.random.default_rng(0).uniform(0, 1, (2, 34, 34, 1)).astype("float32")
    return [repr(row) for row in cnnzoo.analysis.equivariance(classifier.model(), images, 2)]


def batch_of(name):
    """Return a batch of a training pipeline, augmented and preprocessed."""
    digits, augmentation = cnnzoo.data.load("digits"), cnnzoo.data.augmentation.augmentation(name, (8, 8, 1))
    preprocess = cnnzoo.models.preprocessing("lenet5", cnnzoo.lenet5(compile=False))
    pipeline = cnnzoo.data.train_pipeline(digits.train, 8, preprocess=preprocess, augment=augmentation, seed=3)
    return next(iter(pipeline))[0].numpy()


def refused(call):
    """Return the message with which a call is refused."""
    try:
        call()
    except cnnzoo.InputError as error:
        return str(error)
    raise AssertionError("it is not refused")


if __name__ == "__main__":
    warnings.simplefilter("error", UserWarning)
    classifier, autoencoder, folder = cnnzoo.Run(sys.argv[1]), cnnzoo.Run(sys.argv[2]), Path(sys.argv[3])
    study = cnnzoo.Study(recipe=cnnzoo.load_recipe("lenet5_digits"), variants={"plain": {}}, seeds=(0,))
    results = {
        "backend": keras.backend.backend(),
        "test": [cnnzoo.evaluate(run) for run in (classifier, autoencoder)],
        "pages": pages([classifier, autoencoder], folder),
        "drawn": drawn(classifier, autoencoder),
        "equivariance": len(equivariance(classifier)),
        "batches": [batch_of(name).tolist() for name in ("none", "elastic")],
        "parameters": cnnzoo.conv_report(classifier.model()).totals.parameters,
        "refused": {
            "train": refused(lambda: cnnzoo.train("lenet5_digits", workdir=folder / "run")),
            "resume": refused(lambda: cnnzoo.train("lenet5_digits", workdir=classifier.folder, resume=True)),
            "study": refused(lambda: cnnzoo.run_study(study, workdir=folder / "study")),
            "tune": refused(lambda: cnnzoo.tune("lenet5_digits", workdir=folder / "search")),
            "strategy": refused(lambda: cnnzoo.distribute.strategy("default")),
            "shards": refused(lambda: cnnzoo.distribute.set_batch_shards(classifier.model(), 2)),
            "export": refused(lambda: cnnzoo.export(classifier, folder / "exported")),
            "augmentation": refused(lambda: batch_of("affine")),
        },
        "left": sorted(path.name for path in folder.iterdir()),
    }
    print(json.dumps(results))
