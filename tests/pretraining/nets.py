"""Small nets to pretrain, and how tests compare their weights."""

import keras
import numpy as np

from cnnzoo import LayerwisePretraining


def images(count=300, shape=(20,), seed=0):
    """Return values in [0, 1] that depend on a few hidden variables."""
    rng = np.random.default_rng(seed)
    hidden = rng.random((count, 4))
    values = hidden @ rng.normal(size=(4, int(np.prod(shape)))) / 2
    return (1 / (1 + np.exp(-3 * values))).reshape(count, *shape).astype("float32")


def classifier(units=(16, 12, 8), inputs=20, activation="sigmoid", dropout=0.0, dtype=None, compile=True, **options):
    """Return hidden layers a, b, c, … and the head, always with the same weights."""
    keras.utils.set_random_seed(1)
    x = values = keras.Input((inputs,))
    for name, width in zip("abcdefgh", units, strict=False):
        x = keras.layers.Dense(width, activation, name=name, dtype=dtype)(x)
        if dropout:
            x = keras.layers.Dropout(dropout, seed=3)(x)
    outputs = keras.layers.Dense(5, "softmax", name="head", dtype="float32")(x)
    model = keras.Model(values, outputs)
    if compile:
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", **options)
    return model


def autoencoder(units=(16, 8), inputs=20):
    """Return an autoencoder with a linear code, whose layers form decoder pairs: encoder_1, code, decoder_1, output."""
    keras.utils.set_random_seed(1)
    x = values = keras.Input((inputs,))
    x = keras.layers.Dense(units[0], "sigmoid", name="encoder_1")(x)
    x = keras.layers.Dense(units[1], name="code")(x)
    x = keras.layers.Dense(units[0], "sigmoid", name="decoder_1")(x)
    return keras.Model(values, keras.layers.Dense(inputs, "sigmoid", name="output")(x))


def pretrained(model, data, **options):
    """Pretrain quickly, and return the callback."""
    options = {"epochs": 3, "verbose": 0, "batch_size": 50, "optimizer": keras.optimizers.Adam(0.01), **options}
    pretraining = LayerwisePretraining(data, **options)
    pretraining.pretrain(model)
    return pretraining


def values_of(model):
    """Return the model's weights by path."""
    return {weight.path: np.array(keras.ops.convert_to_numpy(weight)) for weight in model.weights}


def changed(before, after):
    """Return the names of the layers in which a bit has changed."""
    return {path.split("/")[0] for path in before if before[path].tobytes() != after[path].tobytes()}
