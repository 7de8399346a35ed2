"""Binary images: white as often as their grays say, the same in each run."""

import numpy as np
import pytest

import cnnzoo
from cnnzoo.data.augmentation import BatchSeeds, augmentation
from cnnzoo.data.binarization import Binarization, binarized, with_draws
from cnnzoo.errors import InputError

GRAYS = np.tile(np.arange(256, dtype="uint8"), (2000, 1)).reshape(2000, 16, 16, 1)


@pytest.mark.parametrize("images", [GRAYS, (GRAYS / 255).astype("float32"), GRAYS / 255])
def test_pixels_are_white_as_often_as_their_grays_say(images):
    drawn = cnnzoo.data.binarize(images, seed=3)
    white = 255 if images.dtype == "uint8" else 1
    assert drawn.dtype == images.dtype
    assert set(np.unique(drawn).tolist()) == {0, white}
    rate = np.arange(256) / 255
    found = (drawn == white).reshape(2000, -1).mean(axis=0)
    assert np.all(np.abs(found - rate) <= 5 * np.sqrt(rate * (1 - rate) / 2000))
    np.testing.assert_array_equal(cnnzoo.data.binarize(images, seed=3), drawn)
    assert np.any(cnnzoo.data.binarize(images, seed=4) != drawn)


def test_layer_draws_as_the_grays_say_and_rounds_outside_of_training():
    images = (GRAYS / 255).astype("float32")
    rate = np.arange(256) / 255
    drawn = np.asarray(Binarization(seed=1)(images, training=True)).reshape(2000, -1)
    assert set(np.unique(drawn).tolist()) == {0, 1}
    assert np.all(np.abs(drawn.mean(axis=0) - rate) <= 5 * np.sqrt(rate * (1 - rate) / 2000))
    np.testing.assert_array_equal(Binarization()(images[:1]), images[:1] > 0.5)


@pytest.mark.parametrize("way", ["fixed", "dynamic"])
def test_test_images_are_drawn_once_and_training_images_as_the_way_says(way):
    grays, drawn = cnnzoo.data.load("digits"), cnnzoo.data.load("digits", binarize=way)
    for part in ("train", "test"):
        binary = set(np.unique(getattr(drawn, part).images).tolist()) == {0, 255}
        assert binary is (way == "fixed" or part == "test")
    again = cnnzoo.data.load("digits", binarize=way)
    np.testing.assert_array_equal(again.test.images, drawn.test.images)
    np.testing.assert_array_equal(drawn.test.labels, grays.test.labels)
    assert abs((drawn.test.images / 255).mean() - (grays.test.images / 255).mean()) < 0.01


def test_target_of_a_drawn_image_is_the_drawn_image_and_each_epoch_has_its_own():
    digits = cnnzoo.data.load("digits")
    augment = with_draws(augmentation("masking", (8, 8, 1)))
    batches = cnnzoo.data.train_pipeline(
        digits.train,
        1437,
        preprocess=lambda images: np.float32(1 / 255) * _float(images),
        augment=augment,
        labels=False,
    )
    (inputs, targets), (_, later) = (tuple(map(np.asarray, batch)) for batch in batches.take(2))
    assert set(np.unique(targets).tolist()) == {0, 1}
    assert np.all(inputs <= targets)  # masked after the draws
    assert np.any(inputs < targets)
    assert abs(targets.mean() - later.mean()) < 0.01


def _float(images):
    import tensorflow as tf

    return tf.cast(images, "float32")


def test_draws_of_a_batch_depend_on_its_seed_alone():
    images = (GRAYS[:8] / 255).astype("float32")
    layer = Binarization()

    def drawn(seed):
        return layer.transform_images(images, layer.get_random_transformation(images, seed=BatchSeeds(np.array(seed))))

    np.testing.assert_array_equal(drawn([1, 2]), drawn([1, 2]))
    assert np.any(np.asarray(drawn([1, 2])) != np.asarray(drawn([1, 3])))


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match="uint8, or floats from 0 to 1"):
        cnnzoo.data.binarize(np.full((1, 4), 7.0))
    with pytest.raises(InputError, match="at random"):
        cnnzoo.data.load("digits", binarize="at random")
    streamed = cnnzoo.data.Source("x", _Streamed(), _Streamed(), ("a",))
    with pytest.raises(InputError, match="drawn in memory"):
        binarized(streamed, "dynamic")


class _Streamed:
    image_shape = (4, 4, 1)

    def __len__(self):
        return 4
