"""Codes of few bits: the nearest of all levels, looked for one by one."""

import numpy as np
import pytest

from cnnzoo.analysis import quantize
from cnnzoo.errors import InputError

CODES = np.random.default_rng(0).normal(size=(30, 3)) * [1, 10, 0.01]
LIKE = np.random.default_rng(1).normal(size=(40, 3)) * [1, 10, 0.01]


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_each_number_becomes_the_nearest_of_evenly_spread_levels(bits):
    found = quantize(CODES, bits, like=LIKE)
    for place in range(3):
        levels = np.linspace(LIKE[:, place].min(), LIKE[:, place].max(), 2**bits)
        nearest = [min(levels, key=lambda level: abs(level - number)) for number in CODES[:, place]]
        np.testing.assert_allclose(found[:, place], nearest, rtol=1e-5, atol=1e-7)
        assert len(np.unique(found[:, place])) <= 2**bits
    assert found.dtype == "float32"


def test_32_bits_are_floats_as_they_are():
    np.testing.assert_array_equal(quantize(CODES, 32, like=LIKE), CODES.astype("float32"))


def test_16_bits_lose_no_more_than_half_a_step():
    half = np.ptp(CODES, axis=0) / (2**16 - 1) / 2
    assert (np.abs(quantize(CODES, 16) - CODES) <= half * 1.02).all()


def test_a_number_that_never_varies_stays():
    np.testing.assert_array_equal(quantize(np.full((4, 1), 0.7), 1), np.full((4, 1), 0.7, "float32"))


@pytest.mark.parametrize(
    ("codes", "bits", "like", "words"),
    [
        (CODES, 0, None, "bits must be 1 to 16, or 32 for floats, not 0"),
        (CODES, 17, None, "not 17"),
        (CODES, 8.0, None, "not 8.0"),
        (CODES, True, None, "not True"),
        (CODES[0], 8, None, r"codes must be an array \(examples, size\), not of shape \(3,\)"),
        (CODES * np.nan, 8, None, "codes must be finite"),
        (CODES, 8, LIKE[:, :2], "like must hold codes of 3 numbers, not of 2"),
        ("codes", 8, None, "codes must be an array of numbers, not str"),
    ],
)
def test_bad_input_gets_a_sentence(codes, bits, like, words):
    with pytest.raises(InputError, match=words):
        quantize(codes, bits, like=like)
