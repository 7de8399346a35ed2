"""Versions that come, go and are broken while requests are being answered."""

import contextlib
import json
import shutil
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
from tests.integration.serving.server.running import Server, asked

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
    """Ask over four connections until the block ends, and so many times more; yield the answers' statuses."""
    statuses, seen = [], threading.Event()
    body = json.dumps(BODY).encode()

    def work():
        with contextlib.closing(server.connection()) as connection:

            def ask():
                statuses.append(asked(connection, "POST", "/v1/models/net:predict", body)[0])

            while not seen.is_set():
                ask()
            for _ in range(more):
                ask()

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work) for _ in range(4)]
        try:
            yield statuses
        finally:
            seen.set()
    for worker in workers:
        worker.result()  # raises what was raised in it


@pytest.mark.parametrize("more", [10, pytest.param(3000, marks=pytest.mark.slow)])
def test_no_request_fails_while_versions_come(model, tmp_path, more):
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
                    lambda answer, states=states: (
                        {of["version"]: of["state"] for of in answer[1]["model_version_status"]} == states
                    ),
                )
            assert set(statuses) == {200}
            assert len(statuses) > 4 * more
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
def test_options_that_do_not_fit_get_a_sentence(tmp_path, monkeypatch, capsys, options, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["serve", *options])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


EXPORT = """
import sys, cnnzoo
model = cnnzoo.mlp(units=(5,))
print("ready", flush=True)
while True:
    print(cnnzoo.export(model, sys.argv[1]).name, flush=True)
"""


def exporting(folder, **variables):
    return processes.start(["-c", EXPORT, folder], **variables)


def killed(exports):
    """Kill processes, and return the versions that they said they had written."""
    for process in exports:
        process.kill()
    said = " ".join(processes.ended(process)[0] for process in exports)
    return [word for word in said.split() if word != "ready"]


def assert_whole(versions):
    import tensorflow as tf

    for version in versions:
        serve = tf.saved_model.load(str(version)).signatures["serving_default"]
        assert serve(images=tf.zeros((1, 28, 28, 1)))["class_id"].shape == (1,)


def test_exports_killed_at_any_point_leave_no_part_of_a_version(tmp_path):
    """Four processes export at once, and are killed each at another point of its second version."""
    points = [
        {"function": "cnnzoo.serving.formats:write"},  # there is a folder, and nothing in it
        {"function": "tensorflow.python.saved_model.builder_impl:copy_assets_to_destination_dir"},  # weights, no graph
        {"function": "cnnzoo.files:_renamed_to_next"},  # it is whole, and has no number yet
        {"function": "cnnzoo.files:_renamed_to_next", "after": True},
    ]
    folder, exports = tmp_path / "net", []
    with contextlib.ExitStack() as stack:
        holds = [stack.enter_context(hold(**point, call=2)) for point in points]
        exports = [exporting(folder, **held.environment) for held in holds]
        for held, process in zip(holds, exports, strict=True):
            held.wait(process)
        taken = killed(exports)
    assert len(taken) == len(set(taken)) == 4
    versions = [path for path in folder.iterdir() if path.name.isdecimal()]
    assert {path.name for path in versions} == {"1", "2", "3", "4", "5"}
    assert {*taken} < {path.name for path in versions}
    assert len(list(folder.glob(f"{PART}*"))) == 3
    assert_whole(versions)


@pytest.mark.slow
def test_exports_killed_at_random_moments_leave_no_part_of_a_version(tmp_path):
    """Two processes export at once; every number is whole, and was taken once."""
    folder, taken = tmp_path / "net", []
    draw = np.random.default_rng(0)
    for _ in range(20):
        exports = [exporting(folder) for _ in range(2)]
        for process in exports:
            assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.2, 2.5))  # any moment will do
        taken += killed(exports)
    assert len(taken) == len(set(taken))
    versions = [path for path in folder.iterdir() if path.name.isdecimal()]
    assert {path.name for path in versions} >= set(taken)
    assert_whole(versions)
