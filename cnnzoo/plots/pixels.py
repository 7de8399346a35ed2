"""What the pixels of an image do to the class that a net finds."""

from collections.abc import Sequence

import keras
import numpy as np

from cnnzoo.analysis import occlusion
from cnnzoo.analysis.layer_activations import images_for
from cnnzoo.plots.layers import shown_as_image
from cnnzoo.plots.picture import Picture, height_of, listed, picture, tiles


def occluded(
    model: keras.Model, images, class_names: Sequence[str] | None = None, *, window: int | None = None
) -> Picture:
    """Draw by how much the odds of the class that a net finds fall where a part of the image is covered.

    Above the images as the net takes them, below what each pixel is worth: red where covering it costs odds, blue
    where covering it adds some. Each has a scale of its own; below it stands the class, and the largest loss in nats.

    Args:
        model: a classifier with one image of a fixed size as its input.
        images: float array `(batch, height, width, channels)`, in the model's own scale; up to some ten.
        class_names: name of each class, for the captions; by default their numbers.
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
    lost = occlusion(model, images, window=window)
    found = keras.ops.convert_to_numpy(model(images, training=False)).argmax(axis=-1)
    names = [str(number) if class_names is None else class_names[number] for number in found]
    worst = [f"{name} {-each.max():+.1f}".replace("-", "−") for name, each in zip(names, lost, strict=True)]
    high = height_of(images, len(images), 8)
    made = picture(
        8,
        2 * high + 0.55,
        f"Images, and by how much the log-odds of the class fall where a square is covered: {listed(worst)}.",
    )
    above, below = made.subplots(2, 1)
    tiles(above, shown_as_image(images), columns=len(images), limits=(float(images.min()), float(images.max()) + 1e-12))
    tiles(
        below,
        lost,
        columns=len(images),
        limits=[(-each.max(), each.max()) for each in np.abs(lost) + 1e-12],
        colors="RdBu_r",
        captions=worst,
        room=0.2,
    )
    return made
