"""One line of a report, and the sums over all."""

import dataclasses
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Self

from cnnzoo.analysis.arithmetic import Arithmetic, Call


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """What a report says about one input of a net, or one call of one layer.

    Attributes:
        name: the layer's name; `"model/layer"` inside of a model that is used as a layer, and
            `"layer (call 2)"` where a shared layer is called again.
        kind: name of the layer's class.
        call: which call of the layer this is, from 1.
        input_shapes: shapes of its inputs, without the batch.
        input_size: W, along each side; empty where no window slides.
        window: F, along each side.
        stride: S, along each side.
        padding: P, `(before, after)` along each side; what a cropping layer cuts off is negative.
        dilation: along each side.
        groups: groups of a convolution.
        depth_in: depth of the first input.
        depth_out: depth of the output.
        output_shape: without the batch.
        receptive_field: pixels of the image along each of its sides.
        jump: pixels of the image between neighbouring outputs, along each side that there still is.
        weights_per_neuron: inputs of a neuron's weighted sum; `None` where neurons differ.
        parameters_per_neuron: the same, and its bias.
        trained_parameters: with sharing; 0 at a further call of a shared layer.
        fixed_parameters: with sharing, those that training leaves alone.
        parameters: both together.
        unshared_parameters: if every output had its own.
        connections: inputs of all outputs, biases included.
        multiply_adds: products summed, biases not counted.
        memory_bytes: memory of the output, for one image.
    """

    name: str
    kind: str
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
    def of(
        cls, call: Call, arithmetic: Arithmetic, *, kind: str, number: int, trained: int, fixed: int, memory: int
    ) -> Self:
        """Return the row of one call, from its arithmetic and what was counted on the model itself."""
        return cls(
            name=call.name if number == 1 else f"{call.name} (call {number})",
            kind=kind,
            call=number,
            input_shapes=tuple(signal.shape for signal in call.inputs),
            input_size=tuple(step.size for step in arithmetic.steps),
            window=_each(arithmetic, "window"),
            stride=_each(arithmetic, "stride"),
            padding=_each(arithmetic, "pads"),
            dilation=_each(arithmetic, "dilation"),
            groups=arithmetic.groups,
            depth_in=(*call.shape, 1)[: len(call.shape) or 1][-1],
            depth_out=(*arithmetic.shape, 1)[: len(arithmetic.shape) or 1][-1],
            output_shape=arithmetic.shape,
            receptive_field=arithmetic.field.pixels,
            jump=arithmetic.field.jumps,
            weights_per_neuron=arithmetic.weights_per_neuron,
            parameters_per_neuron=arithmetic.parameters_per_neuron,
            trained_parameters=trained,
            fixed_parameters=fixed,
            parameters=trained + fixed,
            unshared_parameters=arithmetic.unshared,
            connections=arithmetic.connections,
            multiply_adds=arithmetic.multiply_adds,
            memory_bytes=memory,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data; a jump that is no whole number of pixels is a float."""
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


def _each(arithmetic: Arithmetic, name: str) -> tuple:
    """Return a property of each step, or nothing where the steps have none such."""
    return tuple(getattr(step, name) for step in arithmetic.steps if hasattr(step, name))


def _lists(value: Any) -> Any:
    return [_lists(entry) for entry in value] if isinstance(value, tuple | list) else value
