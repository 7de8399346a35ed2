"""CONTRIBUTING.md is complete: each of its lists is followed in a copy of the tree, with a toy.

The toy touches the files that the list names, and no others; then it works, and passes the tests of its kind.
"""

import importlib.util
import inspect
import re
import shutil

import pytest

import cnnzoo
from cnnzoo import layers, plots
from cnnzoo.data import AUGMENTATIONS, IN_MEMORY
from cnnzoo.serving import FORMATS
from tests import processes

ROOT = processes.ROOT
THIS = "tests/integration/test_contributing.py"
COPIED = [
    *("cnnzoo", "tests", "recipes", "docs", "benchmarks", "deploy", "conftest.py", "pyproject.toml"),
    *("CONTRIBUTING.md", "README.md", "CHANGELOG.md"),
]
# Of processes in a copy, whose coverage is not this tree's.
ENVIRONMENT = dict.fromkeys(["COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "PYTEST_XDIST_WORKER"])

# What there is of each kind, and the documents that name it.
DOCUMENTED = {
    "model": (cnnzoo.list_models(), ["README.md", "CHANGELOG.md"]),
    "layer": (layers.__all__, ["CHANGELOG.md"]),
    "augmentation": (AUGMENTATIONS.keys() - {"none"}, ["docs/how_to/images.md", "CHANGELOG.md"]),
    "picture": (
        [name for name in plots.__all__ if inspect.isfunction(getattr(plots, name))],
        ["docs/how_to/reports.md"],
    ),
    "source": (IN_MEMORY, ["docs/how_to/images.md"]),
    "format": (FORMATS, ["docs/how_to/serve.md"]),
    "recipe": (
        [name for name in cnnzoo.list_recipes() if not name.endswith("_smoke")],
        ["docs/results/index.md", "CHANGELOG.md"],
    ),
}


class Copy:
    """A copy of the tree in `root`, in which all files but those in `left_out` are written and changed."""

    def __init__(self, root, left_out=()):
        self.root, self.left_out = root, left_out
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, root / name)
        (root / "saved_models").symlink_to(ROOT / "saved_models")
        self.before = self.files()

    def files(self):
        """Return what the files hold."""
        paths = (path for name in COPIED for path in [self.root / name, *(self.root / name).rglob("*")])
        files = (path for path in paths if path.is_file() and path.suffix != ".pyc")
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}

    def touched(self):
        """Return the names of the files that are new or changed."""
        return {name for name, content in self.files().items() if self.before.get(name) != content}

    def write(self, path, text):
        """Write a new file."""
        if path not in self.left_out:
            assert not (self.root / path).exists()
            (self.root / path).write_text(text, encoding="utf-8")

    def insert(self, path, after, text):
        """Insert text after a text that the file has once."""
        if path not in self.left_out:
            before, found, behind = (self.root / path).read_text(encoding="utf-8").partition(after)
            assert found, f"{path} has no {after!r}"
            assert after not in behind
            (self.root / path).write_text(before + after + text + behind, encoding="utf-8")

    def add_line(self, path, below, line):
        """Add a line to a document below the first one that begins so; to a table, below its head."""
        if path not in self.left_out:
            lines = (self.root / path).read_text(encoding="utf-8").splitlines()
            number = next(number for number, other in enumerate(lines, start=1) if other.startswith(below))
            lines.insert(number + lines[number].startswith("|---"), line)
            (self.root / path).write_text("\n".join([*lines, ""]), encoding="utf-8")

    def import_and_export(self, path, module, name):
        """Import a name in a package's `__init__`, and name it in `__all__`."""
        self.insert(path, '"""\n\n', f"from {module} import {name}\n")
        self.insert(path, "\n__all__ = [\n", f'    "{name}",\n')

    def python(self, *arguments):
        """Run Python on the copy."""
        return processes.run(arguments, cwd=self.root, PYTHONPATH=str(self.root), **ENVIRONMENT)

    def pytest(self, *tests, k):
        """Run tests of the copy; return by each outcome, such as `PASSED`, the tests that had it, and the output."""
        options = ["-n0", "-p", "no:cacheprovider", "-q", "-rpfE", "-m", "not slow", "-k", k]
        ended = self.python("-m", "pytest", *options, *tests)
        outcomes = re.findall(r"^(PASSED|FAILED|ERROR) (\S+)", ended.stdout, re.MULTILINE)
        assert outcomes, ended.stdout[-3000:] + ended.stderr[-3000:]
        found = {outcome: set() for outcome in ("PASSED", "FAILED", "ERROR")}
        for outcome, test in outcomes:
            found[outcome].add(test)
        return found, ended.stdout[-5000:]

    def check(self, kind, *tests):
        """Run the tests of a kind, which must pass, and those of all names; in each file there must be some."""
        tests = [*tests, "tests/test_architecture.py", "tests/test_words.py", "tests/test_public_names.py", THIS]
        names = f"toy or test_architecture or test_words or test_public_names or (documents and {kind}) or every_layer"
        outcomes, output = self.pytest(*tests, k=names)
        assert outcomes["FAILED"] | outcomes["ERROR"] == set(), output
        assert {test.partition("::")[0] for test in outcomes["PASSED"]} == {test.partition("::")[0] for test in tests}


def named_files(kind, **placeholders):
    """Return the files that the list of CONTRIBUTING.md names: each of its steps begins with one."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [section] = re.findall(rf"^## Add an? {kind}$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    steps = re.findall(r"^\d+\. (.*)$", section, re.MULTILINE)
    paths = [re.match(r"`([^`]+)`: ", step).group(1) for step in steps]
    return {re.sub(r"<(\w+)>", lambda found: placeholders[found.group(1)], path) for path in paths}


# === Toys ===

MODEL = '''"""One layer of units.

Rosenblatt, "The Perceptron", 1958.
"""

from keras.layers import Dense, Flatten

from cnnzoo.models import scaffold
from cnnzoo.models.lenet import decode_predictions as decode_predictions
from cnnzoo.models.mlp import preprocess_input as preprocess_input
from cnnzoo.optimizers import Adam

TASK = "classify"


def toy(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="softmax",
    name="toy",
    *,
    units=300,
    compile=True,
):
    """Build a net of one hidden layer.

    Example:
    >>> toy().count_params()
    238510
    """
    scaffold.check_top(include_top, pooling, classes, has_maps=False)
    inputs = scaffold.image_input(input_tensor, input_shape, default=(28, 28, 1))
    x = Dense(units, "tanh", name="hidden")(Flatten(name="flatten")(inputs))
    if include_top:
        x = Dense(classes, classifier_activation, dtype="float32", name="output")(x)
    optimizer = scaffold.chosen_optimizer(compile, Adam(1e-3))
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    common = {"name": name, "preprocess_input": preprocess_input, "weights": weights}
    return scaffold.assemble(inputs, x, loss=loss, optimizer=optimizer, **common)
'''
MODEL_TEST = """import numpy as np

import cnnzoo


def test_layers_and_preprocessing_of_the_toy():
    assert [layer.name for layer in cnnzoo.toy().layers[1:]] == ["flatten", "hidden", "output"]
    images = np.full((1, 28, 28, 1), 51, "uint8")
    np.testing.assert_allclose(cnnzoo.models.toy.preprocess_input(images), 0.2, atol=1e-6)
"""


def add_model(copy):
    copy.write("cnnzoo/models/toy.py", MODEL)
    copy.insert("cnnzoo/models/__init__.py", "\nFAMILIES = {\n", '    "toy": "toy",\n')
    if "cnnzoo/__init__.pyi" not in copy.left_out:
        assert copy.python("tests/stub.py").returncode == 0
    copy.insert("tests/models/test_contract.py", "\nPARAMETERS = {\n", '    "toy": 238_510,\n')
    copy.insert("tests/small_nets.py", "\nSMALL = {\n", '    "toy": {"input_shape": (9, 8, 1), "units": 7},\n')
    copy.write("tests/models/test_toy.py", MODEL_TEST)
    copy.insert("tests/integration/models/test_learning.py", "\nCLASSIFIERS = {\n", '    "toy": DIGITS,\n')
    copy.add_line("README.md", "| model | paper |", "| `toy` | – | 7 | |")
    copy.add_line("CHANGELOG.md", "### Added", "- Models: `toy`.")


LAYER = '''"""A factor for each map."""

import keras


@keras.saving.register_keras_serializable(package="cnnzoo")
class Toy2D(keras.layers.Layer):
    """Multiply each map by a factor that is trained.

    Example:
    >>> Toy2D()(keras.ops.ones((1, 2, 3, 4))).shape
    TensorShape([1, 2, 3, 4])
    """

    def build(self, input_shape):
        self.factor = self.add_weight(name="factor", shape=input_shape[-1:], initializer="ones")

    def call(self, images):
        return images * keras.ops.cast(self.factor, images.dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
'''
LAYER_TEST = """from cnnzoo import layers
from tests import reference
from tests.layers.checking import TOLERANCE, outputs_and_gradients, random, saved_and_loaded_equally, with_weights


def test_the_toy_follows_its_formula_and_is_saved(tmp_path):
    images = random(2, 5, 4, 3)
    layer = with_weights(layers.Toy2D(), images.shape)
    [factor] = layer.get_weights()
    upstream = random(*images.shape, seed=1)
    outputs, gradients = outputs_and_gradients(layer, images, upstream)
    assert reference.relative(outputs, reference.toy(images, factor)) <= TOLERANCE["float32"]
    for gradient, slope in zip(gradients, reference.slopes(reference.toy, [images, factor], upstream), strict=True):
        assert reference.relative(gradient, slope) <= TOLERANCE["float32"]
    assert saved_and_loaded_equally(layers.Toy2D(), images.astype("float32"), tmp_path)
"""
# The case of the toy alone: all of them take a minute.
ON_ANOTHER_BACKEND = """import json

from tests import processes
from tests.integration.backends import test_backends


def test_the_toys_case_under_jax(tmp_path):
    (tmp_path / "layers").mkdir()
    test_backends.write_layer("toy", tmp_path / "layers")
    ended = processes.run([test_backends.WORKER, tmp_path], KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")
    assert ended.returncode == 0, ended.stderr
    assert max(json.loads(ended.stdout.splitlines()[-1])["toy"]) <= 1e-5
"""


def add_layer(copy):
    copy.write("cnnzoo/layers/toy.py", LAYER)
    copy.import_and_export("cnnzoo/layers/__init__.py", "cnnzoo.layers.toy", "Toy2D")
    copy.insert(
        "tests/reference.py", "import numpy as np\n", "\n\ndef toy(images, factor):\n    return images * factor\n"
    )
    copy.write("tests/layers/test_toy.py", LAYER_TEST)
    formulas = "cnnzoo/analysis/layer_formulas.py"
    copy.insert(formulas, "\nfrom cnnzoo.layers import (\n", "    Toy2D,\n")
    copy.insert(formulas, "\n    # cnnzoo's own\n", "    Toy2D: pointwise.elementwise,\n")
    case = '        ((6, 7, 2), cnnzoo.layers.Toy2D(name="layer")),\n'
    after = '        ((6, 7, 2), layers.Conv2D(3, 3, activation=layers.PReLU(), name="layer")),\n'
    copy.insert("tests/analysis/test_against_keras.py", after, case)
    case = '    "toy": (layers.Toy2D(), reference.toy),\n'
    copy.insert("tests/integration/backends/test_backends.py", "\nLAYERS = {\n", case)
    copy.add_line("CHANGELOG.md", "### Added", "- Layers: `Toy2D`.")


AUGMENTATION = '''"""Inverted images."""

import keras
import tensorflow as tf

from cnnzoo.data.augmentation.image_layers import AugmentationLayer


@keras.saving.register_keras_serializable(package="cnnzoo")
class Toy(AugmentationLayer):
    """Invert half of the images."""

    def get_random_transformation(self, images, training=True, seed=None):
        draws = tf.random.stateless_uniform(tf.shape(images)[:1], seed.next()) if training else tf.ones(len(images))
        return draws[:, tf.newaxis, tf.newaxis, tf.newaxis] < 0.5

    def transform_images(self, images, transformation, training=True):
        return tf.where(transformation, 255 - images, images)
'''
AUGMENTATION_TEST = """import numpy as np

from cnnzoo.data import Split, train_pipeline
from cnnzoo.data.augmentation import augmentation


def test_the_toy_inverts_about_half_of_the_images():
    split = Split(np.full((64, 4, 4, 1), 55, "uint8"), np.arange(64, dtype="int32"))
    batches = train_pipeline(split, 64, augment=augmentation("toy", (4, 4, 1)))
    images, _ = next(iter(batches.as_numpy_iterator()))
    inverted = (images == 200).all(axis=(1, 2, 3))
    assert (inverted | (images == 55).all(axis=(1, 2, 3))).all()
    assert 16 < inverted.sum() < 48
"""


def add_augmentation(copy):
    package = "cnnzoo/data/augmentation"
    copy.write(f"{package}/toy.py", AUGMENTATION)
    copy.import_and_export(f"{package}/__init__.py", "cnnzoo.data.augmentation.toy", "Toy")
    copy.insert(
        f"{package}/named.py", "from cnnzoo.checks import choice\n", "from cnnzoo.data.augmentation.toy import Toy\n"
    )
    function = '\n\ndef toy(input_shape):\n    """Return inversions."""\n    return Augmentation(on_pixels=(Toy(),))\n'
    copy.insert(f"{package}/named.py", '    """Return no changes."""\n    return Augmentation()\n', function)
    copy.insert(f"{package}/named.py", "Callable[[Shape], Augmentation]] = {\n", '    "toy": toy,\n')
    tests = "tests/data/augmentation/test_image_layers.py"
    copy.insert(tests, "import cnnzoo\n", "from cnnzoo.data.augmentation.toy import Toy\n")
    copy.insert(tests, "\nLAYERS = [", "Toy(), ")
    copy.write("tests/data/augmentation/test_toy.py", AUGMENTATION_TEST)
    copy.add_line("docs/how_to/images.md", "| `augment=` |", "| `toy` | inverts | – |")
    copy.add_line("CHANGELOG.md", "### Added", "- Augmentation: `toy`.")


PICTURE = '''"""The number of images of each class."""

import numpy as np

from cnnzoo.plots.picture import Picture, picture


def toy_bars(labels) -> Picture:
    """Draw the number of images of each class.

    Example:
    >>> toy_bars([0, 1, 1]).alternative
    'Bars of 1 to 2 images in each of 2 classes.'
    """
    counts = np.bincount(labels)
    figure = picture(4, 3, f"Bars of {counts.min()} to {counts.max()} images in each of {len(counts)} classes.")
    figure.subplots().bar(range(len(counts)), counts)
    return figure
'''
PICTURE_TEST = """from cnnzoo import plots


def test_the_toys_bars_are_the_counts():
    assert [bar.get_height() for bar in plots.toy_bars([0, 2, 2]).axes[0].patches] == [1, 0, 2]
"""
ON_A_PAGE = """from types import SimpleNamespace

from cnnzoo.reports import classifier
from cnnzoo.reports.page import write_page


def test_the_toy_is_on_a_page(tmp_path):
    section = classifier._toy(SimpleNamespace(labels=[0, 1, 1]))
    page = write_page(tmp_path, "page", [], [section]).read_text(encoding="utf-8")
    assert "Bars of 1 to 2 images" in page
    assert "Not drawn" not in page
    assert "_toy" in classifier.sections.__code__.co_names
"""


def add_picture(copy):
    copy.write("cnnzoo/plots/toy.py", PICTURE)
    copy.import_and_export("cnnzoo/plots/__init__.py", "cnnzoo.plots.toy", "toy_bars")
    copy.write("tests/plots/test_toy.py", PICTURE_TEST)
    page = "cnnzoo/reports/classifier.py"
    drawn = 'drawn("toy", "The images of each class.", lambda: plots.toy_bars(run_data.labels))'
    section = f'def _toy(run_data: RunData) -> Section:\n    return Section("Toy", [{drawn}])\n\n\n'
    copy.insert(page, "        _occlusion(run_data),\n", "        _toy(run_data),\n")
    copy.insert(page, "LEAST_DECONVOLVED = 100  # of these images, however large they are\n\n\n", section)
    copy.add_line("docs/how_to/reports.md", "| a classifier's page |", "| the images of each class | |")
    copy.add_line("docs/how_to/reports.md", "| of a net |", "| | `toy_bars(labels)` | |")
    copy.add_line("CHANGELOG.md", "### Added", "- Pictures: `toy_bars`.")


SOURCE = '''"""Stripes: as small as a data set can be."""

import numpy as np

from cnnzoo.data.source import Source, Split, empty_split


def load_toy(*, with_test: bool = True) -> Source:
    """Load images of two classes, horizontal and vertical stripes."""
    stripes = np.tile(np.arange(6) % 2 * 255, (6, 1)).astype("uint8")
    images = np.stack([stripes.T, stripes] * 16)[..., np.newaxis]
    split = Split(images, (np.arange(32) % 2).astype("int32"))
    return Source("toy", split, split if with_test else empty_split((6, 6, 1)), ("horizontal", "vertical"))
'''
SOURCE_TEST = """import pytest

import cnnzoo


def test_the_toy_has_stripes():
    source = cnnzoo.data.load("toy", train_examples=4)
    assert (source.image_shape, source.classes, len(source.train)) == ((6, 6, 1), 2, 4)
    assert source.train.images[0, :2, 0].tolist() == [[0], [255]]
    assert len(cnnzoo.data.load("toy", with_test=False).test) == 0


def test_wrong_options_and_misspelled_names_are_refused():
    with pytest.raises(cnnzoo.InputError, match="the images of 'toy' are 6×6"):
        cnnzoo.data.load("toy", image_size=(8, 8))
    with pytest.raises(cnnzoo.InputError, match="did you mean .*'toy'"):
        cnnzoo.data.load("toyy")


def test_a_recipe_names_the_toy(train, tmp_path):
    recipe = cnnzoo.Recipe(model="mlp", data="toy", epochs=3, learning_rate=1e-2, batch_size=8)
    assert train(recipe, workdir=tmp_path / "run", verbose=0).metrics["test"]["accuracy"] == 1
"""


def add_data_source(copy):
    copy.write("cnnzoo/data/toy.py", SOURCE)
    package = "cnnzoo/data/__init__.py"
    copy.insert(
        package, "from cnnzoo.data.tfds_source import using_data_dir\n", "from cnnzoo.data.toy import load_toy\n"
    )
    copy.insert(package, "\nIN_MEMORY: dict[str, Callable[..., Source]] = {", '"toy": load_toy, ')
    copy.insert(package, '\n        name: `"digits"`, ', '`"toy"`, stripes, ')
    copy.write("tests/data/test_toy.py", SOURCE_TEST)
    copy.add_line("docs/how_to/images.md", 'cnnzoo.data.load("digits")', 'cnnzoo.data.load("toy")  # stripes')
    copy.add_line("CHANGELOG.md", "### Added", "- Data: `toy`.")


FORMAT_TEST = """import json

import numpy as np
import tensorflow as tf

import cnnzoo


def test_the_toy_returns_what_the_model_does(tmp_path):
    model = cnnzoo.mlp(input_shape=(8, 8, 1), units=(9,))
    version = cnnzoo.export(model, tmp_path, formats="toy")
    images = np.random.default_rng(0).random((3, 8, 8, 1), "float32")
    loaded = tf.saved_model.load(version / "toy")
    np.testing.assert_allclose(loaded.serve(images)["probabilities"], model.predict(images, verbose=0), atol=1e-6)
    assert json.loads((version / "assets.extra/card.json").read_text())["formats"]["toy"]["difference"] <= 1e-6
"""
WRITES_TOY = """    if format == "toy":
        exported.end_to_end().export(str(folder / "toy"), verbose=False)
        return
"""
READS_TOY = """    if format == "toy":
        loaded = tf.saved_model.load(str(folder / "toy"))
        return lambda images: loaded.serve(images)[exported.head.name].numpy()
"""


def add_export_format(copy):
    formats = "cnnzoo/serving/formats.py"
    copy.insert(formats, '    "saved_model": ("", ()),\n', '    "toy": ("toy", ("numpy",)),\n')
    copy.insert(formats, "        write_saved_model(exported, folder)\n        return\n", WRITES_TOY)
    copy.insert(
        formats, "        return saved_model_predictor(tf.saved_model.load(str(folder)), exported)\n", READS_TOY
    )
    copy.insert("cnnzoo/serving/verify.py", "\nTOLERANCES = {", '"toy": 1e-5, ')
    copy.insert("cnnzoo/serving/export.py", '\n        formats: any of `"saved_model"`, ', '`"toy"` (`toy/`), ')
    copy.insert("cnnzoo/cli/serving.py", '"[saved_model|', "toy|")
    copy.insert("pyproject.toml", "\nexport = [", '"numpy", ')
    copy.write("tests/integration/serving/test_toy.py", FORMAT_TEST)
    copy.add_line("docs/how_to/serve.md", "| file | what it is |", "| `toy/` | Keras' own SavedModel |")
    copy.add_line("CHANGELOG.md", "### Added", "- Export formats: `toy`.")


RECIPE = '''"""One hidden layer on scikit-learn's digits.

    cnnzoo train toy_digits

Test accuracy after the last epoch, n=3 (seeds 0 to 2), on two cores of a Xeon: 0 % ± 0, since it is a toy.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(model="mlp", data="digits", epochs=5, learning_rate=1e-2)

if __name__ == "__main__":
    cli.run_file(__file__)
'''


def add_recipe(copy):
    copy.write("recipes/toy_digits.py", RECIPE)
    smaller = '    "toy_digits": ["model_options.units=(20,)"],\n'
    copy.insert("tests/integration/experiments/test_smoke_runs.py", "\nSMALLER = {\n", smaller)
    copy.add_line(
        "docs/results/index.md", "| recipe | net |", "| `toy_digits` | 784-300-10 | 7 | accuracy | 0 % | 3 | 1 s | – |"
    )
    copy.add_line("CHANGELOG.md", "### Added", "- Recipes: `toy_digits`.")


# === Tests ===


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_documents_name_all_that_there_is(kind):
    names, documents = DOCUMENTED[kind]
    for document in documents:
        text = (ROOT / document).read_text(encoding="utf-8")
        assert [name for name in names if not is_named(name, text)] == []


def is_named(name, text):
    """Return whether a text has a name, also as `all_cnn_*`, or as `_b` after `all_cnn_a`."""
    stem, _, end = name.rpartition("_")
    return (
        re.search(rf"(?<!\w){name}(?!\w)", text)
        or f"`{stem}_*`" in text
        or (f"`{stem}_a` `_" in text and f"`_{end}`" in text)
    )


@pytest.mark.slow
def test_a_model_is_added_by_the_files_named(tmp_path):
    copy = Copy(tmp_path)
    add_model(copy)
    assert copy.touched() == named_files("model", family="toy")
    contract = ["tests/models/test_contract.py", "tests/analysis/test_numbers.py", "tests/distribute/test_shards.py"]
    heavy = ["tests/integration/serving/test_every_model.py", "tests/integration/models/test_learning.py"]
    copy.check("model", "cnnzoo/models/toy.py", "tests/models/test_toy.py", *contract, *heavy)


def test_a_layer_is_added_by_the_files_named(tmp_path):
    copy = Copy(tmp_path)
    add_layer(copy)
    assert copy.touched() == named_files("layer", layer="toy")
    own = ["cnnzoo/layers/toy.py", "tests/layers/test_toy.py"]
    if importlib.util.find_spec("jax"):
        copy.write("tests/integration/test_toy.py", ON_ANOTHER_BACKEND)
        own.append("tests/integration/test_toy.py")
    has_case = "tests/integration/backends/test_backends.py::test_every_layer_has_a_case"
    copy.check("layer", *own, "tests/analysis/test_against_keras.py", has_case)


@pytest.mark.slow
def test_an_augmentation_is_added_by_the_files_named(tmp_path):
    copy = Copy(tmp_path)
    add_augmentation(copy)
    assert copy.touched() == named_files("augmentation", layer="toy")
    folder = "tests/data/augmentation"
    copy.check("augmentation", f"{folder}/test_toy.py", f"{folder}/test_image_layers.py", f"{folder}/test_named.py")


@pytest.mark.slow
def test_a_picture_is_added_by_the_files_named(tmp_path):
    copy = Copy(tmp_path)
    add_picture(copy)
    assert copy.touched() == named_files("picture", picture="toy", page="classifier")
    copy.write("tests/integration/test_toy.py", ON_A_PAGE)
    copy.check("picture", "cnnzoo/plots/toy.py", "tests/plots/test_toy.py", "tests/integration/test_toy.py")


@pytest.mark.slow
def test_a_data_source_is_added_by_the_files_named(tmp_path):
    copy = Copy(tmp_path)
    add_data_source(copy)
    assert copy.touched() == named_files("data source", source="toy")
    copy.check("source", "tests/data/test_toy.py")


@pytest.mark.slow
def test_an_export_format_is_added_by_the_files_named(tmp_path):
    copy = Copy(tmp_path)
    add_export_format(copy)
    assert copy.touched() == named_files("export format", format="toy")
    copy.check("format", "tests/integration/serving/test_toy.py")


@pytest.mark.slow
def test_a_recipe_is_added_by_the_files_named(tmp_path):
    copy = Copy(tmp_path)
    add_recipe(copy)
    assert copy.touched() == named_files("recipe", recipe="toy_digits")
    smoke_run = "tests/integration/experiments/test_smoke_runs.py"
    copy.check("recipe", "tests/experiments/test_recipe.py", smoke_run)


def test_a_file_that_is_left_out_fails_a_test(tmp_path):
    """Of all seven kinds, where a test can see it; in one process, since they do not disturb each other."""
    documents = {"README.md", "CHANGELOG.md"}
    documents |= {f"docs/{name}.md" for name in ("how_to/images", "how_to/reports", "how_to/serve", "results/index")}
    lists = {"cnnzoo/__init__.pyi", "cnnzoo/analysis/layer_formulas.py", "tests/models/test_contract.py"}
    lists |= {"cnnzoo/cli/serving.py"}
    backends = "tests/integration/backends/test_backends.py"
    learning = "tests/integration/models/test_learning.py"
    copy = Copy(tmp_path, left_out=documents | lists | {backends, learning})
    kinds = (add_model, add_layer, add_augmentation, add_picture, add_data_source, add_export_format, add_recipe)
    for add in kinds:
        add(copy)
    tests = {
        "tests/test_public_names.py::test_the_stub_has_the_names_and_no_others",
        "tests/models/test_contract.py::test_parameters_are_the_papers[toy]",
        "tests/analysis/test_against_keras.py::test_every_layer_of_cnnzoo_has_a_formula",
        f"{backends}::test_every_layer_has_a_case",
        "tests/integration/cli/test_help.py::test_choices_in_the_help_are_those_that_are_allowed",
        f"{learning}::test_every_model_is_tried_and_one_net_of_each_form",
        *(f"{THIS}::test_documents_name_all_that_there_is[{kind}]" for kind in DOCUMENTED),
    }
    outcomes, output = copy.pytest(*tests, k="")
    assert outcomes["FAILED"] == tests, output
