"""A linear code that begins at the principal components, against scikit-learn's."""

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA

import cnnzoo
from cnnzoo.layers import PrincipalComponents


def correlated(count, width=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, width)) @ rng.normal(size=(width, width)) + rng.normal(size=width)


@pytest.mark.parametrize("batches", [False, True])
def test_adapted_it_is_scikit_learns_principal_components(batches):
    rows = correlated(300)
    layer = PrincipalComponents(4)
    layer.adapt(np.array_split(rows, 7) if batches else rows)
    reference = PCA(4, svd_solver="full").fit(rows)
    codes = np.asarray(layer(rows), "float64")
    assert np.abs(np.abs(codes) - np.abs(reference.transform(rows))).max() < 1e-4  # their signs are free
    expected = reference.inverse_transform(reference.transform(rows))
    np.testing.assert_allclose(layer(codes, reverse=True), expected, atol=1e-4)


def test_images_are_flattened():
    images = correlated(100).reshape(100, 2, 3, 2)
    layer, flat = PrincipalComponents(3), PrincipalComponents(3)
    layer.adapt(images)
    flat.adapt(images.reshape(100, 12))
    np.testing.assert_array_equal(layer.kernel, flat.kernel)


def test_few_examples_leave_directions_that_it_warns_of():
    few = correlated(4)
    layer = PrincipalComponents(5)
    with pytest.warns(UserWarning, match="5 units and is adapted to 4 examples: .* 1 at least are arbitrary"):
        layer.adapt(few)
    np.testing.assert_allclose(np.transpose(layer.kernel) @ layer.kernel, np.eye(5), atol=1e-6)
    np.testing.assert_allclose(layer(layer(few), reverse=True), few, rtol=1e-4, atol=1e-4)


def test_before_that_its_columns_are_orthonormal():
    layer = PrincipalComponents(5)
    layer.build((None, 9))
    np.testing.assert_allclose(np.transpose(layer.kernel) @ layer.kernel, np.eye(5), atol=1e-6)


def test_it_is_trained_and_saved_as_any_layer(tmp_path):
    rows = correlated(200).astype("float32")
    inputs = keras.Input((12,))
    layer = PrincipalComponents(4, name="code")
    model = keras.Model(inputs, layer(layer(inputs), reverse=True))
    layer.adapt(rows)
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    before = model.evaluate(rows, rows, verbose=0)
    after = model.fit(rows, rows, epochs=3, verbose=0).history["loss"][-1]
    assert after == pytest.approx(before, rel=1e-3)  # the optimum of linear codes: nothing to gain
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(cnnzoo.load_model(tmp_path / "model.keras")(rows), model(rows))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PrincipalComponents(5).build((None, 4)), r"encodes 4 numbers, .* Received: units=5"),
        (lambda: PrincipalComponents(1).adapt(correlated(1)), "at least two examples"),
        (lambda: PrincipalComponents(1).adapt(np.full((3, 2), np.nan)), "finite numbers"),
        (lambda: PrincipalComponents(1).adapt(np.zeros((2, 12_289))), "at most 12,288 values.* Received: 12,289"),
        (lambda: PrincipalComponents(0), "units"),
    ],
)
def test_what_has_no_principal_components_is_refused(call, message):
    with pytest.raises((cnnzoo.InputError, ValueError), match=message):
        call()
