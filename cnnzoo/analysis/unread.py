"""Windows that do not divide their input: what they leave unread, and which sizes would fit."""

from cnnzoo.analysis.arithmetic import Call
from cnnzoo.analysis.window import Step, Window

# What lies across each side, by the number of sides.
LINES = {1: ("value",), 2: ("row", "column"), 3: ("plane", "row", "column")}


def unread_warning(name: str, call: Call, steps: tuple[Step, ...]) -> list[str]:
    """Return a sentence about windows whose 1 + (W − F + 2P)/S is not whole, or nothing.

    Args:
        name: the layer's name in the report.
        call: the call, whose first input is what the windows slide over.
        steps: what happens along each side.
    """
    missed: dict[tuple[Window, int | None], list[str]] = {}
    for axis, step in enumerate(steps):
        if isinstance(step, Window) and not step.whole:
            field = call.field
            line = LINES[len(steps)][axis] if len(steps) in LINES else f"value along side {axis + 1}"
            along = field.axes[axis]
            border = step.size - field.image[along.side] if along and field.is_pixel(axis) else None
            missed.setdefault((step, border), []).append(_counted(step.unread, line))
    if not missed:
        return []
    clauses = [_clause(window, border, lines) for (window, border), lines in missed.items()]
    return [f"{name}: {'; '.join(clauses)}"]


def _clause(window: Window, border: int | None, lines: list[str]) -> str:
    before, after = window.pads
    pads = f"2·{before}" if before == after else f"{before} + {after}"
    extent = str(window.extent)
    if window.dilation > 1:
        extent = f"(({window.window} − 1)·{window.dilation} + 1)"
    # Where each value is one pixel, what is to be changed is the image itself.
    where = "at W =" if border is None else "for an image side of"
    sizes = [str(size - (border or 0)) for size in window.nearest_whole() if size is not None and size > (border or 0)]
    return (
        f"1 + (W − F + 2P)/S = 1 + ({window.size} − {extent} + {pads})/{window.stride} = "
        f"{_decimal(window.positions)} is not whole, which leaves {' and '.join(lines)} at the end unread; "
        f"it is whole {where} {' or '.join(sizes)}"
    )


def _counted(number: int, line: str) -> str:
    return f"{number} {line}" if number == 1 else f"{number} {line}s"


def _decimal(positions) -> str:
    return f"{float(positions):.3f}".rstrip("0")
