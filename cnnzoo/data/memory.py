"""What fits into memory."""

import math
import os

from cnnzoo.errors import InputError


def fits_into_memory(name: str, shape: tuple[int, ...], stream: bool | None) -> bool:
    """Return whether a data set of uint8 pixels goes into memory.

    Args:
        name: the data set's name, for the message.
        shape: examples, height, width and channels.
        stream: `True` to leave it on disk, `False` to insist on memory, `None` for whether it takes at most half of it.

    Raises:
        InputError: `stream=False`, and it takes more than half of the memory.
    """
    needed, memory = math.prod(shape), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if stream is False and needed > memory / 2:
        raise InputError(
            f"data set {name!r} takes {needed / 2**30:.1f} GiB as {shape[1:]} pixels, more than half of this "
            f"machine's {memory / 2**30:.1f} GiB; give a smaller image_size, or leave out stream=False"
        )
    return needed <= memory / 2 if stream is None else not stream
