import numpy as np
import pytest

import cnnzoo
from cnnzoo.models.mlp import preprocess_input


def test_options_make_the_net_of_the_dropout_paper():
    model = cnnzoo.mlp(units=(1024,) * 3, activation="relu", input_dropout=0.2, dropout=0.5, max_norm=3)
    assert model.count_params() == 2_913_290
    assert [layer.rate for layer in model.layers if "dropout" in layer.name] == [0.2, 0.5, 0.5, 0.5]
    assert model.get_layer("fc1").kernel_constraint.max_value == 3


@pytest.mark.parametrize("units", [(), 300, 3.5, (300, 0), (1.5,), (True,)])
def test_units_must_be_positive_integers(units):
    with pytest.raises(cnnzoo.InputError, match="`units` must be one or more positive integers"):
        cnnzoo.mlp(units=units)


@pytest.mark.parametrize("max_norm", [0, -1, "x"])
def test_max_norm_must_be_positive(max_norm):
    with pytest.raises(cnnzoo.InputError, match="`max_norm` must be a positive number"):
        cnnzoo.mlp(max_norm=max_norm)


def test_pooling_raises():
    with pytest.raises(cnnzoo.InputError, match="a model without feature maps"):
        cnnzoo.mlp(include_top=False, pooling="avg")


def test_preprocessing_scales_and_resizes():
    images = np.full((2, 8, 8, 1), 51, "uint8")
    np.testing.assert_allclose(preprocess_input(images, (28, 28, 1)), np.full((2, 28, 28, 1), 0.2), atol=1e-6)
    with pytest.raises(cnnzoo.InputError, match="the images must have the shape"):
        preprocess_input(np.zeros((2, 28, 28, 3), "uint8"), (28, 28, 1))
