"""How much a request may ask for."""

import dataclasses
import json
import struct
from collections.abc import Iterable
from typing import Any

from cnnzoo.errors import InputError
from cnnzoo.serving.image_decoding import MAX_PIXELS


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a single request may hold; more is refused before it is decoded.

    Attributes:
        body: bytes of the body.
        batch: images.
        pixels: pixels of all its images together, as their files' headers state them.
    """

    body: int = 32 * 2**20
    batch: int = 1024
    pixels: int = 100_000_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if type(value) is not int or value < 1:
                raise InputError(f"the limit {name} must be an integer of at least 1, not {value!r}")


# A JPEG's markers before its size: those of a frame, which are all from C0 to CF but tables and extensions.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PATIENCE = 8  # how many times the limit is read of a body that is too long


class TooMuchError(ValueError):
    """A request asks for more than the limits allow."""


def check_pixels(files: Iterable[bytes], limits: Limits) -> None:
    """Refuse image files that claim too many pixels together; a file of a few bytes can claim millions.

    Raises:
        TooMuchError: the message says how many.
    """
    total = sum(map(claimed_pixels, files))
    if total > limits.pixels:
        raise TooMuchError(f"the images of a request must have at most {limits.pixels} pixels together, not {total}")


def claimed_pixels(content: bytes) -> int:
    r"""Return how many pixels the header of a PNG or JPEG file claims; of anything else none, as it is not decoded.

    Example:
    >>> claimed_pixels(b"\x89PNG\r\n\x1a\n" + bytes(8) + bytes([0, 0, 1, 0, 0, 0, 0, 2]))
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
    return MAX_PIXELS  # it cannot be told; the graph decodes no larger one


class BodyLimit:
    """Middleware that refuses a body above the limit, of which it keeps no more than that.

    What is longer is read to its end and thrown away, as most clients only then look for an answer; what is longer
    still is cut off.

    Args:
        app: the application that it stands before.
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
        while more and length <= PATIENCE * self._limit:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client is gone
            part = message.get("body", b"")
            more = message.get("more_body", False)
            length += len(part)
            if length <= self._limit:
                body += part
        if length > self._limit:
            await self._refuse(send)
            return
        await self._app(scope, _replaying(bytes(body), receive), send)

    async def _refuse(self, send) -> None:
        sentence = {"error": f"the body of a request must have at most {self._limit} bytes, and this one is longer"}
        content = json.dumps(sentence).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def _replaying(body: bytes, receive):
    """Return what gives an application the body that was read already, then what comes after it."""
    given = False

    async def replay():
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
