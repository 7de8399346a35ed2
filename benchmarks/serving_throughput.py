"""Throughput and latency of `cnnzoo serve` under load, compared with the model called directly.

    python benchmarks/serving_throughput.py saved_models/lenet5_mnist [--rounds 5] [--seconds 5]

For the direct calls, TensorFlow calls the model's signature in a loop in a process of its own. The load comes from wrk
(Debian's package `wrk`). Both use all cores, and alternate.
"""

import argparse
import base64
import json
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

PORT = 18080
DIRECT = """
import sys, time
import numpy as np, tensorflow as tf
folder, signature, batch, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
loaded = tf.saved_model.load(folder)
serve = loaded.signatures[signature]
name, spec = next(iter(serve.structured_input_signature[1].items()))
pixels = np.random.default_rng(0).integers(0, 256, (batch, *loaded.signatures["serving_default"]
    .structured_input_signature[1]["images"].shape[1:])).astype("float32")
value = pixels
if name == "image_bytes":
    value = np.array([tf.io.encode_png(tf.cast(image, tf.uint8)).numpy() for image in pixels], dtype=object)
def call():
    return {key: tensor.numpy() for key, tensor in serve(**{name: tf.constant(value, spec.dtype)}).items()}
for _ in range(20):
    call()
times, end = [], time.perf_counter() + seconds
while time.perf_counter() < end:
    start = time.perf_counter()
    call()
    times.append(time.perf_counter() - start)
times = np.sort(times) * 1000
print(len(times) * batch / (sum(times) / 1000), np.percentile(times, 50), np.percentile(times, 99))
"""


def pngs(pixels: np.ndarray) -> list[bytes]:
    import tensorflow as tf

    return [tf.io.encode_png(image.astype("uint8")).numpy() for image in pixels]


def bodies(model: str, pixels: np.ndarray) -> dict[str, tuple[str, str, bytes, dict[str, str]]]:
    """Return signature, path, body and headers of each type of request."""
    v1, v2 = f"/v1/models/{model}:predict", f"/v2/models/{model}/infer"
    files = pngs(pixels)
    encoded = [{"b64": base64.b64encode(file).decode()} for file in files]
    binary = b"".join(struct.pack("<I", len(file)) + file for file in files)

    def tensors(name: str, datatype: str, shape: tuple[int, ...], data: bytes):
        tensor = {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(data)}}
        head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
        return head + data, {"Inference-Header-Content-Length": str(len(head))}

    as_json = {"Content-Type": "application/json"}
    return {
        "b64 files": ("serve_bytes", v1, json.dumps({"instances": encoded}).encode(), as_json),
        "binary files": ("serve_bytes", v2, *tensors("image_bytes", "BYTES", (len(files),), binary)),
        "binary pixels": (
            "serving_default",
            v2,
            *tensors("images", "UINT8", pixels.shape, pixels.astype("uint8").tobytes()),
        ),
        "JSON pixels": ("serving_default", v1, json.dumps({"instances": pixels.tolist()}).encode(), as_json),
    }


def under_load(
    path: str, body: bytes, headers: dict[str, str], seconds: float, connections: int
) -> tuple[float, float, float]:
    """Return requests a second, and the median and 99th percentile of their milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "body").write_bytes(body)
        script = Path(folder) / "post.lua"
        script.write_text(
            f'wrk.method = "POST"\nlocal file = io.open("{folder}/body", "rb")\nwrk.body = file:read("*all")\n'
            + "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in headers.items())
            + "done = function(summary, latency, requests)\n"
            "  io.write(string.format('RESULT %f %f %f %d %d\\n', summary.requests / summary.duration * 1e6,\n"
            "    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status,\n"
            "    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))\nend\n"
        )
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds:g}s",
            "-s",
            str(script),
            f"http://127.0.0.1:{PORT}{path}",
        ]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate, median, last, refused, failed = map(float, re.search(r"RESULT (.*)", output)[1].split())
    if refused or failed:
        raise SystemExit(f"{refused:g} requests were refused and {failed:g} failed: {output}")
    return rate, median, last


def direct_calls(folder: Path, signature: str, batch: int, seconds: float) -> tuple[float, float, float]:
    command = [sys.executable, "-c", DIRECT, str(folder), signature, str(batch), str(seconds)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(map(float, output.split()[-3:]))


def wait_for(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not come up within a minute")


def spread(values: list[float], digits: int = 0) -> str:
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a model's folder, with its versions")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--batching", type=int, default=256, help="of `cnnzoo serve`")
    parser.add_argument("--requests", nargs="+", metavar="TYPE", help="types of requests; default all")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("this benchmark needs wrk: apt-get install wrk")
    folder = options.folder.resolve()
    version = max((path for path in folder.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
    shape = json.loads((version / "assets.extra/card.json").read_text(encoding="utf-8"))["signatures"][
        "serving_default"
    ]["inputs"]["images"]
    command = [
        sys.executable,
        "-m",
        "cnnzoo",
        "serve",
        str(folder),
        "--port",
        str(PORT),
        "--batching",
        str(options.batching),
    ]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{PORT}/v1/models/{folder.name}")
        rounds = f"{options.rounds} × {options.seconds:g} s"
        print(f"{folder.name}, {options.connections} connections, {rounds}; median (range)")
        for batch in options.batches:
            pixels = np.random.default_rng(0).integers(0, 256, (batch, *shape["shape"][1:])).astype("float32")
            all_types = bodies(folder.name, pixels)
            types = {name: all_types[name] for name in options.requests or all_types}
            signatures = {signature for signature, *_ in types.values()}
            results = {name: [] for name in (*types, *signatures)}
            for _ in range(options.rounds):
                for signature in signatures:
                    results[signature].append(direct_calls(version, signature, batch, options.seconds))
                for name, (_, path, body, headers) in types.items():
                    rate, *times = under_load(path, body, headers, options.seconds, options.connections)
                    results[name].append((rate * batch, *times))
            for name, values in results.items():
                rates, medians, percentiles = zip(*values, strict=True)
                fraction = " (direct)"
                if name in types:
                    direct = statistics.median(rate for rate, *_ in results[types[name][0]])
                    fraction = f", {statistics.median(rates) / direct:.0%} of {types[name][0]}"
                print(
                    f"batch {batch:3} {name:15} {spread(rates)} images/s{fraction}; "
                    f"p50 {spread(medians, 2)} ms, p99 {spread(percentiles, 2)} ms",
                    flush=True,
                )
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
