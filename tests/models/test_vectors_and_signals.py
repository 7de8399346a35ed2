"""Autoencoders of vectors and signals: the same layers, standardized values, and messages for what is none."""

import keras
import numpy as np
import pytest

import cnnzoo

VECTORS, SIGNALS = (12,), (16, 3)
DENSE = ["autoencoder", "deep_autoencoder", "denoising_autoencoder", "variational_autoencoder"]
SMALL = {"units": (8,), "code": 3}
CASES = [
    *[(name, SMALL, shape) for name in DENSE for shape in (VECTORS, SIGNALS)],
    ("convolutional_autoencoder", {"maps": (4, 5), "code": 2}, SIGNALS),
    ("stacked_convolutional_autoencoder", {"maps": (4,), "code": 2}, SIGNALS),
    ("variational_autoencoder", SMALL | {"maps": (4,)}, SIGNALS),
]
every_case = pytest.mark.parametrize(("name", "options", "shape"), CASES, ids=str)


def values(shape, n=64):
    """Return standardized values on a plane, under little noise."""
    rng = np.random.default_rng(0)
    size = int(np.prod(shape))
    found = rng.normal(size=(n, 2)) @ rng.normal(size=(2, size)) + 0.05 * rng.normal(size=(n, size))
    return ((found - found.mean(axis=0)) / found.std(axis=0)).reshape(n, *shape).astype("float32")


@every_case
def test_it_learns_values_of_both_signs_and_any_size(name, options, shape):
    keras.utils.set_random_seed(0)
    model = cnnzoo.create(name, input_shape=shape, **options)
    x = values(shape)
    assert model.input_shape == model.output_shape == (None, *shape)
    first = model.evaluate(x, x, verbose=0, return_dict=True)["squared_error"]
    model.optimizer.learning_rate = 0.01
    model.fit(np.tile(x, (60, *[1] * len(shape))), np.tile(x, (60, *[1] * len(shape))), verbose=0)
    last = model.evaluate(x, x, verbose=0, return_dict=True)["squared_error"]
    assert last < 0.8 * first
    assert model.predict(x, verbose=0).min() < -0.5  # no sigmoid


@every_case
def test_halves_and_files_are_those_of_the_model(name, options, shape, tmp_path):
    model = cnnzoo.create(name, input_shape=shape, **options)
    x = values(shape, 5)
    codes = cnnzoo.encoder(model).predict(x, verbose=0)
    np.testing.assert_allclose(cnnzoo.decoder(model).predict(codes, verbose=0), model.predict(x, verbose=0), atol=1e-6)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_loss_is_the_squared_error_and_its_metric_the_sum_over_the_columns():
    model, x = cnnzoo.autoencoder(input_shape=VECTORS, **SMALL), values(VECTORS)
    loss, error = model.evaluate(x, x, verbose=0)
    assert loss == pytest.approx(np.square(x - model.predict(x, verbose=0)).mean(), rel=1e-5)
    assert error == pytest.approx(12 * loss, rel=1e-5)


def test_convolutions_of_signals_slide_over_their_steps():
    model = cnnzoo.stacked_convolutional_autoencoder(input_shape=(19, 2), maps=(4, 5), code=3)
    assert model.get_layer("code").output.shape == (None, 3, 3)  # 19, 10, 5, 3
    assert model.output_shape == (None, 19, 2)
    window = 4
    encoder = window * (2 * 4 + 4 * 5 + 5 * 3) + 4 + 5 + 3
    assert model.count_params() == encoder + window * (3 * 5 + 5 * 4 + 4 * 2) + 5 + 4 + 2


@pytest.mark.parametrize("name", DENSE)
def test_values_that_are_not_finite_are_refused_with_their_columns(name):
    model, x = cnnzoo.create(name, input_shape=VECTORS, **SMALL), values(VECTORS)
    x[3, 5], x[7, 11] = np.nan, np.inf
    for call in (model.predict, lambda x: model.fit(x, x), lambda x: model.evaluate(x, x)):
        with pytest.raises(cnnzoo.InputError, match="2 values are NaN or infinite, in the columns 5, 11"):
            call(x)


def test_columns_that_are_not_standardized_are_said_once():
    model, x = cnnzoo.autoencoder(input_shape=VECTORS, **SMALL), values(VECTORS)
    x[:, 4] *= 1000
    with pytest.warns(UserWarning, match=r"standard deviations from 1 to 1e\+03: the largest alone will count"):
        model.fit(x, x, verbose=0)
    model.predict(x, verbose=0)  # warnings are errors


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cnnzoo.autoencoder(input_shape=(2, 2, 2, 2)), r"\(columns,\). Received: \(2, 2, 2, 2\)"),
        (lambda: cnnzoo.autoencoder(input_shape=(0,)), r"one positive integer \(columns,\). Received: \(0,\)"),
        (
            lambda: cnnzoo.stacked_convolutional_autoencoder(input_shape=(30,)),
            r"two positive integers \(steps, channels\)",
        ),
        (lambda: cnnzoo.stacked_convolutional_autoencoder(input_shape=(7, 2)), "needs at least 8 steps. Received: 7"),
        (
            lambda: cnnzoo.stacked_convolutional_autoencoder(input_shape=SIGNALS, tied=True),
            "`tied` must be False for signals",
        ),
        (lambda: cnnzoo.variational_autoencoder(input_shape=VECTORS, maps=(4,)), "`maps` must be empty for vectors"),
        (lambda: cnnzoo.lenet(input_shape=(30,)), "three positive integers"),
    ],
)
def test_what_fits_no_kind_is_refused(call, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        call()
