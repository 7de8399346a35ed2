"""Versions that are added, removed and broken under load."""

import contextlib
import json
import re
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cnnzoo
from cnnzoo.cli import main
from cnnzoo.files import PART
from tests import processes
from tests.hold import hold
from tests.integration.serving.server.server_process import Server, send

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


@contextlib.contextmanager
def under_load(server, more):
    """Send requests over four connections until the block ends, and `more` after it; yield the responses' statuses."""
    statuses, block_ended = [], threading.Event()
    body = json.dumps(BODY).encode()

    def work():
        with contextlib.closing(server.connection()) as connection:

            def post():
                statuses.append(send(connection, "POST", "/v1/models/net:predict", body)[0])

            while not block_ended.is_set():
                post()
            for _ in range(more):
                post()

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work) for _ in range(4)]
        try:
            yield statuses
        finally:
            block_ended.set()
    for worker in workers:
        worker.result()  # raises what was raised in it


@pytest.mark.parametrize("more", [10, pytest.param(3000, marks=pytest.mark.slow)])
def test_no_request_fails_while_versions_are_added(model, tmp_path, more):
    folder = tmp_path / "models" / "net"
    publish(model, folder)
    versions = [
        (False, {"2": "AVAILABLE"}),
        (True, {"3": "END", "2": "AVAILABLE"}),
        (False, {"4": "AVAILABLE", "3": "END"}),
    ]
    with Server(tmp_path / "models") as server:
        for broken, states in versions:
            with under_load(server, more) as statuses:
                publish(model, folder, broken)
                server.wait_for(
                    "/v1/models/net",
                    lambda response, states=states: (
                        {entry["version"]: entry["state"] for entry in response[1]["model_version_status"]} == states
                    ),
                )
            assert set(statuses) == {200}
            assert len(statuses) > 4 * more
    log = server.log.read_text()
    assert log.count("version 3 failed to load") == 1
    assert "version 1 removed" in log
    assert "Traceback" not in log


def test_models_are_added_and_removed(model, tmp_path):
    (tmp_path / "models").mkdir()
    with Server(tmp_path / "models") as server:
        assert server.get("/v1/models")[1] == {"models": []}
        assert server.post("/v1/models/net:predict", BODY)[0] == 404
        publish(model, tmp_path / "models" / "net")
        server.wait_for("/v1/models/net", lambda response: response[0] == 200)
        assert server.post("/v1/models/net:predict", BODY)[0] == 200
        shutil.rmtree(tmp_path / "models" / "net")
        server.wait_for("/v1/models/net", lambda response: response[0] == 404)


def test_a_single_models_folder_is_served_by_its_name(model, tmp_path):
    publish(model, tmp_path / "net")
    with Server(tmp_path / "net") as server:
        assert server.post("/v1/models/net:predict", BODY)[0] == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nowhere"], "there is no folder 'nowhere'"),
        ([".", "--port", "0"], "`port` must be an integer from 1 to 65535. Received: 0"),
        ([".", "--versions", "0"], "`versions` must be a positive integer. Received: 0"),
        ([".", "--poll-interval", "0"], "`poll_interval` must be a positive number of seconds. Received: 0.0"),
        ([".", "--batching", "-1"], "`batching` must be a non-negative integer. Received: -1"),
        ([".", "--max-batch", "0"], "`max_batch` must be a positive integer. Received: 0"),
    ],
)
def test_invalid_options_get_an_error_message(tmp_path, monkeypatch, capsys, options, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["serve", *options])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_server_without_its_port_does_not_say_that_it_serves(model, tmp_path):
    publish(model, tmp_path / "net")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = processes.run(["-m", "cnnzoo", "serve", tmp_path / "net", "--port", port])
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(
        f"cnnzoo: cannot listen on 127.0.0.1:{port}: Address already in use"
    )
    assert "serving" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "package",
    [
        "fastapi",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("uvicorn", "httptools", "orjson", "prometheus_client")
        ),
    ],
)
def test_without_the_extra_a_sentence_names_it(tmp_path, package):
    code = f"import sys; sys.modules[{package!r}] = None; from cnnzoo.cli import main; main(['serve', '.'])"
    ended = processes.run(["-c", code], cwd=tmp_path)
    assert ended.returncode == 2
    assert re.search(r'needs FastAPI and uvicorn: pip install .*\[serve\]"', ended.stderr.splitlines()[-1])


EXPORT = """
import sys, cnnzoo
model = cnnzoo.mlp(units=(5,))
print("ready", flush=True)
while True:
    print(cnnzoo.export(model, sys.argv[1]).name, flush=True)
"""


def exporting(folder, **variables):
    return processes.start(["-c", EXPORT, folder], **variables)


def kill(exports):
    """Kill processes, and return the versions that they printed."""
    for process in exports:
        process.kill()
    output = " ".join(processes.ended(process)[0] for process in exports)
    return [word for word in output.split() if word != "ready"]


def assert_complete(versions):
    import tensorflow as tf

    for version in versions:
        serve = tf.saved_model.load(str(version)).signatures["serving_default"]
        assert serve(images=tf.zeros((1, 28, 28, 1)))["class_id"].shape == (1,)


def test_exports_killed_at_any_point_leave_no_part_of_a_version(tmp_path):
    """Four processes export at the same time. Each is killed at another point of its second version."""
    points = [
        {"function": "cnnzoo.serving.formats:write"},  # the folder is empty
        {
            "function": "tensorflow.python.saved_model.builder_impl:copy_assets_to_destination_dir"
        },  # it has weights and no graph
        {"function": "cnnzoo.files:_renamed_to_next"},  # it is complete and has no number yet
        {"function": "cnnzoo.files:_renamed_to_next", "after": True},
    ]
    folder, exports = tmp_path / "net", []
    with contextlib.ExitStack() as stack:
        holds = [stack.enter_context(hold(**point, call=2)) for point in points]
        exports = [exporting(folder, **held.environment) for held in holds]
        for held, process in zip(holds, exports, strict=True):
            held.wait(process)
        printed = kill(exports)
    assert len(printed) == len(set(printed)) == 4
    versions = [path for path in folder.iterdir() if path.name.isdecimal()]
    assert {path.name for path in versions} == {"1", "2", "3", "4", "5"}
    assert {*printed} < {path.name for path in versions}
    assert len([path for path in folder.glob(f"{PART}*") if path.is_dir()]) == 3
    assert_complete(versions)


@pytest.mark.slow
def test_exports_killed_at_random_moments_leave_no_part_of_a_version(tmp_path):
    """Two processes export at the same time. Every numbered version is complete, and was printed once."""
    folder, printed = tmp_path / "net", []
    draw = np.random.default_rng(0)
    for _ in range(20):
        exports = [exporting(folder) for _ in range(2)]
        for process in exports:
            assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.2, 2.5))  # any moment will do
        printed += kill(exports)
    assert len(printed) == len(set(printed))
    versions = [path for path in folder.iterdir() if path.name.isdecimal()]
    assert {path.name for path in versions} >= set(printed)
    assert_complete(versions)
