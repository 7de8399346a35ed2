"""Results computed anew, by NumPy from a model's outputs or by TensorFlow without cnnzoo, to hold others against."""

import functools
import io

import numpy as np
import tensorflow as tf
from PIL import Image

import cnnzoo

source = functools.cache(cnnzoo.data.load)


def softmax(logits):
    powers = np.exp(np.float64(logits) - np.max(logits, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def accuracy(model, images, labels):
    """Return how many of the images a classifier gives their own labels, as a fraction."""
    return float(np.mean(np.argmax(model.predict(images, verbose=0), axis=-1) == labels))


def cross_entropy(probabilities, labels):
    return float(-np.log(np.float64(probabilities)[np.arange(len(labels)), labels]).mean())


def lenet_input(images):
    return np.asarray(cnnzoo.models.lenet.preprocess_input(images, (32, 32, 1)))


def predictions_of(folder):
    """Return what the LeNet of a run predicts for the test images that it was evaluated on, and their labels."""
    run = cnnzoo.Run(folder)
    test = source(run.recipe.data).test[: run.metrics["test_examples"]]
    return run.model().predict(lenet_input(test.images), verbose=0), test.labels


def signature(version, name="serving_default"):
    """Return a signature of an exported version, loaded by TensorFlow alone, as a function of one argument."""
    loaded = tf.saved_model.load(str(version))
    serve = loaded.signatures[name]
    [argument] = serve.structured_input_signature[1]

    def call(values):
        _ = loaded  # which the signature needs, and does not hold
        return {key: value.numpy() for key, value in serve(**{argument: tf.constant(values)}).items()}

    return call


def png(image):
    """Return a gray image as a PNG file that Pillow writes."""
    file = io.BytesIO()
    Image.fromarray(image[..., 0]).save(file, "PNG")
    return file.getvalue()
