import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.serving.server.limits import Limits, stated_pixels


@pytest.mark.parametrize(("height", "width"), [(1, 1), (28, 31), (300, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_header_states_the_number_of_pixels(height, width, channels):
    image = np.zeros((height, width, channels), "uint8")
    assert stated_pixels(tf.io.encode_png(image).numpy()) == height * width
    for options in ({}, {"progressive": True}, {"xmp_metadata": "x" * 300}, {"optimize_size": True}):
        assert stated_pixels(tf.io.encode_jpeg(image, **options).numpy()) == height * width


def test_a_jpeg_without_a_size_counts_as_large():
    image = tf.io.encode_jpeg(np.zeros((8, 8, 3), "uint8")).numpy()
    assert stated_pixels(image[:2] + b"\xff\x00" + image[2:]) == 50_000_000
    assert stated_pixels(b"\xff\xd8\xff") == 50_000_000
    assert stated_pixels(b"GIF89a") == 0


@pytest.mark.parametrize(("name", "value"), [("max_body", 0), ("max_batch", -1), ("max_pixels", 1.5)])
def test_limits_are_positive_integers(name, value):
    with pytest.raises(InputError, match=f"`{name}` must be a positive integer. Received: {value}"):
        Limits(**{name: value})
