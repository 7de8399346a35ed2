"""What a net's layers have learned, answer and cost."""

from collections.abc import Sequence

import keras
import numpy as np
from matplotlib.ticker import EngFormatter

from cnnzoo.analysis import activations, conv_report
from cnnzoo.analysis.layer_activations import images_for
from cnnzoo.errors import InputError, unknown
from cnnzoo.plots.picture import COLORS, Picture, height_of, lines, listed, one_scale, picture, tiles

MOST_FILTERS = 100
MOST_MAPS = 16  # of a layer


def filters(model: keras.Model, layer: str | None = None) -> Picture:
    """Draw the filters of a layer that looks at the image itself, at most the first 100.

    Those of a convolution are drawn as they are; of a dense layer, each unit's weights laid out as the image. All have
    one scale, on which zero is middle gray.

    Args:
        model: a Keras model that takes images of a fixed size.
        layer: name of the layer; default the first one with weights.

    Returns:
        The figure.

    Raises:
        InputError: no such layer, or one whose weights are no pictures: of more than three channels, or further up.

    Example:
    >>> import cnnzoo
    >>> figure = filters(cnnzoo.lenet())
    >>> len(figure.axes[0].images), figure.axes[0].images[0].get_array().shape
    (6, (5, 5))
    """
    name, kernels = filter_images(model, layer)
    shown = kernels[:MOST_FILTERS]
    most = float(np.abs(shown).max()) or 1.0
    columns = min(len(shown), 20 if len(shown) > 48 else 12)
    wide = min(8.0, 0.75 * columns)
    many = f"{len(shown)} of the {len(kernels)}" if len(shown) < len(kernels) else f"The {len(kernels)}"
    made = picture(
        wide,
        height_of(shown, columns, wide),
        f"{many} filters of {name}, {shown.shape[1]}×{shown.shape[2]} pixels each, weights from {shown.min():.2g} "
        f"to {shown.max():.2g}.".replace("-", "−"),
    )
    gray = shown.shape[-1] == 1
    tiles(
        made.subplots(),
        shown if gray else 0.5 + shown / (2 * most),
        columns=columns,
        limits=(-most, most) if gray else None,
    )
    return made


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
    sees_image = name == first or weighted[name].input is model.inputs[0]
    kernel = getattr(weighted[name], "kernel", None) if sees_image else None
    kernel = None if kernel is None else keras.ops.convert_to_numpy(keras.ops.cast(kernel, "float32"))
    image = tuple(model.input_shape[1:])
    if kernel is not None and kernel.ndim == 4 and kernel.shape[2] in (1, 3):
        return name, np.moveaxis(kernel, -1, 0)
    whole = len(image) == 3 and None not in image and image[-1] in (1, 3)
    if kernel is not None and kernel.ndim == 2 and whole and kernel.shape[0] == np.prod(image):
        return name, kernel.T.reshape(-1, *image)
    raise InputError(
        f"layer {name!r} of {model.name} does not look at an image of one or three channels, so that its weights are "
        f"no pictures; the first layer with weights is {first!r}"
    )


def map_layers(model: keras.Model) -> list[str]:
    """Return the names of the layers whose outputs are maps, in their order, from the first with weights on.

    Layers that compute each value from the one at its place, as an activation or dropout, are left out.

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
    begin = next((number for number, each in enumerate(maps) if each.trainable_weights), len(maps))
    sizes = ("kernel_size", "pool_size", "strides")
    return [
        each.name
        for each in maps[begin:]
        if not isinstance(each, pointwise) and (each.trainable_weights or any(hasattr(each, size) for size in sizes))
    ]


def activation_maps(model: keras.Model, image, layers: Sequence[str] | None = None, *, columns: int = 16) -> Picture:
    """Draw what each layer answers to one image, map by map, at most the first 16 of a layer.

    Each layer has one scale of its own: black is its smallest answer among the maps shown, white its largest.

    Args:
        model: a functional or Sequential model with one image as its input.
        image: float array `(height, width, channels)`, in the model's own scale.
        layers: names of layers of maps; default all convolutions and poolings.
        columns: maps a row.

    Returns:
        The figure: the image first, then one row of axes a layer.

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
    found = activations(model, images, layers) if layers else {}
    for name, answer in found.items():
        if answer.ndim != 4:
            raise InputError(
                f"layer {name!r} of {model.name} has no maps: its outputs have the shape {answer.shape[1:]}"
            )
    if not found:
        raise InputError(f"{model.name} has no layer of maps to draw")
    shown = {name: np.moveaxis(answer[0, ..., :MOST_MAPS], -1, 0) for name, answer in found.items()}
    heights = [0.95, *[_row_height(maps, columns) for maps in shown.values()]]
    said = [f"{name} {_size(answer)}" for name, answer in found.items()]
    made = picture(
        8, sum(heights) + 0.22 * len(heights), f"What the layers answer to one image, map by map: {listed(said)}."
    )
    axes = made.subplots(len(heights), 1, height_ratios=heights)
    tiles(axes[0], [shown_as_image(images)[0]], columns=8, limits=limits_of(images))
    axes[0].set_title("the image, as the net takes it", fontsize=8, loc="left", pad=2)
    for axis, (name, maps) in zip(axes[1:], shown.items(), strict=True):
        tiles(axis, maps, columns=columns, limits=(float(maps.min()), float(maps.max()) + 1e-12))
        few = "" if found[name].shape[-1] <= len(maps) else f", the first {len(maps)}"
        axis.set_title(f"{name}: {_size(found[name])}{few}", fontsize=8, loc="left", pad=2)
    return made


def _row_height(maps: np.ndarray, columns: int) -> float:
    """Return a row's height in inches; maps of one value need no more than a strip."""
    return max(0.28, height_of(maps, columns, 7.6))


def _size(answer: np.ndarray) -> str:
    _, height, width, depth = answer.shape
    return f"{depth} maps of {height}×{width}"


def limits_of(images: np.ndarray) -> tuple[float, float]:
    """Return the values of black and white for images of a net's own scale."""
    return float(images.min()), float(images.max()) + 1e-12


def shown_as_image(images: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """Return images of a net's own scale as they can be drawn: colors from 0 to 1 by one scale, gray as it is.

    Args:
        images: array `(batch, height, width, channels)`.
        of: images whose scale it is; default these.

    Raises:
        InputError: images of another number of channels than 1 or 3.
    """
    if images.shape[-1] not in (1, 3):
        raise InputError(f"images of {images.shape[-1]} channels cannot be drawn: they must have 1 or 3")
    return one_scale(images, of) if images.shape[-1] == 3 else images


def layer_costs(model: keras.Model | str) -> Picture:
    """Draw where a net keeps its parameters and where it spends its multiply-adds, layer by layer.

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
    share = [
        100 * getattr(most, name) / max(1, getattr(totals, name))
        for most, name in ((first, "parameters"), (second, "multiply_adds"))
    ]
    made = picture(
        8,
        0.9 + 0.24 * len(rows),
        f"Of {totals.parameters:,} parameters {first.name} has {share[0]:.0f} %; of {totals.multiply_adds:,} "
        f"multiply-adds {second.name} makes {share[1]:.0f} %.",
    )
    left, right = made.subplots(1, 2, sharey=True)
    for axis, name, color in ((left, "parameters", COLORS[0]), (right, "multiply_adds", COLORS[1])):
        axis.barh(range(len(rows)), [getattr(row, name) for row in rows], color=color)
        axis.set(xlabel=name.replace("_", "-"), yticks=range(len(rows)), yticklabels=[row.name for row in rows])
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        lines(axis)
    left.invert_yaxis()
    return made
