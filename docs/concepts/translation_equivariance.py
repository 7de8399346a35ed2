"""Translation equivariance of AlexNet: the experiment, with its assertions and a picture.

    python docs/concepts/translation_equivariance.py

Two windows of 227×227 pixels are cut out of a photograph that comes with scikit-learn, 32 pixels down and
right of one another: one position of pool5, eight of conv1. The maps of every convolution and pooling layer
must be the same for both, shifted; the outputs of the dense layers must differ. A shift of 4 pixels is one
position of conv1, but half a position of pool1, where the position before is compared and differs: maps shift
along up to the stride. The net has its random initial weights: nothing of this is learned. Writes
translation_equivariance.png.
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
    _draw(model, images, photograph[0].astype("uint8"))


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


def _draw(model: keras.Model, images: np.ndarray, photograph: np.ndarray) -> None:
    names = ("conv1", "conv2", "conv5")
    features = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    figure, axes = plt.subplots(2, 4, figsize=(10, 5.4), layout="constrained")
    maps = None
    for row, start in zip(axes, (0, SHIFT), strict=True):
        window = slice(start, start + 227)
        outputs = features.predict(images[:, window, window], verbose=0)
        maps = maps or [
            output[0].std(axis=(0, 1)).argmax() for output in outputs
        ]  # those that differ most over positions
        row[0].imshow(photograph[window, window])
        row[0].set_ylabel("the image" if start == 0 else f"shifted by {SHIFT} pixels")
        for axis, output, number in zip(row[1:], outputs, maps, strict=True):
            axis.imshow(output[0, ..., number], cmap="gray")
    for axis, name in zip(axes[0], ("227×227 pixels", *names), strict=True):
        shift = "" if name not in names else f", {SHIFT // {'conv1': 4, 'conv2': 8, 'conv5': 16}[name]} positions"
        axis.set_title(f"{name}{shift}")
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    path = Path(__file__).with_suffix(".png")
    figure.savefig(path, dpi=100)
    print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
