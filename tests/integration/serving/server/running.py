"""A server in a process of its own, and a client that speaks to it."""

import contextlib
import http.client
import json
import signal
from pathlib import Path

from tests import processes


class Server:
    """`cnnzoo serve` over a folder, until the block ends."""

    def __init__(self, folder, *options):
        (self.port,) = processes.free_ports(1)
        self.log = Path(folder).parent / f"server-{self.port}.log"
        command = ["-m", "cnnzoo", "serve", folder, "--port", self.port, "--poll", "0.1", *options]
        with self.log.open("w") as log:
            self.process = processes.start(command, streams={"stderr": log})

    def __enter__(self):
        try:
            assert processes.until(self._answers), self.log.read_text()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _answers(self):
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
            return asked(connection, "GET", path)

    def post(self, path, body, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.closing(self.connection()) as connection:
            return asked(connection, "POST", path, body, headers)

    def wait_for(self, path, good):
        """Return the answer to a path as soon as it is a good one."""
        answers = []

        def is_good():
            answers.append(self.get(path))
            return good(answers[-1])

        assert processes.until(is_good), f"{path} still answers {answers[-1]}: {self.log.read_text()}"
        return answers[-1]

    @property
    def memory(self):
        """Resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def asked(connection, method, path, body=None, headers=None):
    """Return status and content of an answer."""
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    content = response.read()
    if response.getheader("content-type", "").startswith("application/json"):
        content = json.loads(content)
    return response.status, content
