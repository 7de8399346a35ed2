"""How many steps an epoch has, and how many run at a time."""


def executions(batches: int, limit: int) -> tuple[int, int]:
    """Return the steps of an epoch, and how many of them to run between two returns to Python.

    Keras runs only whole executions: 468 steps in executions of 32 would run as 480, past the end of
    the epoch. The size up to `limit` that leaves out fewest of the batches is taken, mostly none.

    Example:
    >>> executions(468, 32), executions(20, 32)
    ((468, 26), (20, 20))
    """
    if batches <= limit:
        return batches, batches
    size = min(range(limit, limit // 2, -1), key=lambda size: batches % size)
    return batches - batches % size, size
