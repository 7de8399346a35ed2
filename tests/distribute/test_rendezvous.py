"""Workers wait for each other, and not for ever."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import cnnzoo
from cnnzoo.distribute import rendezvous, strategy
from cnnzoo.distribute.rendezvous import meet
from tests.processes import PATIENCE, free_ports


def addresses(count):
    return [f"127.0.0.1:{port}" for port in free_ports(count)]


def test_all_go_on_once_the_last_has_come(monkeypatch):
    hosts, ended, all_ended = addresses(3), [], threading.Barrier(3)
    in_vain = {index: threading.Semaphore(0) for index in range(2)}  # how often each has knocked at the last one's
    mine = threading.local()

    def knock(address):
        answered = answers(address)
        if address == hosts[2] and not answered:
            in_vain[mine.index].release()
        return answered

    def worker(index):
        mine.index = index
        meet(hosts, index, wait=PATIENCE)
        ended.append(index)
        with socket.create_server(("127.0.0.1", int(hosts[index].rpartition(":")[2]))):  # as TensorFlow does now
            all_ended.wait(PATIENCE)

    answers = rendezvous._answers
    monkeypatch.setattr(rendezvous, "_answers", knock)
    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(worker, index) for index in range(2)]
        for each in (*in_vain.values(), *in_vain.values()):  # twice: the first time did not make it go on
            assert each.acquire(timeout=PATIENCE)
        too_early = list(ended)
        workers.append(pool.submit(worker, 2))
        for each in workers:
            each.result(PATIENCE)
    assert too_early == []
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


def test_the_command_line_says_it_in_a_sentence(tmp_path, processes):
    hosts = addresses(2)
    config = json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": 0}})
    command = ["-m", "cnnzoo", "train", "lenet5_digits", "--wait", "1", "--workdir", tmp_path / "run"]
    ended = processes.run(command, TF_CONFIG=config)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(f"cnnzoo: worker 0 of 2 waited 1 s for worker 1 at {hosts[1]}")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wait", [0, -1, float("inf"), "soon"])
def test_waiting_has_bounds(wait):
    with pytest.raises(cnnzoo.InputError, match="wait must be a positive number of seconds"):
        strategy("auto", wait=wait)
