"""What a process may use of its machine, and what importing and suppressing leave behind."""

import logging
import os

import pytest

import cnnzoo
from cnnzoo.runtime import cores, shared_gpus, suppress_messages


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no processes")
def test_cores_are_those_that_the_process_is_pinned_to():
    before = os.sched_getaffinity(0)
    assert cores() == len(before)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_messages_are_suppressed_in_the_block_alone(caplog):
    logger = logging.getLogger("absl")
    before = logger.level, [*logger.filters]
    with caplog.at_level(logging.WARNING):
        with suppress_messages("absl", "folder"):
            logger.warning("a folder is missing")
            logger.warning("another message")
        logger.warning("a folder is missing")
    assert [record.getMessage() for record in caplog.records] == ["another message", "a folder is missing"]
    assert (logger.level, logger.filters) == before


@pytest.mark.parametrize(
    ("gpus", "processes", "shares"),
    [
        (0, 2, [[], []]),
        (1, 2, [[0], [0]]),
        (2, 2, [[0], [1]]),
        (2, 3, [[0], [1], [0]]),
        (5, 2, [[0, 1], [2, 3]]),
    ],
)
def test_gpus_are_shared_evenly_and_none_is_idle_while_processes_wait(gpus, processes, shares):
    found = [shared_gpus([*range(gpus)], f"{index}/{processes}", together=False) for index in range(processes)]
    assert found == shares


def test_workers_that_train_one_model_need_a_gpu_each():
    assert shared_gpus([], "1/2", together=True) == []
    assert shared_gpus(["a", "b"], "1/2", together=True) == ["b"]
    with pytest.raises(cnnzoo.InputError, match="3 workers need a GPU each to train together, and this machine has 2"):
        shared_gpus(["a", "b"], "0/3", together=True)
