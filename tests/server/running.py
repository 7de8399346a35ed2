"""A server in a process of its own, and a client that speaks to it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path


class Server:
    """`cnnzoo serve` over a folder, until the block ends."""

    def __init__(self, folder, *options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = Path(folder).parent / f"server-{self.port}.log"
        command = [sys.executable, "-m", "cnnzoo", "serve", str(folder), "--port", str(self.port), "--poll", "0.1"]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*command, *options], stderr=log, env=environment)

    def __enter__(self):
        for _ in range(600):
            with contextlib.suppress(OSError):
                if self.get("/v2/health/live")[0] == 200:
                    return self
            if self.process.poll() is not None:
                raise AssertionError(self.log.read_text())
            time.sleep(0.1)
        raise AssertionError("the server did not come up within a minute")

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        finally:
            self.process.kill()

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def get(self, path):
        with contextlib.closing(self.connection()) as connection:
            return asked(connection, "GET", path)

    def post(self, path, body, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.closing(self.connection()) as connection:
            return asked(connection, "POST", path, body, headers)

    def wait_for(self, path, good):
        for _ in range(300):
            answer = self.get(path)
            if good(answer):
                return answer
            time.sleep(0.1)
        raise AssertionError(f"{path} still answers {answer}: {self.log.read_text()}")

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
