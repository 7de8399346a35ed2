"""Requests that would take time, memory or connections from others: each is refused, and others are answered."""

import base64
import contextlib
import gzip
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from tests import processes
from tests.integration.serving.server.server_process import Server, send

V1, V2 = "/v1/models/net:predict", "/v2/models/net/infer"
GOOD = {"instances": np.zeros((1, 28, 28, 1)).tolist()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve") / "models"
    options = {"preprocess": cnnzoo.models.mlp.preprocess_input, "image_shape": (28, 28, 1)}
    cnnzoo.export(cnnzoo.mlp(units=(5,)), folder / "net", **options)
    cnnzoo.export(cnnzoo.autoencoder(units=(), code=3), folder / "coder", image_shape=(28, 28, 1))
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with Server(folder) as up:
        yield up


def with_binary(content, binary):
    head = json.dumps(content).encode()
    return head + binary, {"Inference-Header-Content-Length": str(len(head))}


def binary(name, datatype, shape, size):
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}}


def binary_images(count):
    return binary("images", "UINT8", [count, 28, 28, 1], count * 784)


def marker(kind, content):
    return bytes([0xFF, kind]) + struct.pack(">H", len(content) + 2) + content


def frame(height, width):
    return marker(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")


# A JPEG of 49 million pixels: before its size stand a marker without a length, and a comment that looks like another.
HIDDEN = b"\xff\xd8\xff\x01" + marker(0xFE, frame(1, 1)) + frame(7000, 7000) + marker(0xDA, b"\x01\x01\x00\x00\x3f\x00")
FILL_BYTES = tf.io.encode_jpeg(np.zeros((28, 28, 1), "uint8")).numpy().replace(b"\xff\xd8\xff", b"\xff\xd8\xff\xff", 1)


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


def outputs_named_often():
    outputs = [{"name": "probabilities"}] * 40_000
    return V2, *with_binary({"inputs": [binary_images(1024)], "outputs": outputs}, bytes(1024 * 784))


def empty_texts():
    texts = binary("image_bytes", "BYTES", [7_500_000], 30_000_000)
    return V2, *with_binary({"inputs": [texts]}, bytes(30_000_000))


def nested_texts():
    return V1, b'{"instances":[["' + b"a" * 10_000_000 + b'"],' + b'["b"],' * 400 + b'["c"]]}', {}


ATTACKS = {  # path, body and headers; status, and what the error says
    "an output 40,000 times": (outputs_named_often, 400, "output 'probabilities' is named twice"),
    "32 MB of empty lists": (
        lambda: (V1, b'{"instances":[' + b"[]," * 10_900_000 + b"[]]}", {}),
        *(413, "at most 3000000 values, and this one has about 2180000"),
    ),
    "900,000 objects": (
        lambda: (V1, b'{"instances":[' + b'{"":0},' * 900_000 + b"{}]}", {}),
        *(400, "must have the same inputs"),
    ),
    "7.5 million empty texts": (empty_texts, 413, "at most 1024 images. Received: 7500000"),
    "texts of 1 and of 10 million letters": (nested_texts, 400, "must hold numbers"),
    "100,000 brackets": (lambda: (V1, b'{"instances":' + b"[" * 100_000, {}), 400, "must be JSON"),
    "100 MB in gzip": (
        lambda: (V1, gzip.compress(bytes(10**8)), {"Content-Encoding": "gzip"}),
        *(413, "at most 33554432 bytes"),
    ),
    "60 JPEGs with a hidden size": (
        lambda: (V1, {"instances": [b64(HIDDEN)] * 60}, {}),
        *(413, "at most 100000000 pixels together. Received: 2940000000"),
    ),
    "a length of 5,000 digits": (
        lambda: (V2, b"{}", {"Inference-Header-Content-Length": "9" * 5000}),
        *(400, "must be a length within the body. Received: '999"),
    ),
    "a signature of 100,000 letters": (
        lambda: (V1, {**GOOD, "signature_name": "x" * 100_000}, {}),
        *(400, "there is no signature 'xxx"),
    ),
    "a model of 60,000 letters": (
        lambda: (f"/v1/models/{'x' * 60_000}:predict", GOOD, {}),
        *(404, "there is no model 'xxx"),
    ),
    "a body above the limit": (
        lambda: (V1, b" " * (32 * 2**20 + 1), {}),
        *(413, "at most 33554432 bytes, and this one is longer"),
    ),
}


@contextlib.contextmanager
def good_clients(server):
    """Yield the statuses that four clients get beside, until the block ends and once more."""
    statuses, stop = [], threading.Event()

    def work():
        with contextlib.closing(server.connection()) as connection:
            while True:
                last = stop.is_set()
                statuses.append(send(connection, "POST", V1, json.dumps(GOOD).encode())[0])
                if last:
                    return

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work) for _ in range(4)]
        try:
            yield statuses
        finally:
            stop.set()
    for worker in workers:
        worker.result()  # raises what was raised in it


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_each_is_refused_with_its_figure_takes_little_memory_and_disturbs_nobody(server, attack):
    request, status, words = attack
    path, body, headers = request()
    before = server.peak_memory
    with good_clients(server) as statuses:
        received, content = server.post(path, body, **headers)
    assert received == status, content
    assert list(content) == ["error"]
    assert words in content["error"]
    assert len(content["error"]) < 500
    assert server.peak_memory <= before + 250  # MiB
    assert set(statuses) == {200}


def test_an_answer_is_weighed_before_it_is_computed(folder):
    with Server(folder, "--max-response", "100000") as server:
        body, headers = with_binary({"inputs": [binary_images(8)], "outputs": []}, bytes(8 * 784))
        status, content = server.post("/v2/models/coder/infer", body, **headers)
        assert (status, list(content)) == (413, ["error"])
        assert "at most 100000 bytes, and would have about 112896" in content["error"]  # 18 for each of 6,272 numbers
        in_binary = {"inputs": [binary_images(8)], "parameters": {"binary_data_output": True}}
        body, headers = with_binary(in_binary, bytes(8 * 784))
        assert server.post("/v2/models/coder/infer", body, **headers)[0] == 200  # 4 for each


def test_a_jpeg_with_fill_bytes_is_served(server):
    assert server.post(V1, {"instances": [b64(FILL_BYTES)] * 4})[0] == 200


def test_colors_of_four_inks_become_gray(server):
    from PIL import Image

    path = server.log.with_suffix(".jpg")
    Image.new("CMYK", (28, 28), (255, 255, 255, 0)).save(path)
    assert server.post(V1, {"instances": [b64(path.read_bytes())]})[0] == 200


@pytest.mark.parametrize("start", [b"\xff\xfe\xfd", b"\x00\xff", "ü".encode()[:1], b"GIF89a"])
def test_a_file_of_another_kind_is_refused_by_a_sentence(server, start):
    status, content = server.post(V1, {"instances": [b64(start + b"abc")]})
    assert status == 400
    assert "image_bytes must hold whole JPEG or PNG files, not what begins with" in content["error"]


# === Connections ===


@pytest.fixture(scope="module")
def impatient(folder):
    with Server(folder, "--max-seconds", "0.5", "--max-header", "5000") as up:
        yield up


def raw(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=processes.PATIENCE)


def until_closed(client):
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := client.recv(65536):
            received += part
    return received


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"GET /v2/health/live HTTP/1.1\r\nHost: x",
        f"POST {V1} HTTP/1.1\r\nContent-Length: 100\r\n\r\n{{".encode(),
        f"POST {V1} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".encode(),
        b"GET /v2/health/live HTTP/1.1\r\n\r\nGET /v2/hea",
    ],
)
def test_half_a_request_is_closed_with_a_sentence(impatient, part):
    with contextlib.closing(raw(impatient)) as client:
        client.sendall(part)
        received = until_closed(client)
    status, _, rest = received.rpartition(b"HTTP/1.1 ")[2].partition(b" ")
    if not part.startswith(b"GET /v2/health/live HTTP/1.1\r\n\r\n"):  # of such, uvicorn closes the idle connection
        assert status == b"408"
        assert b"a request must arrive within 0.5 seconds" in rest


def test_a_request_that_arrives_bit_by_bit_is_closed(impatient):
    with contextlib.closing(raw(impatient)) as client, contextlib.suppress(ConnectionError):
        client.sendall(f"POST {V1} HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n".encode())
        assert processes.until(lambda: not _still_open(client))


def _still_open(client):
    client.setblocking(False)
    try:
        client.sendall(b" ")
        return not client.recv(1)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def test_what_all_requests_hold_together_is_bounded_and_small_ones_are_answered(folder):
    """Two clients send most of a megabyte each, and wait; a third is asked to come again until they have gone."""
    body, headers = with_binary({"inputs": [binary_images(1000)]}, bytes(784_000))
    headers["Content-Type"] = "application/octet-stream"
    head = f"POST {V2} HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode()
    limits = ("--max-held", "1500000", "--max-body", "800000", "--max-response", "500000")
    with Server(folder, *limits) as server, contextlib.ExitStack() as connections:

        def most_of_it():
            client = connections.enter_context(contextlib.closing(raw(server)))
            with contextlib.suppress(ConnectionError):  # where it is refused before all is sent
                client.sendall(head + b"\r\n" + body[:700_000])
            return client

        waiting = [most_of_it(), most_of_it()]

        def both_are_held():
            # The third has room while they are being read: then one of them can be the one that is refused.
            for refused in select.select(waiting, [], [], 0)[0]:
                waiting[waiting.index(refused)] = most_of_it()
            said = "all requests together may hold 1500000 bytes, and others hold 1400000; send this one again"
            return said in str(server.post(V2, body, **headers)[1])

        assert processes.until(both_are_held)
        assert server.post(V2, body, **headers)[0] == 503
        assert server.post(V1, GOOD)[0] == 200
        # The answer comes when all has been sent, as clients wait for.
        with contextlib.closing(server.connection()) as client:
            client.request("POST", V2, bytes(5_000_000), headers)
            assert client.getresponse().status in (413, 503)
        connections.close()
        assert processes.until(lambda: server.post(V2, body, **headers)[0] == 200)
        assert server.post(V2, body, **headers)[0] == 200  # nothing is held any more of the one before


def test_answers_that_nobody_reads_are_given_up(impatient):
    """Four of them, each of megabytes, which is more than the kernel keeps for a connection."""
    codes = np.random.default_rng(0).random((1024, 3), "float32").tobytes()
    body, headers = with_binary({"inputs": [binary("code", "FP32", [1024, 3], len(codes))]}, codes)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"POST /v2/models/coder/infer HTTP/1.1\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body
    files = _descriptors(impatient)
    with contextlib.closing(socket.socket()) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", impatient.port))
        client.sendall(request * 4)
        answer = client.recv(1000)  # its beginning, so that it is under way
        assert processes.until(lambda: _descriptors(impatient) <= files)
        received = len(answer) + len(until_closed(client))
    length = int(re.search(rb"content-length: (\d+)", answer)[1])
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert received < 4 * length


def _descriptors(server):
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


@pytest.mark.parametrize("header", [b"x: " + b"a" * 10_000, b"x: a\r\n" * 3000, b"a" * 10_000])
def test_a_header_has_a_limit(impatient, header):
    with contextlib.closing(raw(impatient)) as client:
        client.sendall(b"GET /v2/health/live HTTP/1.1\r\n")
        client.sendall(header)
        received = until_closed(client)
    assert received.startswith(b"HTTP/1.1 431 ")
    assert b"the header of a request must have at most 5000 bytes" in received


def test_requests_within_the_limits_share_a_connection(impatient):
    with contextlib.closing(impatient.connection()) as connection:
        for _ in range(5):
            assert send(connection, "POST", V1, json.dumps(GOOD).encode(), {"x": "a" * 3000})[0] == 200
            assert send(connection, "GET", "/v2/health/live", None, {"x": "a" * 3000})[0] == 200


def test_others_are_served_though_half_requests_take_all_descriptors(folder):
    with Server(folder, "--max-seconds", "2", descriptors=200) as server, contextlib.ExitStack() as stack:
        for number in range(300):
            client = stack.enter_context(contextlib.closing(raw(server)))
            with contextlib.suppress(ConnectionError):  # those above 200 are closed at once
                client.sendall(
                    b"GET / HT" if number % 2 else f"POST {V1} HTTP/1.1\r\nContent-Length: 9\r\n\r\n".encode()
                )

        def is_served():
            with contextlib.suppress(OSError):
                return server.post(V1, GOOD)[0] == 200

        assert processes.until(is_served)


# === The end ===


@pytest.mark.parametrize("kill", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_answered_before_the_end(folder, kill):
    body = json.dumps(GOOD).encode()
    with Server(folder) as server, contextlib.closing(raw(server)) as client:
        idle = server.connection()
        idle.request("GET", "/v2/health/live")
        idle.getresponse().read()
        client.sendall(f"POST {V1} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:100])
        server.process.send_signal(kill)
        assert processes.until(lambda: _refuses(server.port))  # it accepts no other
        client.sendall(body[100:])
        received = until_closed(client)
        server.process.wait(processes.PATIENCE)
        idle.close()
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["predictions"]
    assert server.process.returncode == 128 + kill
    assert "stopping" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()


def _refuses(port):
    with socket.socket() as other:
        return other.connect_ex(("127.0.0.1", port)) != 0


# === The folder, while it is served ===


def _versions(response):
    return [entry["version"] for entry in response[1]["model_version_status"]]


def test_odd_entries_beside_a_model_under_load(folder, tmp_path):
    models = tmp_path / "models"
    shutil.copytree(folder, models)
    with Server(models) as server:
        with good_clients(server) as statuses:
            os.mkfifo(models / "pipe")
            (models / "nowhere").symlink_to("nothing")
            (models / "broken" / "1").mkdir(parents=True)
            os.mkfifo(models / "broken" / "1" / "saved_model.pb")
            server.wait_for("/v1/models/broken", lambda response: response[0] == 200)
            assert server.get("/v2/health/ready") == (503, {"ready": False})
            status, content = server.post("/v1/models/broken:predict", GOOD)
            assert (status, content) == (404, {"error": "no version of model 'broken' could be loaded"})
            shutil.copytree(models / "net" / "1", models / "net" / ".copy")
            (models / "net" / ".copy").rename(models / "net" / "09")
            server.wait_for("/v1/models/net", lambda response: _versions(response) == ["9"])
            shutil.rmtree(models / "broken")
            server.wait_for("/v2/health/ready", lambda response: response[0] == 200)
        assert set(statuses) == {200}
    log = server.log.read_text()
    assert "Traceback" not in log
    assert log.count("is neither a file nor a folder") == 1
