"""Logistic PCA against SciPy's optimum of the same loss; codes of few bits; and the comparison of codes."""

import keras
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

import cnnzoo
from benchmarks.reconstruction_codes import compare_codes, compare_reconstructions, logistic_pca, quantize
from cnnzoo.analysis import pca, squared_error
from cnnzoo.errors import InputError
from tests.analysis.reconstruction.autoencoders import dense_autoencoder, images

SIZE = 2


def cross_entropy(flat, outputs):
    """Return the sum over the pixels, mean over the images, for logits."""
    return float(np.mean(np.sum(np.logaddexp(0, outputs) - flat * outputs, axis=1)))


def optimum(flat):
    """Return the least cross-entropy of three starts, with gradients worked out by hand, in float64."""
    pixels = flat.shape[1]
    ends = np.cumsum([pixels * SIZE, SIZE, SIZE * pixels])

    def loss(values):
        kernel, offset, components, bias = np.split(values, ends)
        kernel, components = kernel.reshape(pixels, SIZE), components.reshape(SIZE, pixels)
        codes = flat @ kernel + offset
        outputs = codes @ components + bias
        error = (expit(outputs) - flat) / len(flat)
        back = error @ components.T
        parts = (flat.T @ back, back.sum(axis=0), codes.T @ error, error.sum(axis=0))
        return cross_entropy(flat, outputs), np.concatenate([part.ravel() for part in parts])

    generator = np.random.default_rng(0)
    starts = (generator.normal(scale=0.3, size=ends[-1] + pixels) for _ in range(3))
    return min(minimize(loss, start, jac=True, method="BFGS", options={"maxiter": 3000}).fun for start in starts)


def blobs(examples=200):
    """Return small gray images that two numbers explain well, but not wholly."""
    generator = np.random.default_rng(0)
    outputs = generator.normal(size=(examples, 2)) @ generator.normal(size=(2, 9)) * 1.5
    return expit(outputs + generator.normal(scale=0.7, size=outputs.shape)).reshape(examples, 3, 3, 1)


def test_logistic_pca_reaches_the_optimum_of_its_loss():
    train = blobs()
    fitted = logistic_pca(train, SIZE, epochs=60, batch_size=50)
    flat = train.reshape(len(train), -1)
    outputs = (flat @ fitted.kernel + fitted.offset) @ fitted.components + fitted.bias
    least = optimum(flat)
    assert least <= cross_entropy(flat, outputs) * (1 + 1e-6)
    assert cross_entropy(flat, outputs) == pytest.approx(least, rel=1e-3)
    np.testing.assert_allclose(fitted.reconstruct(train), expit(outputs).reshape(train.shape), atol=1e-5)


def test_reconstructions_are_pixels_and_better_than_the_principal_components():
    digits = cnnzoo.data.load("digits")
    train, test = digits.train.images, digits.test.images
    fitted = logistic_pca(train, 10)
    reconstructions = fitted.reconstruct(test)
    assert reconstructions.min() >= 0
    assert reconstructions.max() <= 1
    assert reconstructions.shape == test.shape
    assert squared_error(test, reconstructions) < squared_error(test, pca(train, 10).reconstruct(test))


def test_a_fit_depends_on_its_seed_and_not_on_the_state_of_keras():
    train = blobs(60)
    first = logistic_pca(train, SIZE, epochs=2, seed=3)
    keras.utils.set_random_seed(1)
    expected = keras.random.normal((3,))
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        second = logistic_pca(train, SIZE, epochs=2, seed=3)
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(first.kernel, second.kernel, rtol=1e-6)
    np.testing.assert_array_equal(keras.random.normal((3,)), expected)
    assert not np.allclose(logistic_pca(train, SIZE, epochs=2, seed=4, batch_size=7).kernel, first.kernel)


def test_a_pixel_that_is_always_black_stays_black():
    train = blobs(60)
    train[:, 0, 0] = 0
    fitted = logistic_pca(train, SIZE)
    assert np.isfinite(fitted.bias).all()
    assert fitted.reconstruct(train)[:, 0, 0].max() < 0.05


@pytest.mark.parametrize(
    ("train", "options", "words"),
    [
        (images(12), {"size": 13}, "`size` must be an integer from 1 to 12, for 12 images of 20 pixels. Received: 13"),
        (images(12) * 255, {"size": 2}, "`images` must be uint8, or floats from 0 to 1"),
        (images(12), {"size": 2, "epochs": 0}, "`epochs` must be a positive integer. Received: 0"),
        (images(12), {"size": 2, "batch_size": 0.5}, "`batch_size` must be a positive integer. Received: 0.5"),
    ],
)
def test_logistic_pca_refuses_bad_input(train, options, words):
    with pytest.raises(InputError, match=words):
        logistic_pca(train, **options)


def test_the_first_numbers_of_a_logistic_code_cannot_be_taken_alone():
    with pytest.raises(InputError, match="the numbers of logistic PCA are in no order: the first 1 cannot be taken"):
        logistic_pca(images(12), 2, epochs=1).first(1)


CODES = np.random.default_rng(0).normal(size=(30, 3)) * [1, 10, 0.01]
LIKE = np.random.default_rng(1).normal(size=(40, 3)) * [1, 10, 0.01]


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_each_number_becomes_the_nearest_of_evenly_spread_levels(bits):
    quantized = quantize(CODES, bits, like=LIKE)
    for number in range(3):
        levels = np.linspace(LIKE[:, number].min(), LIKE[:, number].max(), 2**bits)
        nearest = [min(levels, key=lambda level: abs(level - value)) for value in CODES[:, number]]
        np.testing.assert_allclose(quantized[:, number], nearest, rtol=1e-5, atol=1e-7)
        assert len(np.unique(quantized[:, number])) <= 2**bits
    assert quantized.dtype == "float32"


def test_32_bits_are_floats_as_they_are():
    np.testing.assert_array_equal(quantize(CODES, 32, like=LIKE), CODES.astype("float32"))


def test_16_bits_lose_no_more_than_half_a_step():
    half = np.ptp(CODES, axis=0) / (2**16 - 1) / 2
    assert (np.abs(quantize(CODES, 16) - CODES) <= half * 1.02).all()


def test_a_number_that_never_varies_stays():
    np.testing.assert_array_equal(quantize(np.full((4, 1), 0.7), 1), np.full((4, 1), 0.7, "float32"))


@pytest.mark.parametrize(
    ("codes", "bits", "like", "words"),
    [
        (CODES, 0, None, "`bits` must be an integer from 1 to 16, or 32 for floats. Received: 0"),
        (CODES, 17, None, "Received: 17"),
        (CODES, 8.0, None, "Received: 8.0"),
        (CODES, True, None, "Received: True"),
        (CODES[0], 8, None, r"`codes` must be an array \(examples, size\)\. Received the shape: \(3,\)"),
        (CODES * np.nan, 8, None, "`codes` must be finite. Received: nan"),
        (CODES, 8, LIKE[:, :2], "`like` must be codes of 3 numbers. Received codes of 2"),
        ("codes", 8, None, "`codes` must be an array of numbers. Received: 'codes'"),
    ],
)
def test_quantize_refuses_bad_input(codes, bits, like, words):
    with pytest.raises(InputError, match=words):
        quantize(codes, bits, like=like)


def test_rows_are_the_metrics_of_each_code():
    model, train, test = dense_autoencoder(), images(50), images(20, seed=1)
    rows = compare_reconstructions(model, train, test, logistic=True, bits=(32, 4)).rows
    assert [(row.name, row.bits) for row in rows] == [
        (name, bits) for name in ("small", "PCA", "logistic PCA") for bits in (32, 4)
    ]
    assert {row.code_size for row in rows} == {3}
    assert rows[0].squared_error == pytest.approx(squared_error(test, model.predict(test, verbose=0)), rel=1e-5)
    assert rows[0].mean_squared_error == pytest.approx(rows[0].squared_error / 20)
    assert rows[2].squared_error == pytest.approx(squared_error(test, pca(train, 3).reconstruct(test)))
    assert (rows[3].bits_per_image, rows[3].compression_ratio) == (12, pytest.approx(160 / 12))
    coder = pca(train, 3)
    kept = coder.decode(quantize(coder.encode(test), 4, like=coder.encode(train)))
    assert rows[3].squared_error == pytest.approx(squared_error(test, kept))


def test_markdown_has_a_line_for_each_row():
    train = images(50)
    lines = compare_codes([pca(train, 2), pca(train, 5)], train, train).to_markdown().splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    row = compare_codes([pca(train, 2)], train, train).rows[0]
    assert lines[2].startswith(f"| PCA | 2 | 32 | 64 | 2.50 | {row.squared_error:.3f} |")


def test_compare_reconstructions_refuses_bad_input():
    model = dense_autoencoder()
    with pytest.raises(InputError, match=r"model 'small' takes images of shape \(4, 5, 1\)\. Received: \(5, 4, 1\)"):
        compare_reconstructions(model, images(9, (5, 4, 1)), images(9, (5, 4, 1)))
    with pytest.raises(
        InputError,
        match=r"`train` and `test` must be images of one shape\. Received the shapes: \(4, 5, 1\) and \(5, 4, 1\)",
    ):
        compare_reconstructions(model, images(9), images(9, (5, 4, 1)))
    with pytest.raises(InputError, match=r"`bits` must be an integer from 1 to 16, or 32 for floats\. Received: 20"):
        compare_reconstructions(model, images(9), images(9), bits=20)
    with pytest.raises(InputError, match="`train` must be uint8, or floats from 0 to 1"):
        compare_reconstructions(model, images(9) * 3, images(9))


@pytest.mark.slow
def test_mnist_gives_less_than_the_paper_prints(tfds_folder):
    """The paper prints 8.01."""
    source = cnnzoo.data.load("mnist", data_dir=tfds_folder)
    reconstructions = logistic_pca(source.train.images, 30).reconstruct(source.test.images)
    assert 7.5 < squared_error(source.test.images, reconstructions) < 8.01
