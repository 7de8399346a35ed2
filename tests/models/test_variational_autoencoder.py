"""The variational autoencoder, against a linear Gaussian model whose bounds are known, and NumPy in float64."""

import keras
import numpy as np
import pytest
from scipy import special

import cnnzoo
from cnnzoo.errors import InputError
from cnnzoo.layers import GaussianCode, GaussianScale
from cnnzoo.losses import EvidenceLowerBound
from cnnzoo.models.variational_model import VariationalAutoencoder

rng = np.random.default_rng(0)
BINARY = rng.integers(0, 2, (32, 9, 8, 1)).astype("float32")
SMALL = {"input_shape": (9, 8, 1), "units": (12,), "code": 4}

# z ~ N(0, 1), x | z ~ N(2z + 0.5, 0.7²), x = 1.3
X, LOG_LIKELIHOOD = 1.3, -1.741134371832
POSTERIOR = (0.356347438753, 0.109131403118)
OTHER, ELBO, GAP = (0.2, 0.3), -2.222005093470, 0.480870721637


def linear_gaussian(mean, variance, **options):
    """Return the model whose code has one distribution for every image."""
    model = cnnzoo.variational_autoencoder(input_shape=(1, 1, 1), units=(), code=1, decoder="gaussian", **options)
    zero = np.zeros((1, 1))
    model.get_layer("code").set_weights([zero, np.array([mean]), zero, np.log([variance])])
    model.get_layer("output").set_weights([np.array([[2.0]]), np.array([0.5])])
    model.get_layer("scale").set_weights([np.log(0.7)])
    return model


def bound_of(model, images):
    """Return minus the loss of an evaluation of images that are all the same: a mean over as many draws."""
    return -model.evaluate(images, images, batch_size=len(images), verbose=0, return_dict=True)["loss"]


IMAGES = np.full((20_000, 1, 1, 1), X, "float32")


@pytest.mark.filterwarnings("ignore:.*is given images of")
@pytest.mark.parametrize("samples", [2, 5, 50])
def test_with_the_posterior_every_bound_is_the_likelihood(samples):
    model = linear_gaussian(*POSTERIOR, samples=samples)
    assert bound_of(model, IMAGES[:100]) == pytest.approx(LOG_LIKELIHOOD, abs=1e-5)


@pytest.mark.filterwarnings("ignore:.*is given images of")
@pytest.mark.parametrize(("samples", "expected", "deviation"), [(1, ELBO, 1.0), (5, -1.7833, 0.3), (50, -1.7446, 0.1)])
def test_with_another_distribution_a_bound_has_its_value(samples, expected, deviation):
    model = linear_gaussian(*OTHER, samples=samples)
    # Within four standard errors of the mean over the draws, and the error of the published value.
    assert bound_of(model, IMAGES) == pytest.approx(expected, abs=4 * deviation / np.sqrt(len(IMAGES)) + 0.0007)


def test_gap_of_the_bound_is_the_divergence_from_the_posterior():
    (mean, variance), (true_mean, true_variance) = OTHER, POSTERIOR
    gap = (np.log(true_variance / variance) + (variance + (mean - true_mean) ** 2) / true_variance - 1) / 2
    assert gap == pytest.approx(GAP, abs=1e-9)
    assert pytest.approx(ELBO, abs=1e-9) == LOG_LIKELIHOOD - gap


def bernoulli(images, logits):
    return (images * logits - np.logaddexp(0, logits)).sum(axis=(-3, -2, -1))


def parts_in_numpy(model, images):
    """Return mean and log-variance of the code, and a decoder from codes to logits, in float64."""
    weights = {weight.path: np.asarray(weight, "float64") for weight in model.weights}

    def dense(x, name, kernel="kernel", bias="bias"):
        return x @ weights[f"{name}/{kernel}"] + weights[f"{name}/{bias}"]

    hidden = np.tanh(dense(images.reshape(len(images), -1).astype("float64"), "encoder_1"))
    mean, log_variance = dense(hidden, "code"), dense(hidden, "code", "log_variance_kernel", "log_variance_bias")

    def logits(codes):
        return dense(np.tanh(dense(codes, "decoder_1")), "output").reshape(*codes.shape[:-1], *images.shape[1:])

    return mean, log_variance, logits


@pytest.mark.parametrize("samples", [1, 3])
def test_loss_is_the_bound_in_numpy(samples):
    model = cnnzoo.variational_autoencoder(**SMALL, samples=samples)
    mean, log_variance, logits = parts_in_numpy(model, BINARY)
    noise = np.asarray(keras.random.normal((samples, *mean.shape), seed=0), "float64")  # the draws of an evaluation
    codes = mean + np.exp(log_variance / 2) * noise
    likelihoods = bernoulli(BINARY, logits(codes))
    kl = (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(-1) / 2
    if samples == 1:
        expected = (kl - likelihoods[0]).mean()
    else:
        log_prior = -(codes**2).sum(-1) / 2
        log_posterior = -(noise**2 + log_variance).sum(-1) / 2
        weights = likelihoods + log_prior - log_posterior
        expected = -(special.logsumexp(weights, axis=0) - np.log(samples)).mean()
    found = model.evaluate(BINARY, BINARY, batch_size=32, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    assert found["kl"] == pytest.approx(kl.mean(), rel=1e-5)
    assert found["reconstruction"] == pytest.approx(-likelihoods.mean(), rel=1e-5)
    errors = np.square(BINARY - special.expit(logits(mean))).reshape(32, -1).sum(axis=1)
    assert found["squared_error"] == pytest.approx(errors.mean(), rel=1e-5)


def test_prediction_is_that_of_the_mean_code_and_halves_are_the_model():
    model = cnnzoo.variational_autoencoder(**SMALL)
    mean, _, logits = parts_in_numpy(model, BINARY)
    np.testing.assert_allclose(model.predict(BINARY, verbose=0), special.expit(logits(mean)), atol=1e-6)
    codes = cnnzoo.encoder(model).predict(BINARY, verbose=0)
    np.testing.assert_allclose(codes, mean, atol=1e-5)
    np.testing.assert_allclose(cnnzoo.decoder(model).predict(codes, verbose=0), special.expit(logits(mean)), atol=1e-6)


def test_gradient_of_several_samples_weighs_them_by_their_importance():
    model = cnnzoo.variational_autoencoder(**SMALL, samples=4)
    images = keras.ops.convert_to_tensor(BINARY)
    mean, log_variance = model.distribution(images)
    noise = keras.random.normal((4, *mean.shape), seed=3)
    bias = model.get_layer("output").bias

    import tensorflow as tf

    def log_weights():
        codes = mean + tf.exp(log_variance / 2) * noise
        return model.log_weights(images, (mean, log_variance), codes)

    with tf.GradientTape(persistent=True) as tape:
        weights = log_weights()
        bound = tf.reduce_sum(tf.reduce_logsumexp(weights, axis=0))
        each = [tf.reduce_sum(tf.stop_gradient(tf.nn.softmax(weights, axis=0))[i] * weights[i]) for i in range(4)]
    expected = sum(np.asarray(tape.gradient(one, bias), "float64") for one in each)
    np.testing.assert_allclose(tape.gradient(bound, bias), expected, rtol=1e-4, atol=1e-4)


def test_it_has_the_parameters_of_the_papers():
    assert cnnzoo.variational_autoencoder().count_params() == 425_284  # Burda et al.: 784-200-200-50
    for code, parameters in {10: 800_804, 20: 815_824}.items():  # Kingma and Welling
        assert cnnzoo.variational_autoencoder(units=(500,), code=code).count_params() == parameters


def test_it_learns_and_says_both_parts():
    keras.utils.set_random_seed(0)
    digits = cnnzoo.data.load("digits", binarize="fixed").train.images.astype("float32") / 255
    model = cnnzoo.variational_autoencoder(input_shape=(8, 8, 1), units=(64,), code=8)
    history = model.fit(digits, digits, epochs=8, batch_size=64, verbose=0).history
    assert set(history) == {"loss", "reconstruction", "kl"}
    np.testing.assert_allclose(history["loss"], np.add(history["reconstruction"], history["kl"]), rtol=1e-5)
    assert history["loss"][-1] < 0.75 * history["loss"][0]
    assert history["kl"][-1] > 1


def test_draws_of_an_evaluation_are_the_same_at_each_time_and_those_of_training_are_not():
    model = cnnzoo.variational_autoencoder(**SMALL)
    first, second = (model.evaluate(BINARY, BINARY, verbose=0) for _ in range(2))
    assert first == second
    assert np.any(np.asarray(model(BINARY, training=True)) != np.asarray(model(BINARY, training=True)))


def test_weight_of_the_divergence_rises_over_the_first_epochs_and_history_has_it():
    model = cnnzoo.variational_autoencoder(**SMALL, beta=2.0, warmup=4)
    model.optimizer.learning_rate = 0.0
    history = model.fit(BINARY, BINARY, epochs=6, batch_size=32, verbose=0, validation_data=(BINARY, BINARY)).history
    assert history["beta"] == [0, 0.5, 1, 1.5, 2, 2]
    expected = np.add(history["reconstruction"], np.multiply(history["beta"], history["kl"]))
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)
    whole = np.add(history["val_reconstruction"], np.multiply(2, history["val_kl"]))  # validation has the whole weight
    np.testing.assert_allclose(history["val_loss"], whole, rtol=1e-5)


@pytest.mark.parametrize("options", [{}, {"decoder": "gaussian"}, {"maps": (4, 6)}, {"samples": 3}, {"beta": 4.0}])
def test_saved_cloned_and_loaded_it_is_the_same_model(options, tmp_path):
    model = cnnzoo.variational_autoencoder(**SMALL, **options)
    model.fit(BINARY, BINARY, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    expected = model.evaluate(BINARY, BINARY, verbose=0)
    for other in (loaded, clone):
        assert type(other) is VariationalAutoencoder
        assert other.evaluate(BINARY, BINARY, verbose=0) == pytest.approx(expected, rel=1e-6)
        np.testing.assert_array_equal(other.predict(BINARY, verbose=0), model.predict(BINARY, verbose=0))


def test_convolutional_code_has_the_layers_of_keras_example():
    model = cnnzoo.variational_autoencoder(maps=(32, 64), units=(16,), code=2, activation="relu")
    assert model.get_layer("maps_2").output.shape == (None, 7, 7, 64)
    assert model.get_layer("code").output.shape == (None, 2)
    assert model.output_shape == (None, 28, 28, 1)
    window = 4 * 4
    convolutions = (window * 1 + 1) * 32 + (window * 32 + 1) * 64
    dense = (3136 + 1) * 16 + 2 * (16 + 1) * 2 + (2 + 1) * 16 + (16 + 1) * 3136
    assert model.count_params() == convolutions + dense + (window * 64 + 1) * 32 + (window * 32 + 1)
    assert cnnzoo.variational_autoencoder(input_shape=(9, 7, 3), maps=(4, 6)).output_shape == (None, 9, 7, 3)


def test_sample_decodes_draws_from_the_prior():
    model = linear_gaussian(*POSTERIOR)
    images = cnnzoo.sample(model, 4000, seed=1)
    assert images.shape == (4000, 1, 1, 1)
    assert images.mean() == pytest.approx(0.5, abs=4 * 2 / np.sqrt(4000))  # means 2z + 0.5
    assert images.std() == pytest.approx(2, rel=0.05)
    np.testing.assert_array_equal(cnnzoo.sample(model, 3, seed=1), images[:3])
    assert np.any(cnnzoo.sample(model, 3, seed=2) != images[:3])


def fitted_on(loss):
    model = cnnzoo.variational_autoencoder(**SMALL)
    model.compile("adam", loss)
    model.fit(BINARY, BINARY, verbose=0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cnnzoo.variational_autoencoder(samples=0), "`samples` must be a positive integer. Received: 0"),
        (lambda: cnnzoo.variational_autoencoder(beta=-1), "`beta` must be a number of at least 0. Received: -1"),
        (lambda: cnnzoo.variational_autoencoder(samples=2, beta=4), "`samples` above 1 needs beta=1"),
        (lambda: cnnzoo.variational_autoencoder(samples=2, warmup=3), "`samples` above 1 needs beta=1"),
        (lambda: cnnzoo.variational_autoencoder(decoder="poisson"), "poisson"),
        (lambda: cnnzoo.variational_autoencoder(code=0), "`code` must be a positive integer. Received: 0"),
        (lambda: cnnzoo.sample(cnnzoo.lenet()), "only the codes of a variational_autoencoder .* Received: lenet"),
        (lambda: cnnzoo.sample(cnnzoo.autoencoder()), "only the codes of a variational_autoencoder"),
        (lambda: cnnzoo.sample(cnnzoo.variational_autoencoder(**SMALL), 0), "`n` must be a positive integer"),
        (lambda: cnnzoo.decoder(cnnzoo.lenet()), "lenet has no decoder"),
        (lambda: fitted_on("mse"), "compile it with cnnzoo.losses.EvidenceLowerBound"),
        (lambda: cnnzoo.variational_autoencoder(**SMALL, compile=False).fit(BINARY, BINARY), "compile"),
        (lambda: cnnzoo.variational_autoencoder(**SMALL).fit(BINARY, verbose=0), r"call fit\(images, images\)"),
        (lambda: EvidenceLowerBound()(BINARY, BINARY), "is the loss of a variational_autoencoder"),
        (lambda: GaussianCode(0), "`units` must be a positive integer"),
        (lambda: GaussianScale(0.0), "`initial` must be a positive number"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(call, words):
    with pytest.raises((InputError, ValueError), match=words):
        call()


@pytest.mark.filterwarnings("ignore:.*is given images of")
def test_pixels_out_of_range_are_refused_by_a_decoder_of_binary_pixels_alone():
    model = cnnzoo.variational_autoencoder(**SMALL)
    with pytest.raises(Exception, match="pixels from 0 to 1 for evidence_lower_bound"):
        model.fit(255 * BINARY, 255 * BINARY, verbose=0)
    gaussian = cnnzoo.variational_autoencoder(**SMALL, decoder="gaussian")
    assert np.isfinite(gaussian.evaluate(3 * BINARY, 3 * BINARY, verbose=0)[0])


def test_weights_of_samples_are_weights_of_images():
    model = cnnzoo.variational_autoencoder(**SMALL)
    weights = np.repeat([0.0, 2.0], 16)
    weighted = model.evaluate(BINARY, BINARY, sample_weight=weights, verbose=0, return_dict=True)["loss"]
    parts = model.distribution(BINARY)
    codes = model.get_layer("code").draw(*parts, 0, 1)
    values = -np.asarray(model.log_likelihood(BINARY, codes))[0]
    kl = (np.square(parts[0]) + np.exp(parts[1]) - 1 - np.asarray(parts[1])).sum(-1) / 2
    assert weighted == pytest.approx((weights * (values + kl)).mean(), rel=1e-5)
