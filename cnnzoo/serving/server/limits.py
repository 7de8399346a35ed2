"""Limits on the size of a request."""

import dataclasses
import json
import struct
from collections.abc import Iterable
from typing import Any

from cnnzoo.checks import integer
from cnnzoo.serving.image_decoding import MAX_PIXELS


@dataclasses.dataclass(frozen=True)
class Limits:
    """The most that a single request may hold; a larger one is refused before it is decoded.

    Attributes:
        max_body: bytes of the body.
        max_batch: images.
        max_pixels: pixels of all its images together, as the headers of the files state them.
    """

    max_body: int = 32 * 2**20
    max_batch: int = 1024
    max_pixels: int = 100_000_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            integer(name, value)


# A JPEG's markers that have its size: those of a frame, which are all from C0 to CF but tables and extensions.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
READ_FACTOR = 8  # a body that is too long is read up to so many times the limit


class RequestTooLargeError(ValueError):
    """A request is larger than the limits allow."""


def check_pixels(files: Iterable[bytes], limits: Limits) -> None:
    """Refuse image files that state too many pixels together; a file of a few bytes can state millions.

    Raises:
        RequestTooLargeError: the message says how many.
    """
    total = sum(map(stated_pixels, files))
    if total > limits.max_pixels:
        raise RequestTooLargeError(
            f"the images of a request must have at most {limits.max_pixels} pixels together. Received: {total}"
        )


def stated_pixels(content: bytes) -> int:
    r"""Return the number of pixels that the header of a PNG or JPEG file states; 0 for other files: none is decoded.

    Example:
    >>> stated_pixels(b"\x89PNG\r\n\x1a\n" + bytes(8) + bytes([0, 0, 1, 0, 0, 0, 0, 2]))
    512
    """
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width * height
    if content[:3] != b"\xff\xd8\xff":
        return 0
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length, height, width = struct.unpack(">BHxHH", content[at + 1 : at + 9])
        if marker in FRAMES:
            return width * height
        at += 2 + length
    return MAX_PIXELS  # the header states no size; the graph decodes no larger image


class BodyLimit:
    """Middleware that refuses a body above the limit, and keeps no more of it than that.

    A longer body is read to its end and thrown away, as most clients read the response only then; a body of more than
    `READ_FACTOR` times the limit is cut off.

    Args:
        app: the application that gets the requests.
        limit: bytes.
    """

    def __init__(self, app: Any, limit: int):
        self._app = app
        self._limit = limit

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, length, more = bytearray(), 0, True
        while more and length <= READ_FACTOR * self._limit:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client has closed its connection
            part = message.get("body", b"")
            more = message.get("more_body", False)
            length += len(part)
            if length <= self._limit:
                body += part
        if length > self._limit:
            await self._refuse(send)
            return
        await self._app(scope, _replay(bytes(body), receive), send)

    async def _refuse(self, send) -> None:
        error = {"error": f"the body of a request must have at most {self._limit} bytes, and this one is longer"}
        content = json.dumps(error).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def _replay(body: bytes, receive):
    """Return a `receive` function that first returns the body that was already read."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay():
        return messages.pop() if messages else await receive()

    return replay
