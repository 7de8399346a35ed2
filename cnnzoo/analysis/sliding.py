"""The arithmetic of layers that slide a window: convolutions and pooling."""

import dataclasses
import math

from cnnzoo.analysis.arithmetic import Arithmetic, Call, per_side, weighted
from cnnzoo.analysis.window import TransposedWindow, Window


def convolution(call: Call) -> Arithmetic:
    """Return the arithmetic of a convolution: F·F·D/groups·k + k parameters."""
    return _convolution(call, call.layer.filters, call.layer.groups)


def depthwise_convolution(call: Call) -> Arithmetic:
    """Return a convolution with as many groups as the input is deep."""
    depth = call.shape[-1]
    return _convolution(call, depth * call.layer.depth_multiplier, depth)


def local_convolution(call: Call) -> Arithmetic:
    """Return a convolution without sharing: every output has its own weights and bias."""
    shared = _convolution(call, call.layer.filters)
    return dataclasses.replace(shared, parameters=shared.unshared)


def _convolution(call: Call, maps: int, groups: int = 1, other: int = 0) -> Arithmetic:
    layer, windows = call.layer, _windows(call, call.layer.kernel_size)
    fan_in = math.prod(window.window for window in windows) * call.shape[-1] // groups
    return weighted(
        (*_outputs(windows), maps),
        call.receptive_field.slide(windows),
        fan_in=fan_in,
        bias=layer.use_bias,
        parameters=(fan_in + layer.use_bias) * maps + other,
        steps=windows,
        groups=groups,
    )


def separable_convolution(call: Call) -> Arithmetic:
    """Return a depthwise convolution without bias and a 1×1 convolution, added up."""
    layer, windows = call.layer, _windows(call, call.layer.kernel_size)
    between = call.shape[-1] * layer.depth_multiplier
    positions, maps = math.prod(_outputs(windows)), layer.filters
    area = math.prod(layer.kernel_size)
    products = positions * between * (area + maps)
    return Arithmetic(
        shape=(*_outputs(windows), maps),
        receptive_field=call.receptive_field.slide(windows),
        steps=windows,
        weights_per_neuron=None,  # there are two layers of neurons in it
        parameters_per_neuron=None,
        parameters=area * between + (between + layer.use_bias) * maps,
        unshared=products + positions * maps * layer.use_bias,
        connections=products + positions * maps * layer.use_bias,
        multiply_adds=products,
    )


def transposed_convolution(call: Call) -> Arithmetic:
    """Return the arithmetic per *input*: F·F·k products each, cropped ones counted."""
    return _transposed(call, call.layer.filters, call.layer.use_bias, call.layer.output_padding)


def reversible_convolution(call: Call) -> Arithmetic:
    """Return a convolution, or its transpose; the bias of the other one is among the parameters, too."""
    layer = call.layer
    if call.reverse:
        other, padding = layer.use_bias * layer.filters, layer.reverse_output_padding
        return _transposed(call, layer.input_dim, layer.use_reverse_bias, padding, other)
    return _convolution(call, layer.filters, other=layer.use_reverse_bias * layer.input_dim)


def _transposed(
    call: Call, maps: int, bias: bool, output_padding: tuple[int, ...] | None, other: int = 0
) -> Arithmetic:
    layer, sides = call.layer, call.shape[:-1]
    settings = zip(
        sides,
        layer.kernel_size,
        layer.strides,
        [layer.padding] * len(sides),
        layer.dilation_rate,
        output_padding or [None] * len(sides),
        strict=True,
    )
    windows = tuple(TransposedWindow(*setting) for setting in settings)
    depth, area = call.shape[-1], math.prod(layer.kernel_size)
    shape = (*_outputs(windows), maps)
    products = math.prod(call.shape) * area * maps
    # Where the windows tile the outputs, all outputs have equally many inputs.
    tiled = all(window.window % window.stride == 0 for window in windows)
    fan_in = area // math.prod(layer.strides) * depth if tiled else None
    biases = math.prod(shape) * bias
    return Arithmetic(
        shape=shape,
        receptive_field=call.receptive_field.slide(windows),
        steps=windows,
        weights_per_neuron=fan_in,
        parameters_per_neuron=None if fan_in is None else fan_in + bias,
        parameters=(area * depth + bias) * maps + other,
        unshared=products + biases,
        connections=products + biases,
        multiply_adds=products,
    )


def partially_connected_convolution(call: Call) -> Arithmetic:
    """Return a convolution in which each map is connected to some of the input maps, by a table."""
    layer = call.layer
    windows = _windows(call, layer.kernel_size)
    fan_ins = [len(row) * math.prod(per_side(layer.kernel_size, len(windows))) for row in layer.connections]
    positions = math.prod(_outputs(windows))
    same = len(set(fan_ins)) == 1
    connections = positions * (sum(fan_ins) + len(fan_ins))
    return Arithmetic(
        shape=(*_outputs(windows), len(fan_ins)),
        receptive_field=call.receptive_field.slide(windows),
        steps=windows,
        weights_per_neuron=fan_ins[0] if same else None,
        parameters_per_neuron=fan_ins[0] + 1 if same else None,
        parameters=sum(fan_ins) + len(fan_ins) * (positions if layer.unit_bias else 1),
        unshared=connections,
        connections=connections,
        multiply_adds=positions * sum(fan_ins),
    )


def pooling(call: Call) -> Arithmetic:
    """Return windows over each map by itself, without parameters."""
    windows = _windows(call, call.layer.pool_size)
    shape = (*_outputs(windows), call.shape[-1])
    return Arithmetic(
        shape=shape,
        receptive_field=call.receptive_field.slide(windows, through_depth=False),
        steps=windows,
        connections=math.prod(shape) * math.prod(window.window for window in windows),
    )


def subsampling(call: Call) -> Arithmetic:
    """Return pooling with one coefficient and one bias per map."""
    plain = pooling(call)
    outputs, area = math.prod(plain.shape), math.prod(window.window for window in _windows(call, call.layer.pool_size))
    return Arithmetic(
        shape=plain.shape,
        receptive_field=plain.receptive_field,
        steps=plain.steps,
        weights_per_neuron=1,
        parameters_per_neuron=2,
        parameters=2 * plain.shape[-1],
        unshared=2 * outputs,
        connections=outputs * (area + 1),
    )


def global_pooling(call: Call) -> Arithmetic:
    """Return one window of the size of the map."""
    windows = tuple(Window(size, size) for size in call.shape[:-1])
    shape = (*_outputs(windows), call.shape[-1]) if call.layer.keepdims else call.shape[-1:]
    return Arithmetic(
        shape=shape,
        receptive_field=call.receptive_field.pooled(rank=len(shape)),
        steps=windows,
        connections=math.prod(call.shape),
    )


def normalization_within_maps(call: Call) -> Arithmetic:
    """Return values normalized by a square of pixels around them, part of the neurons before: no connections."""
    windows = tuple(Window(side, call.layer.size, padding="same") for side in call.shape[:-1])
    return Arithmetic(
        shape=call.shape, receptive_field=call.receptive_field.slide(windows, through_depth=False), steps=windows
    )


def _windows(call: Call, size: int | tuple[int, ...]) -> tuple[Window, ...]:
    layer, sides = call.layer, call.shape[:-1]
    return tuple(
        Window(side, window, stride, getattr(layer, "padding", "valid"), dilation)
        for side, window, stride, dilation in zip(
            sides,
            per_side(size, len(sides)),
            per_side(layer.strides, len(sides)),
            per_side(getattr(layer, "dilation_rate", 1), len(sides)),
            strict=True,
        )
    )


def _outputs(windows: tuple[Window, ...] | tuple[TransposedWindow, ...]) -> tuple[int, ...]:
    return tuple(window.outputs for window in windows)
