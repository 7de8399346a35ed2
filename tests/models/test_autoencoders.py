"""The autoencoders beyond the common contract: their layers, penalties and errors."""

import inspect

import keras
import numpy as np
import pytest

import cnnzoo
from tests.small_nets import AUTOENCODERS, DETERMINISTIC, LOGISTIC, SMALL, small

SHAPE = (6, 5, 1)


def pixels(count=12, shape=SHAPE):
    return np.random.default_rng(0).random((count, *shape)).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype("float64")))


def widths(model):
    return {layer.name: layer.output.shape[-1] for layer in model.layers if layer.name.startswith(("enc", "dec", "co"))}


def test_layers_are_those_of_the_paper_of_2006():
    model = cnnzoo.deep_autoencoder(compile=False)
    names = ["encoder_1", "encoder_2", "encoder_3", "code", "decoder_1", "decoder_2", "decoder_3"]
    assert widths(model) == dict(zip(names, (1000, 500, 250, 30, 250, 500, 1000), strict=True))
    activations = [model.get_layer(name).activation.__name__ for name in [*names, "output", "reconstruction"]]
    assert activations == ["sigmoid"] * 3 + ["linear"] + ["sigmoid"] * 3 + ["linear", "sigmoid"]
    assert cnnzoo.deep_autoencoder(code=2, compile=False).count_params() == 2_837_314 - 2 * 250 * 28 - 28


@pytest.mark.parametrize("tied", [True, False])
def test_an_autoencoder_follows_its_formula(tied):
    model = cnnzoo.autoencoder(input_shape=SHAPE, units=(7,), code=3, tied=tied)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    value = {layer.name: [w.numpy() for w in layer.weights] for layer in model.layers if layer.weights}
    (w1, b1, *last), (w2, b2, *first) = value["encoder_1"], value["code"]  # and, if tied, the biases of the way back
    (w3, b3), (w4, b4) = ((w2.T, *first), (w1.T, *last)) if tied else (value["decoder_1"], value["output"])
    images = pixels()
    code = sigmoid(sigmoid(images.reshape(12, -1) @ w1 + b1) @ w2 + b2)
    expected = sigmoid(sigmoid(code @ w3 + b3) @ w4 + b4)
    np.testing.assert_allclose(model(images), expected.reshape(images.shape), atol=1e-5)
    np.testing.assert_allclose(cnnzoo.encoder(model)(images), code, atol=1e-5)
    errors = ((expected.reshape(images.shape) - images) ** 2).sum(axis=(1, 2, 3)).mean()
    cross_entropy = -(images * np.log(expected.reshape(images.shape))).mean()
    cross_entropy -= ((1 - images) * np.log(1 - expected.reshape(images.shape))).mean()
    assert model.evaluate(images, images, verbose=0) == pytest.approx([cross_entropy, errors], rel=1e-4)


@pytest.mark.parametrize("name", LOGISTIC)
def test_another_output_activation_is_trained_on_the_squared_error(name):
    model = small(name, output_activation="linear")
    images = pixels(shape=model.input_shape[1:])
    loss, error = model.evaluate(images, images, verbose=0)
    assert loss * images[0].size == pytest.approx(error, rel=1e-5)


@pytest.mark.parametrize("eager", [True, False], ids=["eager", "graph"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", LOGISTIC)
def test_keras_own_cross_entropy_is_exact_for_pixels_near_0_and_1(name, tied, eager):
    model = small(name, tied=tied)
    names = [layer.name for layer in model.layers]
    last = model.get_layer("output" if "output" in names else "encoder_1" if "encoder_1" in names else "code")
    bias = last.reverse_bias if tied else last.bias
    bias.assign(60 * (-1) ** np.arange(bias.shape[0]))  # where probabilities are 0 and 1 in float32
    images = pixels(4, model.input_shape[1:])
    logits = np.asarray(keras.Model(model.input, model.get_layer("reconstruction").input)(images), "float64")
    expected = np.logaddexp(0, logits) - logits * images
    model.compile("sgd", keras.losses.BinaryCrossentropy(), run_eagerly=eager)
    loss, *_ = model.evaluate(images, images, verbose=0)
    assert loss == pytest.approx(expected.mean(), rel=1e-5)
    assert loss > 25  # Keras' clipped probabilities give 16 at most


@pytest.mark.parametrize("name", ["deep_autoencoder", "stacked_autoencoder"])
def test_initial_weights_of_logistic_units_have_four_times_glorots_bound(name):
    model = cnnzoo.create(name, compile=False)
    kernel = model.get_layer("encoder_1").kernel.numpy()
    bound = 4 * (6 / (784 + 1000)) ** 0.5
    assert 0.999 * bound < np.abs(kernel).max() <= bound


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_first_arguments_are_those_of_keras_applications(name):
    arguments = inspect.signature(getattr(cnnzoo, name)).parameters.values()
    first = [argument.name for argument in arguments if argument.kind is argument.POSITIONAL_OR_KEYWORD]
    assert first == ["weights", "input_tensor", "input_shape", "name"]


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_training_lowers_the_error(name):
    model = small(name)
    model.optimizer.learning_rate = 0.03
    steps = np.linspace(0, 3, 64)[:, None, None, None]
    positions = np.arange(np.prod(model.input_shape[1:])).reshape(model.input_shape[1:])
    images = (0.5 + 0.5 * np.sin(steps + positions)).astype("float32")
    first = model.fit(images, images, verbose=0).history["squared_error"]
    model.fit(*[np.tile(images, (58, 1, 1, 1))] * 2, verbose=0)  # one epoch, since each has a cost of its own
    last = model.fit(images, images, verbose=0).history["squared_error"]
    assert last[0] < first[0] / 2


# === Corruption ===


@pytest.mark.parametrize("corruption", ["masking", "salt_and_pepper", "gaussian"])
def test_the_input_is_corrupted_only_in_training(corruption):
    model = cnnzoo.denoising_autoencoder(input_shape=SHAPE, code=4, corruption=corruption, rate=0.5)
    images = pixels()
    corrupted = model.get_layer("corruption")(images, training=True)
    assert 0.25 < np.mean(np.asarray(corrupted) != images) <= 1
    np.testing.assert_array_equal(model(images), model(images, training=False))
    clean = cnnzoo.autoencoder(input_shape=SHAPE, units=(), code=4)
    clean.set_weights([weight.numpy() for weight in model.trainable_weights])
    np.testing.assert_allclose(model(images), clean(images), atol=1e-6)


def test_the_loss_compares_with_the_clean_images():
    model = cnnzoo.denoising_autoencoder(input_shape=SHAPE, code=4, rate=1.0)  # every pixel is masked
    images = pixels()
    model.optimizer.learning_rate = 0.0
    kernel, bias, bias_back = model.get_layer("code").get_weights()
    expected = sigmoid(sigmoid(bias) @ kernel.T + bias_back).reshape(SHAPE)
    error = ((images - expected) ** 2).sum(axis=(1, 2, 3)).mean()
    history = model.fit(images, images, verbose=0).history
    assert history["squared_error"] == pytest.approx([error], rel=1e-4)


# === Penalties ===


def loss_added(model, images):
    model(images, training=True)
    return float(sum(model.losses))


@pytest.mark.parametrize("count", [12, 5])
def test_kl_sparsity_follows_its_formula(count):
    model = cnnzoo.autoencoder(input_shape=SHAPE, code=4, sparsity={"kind": "kl", "target": 0.1, "weight": 0.3})
    images = pixels(count)
    active = np.asarray(cnnzoo.encoder(model)(images), "float64").mean(axis=0)
    kl = 0.1 * np.log(0.1 / active) + 0.9 * np.log(0.9 / (1 - active))
    assert loss_added(model, images) == pytest.approx(0.3 * kl.sum(), rel=1e-5)


@pytest.mark.parametrize("count", [12, 5])
def test_l1_sparsity_follows_its_formula(count):
    model = cnnzoo.autoencoder(
        input_shape=SHAPE, code=4, code_activation="tanh", sparsity={"kind": "l1", "weight": 0.3}
    )
    images = pixels(count)
    codes = np.asarray(cnnzoo.encoder(model)(images), "float64")
    assert loss_added(model, images) == pytest.approx(0.3 * np.abs(codes).sum(axis=1).mean(), rel=1e-5)


@pytest.mark.parametrize("units", [(), (7,), (8, 6)])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "linear"])
def test_the_contractive_penalty_is_the_squared_jacobian(units, activation):
    model = cnnzoo.autoencoder(
        input_shape=SHAPE, units=units, code=4, activation=activation, code_activation="sigmoid", contractive=0.2
    )
    images = pixels(5)
    half = cnnzoo.encoder(model)
    step = 1e-2
    squares = 0.0
    for position in np.ndindex(SHAPE):  # by central differences
        moved = np.zeros(SHAPE, "float32")
        moved[position] = step
        slopes = (np.asarray(half(images + moved), "float64") - np.asarray(half(images - moved))) / (2 * step)
        squares += (slopes**2).sum(axis=1).mean()
    assert loss_added(model, images) == pytest.approx(0.2 * squares, rel=1e-3)


@pytest.mark.parametrize("option", [{"sparsity": "kl"}, {"sparsity": "l1"}, {"contractive": 0.1}], ids=str)
def test_penalties_survive_saving_and_are_in_the_training_loss(option, tmp_path):
    model = cnnzoo.autoencoder(input_shape=SHAPE, units=(7,), code=4, **option)
    plain = cnnzoo.autoencoder(input_shape=SHAPE, units=(7,), code=4)
    plain.set_weights([weight.numpy() for weight in model.weights])
    images = pixels()
    for each in (model, plain):
        each.optimizer.learning_rate = 0.0
    added = loss_added(model, images)
    assert added > 0
    losses = [each.fit(images, images, verbose=0).history["loss"][0] for each in (model, plain)]
    assert losses[0] - losses[1] == pytest.approx(added, rel=1e-3)
    model.save(tmp_path / "model.keras")
    assert loss_added(keras.models.load_model(tmp_path / "model.keras"), images) == pytest.approx(added)


def renamed(layer):
    return type(layer).from_config({**layer.get_config(), "name": f"new_{layer.name}"})


@pytest.mark.parametrize(
    ("name", "options"),
    [("autoencoder", {"contractive": 0.1, "sparsity": "kl"}), ("stacked_convolutional_autoencoder", {"tied": True})],
)
def test_a_clone_with_new_names_is_the_same_model(name, options):
    model = small(name, **options)
    copy = keras.models.clone_model(model, clone_function=renamed)
    assert copy.count_params() == model.count_params()
    copy.set_weights(model.get_weights())
    images = pixels(4, model.input_shape[1:])
    np.testing.assert_array_equal(copy(images), model(images))
    assert loss_added(copy, images) == pytest.approx(loss_added(model, images))


# === Convolutional ===


def test_a_seed_decides_every_initial_weight():
    def weights(seed):
        keras.utils.set_random_seed(seed)
        return small("convolutional_autoencoder").get_layer("output").get_weights()[0]

    np.testing.assert_array_equal(weights(1), weights(1))
    assert (weights(1) != weights(2)).any()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("sides", [(8, 8), (9, 15), (17, 12), (33, 31)])
def test_the_output_has_the_size_of_the_input(sides, tied):
    model = cnnzoo.stacked_convolutional_autoencoder(input_shape=(*sides, 2), maps=(3, 4), code=2, tied=tied)
    assert model.output_shape == model.input_shape
    assert model(pixels(2, (*sides, 2))).shape == (2, *sides, 2)
    assert keras.Model.from_config(model.get_config()).output_shape == model.input_shape


def test_the_tied_decoder_is_the_transposed_encoder_also_for_odd_sides():
    """⟨Ax, y⟩ = ⟨x, Aᵀy⟩ for the encoder without bias, A, and the cropped decoder."""
    model = cnnzoo.stacked_convolutional_autoencoder(
        input_shape=(13, 9, 2), maps=(), code=3, code_activation="linear", output_activation="linear", tied=True
    )
    assert not any(np.any(weight) for weight in model.weights if len(weight.shape) == 1)  # biases start at 0
    rng = np.random.default_rng(0)
    images = rng.normal(size=(1, 13, 9, 2)).astype("float32")
    codes = rng.normal(size=(1, 7, 5, 3)).astype("float32")
    encoded, decoded = cnnzoo.encoder(model)(images), cnnzoo.decoder(model)(codes)
    assert np.vdot(encoded, codes) == pytest.approx(np.vdot(images, decoded), rel=1e-4)


# === Wrong arguments ===


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("autoencoder", {"units": 256}, "`units` must be positive integers in a tuple.* Received: 256"),
        ("deep_autoencoder", {"units": (0,)}, r"Received: \(0,\)"),
        ("deep_autoencoder", {"units": (True,)}, r"Received: \(True,\)"),
        ("autoencoder", {"code": 0}, r"`code` must be a positive integer\. Received: 0"),
        ("autoencoder", {"code": None}, "Received: None"),
        ("autoencoder", {"tied": "yes"}, r"`tied` must be True or False\. Received: 'yes'"),
        ("autoencoder", {"sparsity": "l2"}, "`sparsity` must be None, 'kl', 'l1', 'k-sparse', .* Received: 'l2'"),
        ("autoencoder", {"sparsity": {"weight": 1}}, r"as `kind`\. Received: {'weight': 1}"),
        ("autoencoder", {"sparsity": {"kind": "kl", "traget": 0.1}}, "did you mean 'target'"),
        (
            "autoencoder",
            {"sparsity": {"kind": "kl", "target": 1}},
            r"`target` must be a number above 0 and below 1\. Received: 1",
        ),
        (
            "autoencoder",
            {"sparsity": {"kind": "l1", "weight": -1}},
            r"`weight` must be a number of at least 0\. Received: -1",
        ),
        (
            "autoencoder",
            {"sparsity": "kl", "code_activation": "relu"},
            "`code_activation` must be 'sigmoid' .* Received: 'relu'",
        ),
        ("autoencoder", {"contractive": -0.1}, r"`contractive` must be a number of at least 0\. Received: -0.1"),
        ("autoencoder", {"contractive": "much"}, "Received: 'much'"),
        ("autoencoder", {"contractive": 0.1, "activation": "softplus"}, r"'relu', 'linear'\. Received: 'softplus'"),
        (
            "denoising_autoencoder",
            {"corruption": "salt"},
            "unknown corruption 'salt'; the corruptions are gaussian, masking, salt_and_pepper",
        ),
        ("denoising_autoencoder", {"corruption": ["masking"]}, r"unknown corruption .*'masking'"),
        ("denoising_autoencoder", {"rate": 1.5}, r"`rate` must be a number from 0 to 1\. Received: 1.5"),
        ("stacked_convolutional_autoencoder", {"maps": 32}, "`maps` must be positive integers"),
        ("stacked_convolutional_autoencoder", {"input_shape": (7, 32, 3)}, r"at least 8×8 pixels\. Received: 7×32"),
        ("stacked_autoencoder", {"units": ()}, "`units` must be one or more positive integers"),
        (
            "stacked_autoencoder",
            {"include_top": False, "pooling": "max"},
            r"`pooling` must be None for a model without feature maps\. Received: 'max'",
        ),
    ],
    ids=str,
)
def test_wrong_arguments_raise(name, options, message):
    shape = {} if name == "stacked_convolutional_autoencoder" else {"input_shape": SMALL[name]["input_shape"]}
    with pytest.raises(cnnzoo.InputError, match=message):
        getattr(cnnzoo, name)(**{**shape, **options})


def test_an_unused_activation_does_not_prevent_the_contractive_penalty():
    assert cnnzoo.autoencoder(units=(), activation="softplus", contractive=0.1).losses is not None
