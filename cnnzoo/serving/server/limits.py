"""Limits on a request and on its answer."""

import dataclasses
import struct
from collections.abc import Sequence

import tensorflow as tf

from cnnzoo.checks import integer, number, refusal
from cnnzoo.errors import InputError
from cnnzoo.serving.image_decoding import MAX_PIXELS
from cnnzoo.serving.server.json_body import RequestTooLargeError

JPEG = b"\xff\xd8\xff"  # its first bytes


@dataclasses.dataclass(frozen=True)
class Limits:
    """The most that a request may hold, take and ask for; a larger one is refused before it is computed.

    Attributes:
        max_body: bytes of the body, unpacked if it is compressed.
        max_values: numbers, texts, names, lists and objects in JSON; read, each takes up to 80 bytes.
        max_batch: images.
        max_pixels: pixels of all its images together, as the headers of the files state them.
        max_response: bytes of the answer.
        max_held: bytes of the bodies and answers of all requests at a time.
        max_header: bytes of the HTTP header.
        max_seconds: seconds for a request to arrive, for its answer to be fetched, and between two requests of a
            connection.
    """

    max_body: int = 32 * 2**20
    max_values: int = 3_000_000
    max_batch: int = 1024
    max_pixels: int = 100_000_000
    max_response: int = 32 * 2**20
    max_held: int = 256 * 2**20
    max_header: int = 64 * 2**10
    max_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name != "max_seconds":
                integer(name, value)
        least = self.max_body + self.max_response
        if self.max_held < least:
            raise refusal("max_held", f"at least {least}, max_body and max_response together", self.max_held)
        number("max_seconds", self.max_seconds, above=0, unit="seconds")


def check_pixels(files: Sequence[bytes], limits: Limits) -> None:
    """Refuse image files that state too many pixels together; a file of a few bytes can state millions.

    The graph of an export decodes no file above `MAX_PIXELS`, so that the headers of few files need not be read.

    Raises:
        RequestTooLargeError: the message says how many.
        InputError: the header of a JPEG file cannot be read.
    """
    if len(files) * MAX_PIXELS <= limits.max_pixels:
        return
    total = sum(map(stated_pixels, files))
    if total > limits.max_pixels:
        raise RequestTooLargeError(
            f"the images of a request must have at most {limits.max_pixels} pixels together. Received: {total}"
        )


def stated_pixels(content: bytes) -> int:
    r"""Return the number of pixels that the header of a PNG or JPEG file states; 0 for other files: none is decoded.

    A PNG has its size at a fixed place, or libpng refuses it. A JPEG has it anywhere, so the decoder itself is asked.

    Raises:
        InputError: the decoder cannot read the header of a JPEG file.

    Example:
    >>> stated_pixels(b"\x89PNG\r\n\x1a\n" + bytes(8) + bytes([0, 0, 1, 0, 0, 0, 0, 2]))
    512
    """
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
    elif content[:3] == JPEG:
        try:
            height, width, _ = tf.io.extract_jpeg_shape(content).numpy().tolist()
        except tf.errors.InvalidArgumentError as error:
            raise InputError("a JPEG file is broken: its header cannot be read") from error
    else:
        return 0
    return width * height
