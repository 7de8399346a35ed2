"""Draw what the last hidden layer of LeNet-5 draws: the picture in the README.

    python docs/what_lenet5_draws.py RUN docs/what_lenet5_draws.png

RUN is a finished run of `lenet5_mnist` or `lenet5_digits`. The 84 units of F6 are trained to show
the 7×12 bitmap of the digit that the net sees; the output units only measure how far off they are.
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
    test = cnnzoo.data.load(run.recipe["data"], data_dir=options.data_dir).test
    chosen = [int(np.flatnonzero(test.labels == digit)[0]) for digit in range(10)]
    preprocess = cnnzoo.models.preprocessing(run.recipe["model"], model)
    f6 = keras.Model(model.input, model.get_layer("F6").output)
    drawn = keras.ops.convert_to_numpy(f6(preprocess(test.images[chosen]))).reshape(10, 12, 7)
    _figure(test.images[chosen, ..., 0], drawn, digit_bitmaps()).savefig(options.picture, dpi=150)


def _figure(images, drawn, codes) -> plt.Figure:
    figure, axes = plt.subplots(3, 10, figsize=(10, 4.4), height_ratios=(1, 1.35, 1.35), layout="constrained")
    titles = ("test image", "what F6\ndraws of it", "what it is\nto draw")
    for row, (title, pictures, low, high) in enumerate(
        zip(titles, (images, drawn, codes), (0, -1.2, -1.2), (255, 1.2, 1.2), strict=True)
    ):
        for axis, picture in zip(axes[row], pictures, strict=True):
            axis.imshow(picture, cmap="gray_r", vmin=low, vmax=high)
            axis.set(xticks=[], yticks=[])
        axes[row, 0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=11)
    return figure


if __name__ == "__main__":
    main()
