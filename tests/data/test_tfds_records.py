"""Images streamed from TFDS' files: the same as in memory, in an order that depends on the seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy.ndimage import map_coordinates

import cnnzoo
from cnnzoo.data import Split, StreamedSplit, eval_pipeline, steps_per_epoch, tfds_records, train_pipeline
from cnnzoo.data.augmentation import augmentation
from cnnzoo.data.decoding import crop_and_resize


def load(folder, **options):
    return cnnzoo.data.load("imagenet2012", data_dir=folder, **{"image_size": (32, 32), "stream": True, **options})


@pytest.fixture(scope="module")
def streamed(imagenet_folder):
    return load(imagenet_folder)


@pytest.fixture(scope="module")
def loaded(imagenet_folder):
    return load(imagenet_folder, stream=False)


def epochs(split, batch_size, count, **options):
    """Return every epoch as one array of images and one of labels."""
    steps = steps_per_epoch(split, batch_size)
    batches = list(train_pipeline(split, batch_size, **options).take(steps * count).as_numpy_iterator())
    return [
        tuple(np.concatenate(parts) for parts in zip(*batches[start : start + steps], strict=True))
        for start in range(0, len(batches), steps)
    ]


def images_and_labels(split, batch_size=5):
    batches = eval_pipeline(split, batch_size).as_numpy_iterator()
    return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))


def as_set(images):
    return {image.tobytes() for image in images}


def test_imagenets_validation_split_is_for_testing_as_its_test_split_has_no_labels(streamed, loaded):
    for source, kind in ((streamed, StreamedSplit), (loaded, Split)):
        assert isinstance(source.train, kind)
        assert (len(source.train), len(source.test)) == (48, 12)
        assert (source.image_shape, source.classes) == ((32, 32, 3), 1000)
    assert loaded.test.labels.min() >= 0


def sampled(image, side):
    """Return an image at another size by SciPy: bilinear between the centers of the pixels, in float64."""
    positions = [(np.arange(side) + 0.5) * each / side - 0.5 for each in image.shape[:2]]
    grid = np.meshgrid(*positions, indexing="ij")
    colors = np.moveaxis(image.astype("float64"), -1, 0)
    return np.stack([map_coordinates(color, grid, order=1, mode="nearest") for color in colors], axis=-1)


def test_images_are_cropped_to_the_center_and_resized(loaded, imagenet_folder):
    """As SciPy samples them where they are less than twice as large, and as PIL averages them where they are larger."""
    import tensorflow_datasets as tfds

    originals = tfds.load("imagenet2012", split="validation", data_dir=imagenet_folder, as_supervised=True)
    kinds = set()
    for (original, label), image, our_label in zip(originals, loaded.test.images, loaded.test.labels, strict=True):
        sides, side = np.array(original.shape[:2]), min(original.shape[:2])
        top, left = (sides - side) // 2
        part = original.numpy()[top : top + side, left : left + side]
        averaged = side >= 64
        expected = np.asarray(Image.fromarray(part).resize((32, 32), Image.BILINEAR)) if averaged else sampled(part, 32)
        np.testing.assert_allclose(image.astype("float64"), expected, atol=1.01 if averaged else 0.51)
        assert label == our_label
        kinds.add(averaged)
    assert len(kinds) == 2


@pytest.mark.parametrize("size", [(20, 60), (60, 20), (30, 50), (7, 7)])
def test_the_crop_keeps_the_aspect_ratio_for_every_size(size):
    """Brightness rises by one per pixel downwards and by two to the right: the slopes after resizing show the scale."""
    rows, columns = np.mgrid[:30, :50]
    image = (rows + 2 * columns)[..., None].astype("uint8")
    center = crop_and_resize(tf.constant(image), size).numpy()[..., 0].astype(float)
    scale = max(size[0] / 30, size[1] / 50)
    assert center.shape == size
    assert center.mean() == pytest.approx(image.mean(), abs=1.5 / scale)  # half a pixel
    inner = center[size[0] // 4 : -(size[0] // 4) or None, size[1] // 4 : -(size[1] // 4) or None]
    if min(size) > 1:
        assert np.diff(inner, axis=0).mean() == pytest.approx(1 / scale, rel=0.1)
        assert np.diff(inner, axis=1).mean() == pytest.approx(2 / scale, rel=0.1)


def test_streamed_images_equal_loaded_ones(streamed, loaded):
    images, labels = images_and_labels(streamed.test)
    np.testing.assert_array_equal(images, loaded.test.images)
    np.testing.assert_array_equal(labels, loaded.test.labels)
    pairs = {image.tobytes(): label for image, label in zip(loaded.train.images, loaded.train.labels, strict=True)}
    ((images, labels),) = epochs(streamed.train, 12, count=1)
    assert [pairs[image.tobytes()] for image in images] == list(labels)


def test_streamed_cifar10_equals_loaded_cifar10(tfds_folder):
    split, whole = (cnnzoo.data.load("cifar10", data_dir=tfds_folder, stream=stream).test for stream in (True, False))
    images, labels = images_and_labels(split[1000:1300])
    np.testing.assert_array_equal(images, whole.images[1000:1300])
    np.testing.assert_array_equal(labels, whole.labels[1000:1300])


@pytest.mark.parametrize("block_bytes", [2**29, 10_000], ids=["one block", "many blocks"])
def test_every_epoch_has_every_image_once_in_an_order_of_its_own(streamed, loaded, monkeypatch, block_bytes):
    monkeypatch.setattr(tfds_records, "BLOCK_BYTES", block_bytes)
    orders = epochs(streamed.train, 12, count=4)
    for images, _ in orders:
        assert as_set(images) == as_set(loaded.train.images)
    assert len({images.tobytes() for images, _ in orders}) == 4


def test_partial_batches_leave_out_other_images_in_each_epoch(streamed):
    seen = [as_set(images) for images, _ in epochs(streamed.train, 20, count=10)]
    assert {len(images) for images in seen} == {40}
    assert len(set.union(*seen)) == 48


def test_order_depends_only_on_the_seed_of_the_pipeline(streamed):
    orders = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(len(orders))
        orders.append(epochs(streamed.train, 12, count=1, seed=seed)[0][0])
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()


def test_a_pipeline_that_starts_at_a_later_epoch_continues_the_same_order(streamed):
    options = {"seed": 5, "augment": augmentation("alexnet", (28, 28, 3)), "steps": 3}
    whole = list(train_pipeline(streamed.train, 12, **options).skip(6).take(3).as_numpy_iterator())
    late = list(train_pipeline(streamed.train, 12, first_epoch=2, **options).take(3).as_numpy_iterator())
    for (images, labels), (late_images, late_labels) in zip(whole, late, strict=True):
        assert images.shape == (12, 28, 28, 3)
        np.testing.assert_array_equal(images, late_images)
        np.testing.assert_array_equal(labels, late_labels)


def test_the_last_fraction_is_held_out_and_parts_are_disjoint(streamed, loaded):
    kept, out = streamed.train.held_out(0.25, seed=3)
    parts = [as_set(images_and_labels(part)[0]) for part in (kept[:10], kept[10:], out)]
    assert [len(part) for part in parts] == [10, 26, 12]
    assert set.union(*parts) == as_set(loaded.train.images)
    assert as_set(epochs(kept, 12, count=1)[0][0]) == parts[0] | parts[1]
    assert len(streamed.train[:1000]) == 48
    assert len(streamed.train[5:3]) == 0
    with pytest.raises(cnnzoo.InputError, match=r"a fraction of 0\.001 of 48 examples leaves an empty part"):
        streamed.train.held_out(0.001, seed=0)
    with pytest.raises(cnnzoo.InputError, match=r"must be 1\. Received: 2"):
        streamed.train[::2]
    with pytest.raises(cnnzoo.InputError, match=r"from 1 to 10, the number of training examples\. Received: 11"):
        train_pipeline(kept[:10], 11)


def test_images_that_do_not_fit_into_memory_are_streamed_by_default(imagenet_folder):
    large = {"image_size": (200_000, 200_000)}
    assert isinstance(load(imagenet_folder, stream=None, **large).train, StreamedSplit)
    assert isinstance(load(imagenet_folder, stream=None).train, Split)
    with pytest.raises(cnnzoo.InputError, match=r"takes 6705.5 GiB .* or leave out stream=False"):
        load(imagenet_folder, stream=False, **large)


def test_data_sets_that_cannot_be_streamed_raise(imagenet_folder, imagenet_in_another_format):
    with pytest.raises(cnnzoo.InputError, match="'digits' are always in memory"):
        cnnzoo.data.load("digits", stream=True)
    with pytest.raises(cnnzoo.InputError, match="have many sizes; give image_size"):
        load(imagenet_folder, image_size=None)
    with pytest.raises(cnnzoo.InputError, match="is stored as 'array_record'; cnnzoo reads 'tfrecord'"):
        load(imagenet_in_another_format)
