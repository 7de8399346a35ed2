import numpy as np
import pytest

import cnnzoo
from cnnzoo.layers import TenCrops


@pytest.mark.parametrize(("height", "width"), [(3, 3), (5, 2), (6, 7)])
def test_they_are_the_four_corners_the_centre_and_their_mirror_images(height, width):
    images = np.random.default_rng(0).normal(size=(3, 6, 7, 2)).astype("float32")
    crops = np.reshape(TenCrops(height, width)(images), (3, 10, height, width, 2))
    down, right = 6 - height, 7 - width
    places = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    for number, (top, left) in enumerate(places):
        expected = images[:, top : top + height, left : left + width]
        np.testing.assert_array_equal(crops[:, number], expected)
        np.testing.assert_array_equal(crops[:, number + 5], expected[:, :, ::-1])


def test_crops_that_cannot_be_are_refused():
    with pytest.raises(cnnzoo.InputError, match="ten crops of 8×8 need images of at least that size, not 6×7"):
        TenCrops(8, 8)(np.zeros((1, 6, 7, 3), "float32"))
    with pytest.raises(cnnzoo.InputError, match="width must be an integer of at least 1, not 0"):
        TenCrops(2, 0)
