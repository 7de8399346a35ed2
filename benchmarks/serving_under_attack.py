"""What `cnnzoo serve` does under attack: its health's latency, its memory, and whether good clients are all answered.

    python benchmarks/serving_under_attack.py saved_models/lenet5_mnist [--fuzzed 10000] [--only NAME …]

Eight clients send a digit each, in turns with a pause, while an attacker sends what would take time or memory; a prober
asks for health fifty times a second. Each runs in a process of its own, on the same cores as the server. Memory is that
of the server with its processes.
"""

import argparse
import base64
import contextlib
import gzip
import http.client
import json
import multiprocessing
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

PORT = 18081
NAME = "digits"
V1, V2 = f"/v1/models/{NAME}:predict", f"/v2/models/{NAME}/infer"
DIGIT = {"instances": np.zeros((1, 28, 28, 1)).tolist()}
IMAGES = {"name": "images", "datatype": "UINT8", "shape": [1024, 28, 28, 1]}


def post(path: str, body: bytes, **headers: str) -> int:
    """Return the status of an answer, or 0 where there was none."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", PORT, timeout=300)) as connection:
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            response.read()
        except OSError:
            return 0
        return response.status


def post_v2(content: dict, binary: bytes = b"") -> int:
    head = json.dumps(content).encode()
    return post(V2, head + binary, **{"Inference-Header-Content-Length": str(len(head))})


def at_once(times: int, function) -> list[int]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: function(), range(times)))


def many_outputs(**parameters) -> int:
    images = {**IMAGES, "parameters": {"binary_data_size": 1024 * 784}}
    outputs = [{"name": "probabilities"}] * 40_000
    return post_v2({"inputs": [images], "outputs": outputs, "parameters": parameters}, bytes(1024 * 784))


def binary_texts() -> int:
    texts = {"name": "image_bytes", "datatype": "BYTES", "shape": [7_500_000]}
    return post_v2({"inputs": [{**texts, "parameters": {"binary_data_size": 30_000_000}}]}, bytes(30_000_000))


def jpeg(width: int, height: int, before: bytes = b"") -> bytes:
    """Return a JPEG whose header states a size, and which has no picture."""
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + before + b"\xff\xc0" + frame + b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 0, 63, 0)


def large_jpegs() -> int:
    hidden = b"\xff\x01\xff\xfe" + struct.pack(">H", 12) + b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 1, 1, 1)
    file = {"b64": base64.b64encode(jpeg(7000, 7000, hidden) + bytes(1000)).decode()}
    return post(V1, json.dumps({"instances": [file] * 60}).encode())


def large_header() -> int:
    with socket.create_connection(("127.0.0.1", PORT)) as client, contextlib.suppress(OSError):
        client.sendall(b"GET /v2/health/live HTTP/1.1\r\nx: ")
        for _ in range(300):
            client.sendall(b"a" * 2**20)
    return 431


def half_requests() -> int:
    clients = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(200)]
    for number, client in enumerate(clients):
        client.sendall(b"GET / HT" if number % 2 else f"POST {V1} HTTP/1.1\r\nContent-Length: 9\r\n\r\n{{".encode())
    for client in clients:
        with contextlib.suppress(OSError):
            while client.recv(1000):
                pass
    return 408


def unread_answers() -> int:
    tensor = {"name": "images", "shape": [1024, 28, 28, 1], "datatype": "UINT8"}
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": 1024 * 784}}]}).encode()
    clients = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(20)]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(
            f"POST {V2} HTTP/1.1\r\nContent-Length: {len(head) + 1024 * 784}\r\n".encode()
            + f"Inference-Header-Content-Length: {len(head)}\r\n\r\n".encode()
            + head
            + bytes(1024 * 784)
        )
    time.sleep(5)
    return 0


def fuzzed(number: int) -> list[int]:
    """Send valid requests with some bytes changed, cut out or repeated."""
    draw = random.Random(0)
    file = base64.b64encode(jpeg(28, 28)).decode()
    data = {"name": "images", "datatype": "FP32", "shape": [1, 28, 28, 1], "data": [0.5] * 784}
    valid = [
        (V1, json.dumps(DIGIT).encode()),
        (V1, json.dumps({"instances": [{"b64": file}], "signature_name": "serve_bytes"}).encode()),
        (V1, json.dumps({"inputs": {"images": DIGIT["instances"]}}).encode()),
        (V2, json.dumps({"id": "1", "inputs": [data], "outputs": [{"name": "class_id"}]}).encode()),
    ]
    statuses = []
    for _ in range(number):
        path, body = draw.choice(valid)
        for _ in range(draw.randint(1, 4)):
            at, length = draw.randrange(len(body)), draw.randint(1, 40)
            part = draw.choice([b"", draw.randbytes(length), body[at : at + length] * 2, b"1e999", b'"', b"[", b"null"])
            body = body[:at] + part + body[at + length :]
            body = body or b"{"
        statuses.append(post(path, body))
    return statuses


def attacks(fuzz: int) -> dict:
    """Return each attack: a function that returns the statuses of its answers."""
    lists = b'{"instances":[' + b"[]," * 10_900_000 + b"[]]}"
    objects = b'{"instances":[' + b'{"":0},' * 999_990 + b"{}]}"
    texts = b'{"instances":[["' + b"a" * 10_000_000 + b'"],' + b'["b"],' * 400 + b'["c"]]}'
    most = json.dumps({"instances": [[[[0.5]] * 28] * 28] * 1024}).encode()
    many = json.dumps({"instances": [[[[0.5]] * 28] * 28] * 60}).encode()
    strings = {"name": "image_bytes", "datatype": "BYTES", "shape": [7_000_000], "data": "DATA"}
    empty = json.dumps({"inputs": [strings]}).encode().replace(b'"DATA"', b"[" + b'"",' * 6_999_999 + b'""]')
    bomb = gzip.compress(bytes(10**9))
    long = {"Inference-Header-Content-Length": "9" * 5000}
    return {
        "an output 40,000 times, binary": lambda: [many_outputs(binary_data_output=True)],
        "an output 40,000 times, JSON": lambda: [many_outputs()],
        "32 MB of empty lists": lambda: [post(V1, lists)],
        "32 MB of empty lists, six at once": lambda: at_once(6, lambda: post(V1, lists)),
        "a million objects, six at once": lambda: at_once(6, lambda: post(V1, objects)),
        "7.5 million empty texts, binary": lambda: [binary_texts()],
        "7 million empty texts, JSON": lambda: [post(V2, empty)],
        "texts of 1 and 10 million letters": lambda: [post(V1, texts)],
        "100,000 brackets": lambda: [post(V1, b'{"instances":' + b"[" * 100_000)],
        "1,024 digits as JSON, six at once": lambda: at_once(6, lambda: post(V1, most)),
        "80 times 60 digits as JSON, by eight": lambda: at_once(8, lambda: max(post(V1, many) for _ in range(10))),
        "a gigabyte in gzip, six at once": lambda: at_once(6, lambda: post(V1, bomb, **{"Content-Encoding": "gzip"})),
        "60 JPEGs of 49 million pixels": lambda: [large_jpegs()],
        "a length of 5,000 digits": lambda: [post(V2, b"{}", **long)],
        "a header of 300 MB": lambda: [large_header()],
        "200 half requests": lambda: [half_requests()],
        "answers that nobody reads": lambda: [unread_answers()],
        f"{fuzz:,} fuzzed requests": lambda: fuzzed(fuzz),
    }


def good_clients(stop, results) -> None:
    body, statuses = json.dumps(DIGIT).encode(), []

    def work() -> None:
        while not stop.is_set():
            statuses.append(post(V1, body))
            time.sleep(0.1)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(work)
    results.put(Counter(statuses))


def prober(stop, results) -> None:
    times = []
    while not stop.is_set():
        start = time.perf_counter()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", PORT, timeout=300)) as connection:
            connection.request("GET", "/v2/health/live")
            assert connection.getresponse().status == 200
        times.append(time.perf_counter() - start)
        time.sleep(0.02)
    results.put(times)


def memory(process: int) -> float:
    """Return the resident memory of a process and its children, in MB."""
    total = 0
    children = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False).stdout.split()
    for number in (process, *children):
        with contextlib.suppress(OSError, StopIteration):
            lines = Path(f"/proc/{number}/status").read_text(encoding="utf-8").splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return total / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a model of 28 × 28 gray pixels, with its versions")
    parser.add_argument("--fuzzed", type=int, default=10_000)
    parser.add_argument("--only", nargs="+", help="names of attacks, or parts of them")
    parser.add_argument("--tree", type=Path, default=Path(__file__).parent.parent, help="the cnnzoo that serves")
    parser.add_argument("--python", default=sys.executable, help="the Python that serves")
    options = parser.parse_args()
    temporary = tempfile.TemporaryDirectory()
    models = Path(temporary.name)
    (models / NAME).symlink_to(options.folder.resolve())
    command = [options.python, "-m", "cnnzoo", "serve", str(models), "--port", str(PORT)]
    log = (models / "log").open("w")
    server = subprocess.Popen(command, stderr=log, cwd=options.tree)
    spawn = multiprocessing.get_context("spawn")
    try:
        while post(V1, json.dumps(DIGIT).encode()) != 200:
            time.sleep(0.2)
        for _ in range(50):
            post(V1, json.dumps(DIGIT).encode())
        start = memory(server.pid)
        print("attack: statuses; of good clients; health p50, p99, max in ms; MB above the start, at most and after")
        for name, attack in attacks(options.fuzzed).items():
            if options.only and not any(part in name for part in options.only):
                continue
            stop, results, times = spawn.Event(), spawn.Queue(), spawn.Queue()
            helpers = [
                spawn.Process(target=good_clients, args=(stop, results)),
                spawn.Process(target=prober, args=(stop, times)),
            ]
            for helper in helpers:
                helper.start()
            time.sleep(3)
            peaks, ended = [memory(server.pid)], threading.Event()

            def watch(peaks=peaks, ended=ended) -> None:
                while not ended.wait(0.02):
                    peaks.append(memory(server.pid))

            watcher = threading.Thread(target=watch)
            watcher.start()
            began = time.perf_counter()
            statuses = Counter(attack())
            seconds = time.perf_counter() - began
            ended.set()
            watcher.join()
            stop.set()
            good, health = results.get(), np.array(times.get()) * 1000
            for helper in helpers:
                helper.join()
            print(
                f"{name:45} {dict(statuses)} in {seconds:.1f} s; {dict(good)}; "
                f"{np.median(health):.1f}, {np.percentile(health, 99):.1f}, {health.max():.1f}; "
                f"{max(peaks) - start:+.0f}, {memory(server.pid) - start:+.0f}",
                flush=True,
            )
    finally:
        server.kill()
        server.wait()
        log.close()
        print((models / "log").read_text(encoding="utf-8")[-2000:], file=sys.stderr)
        temporary.cleanup()


if __name__ == "__main__":
    main()
