"""Train, evaluate and export the models of this folder again, each by its recipe.

    python saved_models/rebuild.py [NAME …] [--runs FOLDER]

It takes about an hour on two cores. A run in FOLDER/NAME is resumed; a finished one is exported as it is. The old
version is removed when the new one is written.
"""

import argparse
import shutil
from pathlib import Path

import keras

import cnnzoo
from cnnzoo.weights.shipped_models import WEIGHTS

# Recipe → the type in which its weights are stored: half precision for the large ones.
MODELS = {
    "lenet5_mnist": "float32",
    "lenet_fashion_mnist": "float32",
    "cuda_convnet_cifar10": "float32",
    "deep_autoencoder_mnist": "float16",
    "stacked_denoising_mnist": "float16",
}
HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model; default all")
    parser.add_argument("--runs", type=Path, default=Path("runs/saved_models"))
    parser.add_argument("--data-dir", help="where TFDS keeps its data")
    options = parser.parse_args()
    for name in options.names or MODELS:
        if name not in MODELS:
            parser.error(f"there is no {name!r} in this folder; there are {', '.join(MODELS)}")
        run = cnnzoo.train(name, workdir=options.runs / name, resume=None, data_dir=options.data_dir)
        folder = HERE / name
        old = list(folder.iterdir()) if folder.is_dir() else []
        version = cnnzoo.export(
            run, folder, weights_dtype=MODELS[name], evaluate=True, warmup=True, data_dir=options.data_dir
        )
        save_weights(run.model(), version, MODELS[name])
        for path in old:
            shutil.rmtree(path)
        print(version, next(entry.test for entry in cnnzoo.weights.list() if entry.folder == version))


def save_weights(model: keras.Model, version: Path, dtype: str) -> None:
    """Write weights beside the card of a version, where `weights="mnist"` finds them without TensorFlow."""

    def stored(layer):
        return type(layer).from_config({**layer.get_config(), "dtype": dtype})

    # Without an optimizer, whose state would be saved, too.
    copy = keras.models.clone_model(keras.Model(model.inputs, model.outputs), clone_function=stored)
    copy.set_weights(model.get_weights())
    copy.save_weights(version / WEIGHTS)


if __name__ == "__main__":
    main()
