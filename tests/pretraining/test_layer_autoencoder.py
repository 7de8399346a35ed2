"""The cross-entropy of a layer's reconstruction, against NumPy in float64."""

import numpy as np
import tensorflow as tf

from cnnzoo.pretraining.layer_autoencoder import cross_entropy_of_logits


def test_values_and_gradients_are_exact_also_near_0_and_1():
    rng = np.random.default_rng(0)
    logits = np.concatenate([rng.normal(0, 3, 500), [-90.0, -30.0, 0.0, 30.0, 90.0]]).astype("float32")
    targets = np.concatenate([rng.random(500), [0.0, 0.0, 1.0, 1.0, 1.0]]).astype("float32")
    x, t = logits.astype("float64"), targets.astype("float64")
    compiled = tf.function(cross_entropy_of_logits)
    for loss in (cross_entropy_of_logits, compiled):
        with tf.GradientTape() as tape:
            tape.watch(given := tf.constant(logits))
            values = loss(targets, given)
        np.testing.assert_allclose(values, np.logaddexp(0, x) - t * x, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(tape.gradient(values, given), 1 / (1 + np.exp(-x)) - t, rtol=1e-5, atol=1e-6)
