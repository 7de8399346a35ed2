"""Codes at the precision they are kept in, so that a compression ratio comes with the error it costs."""

import numpy as np

from cnnzoo.errors import InputError

FLOAT_BITS = 32  # a float32, kept as it is
MOST_LEVELS_BITS = 16  # more levels than that come close to the spacing of float32 numbers


def quantize(codes, bits: int, *, like=None) -> np.ndarray:
    """Return codes as they come back from `bits` bits a number.

    Each number becomes the nearest of 2^bits levels, spread evenly from the lowest to the highest value
    that its place in the code takes among the codes `like`. Those two values belong to the decoder, and
    do not count as bits of an image, if `like` are the codes of the training images. A number beyond them
    becomes the last level.

    Args:
        codes: float array `(examples, size)`.
        bits: 1 to 16; or 32, which returns float32 codes as they are.
        like: float array `(examples, size)` that sets the levels; `None` for the codes themselves.

    Returns:
        float32 array `(examples, size)`.

    Raises:
        InputError: another number of bits, or codes that are no finite `(examples, size)` arrays of one size.

    Example:
    >>> quantize([[0.0], [0.2], [0.9], [1.0]], bits=1).ravel().tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    check_bits(bits)
    codes = _checked("codes", codes)
    like = codes if like is None else _checked("like", like)
    if like.shape[1] != codes.shape[1]:
        raise InputError(f"like must hold codes of {codes.shape[1]} numbers, not of {like.shape[1]}")
    if bits == FLOAT_BITS:
        return codes.astype("float32")
    low, high = like.min(axis=0), like.max(axis=0)
    step = (high - low) / (2**bits - 1)
    spacing = np.where(step > 0, step, 1.0)  # a number that never varies has one level
    levels = np.rint((np.clip(codes, low, high) - low) / spacing)
    return (low + levels * step).astype("float32")


def check_bits(bits: int) -> None:
    """Refuse what is no precision that a code is kept in.

    Raises:
        InputError: neither 1 to 16 nor 32.

    Example:
    >>> check_bits(8)
    """
    whole = isinstance(bits, int | np.integer) and not isinstance(bits, bool)
    if not whole or not (1 <= bits <= MOST_LEVELS_BITS or bits == FLOAT_BITS):
        raise InputError(f"bits must be 1 to {MOST_LEVELS_BITS}, or {FLOAT_BITS} for floats, not {bits!r}")


def _checked(name: str, codes) -> np.ndarray:
    try:
        codes = np.asarray(codes, "float64")
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be an array of numbers, not {type(codes).__name__}") from error
    if codes.ndim != 2 or not codes.size:
        raise InputError(f"{name} must be an array (examples, size), not of shape {codes.shape}")
    if not np.isfinite(codes).all():
        raise InputError(f"{name} must be finite, and some of them are infinite or not a number")
    return codes
