"""Train, evaluate and export the models of this folder again, each by its recipe.

    python saved_models/rebuild.py [NAME …] [--runs FOLDER]
    python saved_models/rebuild.py --export-only     # the weights that are here, by today's export: two minutes

It takes about an hour on two cores. A run in FOLDER/NAME is resumed; a finished one is exported as it is. The old
version is removed when the new one is written.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import keras

import cnnzoo
from cnnzoo.files import write_json
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
    parser.add_argument("--export-only", action="store_true", help="train nothing")
    options = parser.parse_args()
    for name in options.names or MODELS:
        if name not in MODELS:
            parser.error(f"there is no {name!r} in this folder; there are {', '.join(MODELS)}")
        if options.export_only:
            run = as_it_was(name, Path(tempfile.mkdtemp()))
        else:
            run = cnnzoo.train(name, workdir=options.runs / name, resume="auto", data_dir=options.data_dir)
        folder = HERE / name
        old = list(folder.iterdir()) if folder.is_dir() else []
        version = cnnzoo.export(
            run, folder, weights_dtype=MODELS[name], evaluate=True, warmup=True, data_dir=options.data_dir
        )
        save_weights(run.model(), version, MODELS[name])
        for path in old:
            shutil.rmtree(path)
        version = version.rename(folder / "1")  # others find it where it was
        print(version, next(entry.test for entry in cnnzoo.weights.list() if entry.folder == version))


def as_it_was(name: str, folder: Path) -> cnnzoo.Run:
    """Return a finished run, made of the weights that are here and of what their card says about their training."""
    [entry] = [entry for entry in cnnzoo.weights.list() if entry.card["name"] == name]
    recipe, run = entry.card["recipe"], cnnzoo.Run(folder)
    cnnzoo.create(entry.model, weights=entry.weights, compile=False, **recipe["model_options"]).save(run.model_file)
    write_json(run.recipe_file, {"recipe": recipe | {"seed": entry.card["seed"]}})
    test = dict(entry.card["test_after_training"])
    metrics = {"test_examples": test.pop("images"), "n": test.pop("n"), "test": test}
    metrics["image_shape"] = entry.card["signatures"]["serving_default"]["inputs"]["images"]["shape"][1:]
    write_json(run.metrics_file, metrics | {"class_names": entry.card["class_names"]})
    return run


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
