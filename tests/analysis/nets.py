"""Small nets that the tests of the analysis share."""

import keras
from keras import layers


def stack(input_shape, *body):
    """Return a model of layers one after another."""
    x = inputs = keras.Input(input_shape, name="images")
    for layer in body:
        x = layer(x)
    return keras.Model(inputs, x, name="stack")


def alexnet(side=227, padding=0):
    """AlexNet of 2012 in plain Keras layers, its two columns as groups. Zeros as weights: they are quick to make."""

    def conv(maps, size, name, **options):
        return layers.Conv2D(maps, size, activation="relu", kernel_initializer="zeros", name=name, **options)

    def dense(units, name):
        return layers.Dense(units, kernel_initializer="zeros", name=name)

    return stack(
        (side, side, 3),
        layers.ZeroPadding2D(padding, name="pad"),
        conv(96, 11, "conv1", strides=4),
        layers.MaxPooling2D(3, 2, name="pool1"),
        conv(256, 5, "conv2", padding="same", groups=2),
        layers.MaxPooling2D(3, 2, name="pool2"),
        conv(384, 3, "conv3", padding="same"),
        conv(384, 3, "conv4", padding="same", groups=2),
        conv(256, 3, "conv5", padding="same", groups=2),
        layers.MaxPooling2D(3, 2, name="pool5"),
        layers.Flatten(name="flatten"),
        dense(4096, "fc6"),
        dense(4096, "fc7"),
        dense(1000, "fc8"),
    )
