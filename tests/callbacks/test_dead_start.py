"""A warning is printed for a net that has learned nothing, and for no other."""

import keras
import numpy as np

import cnnzoo
from cnnzoo.callbacks import DeadStart

IMAGES = np.random.default_rng(0).random((64, 32, 32, 1), "float32")
LABELS = np.arange(64) % 10


def warning_after(model, capsys, epochs=1, images=IMAGES, labels=LABELS):
    model.fit(images, labels, epochs=epochs, verbose=0, callbacks=[DeadStart()])
    return capsys.readouterr().err


def dead():
    """Return a net whose units are always 0: ReLU with large negative biases."""
    model = cnnzoo.lenet(activation="relu", compile=False)
    model.get_layer("F6").bias.assign(np.full(84, -100.0))
    model.get_layer("output").kernel.assign(np.zeros((84, 10)))
    model.compile(keras.optimizers.SGD(0.0), keras.losses.SparseCategoricalCrossentropy())
    return model


def test_a_dead_start_gets_a_warning_with_remedies(capsys):
    warning = warning_after(dead(), capsys)
    assert warning.startswith(
        "dead start: after epoch 1 the loss is 2.303, and guessing among 10 classes gives ln(10) = 2.303"
    )
    for remedy in ("warm-up", "learning_rate", "another seed", "initial_bias=0.1"):
        assert remedy in warning
    assert warning.count("\n") == 1


def test_the_warning_is_printed_once_per_fit(capsys):
    assert warning_after(dead(), capsys, epochs=3).count("dead start") == 1


def test_a_net_that_learns_gets_no_warning(capsys):
    model = cnnzoo.lenet(compile=False)
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    stripes = np.zeros((10, 32, 32, 1), "float32")
    for label in range(10):
        stripes[label, 3 * label : 3 * label + 3] = 1
    images = np.tile(stripes, (40, 1, 1, 1))
    assert warning_after(model, capsys, images=images, labels=np.tile(np.arange(10), 40)) == ""


def test_a_loss_that_falls_to_that_of_guessing_gets_a_warning(capsys):
    """Large first biases, AlexNet's case: the first epoch's mean is above ln(classes), the next ones stay at it."""
    callback = DeadStart()
    callback.set_model(dead())
    callback.on_train_begin()
    for epoch, loss in enumerate((2.6, 2.303, 2.303)):
        callback.on_epoch_end(epoch, {"loss": loss})
    assert capsys.readouterr().err.startswith("dead start: after epoch 2")


def test_a_net_with_several_outputs_gets_no_warning(capsys):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [keras.layers.Dense(3)(inputs), keras.layers.Dense(2)(inputs)])
    model.compile("sgd", ["mse", "mse"])
    model.fit(np.zeros((4, 4)), [np.zeros((4, 3)), np.zeros((4, 2))], verbose=0, callbacks=[DeadStart()])
    assert capsys.readouterr().err == ""


def test_another_loss_gets_no_warning(capsys):
    """A squared error may be ln(10) by chance."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(10, kernel_initializer="zeros")(inputs))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    targets = np.full((4, 10), np.log(10) ** 0.5, "float32")
    assert warning_after(model, capsys, images=np.zeros((4, 1)), labels=targets) == ""


def test_train_prints_the_warning(tfds_folder, tmp_path, capsys, train):
    """Two steps are too few to leave the start."""
    run = train(
        "cuda_convnet_cifar10", workdir=tmp_path / "run", data_dir=tfds_folder, epochs=1, train_examples=256, verbose=0
    )
    assert run.history_rows[0]["loss"] > 2.29
    assert "dead start: after epoch 1 the loss is 2.30" in capsys.readouterr().err
