import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.serving.server.limits import claimed_pixels


@pytest.mark.parametrize(("height", "width"), [(1, 1), (28, 31), (300, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_that_files_claim(height, width, channels):
    image = np.zeros((height, width, channels), "uint8")
    assert claimed_pixels(tf.io.encode_png(image).numpy()) == height * width
    for options in ({}, {"progressive": True}, {"xmp_metadata": "x" * 300}, {"optimize_size": True}):
        assert claimed_pixels(tf.io.encode_jpeg(image, **options).numpy()) == height * width


def test_what_cannot_be_told_counts_as_large():
    image = tf.io.encode_jpeg(np.zeros((8, 8, 3), "uint8")).numpy()
    assert claimed_pixels(image[:2] + b"\xff\x00" + image[2:]) == 50_000_000
    assert claimed_pixels(b"\xff\xd8\xff") == 50_000_000
    assert claimed_pixels(b"GIF89a") == 0
