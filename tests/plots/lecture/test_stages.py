"""Pretraining as stages, and the size of gradients against TensorFlow's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import plots


def test_each_stage_has_its_layers_and_its_decoder(texts, legible):
    picture = plots.pretraining_stages((784, 500, 250, 10))
    legible(picture)
    shown = texts(picture)
    assert [shown.count(str(size)) for size in (784, 500, 250, 10)] == [3 + 1, 3 + 1, 2, 1]
    decoders = [patch for patch in picture.axes[0].patches if patch.get_gid() == "decoder"]
    assert len(decoders) == 2
    assert {"stage 1: layer 1", "stage 2: layer 2", "stage 3: the whole net", "labels"} <= set(shown)
    assert picture.alternative.endswith("Stage 3: the whole net, 784-500-250-10, learns from labels.")


@pytest.mark.parametrize("sizes", [(2, 1, 2), (784, 1000, 500, 250, 30, 20, 10)])
def test_small_and_deep_nets_are_legible(sizes, legible):
    legible(plots.pretraining_stages(sizes))


def net(activation, deviation):
    keras.utils.set_random_seed(3)
    initial = keras.initializers.RandomNormal(0, deviation, seed=1)
    hidden = [keras.layers.Dense(20, activation, kernel_initializer=initial) for _ in range(4)]
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), *hidden, keras.layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(("activation", "deviation"), [("sigmoid", 0.05), ("relu", 0.4)])
def test_gradients_are_tensorflows_and_the_model_stays_as_it_is(activation, deviation):
    model = net(activation, deviation)
    weights = model.get_weights()
    images, labels = np.random.default_rng(0).random((16, 4, 4, 1)).astype("float32"), np.arange(16) % 3
    figure = plots.gradients_by_layer({"net": model}, images, labels)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, model(images, training=True)))
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
    gradients = tape.gradient(loss, [kernel.value for kernel in kernels])
    expected = [float(np.sqrt(np.square(each.numpy().astype("float64")).mean())) for each in gradients]
    assert figure.axes[0].lines[0].get_ydata() == pytest.approx(expected, rel=1e-3)
    assert all((one == other).all() for one, other in zip(weights, model.get_weights(), strict=True))
    assert figure.axes[0].get_yscale() == "log"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: plots.pretraining_stages((784, 10)), "`sizes` must be units of 3 to 7 layers"),
        (lambda: plots.gradients_by_layer({}, None, None), "`models` must be a mapping from titles to Keras models"),
        (
            lambda: plots.gradients_by_layer({"a": cnnzoo.mlp(compile=False)}, np.zeros((1, 28, 28, 1)), [0]),
            "mlp must be compiled with a loss",
        ),
        (lambda: plots.gradients_by_layer({"a": cnnzoo.mlp()}, np.zeros((1, 9, 9, 1)), [0]), "`images` for mlp"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        call()
    assert words in str(caught.value)
