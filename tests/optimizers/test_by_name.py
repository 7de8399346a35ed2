"""Optimizers by their names, with all options that their classes have."""

import keras
import pytest

import cnnzoo
from cnnzoo import optimizers


@pytest.mark.parametrize("name", ["classicsgd", "ClassicSGD", "adam", "muon", "sgd"])
def test_options_of_keras_base_optimizer_are_accepted(name):
    made = optimizers.make(name, 0.1, {"clipnorm": 0.5, "use_ema": True, "gradient_accumulation_steps": 3})
    assert type(made).__name__.lower() == name.lower()
    assert float(made.learning_rate) == pytest.approx(0.1)
    assert (made.clipnorm, made.use_ema, made.gradient_accumulation_steps) == (0.5, True, 3)


def test_cnnzoos_optimizers_precede_keras_of_the_same_name():
    assert optimizers.optimizer_class("Adam") is optimizers.Adam
    assert optimizers.optimizer_class("adamw") is keras.optimizers.AdamW


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("optimizer", {}, "unknown optimizer 'optimizer'"),
        ("lossscaleoptimizer", {}, "unknown optimizer 'lossscaleoptimizer'"),
        ("adamv", {}, "did you mean 'adam"),
        ("sgd", {"momentun": 0.9}, "unknown option of sgd 'momentun'; did you mean 'momentum'"),
        ("sgd", {"momentum": "much"}, r"`optimizer_options.momentum` must be a number\. Received: 'much'"),
        ("sgd", {"momentum": 2}, r"`optimizer_options` {'momentum': 2} are not allowed: `momentum` must be a float"),
    ],
)
def test_unknown_names_options_and_values_raise(name, options, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        optimizers.make(name, 0.1, options)
