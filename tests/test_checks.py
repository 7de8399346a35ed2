"""Checks of arguments: what is allowed comes back in its plain type, what is not is named with what is allowed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo import InputError
from cnnzoo.checks import choice, flag, integer, is_integer, number


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(0, 50))
def test_an_integer_is_taken_if_it_is_in_the_range_and_not_else(value, least, span):
    given = np.int64(value)
    if least <= value <= least + span:
        assert integer("count", given, least, least + span) == value
        return
    with pytest.raises(InputError) as refused:
        integer("count", given, least, least + span)
    allowed = f"`count` must be an integer from {least} to {least + span}"
    assert str(refused.value) == f"{allowed}. Received: {given!r}"


@given(st.floats(), st.floats(-5, 5), st.floats(0, 5))
def test_a_number_is_taken_if_it_is_finite_and_in_the_range(value, least, span):
    try:
        taken = number("rate", value, least, least + span)
    except InputError:
        assert not least <= value <= least + span
    else:
        assert type(taken) is float
        assert least <= value <= least + span


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: integer("size", -1), "`size` must be a positive integer. Received: -1"),
        (lambda: integer("size", 2.0), "`size` must be a positive integer. Received: 2.0"),
        (lambda: integer("size", True), "`size` must be a positive integer. Received: True"),
        (lambda: integer("size", -1, 0), "`size` must be a non-negative integer. Received: -1"),
        (lambda: integer("size", 1, 2), "`size` must be an integer of at least 2. Received: 1"),
        (lambda: integer("top", 9, most=5, of="the number of classes"), "from 1 to 5, the number of classes. Rec"),
        (lambda: integer("first", 0, or_none="all"), "a positive integer, or None for all. Received: 0"),
        (lambda: number("rate", "x"), "`rate` must be a number. Received: 'x'"),
        (lambda: number("rate", True), "`rate` must be a number. Received: True"),
        (lambda: number("rate", float("nan")), "`rate` must be a number. Received: nan"),
        (lambda: number("rate", 1, 0, below=1), "`rate` must be a number of at least 0 and below 1. Received: 1"),
        (lambda: number("rate", 0, above=0), "`rate` must be a positive number. Received: 0"),
        (lambda: number("rate", 0, above=0, unit="seconds"), "must be a positive number of seconds. Received: 0"),
        (lambda: number("rate", 9, most=1), "`rate` must be a number of at most 1. Received: 9"),
        (lambda: number("rate", 1, above=0, below=1), "`rate` must be a number above 0 and below 1. Received: 1"),
        (lambda: choice("padding", "sane", ("same", "valid")), "unknown padding 'sane'; did you mean 'same'?"),
        (lambda: choice("crops", 3, (1, 10)), "unknown crops '3'; the values of crops are 1, 10"),
        (lambda: choice("crops", True, (1, 10)), "unknown crops 'True'"),
        (lambda: flag("tied", 1), "`tied` must be True or False. Received: 1"),
    ],
)
def test_what_is_not_allowed_is_named(check, words):
    with pytest.raises(InputError) as refused:
        check()
    assert words in str(refused.value)


def test_what_is_allowed_comes_back():
    assert integer("first", None, or_none="all") is None
    assert integer("size", 3, 3, 3) == 3
    assert (type(integer("size", np.int8(3))), type(number("rate", np.float32(0.5)))) == (int, float)
    assert (number("rate", 0, 0, 1), number("rate", 1, 0, 1), number("rate", -7)) == (0.0, 1.0, -7.0)
    assert (choice("crops", 10, (1, 10)), flag("tied", False)) == (10, False)


def test_numpys_integers_are_integers_and_booleans_are_none():
    assert all(map(is_integer, (3, np.int64(3), np.uint8(3), 10**30)))
    assert not any(map(is_integer, (3.0, np.float32(3), True, np.True_, "3", None, np.array([3]))))
