"""Helpers of the layers' tests: a layer's outputs and gradients, random numbers, and saving."""

import keras
import numpy as np
import tensorflow as tf

TOLERANCE = {"float32": 1e-5, "float64": 1e-7}  # of the largest value


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def with_weights(layer, shape, seed=1):
    """Build a layer for inputs of `shape` and give it random weights."""
    layer.build((None, *shape[1:]))
    layer.set_weights([random(*weight.shape, seed=seed + number) for number, weight in enumerate(layer.weights)])
    return layer


def outputs_and_gradients(layer, images, upstream=None):
    """Return outputs, and the gradients of `(outputs · upstream).sum()` for the images and each weight."""
    images = tf.constant(images, layer.compute_dtype)
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images)
        total = tf.reduce_sum(outputs if upstream is None else outputs * tf.constant(upstream, outputs.dtype))
    weights = [weight.value for weight in layer.trainable_weights]
    assert tuple(outputs.shape) == tuple(layer.compute_output_shape(images.shape))
    return outputs.numpy(), [gradient.numpy() for gradient in tape.gradient(total, [images, *weights])]


def saved_and_loaded_equally(layer, images, folder):
    """Return whether a model of the layer computes the same after it is saved and loaded."""
    model = keras.Sequential([keras.Input(images.shape[1:]), layer])
    model.save(folder / "model.keras")
    again = keras.models.load_model(folder / "model.keras")
    remade = type(layer).from_config(layer.get_config())
    same_config = again.layers[0].get_config() == remade.get_config() == layer.get_config()
    return same_config and np.array_equal(model(images), again(images))


def graph_nodes(model):
    """Return how many calls Keras keeps of each layer, and the ids of the outputs."""
    counts = {}
    for layer in model.operations:
        counts[layer.name] = (len(layer._inbound_nodes), len(layer._outbound_nodes), id(layer.output))
        if isinstance(layer, keras.Model):
            counts |= {f"{layer.name}/{name}": value for name, value in graph_nodes(layer).items()}
    return counts
