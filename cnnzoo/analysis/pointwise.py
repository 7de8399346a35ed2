"""The arithmetic of layers that slide no window: dense, element by element, reshaping, resizing."""

import dataclasses
import math

import numpy as np
from keras.layers import RandomCrop

from cnnzoo.analysis.arithmetic import Arithmetic, Call, weighted
from cnnzoo.analysis.receptive_field import concatenated, merged
from cnnzoo.analysis.window import Border, Resampling, Step

# Input values between the first and the last one that an interpolation reads.
SPREAD = {"nearest": 0, "bilinear": 1, "bicubic": 3, "lanczos3": 5, "lanczos5": 9}


def dense(call: Call) -> Arithmetic:
    """Return weighted sums over the last axis; other axes are positions, as in a 1×1 convolution."""
    return _dense(call, call.layer.units, call.layer.use_bias)


def reversible_dense(call: Call) -> Arithmetic:
    """Return weighted sums in either direction; the bias of the other one is among the parameters, too."""
    layer = call.layer
    if call.reverse:
        return _dense(call, layer.input_dim, layer.use_reverse_bias, other=layer.use_bias * layer.units)
    return _dense(call, layer.units, layer.use_bias, other=layer.use_reverse_bias * layer.input_dim)


def gaussian_code(call: Call) -> Arithmetic:
    """Return the weighted sums of the means; the weights of the variances are among the parameters, too."""
    units = call.layer.units
    return _dense(call, units, True, other=(call.shape[-1] + 1) * units)


def _dense(call: Call, units: int, bias: bool, other: int = 0) -> Arithmetic:
    shape, fan_in = (*call.shape[:-1], units), call.shape[-1]
    parameters = (fan_in + bias) * units + other
    return weighted(shape, call.receptive_field.dense(), fan_in=fan_in, bias=bias, parameters=parameters)


def radial_basis(call: Call) -> Arithmetic:
    """Return distances to centers: a square and a sum for each pair, no bias."""
    units, fan_in = call.layer.units, call.shape[-1]
    return weighted((units,), call.receptive_field.dense(), fan_in=fan_in, bias=False, parameters=fan_in * units)


def whitening(call: Call) -> Arithmetic:
    """Return weighted sums of all values of an image, as many as it has; the subtracted mean counts as a bias."""
    size = math.prod(call.shape)
    receptive_field = call.receptive_field.reshaped(call.shape, (size,)).dense().reshaped((size,), call.shape)
    return weighted(call.shape, receptive_field, fan_in=size, bias=True, parameters=(size + 1) * size)


# Weights that the outputs do not read: the examples that adapted statistics are of, the steps since a unit was active.
COUNTS = ("count", "silent")


def elementwise(call: Call) -> Arithmetic:
    """Return values computed one by one, as part of the neurons before: no connections of their own.

    A batch or layer normalization is one of these, and a softmax over positions: the receptive field does not count
    what they average over.
    """
    shapes = [signal.shape for signal in call.inputs]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        shape = None
    if shape is None or shape != call.output_shape:
        received = " and ".join(map(str, shapes))
        raise call.error(f"does not work element by element: it turns {received} into {call.output_shape}")
    weights = [weight for weight in getattr(call.layer, "weights", []) if weight.name not in COUNTS]
    return Arithmetic(
        shape=shape,
        receptive_field=merged([signal.receptive_field for signal in call.inputs], shapes, shape),
        weights_per_neuron=None if weights else 0,  # they scale and shift, in no weighted sum
        parameters_per_neuron=len(weights),
        parameters=None,
        unshared=math.prod(shape) * len(weights),
    )


def sparse_code(call: Call) -> Arithmetic:
    """Return the units of a code, of which some are kept; what the code is of is read in training alone."""
    return elementwise(dataclasses.replace(call, inputs=call.inputs[-1:]))


def last_input(call: Call) -> Arithmetic:
    """Return the last of several tensors as it is."""
    return Arithmetic(shape=call.inputs[-1].shape, receptive_field=call.inputs[-1].receptive_field, has_memory=False)


def concatenation(call: Call) -> Arithmetic:
    """Return tensors concatenated along one axis."""
    shapes = [signal.shape for signal in call.inputs]
    rank = len(shapes[0])
    axis = call.layer.axis % (rank + 1) - 1  # Keras counts the batch
    if axis < 0:
        raise call.error("concatenates along the batch, and a report is of one image")
    shape = (*shapes[0][:axis], sum(each[axis] for each in shapes), *shapes[0][axis + 1 :])
    receptive_fields = [signal.receptive_field for signal in call.inputs]
    return Arithmetic(shape=shape, receptive_field=concatenated(receptive_fields, shapes, axis))


def reshaping(call: Call) -> Arithmetic:
    """Return the same values in another shape."""
    if math.prod(call.shape) != math.prod(call.output_shape):
        raise call.error(f"moves values into the batch: {call.shape} becomes {call.output_shape}")
    receptive_field = call.receptive_field.reshaped(call.shape, call.output_shape)
    return Arithmetic(shape=call.output_shape, receptive_field=receptive_field, has_memory=False)


def permutation(call: Call) -> Arithmetic:
    """Return the axes in another order; `dims` counts them from 1."""
    order = [axis - 1 for axis in call.layer.dims]
    return Arithmetic(
        shape=tuple(call.shape[axis] for axis in order), receptive_field=call.receptive_field.permuted(order)
    )


def padding(call: Call) -> Arithmetic:
    """Return the map with zeros, or another constant, around it."""
    return _bordered(call, call.layer.padding, sign=1)


def cropping(call: Call) -> Arithmetic:
    """Return the map without its border."""
    return _bordered(call, call.layer.cropping, sign=-1)


def central_crop(call: Call) -> Arithmetic:
    """Return the middle of the map; at random in training, where the layer says so."""
    layer, sides = call.layer, call.shape[:-1]
    missing = [side - kept for side, kept in zip(sides, (layer.height, layer.width), strict=True)]
    is_random = isinstance(layer, RandomCrop)  # which crops to the proportions, and resizes what is left
    if min(missing) < 0 or (is_random and any(missing)):
        raise call.error(f"resizes {sides} to {(layer.height, layer.width)} at inference, as conv_report does not know")
    borders = (Border(side, (-(less // 2), -(less - less // 2))) for side, less in zip(sides, missing, strict=True))
    return _along_sides(call, tuple(borders))


def _bordered(call: Call, amounts: tuple, sign: int) -> Arithmetic:
    sides = call.shape[:-1]
    pairs = [amounts] if len(sides) == 1 else amounts
    borders = tuple(
        Border(side, (sign * before, sign * after)) for side, (before, after) in zip(sides, pairs, strict=True)
    )
    return _along_sides(call, borders)


def upsampling(call: Call) -> Arithmetic:
    """Return each value several times, or interpolated values."""
    sides = call.shape[:-1]
    factors = (call.layer.size,) if isinstance(call.layer.size, int) else call.layer.size
    spread = SPREAD[getattr(call.layer, "interpolation", "nearest")]
    steps = tuple(Resampling(side, side * factor, spread) for side, factor in zip(sides, factors, strict=True))
    return _along_sides(call, steps)


def resizing(call: Call) -> Arithmetic:
    """Return the map stretched or shrunk to a size."""
    layer = call.layer
    if layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio or layer.antialias or layer.interpolation not in SPREAD:
        raise call.error(
            f"resizes in a way that conv_report does not know; what it knows is {', '.join(SPREAD)} "
            "without antialias, crop_to_aspect_ratio and pad_to_aspect_ratio"
        )
    sizes = zip(call.shape[:-1], (layer.height, layer.width), strict=True)
    return _along_sides(call, tuple(Resampling(side, size, SPREAD[layer.interpolation]) for side, size in sizes))


def _along_sides(call: Call, steps: tuple[Step, ...]) -> Arithmetic:
    shape = (*(step.outputs for step in steps), call.shape[-1])
    receptive_field = call.receptive_field.slide(steps, through_depth=False)
    return Arithmetic(shape=shape, receptive_field=receptive_field, steps=steps)
