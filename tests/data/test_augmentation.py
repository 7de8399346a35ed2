import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.stats import chisquare

import cnnzoo
from cnnzoo.data import AUGMENTATIONS, Split, eval_pipeline, train_pipeline
from cnnzoo.data.augmentation import BatchSeeds, ElasticDistortion, augmentation
from cnnzoo.data.augmentation.elastic_distortion import uniform_bytes
from cnnzoo.models.lenet import preprocess_input


def photographs(examples=16, size=20):
    """Return smooth colored images, each another one."""
    waves = np.sin(np.linspace(0, 3, size) + np.arange(examples)[:, None])
    images = waves[:, :, None, None] * waves[:, None, :, None] * [1, 0.5, -0.5]
    return Split((127.5 + 60 * images).astype("uint8"), np.arange(examples, dtype="int32"))


def one_batch(split, name, input_shape, **options):
    batches = train_pipeline(split, len(split), augment=augmentation(name, input_shape), **options)
    images, labels = next(iter(batches.as_numpy_iterator()))
    return images[np.argsort(labels)]


def test_flips_mirror_about_half_of_the_images():
    split = photographs(64)
    images = one_batch(split, "flip", (20, 20, 3))
    same = (images == split.images).all(axis=(1, 2, 3))
    mirrored = (images == split.images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert 16 < mirrored.sum() < 48


def test_shifts_are_the_nine_of_one_pixel_at_most():
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (300, 6, 7, 1), "uint8"), np.arange(300, dtype="int32"))
    images, padded = (
        one_batch(split, "shift", (6, 7, 1)),
        np.pad(split.images, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge"),
    )
    found = set()
    for image, around in zip(images, padded, strict=True):
        places = [(i, j) for i in range(3) for j in range(3) if (around[i : i + 6, j : j + 7] == image).all()]
        assert len(places) == 1
        found |= {*places}
    assert len(found) == 9


def test_flip_shift_moves_each_image_as_a_whole():
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


def test_alexnets_crops_have_the_models_size_and_a_color_shift_each():
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
        assert min(spread) < 1e-3  # but for one shift of the colors, it is one of the crops
    assert np.abs(images - np.round(images)).max() > 0.01


def test_pixels_change_before_the_preprocessing_and_inputs_after_it():
    split = photographs()
    seen = []

    def watched(batch):
        seen.append((batch.shape, batch.dtype))
        return batch / 255

    images = one_batch(split, "alexnet", (16, 16, 3), preprocess=watched)
    assert seen == [((16, 16, 16, 3), "float32")]
    assert -0.3 < images.min() < images.max() < 1.3
    one_batch(split, "affine", (16, 16, 3), preprocess=watched)
    assert seen[1:] == [((16, 20, 20, 3), "uint8")]


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_nets_precision_does_not_reach_the_images(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        images = one_batch(photographs(), name, (16, 16, 3), preprocess=lambda batch: batch / 255)
    finally:
        keras.config.set_dtype_policy(before)
    assert images.dtype == "float32"


def test_images_that_an_augmentation_cannot_use_are_refused_at_once():
    with pytest.raises(cnnzoo.InputError, match="20×20 pixels are too small for crops of 21×16"):
        one_batch(photographs(), "alexnet", (21, 16, 3))
    with pytest.raises(cnnzoo.InputError, match="color noise is for images of 3 channels, not 1"):
        one_batch(cnnzoo.data.load("digits").train, "alexnet", (8, 8, 1), preprocess=preprocess_input)


def test_unknown_augmentation_is_refused():
    with pytest.raises(cnnzoo.InputError, match="'afine'; did you mean 'affine'"):
        augmentation("afine", (32, 32, 1))


def test_elastic_distortion_is_scipys():
    """The same fields, smoothed and sampled by SciPy in float64, at the published strength."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 29, 24, 2)).astype("uint8")
    layer, seeds = ElasticDistortion(34, 4), BatchSeeds(tf.constant([1, 2]))
    moved = layer.get_random_transformation(images, seed=seeds).numpy()
    fields = uniform_bytes((6, 2, 29, 24), BatchSeeds(tf.constant([1, 2])).next()).numpy()
    found = layer.transform_images(images, moved).numpy()
    rows, columns = np.mgrid[:29, :24].astype("float64")
    for number, (image, field) in enumerate(zip(images.astype("float64"), fields.astype("float64"), strict=True)):
        smooth = [34 * gaussian_filter(each, 4, mode="constant") for each in field]
        np.testing.assert_allclose(moved[number], smooth, atol=1e-4)
        for color in range(2):
            expected = map_coordinates(
                image[..., color], [rows + smooth[0], columns + smooth[1]], order=1, mode="nearest"
            )
            np.testing.assert_allclose(found[number, ..., color], expected, atol=0.02)
    assert 0.5 < np.abs(moved).mean() < 2  # pixels
    assert np.corrcoef(moved[:, 0].ravel(), moved[:, 1].ravel())[0, 1] < 0.5  # not along the diagonal


def test_the_fields_are_uniform_and_without_ties_to_each_other():
    fields = uniform_bytes((8, 2, 28, 30), tf.constant([3, 4])).numpy()
    assert fields.shape == (8, 2, 28, 30)
    counts = np.bincount(np.round(fields * 128 + 127.5).astype(int).ravel(), minlength=256)
    assert chisquare(counts).pvalue > 0.001
    flat = fields.reshape(16, -1)
    assert np.abs(np.corrcoef(flat) - np.eye(16)).max() < 0.15
    assert np.abs(np.corrcoef(fields[..., :-1].ravel(), fields[..., 1:].ravel())[0, 1]) < 0.03


def test_elastic_distortion_of_nothing_is_nothing():
    images = np.random.default_rng(0).random((3, 8, 9, 3)).astype("float32")
    for layer, training in ((ElasticDistortion(0, 4), True), (ElasticDistortion(34, 4), False)):
        np.testing.assert_allclose(layer(images, training=training), images, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((-1, 4), "alpha must be a number of at least 0, not -1"),
        ((34, 0), "sigma must be above 0"),
        ((34, -1), "sigma must be a number of at least 0, not -1"),
    ],
)
def test_elastic_distortions_that_cannot_be_are_refused(arguments, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        ElasticDistortion(*arguments)


@pytest.mark.parametrize(("name", "values"), [("masking", {0.0}), ("salt_and_pepper", {0.0, 1.0}), ("noise", None)])
def test_corruptions_spoil_the_input_and_not_what_an_autoencoder_is_to_give_back(name, values):
    split = photographs(32)
    change = augmentation(name, (20, 20, 3))
    options = {"preprocess": lambda images: tf.cast(images, "float32") / 255, "augment": change, "seed": 1}
    spoilt, clean = next(iter(train_pipeline(split, 32, labels=False, **options).as_numpy_iterator()))
    known, labels = next(iter(train_pipeline(split, 32, **options).as_numpy_iterator()))
    np.testing.assert_array_equal(spoilt, known)
    np.testing.assert_allclose(clean, split.images[labels] / 255, atol=1e-6)
    changed = spoilt != clean
    if values is None:
        assert abs((spoilt - clean).std() - 0.3) < 0.01
    else:
        assert abs(changed.mean() - 0.25) < 0.02
        assert set(spoilt[changed].tolist()) == values


def test_autoencoders_are_judged_by_the_clean_images():
    images, targets = next(iter(eval_pipeline(photographs(), 16, labels=False).as_numpy_iterator()))
    np.testing.assert_array_equal(images, targets)
