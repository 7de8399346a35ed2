"""What the tests of the analysis build their nets with."""

import keras


def stack(input_shape, *body):
    """Return a model of layers one after another."""
    x = inputs = keras.Input(input_shape, name="images")
    for layer in body:
        x = layer(x)
    return keras.Model(inputs, x, name="stack")
