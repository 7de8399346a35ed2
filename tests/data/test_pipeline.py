import gc

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.data import Split, eval_pipeline, steps_per_epoch, train_pipeline
from cnnzoo.data.augmentation import augmentation
from cnnzoo.models import lenet

LENET = (32, 32, 1)


def preprocess_input(images):
    return lenet.preprocess_input(images, LENET)


def numbered(examples):
    """Return images whose every pixel is their own number, with that number as label."""
    labels = np.arange(examples, dtype="int32")
    images = np.broadcast_to(labels[:, None, None, None].astype("uint8"), (examples, 4, 4, 1)).copy()
    return Split(images, labels)


def epochs(split, batch_size, count, **options):
    steps = steps_per_epoch(split, batch_size)
    batches = list(train_pipeline(split, batch_size, **options).take(steps * count).as_numpy_iterator())
    return [batches[start : start + steps] for start in range(0, len(batches), steps)]


def test_every_image_keeps_its_label_and_comes_at_most_once_an_epoch():
    for epoch in epochs(numbered(103), 10, count=3):
        labels = np.concatenate([labels for _, labels in epoch])
        images = np.concatenate([images for images, _ in epoch])
        assert len(labels) == 100
        assert len(set(labels)) == 100
        np.testing.assert_array_equal(images, np.broadcast_to(labels[:, None, None, None], images.shape))


def test_epochs_differ_and_other_epochs_leave_out_others():
    orders = [np.concatenate([labels for _, labels in epoch]) for epoch in epochs(numbered(103), 10, count=20)]
    assert len({tuple(order) for order in orders}) == 20
    assert set(np.concatenate(orders)) == set(range(103))


def test_order_depends_only_on_the_seed():
    one, same, other = (epochs(numbered(64), 8, count=1, seed=seed)[0] for seed in (1, 1, 2))
    assert all((a[1] == b[1]).all() for a, b in zip(one, same, strict=True))
    assert any((a[1] != b[1]).any() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", ["none", "affine_elastic", "flip_shift", "noise", "masking"])
def test_a_pipeline_that_starts_at_a_later_epoch_continues_the_same_order(name):
    split = cnnzoo.data.load("digits").train[:70]
    options = {"preprocess": preprocess_input, "seed": 5}
    whole = epochs(split, 16, count=3, augment=augmentation(name, LENET), **options)
    late = epochs(split, 16, count=1, augment=augmentation(name, LENET), first_epoch=2, **options)
    for (images, labels), (late_images, late_labels) in zip(whole[2], late[0], strict=True):
        np.testing.assert_array_equal(images, late_images)
        np.testing.assert_array_equal(labels, late_labels)


def test_augmentation_differs_between_batches_and_epochs_and_keeps_the_scale():
    split = Split(np.tile(cnnzoo.data.load("digits").train.images[:1], (16, 1, 1, 1)), np.zeros(16, "int32"))
    batches = epochs(split, 8, count=2, preprocess=preprocess_input, augment=augmentation("affine", LENET))
    images = np.concatenate([images for epoch in batches for images, _ in epoch])
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)
    assert images.min() >= -0.1 - 1e-5
    assert images.max() <= 1.175 + 1e-5
    clean = np.asarray(preprocess_input(split.images[:1]))
    assert np.abs(images - clean).mean() < 0.25 * np.abs(clean - clean.mean()).mean() * 4


def test_evaluation_returns_every_example_once_in_order():
    split = numbered(53)
    labels = np.concatenate([labels for _, labels in eval_pipeline(split, 10).as_numpy_iterator()])
    np.testing.assert_array_equal(labels, split.labels)


def test_training_and_evaluation_preprocess_alike():
    split = cnnzoo.data.load("digits").test[:32]
    ((trained, labels),) = epochs(split, 32, count=1, preprocess=preprocess_input)[0]
    ((evaluated, _),) = eval_pipeline(split, 32, preprocess=preprocess_input).as_numpy_iterator()
    order = [np.flatnonzero((evaluated == image).all(axis=(1, 2, 3)))[0] for image in trained]
    np.testing.assert_array_equal(split.labels[order], labels)


@pytest.mark.parametrize("batch_size", [0, 11, -1])
def test_a_batch_size_out_of_range_raises(batch_size):
    with pytest.raises(
        cnnzoo.InputError, match=f"from 1 to 10, the number of training examples. Received: {batch_size}"
    ):
        train_pipeline(numbered(10), batch_size)


def test_an_epoch_of_fewer_steps_is_followed_by_a_new_order():
    whole = epochs(numbered(64), 8, count=1, first_epoch=1)[0]
    short = list(train_pipeline(numbered(64), 8, steps=3).skip(3).take(3).as_numpy_iterator())
    for (_, labels), (_, short_labels) in zip(whole, short, strict=False):
        np.testing.assert_array_equal(labels, short_labels)
    with pytest.raises(cnnzoo.InputError, match=r"from 1 to 8, the number of whole batches in an epoch\. Received: 9"):
        train_pipeline(numbered(64), 8, steps=9)


def test_held_out_and_remaining_examples_are_disjoint_and_complete():
    kept, out = numbered(50).held_out(0.2, seed=3)
    assert len(out) == 10
    assert sorted([*kept.labels, *out.labels]) == list(range(50))
    with pytest.raises(cnnzoo.InputError, match="leaves an empty part"):
        numbered(3).held_out(0.01, seed=0)


@pytest.mark.parametrize("kind", ["memory", "files", "tfds"])
def test_the_shards_of_workers_make_the_batches_of_one_process(kind, photo_folder, imagenet_folder):
    if kind == "tfds":
        split = cnnzoo.data.load("imagenet2012", data_dir=imagenet_folder, image_size=(16, 16), stream=True).train
    else:
        split = cnnzoo.data.load(photo_folder, image_size=(16, 16), stream=kind == "files").train
    whole = np.concatenate([images for epoch in epochs(split, 12, 2, seed=3) for images, _ in epoch])
    steps = steps_per_epoch(split, 12)
    parts = [
        [images for images, _ in train_pipeline(split, 12, seed=3, worker=worker, workers=3).take(2 * steps)]
        for worker in range(3)
    ]
    np.testing.assert_array_equal(np.concatenate([part for step in zip(*parts, strict=True) for part in step]), whole)


def test_workers_draw_different_noise():
    split = Split(np.zeros((8, 8, 8, 1), "uint8"), np.zeros(8, "int32"))
    parts = [
        next(iter(train_pipeline(split, 8, augment=augmentation("noise", (8, 8, 1)), worker=worker, workers=2)))[0]
        for worker in range(2)
    ]
    assert (parts[0].numpy() != parts[1].numpy()).all()


@pytest.mark.parametrize(("worker", "workers"), [(2, 2), (-1, 2), (0, 3), (0, 0)])
def test_shards_out_of_range_raise(worker, workers):
    with pytest.raises(cnnzoo.InputError, match="`worker` must be from 0 to below `workers`"):
        train_pipeline(numbered(8), 8, worker=worker, workers=workers)


@pytest.mark.parametrize("pipeline", [train_pipeline, eval_pipeline])
def test_a_data_set_lies_in_the_memory_of_the_host(pipeline):
    """The second logical device stands for a GPU, on which TensorFlow would put it."""
    split = Split(np.zeros((64, 9, 7, 1), "uint8"), np.zeros(64, "int32"))

    def devices():
        gc.collect()  # other tests' data sets
        tensors = (each for each in gc.get_objects() if isinstance(each, tf.Tensor) and hasattr(each, "numpy"))
        return {tensor.device[-5:] for tensor in tensors if tensor.shape == split.images.shape}

    with tf.device("CPU:1"):
        there = tf.constant(split.images)
        assert devices() == {"CPU:1"}
        del there
        batches = pipeline(split, 8)
        assert devices() == {"CPU:0"}
    assert batches.element_spec[0].shape[1:] == (9, 7, 1)
