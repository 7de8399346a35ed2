"""What a process may use of its machine, and what importing and suppressing leave behind."""

import logging
import os

import pytest

from cnnzoo.runtime import cores, suppress_messages


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
