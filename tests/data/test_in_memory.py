"""Data sets in memory, and the decision what fits into it."""

import math
import os

import numpy as np
import pytest
from sklearn.datasets import load_digits

import cnnzoo
from cnnzoo.data.in_memory import fits_into_memory

MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_fake_images_have_cifar10s_shape_by_default():
    source = cnnzoo.data.fake()
    assert (source.image_shape, source.classes, len(source.train), len(source.test)) == ((32, 32, 3), 10, 256, 64)
    assert source.class_names == tuple("0123456789")
    again, other = cnnzoo.data.fake(), cnnzoo.data.fake(seed=1)
    np.testing.assert_array_equal(source.train.images, again.train.images)
    assert (source.train.images != other.train.images).any()


def test_each_class_of_fake_images_has_a_pattern():
    split = cnnzoo.data.fake((8, 9, 1), classes=3, n=600).train
    means = np.stack([split.images[split.labels == label].mean(axis=0) for label in range(3)])
    spread = split.images[split.labels == 0].std(axis=0)
    assert np.abs(means[0] - means[1]).max() > 40
    np.testing.assert_allclose(spread, 128 / 12**0.5, rtol=0.2)  # uniform noise, 128 values wide


def test_class_names_default_to_the_labels():
    images = np.zeros((4, 8, 8), "uint8")
    source = cnnzoo.data.from_arrays((images, np.array([0, 1, 2, 0])), (images[:2], np.array([3, 1])))
    assert source.class_names == ("0", "1", "2", "3")


@pytest.mark.parametrize(("fraction", "fits"), [(0.4, True), (0.6, False)])
def test_images_that_take_more_than_half_of_the_memory_stay_on_disk(fraction, fits):
    shape = (math.ceil(fraction * MEMORY / 2**20), 1024, 1024, 1)
    assert fits_into_memory("set", shape, None) is fits
    assert fits_into_memory("set", shape, True) is False
    if fits:
        assert fits_into_memory("set", shape, False) is True
        return
    gib = 2**30
    message = (
        f"data set 'set' takes {math.prod(shape) / gib:.1f} GiB as (1024, 1024, 1) pixels, more than half of this "
        f"machine's {MEMORY / gib:.1f} GiB; give a smaller image_size, or leave out stream=False"
    )
    with pytest.raises(cnnzoo.InputError) as caught:
        fits_into_memory("set", shape, False)
    assert str(caught.value) == message


def test_another_image_size_for_the_digits_raises():
    assert cnnzoo.data.load("digits", image_size=(8, 8)).image_shape == (8, 8, 1)
    with pytest.raises(cnnzoo.InputError, match="the images of 'digits' are 8×8"):
        cnnzoo.data.load("digits", image_size=(9, 8))


def test_digits_are_scikit_learns_scans_in_a_fixed_split():
    source = cnnzoo.data.load("digits")
    images = np.concatenate([source.train.images, source.test.images])
    labels = np.concatenate([source.train.labels, source.test.labels])
    original = load_digits()

    def rows(images, labels):
        return sorted(
            (tuple(image.ravel().astype(int)), int(label)) for image, label in zip(images, labels, strict=True)
        )

    assert rows(np.round(images / (255 / 16)), labels) == rows(original.images, original.target)
    assert images.dtype == "uint8"
    assert images.max() == 255
    assert np.bincount(source.test.labels).min() >= 34  # stratified
    again = cnnzoo.data.load("digits")
    np.testing.assert_array_equal(source.test.images, again.test.images)


def test_arrays_are_not_copied():
    images, labels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), "uint8"), np.arange(20) % 4
    source = cnnzoo.data.from_arrays((images, labels), (images[:5], labels[:5]), class_names="abcd")
    assert source.train.images is images
    assert (source.classes, source.image_shape, source.class_names) == (4, (8, 8, 3), ("a", "b", "c", "d"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((5, 8, 8))}, r"must be uint8 of shape .* Received: float64 of shape \(5, 8, 8, 1\)"),
        ({"images": np.zeros((5, 64), "uint8")}, r"Received: uint8 of shape \(5, 64\)"),
        ({"labels": np.zeros(4, "int64")}, r"integers of shape \(5,\)\. Received: int64 of shape \(4,\)"),
        ({"labels": np.zeros(5)}, "Received: float64"),
        ({"labels": np.array([0, 1, 2, 3, -1])}, "labels of at least 0"),
        ({"images": np.zeros((0, 8, 8), "uint8"), "labels": np.zeros(0, "int64")}, "must have examples"),
        ({"class_names": ["a"]}, "labels up to 4, but only 1 class names"),
        ({"test_images": np.zeros((5, 9, 9), "uint8")}, r"two shapes, \(8, 8, 1\) in train, \(9, 9, 1\) in test"),
    ],
)
def test_arrays_that_do_not_fit_raise(change, message):
    images, labels = np.zeros((5, 8, 8), "uint8"), np.arange(5)
    train = (change.get("images", images), change.get("labels", labels))
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.data.from_arrays(
            train, (change.get("test_images", images), labels), class_names=change.get("class_names")
        )


def test_fake_images_are_separable_and_depend_only_on_the_seed():
    one, other = (cnnzoo.data.fake((8, 8, 1), classes=3, n=60) for _ in range(2))
    np.testing.assert_array_equal(one.train.images, other.train.images)
    means = np.stack([one.train.images[one.train.labels == label].mean(axis=0) for label in range(3)])
    distances = np.square(one.test.images[:, None] - means).sum(axis=(2, 3, 4))
    np.testing.assert_array_equal(distances.argmin(axis=1), one.test.labels)
    with pytest.raises(cnnzoo.InputError, match=r"`classes` must be a positive integer\. Received: 0"):
        cnnzoo.data.fake(classes=0)
