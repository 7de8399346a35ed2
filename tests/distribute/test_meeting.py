"""Workers wait for each other, and not for ever."""

import json
import socket
import subprocess
import sys
import threading
import time

import pytest

import cnnzoo
from cnnzoo.distribute import strategy
from cnnzoo.distribute.meeting import meet
from tests.distribute.cluster import ROOT, free_ports


def addresses(count):
    return [f"127.0.0.1:{port}" for port in free_ports(count)]


def test_all_go_on_once_the_last_has_come():
    hosts, ended, all_ended = addresses(3), [], threading.Event()

    def worker(index, late):
        time.sleep(late)
        meet(hosts, index, wait=30)
        ended.append(index)
        with socket.create_server(("127.0.0.1", int(hosts[index].rpartition(":")[2]))):  # as TensorFlow does now
            all_ended.wait(20)

    threads = [threading.Thread(target=worker, args=each) for each in ((0, 0), (1, 0), (2, 1))]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    assert ended == []
    deadline = time.monotonic() + 20
    while len(ended) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    all_ended.set()
    for thread in threads:
        thread.join(20)
    assert sorted(ended) == [0, 1, 2]


def test_a_worker_that_never_comes_is_named():
    hosts = addresses(2)
    with pytest.raises(cnnzoo.InputError, match=rf"worker 1 of 2 waited 1 s for worker 0 at {hosts[0]}, which did not"):
        meet(hosts, 1, wait=1)
    with pytest.raises(cnnzoo.InputError, match=r"worker 0 at no\.such\.host\.invalid:1, which did not come"):
        meet(["no.such.host.invalid:1", hosts[1]], 1, wait=1)


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(cnnzoo.InputError, match=f"worker 0 cannot listen at localhost:{port} .*in use"):
            meet([f"localhost:{port}", "localhost:1"], 0, wait=1)


def test_the_command_line_says_it_in_a_sentence(tmp_path):
    hosts = addresses(2)
    config = json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": 0}})
    command = [
        sys.executable,
        "-m",
        "cnnzoo",
        "train",
        "lenet5_digits",
        "--wait",
        "1",
        "--workdir",
        str(tmp_path / "run"),
    ]
    environment = {"PYTHONPATH": str(ROOT), "TF_CONFIG": config, "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(f"cnnzoo: worker 0 of 2 waited 1 s for worker 1 at {hosts[1]}")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wait", [0, -1, float("inf"), "soon"])
def test_waiting_has_bounds(wait):
    with pytest.raises(cnnzoo.InputError, match="wait must be a positive number of seconds"):
        strategy("auto", wait=wait)
