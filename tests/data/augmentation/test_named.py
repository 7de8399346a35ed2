"""The augmentations by name, inside of a pipeline."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.data import AUGMENTATIONS, Split, eval_pipeline, train_pipeline
from cnnzoo.data.augmentation import augmentation
from cnnzoo.models.lenet import preprocess_input


def photographs(examples=16, size=20):
    """Return smooth colored images, each a different one."""
    waves = np.sin(np.linspace(0, 3, size) + np.arange(examples)[:, None])
    images = waves[:, :, None, None] * waves[:, None, :, None] * [1, 0.5, -0.5]
    return Split((127.5 + 60 * images).astype("uint8"), np.arange(examples, dtype="int32"))


def one_batch(split, name, input_shape, **options):
    batches = train_pipeline(split, len(split), augment=augmentation(name, input_shape), **options)
    images, labels = next(iter(batches.as_numpy_iterator()))
    return images[np.argsort(labels)]


def test_about_half_of_the_images_are_flipped():
    split = photographs(64)
    images = one_batch(split, "flip", (20, 20, 3))
    same = (images == split.images).all(axis=(1, 2, 3))
    mirrored = (images == split.images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert 16 < mirrored.sum() < 48


def test_shifts_are_by_at_most_one_pixel():
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (300, 6, 7, 1), "uint8"), np.arange(300, dtype="int32"))
    images, padded = (
        one_batch(split, "shift", (6, 7, 1)),
        np.pad(split.images, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge"),
    )
    seen = set()
    for image, source in zip(images, padded, strict=True):
        shifts = [(i, j) for i in range(3) for j in range(3) if (source[i : i + 6, j : j + 7] == image).all()]
        assert len(shifts) == 1
        seen |= {*shifts}
    assert len(seen) == 9


def test_flip_shift_shifts_each_image_as_a_whole():
    split = photographs()
    images = one_batch(split, "flip_shift", (20, 20, 3))
    for image, result in zip(split.images, images, strict=True):
        moved = [
            np.pad(source, ((5, 5), (5, 5), (0, 0)), mode="edge")[down : down + 20, right : right + 20]
            for source in (image, image[:, ::-1])
            for down in range(11)
            for right in range(11)
        ]
        assert any((result == candidate).all() for candidate in moved)
    assert not (images == split.images).all(axis=(1, 2, 3)).all()


def test_alexnets_crops_have_the_models_size_and_one_color_shift_each():
    split = photographs()
    images = one_batch(split, "alexnet", (16, 16, 3))
    assert images.shape == (16, 16, 16, 3)
    for image, result in zip(split.images, images, strict=True):
        crops = [
            source[top : top + 16, left : left + 16]
            for source in (image, image[:, ::-1])
            for top in range(5)
            for left in range(5)
        ]
        spread = [np.ptp(result - crop, axis=(0, 1)).max() for crop in crops]
        assert min(spread) < 1e-3  # it is one of the crops, but for one shift of the colors
    assert np.abs(images - np.round(images)).max() > 0.01


def test_pixel_layers_come_before_the_preprocessing_and_input_layers_after():
    split = photographs()
    batches = []

    def record(batch):
        batches.append((batch.shape, batch.dtype))
        return batch / 255

    images = one_batch(split, "alexnet", (16, 16, 3), preprocess=record)
    assert batches == [((16, 16, 16, 3), "float32")]
    assert -0.3 < images.min() < images.max() < 1.3
    one_batch(split, "affine", (16, 16, 3), preprocess=record)
    assert batches[1:] == [((16, 20, 20, 3), "uint8")]


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmented_images_are_float32_under_mixed_precision(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        images = one_batch(photographs(), name, (16, 16, 3), preprocess=lambda batch: batch / 255)
    finally:
        keras.config.set_dtype_policy(before)
    assert images.dtype == "float32"


def test_images_that_do_not_fit_an_augmentation_raise():
    with pytest.raises(cnnzoo.InputError, match="20×20 pixels are too small for crops of 21×16"):
        one_batch(photographs(), "alexnet", (21, 16, 3))
    with pytest.raises(cnnzoo.InputError, match=r"color noise needs images of 3 channels\. Received: 1"):
        one_batch(cnnzoo.data.load("digits").train, "alexnet", (8, 8, 1), preprocess=preprocess_input)


def test_an_unknown_augmentation_raises():
    with pytest.raises(cnnzoo.InputError, match="'afine'; did you mean 'affine'"):
        augmentation("afine", (32, 32, 1))


@pytest.mark.parametrize(("name", "values"), [("masking", {0.0}), ("salt_and_pepper", {0.0, 1.0}), ("noise", None)])
def test_corruptions_change_the_input_and_not_the_target_of_an_autoencoder(name, values):
    split = photographs(32)
    change = augmentation(name, (20, 20, 3))
    options = {"preprocess": lambda images: tf.cast(images, "float32") / 255, "augment": change, "seed": 1}
    corrupted, clean = next(iter(train_pipeline(split, 32, labels=False, **options).as_numpy_iterator()))
    same, labels = next(iter(train_pipeline(split, 32, **options).as_numpy_iterator()))
    np.testing.assert_array_equal(corrupted, same)
    np.testing.assert_allclose(clean, split.images[labels] / 255, atol=1e-6)
    changed = corrupted != clean
    if values is None:
        assert abs((corrupted - clean).std() - 0.3) < 0.01
    else:
        assert abs(changed.mean() - 0.25) < 0.02
        assert set(corrupted[changed].tolist()) == values


def test_autoencoders_are_evaluated_on_clean_images():
    images, targets = next(iter(eval_pipeline(photographs(), 16, labels=False).as_numpy_iterator()))
    np.testing.assert_array_equal(images, targets)
