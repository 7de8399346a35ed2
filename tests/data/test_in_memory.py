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
        (
            {"images": np.ones((5, 8, 8))},
            r"must be uint8, or have scale=1 or scale=255, .* Received: float64 from 1 to 1",
        ),
        ({"images": np.full((5, 8, 8), "a")}, r"must be uint8, other integers or floats\. Received: <U1"),
        (
            {"images": np.full((5, 8, 8), 1.5), "scale": 1},
            r"as scale=1 says\. Received: float64 from 1\.5 to",
        ),
        ({"images": np.full((5, 8, 8), np.nan), "scale": 255}, r"from 0 to 255, .* Received: float64 from nan to nan"),
        ({"images": np.full((5, 8, 8), -1), "scale": 255}, r"from 0 to 255, .* Received: int64 from -1 to -1"),
        ({"images": np.full((5, 8, 8), 2, "uint8"), "scale": 1}, r"from 0 to 1, .* Received: uint8 from 2 to 2"),
        (
            {"images": np.full((5, 8, 8), 0.5), "scale": 255},
            r"from 0 to 255, as scale=255 says; scale=1 is for those of 0 to 1\. Received: float64 from 0\.5 to 0\.5",
        ),
        ({"images": np.ones((5, 8, 8), bool), "scale": 255}, r"scale=1 is for those .* Received: bool from 1 to 1"),
        ({"scale": 2}, "unknown scale '2'; the values of scale are 1, 255"),
        ({"images": np.zeros((5, 64), "uint8")}, r"Received: uint8 of shape \(5, 64\)"),
        ({"labels": np.zeros(4, "int64")}, r"integers of shape \(5,\) or \(5, 1\)\. Received: int64 of shape \(4,\)"),
        ({"labels": np.zeros(5)}, "Received: float64"),
        ({"labels": np.eye(5, dtype=int)}, r"Received: int64 of shape \(5, 5\)"),
        ({"labels": np.array([0, 1, 2, 3, -1])}, r"from 0 to the number of classes less one.* Received: -1 to 3"),
        ({"labels": np.array([0, 1, 2, 3, 2**32])}, r"at most 999,999\. Received: 0 to 4294967296"),
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
            train,
            (change.get("test_images", change.get("images", images)), labels),
            class_names=change.get("class_names"),
            scale=change.get("scale"),
        )


@pytest.mark.parametrize(
    ("dtype", "scale"), [("float16", 1), ("float32", 1), ("float64", 255), ("int64", 255), (bool, 1)]
)
def test_pixels_of_other_types_are_scaled_and_rounded(dtype, scale):
    wanted = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3))
    images = (wanted > 127 if dtype is bool else wanted / (255 / scale)).astype(dtype)
    source = cnnzoo.data.from_arrays((images, np.arange(20) % 2), (images[:5], np.arange(5) % 2), scale=scale)
    assert source.train.images.dtype == "uint8"
    np.testing.assert_array_equal(source.train.images, 255 * (wanted > 127) if dtype is bool else wanted)


def test_labels_in_a_column_are_taken_as_keras_data_sets_have_them():
    labels = np.array([[3], [0], [1], [2]], "uint8")
    images = np.zeros((4, 8, 8, 3), "uint8")
    source = cnnzoo.data.from_arrays((images, labels), (images, labels))
    np.testing.assert_array_equal(source.train.labels, [3, 0, 1, 2])


def test_classes_without_images_are_named(caplog):
    images = np.zeros((4, 8, 8), "uint8")

    def warned(labels, **options):
        caplog.clear()
        cnnzoo.data.from_arrays((images, np.array(labels)), (images, np.array(labels)), **options)
        return caplog.messages

    assert warned([0, 1, 2, 0]) == []
    assert warned([1, 2, 10, 1]) == ["arrays: labels begin at 1, not at 0, which makes 11 classes: subtract 1"]
    assert warned([0, 1, 3, 1]) == ["arrays: no training image is of class '2', which a model cannot learn"]
    assert warned([1, 2, 2, 1], class_names="abc", name="x") == [
        "x: no training image is of class 'a', which a model cannot learn"
    ]


def test_fake_images_are_separable_and_depend_only_on_the_seed():
    one, other = (cnnzoo.data.fake((8, 8, 1), classes=3, n=60) for _ in range(2))
    np.testing.assert_array_equal(one.train.images, other.train.images)
    means = np.stack([one.train.images[one.train.labels == label].mean(axis=0) for label in range(3)])
    distances = np.square(one.test.images[:, None] - means).sum(axis=(2, 3, 4))
    np.testing.assert_array_equal(distances.argmin(axis=1), one.test.labels)
    with pytest.raises(cnnzoo.InputError, match=r"`classes` must be a positive integer\. Received: 0"):
        cnnzoo.data.fake(classes=0)


@pytest.mark.parametrize(("pair", "received"), [(None, "NoneType"), ((1, 2, 3), "3 of them")])
def test_each_split_is_a_pair_of_arrays(pair, received):
    arrays = np.zeros((5, 8, 8), "uint8"), np.arange(5)
    with pytest.raises(cnnzoo.InputError, match=rf"`test` must be images and their labels, .* Received: {received}"):
        cnnzoo.data.from_arrays(arrays, pair)


@pytest.mark.parametrize("name", [None, 5, ""])
def test_what_is_no_name_of_a_data_set_is_refused(name):
    with pytest.raises(cnnzoo.InputError, match="`name` must be the name of a data set, or the path of a folder"):
        cnnzoo.data.load(name)
