"""Encoded images in the served graph: they are decoded as in training."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import cnnzoo
from cnnzoo import data, models
from cnnzoo.serving.image_decoding import pixels_of


def test_serve_bytes_predicts_as_the_pipeline_of_evaluate(tfds_folder):
    """The shipped LeNet-5 on 1,000 test images of MNIST, as PNG files."""
    shipped = cnnzoo.weights.shipped("lenet5", "mnist")
    model = cnnzoo.lenet5(weights="mnist", classifier_activation="softmax")
    test = data.load("mnist", data_dir=tfds_folder, train_examples=1, test_examples=1000).test
    batches = data.eval_pipeline(test, 500, preprocess=models.preprocessing("lenet5", model))
    expected = model.predict(batches.map(lambda images, labels: images), verbose=0)
    pngs = [tf.io.encode_png(image).numpy() for image in test.images]
    serve = tf.saved_model.load(str(shipped.folder)).signatures["serve_bytes"]
    outputs = serve(image_bytes=tf.constant(pngs))
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)
    np.testing.assert_array_equal(outputs["class_id"], expected.argmax(axis=1))


def test_photographs_are_decoded_as_for_training(photo_folder, tmp_path):
    recipe = cnnzoo.load_recipe("alexnet_photos").replace(
        data=str(photo_folder), epochs=1, image_size=(40, 40), precision="float32", batch_size=2,
        model="all_cnn_c", model_options={"maps": (4, 8), "input_shape": (32, 32, 3)}, weights=None, frozen={},
        augment="none", validation_split=0.0, optimizer="adamw", optimizer_options={},
    )  # fmt: skip
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0)
    serve = tf.saved_model.load(str(cnnzoo.export(run, tmp_path / "models"))).signatures
    source = data.load(str(photo_folder), image_size=(40, 40), stream=False)
    files = sorted(path for path in (photo_folder).rglob("*") if path.suffix in (".jpg", ".jpeg", ".png"))
    assert files
    by_pixels = serve["serving_default"](images=tf.constant(source.test.images, tf.float32))["probabilities"].numpy()
    by_files = serve["serve_bytes"](image_bytes=[path.read_bytes() for path in files])["probabilities"].numpy()
    for row in by_pixels:  # each test image is one of the files
        assert np.abs(by_files - row).max(axis=1).min() <= 1e-6


@pytest.mark.parametrize("channels", [1, 3])
def test_depth_color_and_alpha_are_converted_to_the_channels_of_the_model(channels):
    deep = np.random.default_rng(0).integers(0, 65_536, (6, 5, 1)).astype("uint16")
    (pixels,) = pixels_of(tf.constant([tf.io.encode_png(deep).numpy()]), (6, 5, channels))
    np.testing.assert_array_equal(pixels, np.repeat(deep >> 8, channels, axis=-1))
    colors = np.random.default_rng(1).integers(0, 256, (6, 5, 4)).astype("uint8")
    (pixels,) = pixels_of(tf.constant([tf.io.encode_png(colors).numpy()]), (6, 5, channels))
    if channels == 3:
        np.testing.assert_array_equal(pixels, colors[..., :3])
    else:
        gray = colors[..., :3] @ np.array([0.299, 0.587, 0.114])
        assert np.abs(pixels[..., 0] - gray).max() <= 1.5  # libpng and TensorFlow weigh in integers


def test_images_of_other_sizes_are_resized():
    large = np.full((30, 20, 1), 77, "uint8")
    pixels = pixels_of(tf.constant([tf.io.encode_png(large).numpy(), tf.io.encode_jpeg(large).numpy()]), (8, 8, 1))
    np.testing.assert_array_equal(pixels, np.full((2, 8, 8, 1), 77))


@pytest.mark.parametrize("channels", [1, 3])
def test_four_inks_become_colors_or_gray(channels):
    inks = np.zeros((16, 16, 4), "uint8")
    inks[:8, :, 1:3], inks[8:, :, 3] = 255, 255  # red above, black below
    file = io.BytesIO()
    Image.fromarray(inks, "CMYK").save(file, "JPEG", quality=100)
    colors = np.array(Image.open(file).convert("RGB"), "float32")  # Pillow's own conversion
    expected = colors if channels == 3 else colors @ np.array([[0.299], [0.587], [0.114]])
    (pixels,) = pixels_of(tf.constant([file.getvalue()]), (16, 16, channels))
    assert np.abs(pixels - expected).max() <= 3  # two decoders of a JPEG
