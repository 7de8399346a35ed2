"""Optimizers by their names, with all options that their classes have."""

import keras
import pytest

import cnnzoo
from cnnzoo import optimizers


@pytest.mark.parametrize("name", ["classicsgd", "ClassicSGD", "adam", "muon", "sgd"])
def test_options_of_every_optimizer_of_keras_are_taken(name):
    made = optimizers.make(name, 0.1, {"clipnorm": 0.5, "use_ema": True, "gradient_accumulation_steps": 3})
    assert type(made).__name__.lower() == name.lower()
    assert float(made.learning_rate) == pytest.approx(0.1)
    assert (made.clipnorm, made.use_ema, made.gradient_accumulation_steps) == (0.5, True, 3)


def test_those_of_this_package_come_before_keras_of_the_same_name():
    assert optimizers.kind_of("Adam") is optimizers.Adam
    assert optimizers.kind_of("adamw") is keras.optimizers.AdamW


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("optimizer", {}, "unknown optimizer 'optimizer'"),
        ("lossscaleoptimizer", {}, "unknown optimizer 'lossscaleoptimizer'"),
        ("adamv", {}, "did you mean 'adam"),
        ("sgd", {"momentun": 0.9}, "unknown option of sgd 'momentun'; did you mean 'momentum'"),
        ("sgd", {"momentum": "much"}, "optimizer_options.momentum must be a number, not 'much'"),
        ("sgd", {"momentum": 2}, r"optimizer_options {'momentum': 2} do not work: `momentum` must be a float"),
    ],
)
def test_what_there_is_not_gets_a_sentence(name, options, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        optimizers.make(name, 0.1, options)
