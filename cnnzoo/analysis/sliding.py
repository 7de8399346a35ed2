"""The arithmetic of layers that slide a window: convolutions and pooling."""

import math

from cnnzoo.analysis.arithmetic import Arithmetic, Call, per_side, weighted
from cnnzoo.analysis.window import TransposedWindow, Window


def convolution(call: Call) -> Arithmetic:
    """Return F·F·D/groups·k + k parameters, and what follows from them."""
    layer, windows = call.layer, _windows(call, call.layer.kernel_size)
    depth, maps = call.shape[-1], layer.filters
    shape = (*_outputs(windows), maps)
    fan_in = math.prod(layer.kernel_size) * depth // layer.groups
    return weighted(
        shape,
        call.field.slide(windows),
        fan_in=fan_in,
        bias=layer.use_bias,
        parameters=(fan_in + layer.use_bias) * maps,
        steps=windows,
        groups=layer.groups,
    )


def depthwise_convolution(call: Call) -> Arithmetic:
    """Return a convolution with as many groups as the input is deep."""
    layer, windows = call.layer, _windows(call, call.layer.kernel_size)
    maps = call.shape[-1] * layer.depth_multiplier
    shape = (*_outputs(windows), maps)
    fan_in = math.prod(layer.kernel_size)
    return weighted(
        shape,
        call.field.slide(windows),
        fan_in=fan_in,
        bias=layer.use_bias,
        parameters=(fan_in + layer.use_bias) * maps,
        steps=windows,
        groups=call.shape[-1],
    )


def separable_convolution(call: Call) -> Arithmetic:
    """Return a depthwise convolution without bias and a 1×1 convolution, added up."""
    layer, windows = call.layer, _windows(call, call.layer.kernel_size)
    between = call.shape[-1] * layer.depth_multiplier
    places, maps = math.prod(_outputs(windows)), layer.filters
    area = math.prod(layer.kernel_size)
    products = places * between * (area + maps)
    return Arithmetic(
        shape=(*_outputs(windows), maps),
        field=call.field.slide(windows),
        steps=windows,
        weights_per_neuron=None,  # there are two kinds of neurons
        parameters_per_neuron=None,
        parameters=area * between + (between + layer.use_bias) * maps,
        unshared=products + places * maps * layer.use_bias,
        connections=products + places * maps * layer.use_bias,
        multiply_adds=products,
    )


def transposed_convolution(call: Call) -> Arithmetic:
    """Return what every *input* sends out: F·F·k products, cropped ones counted."""
    layer, sides = call.layer, call.shape[:-1]
    settings = zip(
        sides,
        layer.kernel_size,
        layer.strides,
        [layer.padding] * len(sides),
        layer.dilation_rate,
        layer.output_padding or [None] * len(sides),
        strict=True,
    )
    windows = tuple(TransposedWindow(*setting) for setting in settings)
    depth, maps, area = call.shape[-1], layer.filters, math.prod(layer.kernel_size)
    shape = (*_outputs(windows), maps)
    products = math.prod(call.shape) * area * maps
    # Where the windows tile the outputs, each output sees as many inputs as any other.
    tiled = all(window.window % window.stride == 0 for window in windows)
    fan_in = area // math.prod(layer.strides) * depth if tiled else None
    biases = math.prod(shape) * layer.use_bias
    return Arithmetic(
        shape=shape,
        field=call.field.slide(windows),
        steps=windows,
        weights_per_neuron=fan_in,
        parameters_per_neuron=None if fan_in is None else fan_in + layer.use_bias,
        parameters=(area * depth + layer.use_bias) * maps,
        unshared=products + biases,
        connections=products + biases,
        multiply_adds=products,
    )


def partially_connected_convolution(call: Call) -> Arithmetic:
    """Return a convolution whose maps each see some of the input maps, as a table says."""
    layer = call.layer
    windows = _windows(call, layer.kernel_size)
    seen = [len(row) * math.prod(per_side(layer.kernel_size, len(windows))) for row in layer.connections]
    places = math.prod(_outputs(windows))
    same = len(set(seen)) == 1
    return Arithmetic(
        shape=(*_outputs(windows), len(seen)),
        field=call.field.slide(windows),
        steps=windows,
        weights_per_neuron=seen[0] if same else None,
        parameters_per_neuron=seen[0] + 1 if same else None,
        parameters=sum(seen) + len(seen),
        unshared=places * (sum(seen) + len(seen)),
        connections=places * (sum(seen) + len(seen)),
        multiply_adds=places * sum(seen),
    )


def local_convolution(call: Call) -> Arithmetic:
    """Return a convolution without sharing: every output has its own weights and bias."""
    layer = call.layer
    windows = _windows(call, layer.kernel_size)
    shape = (*_outputs(windows), layer.filters)
    fan_in = math.prod(per_side(layer.kernel_size, len(windows))) * call.shape[-1]
    return weighted(
        shape,
        call.field.slide(windows),
        fan_in=fan_in,
        bias=layer.use_bias,
        parameters=math.prod(shape) * (fan_in + layer.use_bias),
        steps=windows,
    )


def pooling(call: Call) -> Arithmetic:
    """Return windows over each map by itself, without parameters."""
    windows = _windows(call, call.layer.pool_size)
    shape = (*_outputs(windows), call.shape[-1])
    return Arithmetic(
        shape=shape,
        field=call.field.slide(windows, through_depth=False),
        steps=windows,
        connections=math.prod(shape) * math.prod(window.window for window in windows),
    )


def subsampling(call: Call) -> Arithmetic:
    """Return pooling with one coefficient and one bias a map."""
    plain = pooling(call)
    outputs, area = math.prod(plain.shape), math.prod(window.window for window in _windows(call, call.layer.pool_size))
    return Arithmetic(
        shape=plain.shape,
        field=plain.field,
        steps=plain.steps,
        weights_per_neuron=1,
        parameters_per_neuron=2,
        parameters=2 * plain.shape[-1],
        unshared=2 * outputs,
        connections=outputs * (area + 1),
    )


def global_pooling(call: Call) -> Arithmetic:
    """Return one window that is as large as the map."""
    windows = tuple(Window(size, size) for size in call.shape[:-1])
    shape = (*_outputs(windows), call.shape[-1]) if call.layer.keepdims else call.shape[-1:]
    return Arithmetic(
        shape=shape,
        field=call.field.pooled(rank=len(shape)),
        steps=windows,
        connections=math.prod(call.shape),
    )


def surround(call: Call) -> Arithmetic:
    """Return values scaled by a square of pixels around them, itself part of the neurons before: no connections."""
    windows = tuple(Window(side, call.layer.size, padding="same") for side in call.shape[:-1])
    return Arithmetic(shape=call.shape, field=call.field.slide(windows, through_depth=False), steps=windows)


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
