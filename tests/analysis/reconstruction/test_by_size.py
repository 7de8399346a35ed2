"""One fit of principal components gives the errors of all smaller ones."""

import dataclasses

import numpy as np
import pytest

import cnnzoo
from cnnzoo.analysis import pca, pca_errors, squared_error


@pytest.fixture(scope="module")
def digits():
    return cnnzoo.data.load("digits")


def test_each_error_is_that_of_a_fit_of_its_own(digits):
    curve = pca_errors(pca(digits.train.images, 20), digits.test.images)
    assert (np.diff(curve) < 0).all()
    for size in (1, 2, 9, 20):
        own = pca(digits.train.images, size)
        assert curve[size - 1] == pytest.approx(
            squared_error(digits.test.images, own.reconstruct(digits.test.images)), rel=1e-5
        )


def test_the_first_components_are_those_of_a_smaller_fit(digits):
    whole, own = pca(digits.train.images, 20), pca(digits.train.images, 5)
    first = whole.first(5).reconstruct(digits.test.images)
    np.testing.assert_allclose(first, own.reconstruct(digits.test.images), atol=1e-5)


def test_what_is_refused(digits):
    code = pca(digits.train.images, 4)
    for size in (0, 5, 2.0):
        with pytest.raises(cnnzoo.InputError, match=r"of PCA with 4 numbers the first .* cannot be taken alone"):
            code.first(size)
    with pytest.raises(cnnzoo.InputError, match="cannot be taken alone"):
        dataclasses.replace(code, logistic=True).first(2)
    with pytest.raises(cnnzoo.InputError, match="PCA"):
        pca_errors(code, np.zeros((2, 9, 8, 1)))
