"""Run a command where there is no network, and count the times that something tries to reach it.

    unshare --net python tests/offline.py COUNT COMMAND …

The process must be in a network of its own, as `unshare --net` makes one. It has this machine's own address and no way
to any other, so that the kernel refuses, and counts, whatever is sent to one. The count is written to the file COUNT.
"""

import fcntl
import socket
import struct
import subprocess
import sys
from pathlib import Path

GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1  # of the kernel's interface to network devices


def bring_up(device):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = fcntl.ioctl(any_socket, GET_FLAGS, struct.pack("16sh", device, 0))
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh", device, struct.unpack("16sh", flags)[1] | UP))


def refused():
    """Return how many packets the kernel had no way for."""
    names, values = (line.split() for line in Path("/proc/net/snmp").read_text("utf-8").splitlines()[:2])
    six = dict(line.split() for line in Path("/proc/net/snmp6").read_text("utf-8").splitlines())
    return int(dict(zip(names, values, strict=True))["OutNoRoutes"]) + int(six["Ip6OutNoRoutes"])


if __name__ == "__main__":
    bring_up(b"lo")
    before = refused()
    code = subprocess.run(sys.argv[2:], check=False).returncode
    Path(sys.argv[1]).write_text(str(refused() - before), "utf-8")
    sys.exit(code)
