"""The encoder and the decoder of an autoencoder share its weights, and can be saved alone."""

import keras
import numpy as np
import pytest

import cnnzoo
from tests.small_nets import AUTOENCODERS, small, thin

CASES = [(name, {}) for name in AUTOENCODERS]
CASES += [
    ("deep_autoencoder", {"tied": True}),
    ("autoencoder", {"tied": False}),
    ("autoencoder", {"units": ()}),
    ("autoencoder", {"contractive": 0.1}),
    ("autoencoder", {"sparsity": "kl"}),
    ("denoising_autoencoder", {"rate": 0.5}),
    ("stacked_convolutional_autoencoder", {"tied": True}),
]
every_case = pytest.mark.parametrize(("name", "options"), CASES, ids=str)


def pixels(model):
    return np.random.default_rng(0).random((3, *model.input_shape[1:])).astype("float32")


@pytest.mark.parametrize("name", cnnzoo.list_models())
def test_what_a_family_says_of_its_task_is_what_its_net_does(name):
    model = thin(name)
    assert cnnzoo.models.reconstructs(name) == (model.output_shape == model.input_shape)


@every_case
def test_decoder_of_encoder_equals_the_model(name, options):
    model = small(name, **options)
    images = pixels(model)
    names, weights = [layer.name for layer in model.layers], len(model.weights)
    encoder, decoder = cnnzoo.encoder(model), cnnzoo.decoder(model)
    codes = encoder(images)
    assert codes.shape[-1] == 5
    np.testing.assert_allclose(decoder(codes), model(images), atol=1e-6)
    if name != "variational_autoencoder":  # of which training draws
        np.testing.assert_array_equal(encoder(images, training=True), codes)  # no corruption, in training neither
    assert {id(weight) for half in (encoder, decoder) for weight in half.trainable_weights} == {
        id(weight) for weight in model.trainable_weights
    }
    assert (names, weights) == ([layer.name for layer in model.layers], len(model.weights))


@every_case
def test_encoder_and_decoder_work_after_loading_whole_or_alone(name, options, tmp_path):
    model = small(name, compile=False, **options)
    images = pixels(model)
    codes = np.asarray(cnnzoo.encoder(model)(images))
    model.save(tmp_path / "whole.keras")
    again = keras.models.load_model(tmp_path / "whole.keras")
    for whole in (model, again):
        np.testing.assert_allclose(cnnzoo.encoder(whole)(images), codes, atol=1e-6)
        np.testing.assert_allclose(cnnzoo.decoder(whole)(codes), model(images), atol=1e-6)
    for half in ("encoder", "decoder"):
        getattr(cnnzoo, half)(again).save(tmp_path / f"{half}.keras")
    encoder, decoder = (keras.models.load_model(tmp_path / f"{half}.keras") for half in ("encoder", "decoder"))
    np.testing.assert_allclose(encoder(images), codes, atol=1e-6)
    np.testing.assert_allclose(decoder(codes), model(images), atol=1e-6)


def test_the_encoder_of_a_classifier_ends_with_its_last_hidden_layer():
    for options in ({}, {"include_top": False}):
        model = small("stacked_autoencoder", **options)
        images = pixels(model)
        expected = keras.Model(model.input, model.get_layer("encoder_2").output)(images)
        np.testing.assert_array_equal(cnnzoo.encoder(model)(images), expected)
        with pytest.raises(cnnzoo.InputError, match="stacked_autoencoder has no decoder"):
            cnnzoo.decoder(model)


def test_an_input_tensor_is_part_of_the_encoder():
    inputs = keras.Input((9, 8, 1))
    model = small("denoising_autoencoder", input_tensor=keras.layers.Rescaling(0.5)(inputs), rate=0.5)
    images = pixels(model)
    np.testing.assert_allclose(cnnzoo.decoder(model)(cnnzoo.encoder(model)(images)), model(images), atol=1e-6)


def test_other_models_raise():
    class Subclassed(keras.Model):
        pass

    for half in (cnnzoo.encoder, cnnzoo.decoder):
        with pytest.raises(cnnzoo.InputError, match=f"lenet has no {half.__name__}: it has no layer 'code'"):
            half(cnnzoo.lenet())
        for other, kind in ((Subclassed(), "Subclassed"), ("autoencoder", "str")):
            with pytest.raises(cnnzoo.InputError, match=f"must be a functional Keras model. Received: a {kind}"):
                half(other)


def test_a_decoder_predicts_from_codes_in_lists():
    decoder = cnnzoo.decoder(small("autoencoder", code=2))
    expected = np.asarray(decoder(np.array([[0.0, 0.0], [1.0, -1.0]], "float32")))
    np.testing.assert_allclose(decoder.predict([[0, 0], [1, -1]], verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(decoder.predict(((0.0, 0.0),), verbose=0), expected[:1], atol=1e-6)
    np.testing.assert_allclose(decoder.predict(np.array([[0, 0]]), verbose=0), expected[:1], atol=1e-6)
    for codes, words in [
        ([0, 0], r"`x` must be codes of the shape \(batch, 2\). Received: \(2,\)"),
        ([[0, 0, 0]], r"of the shape \(batch, 2\). Received: \(1, 3\)"),
        (np.zeros(2), r"of the shape \(batch, 2\). Received: \(2,\)"),
        ([[0, 0], [0]], r"`x` must be codes as numbers in lists of one length, such as \[\[0, 0\]\]\. Rec"),
        ([["a", "b"]], "must be codes as numbers"),
    ]:
        with pytest.raises(cnnzoo.InputError, match=words):
            decoder.predict(codes, verbose=0)


def test_the_halves_are_those_of_this_model_where_its_layers_were_called_before():
    model = small("autoencoder", tied=False, units=())
    images = pixels(model)
    image = x = keras.Input(model.input_shape[1:])
    for layer in model.layers[1:]:
        x = layer(x)
    again = keras.Model(image, x)
    np.testing.assert_allclose(cnnzoo.encoder(again)(images), cnnzoo.encoder(model)(images), atol=1e-6)
    codes = cnnzoo.encoder(model)(images)
    np.testing.assert_allclose(cnnzoo.decoder(again)(codes), model(images), atol=1e-6)
