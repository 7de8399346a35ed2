"""Pretrain in a process of its own: to be killed, as one of several workers, or on another backend of Keras.

`python -m tests.integration.pretraining.worker backup FOLDER` backs its stages up to FOLDER, `machines FOLDER` those of
restricted Boltzmann machines; `workers FOLDER` saves the weights that a cluster's machines get.
`KERAS_BACKEND=jax python -m tests.integration.pretraining.worker losses` prints histories as JSON.
"""

import json
import os
import sys
from pathlib import Path

import keras
import numpy as np

from tests.pretraining.nets import autoencoder, changed, classifier, images, pretrained, values_of

KILLED_OPTIONS = {"epochs": [2, 3, 2], "corruption": 0.1, "batch_size": 10}
KILLED_MACHINES = {"epochs": [2, 3, 2], "method": "rbm", "optimizer": None, "batch_size": 10, "gibbs_steps": 2}


def losses():
    """Return histories that depend on no random number: of tied decoders, with dead units too, and of decoder pairs."""
    found = {}
    models = {"classifier": classifier((8, 6)), "autoencoder": autoencoder(), "dead units": classifier((8, 6))}
    for name, model in models.items():
        generator = np.random.default_rng(0)  # backends draw different initial weights from the same seed
        model.set_weights([generator.normal(0, 0.3, weight.shape) for weight in model.weights])
        before = values_of(model)
        # Noise differs between the backends, but not where it is everywhere or nowhere.
        options = {"tied": name != "autoencoder", "corruption": [0.0, 1.0]}
        options["cache"] = False if name == "classifier" else "memory"
        if name == "dead units":
            sparsity = {"kind": "k-sparse", "k": 2, "dead_weight": 0.5, "dead_after": 2}
            options |= {"sparsity": sparsity, "corruption": 0.0}
        pretraining = pretrained(model, images(), **options)
        found[name] = {"history": pretraining.history, "changed": sorted(changed(before, values_of(model)))}
    return found


def machines():
    """Return the losses of machines, whose draws differ between the backends."""
    model = classifier((8, 6))
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(0, 0.3, weight.shape) for weight in model.weights])
    pretraining = pretrained(model, images(), method="rbm", optimizer=None, persistent=True)
    return {name: history["loss"] for name, history in pretraining.history.items()}


def save_weights_of_machines(folder):
    """Train machines under the strategy of this process, and save the weights and the visible biases."""
    from cnnzoo.distribute import strategy

    with strategy("auto").scope():
        model = classifier((8, 6))
    pretraining = pretrained(model, images(), method="rbm", optimizer=None, persistent=True)
    biases = [machine.visible_bias for machine in pretraining.machines.values()]
    index = json.loads(os.environ["TF_CONFIG"])["task"]["index"] if "TF_CONFIG" in os.environ else "alone"
    np.savez(Path(folder) / f"{index}.npz", *model.get_weights(), *biases)


if __name__ == "__main__":
    if sys.argv[1] == "backup":
        pretrained(classifier(), images(), backup=sys.argv[2], **KILLED_OPTIONS)
    elif sys.argv[1] == "machines":
        pretrained(classifier(), images(), backup=sys.argv[2], **KILLED_MACHINES)
    elif sys.argv[1] == "workers":
        save_weights_of_machines(sys.argv[2])
    else:
        print(json.dumps({**losses(), "machines": machines(), "backend": keras.backend.backend()}))
