"""The squared error per image against its formula."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.metrics import SquaredError


def pairs(count=10, shape=(5, 4, 3)):
    rng = np.random.default_rng(0)
    return rng.random((2, count, *shape)).astype("float32")


def test_it_is_the_mean_over_images_of_the_sum_over_pixels():
    images, reconstructions = pairs()
    expected = ((images.astype("float64") - reconstructions) ** 2).sum(axis=(1, 2, 3)).mean()
    metric = SquaredError()
    for part in (slice(0, 7), slice(7, 10)):  # batches of different sizes weigh as much as they hold
        metric.update_state(images[part], reconstructions[part])
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)


def test_it_accepts_flat_pixels_integers_and_sample_weights():
    images, reconstructions = pairs(shape=(6,))
    weights = np.arange(10.0)
    errors = ((images.round().astype("float64") - reconstructions) ** 2).sum(axis=1)
    metric = SquaredError()
    metric.update_state(images.round().astype("uint8"), reconstructions, sample_weight=weights)
    assert float(metric.result()) == pytest.approx((errors * weights).sum() / weights.sum(), rel=1e-6)


def test_it_can_be_rebuilt_from_its_configuration():
    metric = SquaredError(name="error")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(again) is SquaredError
    assert again.name == "error"


def test_other_shapes_raise():
    with pytest.raises(cnnzoo.InputError, match=r"of the same shape\. Received: \(2, 16\) and \(2, 4, 4, 1\)"):
        SquaredError().update_state(np.zeros((2, 16)), np.zeros((2, 4, 4, 1)))


SIDE = 6
WEIGHTS = {
    "a number": (),
    "one each image": (SIDE,),
    "a column": (SIDE, 1),
    "one each pixel": (SIDE, SIDE, SIDE),
    "one each pixel, with its channel": (SIDE, SIDE, SIDE, 1),
    "one each row": (SIDE, SIDE, 1),
    "one each pixel of all images": (1, SIDE, SIDE),
}


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("shape", WEIGHTS.values(), ids=WEIGHTS)
def test_weights_are_those_of_keras_mean_squared_error(shape, in_graph):
    """As many images as rows: laid on the wrong axis, weights would fit."""
    images, reconstructions = pairs(SIDE, (SIDE, SIDE, 2))
    weights = np.asarray(np.random.default_rng(0).random(shape), "float32")
    ours, theirs = SquaredError(), keras.metrics.MeanSquaredError()
    (tf.function(ours.update_state) if in_graph else ours.update_state)(images, reconstructions, weights)
    squares = ((images.astype("float64") - reconstructions) ** 2).sum(axis=-1)
    rows = np.broadcast_to(weights.reshape(shape[:3] + (1,) * (3 - len(shape))), squares.shape)
    assert float(ours.result()) == pytest.approx((squares * rows).sum() / rows.mean() / SIDE, rel=1e-5)
    if shape != (SIDE, 1):  # which Keras lays on the columns of pixels
        theirs.update_state(images, reconstructions, weights)
        assert float(ours.result()) == pytest.approx(float(theirs.result()) * images[0].size, rel=1e-5)


def test_weights_of_other_shapes_raise():
    images, reconstructions = pairs(SIDE, (SIDE, SIDE, 2))
    for shape in ((SIDE, SIDE), (SIDE, SIDE, SIDE, 2), (3,)):
        with pytest.raises(
            cnnzoo.InputError, match=r"`sample_weight` must have the shape \(batch,\) or \(batch, 6, 6\)"
        ):
            SquaredError().update_state(images, reconstructions, np.ones(shape))


def test_images_without_their_single_channel_are_those_with_it():
    images, reconstructions = pairs(SIDE, (SIDE, SIDE, 1))
    for one, other in ((images[..., 0], reconstructions), (images, reconstructions[..., 0])):
        metric = SquaredError()
        metric.update_state(one, other)
        assert float(metric.result()) == pytest.approx(((images - reconstructions) ** 2).sum() / SIDE, rel=1e-6)


@pytest.mark.parametrize(
    "callback",
    [
        lambda folder: keras.callbacks.EarlyStopping("val_squared_error", patience=0),
        lambda folder: keras.callbacks.ModelCheckpoint(folder / "best.keras", "val_squared_error", save_best_only=True),
        lambda folder: keras.callbacks.ReduceLROnPlateau("val_squared_error", patience=1, factor=0.5),
    ],
)
def test_keras_callbacks_know_that_it_is_to_fall(tmp_path, callback):
    """The weights that each epoch begins with are further from the identity."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.01), "mse", metrics=[SquaredError()])
    values, given = np.ones((4, 3)), callback(tmp_path)
    rising = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: model.set_weights([np.eye(3) * -epoch, np.zeros(3)])
    )
    history = model.fit(
        values, values, validation_data=(values, values), epochs=3, verbose=0, callbacks=[rising, given]
    ).history
    assert sorted(history["val_squared_error"]) == history["val_squared_error"]
    if isinstance(given, keras.callbacks.EarlyStopping):
        assert given.stopped_epoch == 1
    elif isinstance(given, keras.callbacks.ModelCheckpoint):
        kernel, _ = keras.models.load_model(tmp_path / "best.keras").get_weights()
        assert kernel[0, 0] > -0.5  # of the first epoch
    else:
        assert float(model.optimizer.learning_rate) == pytest.approx(0.0025)
