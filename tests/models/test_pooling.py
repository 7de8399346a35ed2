"""Pooling that rounds up against PyTorch's."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.models.pooling import pool_rounding_up


def pooled(maps, sides):
    images = keras.Input((*sides, maps.shape[-1]))
    return np.asarray(keras.Model(images, pool_rounding_up(images, "pool"))(maps))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("sides", [(110, 110), (26, 26), (13, 13), (2, 2), (3, 4), (7, 2), (32, 17)])
def test_it_equals_pytorchs_ceil_mode(sides, known):
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    maps = np.random.default_rng(0).normal(size=(2, *sides, 3)).astype("float32").clip(0)
    expected = torch.nn.functional.max_pool2d(torch.tensor(maps.transpose(0, 3, 1, 2)), 3, 2, ceil_mode=True).numpy()
    found = pooled(maps, sides if known else (None, None))
    np.testing.assert_array_equal(np.moveaxis(found, -1, 1), expected)


@pytest.mark.parametrize(("sides", "layers"), [((4, 6), 1), ((5, 7), 1), ((4, 7), 2), ((None, 4), 2)])
def test_zeros_are_added_only_where_no_padding_fits(sides, layers):
    images = keras.Input((*sides, 1))
    assert len(keras.Model(images, pool_rounding_up(images, "pool")).layers) - 1 == layers


@pytest.mark.parametrize("sides", [(1, 1), (1, 4), (5, 1)])
def test_one_pixel_is_too_small(sides):
    with pytest.raises(cnnzoo.InputError, match="the input is too small: layer 'pool'"):
        pool_rounding_up(keras.Input((*sides, 1)), "pool")
