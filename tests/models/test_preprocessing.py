"""The models' preprocessing against NumPy and PyTorch."""

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import models

MEAN = np.array([123.675, 116.28, 103.53])
DEVIATION = np.array([58.395, 57.12, 57.375])
SIDES = {"alexnet": 227, "alexnet_owt": 224, "zfnet": 224, "cuda_convnet": 32, "all_cnn_c": 32}


def contrast_normalized(images):
    centered = images - images.mean(axis=(1, 2, 3), keepdims=True)
    return centered / np.maximum(np.sqrt((centered**2).mean(axis=(1, 2, 3), keepdims=True)), 1)


FORMULAS = {
    "alexnet": lambda images: images - MEAN,
    "alexnet_owt": lambda images: (images - MEAN) / DEVIATION,
    "zfnet": lambda images: images - MEAN,
    "cuda_convnet": lambda images: images - np.array([125.3, 123.0, 113.9]),
    "all_cnn_c": contrast_normalized,
}
every_family = pytest.mark.parametrize("name", FORMULAS)


def preprocessed(name, images, input_shape="the paper's"):
    shape = (SIDES[name], SIDES[name], 3) if input_shape == "the paper's" else input_shape
    return models.family(name).preprocess_input(images, shape)


def pixels(height, width, channels=3, count=2):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels)).astype("uint8")


@every_family
def test_images_of_the_models_size_only_change_their_values(name):
    images = pixels(SIDES[name], SIDES[name])
    expected = FORMULAS[name](images.astype("float64"))
    for given in (images, images.astype("float32"), tf.constant(images)):
        found = preprocessed(name, given)
        assert found.dtype == "float32"
        np.testing.assert_allclose(found, expected, atol=1e-4)


@every_family
def test_in_tf_data_it_returns_the_same_with_a_known_shape(name):
    images = pixels(40, 50)
    batches = tf.data.Dataset.from_tensors(images).map(lambda images: preprocessed(name, images))
    assert batches.element_spec.shape == (2, SIDES[name], SIDES[name], 3)
    np.testing.assert_allclose(next(iter(batches)), preprocessed(name, images), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("alexnet", (256, 256)),
        ("alexnet", (256, 341)),
        ("alexnet", (400, 256)),
        ("alexnet", (256, 259)),
        ("alexnet_owt", (256, 384)),
        ("alexnet_owt", (257, 256)),
        ("alexnet_owt", (256, 261)),
        ("zfnet", (256, 341)),
    ],
)
def test_images_of_256_pixels_are_cropped_to_the_center(name, size):
    images = pixels(*size)
    side = SIDES[name]
    top, left = (round((length - side) / 2) for length in size)  # as torchvision's CenterCrop
    expected = FORMULAS[name](images[:, top : top + side, left : left + side].astype("float64"))
    np.testing.assert_allclose(preprocessed(name, images), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["alexnet", "alexnet_owt", "zfnet"])
@pytest.mark.parametrize("size", [(375, 500), (500, 333), (600, 600), (100, 160), (300, 1000)])
def test_photographs_are_resized_and_cropped_as_in_torchvision(name, size):
    """`Resize(256)` with antialiasing, then `CenterCrop`, by PyTorch's own interpolation."""
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    images = pixels(*size, count=1)
    shorter = min(size)
    tall, wide = (256 if length == shorter else int(256 * length / shorter) for length in size)
    resized = torch.nn.functional.interpolate(
        torch.tensor(images.transpose(0, 3, 1, 2)).double(), (tall, wide), mode="bilinear", antialias=True
    )
    side = SIDES[name]
    top, left = round((tall - side) / 2), round((wide - side) / 2)
    center = resized[..., top : top + side, left : left + side].numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(preprocessed(name, images), FORMULAS[name](center), atol=0.02)  # of 255


def test_other_input_sizes_have_a_margin_in_the_same_proportion():
    images = pixels(76, 76)  # 67 · 256/227, rounded
    expected = images[:, 4:71, 4:71] - MEAN  # (76 − 67)/2 = 4.5, rounded to even
    np.testing.assert_allclose(preprocessed("alexnet", images, input_shape=(67, 67, 3)), expected, atol=1e-4)
    wide = preprocessed("alexnet", pixels(300, 300), input_shape=(67, 134, 3))
    assert wide.shape == (2, 67, 134, 3)


@pytest.mark.parametrize("name", ["cuda_convnet", "all_cnn_c"])
def test_images_of_other_sizes_are_resized_whole(name):
    images = pixels(48, 40)
    resized = tf.image.resize(images, (32, 32), method="bilinear").numpy().astype("float64")
    np.testing.assert_allclose(preprocessed(name, images), FORMULAS[name](resized), atol=1e-4)


def test_an_image_of_one_color_has_no_contrast():
    assert not np.asarray(preprocessed("all_cnn_c", np.full((2, 32, 32, 3), 77, "uint8"))).any()


@pytest.mark.parametrize(("name", "level"), [("alexnet", MEAN.mean()), ("cuda_convnet", 362.2 / 3)])
def test_the_mean_of_the_colors_is_subtracted_from_gray_images(name, level):
    side = SIDES[name]
    found = preprocessed(name, np.full((1, side, side, 1), 200, "uint8"), input_shape=(side, side, 1))
    np.testing.assert_allclose(found, np.full((1, side, side, 1), 200 - level), atol=1e-4)


@every_family
def test_another_number_of_channels_raises(name):
    with pytest.raises(
        cnnzoo.InputError, match=r"must have the shape \(batch, height, width, 3\)\. Received: \(2, 40, 40, 1\)"
    ):
        preprocessed(name, pixels(40, 40, channels=1))
    with pytest.raises(cnnzoo.InputError, match=r"`images` must be an image .* Received: 'a tensor of shape \(5,\)'"):
        preprocessed(name, np.zeros(5))


@pytest.mark.parametrize("name", models.FAMILIES)
def test_one_image_is_preprocessed_as_in_a_batch_and_sizes_stay_unless_told(name):
    channels = cnnzoo.create(name, compile=False).input_shape[-1] if name in ("lenet", "mlp") else 3
    images = pixels(41, 38, channels)
    border = 4 if name in ("lenet", "lenet4", "lenet5") else 0
    batch = np.asarray(models.family(name).preprocess_input(images))
    assert batch.shape == (2, 41 + border, 38 + border, channels)
    one = np.asarray(models.family(name).preprocess_input(images[1]))
    np.testing.assert_array_equal(one, batch[1])


def test_a_data_format_is_no_input_shape():
    """It is the second argument in keras.applications."""
    with pytest.raises(cnnzoo.InputError, match=r"`input_shape` must be None, or .* Received: 'channels_last'"):
        cnnzoo.models.lenet.preprocess_input(pixels(28, 28, 1), "channels_last")


def test_an_unknown_size_raises_where_the_scale_depends_on_it():
    """In a graph whose images have no fixed size the shorter side is not known when it is built."""

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)], autograph=False)
    def preprocessed(images):
        return cnnzoo.models.alexnet.preprocess_input(images, (227, 227, 3))

    with pytest.raises(cnnzoo.InputError, match="the size of the images must be known"):
        preprocessed(np.zeros((1, 300, 500, 3), "uint8"))
