"""Draw what a deep autoencoder's code keeps of ten digits, and what as many principal components keep.

    python docs/what_thirty_numbers_keep.py RUN docs/what_thirty_numbers_keep.png

RUN is a finished run of `deep_autoencoder_mnist`. Each digit is the first test image of its class; below it
stands its squared error, summed over the pixels.
"""

import argparse
import math

import keras
import matplotlib.pyplot as plt
import numpy as np

import cnnzoo
from cnnzoo.analysis import pca


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of a finished run")
    parser.add_argument("picture", help="PNG to write")
    parser.add_argument("--data-dir", help="TFDS folder")
    options = parser.parse_args()
    run = cnnzoo.Run(options.run)
    model = run.model()
    source = cnnzoo.data.load(run.recipe["data"], data_dir=options.data_dir)
    preprocess = cnnzoo.models.preprocessing(run.recipe["model"], model)
    chosen = [int(np.flatnonzero(source.test.labels == digit)[0]) for digit in range(10)]
    train, digits = (
        keras.ops.convert_to_numpy(preprocess(images)) for images in (source.train.images, source.test.images[chosen])
    )
    size = math.prod(cnnzoo.encoder(model).output_shape[1:])
    rows = {
        "test image": digits,
        f"{size} code\nnumbers": model.predict(digits, verbose=0),
        f"{size} principal\ncomponents": pca(train, size).reconstruct(digits),
    }
    _figure(rows).savefig(options.picture, dpi=150)


def _figure(rows: dict[str, np.ndarray]) -> plt.Figure:
    figure, axes = plt.subplots(len(rows), 10, figsize=(10, 3.9), layout="constrained")
    originals = next(iter(rows.values()))
    for line, (title, images) in zip(axes, rows.items(), strict=True):
        for axis, image, original in zip(line, images, originals, strict=True):
            axis.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
            if images is not originals:
                axis.set_xlabel(f"{np.square(image - original).sum():.1f}", fontsize=9)
        line[0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=11)
    return figure


if __name__ == "__main__":
    main()
