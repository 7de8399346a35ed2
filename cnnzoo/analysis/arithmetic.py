"""One call of one layer, and its arithmetic."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras

from cnnzoo.analysis.receptive_field import ReceptiveField
from cnnzoo.analysis.window import Step
from cnnzoo.errors import InputError


@dataclasses.dataclass(frozen=True)
class Signal:
    """A tensor on its way through a net: its shape, dtype and receptive field.

    Attributes:
        tensor: a Keras tensor whose sides are all known; only the batch is open.
        receptive_field: that of one value.
    """

    tensor: keras.KerasTensor
    receptive_field: ReceptiveField

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape without the batch."""
        return tuple(self.tensor.shape[1:])


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a layer, or of an operation such as the sum in `x + y`.

    Attributes:
        layer: the layer or operation.
        name: its name in the report.
        inputs: the tensors that it is called with.
        output_shape: the shape without the batch that Keras computes for its output.
        reverse: whether a layer that has two directions is called in reverse.
    """

    layer: Any
    name: str
    inputs: tuple[Signal, ...]
    output_shape: tuple[int, ...]
    reverse: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first input, without the batch."""
        return self.inputs[0].shape

    @property
    def receptive_field(self) -> ReceptiveField:
        """The receptive field of the first input."""
        return self.inputs[0].receptive_field

    def error(self, reason: str) -> InputError:
        """Return the error that names this layer, its class, and a reason."""
        return InputError(f"layer {self.name!r} ({type(self.layer).__name__}) {reason}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """The sizes and counts of a call, by the formulas alone.

    Attributes:
        shape: the output's shape, without the batch.
        receptive_field: that of one output.
        steps: the window, border or resampling along each side; empty where there is none.
        groups: groups of a convolution.
        weights_per_neuron: factors in an output's weighted sum; `None` where outputs differ.
        parameters_per_neuron: the same and the bias.
        parameters: with sharing, by the formula; `None` where no formula gives them.
        unshared: parameters if every output had its own.
        connections: inputs of all outputs, biases included.
        multiply_adds: products summed, biases not counted.
        has_memory: whether the output takes memory of its own.
    """

    shape: tuple[int, ...]
    receptive_field: ReceptiveField
    steps: tuple[Step, ...] = ()
    groups: int = 1
    weights_per_neuron: int | None = 0
    parameters_per_neuron: int | None = 0
    parameters: int | None = 0
    unshared: int = 0
    connections: int = 0
    multiply_adds: int = 0
    has_memory: bool = True


def per_side(value: int | Sequence[int], sides: int) -> tuple[int, ...]:
    """Return a layer's setting for each side, where one number stands for all.

    Example:
    >>> per_side(3, 2), per_side((3, 5), 2)
    ((3, 3), (3, 5))
    """
    return (value,) * sides if isinstance(value, int) else tuple(value)


def weighted(
    shape: tuple[int, ...],
    receptive_field: ReceptiveField,
    *,
    fan_in: int,
    bias: bool,
    parameters: int,
    steps: tuple[Step, ...] = (),
    groups: int = 1,
) -> Arithmetic:
    """Return the arithmetic of a layer whose outputs are weighted sums of `fan_in` inputs each.

    Args:
        shape: the output's shape, without the batch.
        receptive_field: that of one output.
        fan_in: inputs of each weighted sum.
        bias: whether each sum has a bias.
        parameters: with sharing.
        steps: the window along each side.
        groups: groups of a convolution.
    """
    outputs = math.prod(shape)
    return Arithmetic(
        shape=shape,
        receptive_field=receptive_field,
        steps=steps,
        groups=groups,
        weights_per_neuron=fan_in,
        parameters_per_neuron=fan_in + bias,
        parameters=parameters,
        unshared=outputs * (fan_in + bias),
        connections=outputs * (fan_in + bias),
        multiply_adds=outputs * fan_in,
    )
