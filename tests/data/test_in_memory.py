"""Images that need no files, and what fits into memory."""

import math
import os

import numpy as np
import pytest

import cnnzoo
from cnnzoo.data.in_memory import fits_into_memory

MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_made_up_images_are_like_cifar10_where_nothing_is_said():
    source = cnnzoo.data.fake()
    assert (source.image_shape, source.classes, len(source.train), len(source.test)) == ((32, 32, 3), 10, 256, 64)
    assert source.class_names == tuple("0123456789")
    again, other = cnnzoo.data.fake(), cnnzoo.data.fake(seed=1)
    np.testing.assert_array_equal(source.train.images, again.train.images)
    assert (source.train.images != other.train.images).any()


def test_each_class_of_made_up_images_has_a_pattern():
    split = cnnzoo.data.fake((8, 9, 1), classes=3, n=600).train
    means = np.stack([split.images[split.labels == label].mean(axis=0) for label in range(3)])
    spread = split.images[split.labels == 0].std(axis=0)
    assert np.abs(means[0] - means[1]).max() > 40
    np.testing.assert_allclose(spread, 128 / 12**0.5, rtol=0.2)  # uniform noise, 128 values wide


def test_labels_are_the_names_of_classes_up_to_the_largest():
    images = np.zeros((4, 8, 8), "uint8")
    source = cnnzoo.data.from_arrays((images, np.array([0, 1, 2, 0])), (images[:2], np.array([3, 1])))
    assert source.class_names == ("0", "1", "2", "3")


@pytest.mark.parametrize(("share", "fits"), [(0.4, True), (0.6, False)])
def test_what_takes_more_than_half_of_the_memory_is_left_on_disk(share, fits):
    shape = (math.ceil(share * MEMORY / 2**20), 1024, 1024, 1)
    assert fits_into_memory("set", shape, None) is fits
    assert fits_into_memory("set", shape, True) is False
    if fits:
        assert fits_into_memory("set", shape, False) is True
        return
    gib = 2**30
    words = (
        f"data set 'set' takes {math.prod(shape) / gib:.1f} GiB as (1024, 1024, 1) pixels, more than half of this "
        f"machine's {MEMORY / gib:.1f} GiB; give a smaller image_size, or leave out stream=False"
    )
    with pytest.raises(cnnzoo.InputError) as caught:
        fits_into_memory("set", shape, False)
    assert str(caught.value) == words


def test_the_digits_take_no_other_size_than_their_own():
    assert cnnzoo.data.load("digits", image_size=(8, 8)).image_shape == (8, 8, 1)
    with pytest.raises(cnnzoo.InputError, match="the images of 'digits' are 8×8"):
        cnnzoo.data.load("digits", image_size=(9, 8))
