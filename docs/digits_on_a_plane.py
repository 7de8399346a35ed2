"""Draw the test digits by the two numbers that an autoencoder codes them by, beside two principal components.

    python docs/digits_on_a_plane.py RUN docs/digits_on_a_plane.png

RUN is a finished run of `deep_autoencoder_2d_mnist`. Of each class the first 500 test images are drawn, as in the
paper. Printed and drawn is the share of digits to whom their five nearest neighbours give their own class, by vote.
"""

import argparse

import keras
import matplotlib.pyplot as plt

import cnnzoo
from cnnzoo.analysis import LabelledCodes, codes_2d, pca


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
    train, test = (keras.ops.convert_to_numpy(preprocess(split.images)) for split in (source.train, source.test))
    planes = {
        "two principal components": codes_2d(pca(train, 2), test, source.test.labels),
        "two numbers of the autoencoder's code": codes_2d(model, test, source.test.labels),
    }
    _figure(planes, source.class_names).savefig(options.picture, dpi=150)


def _figure(planes: dict[str, LabelledCodes], names: tuple[str, ...]) -> plt.Figure:
    figure, axes = plt.subplots(1, len(planes), figsize=(11, 5.6), layout="constrained")
    colours = plt.colormaps["tab10"]
    for axis, (title, plane) in zip(axes, planes.items(), strict=True):
        share = plane.neighbour_accuracy()
        print(f"{title}: {share:.1%} lie among their own class")
        for label, name in enumerate(names):
            x, y = plane.codes[plane.labels == label].T
            axis.scatter(x, y, s=3, color=colours(label))
            axis.text(x.mean(), y.mean(), name, fontsize=14, weight="bold", ha="center", va="center")
        axis.set(title=f"{title}\n{share:.1%} lie among their own class", xticks=[], yticks=[])
    return figure


if __name__ == "__main__":
    main()
