"""Small autoencoders and images for the tests of this room."""

import keras
import numpy as np
from keras import layers


def images(examples=20, shape=(4, 5, 1), seed=0):
    return np.random.default_rng(seed).random((examples, *shape)).astype("float32")


def dense_autoencoder(shape=(4, 5, 1), code=3, noise=0.0):
    inputs = keras.Input(shape)
    x = layers.GaussianNoise(noise)(layers.Flatten()(inputs))
    x = layers.Dense(9, activation="tanh", name="encoder_1")(x)
    x = layers.Dense(code, name="code")(x)
    x = layers.Dense(9, activation="tanh", name="decoder_1")(x)
    x = layers.Dense(int(np.prod(shape)), activation="sigmoid", name="output")(x)
    return keras.Model(inputs, layers.Reshape(shape, name="reconstruction")(x), name="small")


def convolutional_autoencoder():
    inputs = keras.Input((6, 6, 1))
    x = layers.Conv2D(3, 3, strides=2, padding="same", name="code")(inputs)
    return keras.Model(inputs, layers.Conv2DTranspose(1, 3, strides=2, padding="same")(x), name="convolutional")
