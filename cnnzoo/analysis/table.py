"""The rows of a report, and the report as a table: for a terminal, and in Markdown."""

import dataclasses
import io
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Self

from rich import box
from rich.console import Console
from rich.table import Table

from cnnzoo.analysis.arithmetic import Arithmetic, Call


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One input of a net, or one call of one layer, in a report.

    Attributes:
        name: the layer's name; `"model/layer"` inside of a model that is used as a layer, and
            `"layer (call 2)"` where a shared layer is called again.
        layer_type: name of the layer's class.
        call: which call of the layer this is, from 1.
        input_shapes: shapes of its inputs, without the batch.
        input_size: W, along each side; empty where no window slides.
        window: F, along each side.
        stride: S, along each side.
        padding: P, `(before, after)` along each side; negative where a layer crops.
        dilation: along each side.
        groups: groups of a convolution.
        depth_in: depth of the first input.
        depth_out: depth of the output.
        output_shape: without the batch.
        receptive_field: pixels of the image along each of its sides.
        jump: pixels of the image between neighboring outputs, along each side that is left.
        weights_per_neuron: inputs of a neuron's weighted sum; `None` where neurons differ.
        parameters_per_neuron: its weights and its bias.
        trained_parameters: with sharing; 0 at a further call of a shared layer.
        fixed_parameters: with sharing, those that are not trained.
        parameters: both together.
        unshared_parameters: if every output had its own.
        connections: inputs of all outputs, biases included.
        multiply_adds: products summed, biases not counted.
        memory_bytes: memory of the output, for one image.
    """

    name: str
    layer_type: str
    call: int
    input_shapes: tuple[tuple[int, ...], ...]
    input_size: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    depth_in: int
    depth_out: int
    output_shape: tuple[int, ...]
    receptive_field: tuple[int, ...]
    jump: tuple[Fraction, ...]
    weights_per_neuron: int | None
    parameters_per_neuron: int | None
    trained_parameters: int
    fixed_parameters: int
    parameters: int
    unshared_parameters: int
    connections: int
    multiply_adds: int
    memory_bytes: int

    @classmethod
    def of(cls, call: Call, arithmetic: Arithmetic, *, number: int, weights: tuple[int, int], memory: int) -> Self:
        """Return the row of one call.

        Args:
            call: the call; its layer is `None` for an input of the net.
            arithmetic: its arithmetic.
            number: which call of the layer it is, from 1.
            weights: numbers of trained and of fixed parameters, counted on the model itself.
            memory: bytes of the output.
        """
        return cls(
            name=call.name if number == 1 else f"{call.name} (call {number})",
            layer_type="InputLayer" if call.layer is None else type(call.layer).__name__,
            call=number,
            input_shapes=tuple(signal.shape for signal in call.inputs),
            input_size=tuple(step.size for step in arithmetic.steps),
            window=_of_steps(arithmetic, "window"),
            stride=_of_steps(arithmetic, "stride"),
            padding=_of_steps(arithmetic, "pads"),
            dilation=_of_steps(arithmetic, "dilation"),
            groups=arithmetic.groups,
            depth_in=(*call.shape, 1)[: len(call.shape) or 1][-1],
            depth_out=(*arithmetic.shape, 1)[: len(arithmetic.shape) or 1][-1],
            output_shape=arithmetic.shape,
            receptive_field=arithmetic.receptive_field.pixels,
            jump=arithmetic.receptive_field.jumps,
            weights_per_neuron=arithmetic.weights_per_neuron,
            parameters_per_neuron=arithmetic.parameters_per_neuron,
            trained_parameters=weights[0],
            fixed_parameters=weights[1],
            parameters=sum(weights),
            unshared_parameters=arithmetic.unshared,
            connections=arithmetic.connections,
            multiply_adds=arithmetic.multiply_adds,
            memory_bytes=memory,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data; a jump that is not a whole number of pixels is a float."""
        values = dataclasses.asdict(self)
        values["jump"] = [int(jump) if jump.denominator == 1 else float(jump) for jump in self.jump]
        return {name: _lists(value) for name, value in values.items()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Totals:
    """The sums over all rows; the names are those of `Row`."""

    trained_parameters: int
    fixed_parameters: int
    parameters: int
    unshared_parameters: int
    connections: int
    multiply_adds: int
    memory_bytes: int

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Self:
        """Return the sums over rows."""
        rows = list(rows)
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: sum(getattr(row, name) for row in rows) for name in names})


def _of_steps(arithmetic: Arithmetic, name: str) -> tuple:
    """Return a property of each step that has it."""
    return tuple(getattr(step, name) for step in arithmetic.steps if hasattr(step, name))


def _lists(value: Any) -> Any:
    return [_lists(entry) for entry in value] if isinstance(value, tuple | list) else value


WIDTH = 120  # columns of a terminal
TYPE_WIDTH = 18  # longer names of classes are folded between words

# The columns of large numbers: attribute, heading, and heading where the numbers are millions.
COUNTS = (
    ("unshared_parameters", "unshared", "unshared\n(M)"),
    ("connections", "connections", "connec-\ntions\n(M)"),
    ("multiply_adds", "multiply-\nadds", "multiply\nadds (M)"),
)


def to_text(rows: Sequence[Row], totals: Totals, warnings: Iterable[str]) -> str:
    """Return a table for a terminal, with the totals and the warnings below.

    Where exact numbers would make it wider than 120 columns, the largest ones are given in millions.
    Nothing is cut off: where that is not enough, the table is wider.
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
    table.add_column("type", no_wrap=True)
    for heading in ("W", "F", "S", "P", "output", "recep-\ntive\nfield", "jump"):
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
            _layer_type(row),
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


def _layer_type(row: Row) -> str:
    """Return the class, and groups and dilation of a convolution on lines of their own."""
    lines = [""]
    for word in re.findall(r"[A-Z]+[^A-Z]*|[^A-Z]+", row.layer_type):
        if lines[-1] and len(lines[-1] + word) > TYPE_WIDTH:
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
    names = [name for name in Totals.__dataclass_fields__ if name != "parameters"]
    head = ["layer", "type", "W", "F", "S", "P", "dilation", "groups", "output", "receptive field", "jump"]
    per_neuron = ["weights_per_neuron", "parameters_per_neuron"]
    columns = [*head, *(name.replace("_", " ") for name in [*per_neuron, *names])]
    numbers = len(columns) - 2
    lines = [columns, ["---"] * 2 + ["---:"] * numbers]
    for row in rows:
        geometry = _geometry(row)
        groups = str(row.groups) if row.groups > 1 else ""
        lines.append(
            [
                *(row.name, f"`{row.layer_type}`", *geometry[:4], _sides(row.dilation), groups, *geometry[4:]),
                *("" if getattr(row, name) is None else f"{getattr(row, name):,}" for name in per_neuron),
                *(f"{getattr(row, name):,}" for name in names),
            ]
        )
    blank = [""] * (len(columns) - 1 - len(names))
    lines.append(["**total**", *blank, *(f"**{getattr(totals, name):,}**" for name in names)])
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return "\n".join([table, *(["", *(f"- {warning}" for warning in warnings)] if warnings else [])])
