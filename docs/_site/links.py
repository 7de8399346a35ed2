"""Links that leave the site: names of Keras, TensorFlow and NumPy in signatures, and files of the repository.

Keras and TensorFlow publish no list of their names that Sphinx could read, so their pages are named here.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes

KERAS = "https://keras.io/api/"
PAGES = {  # of keras.io
    "Model": "models/model/",
    "Layer": "layers/base_layer/",
    "Conv2D": "layers/convolution_layers/convolution2d/",
    "Optimizer": "optimizers/",
    "Loss": "losses/",
    "Metric": "metrics/base_metric/",
    "Callback": "callbacks/base_callback/",
    "Initializer": "layers/initializers/",
    "Regularizer": "layers/regularizers/",
    "KerasTensor": "models/model/",
    "Variable": "",
}
PYTHON = {
    "Path": "pathlib.html#pathlib.Path",
    "Fraction": "fractions.html#fractions.Fraction",
    "Any": "typing.html#typing.Any",
    "Literal": "typing.html#typing.Literal",
    "Self": "typing.html#typing.Self",
    "ModuleType": "types.html#types.ModuleType",
}
ABSTRACT = "collections.abc.html#collections.abc."
BUILT_IN = {"int", "float", "str", "bool", "bytes", "dict", "list", "tuple", "set", "None", "object", "type", "range"}


def address(name: str) -> str | None:
    """Return the page of a name that is not cnnzoo's, or `None`.

    Example:
    >>> address("keras.src.models.model.Model"), address("numpy.ndarray")
    ('https://keras.io/api/models/model/', 'https://numpy.org/doc/stable/reference/generated/numpy.ndarray.html')
    """
    root, _, last = name.partition(".")[0], *name.rpartition(".")[1:]
    if root == "keras" and last in PAGES:
        return KERAS + PAGES[last]
    if root in ("numpy", "np"):
        return f"https://numpy.org/doc/stable/reference/generated/numpy.{last}.html"
    if root in ("tensorflow", "tf"):
        return "https://www.tensorflow.org/api_docs/python/tf/" + ("data/Dataset" if "Dataset" in last else "")
    if root == "rich":
        return "https://rich.readthedocs.io/en/stable/reference/console.html"
    if root == "matplotlib":
        return "https://matplotlib.org/stable/api/figure_api.html"
    if last in PYTHON:
        return "https://docs.python.org/3/library/" + PYTHON[last]
    if name.startswith("collections.abc."):
        return "https://docs.python.org/3/library/" + ABSTRACT + last
    if name in BUILT_IN:
        return "https://docs.python.org/3/library/" + (
            "constants.html#None" if name == "None" else f"stdtypes.html#{name}"
        )
    return "https://docs.python.org/3/library/exceptions.html#" + name if name.endswith("Error") else None


def resolve(app: Any, environment: Any, node: nodes.Element, content: nodes.Element) -> nodes.Node | None:
    """Return a link for a name that Sphinx does not know; of cnnzoo's own names the one by which they are public."""
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"]
    if name.startswith("cnnzoo."):  # types name the module that defines a class
        last = name.rpartition(".")[2]
        known = environment.domains["py"].objects
        public = [each for each in known if each.rpartition(".")[2] == last]
        if len(public) == 1:
            entry = known[public[0]]
            uri = app.builder.get_relative_uri(node["refdoc"], entry.docname) + f"#{entry.node_id}"
            return nodes.reference("", "", content, refuri=uri, internal=True)
        return content  # not public: its name alone
    if uri := address(name):
        return nodes.reference("", "", content, refuri=uri, internal=False)
    return content if name in ("optional", "array", "callable") else None


def of_the_repository(source: str) -> Any:
    """Return a function that turns a document's links to files beside `docs/` into links to the repository."""

    def replaced(app: Any, docname: str, text: list[str]) -> None:
        folder = (Path(app.srcdir) / docname).parent

        def link(match: re.Match) -> str:
            target = (folder / match[1]).resolve()
            if target.is_relative_to(app.srcdir) or not target.exists():
                return match[0]
            path = target.relative_to(Path(app.srcdir).parent)
            return f"]({source}/{'tree' if target.is_dir() else 'blob'}/main/{path})" if source else f"](#{path})"

        text[0] = re.sub(r"\]\((\.\./[^)#\s]+)\)", link, text[0])

    return replaced


def setup(app: Any, source: str) -> None:
    """Connect both.

    Args:
        app: Sphinx.
        source: the repository's address.
    """
    app.connect("missing-reference", resolve)
    app.connect("source-read", of_the_repository(source))
