"""Draw the activations of the last hidden layer of LeNet-5 as bitmaps: the picture in the README.

    python docs/what_lenet5_draws.py RUN docs/what_lenet5_draws.png

RUN is a finished run of `lenet5_mnist` or `lenet5_digits`. The 84 units of F6 are trained to match the
7×12 bitmap of the image's class; each output unit is the distance of F6 from the bitmap of a class.
"""

import argparse

import keras
import matplotlib.pyplot as plt
import numpy as np

import cnnzoo
from cnnzoo.layers.lenet5 import digit_bitmaps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of a finished run")
    parser.add_argument("picture", help="PNG to write")
    parser.add_argument("--data-dir", help="TFDS folder")
    options = parser.parse_args()
    run = cnnzoo.Run(options.run)
    model = run.model()
    test = cnnzoo.data.load(run.recipe.data, data_dir=options.data_dir).test
    examples = [int(np.flatnonzero(test.labels == digit)[0]) for digit in range(10)]
    preprocess = cnnzoo.models.preprocessing(run.recipe.model, model)
    f6 = keras.Model(model.input, model.get_layer("F6").output)
    activations = keras.ops.convert_to_numpy(f6(preprocess(test.images[examples]))).reshape(10, 12, 7)
    _figure(test.images[examples, ..., 0], activations, digit_bitmaps()).savefig(options.picture, dpi=150)


def _figure(images, activations, targets) -> plt.Figure:
    figure, axes = plt.subplots(3, 10, figsize=(10, 4.4), height_ratios=(1, 1.35, 1.35), layout="constrained")
    titles = ("test image", "activations\nof F6", "target")
    for row, (title, pictures, low, high) in enumerate(
        zip(titles, (images, activations, targets), (0, -1.2, -1.2), (255, 1.2, 1.2), strict=True)
    ):
        for axis, picture in zip(axes[row], pictures, strict=True):
            axis.imshow(picture, cmap="gray_r", vmin=low, vmax=high)
            axis.set(xticks=[], yticks=[])
        axes[row, 0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=11)
    return figure


if __name__ == "__main__":
    main()
