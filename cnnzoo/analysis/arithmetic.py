"""What is said about one call of one layer, and what it is computed from."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras

from cnnzoo.analysis.receptive_field import Field
from cnnzoo.analysis.window import Step
from cnnzoo.errors import InputError


@dataclasses.dataclass(frozen=True)
class Signal:
    """A tensor on its way through a net: its shape and dtype, and what its values see.

    Attributes:
        tensor: a Keras tensor whose sides are all known; only the batch is open.
        field: what one value sees of the image.
    """

    tensor: keras.KerasTensor
    field: Field

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
    """

    layer: Any
    name: str
    inputs: tuple[Signal, ...]
    output_shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first input, without the batch."""
        return self.inputs[0].shape

    @property
    def field(self) -> Field:
        """What the first input sees."""
        return self.inputs[0].field

    def refusal(self, why: str) -> InputError:
        """Return the error that names this layer and its class."""
        return InputError(f"layer {self.name!r} ({type(self.layer).__name__}) {why}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """What a call amounts to, by the formulas alone.

    Attributes:
        shape: the output's shape, without the batch.
        field: what one output value sees.
        steps: what happens along each side, or nothing.
        groups: groups of a convolution.
        weights_per_neuron: factors in an output's weighted sum; `None` where outputs differ.
        parameters_per_neuron: the same and the bias.
        parameters: with sharing, as the formula has it; `None` where there is none to check the weights by.
        unshared: parameters if every output had its own.
        connections: inputs of all outputs, biases included.
        multiply_adds: products summed, biases not counted.
        keeps: whether the output takes memory of its own.
    """

    shape: tuple[int, ...]
    field: Field
    steps: tuple[Step, ...] = ()
    groups: int = 1
    weights_per_neuron: int | None = 0
    parameters_per_neuron: int | None = 0
    parameters: int | None = 0
    unshared: int = 0
    connections: int = 0
    multiply_adds: int = 0
    keeps: bool = True


def per_side(value: int | Sequence[int], sides: int) -> tuple[int, ...]:
    """Return a layer's setting for each side: one number stands for all.

    Example:
    >>> per_side(3, 2), per_side((3, 5), 2)
    ((3, 3), (3, 5))
    """
    return (value,) * sides if isinstance(value, int) else tuple(value)


def weighted(
    shape: tuple[int, ...],
    field: Field,
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
        field: what one output sees.
        fan_in: inputs of each weighted sum.
        bias: whether each sum has a bias.
        parameters: with sharing.
        steps: what happens along each side.
        groups: groups of a convolution.
    """
    outputs = math.prod(shape)
    return Arithmetic(
        shape=shape,
        field=field,
        steps=steps,
        groups=groups,
        weights_per_neuron=fan_in,
        parameters_per_neuron=fan_in + bias,
        parameters=parameters,
        unshared=outputs * (fan_in + bias),
        connections=outputs * (fan_in + bias),
        multiply_adds=outputs * fan_in,
    )
