"""Wait for the other workers of a cluster, up to a timeout."""

import socket
import sys
import threading
import time
from contextlib import suppress

from cnnzoo.errors import InputError

WORKER_TIMEOUT = 300.0  # seconds; pods of one job may start minutes apart while images are pulled
MESSAGE_AFTER = 5.0  # seconds until a message names the workers that are missing
INTERVAL = 0.2  # seconds between two attempts


def wait_for_workers(addresses: list[str], index: int, timeout: float = WORKER_TIMEOUT) -> None:
    """Return once every worker of a cluster can be reached.

    TensorFlow would wait an hour, and name nobody. Each worker listens at its own address and connects to those of the
    others; once it has reached all of them, it starts TensorFlow's server at its address, which accepts connections,
    too.

    Args:
        addresses: `host:port` of every worker.
        index: index of this process in `addresses`.
        timeout: seconds to wait.

    Raises:
        InputError: a worker cannot be reached in time, or another program uses this worker's port.

    Example:
    >>> wait_for_workers(["localhost:1"], index=0)  # alone
    """
    missing = [number for number in range(len(addresses)) if number != index]
    if not missing:
        return
    start, has_printed = time.monotonic(), False
    with _Listener(addresses[index], index):
        while missing := [number for number in missing if not _is_reachable(addresses[number])]:
            waited = time.monotonic() - start
            workers = " and ".join(f"worker {number} at {addresses[number]}" for number in missing)
            if waited > timeout:
                raise InputError(
                    f"worker {index} of {len(addresses)} waited {timeout:.0f} s for {workers}, without a connection; "
                    "check that it runs, and that its address is right and open"
                )
            if waited > MESSAGE_AFTER and not has_printed:
                message = f"worker {index} of {len(addresses)} waits for {workers}, at most {timeout:.0f} s"
                print(message, file=sys.stderr)
                has_printed = True
            time.sleep(INTERVAL)


def _is_reachable(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2):
            return True
    except OSError:  # refused, unreachable, or an unknown name, which may be known soon
        return False


class _Listener:
    """Accept connections at an address until the block ends."""

    def __init__(self, address: str, index: int):
        port = int(address.rpartition(":")[2])
        both = socket.has_dualstack_ipv6()
        try:
            self._socket = socket.create_server(
                ("", port), family=socket.AF_INET6 if both else socket.AF_INET, dualstack_ipv6=both
            )
        except OSError as error:
            raise InputError(
                f"worker {index} cannot listen at {address} ({error.strerror}); give it a port that no program uses"
            ) from error
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                self._socket.accept()[0].close()

    def __enter__(self) -> "_Listener":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        # Closing alone would leave `accept` waiting, and the port in use.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
