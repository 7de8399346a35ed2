"""A report as a table: for a terminal, and in Markdown."""

import io
import re
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from cnnzoo.analysis.row import Row, Totals

WIDTH = 120  # columns that a terminal is taken to have
KIND_WIDTH = 18  # longer names of classes are folded between words

# The columns of large numbers: attribute, heading, and heading where the numbers are millions.
COUNTS = (
    ("unshared_parameters", "unshared", "unshared\n(M)"),
    ("connections", "connections", "connec-\ntions\n(M)"),
    ("multiply_adds", "multiply-\nadds", "multiply\nadds (M)"),
)


def to_text(rows: Sequence[Row], totals: Totals, warnings: Iterable[str]) -> str:
    """Return a table for a terminal, with the totals and the warnings below.

    Where exact numbers would make it wider than 120 columns, the largest ones are given in millions.
    It is as wide as it must be: nothing is cut off.
    """
    text = _table(rows, totals, millions=False)
    if max(map(len, text.splitlines())) > WIDTH:
        text = _table(rows, totals, millions=True)
    split = f"parameters: {totals.trained_parameters:,} trained, {totals.fixed_parameters:,} fixed"
    return "\n".join([text, "", split, *(f"warning: {warning}" for warning in warnings)])


def _table(rows: Sequence[Row], totals: Totals, *, millions: bool) -> str:
    count, memory = (_in_millions, _in_millions) if millions else (_exact, _memory)
    table = Table(box=box.SIMPLE_HEAD, show_footer=True, padding=(0, 0), pad_edge=False, show_edge=False)
    table.add_column("layer", footer="total", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for heading in ("W", "F", "S", "P", "output", "field", "jump"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("parameters", footer=_exact(totals.parameters), justify="right", no_wrap=True)
    for name, heading, short in COUNTS:
        footer = count(getattr(totals, name))
        table.add_column(short if millions else heading, footer=footer, justify="right", no_wrap=True)
    heading = "memory\n(MB)" if millions else "memory"
    table.add_column(heading, footer=memory(totals.memory_bytes), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            _kind(row),
            *_geometry(row),
            _parameters(row),
            *(count(getattr(row, name)) for name, _, _ in COUNTS),
            memory(row.memory_bytes),
        )
    text = io.StringIO()
    Console(file=text, width=10_000, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()).strip("\n")


def _geometry(row: Row) -> list[str]:
    return [
        _sides(row.input_size),
        _sides(row.window),
        _sides(row.stride),
        _sides([_pads(pair) for pair in row.padding]),
        "×".join(f"{size:,}" for size in row.output_shape),
        _sides(row.receptive_field),
        _sides(row.jump),
    ]


def _sides(values: Sequence) -> str:
    """Return one number where all sides agree, else one for each."""
    return str(values[0]) if len(set(values)) == 1 else "×".join(map(str, values))


def _pads(pair: tuple[int, int]) -> str:
    before, after = pair
    return str(before) if before == after else f"{before}+{after}"


def _kind(row: Row) -> str:
    """Return the class, and what else decides a convolution, on lines of their own."""
    lines = [""]
    for word in re.findall(r"[A-Z]+[^A-Z]*|[^A-Z]+", row.kind):
        if lines[-1] and len(lines[-1] + word) > KIND_WIDTH:
            lines.append("  ")
        lines[-1] += word
    if 1 < row.groups < row.depth_in:
        lines.append(f"  {row.groups} groups")
    if any(dilation > 1 for dilation in row.dilation):
        lines.append(f"  dilation {_sides(row.dilation)}")
    return "\n".join(lines)


def _parameters(row: Row) -> str:
    if row.call > 1 and row.parameters_per_neuron != 0:
        return "shared"
    return _exact(row.parameters)


def _exact(number: int) -> str:
    return f"{number:,}" if number else ""


def _in_millions(number: int) -> str:
    if 0 < number < 50_000:
        return "<0.1"
    return f"{number / 1e6:,.1f}" if number else ""


def _memory(size: int) -> str:
    """Return a size in bytes, kB or MB.

    Example:
    >>> _memory(840), _memory(18_816), _memory(12_845_056)
    ('840 B', '18.8 kB', '12.8 MB')
    """
    if not size:
        return ""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1e3:,.1f} kB" if size < 999_950 else f"{size / 1e6:,.1f} MB"


def to_markdown(rows: Sequence[Row], totals: Totals, warnings: Iterable[str]) -> str:
    """Return a Markdown table with every number exact, and the warnings as a list below."""
    names = [field for field in Totals.__dataclass_fields__ if field != "parameters"]
    head = ["layer", "kind", "W", "F", "S", "P", "dilation", "groups", "output", "receptive field", "jump"]
    per_neuron = ["weights_per_neuron", "parameters_per_neuron"]
    columns = [*head, *(name.replace("_", " ") for name in [*per_neuron, *names])]
    numbers = len(columns) - 2
    lines = [columns, ["---"] * 2 + ["---:"] * numbers]
    for row in rows:
        geometry = _geometry(row)
        groups = str(row.groups) if row.groups > 1 else ""
        lines.append(
            [
                *(row.name, f"`{row.kind}`", *geometry[:4], _sides(row.dilation), groups, *geometry[4:]),
                *("" if getattr(row, name) is None else f"{getattr(row, name):,}" for name in per_neuron),
                *(f"{getattr(row, name):,}" for name in names),
            ]
        )
    blank = [""] * (len(columns) - 1 - len(names))
    lines.append(["**total**", *blank, *(f"**{getattr(totals, name):,}**" for name in names)])
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return "\n".join([table, *(["", *(f"- {warning}" for warning in warnings)] if warnings else [])])
