"""Requests that wait at the same time are computed together, and each gets its own outputs."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cnnzoo.errors import InputError
from cnnzoo.serving.server.batching import Batcher
from cnnzoo.serving.server.requests import ParsedRequest


class Version:
    """Twice the input, and what a test adds."""

    def __init__(self, **more):
        self.more = more
        self.calls = []

    def __call__(self, signature, inputs):
        (x,) = inputs.values()
        self.calls.append(len(x))
        if (x == 13).any():
            raise InputError("13")
        return {"y": 2 * x, **{name: function(x) for name, function in self.more.items()}}


def outputs(version, limit, values):
    """Return what each of some requests gets: outputs, or an error."""

    async def ask():
        with ThreadPoolExecutor(4) as pool:
            batcher = Batcher(pool, limit)
            requests = [ParsedRequest(version, "s", {"x": np.array(value)}, "rows", {"y": False}) for value in values]
            return await asyncio.gather(*map(batcher.predict, requests), return_exceptions=True)

    return asyncio.run(ask())


@pytest.mark.parametrize(("limit", "calls"), [(0, [1, 2, 1, 1]), (256, [5]), (3, [3, 2])])
def test_waiting_requests_are_put_together_up_to_a_limit(limit, calls):
    version = Version()
    values = [[1.0], [2.0, 3.0], [4.0], [5.0]]
    for value, got in zip(values, outputs(version, limit, values), strict=True):
        np.testing.assert_array_equal(got["y"], 2 * np.array(value))
    assert sorted(version.calls) == sorted(calls)


def test_an_error_is_its_own_clients():
    got = outputs(Version(), 256, [[1.0], [2.0], [13.0], [3.0]])
    assert [type(each) for each in got] == [dict, dict, InputError, dict]
    np.testing.assert_array_equal(got[3]["y"], [6.0])


@pytest.mark.parametrize("output", [lambda x: x.mean(), lambda x: x[:1], lambda x: np.repeat(x, 2)])
def test_outputs_that_are_no_batch_are_computed_for_each_request_alone(output):
    values = [[1.0], [2.0, 3.0], [4.0]]
    for value, got in zip(values, outputs(Version(z=output), 256, values), strict=True):
        np.testing.assert_array_equal(got["z"], output(np.array(value)))
