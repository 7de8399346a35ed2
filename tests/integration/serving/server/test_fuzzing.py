"""Thousands of broken requests: each gets a JSON error, and the server keeps running."""

import base64
import contextlib
import json
import urllib.parse

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import cnnzoo
from tests.integration.serving.server.server_process import Server, send

PNG = tf.io.encode_png(np.zeros((28, 28, 1), "uint8")).numpy()
GOOD = [[[0.5]] * 28] * 28

numbers = st.one_of(st.integers(), st.floats(), st.just(float("nan")), st.just(10**400), st.just("1"), st.none())
nested = st.recursive(numbers, lambda inner: st.lists(inner, max_size=4), max_leaves=30)
broken_files = st.one_of(
    st.binary(max_size=80),
    st.integers(0, len(PNG)).map(lambda end: PNG[:end]),
    st.tuples(st.integers(0, len(PNG) - 1), st.integers(0, 255)).map(
        lambda change: PNG[: change[0]] + bytes([change[1]]) + PNG[change[0] + 1 :]
    ),
    st.just(PNG[:16] + (50_000).to_bytes(4, "big") * 2 + PNG[24:]),
    st.binary(max_size=60).map(lambda rest: b"\xff\xd8\xff" + rest),
)
files = broken_files.map(lambda content: {"b64": base64.b64encode(content).decode()})
texts = st.text(max_size=12)
values = st.one_of(nested, files, st.lists(files, max_size=3), texts, st.dictionaries(texts, nested, max_size=3))
instances = st.one_of(values, st.lists(st.one_of(values, st.just(GOOD)), max_size=3))
v1 = st.fixed_dictionaries(
    {},
    optional={
        "instances": instances,
        "inputs": values,
        "signature_name": st.one_of(st.sampled_from(["serve_bytes", "serving_default", "x"]), nested),
    },
)
tensors = st.fixed_dictionaries(
    {},
    optional={
        "name": st.one_of(st.sampled_from(["images", "image_bytes"]), values),
        "datatype": st.one_of(st.sampled_from(["FP32", "BYTES", "UINT8", "INT64", "BOOL"]), values),
        "shape": st.one_of(st.lists(st.integers(-2, 2**40), max_size=6), st.just([1, 28, 28, 1]), values),
        "data": values,
        "parameters": st.one_of(st.fixed_dictionaries({"binary_data_size": nested}), values),
    },
)
v2 = st.fixed_dictionaries(
    {},
    optional={
        "id": values,
        "inputs": st.one_of(st.lists(tensors, max_size=3), values),
        "outputs": st.one_of(st.lists(st.dictionaries(texts, values, max_size=2), max_size=2), values),
        "parameters": values,
    },
)
bodies = st.one_of(
    st.one_of(v1, v2).map(lambda content: json.dumps(content).encode()),
    st.tuples(v1, st.integers(0, 200)).map(lambda cut: json.dumps(cut[0]).encode()[: cut[1]]),
    st.binary(max_size=200),
    st.integers(1, 5000).map(lambda depth: b'{"instances": ' + b"[" * depth + b"]" * depth + b"}"),
)
names = st.one_of(
    st.just("net"), st.sampled_from(["..", "%2e%2e%2fnet", "net%00", "net/../net", "."]), texts.map(urllib.parse.quote)
)
paths = st.one_of(
    st.just("/v1/models/net:predict"),
    st.just("/v2/models/net/infer"),
    names.map(lambda name: f"/v1/models/{name}:predict"),
    st.tuples(names, texts.map(urllib.parse.quote)).map(
        lambda parts: f"/v1/models/{parts[0]}/versions/{parts[1]}:predict"
    ),
    st.tuples(names, texts.map(urllib.parse.quote)).map(
        lambda parts: f"/v2/models/{parts[0]}/versions/{parts[1]}/infer"
    ),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Inference-Header-Content-Length": st.one_of(st.integers(-5, 300).map(str), st.just("x"), st.just("9" * 30)),
        "Content-Type": st.sampled_from(["application/json", "text/plain", "application/octet-stream", ";"]),
        "ce-id": st.just("1"),
    },
)


@pytest.mark.parametrize("requests", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_request_breaks_the_server(tmp_path, requests):
    options = {"preprocess": cnnzoo.models.mlp.preprocess_input, "image_shape": (28, 28, 1)}
    cnnzoo.export(cnnzoo.mlp(units=(5,)), tmp_path / "models" / "net", **options)
    with Server(tmp_path / "models", "--max-body", "100000") as server:
        connection, memory, statuses = server.connection(), [], []

        @settings(
            max_examples=requests,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(paths, bodies, headers)
        def send_one(path, body, header):
            if len(statuses) % 100 == 3:
                body = b"[" * 200_000  # above the limit
            status, content = send(connection, "POST", path, body, header)
            statuses.append(status)
            assert status == 200 or 400 <= status < 500, (status, path, body, content)
            assert status == 200 or isinstance(content["error"], str), content
            if len(statuses) in (requests // 2, requests - 1):
                memory.append(server.memory)

        with contextlib.closing(connection):
            send_one()
        assert len(statuses) >= requests
        assert {400, 404, 413} <= set(statuses)
        assert memory[-1] <= 1.1 * memory[0]
        good = {"instances": [{"b64": base64.b64encode(PNG).decode()}]}
        assert server.post("/v1/models/net:predict", good)[0] == 200
