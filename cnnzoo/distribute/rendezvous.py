"""Waiting for the other workers, but not for ever."""

import socket
import sys
import threading
import time
from contextlib import suppress

from cnnzoo.errors import InputError

PATIENCE = 300.0  # seconds; pods of one job may be minutes apart while images are pulled
QUIET = 5.0  # seconds before one says what one waits for
PAUSE = 0.2  # seconds between two tries


def meet(addresses: list[str], own: int, wait: float = PATIENCE) -> None:
    """Return once every worker of a cluster can be reached.

    TensorFlow would wait an hour, and name nobody. Each worker listens at its own address and knocks at those of the
    others; one that has met all of them goes on and starts TensorFlow's server there, which answers as well.

    Args:
        addresses: `host:port` of every worker.
        own: index of this process in `addresses`.
        wait: seconds to wait at most.

    Raises:
        InputError: a worker did not come, or the own port is taken.

    Example:
    >>> meet(["localhost:1"], own=0)  # alone
    """
    missing = [number for number in range(len(addresses)) if number != own]
    if not missing:
        return
    began, said = time.monotonic(), False
    with _Door(addresses[own], own):
        while missing := [number for number in missing if not _answers(addresses[number])]:
            waited = time.monotonic() - began
            absent = " and ".join(f"worker {number} at {addresses[number]}" for number in missing)
            if waited > wait:
                raise InputError(
                    f"worker {own} of {len(addresses)} waited {wait:.0f} s for {absent}, which did not come; "
                    "see whether it runs, and whether its address is right and open"
                )
            if waited > QUIET and not said:
                print(f"worker {own} of {len(addresses)} waits for {absent}, at most {wait:.0f} s", file=sys.stderr)
                said = True
            time.sleep(PAUSE)


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2):
            return True
    except OSError:  # refused, unreachable, or a name that is not known yet
        return False


class _Door:
    """Listen at an address until the block is left."""

    def __init__(self, address: str, own: int):
        port = int(address.rpartition(":")[2])
        both = socket.has_dualstack_ipv6()
        try:
            self._socket = socket.create_server(
                ("", port), family=socket.AF_INET6 if both else socket.AF_INET, dualstack_ipv6=both
            )
        except OSError as error:
            raise InputError(
                f"worker {own} cannot listen at {address} ({error.strerror}); give it a port that no program uses"
            ) from error
        self._thread = threading.Thread(target=self._let_in, daemon=True)

    def _let_in(self) -> None:
        with suppress(OSError):  # closed
            while True:
                self._socket.accept()[0].close()

    def __enter__(self) -> "_Door":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        # Closing alone would leave `accept` waiting, and the port with it.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
