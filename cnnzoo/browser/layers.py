"""The layers of a net as a page holds them: one description for each call of a layer."""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from cnnzoo import layers as own
from cnnzoo.browser.activations import activation_of
from cnnzoo.browser.block import Block
from cnnzoo.errors import InputError
from cnnzoo.layers import window
from cnnzoo.layers.graph import walk

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class _Made:
    """What a layer of Keras is in the page: a kind of `static/engine/layers.js`, its options and its weights."""

    kind: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    weights: dict[str, Any] = dataclasses.field(default_factory=dict)
    multiply_adds: int = 0


@dataclasses.dataclass(frozen=True)
class _Call:
    """One call of a layer: the shapes of its inputs and of its output, without the batch, and its keyword arguments."""

    inputs: tuple[Shape, ...]
    output: Shape
    options: dict[str, Any]

    @property
    def image(self) -> Shape:
        """Shape of the first input."""
        return self.inputs[0]


@dataclasses.dataclass(frozen=True)
class _Tensor:
    """What stands for a tensor in the walk: the name of the layer that makes it, and its shape."""

    name: str
    spec: keras.KerasTensor

    @property
    def shape(self) -> Shape:
        return tuple(self.spec.shape[1:])


def described_layers(model: keras.Model, block: Block) -> tuple[str, list[dict[str, Any]], str]:
    """Return a net's layers as the page's engine takes them, each after those that it depends on.

    Models that are used as layers are opened, and a layer that is called again is described again, with the same
    weights. The names are those of `cnnzoo.conv_report`.

    Args:
        model: a functional or a built Sequential model with one input and one output.
        block: takes the weights.

    Returns:
        Name of the input, one description for each call of a layer, and the name of the layer that makes the output.

    Raises:
        InputError: a layer, or an activation, that the page does not know.

    Example:
    >>> block = Block("float32")
    >>> model = keras.Sequential([keras.Input((4,), name="x"), layers.Dense(3, "relu", name="a")])
    >>> name, [layer], last = described_layers(model, block)
    >>> name, layer["kind"], layer["inputs"], layer["shape"], last
    ('x', 'dense', ['x'], [3], 'a')
    """
    described: list[dict[str, Any]] = []
    count = Counter[str]()
    counted: set[int] = set()  # weights that have a layer already

    def visit(layer: Any, name: str, args: tuple, kwargs: dict) -> Any:
        count[name] += 1
        called = name if count[name] == 1 else f"{name} (call {count[name]})"
        tensors = [each for each in keras.tree.flatten((args, kwargs)) if isinstance(each, _Tensor)]
        if not isinstance(layer, keras.Layer):
            raise InputError(
                f"the page does not know the operation {type(layer).__name__} ({called!r}); it knows {_known()}"
            )
        output = _output_of(layer, args, kwargs)
        call = _Call(tuple(each.shape for each in tensors), tuple(output.shape[1:]), kwargs)
        made = _made(layer, called, call)
        weights = [each for each in layer.weights if id(each) not in counted]
        counted.update(map(id, weights))
        described.append(
            {
                "name": called,
                "layer": name,
                "class": type(layer).__name__,
                "kind": made.kind,
                "inputs": [each.name for each in tensors],
                "shape": list(call.output),
                "parameters": sum(math.prod(each.shape) for each in weights),
                "multiply_adds": made.multiply_adds,
                "options": made.options,
                "weights": {key: block.add(value) for key, value in made.weights.items() if value is not None},
            }
        )
        return _Tensor(called, output)

    [image] = model.inputs
    start = _Tensor(image.name, keras.KerasTensor((1, *image.shape[1:])))
    [end] = walk(model, [start], visit)
    return start.name, described, end.name


def _output_of(layer: keras.Layer, args: tuple, kwargs: dict) -> keras.KerasTensor:
    """Return the symbolic output of one more call of a layer; it is part of no graph of the model's."""
    symbolic = keras.tree.map_structure(lambda each: each.spec if isinstance(each, _Tensor) else each, (args, kwargs))
    output = keras.tree.flatten(layer.compute_output_spec(*symbolic[0], **symbolic[1]))
    if len(output) != 1:
        raise InputError(f"layer {layer.name!r} returns {len(output)} tensors; a layer in the page returns one")
    return output[0]


def _made(layer: keras.Layer, name: str, call: _Call) -> _Made:
    """Return what a layer is in the page.

    Raises:
        InputError: nothing that it knows.
    """
    for kind in type(layer).__mro__:
        if make := _MAKERS.get(kind):
            if isinstance(layer, layers.Layer) and getattr(layer, "data_format", None) == "channels_first":
                raise InputError(f"layer {name!r} has its channels first; a page needs them last")
            made = make(layer, call)
            activation = getattr(layer, "activation", None)
            if "activation" not in made.options and activation is not None:
                made.options.update(activation_of(activation, name))
            return made
    raise InputError(
        f"the page does not know the layer {name!r}, of the class {type(layer).__name__}; it knows {_known()}"
    )


def _known() -> str:
    return ", ".join(sorted({kind.__name__ for kind in _MAKERS}))


# === Layers with a window ===


def _windowed(layer: Any, call: _Call, size: Any) -> dict[str, Any]:
    """Return the options of a window: `padding` is the number of zeros above, below, left and right of the image."""
    sizes, strides, dilation = _pair(size), _pair(layer.strides), _pair(getattr(layer, "dilation_rate", 1))
    extents = [(side - 1) * rate + 1 for side, rate in zip(sizes, dilation, strict=True)]
    padding = [0, 0, 0, 0]
    if getattr(layer, "padding", "valid") == "same":
        sides = zip(call.image[:2], extents, strides, strict=True)
        padding = [pad for side in sides for pad in window.same_padding(*side)]
    return {"size": list(sizes), "strides": list(strides), "padding": padding, "dilation": list(dilation)}


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _sums(call: _Call, kernel: Any, groups: int = 1) -> int:
    """Return the products that a convolution sums: its kernel's values at each position."""
    return math.prod(call.output[:-1]) * math.prod(kernel.shape)


def _convolution(layer: Any, call: _Call) -> _Made:
    if call.options.get("reverse"):
        return _transposed_convolution(layer, call)
    options = {**_windowed(layer, call, layer.kernel_size), "groups": layer.groups}
    weights = {"kernel": layer.kernel, "bias": layer.bias if layer.use_bias else None}
    return _Made("convolution", options, weights, _sums(call, layer.kernel))


def _depthwise(layer: Any, call: _Call) -> _Made:
    options = {**_windowed(layer, call, layer.kernel_size), "multiplier": layer.depth_multiplier}
    weights = {"kernel": layer.kernel, "bias": layer.bias if layer.use_bias else None}
    return _Made("depthwise_convolution", options, weights, _sums(call, layer.kernel))


def _transposed_convolution(layer: Any, call: _Call) -> _Made:
    """Describe the transpose of a convolution: its `padding` is that of the convolution that it transposes."""
    back = dataclasses.replace(call, inputs=(call.output,), output=call.image)
    options: dict[str, Any] = _windowed(layer, back, layer.kernel_size)
    if getattr(layer, "groups", 1) != 1:
        raise InputError(f"layer {layer.name!r} transposes a convolution of {layer.groups} groups; 1 is allowed")
    reverse = call.options.get("reverse")
    if reverse:
        options.update(activation_of(layer.reverse_activation, layer.name))
    bias = layer.reverse_bias if reverse else layer.bias if layer.use_bias else None
    additions = math.prod(call.image[:-1]) * math.prod(layer.kernel.shape)
    return _Made("transposed_convolution", options, {"kernel": layer.kernel, "bias": bias}, additions)


def _locally_connected(layer: Any, call: _Call) -> _Made:
    weights = {"kernel": layer.kernel, "bias": layer.bias}
    options = _windowed(layer, call, layer.kernel_size)
    return _Made("locally_connected", options, weights, math.prod(layer.kernel.shape))


def _partially_connected(layer: Any, call: _Call) -> _Made:
    options = {**_windowed(layer, call, layer.kernel_size), "connections": [list(row) for row in layer.connections]}
    weights = {"kernel": layer.kernel, "bias": layer.bias}
    return _Made("partially_connected", options, weights, _sums(call, layer.kernel))


def _pooling(kind: str) -> Callable[[Any, _Call], _Made]:
    return lambda layer, call: _Made(kind, _windowed(layer, call, layer.pool_size))


def _lp_pooling(layer: Any, call: _Call) -> _Made:
    return _Made(
        "lp_pooling", {**_windowed(layer, call, layer.pool_size), "p": layer.p, "normalized": layer.normalized}
    )


def _subsampling(layer: Any, call: _Call) -> _Made:
    weights = {"coefficient": layer.coefficient, "bias": layer.bias}
    return _Made("subsampling", _windowed(layer, call, layer.pool_size), weights, math.prod(call.output))


# === Layers that connect everything ===


def _dense(layer: Any, call: _Call) -> _Made:
    if call.options.get("reverse"):
        options = activation_of(layer.reverse_activation, layer.name)
        weights = {"kernel": layer.kernel, "bias": layer.reverse_bias}
        return _Made("transposed_dense", options, weights, math.prod(call.image) * call.output[-1])
    weights = {"kernel": layer.kernel, "bias": layer.bias if layer.use_bias else None}
    return _Made("dense", {}, weights, math.prod(call.image) * call.output[-1])


def _principal_components(layer: Any, call: _Call) -> _Made:
    if call.options.get("reverse"):
        return _dense(layer, call)
    weights = {"kernel": layer.kernel, "mean": layer.reverse_bias}
    return _Made("principal_components", {}, weights, math.prod(layer.kernel.shape))


def _gaussian_code(layer: Any, call: _Call) -> _Made:
    return _Made("gaussian_code", {}, {"kernel": layer.kernel, "bias": layer.bias}, math.prod(layer.kernel.shape))


def _radial_basis(layer: Any, call: _Call) -> _Made:
    return _Made("radial_basis", {"negate": layer.negate}, {"centers": layer.centers}, math.prod(layer.centers.shape))


def _whitening(layer: Any, call: _Call) -> _Made:
    return _Made("whitening", {}, {"mean": layer.mean, "matrix": layer.matrix}, math.prod(layer.matrix.shape))


# === Layers that normalize ===


def _batch_normalization(layer: Any, call: _Call) -> _Made:
    """Describe the normalization by moving statistics as `scale` and `offset` of each channel."""
    axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
    if axis not in (-1, len(call.image)):
        raise InputError(f"layer {layer.name!r} normalizes along axis {axis}; a page needs the last")
    mean, variance = (keras.ops.convert_to_numpy(each) for each in (layer.moving_mean, layer.moving_variance))
    scale = 1 / np.sqrt(variance.astype("float64") + layer.epsilon)
    if layer.scale:
        scale = scale * keras.ops.convert_to_numpy(layer.gamma)
    offset = -mean * scale
    if layer.center:
        offset = offset + keras.ops.convert_to_numpy(layer.beta)
    return _Made("scale", {}, {"scale": scale, "offset": offset}, math.prod(call.output))


def _layer_normalization(layer: Any, call: _Call) -> _Made:
    axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    if {axis % (len(call.image) + 1) for axis in axes} != {len(call.image)}:
        raise InputError(f"layer {layer.name!r} normalizes along axes {list(axes)}; a page needs the last alone")
    weights = {"gamma": layer.gamma if layer.scale else None, "beta": layer.beta if layer.center else None}
    return _Made("layer_normalization", {"epsilon": layer.epsilon}, weights)


def _response_normalization(layer: Any, call: _Call) -> _Made:
    names = ("alpha", "beta", "k", "region")
    options = {name: getattr(layer, name) for name in names}
    return _Made("local_response_normalization", {"neighbors": layer.size, **options})


def _rescaling(layer: Any, call: _Call) -> _Made:
    channels = call.output[-1]
    scale, offset = (np.broadcast_to(np.asarray(each, "float64"), (channels,)) for each in (layer.scale, layer.offset))
    return _Made("scale", {}, {"scale": scale, "offset": offset})


def _normalization(layer: Any, call: _Call) -> _Made:
    if layer.axis not in ((-1,), (len(call.image),), ()) and layer.axis is not None:
        raise InputError(f"layer {layer.name!r} normalizes along axes {layer.axis}; a page needs the last")
    mean, variance = (
        np.broadcast_to(keras.ops.convert_to_numpy(each).reshape(-1), call.output[-1:]).astype("float64")
        for each in (layer.mean, layer.variance)
    )
    deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
    if layer.invert:
        return _Made("scale", {}, {"scale": deviation, "offset": mean})
    return _Made("scale", {}, {"scale": 1 / deviation, "offset": -mean / deviation})


# === Layers without arithmetic ===


def _plain(kind: str, **options: Any) -> Callable[[Any, _Call], _Made]:
    return lambda layer, call: _Made(kind, dict(options))


def _last_input(layer: Any, call: _Call) -> _Made:
    return _Made("identity", {"input": len(call.inputs) - 1})


def _merge(kind: str) -> Callable[[Any, _Call], _Made]:
    def make(layer: Any, call: _Call) -> _Made:
        if len(set(call.inputs)) != 1:
            raise InputError(f"layer {layer.name!r} joins shapes {list(call.inputs)}; in a page they must be equal")
        return _Made("merge", {"by": kind})

    return make


def _concatenate(layer: Any, call: _Call) -> _Made:
    axis = layer.axis - 1 if layer.axis > 0 else len(call.image) + layer.axis
    return _Made("concatenate", {"axis": axis})


def _permute(layer: Any, call: _Call) -> _Made:
    return _Made("permute", {"axes": [each - 1 for each in layer.dims]})


def _padding(layer: Any, call: _Call) -> _Made:
    sides = [int(side) for pair in layer.padding for side in pair]
    return _Made("padding", {"padding": sides, "value": getattr(layer, "value", 0.0)})


def _cropping(layer: Any, call: _Call) -> _Made:
    return _Made("cropping", {"cropping": [int(side) for pair in layer.cropping for side in pair]})


def _up_sampling(layer: Any, call: _Call) -> _Made:
    if layer.interpolation != "nearest":
        raise InputError(f"layer {layer.name!r} interpolates by {layer.interpolation!r}; a page knows 'nearest'")
    return _Made("up_sampling", {"size": list(_pair(layer.size))})


def _relu(layer: Any, call: _Call) -> _Made:
    numbers = {"maximum": layer.max_value, "negative_slope": layer.negative_slope, "threshold": layer.threshold}
    given = {name: float(value) for name, value in numbers.items() if value is not None}
    return _Made("activation", {"activation": "relu", "activation_options": given})


def _leaky_relu(layer: Any, call: _Call) -> _Made:
    given = {"negative_slope": float(layer.negative_slope)}
    return _Made("activation", {"activation": "leaky_relu", "activation_options": given})


def _elu(layer: Any, call: _Call) -> _Made:
    return _Made("activation", {"activation": "elu", "activation_options": {"alpha": float(layer.alpha)}})


def _softmax(layer: Any, call: _Call) -> _Made:
    if layer.axis not in (-1, len(call.image)):
        raise InputError(f"layer {layer.name!r} is a softmax along axis {layer.axis}; a page needs the last")
    return _Made("activation", {"activation": "softmax", "activation_options": {}})


_MAKERS: dict[type, Callable[[Any, _Call], _Made]] = {
    layers.Conv2D: _convolution,
    layers.DepthwiseConv2D: _depthwise,
    layers.Conv2DTranspose: _transposed_convolution,
    own.ReversibleConv2D: _convolution,
    own.LocallyConnected2D: _locally_connected,
    own.PartiallyConnectedConv2D: _partially_connected,
    layers.MaxPooling2D: _pooling("max_pooling"),
    layers.AveragePooling2D: _pooling("average_pooling"),
    own.LpPooling2D: _lp_pooling,
    own.Subsampling2D: _subsampling,
    layers.GlobalAveragePooling2D: _plain("global_average_pooling"),
    layers.GlobalMaxPooling2D: _plain("global_max_pooling"),
    layers.Dense: _dense,
    own.ReversibleDense: _dense,
    own.PrincipalComponents: _principal_components,
    own.GaussianCode: _gaussian_code,
    own.RadialBasis: _radial_basis,
    own.ZCAWhitening: _whitening,
    own.ContractivePenalty: _last_input,
    layers.BatchNormalization: _batch_normalization,
    layers.LayerNormalization: _layer_normalization,
    own.LocalResponseNormalization: _response_normalization,
    layers.Rescaling: _rescaling,
    layers.Normalization: _normalization,
    layers.Add: _merge("add"),
    layers.Subtract: _merge("subtract"),
    layers.Multiply: _merge("multiply"),
    layers.Average: _merge("average"),
    layers.Maximum: _merge("maximum"),
    layers.Minimum: _merge("minimum"),
    layers.Concatenate: _concatenate,
    layers.Flatten: _plain("reshape"),
    layers.Reshape: _plain("reshape"),
    layers.Permute: _permute,
    layers.ZeroPadding2D: _padding,
    own.ConstantPadding2D: _padding,
    layers.Cropping2D: _cropping,
    layers.UpSampling2D: _up_sampling,
    layers.Activation: _plain("activation"),
    layers.ReLU: _relu,
    layers.LeakyReLU: _leaky_relu,
    layers.ELU: _elu,
    layers.Softmax: _softmax,
    # At inference they return what they are given.
    **dict.fromkeys(
        (
            *(layers.Dropout, layers.SpatialDropout2D, layers.AlphaDropout, layers.GaussianDropout),
            *(layers.GaussianNoise, layers.ActivityRegularization, layers.Identity),
            *(own.MaskingNoise, own.SaltAndPepperNoise, own.KLSparsity, own.L1Sparsity, own.GaussianScale),
        ),
        _plain("identity"),
    ),
}
