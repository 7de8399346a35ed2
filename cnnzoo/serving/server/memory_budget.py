"""What all requests together hold of bodies and answers: beyond a limit, larger ones are asked to come again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.exceptions import HTTPException

SMALL_REQUEST = 2**16  # bytes of a request that are always taken, so that small ones are answered whatever others send
PIECE = 2**18  # bytes of an answer that are written at once


class Reservation:
    """The bytes that one request holds."""

    def __init__(self, budget: "MemoryBudget"):
        self._budget, self.bytes = budget, 0

    def reserve(self, size: int) -> None:
        """Hold so many bytes more.

        Raises:
            HTTPException: 503, where all requests together would hold too many.
        """
        budget = self._budget
        if self.bytes + size > SMALL_REQUEST and budget.bytes + size > budget.limit:
            raise HTTPException(
                503,
                f"all requests together may hold {budget.limit} bytes, and others hold {budget.bytes - self.bytes}; "
                "send this one again",
                headers={"retry-after": "1", "connection": "close"},
            )
        self.bytes += size
        budget.bytes += size

    def release(self) -> None:
        """Hold nothing any more."""
        self._budget.bytes -= self.bytes
        self.bytes = 0


class MemoryBudget:
    """The bytes that all requests hold.

    Args:
        limit: how many those may be. What a request holds below `SMALL_REQUEST` is counted, and never refused.

    Example:
    >>> budget = MemoryBudget(2**20)
    >>> with budget.reservation() as reservation:
    ...     reservation.reserve(2**19)
    ...     print(budget.bytes)
    524288
    >>> budget.bytes
    0
    """

    def __init__(self, limit: int):
        self.limit, self.bytes = limit, 0

    @contextmanager
    def reservation(self) -> Iterator[Reservation]:
        """Yield the reservation of a request, which is released after the block."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            reservation.release()


class MemoryBudgetMiddleware:
    """An ASGI application around another: a request has its `reservation`, in its scope, until its answer is written.

    Answers are written in pieces, since what is written at once is held by nobody but the connection.
    """

    def __init__(self, app: Any, budget: MemoryBudget):
        self._app, self._budget = app, budget

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_in_pieces(message: Any) -> None:
            body = message.get("body", b"")
            if len(body) <= PIECE:
                await send(message)
                return
            for start in range(0, len(body), PIECE):
                more = start + PIECE < len(body) or message.get("more_body", False)
                await send({**message, "body": body[start : start + PIECE], "more_body": more})

        with self._budget.reservation() as reservation:
            scope["reservation"] = reservation
            await self._app(scope, receive, send_in_pieces)
