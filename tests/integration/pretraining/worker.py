"""Pretrain in a process of its own: to be killed, or on another backend of Keras.

`python -m tests.integration.pretraining.worker backup FOLDER` backs its stages up to FOLDER;
`KERAS_BACKEND=jax python -m tests.integration.pretraining.worker losses` prints histories as JSON.
"""

import json
import sys

import keras
import numpy as np

from tests.pretraining.nets import autoencoder, changed, classifier, images, pretrained, values_of

KILLED_OPTIONS = {"epochs": [2, 3, 2], "corruption": 0.1, "batch_size": 10}


def losses():
    """Return histories that depend on no random number: of tied decoders and of decoder pairs."""
    found = {}
    for name, model, cache in (("classifier", classifier((8, 6)), False), ("autoencoder", autoencoder(), "memory")):
        generator = np.random.default_rng(0)  # backends draw different initial weights from the same seed
        model.set_weights([generator.normal(0, 0.3, weight.shape) for weight in model.weights])
        before = values_of(model)
        # Noise differs between the backends, but not where it is everywhere or nowhere.
        pretraining = pretrained(model, images(), tied=name == "classifier", corruption=[0.0, 1.0], cache=cache)
        found[name] = {"history": pretraining.history, "changed": sorted(changed(before, values_of(model)))}
    return found


if __name__ == "__main__":
    if sys.argv[1] == "backup":
        pretrained(classifier(), images(), backup=sys.argv[2], **KILLED_OPTIONS)
    else:
        print(json.dumps({**losses(), "backend": keras.backend.backend()}))
