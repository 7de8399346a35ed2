"""Occlusion sensitivity as a picture."""

from collections.abc import Sequence

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.image import AxesImage

from cnnzoo.analysis import occlusion
from cnnzoo.analysis.layer_activations import images_for
from cnnzoo.plots.layers import limits_of, shown_as_image
from cnnzoo.plots.picture import Picture, height_of, listed, picture, tiles


def occluded(
    model: keras.Model, images, class_names: Sequence[str] | None = None, *, window: int | None = None
) -> Picture:
    """Draw by how much the log-odds of the predicted class decrease where a part of the image is covered.

    Above are the images as the net takes them, below the decrease at each pixel: red where covering it decreases the
    log-odds, blue where it increases them, with the outline of a gray image. All images have one scale, which is
    linear up to a nat and logarithmic beyond; the caption is the predicted class and the largest decrease in nats.

    Args:
        model: a classifier with one image of a fixed size as its input.
        images: float array `(batch, height, width, channels)`, in the model's own scale; up to some ten.
        class_names: name of each class, for the captions; by default their indices.
        window: side of the covering square in pixels; default a fifth of the image's smaller side.

    Returns:
        The figure.

    Raises:
        InputError: as `cnnzoo.analysis.occlusion`.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013, section 4.2.

    Example:
    >>> import cnnzoo
    >>> figure = occluded(cnnzoo.lenet(), np.random.default_rng(0).normal(size=(2, 32, 32, 1)))
    >>> len(figure.axes[0].images), len(figure.axes[1].images)
    (2, 2)
    """
    images = images_for(model, images)
    decrease = occlusion(model, images, window=window)
    predicted = keras.ops.convert_to_numpy(model(images, training=False)).argmax(axis=-1)
    names = [str(label) if class_names is None else class_names[label] for label in predicted]
    captions = [f"{name} {-each.max():+.1f}".replace("-", "−") for name, each in zip(names, decrease, strict=True)]
    figure = picture(
        8,
        2 * height_of(images, len(images), 8) + 1.15,
        "Images, and the change of the log-odds of the predicted class where a square is covered, at most: "
        f"{listed(captions)}.",
    )
    most = float(np.abs(decrease).max()) or 1.0
    scale = SymLogNorm(1.0, vmin=-max(most, 1.0), vmax=max(most, 1.0))
    above, below = figure.subplots(2, 1)
    tiles(above, shown_as_image(images), columns=len(images), limits=limits_of(images))
    shown = tiles(
        below,
        decrease,
        columns=len(images),
        norm=scale,
        colors="RdBu_r",
        captions=captions,
        room=0.2,
    )
    if images.shape[-1] == 1:
        _outline(below, shown, images)
    bar = figure.colorbar(shown[0], ax=below, location="bottom", shrink=0.7, aspect=50, pad=0.02, ticks=_ticks(most))
    bar.set_label("decrease of the log-odds where a square covers the pixel, in nats", fontsize=8)
    bar.ax.minorticks_off()
    bar.ax.set_xticklabels([f"{tick:g}".replace("-", "−") for tick in _ticks(most)], fontsize=7)
    return figure


def _outline(axis: Axes, shown: Sequence[AxesImage], images: np.ndarray) -> None:
    """Draw the outline of what each image shows: where its pixels are halfway from the smallest to the largest."""
    for drawn, image in zip(shown, images[..., 0], strict=True):
        left, _, _, top = drawn.get_extent()
        low, high = float(image.min()), float(image.max())
        if high > low:
            y, x = (0.5 + np.arange(side) for side in image.shape)
            axis.contour(left + x, top + y, image, levels=[(low + high) / 2], colors="#202020", linewidths=0.6)


def _ticks(most: float) -> list[float]:
    """Return ticks of the scale: 0, 1, and powers of ten up to the largest value, on either side.

    Example:
    >>> _ticks(289.0)
    [-100.0, -10.0, -1.0, 0.0, 1.0, 10.0, 100.0]
    """
    powers = [10.0**power for power in range(int(np.log10(max(most, 1.0))) + 1)]
    return [*[-each for each in reversed(powers)], 0.0, *powers]
