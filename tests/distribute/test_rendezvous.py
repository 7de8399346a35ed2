"""Workers wait for each other, up to a timeout."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import cnnzoo
from cnnzoo.distribute import rendezvous, strategy
from cnnzoo.distribute.rendezvous import wait_for_workers
from tests.processes import PATIENCE, free_ports


def addresses(count):
    return [f"127.0.0.1:{port}" for port in free_ports(count)]


def test_all_workers_continue_once_the_last_has_started(monkeypatch):
    hosts, ended, all_ended = addresses(3), [], threading.Barrier(3)
    failed_attempts = {index: threading.Semaphore(0) for index in range(2)}  # of each worker to reach the last one
    this_thread = threading.local()

    def count_failures(address):
        reachable = is_reachable(address)
        if address == hosts[2] and not reachable:
            failed_attempts[this_thread.index].release()
        return reachable

    def worker(index):
        this_thread.index = index
        wait_for_workers(hosts, index, timeout=PATIENCE)
        ended.append(index)
        with socket.create_server(("127.0.0.1", int(hosts[index].rpartition(":")[2]))):  # as TensorFlow does now
            all_ended.wait(PATIENCE)

    is_reachable = rendezvous._is_reachable
    monkeypatch.setattr(rendezvous, "_is_reachable", count_failures)
    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(worker, index) for index in range(2)]
        for failures in (*failed_attempts.values(), *failed_attempts.values()):  # two each: the first ended no wait
            assert failures.acquire(timeout=PATIENCE)
        ended_early = list(ended)
        workers.append(pool.submit(worker, 2))
        for each in workers:
            each.result(PATIENCE)
    assert ended_early == []
    assert sorted(ended) == [0, 1, 2]


def test_a_worker_that_never_starts_is_named():
    hosts = addresses(2)
    with pytest.raises(cnnzoo.InputError, match=rf"worker 1 of 2 waited 1 s for worker 0 at {hosts[0]}, without"):
        wait_for_workers(hosts, 1, timeout=1)
    with pytest.raises(cnnzoo.InputError, match=r"worker 0 at no\.such\.host\.invalid:1, without a connection"):
        wait_for_workers(["no.such.host.invalid:1", hosts[1]], 1, timeout=1)


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(cnnzoo.InputError, match=f"worker 0 cannot listen at localhost:{port} .*in use"):
            wait_for_workers([f"localhost:{port}", "localhost:1"], 0, timeout=1)


def test_the_command_line_prints_the_missing_worker(tmp_path, processes):
    hosts = addresses(2)
    config = json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": 0}})
    command = ["-m", "cnnzoo", "train", "lenet5_digits", "--worker-timeout", "1", "--workdir", tmp_path / "run"]
    ended = processes.run(command, TF_CONFIG=config)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(f"cnnzoo: worker 0 of 2 waited 1 s for worker 1 at {hosts[1]}")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), "soon"])
def test_a_timeout_is_a_positive_number(timeout):
    sentence = f"`worker_timeout` must be a positive number of seconds. Received: {timeout!r}"
    with pytest.raises(cnnzoo.InputError, match=sentence):
        strategy("auto", worker_timeout=timeout)
