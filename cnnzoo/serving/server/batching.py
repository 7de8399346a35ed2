"""Batching: requests that wait at the same time are computed together."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np

from cnnzoo.checks import integer
from cnnzoo.runtime import cores
from cnnzoo.serving.server.requests import ParsedRequest
from cnnzoo.serving.server.responses import Outputs


class Batcher:
    """Computes as many requests at a time as there are cores, and those that arrive meanwhile in batches.

    No request waits for others to arrive: an idle server computes it at once.

    Args:
        executor: in whose threads models compute.
        limit: most images in a batch that is put together, or 0 to compute each request alone.

    Raises:
        InputError: the limit is out of range.
    """

    def __init__(self, executor: Executor, limit: int):
        self._limit = integer("batching", limit, 0)
        self._executor = executor
        self._workers = cores()
        self._waiting: dict[tuple, list[tuple[ParsedRequest, asyncio.Future]]] = defaultdict(list)
        self._running: dict[tuple, int] = defaultdict(int)

    async def predict(self, request: ParsedRequest) -> Outputs:
        """Return a signature's outputs for a request.

        Raises:
            InputError: the graph refuses its inputs.
        """
        loop = asyncio.get_running_loop()
        if self._limit <= 1:
            return await loop.run_in_executor(self._executor, _predict, request)
        key = (id(request.version), request.signature, *(array.shape[1:] for array in request.inputs.values()))
        future: asyncio.Future = loop.create_future()
        self._waiting[key].append((request, future))
        if self._running[key] < self._workers:
            self._running[key] += 1
            task = loop.create_task(self._work(key))
            task.add_done_callback(lambda task: task.exception())  # there is none, but asyncio warns if it is not read
        return await future

    async def _work(self, key: tuple) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting[key]:
            requests, futures = zip(*self._next_batch(key), strict=True)
            results = await loop.run_in_executor(self._executor, _predict_batch, requests)
            for future, result in zip(futures, results, strict=True):
                if future.done():  # the client has closed its connection
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        self._running[key] -= 1
        if not self._running[key]:  # keys must not pile up as versions come and go
            del self._running[key], self._waiting[key]

    def _next_batch(self, key: tuple) -> list[tuple[ParsedRequest, asyncio.Future]]:
        """Take the first waiting requests, at least one, up to the limit of images."""
        waiting = self._waiting[key]
        totals = np.cumsum([request.images for request, _ in waiting])
        count = max(1, int((totals <= self._limit).sum()))
        self._waiting[key] = waiting[count:]
        return waiting[:count]


def _predict(request: ParsedRequest) -> Outputs:
    return request.version(request.signature, request.inputs)


def _predict_batch(requests: Sequence[ParsedRequest]) -> list[Outputs | Exception]:
    """Compute several requests by one call; if that fails, each alone, so that only the faulty ones get errors."""
    first = requests[0]
    if len(requests) > 1:
        with contextlib.suppress(Exception):
            inputs = {name: np.concatenate([request.inputs[name] for request in requests]) for name in first.inputs}
            outputs = first.version(first.signature, inputs)
            ends = np.cumsum([request.images for request in requests])
            if any(len(value) != ends[-1] for value in outputs.values()):
                raise ValueError("an output that is no batch cannot be split")
            parts = {name: np.split(value, ends[:-1]) for name, value in outputs.items()}
            return [{name: part[row] for name, part in parts.items()} for row in range(len(requests))]
    return [_outputs_or_error(request) for request in requests]


def _outputs_or_error(request: ParsedRequest) -> Outputs | Exception:
    try:
        return _predict(request)
    except Exception as error:  # raised for its own client alone
        return error
