"""What stands around every net refuses in a sentence what cannot be; no net goes past it, says test_contract.py."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.models import scaffold
from tests.small_nets import small

DEFAULT = (32, 32, 1)


def images(*shape):
    return keras.Input(shape)


# === Images ===


@pytest.mark.parametrize(
    "shape",
    [(32, 32), (32, 32, 1, 1), (32, 0, 1), (32, -3, 1), (32.0, 32, 1), (True, 32, 1), (32, 32, None), 32, "32"],
    ids=str,
)
@pytest.mark.parametrize("open_sides", [False, True])
def test_an_input_shape_is_three_positive_integers(shape, open_sides):
    with pytest.raises(cnnzoo.InputError) as caught:
        scaffold.image_input(None, shape, DEFAULT, open_sides=open_sides)
    words = f"input_shape must be three positive integers (height, width, channels), not {shape!r}"
    assert str(caught.value) == words


def test_sides_are_open_only_where_no_dense_head_follows():
    assert scaffold.image_input(None, (None, 40, 3), DEFAULT, open_sides=True).shape == (None, None, 40, 3)
    with pytest.raises(cnnzoo.InputError, match="with a head that is dense, height and width cannot be None"):
        scaffold.image_input(None, (None, 40, 3), DEFAULT)


def test_an_input_shape_may_be_a_list_and_left_out():
    assert scaffold.image_input(None, [8, 9, 3], DEFAULT).shape == (None, 8, 9, 3)
    assert scaffold.image_input(None, None, DEFAULT).shape == (None, *DEFAULT)


@pytest.mark.parametrize("given", [3, "images", np.zeros((1, 32, 32, 1))], ids=lambda given: type(given).__name__)
def test_an_input_tensor_is_keras_own(given):
    with pytest.raises(cnnzoo.InputError, match=f"input_tensor must be a Keras tensor, not a {type(given).__name__}"):
        scaffold.image_input(given, None, DEFAULT)


def test_an_input_tensor_holds_images_of_the_shape_that_is_given():
    tensor = images(8, 9, 3)
    assert scaffold.image_input(tensor, None, DEFAULT) is tensor
    assert scaffold.image_input(tensor, (8, 9, 3), DEFAULT) is tensor
    with pytest.raises(cnnzoo.InputError, match=r"has shape \(8, 9, 3\), input_shape says \(8, 8, 3\)"):
        scaffold.image_input(tensor, (8, 8, 3), DEFAULT)
    with pytest.raises(
        cnnzoo.InputError, match=r"must hold images \(batch, height, width, channels\), not \(None, 9\)"
    ):
        scaffold.image_input(images(9), None, DEFAULT)


@pytest.mark.parametrize("size", [(4, 9), (9, 4)])
def test_a_window_that_does_not_fit_gets_the_formula(size):
    words = r"layer 'conv' receives {}×{} pixels and slides a 5×5 window by 2, .* 1 \+ \(4 − 5\)/2 < 1 outputs"
    with pytest.raises(cnnzoo.InputError, match=words.format(*size)):
        scaffold.slide(keras.layers.Conv2D(3, 5, 2, name="conv"), images(*size, 1))
    assert scaffold.slide(keras.layers.MaxPooling2D(5, 2), images(5, 9, 1)).shape == (None, 1, 3, 1)


# === Heads ===


@pytest.mark.parametrize("classes", [0, -1, 2.0, True, None, "ten"], ids=str)
def test_classes_are_an_integer_of_at_least_1(classes):
    with pytest.raises(cnnzoo.InputError) as caught:
        scaffold.check_top(True, None, classes)
    assert str(caught.value) == f"classes must be an integer of at least 1, not {classes!r}"
    scaffold.check_top(True, None, 1)


@pytest.mark.parametrize("include_top", ["no", 1, None], ids=str)
def test_a_head_is_there_or_not(include_top):
    with pytest.raises(cnnzoo.InputError, match=f"include_top must be True or False, not {include_top!r}"):
        scaffold.check_top(include_top, None, 10)


def test_pooling_goes_without_the_head():
    with pytest.raises(cnnzoo.InputError, match="pooling='avg' goes with include_top=False: the head has its own"):
        scaffold.check_top(True, "avg", 10)
    scaffold.check_top(False, "avg", 10)
    maps = images(3, 4, 5)
    assert scaffold.pooled_features(maps, None) is maps
    assert scaffold.pooled_features(maps, "max").shape == (None, 5)
    for pooling in ("mean", ["avg"]):
        with pytest.raises(cnnzoo.InputError, match="pooling must be None, 'avg' or 'max', not "):
            scaffold.pooled_features(maps, pooling)


def test_a_head_has_a_loss_by_its_activation():
    for activation, logits in (("softmax", False), (None, True), ("linear", True)):
        assert scaffold.cross_entropy(activation).get_config()["from_logits"] is logits
    words = "classifier_activation='relu' has no loss of its own; .* pass compile=False and compile it yourself"
    with pytest.raises(cnnzoo.InputError, match=words):
        scaffold.cross_entropy("relu")


# === By name ===


@pytest.mark.parametrize(("name", "option"), [("lenet", "classes"), ("autoencoder", "name")])
def test_an_option_that_a_net_does_not_take_is_refused_with_the_nearest(name, option):
    written = option[:-2] + option[-1] + option[-2]
    with pytest.raises(cnnzoo.InputError, match=f"unknown option of {name} '{written}'; did you mean '{option}'"):
        small(name, **{written: 3})
