"""Requests that wait for each other anyway are answered together."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np

from cnnzoo.errors import InputError
from cnnzoo.serving.server.requests import Question

Outputs = dict[str, np.ndarray]


class Batcher:
    """Answers as many questions at a time as there are cores, and those that arrive meanwhile in batches.

    Nobody waits for others to come: an idle server answers at once.

    Args:
        executor: in whose threads models calculate.
        limit: most images in a batch that is put together, or 0 to answer each question alone.

    Raises:
        InputError: the limit is out of range.
    """

    def __init__(self, executor: Executor, limit: int):
        if type(limit) is not int or limit < 0:
            raise InputError(f"batching must be an integer of at least 0, not {limit!r}")
        self._executor = executor
        self._limit = limit
        self._at_once = os.cpu_count() or 1
        self._waiting: dict[tuple, list[tuple[Question, asyncio.Future]]] = defaultdict(list)
        self._busy: dict[tuple, int] = defaultdict(int)

    async def answer(self, question: Question) -> Outputs:
        """Return a signature's outputs for a question.

        Raises:
            InputError: the graph refuses its inputs.
        """
        loop = asyncio.get_running_loop()
        if self._limit <= 1:
            return await loop.run_in_executor(self._executor, _answered, question)
        key = (id(question.version), question.signature, *(array.shape[1:] for array in question.inputs.values()))
        future: asyncio.Future = loop.create_future()
        self._waiting[key].append((question, future))
        if self._busy[key] < self._at_once:
            self._busy[key] += 1
            task = loop.create_task(self._work(key))
            task.add_done_callback(lambda task: task.exception())  # it has none; and asyncio wants to be asked
        return await future

    async def _work(self, key: tuple) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting[key]:
            questions, futures = zip(*self._next(key), strict=True)
            results = await loop.run_in_executor(self._executor, _together, questions)
            for future, result in zip(futures, results, strict=True):
                if future.done():  # its client is gone
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        self._busy[key] -= 1
        if not self._busy[key]:  # the key is of a version, which comes and goes
            del self._busy[key], self._waiting[key]

    def _next(self, key: tuple) -> list[tuple[Question, asyncio.Future]]:
        """Take the first that wait, up to the limit, but one at least."""
        waiting, taken, images = self._waiting[key], 0, 0
        while taken < len(waiting):
            images += _images(waiting[taken][0])
            if taken and images > self._limit:
                break
            taken += 1
        self._waiting[key] = waiting[taken:]
        return waiting[:taken]


def _images(question: Question) -> int:
    return len(next(iter(question.inputs.values())))


def _answered(question: Question) -> Outputs:
    return question.version(question.signature, question.inputs)


def _together(questions: Sequence[Question]) -> list[Outputs | Exception]:
    """Answer several questions by one call, or each alone if something in one of them is refused."""
    if len(questions) > 1:
        first = questions[0]
        try:
            joined = {name: np.concatenate([of.inputs[name] for of in questions]) for name in first.inputs}
            outputs = first.version(first.signature, joined)
        except Exception:  # whose fault it was, each learns alone
            return [_alone(question) for question in questions]
        ends = np.cumsum([_images(question) for question in questions])[:-1]
        parts = {name: np.split(value, ends) for name, value in outputs.items()}
        return [{name: part[row] for name, part in parts.items()} for row in range(len(questions))]
    return [_alone(questions[0])]


def _alone(question: Question) -> Outputs | Exception:
    try:
        return _answered(question)
    except InputError as error:
        return error
    except Exception as error:  # handed to the one who asked; the others get their answers
        return error
