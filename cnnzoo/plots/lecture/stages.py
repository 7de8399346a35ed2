"""Greedy layer-wise pretraining as stages, and the gradients of each layer at the start."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

from cnnzoo import checks
from cnnzoo.analysis.layer_activations import images_for
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.picture import COLORS, Picture, label_logarithms, light_grid, picture, plain

MOST = 5  # hidden layers
STAGE, BAR, STEP = 2.5, 0.22, 0.75  # inches: of a stage, of a layer, from one layer to the next
GAIN = 2.0**20  # a learning rate so large that even the smallest gradient moves a weight by more than it is rounded


def pretraining_stages(sizes: Sequence[int] = (784, 500, 500, 500, 10)) -> Picture:
    """Draw greedy layer-wise pretraining: in each stage one layer learns to reconstruct what enters it.

    The layers below are fixed, and the decoder, dashed, is discarded afterwards. In the last stage the whole net is
    trained with labels, from the weights of the stages before.

    Args:
        sizes: units of each layer, from the pixels to the classes; one to five of them hidden.

    Returns:
        A picture; its `alternative` describes each stage.

    Raises:
        InputError: too few or too many layers.

    Source: Bengio, Lamblin, Popovici and Larochelle, "Greedy Layer-Wise Training of Deep Networks", 2007.

    Example:
    >>> from cnnzoo import plots
    >>> plots.pretraining_stages((64, 30, 20, 10)).alternative
    'Stage 1: the layer of 30 units learns to reconstruct the 64 pixels. Stage 2: the layer of 20 units learns to
     reconstruct the 30 activations below it, which are fixed. Stage 3: the whole net, 64-30-20-10, learns from labels.'
    """
    if isinstance(sizes, str) or not 3 <= len(sizes) <= MOST + 2:
        raise checks.refusal("sizes", f"units of 3 to {MOST + 2} layers", sizes)
    units = [checks.integer("sizes", size) for size in sizes]
    texts = [f"Stage 1: the layer of {units[1]} units learns to reconstruct the {units[0]} pixels."]
    texts += [
        f"Stage {number}: the layer of {units[number]} units learns to reconstruct the {units[number - 1]} activations "
        "below it, which are fixed."
        for number in range(2, len(units) - 1)
    ]
    whole = "-".join(map(str, units))
    texts.append(f"Stage {len(units) - 1}: the whole net, {whole}, learns from labels.")
    count = len(units) - 1
    height = 0.85 + STEP * len(units)
    figure, axis = cells.sheet(STAGE * count + 0.2, height, 1.0, " ".join(texts))
    widths = [0.5 + 0.9 * (size / max(units)) ** 0.5 for size in units]
    for stage in range(1, count + 1):
        _stage(axis, 0.1 + STAGE * (stage - 0.5), height - 0.35, units, widths, stage, last=stage == count)
    return figure


def _stage(
    axis: Axes, middle: float, bottom: float, units: Sequence[int], widths: Sequence[float], stage: int, *, last: bool
) -> None:
    """Draw one stage, from the pixels upwards."""
    for layer in range(stage + 1):
        trained = last or layer == stage
        color = COLORS[1] if trained and layer else "#9aa0a6"
        y = bottom - STEP * layer
        box = Rectangle((middle - widths[layer] / 2, y - BAR), widths[layer], BAR, facecolor=color, edgecolor="none")
        axis.add_patch(box)
        axis.text(middle, y - BAR / 2, f"{units[layer]}", ha="center", va="center", size=8, color="#0a0a0a")
        if layer:
            _arrow(axis, (middle, y + STEP - BAR - 0.02), (middle, y + 0.02), color)
    if last:
        axis.text(middle, bottom - STEP * stage - BAR - 0.18, "labels", ha="center", va="center", size=8)
    else:
        y = bottom - STEP * (stage + 1)
        wide = widths[stage - 1]
        style: dict[str, Any] = {
            "facecolor": "none",
            "edgecolor": COLORS[1],
            "linestyle": (0, (3, 2)),
            "linewidth": 1.2,
        }
        axis.add_patch(Rectangle((middle - wide / 2, y - BAR), wide, BAR, gid="decoder", **style))
        axis.text(middle, y - BAR / 2, f"{units[stage - 1]}", ha="center", va="center", size=8)
        _arrow(axis, (middle, y + STEP - BAR - 0.02), (middle, y + 0.02), COLORS[1])
    title = "the whole net" if last else f"layer {stage}"
    axis.text(middle, bottom + 0.2, f"stage {stage}: {title}", ha="center", va="center", size=cells.PLAIN)


def _arrow(axis: Axes, start: tuple[float, float], stop: tuple[float, float], color: str) -> None:
    axis.add_patch(FancyArrowPatch(start, stop, arrowstyle="-|>", mutation_scale=9, color=color, linewidth=1.1))


def gradients_by_layer(models: Mapping[str, keras.Model], images, labels) -> Picture:
    """Draw how large the gradient of the loss is at each layer's kernel, from the first layer to the last.

    What is drawn is the root of the mean square of the gradient over a kernel's weights, for one batch, as in training.
    The models stay as they are: copies of them make one step of gradient descent.

    Args:
        models: compiled classifiers, by title.
        images: float array `(batch, …)`, in the models' own scale.
        labels: integer array `(batch,)`.

    Returns:
        A picture; its `alternative` has the gradients of the first and the last layer.

    Raises:
        InputError: no models, one that is not compiled, or images that do not fit.

    Source: Glorot and Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks", 2010.

    Example:
    >>> import cnnzoo
    >>> net = cnnzoo.mlp(input_shape=(4, 4, 1), units=(8, 8))
    >>> figure = gradients_by_layer({"net": net}, np.ones((2, 4, 4, 1)), np.array([0, 1]))
    >>> figure.axes[0].lines[0].get_xdata().tolist()
    [1, 2, 3]
    """
    if not isinstance(models, Mapping) or not models:
        raise checks.refusal("models", "a mapping from titles to Keras models", models)
    sizes = {title: gradient_sizes(model, images, labels) for title, model in models.items()}
    ends = [
        f"{title} from {each[0]:.2g} in the first layer to {each[-1]:.2g} in the last" for title, each in sizes.items()
    ]
    figure = picture(5.4, 3.2, f"The root mean square of the gradient by layer: {'; '.join(ends)}.")
    axis = figure.subplots()
    for (title, each), color in zip(sizes.items(), COLORS * len(sizes), strict=False):
        axis.plot(range(1, len(each) + 1), each, "o-", color=color, label=plain(title), markersize=4)
    axis.set(xlabel="layer", ylabel="size of the gradient", yscale="log")
    axis.set_xticks(range(1, max(map(len, sizes.values())) + 1))
    label_logarithms(axis.yaxis)
    axis.legend(fontsize=8, frameon=False)
    light_grid(axis)
    return figure


def gradient_sizes(model: Any, images, labels) -> list[float]:
    """Return the root mean square of the gradient at the kernel of each layer, from the first to the last.

    Raises:
        InputError: the model is not compiled or has no kernels, or images do not fit.
    """
    images = images_for(model, images)
    if not model.compiled or model.loss is None:
        raise InputError(f"{model.name} must be compiled with a loss")
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile(keras.optimizers.SGD(GAIN), loss=model.loss)
    kernels = [layer.kernel for layer in copy.layers if getattr(layer, "kernel", None) is not None]
    if not kernels:
        raise InputError(f"{model.name} has no layer with a kernel")
    before = [keras.ops.convert_to_numpy(kernel).astype("float64") for kernel in kernels]
    copy.train_on_batch(images, np.asarray(labels))
    moved = [keras.ops.convert_to_numpy(kernel) - old for kernel, old in zip(kernels, before, strict=True)]
    return [float(np.sqrt(np.square(step / GAIN).mean())) for step in moved]
