"""The ten crops of AlexNet's evaluation against NumPy's slices."""

import numpy as np
import pytest

import cnnzoo
from cnnzoo.layers import TenCrops


@pytest.mark.parametrize(("height", "width"), [(3, 3), (5, 2), (6, 7)])
def test_crops_are_the_four_corners_the_center_and_their_flips(height, width):
    images = np.random.default_rng(0).normal(size=(3, 6, 7, 2)).astype("float32")
    crops = np.reshape(TenCrops(height, width)(images), (3, 10, height, width, 2))
    down, right = 6 - height, 7 - width
    corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    for number, (top, left) in enumerate(corners):
        expected = images[:, top : top + height, left : left + width]
        np.testing.assert_array_equal(crops[:, number], expected)
        np.testing.assert_array_equal(crops[:, number + 5], expected[:, :, ::-1])


def test_crops_larger_than_the_image_or_without_pixels_raise():
    with pytest.raises(cnnzoo.InputError, match=r"crops of 8×8 need images of at least that size\. Received: 6×7"):
        TenCrops(8, 8)(np.zeros((1, 6, 7, 3), "float32"))
    with pytest.raises(cnnzoo.InputError, match=r"`width` must be a positive integer\. Received: 0"):
        TenCrops(2, 0)


@pytest.mark.parametrize("batch", [None, 3])
def test_the_batch_is_ten_times_as_large(batch):
    assert TenCrops(4, 5).compute_output_shape((batch, 6, 7, 2)) == (batch and 30, 4, 5, 2)


def test_a_crop_may_be_one_pixel():
    image = np.arange(9.0).reshape(1, 3, 3, 1)
    found = np.ravel(TenCrops(1, 1)(image)).tolist()
    assert found == [0, 2, 6, 8, 4, 0, 2, 6, 8, 4]
    assert TenCrops(3, 1)(image).shape == (10, 3, 1, 1)
