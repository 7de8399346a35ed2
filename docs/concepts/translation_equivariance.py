"""Translation equivariance of AlexNet: the experiment, with its assertions and a picture.

    python docs/concepts/translation_equivariance.py

Two windows of 227×227 pixels are cut out of a photograph that comes with scikit-learn, 32 pixels down and
right of one another: one position of pool5, eight of conv1. The maps of every convolution and pooling layer
must be the same for both, shifted; the outputs of the dense layers must differ. A shift of 4 pixels is one
position of conv1, but half a position of pool1, where the position before is compared and differs: maps shift
along up to the stride. The net has its random initial weights: nothing of this is learned. Writes
translation_equivariance.png, in which a frame holds the same part of the photograph in both rows. Around it maps differ
where zeros are padded; each map has the scale of its frame.
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

import cnnzoo
from cnnzoo.analysis import LayerEquivariance, equivariance

SHIFT = 32
SLIDING = ("conv1", "norm1", "pool1", "conv2", "norm2", "pool2", "conv3", "conv4", "conv5", "pool5")
DENSE = ("fc6", "fc7", "fc8")


def main() -> None:
    keras.utils.set_random_seed(0)
    model = cnnzoo.alexnet(compile=False)
    photograph = load_sample_image("china.jpg")[None, 100:400, 150:450].astype("float32")
    images = photograph - np.float32(cnnzoo.models.alexnet.MEAN)

    layers = {layer.name: layer for layer in equivariance(model, images, SHIFT)}
    _print(f"shifted by {SHIFT} pixels", layers)
    for name in SLIDING:
        assert layers[name].equivariant, f"{name} must be equivariant"
    for name in DENSE:
        assert layers[name].equivariant is False, f"{name} must not be equivariant"

    by_four = {layer.name: layer for layer in equivariance(model, images, 4)}
    _print("shifted by 4 pixels, less than pool1's stride", by_four)
    assert by_four["conv1"].equivariant
    assert by_four["pool1"].equivariant is False
    print("all as expected")
    _draw(model, images, photograph[0].astype("uint8"), layers)


def _print(title: str, layers: dict[str, LayerEquivariance]) -> None:
    print(title)
    for name in (*SLIDING, *DENSE):
        layer = layers[name]
        count = layer.positions
        positions = "no positions" if layer.jump is None else f"{count}×{count} positions, {layer.jump} pixels apart"
        difference = "nothing to compare" if layer.difference is None else f"difference {layer.difference:.1e}"
        print(
            f"  {name:6s} {positions:36s} {difference:22s} {'equivariant' if layer.equivariant else 'not equivariant'}"
        )


def _draw(model: keras.Model, images: np.ndarray, photograph: np.ndarray, layers: dict[str, LayerEquivariance]) -> None:
    names = ("conv1", "conv2", "conv3")
    features = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    figure, axes = plt.subplots(2, 4, figsize=(10, 5.4), layout="constrained")
    starts = (0, SHIFT)
    for row, start in zip(axes, starts, strict=True):
        row[0].imshow(photograph[start : start + 227, start : start + 227])
        _frame(row[0], slice(SHIFT - start, 227 - start))
        row[0].set_ylabel("the image" if start == 0 else f"{SHIFT} pixels down and right")
    axes[0, 0].set_title("227×227 pixels")
    before, after = (
        features.predict(images[:, start : start + 227, start : start + 227], verbose=0) for start in starts
    )
    for name, column, maps in zip(names, axes.T[1:], zip(before, after, strict=True), strict=True):
        parts = _compared_positions(layers[name], maps[0].shape[1])
        framed = [output[0][part, part] for output, part in zip(maps, parts, strict=True)]
        np.testing.assert_allclose(*framed, atol=1e-4)  # what the frames say
        number = framed[0].std(axis=(0, 1)).argmax()  # of the map that differs most over positions
        low, high = framed[0][..., number].min(), framed[0][..., number].max()
        for axis, output, part in zip(column, maps, parts, strict=True):
            axis.imshow(output[0, ..., number], cmap="gray", vmin=low, vmax=high)
            _frame(axis, part)
        column[0].set_title(f"{name}, {SHIFT // layers[name].jump} positions")
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    path = Path(__file__).with_suffix(".png")
    figure.savefig(path, dpi=100)
    print(f"wrote {path.name}")


def _compared_positions(layer: LayerEquivariance, side: int) -> tuple[slice, slice]:
    """Return the positions that no padding reaches, and that both windows have, in the map of either."""
    assert layer.jump is not None
    shift, positions = SHIFT // layer.jump, layer.positions
    border = (side - shift - positions) // 2
    return slice(border + shift, border + shift + positions), slice(border, border + positions)


def _frame(axis: plt.Axes, part: slice) -> None:
    length = part.stop - part.start
    axis.add_patch(plt.Rectangle((part.start - 0.5, part.start - 0.5), length, length, fill=False, color="red", lw=2))


if __name__ == "__main__":
    main()
