"""Versions that come, go and are broken while requests are being answered."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import cnnzoo
from tests.server.running import Server, asked

BODY = {"instances": np.zeros((2, 28, 28, 1)).tolist()}


@pytest.fixture(scope="module")
def model():
    return cnnzoo.mlp(units=(5,))


def publish(model, folder, broken=False):
    """Export a version, or a broken one as another program might leave it."""
    if not broken:
        return cnnzoo.export(model, folder)
    version = folder / str(1 + max(int(path.name) for path in folder.iterdir() if path.name.isdecimal()))
    shutil.copytree(folder / "1", folder / ".copy")
    content = (folder / ".copy" / "saved_model.pb").read_bytes()
    (folder / ".copy" / "saved_model.pb").write_bytes(content[: len(content) // 2])
    return (folder / ".copy").rename(version)


def under_load(server, seconds, events):
    """Ask over four connections, let events happen in between, and return the answers' statuses and versions."""
    statuses, stop = [], time.monotonic() + seconds

    def work():
        body = json.dumps(BODY).encode()
        with contextlib.closing(server.connection()) as connection:
            while time.monotonic() < stop:
                statuses.append(asked(connection, "POST", "/v1/models/net:predict", body)[0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for event in events:
        event()
        time.sleep(seconds / (len(events) + 2))
    for thread in threads:
        thread.join()
    return statuses


@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_no_request_fails_while_versions_come(model, tmp_path, seconds):
    folder = tmp_path / "models" / "net"
    publish(model, folder)
    with Server(tmp_path / "models") as server:
        events = [lambda: publish(model, folder), lambda: publish(model, folder, True), lambda: publish(model, folder)]
        statuses = under_load(server, seconds, events)
        _, answer = server.wait_for(
            "/v1/models/net", lambda answer: answer[1]["model_version_status"][0]["version"] == "4"
        )
    assert set(statuses) == {200}
    assert len(statuses) > 100
    states = {of["version"]: of["state"] for of in answer["model_version_status"]}
    assert states == {"4": "AVAILABLE", "3": "END"}
    log = server.log.read_text()
    assert "version 3 is refused" in log
    assert log.count("version 3 is refused") == 1
    assert "version 1 is let go" in log
    assert "Traceback" not in log


def test_models_come_and_go(model, tmp_path):
    (tmp_path / "models").mkdir()
    with Server(tmp_path / "models") as server:
        assert server.get("/v1/models")[1] == {"models": []}
        assert server.post("/v1/models/net:predict", BODY)[0] == 404
        publish(model, tmp_path / "models" / "net")
        server.wait_for("/v1/models/net", lambda answer: answer[0] == 200)
        assert server.post("/v1/models/net:predict", BODY)[0] == 200
        shutil.rmtree(tmp_path / "models" / "net")
        server.wait_for("/v1/models/net", lambda answer: answer[0] == 404)


def test_a_single_models_folder_is_served_by_its_name(model, tmp_path):
    publish(model, tmp_path / "net")
    with Server(tmp_path / "net") as server:
        assert server.post("/v1/models/net:predict", BODY)[0] == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nowhere"], "there is no folder 'nowhere'"),
        ([".", "--port", "0"], "port must be an integer from 1 to 65535, not 0"),
        ([".", "--versions", "0"], "versions must be an integer of at least 1, not 0"),
        ([".", "--poll", "0"], "poll must be a number of seconds above 0, not 0.0"),
        ([".", "--batching", "-1"], "batching must be an integer of at least 0, not -1"),
        ([".", "--max-batch", "0"], "the limit batch must be an integer of at least 1, not 0"),
    ],
)
def test_options_that_do_not_fit_get_a_sentence(tmp_path, options, words):
    command = [sys.executable, "-m", "cnnzoo", "serve", *options]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (found.returncode, words in found.stderr) == (2, True), found.stderr


EXPORT = """
import sys, cnnzoo
model = cnnzoo.mlp(units=(5,))
print("ready", flush=True)
while True:
    print(cnnzoo.export(model, sys.argv[1]).name, flush=True)
"""


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_exports_leave_no_part_of_a_version(tmp_path, kills):
    """Two processes export at once and are killed at random moments; every number is whole, and was taken once."""
    import tensorflow as tf

    folder, taken = tmp_path / "net", []
    draw = np.random.default_rng(0)
    for _ in range(kills):
        command = [sys.executable, "-c", EXPORT, str(folder)]
        pair = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)
        ]
        for process in pair:
            assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.2, 2.5))
        for process in pair:
            os.kill(process.pid, signal.SIGKILL)
            taken += process.communicate()[0].split()
    assert len(taken) == len(set(taken))
    versions = [path for path in folder.iterdir() if path.name.isdecimal()]
    assert {path.name for path in versions} >= set(taken)
    for version in versions:
        serve = tf.saved_model.load(str(version)).signatures["serving_default"]
        assert serve(images=tf.zeros((1, 28, 28, 1)))["class_id"].shape == (1,)
