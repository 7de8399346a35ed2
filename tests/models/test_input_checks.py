"""What a model says about arrays that are handed to it by mistake."""

import pickle
import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import models
from tests.small_nets import by_function, small

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), "uint8")
LABELS = np.arange(4)
every_model = pytest.mark.parametrize("name", by_function(cnnzoo.list_models()))


def pixels_for(model):
    return np.random.default_rng(0).integers(0, 256, (2, *model.input_shape[1:]), "uint8")


def heard(call):
    """Return what is said about images in a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [message for message in (str(each.message) for each in caught) if "is given images of" in message]


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_pixels_as_they_are_are_warned_of_once(method):
    model = cnnzoo.lenet5()
    raw = np.pad(PIXELS, [(0, 0), (2, 2), (2, 2), (0, 0)])
    [warning] = heard(lambda: getattr(model, method)(raw, LABELS, verbose=0))
    # Section II-B of the paper: the background is −0.1, ink 1.175.
    assert warning == (
        "lenet5 is given images of 0 to 255, where its preprocessing makes -0.1 to 1.175: give it "
        "cnnzoo.models.lenet.preprocess_input(images), of pixels 0 to 255"
    )
    assert heard(lambda: model.predict(raw, verbose=0)) == []


@every_model
def test_what_the_preprocessing_makes_is_not_warned_of(name):
    model = small(name)
    pixels = pixels_for(model)
    pixels[0], pixels[1, 0, 0] = 90, 255
    assert heard(lambda: model.predict(models.preprocessing(name, model)(pixels), verbose=0)) == []


@every_model
def test_pixels_as_they_are_are_warned_of(name):
    model = small(name)
    [warning] = heard(lambda: model.predict(pixels_for(model).astype("float32"), verbose=0))
    assert warning.startswith(f"{model.name} is given images of 0 to 2")


@pytest.mark.parametrize("name", ["alexnet", "cuda_convnet"])
def test_fractions_are_warned_of_where_pixels_are_meant(name):
    model = small(name)
    fractions = pixels_for(model) / np.float32(255)
    [warning] = heard(lambda: model.predict(fractions, verbose=0))
    assert "is given images of 0 to 1, where its preprocessing makes -12" in warning


@every_model
def test_preprocessing_warns_of_fractions_and_of_what_is_no_pixel(name):
    model = small(name)
    preprocess, pixels = models.preprocessing(name, model), pixels_for(model)
    pixels[0, 0, 0], pixels[0, 0, 1] = 0, 255
    named = f"{models.family(name).preprocess_input.__module__}.preprocess_input"  # autoencoders take the MLP's
    [warning] = heard(lambda: preprocess(pixels / np.float32(255)))
    assert warning == f"{named} is given images of 0 to 1; it takes pixels from 0 to 255: multiply them by 255"
    [warning] = heard(lambda: preprocess(tf.constant(pixels, "float32") - 128))
    assert warning == f"{named} is given images of -128 to 127; it takes pixels from 0 to 255"
    assert heard(lambda: preprocess(pixels.astype("float64"))) == []
    assert heard(lambda: preprocess(np.zeros_like(pixels, "float32"))) == []
    assert heard(lambda: tf.function(preprocess)(tf.constant(pixels / 255))) == []  # no values are known in a graph


def test_one_image_and_labels_in_a_list_are_refused_in_one_sentence():
    model = cnnzoo.lenet()
    images = np.asarray(models.lenet.preprocess_input(PIXELS))
    with pytest.raises(cnnzoo.InputError, match=re.escape("for one image, pass image[None]")):
        model.predict(images[0])
    with pytest.raises(cnnzoo.InputError, match=re.escape("pass np.array(labels), not a list")):
        model.fit(images, [0, 1, 2, 3])
    with pytest.raises(cnnzoo.InputError, match=re.escape("pass np.array(labels), not a list")):
        model.evaluate(x=images, y=[0, 1, 2, 3])


def test_data_sets_pass_as_they_are():
    model = cnnzoo.lenet()
    raw = np.pad(PIXELS, [(0, 0), (2, 2), (2, 2), (0, 0)]).astype("float32")
    batches = tf.data.Dataset.from_tensor_slices((raw, LABELS)).batch(2)
    assert heard(lambda: model.fit(batches, verbose=0)) == []
    assert model.predict(batches, verbose=0).shape == (4, 10)


def test_a_model_on_other_layers_is_not_held_to_its_own_range():
    pixels = keras.Input((32, 32, 1))
    model = cnnzoo.lenet(input_tensor=keras.layers.Rescaling(1 / 255)(pixels))
    raw = np.pad(PIXELS, [(0, 0), (2, 2), (2, 2), (0, 0)])
    assert heard(lambda: model.predict(raw, verbose=0)) == []


def test_a_model_that_looks_is_saved_cloned_and_pickled_as_any_other(tmp_path):
    model = cnnzoo.lenet()
    images = np.asarray(models.lenet.preprocess_input(PIXELS))
    model.fit(images, LABELS, verbose=0)
    model.save(tmp_path / "model.keras")
    expected = model.predict(images, verbose=0)
    for again in (
        keras.models.load_model(tmp_path / "model.keras"),
        keras.models.clone_model(model),
        pickle.loads(pickle.dumps(model)),
    ):
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(again.predict(images, verbose=0), expected)


@pytest.mark.parametrize(
    "images",
    [
        np.full((1, 28, 28, 1), 60_000, "uint16"),
        np.full((1, 28, 28, 1), -5, "int64"),
        np.full((1, 28, 28, 1), np.nan, "float32"),
    ],
)
def test_preprocessing_warns_of_integers_and_of_what_is_no_number(images):
    with pytest.warns(UserWarning, match="it takes pixels from 0 to 255"):
        models.lenet.preprocess_input(images)
