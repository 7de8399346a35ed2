"""The scaffold's checks and errors; test_contract.py tests that every model uses them."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.models import scaffold
from tests.small_nets import by_function, small

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
def test_an_input_shape_other_than_three_positive_integers_raises(shape, open_sides):
    with pytest.raises(cnnzoo.InputError) as caught:
        scaffold.image_input(None, shape, DEFAULT, open_sides=open_sides)
    message = f"`input_shape` must be three positive integers (height, width, channels). Received: {shape!r}"
    assert str(caught.value) == message


def test_height_and_width_may_be_unknown_only_without_a_dense_head():
    assert scaffold.image_input(None, (None, 40, 3), DEFAULT, open_sides=True).shape == (None, None, 40, 3)
    with pytest.raises(cnnzoo.InputError, match="with a dense head, height and width cannot be None"):
        scaffold.image_input(None, (None, 40, 3), DEFAULT)


def test_an_input_shape_may_be_a_list_or_left_out():
    assert scaffold.image_input(None, [8, 9, 3], DEFAULT).shape == (None, 8, 9, 3)
    assert scaffold.image_input(None, None, DEFAULT).shape == (None, *DEFAULT)


@pytest.mark.parametrize("given", [3, "images", np.zeros((1, 32, 32, 1))], ids=lambda given: type(given).__name__)
def test_an_input_tensor_of_another_type_raises(given):
    with pytest.raises(
        cnnzoo.InputError, match=f"`input_tensor` must be a Keras tensor. Received: a {type(given).__name__}"
    ):
        scaffold.image_input(given, None, DEFAULT)


def test_an_input_tensor_of_another_shape_raises():
    tensor = images(8, 9, 3)
    assert scaffold.image_input(tensor, None, DEFAULT) is tensor
    assert scaffold.image_input(tensor, (8, 9, 3), DEFAULT) is tensor
    with pytest.raises(
        cnnzoo.InputError, match=r"`input_tensor`, \(8, 9, 3\), differs from `input_shape`, \(8, 8, 3\)"
    ):
        scaffold.image_input(tensor, (8, 8, 3), DEFAULT)
    with pytest.raises(
        cnnzoo.InputError,
        match=r"must be a tensor of images \(batch, height, width, channels\)\. Received: \(None, 9\)",
    ):
        scaffold.image_input(images(9), None, DEFAULT)


@pytest.mark.parametrize("size", [(4, 9), (9, 4)])
def test_a_window_that_does_not_fit_raises_with_the_formula(size):
    message = r"layer 'conv' receives {}×{} pixels and slides a 5×5 window by 2, .* 1 \+ \(4 − 5\)/2 < 1 outputs"
    with pytest.raises(cnnzoo.InputError, match=message.format(*size)):
        scaffold.slide(keras.layers.Conv2D(3, 5, 2, name="conv"), images(*size, 1))
    assert scaffold.slide(keras.layers.MaxPooling2D(5, 2), images(5, 9, 1)).shape == (None, 1, 3, 1)


# === Heads ===


@pytest.mark.parametrize("classes", [0, -1, 2.0, True, None, "ten"], ids=str)
def test_classes_other_than_a_positive_integer_raise(classes):
    with pytest.raises(cnnzoo.InputError) as caught:
        scaffold.check_top(True, None, classes)
    assert str(caught.value) == f"`classes` must be a positive integer. Received: {classes!r}"
    scaffold.check_top(True, None, 1)


@pytest.mark.parametrize("include_top", ["no", 1, None], ids=str)
def test_include_top_other_than_a_boolean_raises(include_top):
    with pytest.raises(cnnzoo.InputError, match=f"`include_top` must be True or False. Received: {include_top!r}"):
        scaffold.check_top(include_top, None, 10)


def test_pooling_is_only_for_models_without_a_head():
    with pytest.raises(cnnzoo.InputError, match=r"`pooling` must be None with include_top=True.* Received: 'avg'"):
        scaffold.check_top(True, "avg", 10)
    scaffold.check_top(False, "avg", 10)
    maps = images(3, 4, 5)
    assert scaffold.pooled_features(maps, None) is maps
    assert scaffold.pooled_features(maps, "max").shape == (None, 5)
    for pooling in ("mean", ["avg"]):
        with pytest.raises(cnnzoo.InputError, match=r"unknown pooling .*(mean|avg)"):
            scaffold.pooled_features(maps, pooling)


def test_the_loss_depends_on_the_activation_of_the_head():
    for activation, logits in (("softmax", False), (None, True), ("linear", True)):
        assert scaffold.cross_entropy(activation).get_config()["from_logits"] is logits
    assert scaffold.cross_entropy("relu") is None


@pytest.mark.parametrize("name", ["lenet", "lenet5", "mlp", "cuda_convnet"])
def test_a_head_without_a_default_loss_is_built_and_not_compiled(name):
    model = cnnzoo.create(name, classifier_activation="sigmoid")
    images = np.random.default_rng(0).random((2, *model.input_shape[1:])).astype("float32")
    assert np.ptp(model(images)) < 1
    with pytest.raises(ValueError, match=r"call `compile\(\)` before"):
        model.fit(images, np.zeros(2), verbose=0)
    model.compile("sgd", "binary_crossentropy")
    model.fit(images, np.eye(2, 10), verbose=0)


# === By name ===


@pytest.mark.parametrize(("name", "option"), [("lenet", "classes"), ("autoencoder", "name")])
def test_an_unknown_option_raises_with_the_nearest_name(name, option):
    written = option[:-2] + option[-1] + option[-2]
    with pytest.raises(cnnzoo.InputError, match=f"unknown option of {name} '{written}'; did you mean '{option}'"):
        small(name, **{written: 3})


# === NumPy's integers ===


def plain(value):
    """Return whether a configuration holds no numbers of NumPy's."""
    if isinstance(value, dict | list | tuple):
        return all(map(plain, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, np.generic)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lenet", {"classes": 7, "input_shape": (28, 28, 1)}),
        ("lenet5", {"classes": 7, "input_shape": (32, 32, 1)}),
        ("mlp", {"classes": 7, "input_shape": (6, 5, 1), "units": (4, 3)}),
        ("all_cnn_c", {"classes": 7, "input_shape": (16, 16, 3), "maps": (2, 4)}),
        ("autoencoder", {"input_shape": (6, 5, 1), "units": (4,), "code": 2}),
        ("stacked_convolutional_autoencoder", {"input_shape": (8, 8, 1), "maps": (2,), "code": 2}),
        ("stacked_autoencoder", {"classes": 7, "input_shape": (6, 5, 1), "units": (4,)}),
    ],
)
def test_numbers_may_be_numpys_as_those_of_labels_are(name, options):
    def numpys(value):
        return tuple(map(np.int64, value)) if isinstance(value, tuple) else np.int64(value)

    model = cnnzoo.create(name, **{key: numpys(value) for key, value in options.items()})
    same = cnnzoo.create(name, **options)
    assert (model.input_shape, model.output_shape) == (same.input_shape, same.output_shape)
    assert model.count_params() == same.count_params()
    assert plain(model.get_config())


PAPERS = {  # learning rate, momentum and decay, or the decay of each layer's kernel
    "alexnet": (0.01, 0.9, 5e-4),
    "caffenet": (0.01, 0.9, {"*kernel": 5e-4}),
    "alexnet_owt": (0.01, 0.9, 1e-4),
    "zfnet": (0.01, 0.9, 0.0),
    "network_in_network": (0.1, 0.9, {"*/kernel": 1e-4}),
    "network_in_network_imagenet": (0.01, 0.9, {"*/kernel": 5e-4}),
    "all_cnn_c": (0.01, 0.9, 1e-3),
    "cuda_convnet": (0.001, 0.9, {"*fc10/kernel": 1.0, "*/kernel": 0.004}),
}


@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_optimizer_is_one_argument_away(name):
    optimizer = small(name, compile="paper").optimizer
    assert type(optimizer) is cnnzoo.optimizers.ClassicSGD
    found = optimizer.get_config()
    rate, momentum, decay = PAPERS[name]
    assert float(found["learning_rate"]) == pytest.approx(rate)
    assert (found["momentum"], found["weight_decay"]) == (momentum, decay)


@pytest.mark.parametrize("name", by_function(cnnzoo.list_models()))
@pytest.mark.parametrize("value", [1, "Paper", None])
def test_another_compilation_is_refused(name, value):
    allowed = ", or 'paper' for the paper's optimizer" if name in PAPERS else ""
    with pytest.raises(cnnzoo.InputError, match=f"`compile` must be True or False{allowed}. Received: {value!r}"):
        small(name, compile=value)


def test_a_paper_without_an_optimizer_of_keras_has_none():
    with pytest.raises(cnnzoo.InputError, match=r"`compile` must be True or False\. Received: 'paper'"):
        cnnzoo.lenet5(compile="paper")
