"""Filters, activation maps and costs of a net's layers."""

from collections.abc import Sequence

import keras
import numpy as np
from matplotlib.ticker import EngFormatter

from cnnzoo.analysis import activations, conv_report
from cnnzoo.analysis.layer_activations import images_for
from cnnzoo.errors import InputError, unknown
from cnnzoo.layers import PartiallyConnectedConv2D
from cnnzoo.plots.picture import COLORS, Picture, height_of, light_grid, listed, one_scale, picture, tiles

MOST_FILTERS = 100
MOST_MAPS = 16  # of a layer


def filters(model: keras.Model, layer: str | None = None) -> Picture:
    """Draw the filters of a layer whose input is the image itself, at most the first 100.

    Of a dense layer, each unit's weights are drawn in the shape of the image. All filters have one scale, on which zero
    is middle gray.

    Args:
        model: a Keras model that takes images of a fixed size.
        layer: name of the layer; default the first one with weights.

    Returns:
        The figure.

    Raises:
        InputError: no such layer, or one whose weights are no images of one or three channels.

    Example:
    >>> import cnnzoo
    >>> figure = filters(cnnzoo.lenet())
    >>> len(figure.axes[0].images), figure.axes[0].images[0].get_array().shape
    (6, (5, 5))
    """
    name, kernels = filter_images(model, layer)
    drawn = kernels[:MOST_FILTERS]
    most = float(np.abs(drawn).max()) or 1.0
    columns = min(len(drawn), 20 if len(drawn) > 48 else 12)
    width = min(8.0, 0.75 * columns)
    count = f"{len(drawn)} of the {len(kernels)}" if len(drawn) < len(kernels) else f"The {len(kernels)}"
    figure = picture(
        width,
        height_of(drawn, columns, width),
        f"{count} filters of {name}, {drawn.shape[1]}×{drawn.shape[2]} pixels each, weights from {drawn.min():.2g} "
        f"to {drawn.max():.2g}.".replace("-", "−"),
    )
    if drawn.shape[-1] == 1:
        tiles(figure.subplots(), drawn, columns=columns, limits=(-most, most))
    else:
        tiles(figure.subplots(), 0.5 + drawn / (2 * most), columns=columns)
    return figure


def filter_images(model: keras.Model, layer: str | None = None) -> tuple[str, np.ndarray]:
    """Return a layer's name and its filters as an array `(filters, height, width, channels)`.

    Raises:
        InputError: as `filters`.
    """
    weighted = {each.name: each for each in model.layers if each.trainable_weights}
    if layer is not None and layer not in weighted:
        raise unknown(f"layer of {model.name} with weights", layer, weighted, plural="layers with weights")
    first = next(iter(weighted), None)
    name = layer or first
    if name is None:
        raise InputError(f"{model.name} has no layer with weights")
    of_image = name == first or weighted[name].input is model.inputs[0]
    partial = isinstance(weighted[name], PartiallyConnectedConv2D)
    kernel = getattr(weighted[name], "dense_kernel" if partial else "kernel", None) if of_image else None
    kernel = None if kernel is None else keras.ops.convert_to_numpy(keras.ops.cast(kernel, "float32"))
    image = tuple(model.input_shape[1:])
    if kernel is not None and kernel.ndim == 4 and kernel.shape[2] in (1, 3):
        return name, np.moveaxis(kernel, -1, 0)
    drawable = len(image) == 3 and None not in image and image[-1] in (1, 3)
    if kernel is not None and kernel.ndim == 2 and drawable and kernel.shape[0] == np.prod(image):
        return name, kernel.T.reshape(-1, *image)
    raise InputError(
        f"the input of layer {name!r} of {model.name} is no image of one or three channels, so that its weights are "
        f"no images; the first layer with weights is {first!r}"
    )


def map_layers(model: keras.Model) -> list[str]:
    """Return the names of the layers whose outputs are maps, in order, from the first with weights on.

    Layers that work element by element, such as activations and dropout, are left out.

    Example:
    >>> import cnnzoo
    >>> map_layers(cnnzoo.lenet())
    ['C1', 'S2', 'C3', 'S4']
    """
    pointwise = (
        keras.layers.InputLayer, keras.layers.Activation, keras.layers.ReLU, keras.layers.Dropout,
        keras.layers.ZeroPadding2D, keras.layers.Cropping2D, keras.layers.BatchNormalization,
    )  # fmt: skip
    maps = [each for each in model.layers if len(getattr(each.output, "shape", ())) == 4]
    start = next((number for number, each in enumerate(maps) if each.trainable_weights), len(maps))
    sizes = ("kernel_size", "pool_size", "strides")
    return [
        each.name
        for each in maps[start:]
        if not isinstance(each, pointwise) and (each.trainable_weights or any(hasattr(each, size) for size in sizes))
    ]


def activation_maps(model: keras.Model, image, layers: Sequence[str] | None = None, *, columns: int = 16) -> Picture:
    """Draw the activation maps of each layer for one image, at most the first 16 of a layer.

    Each layer has its own scale: black is the smallest activation of its drawn maps, white the largest.

    Args:
        model: a functional or Sequential model with one image as its input.
        image: float array `(height, width, channels)`, in the model's own scale.
        layers: names of layers of maps; default all convolutions and poolings.
        columns: maps per row.

    Returns:
        The figure: the image first, then one row of axes per layer.

    Raises:
        InputError: an image that does not fit, or a layer without maps.

    Example:
    >>> import cnnzoo
    >>> figure = activation_maps(cnnzoo.lenet(), np.zeros((32, 32, 1)), ["C1", "S2"])
    >>> [len(axis.images) for axis in figure.axes]
    [1, 6, 6]
    """
    images = images_for(model, np.asarray(image)[None])
    layers = list(layers or map_layers(model))
    outputs = activations(model, images, layers) if layers else {}
    for name, output in outputs.items():
        if output.ndim != 4:
            raise InputError(
                f"layer {name!r} of {model.name} has no maps: its outputs have the shape {output.shape[1:]}"
            )
    if not outputs:
        raise InputError(f"{model.name} has no layer of maps to draw")
    drawn = {name: np.moveaxis(output[0, ..., :MOST_MAPS], -1, 0) for name, output in outputs.items()}
    heights = [0.95, *[_row_height(maps, columns) for maps in drawn.values()]]
    sizes = [f"{name} {_size(output)}" for name, output in outputs.items()]
    figure = picture(8, sum(heights) + 0.22 * len(heights), f"Activation maps of one image: {listed(sizes)}.")
    axes = figure.subplots(len(heights), 1, height_ratios=heights)
    tiles(axes[0], [shown_as_image(images)[0]], columns=8, limits=limits_of(images))
    axes[0].set_title("input image", fontsize=8, loc="left", pad=2)
    for axis, (name, maps) in zip(axes[1:], drawn.items(), strict=True):
        tiles(axis, maps, columns=columns, limits=(float(maps.min()), float(maps.max()) + 1e-12))
        part = "" if outputs[name].shape[-1] <= len(maps) else f", the first {len(maps)}"
        axis.set_title(f"{name}: {_size(outputs[name])}{part}", fontsize=8, loc="left", pad=2)
    return figure


def _row_height(maps: np.ndarray, columns: int) -> float:
    """Return a row's height in inches; maps of one value are a strip."""
    return max(0.28, height_of(maps, columns, 7.6))


def _size(output: np.ndarray) -> str:
    _, height, width, depth = output.shape
    return f"{depth} maps of {height}×{width}"


def limits_of(images: np.ndarray) -> tuple[float, float]:
    """Return the values of black and white for images of a net's own scale."""
    return float(images.min()), float(images.max()) + 1e-12


def shown_as_image(images: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """Return images of a net's own scale for drawing: colors scaled to 0 to 1 by one scale, gray unchanged.

    Args:
        images: array `(batch, height, width, channels)`.
        of: images that set the scale; default: `images`.

    Raises:
        InputError: images of another number of channels than 1 or 3.
    """
    if images.shape[-1] not in (1, 3):
        raise InputError(f"`images` must have 1 or 3 channels to be drawn. Received: {images.shape[-1]}")
    return one_scale(images, of) if images.shape[-1] == 3 else images


def layer_costs(model: keras.Model | str) -> Picture:
    """Draw the parameters and the multiply-adds of a net, layer by layer.

    Args:
        model: a Keras model, or a name of `cnnzoo.list_models()`.

    Returns:
        The figure.

    Raises:
        InputError: as `cnnzoo.conv_report`.

    Example:
    >>> figure = layer_costs("lenet5")
    >>> [int(bar.get_width()) for bar in figure.axes[0].patches[:3]]
    [156, 12, 1516]
    """
    report = conv_report(model)
    rows = [row for row in report.rows if row.parameters or row.multiply_adds]
    totals = report.totals
    first = max(rows, key=lambda row: row.parameters)
    second = max(rows, key=lambda row: row.multiply_adds)
    percent = [
        100 * getattr(most, name) / max(1, getattr(totals, name))
        for most, name in ((first, "parameters"), (second, "multiply_adds"))
    ]
    figure = picture(
        8,
        0.9 + 0.24 * len(rows),
        f"Of {totals.parameters:,} parameters {first.name} has {percent[0]:.0f} %; of {totals.multiply_adds:,} "
        f"multiply-adds {second.name} makes {percent[1]:.0f} %.",
    )
    left, right = figure.subplots(1, 2, sharey=True)
    for axis, name, color in ((left, "parameters", COLORS[0]), (right, "multiply_adds", COLORS[1])):
        axis.barh(range(len(rows)), [getattr(row, name) for row in rows], color=color)
        axis.set(xlabel=name.replace("_", "-"), yticks=range(len(rows)), yticklabels=[row.name for row in rows])
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        light_grid(axis)
    left.invert_yaxis()
    return figure
