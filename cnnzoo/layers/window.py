"""The two sides of a window: its pixels, its steps, and what "same" padding adds around the image."""


def pair(name: str, value) -> tuple[int, int]:
    """Return `(vertical, horizontal)` of an argument that is one positive integer or two.

    Args:
        name: the argument's name, for the error.
        value: what was received.

    Raises:
        ValueError: anything else.

    Example:
    >>> pair("pool_size", 3), pair("strides", [2, 1])
    ((3, 3), (2, 1))
    """
    sides = (value, value) if isinstance(value, int) else value
    if isinstance(sides, list | tuple) and len(sides) == 2 and all(type(n) is int and n > 0 for n in sides):
        return tuple(sides)
    raise ValueError(f"{name} must be a positive integer or two of them. Received: {name}={value!r}")


def outputs(size: int | None, window: int, stride: int, padding: str) -> int | None:
    """Return how many windows fit a side: 1 + (W − F)/S, or W/S rounded up with `"same"` padding.

    Raises:
        ValueError: not one fits.

    Example:
    >>> outputs(7, 3, 2, "valid"), outputs(7, 3, 2, "same")
    (3, 4)
    """
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    if size < window:
        raise ValueError(
            f"the image must be at least as large as the window. Received: a side of {size} and a window of {window}"
        )
    return (size - window) // stride + 1


def same_padding(size: int | None, window: int, stride: int) -> tuple[int, int]:
    """Return the zeros that TensorFlow's `"same"` puts before and after a side.

    Raises:
        ValueError: the size is not known, on which the zeros depend.

    Example:
    >>> same_padding(32, 3, 2), same_padding(27, 5, 1)
    ((0, 1), (2, 2))
    """
    if size is None:
        raise ValueError("padding='same' here needs images of known height and width. Received: a side of None pixels")
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2
