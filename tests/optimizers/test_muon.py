"""Muon against Keras' own, and against the singular value decomposition that it approximates."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import optimizers

SHAPES = [(64, 32), (32, 64), (40, 40)]


def gradients(step):
    rng = np.random.default_rng(step)
    return [keras.ops.convert_to_tensor(rng.normal(size=shape), "float32") for shape in (*SHAPES, (7,))]


def stepped(optimizer, steps=3):
    weights = [keras.Variable(np.ones(shape, "float32")) for shape in (*SHAPES, (7,))]
    for step in range(steps):
        optimizer.apply(gradients(step), weights)
    return [keras.ops.convert_to_numpy(weight) for weight in weights]


def test_in_float32_it_equals_keras_own():
    options = {"momentum": 0.9, "adam_lr_ratio": 0.1, "weight_decay": 0.5}
    ours = stepped(optimizers.Muon(0.02, orthogonalization_dtype="float32", **options))
    for one, other in zip(ours, stepped(keras.optimizers.Muon(0.02, **options)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e6])
def test_singular_vectors_are_kept_and_singular_values_become_about_one(shape, scale):
    matrix = np.random.default_rng(0).normal(size=shape)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    update = optimizers.Muon().zeropower_via_newtonschulz5(keras.ops.convert_to_tensor(scale * matrix, "float32"), 5)
    assert keras.backend.standardize_dtype(update.dtype) == "float32"
    found = left.T @ keras.ops.convert_to_numpy(update) @ right.T
    kept = values > 0.05 * values[0]  # five rounds do not lift what is all but nothing
    assert np.all((np.diag(found)[kept] > 0.5) & (np.diag(found)[kept] < 1.35))
    assert np.abs(found - np.diag(np.diag(found))).max() < 0.1


def test_it_can_be_made_by_name_and_from_its_config():
    made = optimizers.make("muon", 0.02, {"weight_decay": 0.5, "orthogonalization_dtype": "float32"})
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(again) is optimizers.Muon
    assert (again.weight_decay, again.orthogonalization_dtype) == (0.5, "float32")


def test_wrong_arguments_raise():
    with pytest.raises(
        cnnzoo.InputError, match=r"unknown orthogonalization_dtype 'float64'; did you mean 'bfloat16' or 'float32'\?"
    ):
        optimizers.Muon(orthogonalization_dtype="float64")
    with pytest.raises(cnnzoo.InputError, match=r"decay.*weight_decay"):
        optimizers.make("muon", 0.02, {"decay": 0.5})
