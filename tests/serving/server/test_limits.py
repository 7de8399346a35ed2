import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cnnzoo.errors import InputError
from cnnzoo.serving.server.json_body import RequestTooLargeError
from cnnzoo.serving.server.limits import Limits, check_pixels, stated_pixels


@pytest.mark.parametrize(("height", "width"), [(1, 1), (28, 31), (300, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_header_states_the_number_of_pixels(height, width, channels):
    image = np.zeros((height, width, channels), "uint8")
    assert stated_pixels(tf.io.encode_png(image).numpy()) == height * width
    for options in ({}, {"progressive": True}, {"xmp_metadata": "x" * 300}, {"optimize_size": True}):
        assert stated_pixels(tf.io.encode_jpeg(image, **options).numpy()) == height * width


def comment(content):
    return b"\xff\xfe" + struct.pack(">H", len(content) + 2) + content


FALSE_FRAME = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 1, 1, 1)


@pytest.mark.parametrize(
    "inserted",
    [
        b"\xff",  # a fill byte, which is legal
        b"\xff" * 50,
        b"\xff\x01",  # a marker without a length
        b"\xff\x01" + comment(FALSE_FRAME),
        comment(FALSE_FRAME),
        b"\xff\xd0",
        b"\xff\x00",  # no marker at all, which the decoder passes over
    ],
)
def test_what_stands_before_the_size_of_a_jpeg_hides_nothing(inserted):
    """The decoder reads them, too, and Pillow says what size the file had before."""
    file = io.BytesIO()
    Image.new("RGB", (700, 500)).save(file, "JPEG")
    content = file.getvalue()
    changed = content[:2] + inserted + content[2:]
    assert tf.io.decode_jpeg(changed).shape == (500, 700, 3)
    assert stated_pixels(changed) == 350_000


def test_a_jpeg_without_a_header_is_refused_and_other_files_are_none():
    for content in (b"\xff\xd8\xff", b"\xff\xd8\xff" + bytes(100)):
        with pytest.raises(InputError, match="a JPEG file is broken: its header cannot be read"):
            stated_pixels(content)
    assert stated_pixels(b"GIF89a") == 0


def test_the_pixels_of_all_files_count_together():
    png = tf.io.encode_png(np.zeros((20, 30, 1), "uint8")).numpy()
    check_pixels([png] * 3, Limits(max_pixels=1800))
    with pytest.raises(RequestTooLargeError, match=r"at most 1799 pixels together. Received: 1800"):
        check_pixels([png] * 3, Limits(max_pixels=1799))


def test_two_files_need_no_look_at_their_headers():
    check_pixels([b"\xff\xd8\xff"] * 2, Limits())  # the graph refuses a file of more than 50 million
    for files, limits in ((3, Limits()), (1, Limits(max_pixels=1000))):
        with pytest.raises(InputError, match="a JPEG file is broken"):
            check_pixels([b"\xff\xd8\xff"] * files, limits)


@pytest.mark.parametrize(
    ("name", "value"), [("max_body", 0), ("max_batch", -1), ("max_pixels", 1.5), ("max_values", True)]
)
def test_limits_are_positive_integers(name, value):
    with pytest.raises(InputError, match=f"`{name}` must be a positive integer. Received: {value}"):
        Limits(**{name: value})


def test_all_requests_may_hold_what_one_may():
    with pytest.raises(InputError, match=r"`max_held` must be at least 30, max_body and max_response together\. Rec"):
        Limits(max_body=20, max_response=10, max_held=29)
    assert Limits(max_body=20, max_response=10, max_held=30).max_held == 30


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), "30"])
def test_the_time_limit_is_a_positive_number(value):
    with pytest.raises(InputError, match="`max_seconds` must be a positive number of seconds"):
        Limits(max_seconds=value)
