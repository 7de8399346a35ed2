"""Photographs as telephones store them give an exported graph the pixels that training has, whichever way they lie."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

import cnnzoo

SIZE = (12, 8)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Return a graph, exported, that returns the pixels that it decodes: an autoencoder whose weight is 1."""
    images = keras.Input((*SIZE, 3))
    ones = {"kernel_initializer": keras.initializers.Constant(np.eye(3).reshape(1, 1, 3, 3)), "use_bias": False}
    model = keras.Model(images, keras.layers.Conv2D(3, 1, **ones)(images), name="identity")
    version = cnnzoo.export(
        model, tmp_path_factory.mktemp("models"), preprocess=lambda pixels: tf.cast(pixels, "float32") / 255
    )
    signature = tf.saved_model.load(str(version)).signatures["serve_bytes"]
    return lambda *files: signature(image_bytes=tf.constant(files))["reconstruction"].numpy() * 255


def photograph(number):
    """Return an image that is brighter below and redder to the right."""
    rows, columns = np.mgrid[:40, :28]
    return Image.fromarray(np.stack([80 + 5 * columns, 40 + 4 * rows, rows + columns + number], -1).astype("uint8"))


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_the_exported_graph_turns_photographs_as_pillow_and_training_do(served, tmp_path, format):
    suffix = format.lower()
    for part in ("train", "test"):
        (tmp_path / part / "only").mkdir(parents=True)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        photograph(orientation).save(
            tmp_path / "train" / "only" / f"{orientation}.{suffix}", format, exif=exif, quality=95
        )
    photograph(0).save(tmp_path / "test" / "only" / f"0.{suffix}", format)
    files = sorted((tmp_path / "train" / "only").iterdir())
    served_pixels = served(*[file.read_bytes() for file in files])
    trained = cnnzoo.data.load(tmp_path, image_size=SIZE, stream=False).train.images
    np.testing.assert_allclose(served_pixels, trained, atol=1e-3)
    for file, pixels in zip(files, trained.astype(float), strict=True):
        upright = np.asarray(ImageOps.exif_transpose(Image.open(file)))
        height, width, _ = upright.shape
        crop = (
            round(min(height / SIZE[0], width / SIZE[1]) * np.array(SIZE)[0]),
            round(min(height / SIZE[0], width / SIZE[1]) * SIZE[1]),
        )
        top, left = (height - crop[0]) // 2, (width - crop[1]) // 2
        center = Image.fromarray(upright[top : top + crop[0], left : left + crop[1]])
        by_hand = np.asarray(center.resize(SIZE[::-1], Image.BILINEAR)).astype(float)
        assert np.abs(pixels - by_hand).mean() < 3
        assert min(np.abs(pixels - by_hand[::-1]).mean(), np.abs(pixels - by_hand[:, ::-1]).mean()) > 15
