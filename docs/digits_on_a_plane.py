"""Draw the test digits by the two numbers that an autoencoder codes them by, beside two principal components.

    python docs/digits_on_a_plane.py RUN docs/digits_on_a_plane.png

RUN is a finished run of `deep_autoencoder_2d_mnist`. Of each class the first 500 test images are drawn, as in the
paper. Printed and drawn is the share of digits whose nearest neighbours on the plane are of their own class.
"""

import argparse

import keras
import matplotlib.pyplot as plt
import numpy as np

import cnnzoo
from cnnzoo.analysis import neighbour_accuracy, pca

OF_EACH_CLASS = 500


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
    chosen = [np.flatnonzero(source.test.labels == label)[:OF_EACH_CLASS] for label in range(source.classes)]
    chosen = np.concatenate(chosen)
    train, images = (
        keras.ops.convert_to_numpy(preprocess(each)) for each in (source.train.images, source.test.images[chosen])
    )
    planes = {
        "two principal components": pca(train, 2).encode(images),
        "two numbers of the autoencoder's code": cnnzoo.encoder(model).predict(images, verbose=0),
    }
    _figure(planes, source.test.labels[chosen], source.class_names).savefig(options.picture, dpi=150)


def _figure(planes: dict[str, np.ndarray], labels: np.ndarray, names: tuple[str, ...]) -> plt.Figure:
    figure, axes = plt.subplots(1, len(planes), figsize=(11, 5.6), layout="constrained")
    colours = plt.colormaps["tab10"]
    for axis, (title, codes) in zip(axes, planes.items(), strict=True):
        share = neighbour_accuracy(codes, labels)
        print(f"{title}: {share:.1%} among neighbours of their own class")
        for label, name in enumerate(names):
            of_class = codes[labels == label]
            axis.scatter(*of_class.T, s=3, color=colours(label), label=name)
            axis.text(*np.median(of_class, axis=0), name, fontsize=14, weight="bold", ha="center", va="center")
        axis.set(title=f"{title}\n{share:.1%} among neighbours of their own class", xticks=[], yticks=[])
    return figure


if __name__ == "__main__":
    main()
