"""Judging by ten crops is what averaging by hand gives."""

import numpy as np
import pytest

import cnnzoo
from cnnzoo import Recipe
from cnnzoo.data import Split
from cnnzoo.training.build import ModelContext
from cnnzoo.training.evaluate import evaluate_split, predict_logits


def by_hand(model, name, images):
    """Return the mean softmax of the ten crops of each image."""
    height, width, _ = model.input_shape[1:]
    down, right = images.shape[1] - height, images.shape[2] - width
    every = []
    for top, left in [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]:
        crop = images[:, top : top + height, left : left + width]
        for view in (crop, crop[:, :, ::-1]):
            logits = np.asarray(model(cnnzoo.models.preprocessing(name, model)(view)), "float64")
            exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
            every.append(exponents / exponents.sum(axis=1, keepdims=True) if ends_in_logits(model) else logits)
    return np.mean(every, axis=0)


def ends_in_logits(model):
    return model.layers[-1].activation.__name__ == "linear"


@pytest.mark.parametrize("activation", ["softmax", None])
def test_the_mean_output_for_ten_crops_is_evaluated(activation):
    options = {"input_shape": (67, 63, 3), "classes": 4, "classifier_activation": activation}
    model = cnnzoo.alexnet_owt(**options)
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (30, 80, 90, 3), "uint8"), np.arange(30, dtype="int32") % 4)
    recipe = Recipe(model="alexnet_owt", data="fake", epochs=1, learning_rate=1e-3, test_crops=10)
    context = ModelContext.of(recipe, model)
    found, expected = evaluate_split(context, split), by_hand(model, "alexnet_owt", split.images)
    assert found["accuracy"] == pytest.approx(np.mean(expected.argmax(axis=1) == split.labels))
    np.testing.assert_allclose(np.exp(predict_logits(context, split)), expected, rtol=1e-4, atol=1e-6)
    assert found["loss"] == pytest.approx(-np.log(expected[np.arange(30), split.labels]).mean(), rel=1e-4)


@pytest.mark.parametrize("model", ["lenet", "deep_autoencoder"])
def test_what_has_no_ten_crops_is_refused(model, tmp_path):
    recipe = Recipe(model=model, data="digits", epochs=1, learning_rate=1e-3, test_crops=10)
    with pytest.raises(cnnzoo.InputError, match="test_crops=10 is for classifiers and images larger than their input"):
        cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0, train_examples=128)
    with pytest.raises(cnnzoo.InputError, match="unknown test_crops '5'; the values of test_crops are 1, 10"):
        recipe.replace(test_crops=5)
