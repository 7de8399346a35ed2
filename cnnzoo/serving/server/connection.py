"""A client's connection: uvicorn's, closed if a request takes too long or its header is too large."""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cnnzoo.serving.server.limits import Limits


class Connection(HttpToolsProtocol):
    """A connection within limits.

    uvicorn has no time limit for a request that arrives in part, none for an answer that nobody fetches, and by
    httptools none for the length of a header.
    """

    limits: Limits

    @classmethod
    def within(cls, limits: Limits) -> type["Connection"]:
        """Return the class with its limits, since uvicorn itself makes the connections."""
        return type(cls.__name__, (cls,), {"limits": limits})

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.in_header, self.header_bytes = True, 0
        self.arrival: asyncio.TimerHandle | None = None
        self.expect_request()

    def expect_request(self) -> None:
        if self.arrival is None:
            message = f"a request must arrive within {self.limits.max_seconds:g} seconds"
            self.arrival = self.loop.call_later(self.limits.max_seconds, self.refuse, "408 Request Timeout", message)

    def data_received(self, data: bytes) -> None:
        self.expect_request()
        self.header_bytes += len(data)
        super().data_received(data)
        if self.in_header and self.header_bytes > self.limits.max_header:
            message = f"the header of a request must have at most {self.limits.max_header} bytes"
            self.refuse("431 Request Header Fields Too Large", message)

    def on_headers_complete(self) -> None:
        self.in_header = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.in_header, self.header_bytes = True, 0
        if self.arrival is not None:  # of two requests that arrive at once, the second has none
            self.arrival.cancel()
            self.arrival = None

    def refuse(self, status: str, message: str) -> None:
        """Answer with an error, if no other answer is due or has begun, and close the connection."""
        if self.transport.is_closing():
            return
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle if self.in_header else not self.cycle.response_started:
            content = json.dumps({"error": message})
            self.transport.write(
                f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n"
                f"connection: close\r\n\r\n{content}".encode()
            )
        self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.departure = self.loop.call_later(self.limits.max_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.departure.cancel()
