"""A server in a process of its own, and a client for it."""

import contextlib
import http.client
import json
import signal
from pathlib import Path

from tests import processes


class Server:
    """`cnnzoo serve` over a folder, until the block ends."""

    def __init__(self, folder, *options, descriptors=None):
        (self.port,) = processes.free_ports(1)
        self.log = Path(folder).parent / f"server-{self.port}.log"
        command = ["-m", "cnnzoo", "serve", folder, "--port", self.port, "--poll-interval", "0.1", *options]
        with self.log.open("w") as log:
            self.process = processes.start(command, streams={"stderr": log})
        if descriptors:
            import resource  # not on Windows

            resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (descriptors, descriptors))

    def __enter__(self):
        try:
            assert processes.until(self._is_live), self.log.read_text()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _is_live(self):
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError):
            return self.get("/v2/health/live")[0] == 200

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(processes.PATIENCE)
        finally:
            self.process.kill()

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=processes.PATIENCE)

    def get(self, path):
        with contextlib.closing(self.connection()) as connection:
            return send(connection, "GET", path)

    def post(self, path, body, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.closing(self.connection()) as connection:
            return send(connection, "POST", path, body, headers)

    def wait_for(self, path, condition):
        """Return the response to a path as soon as it meets a condition."""
        responses = []

        def is_met():
            responses.append(self.get(path))
            return condition(responses[-1])

        assert processes.until(is_met), f"{path} still returns {responses[-1]}: {self.log.read_text()}"
        return responses[-1]

    @property
    def memory(self):
        """Resident memory in MiB."""
        return self._memory("VmRSS")

    @property
    def peak_memory(self):
        """The most resident memory so far, in MiB."""
        return self._memory("VmHWM")

    def _memory(self, name):
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1024


def send(connection, method, path, body=None, headers=None):
    """Send a request, and return status and content of the response."""
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    content = response.read()
    if response.getheader("content-type", "").startswith("application/json"):
        content = json.loads(content)
    return response.status, content
