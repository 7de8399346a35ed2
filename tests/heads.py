"""Nets of 8×8 pixels with every kind of head, and what is to be served of them."""

import keras
from keras import layers, losses, ops

import cnnzoo
from cnnzoo.layers import RadialBasis


def net(head, loss=None, shape=(8, 8, 1)):
    """Return a net of a hidden layer and a head, which takes a tensor; compiled if there is a loss."""
    image = keras.Input(shape, name="images")
    model = keras.Model(image, head(layers.Dense(6, "tanh")(layers.Flatten()(image))), name="net")
    if loss is not None:
        model.compile("sgd", loss)
    return model


def dense(units, activation=None):
    return layers.Dense(units, activation, kernel_initializer=keras.initializers.RandomNormal(stddev=2.0))


def averaged(activation, units):
    return lambda x: layers.Average()([dense(units, activation)(x), dense(units, activation)(x)])


def inside(model, *outer):
    """Return a net that has preprocessing before a model, and layers after it."""
    image = keras.Input(model.input_shape[1:])
    x = model(layers.Rescaling(0.5)(image))
    for layer in outer:
        x = layer(x)
    return keras.Model(image, x, name="outer")


def maps_to_probabilities(x):
    kernel = keras.initializers.RandomNormal(stddev=2.0)
    maps = layers.Conv2D(3, 2, activation="softmax", kernel_initializer=kernel)(layers.Reshape((2, 3, 1))(x))
    return layers.GlobalAveragePooling2D()(maps)


CATEGORICAL = losses.SparseCategoricalCrossentropy(from_logits=True)
BINARY = losses.BinaryCrossentropy(from_logits=True)

# Name → the net, the output that is served, and what makes it of the net's own outputs.
HEADS = {
    "a softmax": (lambda: net(dense(3, "softmax")), "probabilities", None),
    "a softmax as an operation": (lambda: net(lambda x: ops.softmax(dense(3)(x))), "probabilities", None),
    "a softmax with a temperature": (lambda: net(lambda x: ops.softmax(dense(3)(x) * 5)), "probabilities", None),
    "a softmax as a function": (lambda: net(lambda x: keras.activations.softmax(dense(3)(x))), "probabilities", None),
    "a softmax as a layer": (lambda: net(lambda x: layers.Softmax()(dense(3)(x))), "probabilities", None),
    "an activation": (lambda: net(lambda x: layers.Activation("softmax")(dense(3)(x))), "probabilities", None),
    "Dropout": (lambda: net(lambda x: layers.Dropout(0.5)(dense(3, "softmax")(x))), "probabilities", None),
    "Reshape": (
        lambda: net(lambda x: layers.Flatten()(layers.Reshape((1, 1, 3))(dense(3, "softmax")(x)))),
        "probabilities",
        None,
    ),
    "a mean of two softmaxes": (lambda: net(averaged("softmax", 3)), "probabilities", None),
    "a mean over positions": (lambda: net(maps_to_probabilities), "probabilities", None),
    "logits by their loss": (lambda: net(dense(3), CATEGORICAL), "probabilities", "softmax"),
    "logits over a temperature": (lambda: net(lambda x: dense(3)(x) / 2, CATEGORICAL), "probabilities", "softmax"),
    "log-probabilities": (lambda: net(lambda x: ops.log_softmax(dense(3)(x))), "probabilities", "softmax"),
    "penalties": (lambda: net(RadialBasis(3, negate=True)), "probabilities", "softmax"),
    "one sigmoid": (lambda: net(dense(1, "sigmoid")), "score", None),
    "one sigmoid as an operation": (lambda: net(lambda x: ops.sigmoid(dense(1)(x))), "score", None),
    "one logit by its loss": (lambda: net(dense(1), BINARY), "score", "sigmoid"),
    "several sigmoids": (lambda: net(dense(4, "sigmoid")), "labels", None),
    "several sigmoids as an operation": (lambda: net(lambda x: ops.sigmoid(dense(4)(x))), "labels", None),
    "sigmoids joined": (
        lambda: net(lambda x: layers.Concatenate()([dense(1, "sigmoid")(x), dense(1, "sigmoid")(x)])),
        "labels",
        None,
    ),
    "several logits by their loss": (lambda: net(dense(4), BINARY), "labels", "sigmoid"),
    "a regression": (lambda: net(dense(1), "mse"), "values", None),
    "a regression of several numbers": (lambda: net(dense(3), losses.Huber()), "values", None),
    "a regression above zero": (lambda: net(dense(1, "relu"), "mean_absolute_error"), "values", None),
    "large numbers": (lambda: net(lambda x: dense(2)(x) * 1e5, "mse"), "values", None),
    "a model inside": (lambda: inside(net(dense(3, "softmax"))), "probabilities", None),
    "logits of a model inside": (lambda: inside(net(dense(3), CATEGORICAL)), "probabilities", "softmax"),
    "a softmax after a model inside": (
        lambda: inside(net(dense(3), CATEGORICAL), layers.Softmax()),
        "probabilities",
        None,
    ),
    "a model inside of a model": (
        lambda: inside(inside(net(dense(1, "sigmoid"))), layers.Dropout(0.5), layers.Flatten()),
        "score",
        None,
    ),
    "a Sequential model": (
        lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), dense(3, "softmax")]),
        "probabilities",
        None,
    ),
    "one output in a list": (lambda: net(lambda x: [dense(3, "softmax")(x)]), "probabilities", None),
    "squashed units": (lambda: net(dense(3, cnnzoo.layers.scaled_tanh)), "probabilities", "softmax"),
    "targets of ±1": (lambda: net(dense(3), cnnzoo.losses.SparseMeanSquaredError()), "probabilities", "softmax"),
    "the bitmaps of LeNet-5": (lambda: cnnzoo.lenet5(weights="mnist"), "probabilities", "softmax"),
}
