"""Figures of a fit as a person reads them, and how they share a line."""

import math
from collections.abc import Sequence

from rich.cells import cell_len


def figure(value: float) -> str:
    """Return a loss or a metric with four digits.

    Example:
    >>> figure(0.98764), figure(86.4321), figure(12345.6), figure(0.0000123), figure(float("nan"))
    ('0.9876', '86.43', '12,346', '1.23e-05', 'nan')
    """
    if 0.001 <= abs(value) < 10:
        return f"{value:.4f}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def rate(per_second: float) -> str:
    """Return a number a second.

    Example:
    >>> rate(12345.6), rate(4.0), rate(0.125)
    ('12,346', '4', '0.12')
    """
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.2g}"


def duration(seconds: float) -> str:
    """Return a time as minutes and seconds, or with hours, rounded up.

    Example:
    >>> duration(34.2), duration(3600), duration(100_000)
    ('0:35', '1:00:00', '27:46:40')
    """
    minutes, seconds = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def shortened(parts: Sequence[Sequence[str]], order: Sequence[int], width: int) -> list[str]:
    """Return each part of a line in its longest form with which the line fits.

    Args:
        parts: forms of each part, from the longest one to the shortest; `""` leaves the part out.
        order: which part gives way first, then next, by one form each time.
        width: columns.

    Example:
    >>> shortened([("epoch 3/9", "3/9"), ("loss 0.25",), ("812 images/s", "812/s", "")], [0, 2, 2], width=20)
    ['3/9', 'loss 0.25', '']
    """
    forms = [0] * len(parts)

    def chosen() -> list[str]:
        return [part[form] for part, form in zip(parts, forms, strict=True)]

    for index in order:
        if cell_len("  ".join(filter(None, chosen()))) <= width:
            break
        forms[index] = min(forms[index] + 1, len(parts[index]) - 1)
    return chosen()


def folded(parts: Sequence[str], width: int, between: str) -> str:
    r"""Return parts in one line, or in several, indented from the second on, where they do not fit.

    Example:
    >>> folded(["epoch 3/9", "loss 0.25", "812 images/s"], width=24, between="  ")
    'epoch 3/9  loss 0.25\n  812 images/s'
    """
    lines: list[str] = []
    for part in filter(None, parts):
        if lines and cell_len(lines[-1] + between + part) <= width:
            lines[-1] += between + part
        else:
            lines.append(f"  {part}" if lines else part)
    return "\n".join(lines)
