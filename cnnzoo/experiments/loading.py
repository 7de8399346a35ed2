"""Load recipes and studies, each from one plain Python file, and overrides from JSON files."""

import ast
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from cnnzoo import checks
from cnnzoo.errors import InputError, reason, unknown
from cnnzoo.experiments.recipe import Recipe
from cnnzoo.experiments.study import Study


def list_recipes() -> dict[str, str]:
    """Return the recipes that come with cnnzoo: the name of each, and the first line of its docstring.

    The files are read, not run.

    Example:
    >>> "lenet5_digits" in list_recipes()
    True
    """
    titles = {}
    for path in sorted(_folder().glob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        titles[path.stem] = docstring.partition("\n")[0]
    return titles


def load_recipe(name: str | Path) -> Recipe | Study:
    """Load a recipe or a study by its name, or from a Python file that defines `recipe` or `study`.

    Args:
        name: one of `list_recipes()`, or the path of a file that ends in `.py`.

    Raises:
        InputError: no such recipe or file, or a file that defines none.

    Example:
    >>> load_recipe("lenet5_digits").model
    'lenet5'
    """
    path, module = _run_file(name)
    for kind in (Recipe, Study):
        value = getattr(module, kind.__name__.lower(), None)
        if isinstance(value, kind):
            return value.replace(name=path.stem)
    raise InputError(
        f"{str(name)!r} defines no recipe: it must assign a cnnzoo.Recipe to the name 'recipe', "
        "or a cnnzoo.Study to 'study'"
    )


def load_space(name: str | Path) -> Callable[[Any], Any] | None:
    """Return a recipe file's function `space(hp)`, over which `cnnzoo.tune` searches, or `None` if it has none.

    Args:
        name: one of `list_recipes()`, or the path of a file that ends in `.py`.

    Raises:
        InputError: no such recipe or file, or its `space` is no function.

    Example:
    >>> load_space("lenet5_digits").__name__
    'space'
    """
    _, module = _run_file(name)
    space = getattr(module, "space", None)
    if space is not None and not callable(space):
        raise InputError(
            f"`space` in {str(name)!r} must be a function space(hp) that returns overrides. Received: {space!r}"
        )
    return space


def read_overrides(path: str | Path) -> dict[str, Any]:
    """Read overrides of a recipe from a JSON file, as `cnnzoo.tune` writes them.

    Args:
        path: a file with one object, whose keys are those of `--set`, such as `{"learning_rate": 0.003}`.

    Returns:
        The overrides, as `Recipe.override` takes them.

    Raises:
        InputError: there is no such file, or it holds something else.

    Example:
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "overrides.json"
    >>> _ = file.write_text('{"optimizer_options.weight_decay": 0.1}')
    >>> load_recipe("lenet5_mnist").override(read_overrides(file)).optimizer_options
    {'weight_decay': 0.1}
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the overrides in {str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"the overrides in {str(path)!r} are not valid JSON: {reason(error)}") from error
    if not isinstance(values, dict):
        raise InputError(
            f'{str(path)!r} must hold one JSON object of overrides, such as {{"learning_rate": 0.003}}. '
            f"Received: {values!r}"
        )
    return values


def _run_file(name: str | Path) -> tuple[Path, ModuleType]:
    """Run a recipe's file, and return its path and its module."""
    path = checks.path("recipe", name, "a Recipe, the name of one, or the path of a recipe file")
    if path.suffix != ".py":
        path = _folder() / f"{name}.py"
        if not path.is_file():
            raise unknown("recipe", name, list_recipes())
    if not path.is_file():
        raise InputError(f"there is no recipe file {str(name)!r}")
    spec = importlib.util.spec_from_file_location(f"cnnzoo_recipe_{path.stem}", path)
    assert spec is not None  # a .py file always has one
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return path, module


def _folder() -> Path:
    """Return the folder of the recipes: inside an installed wheel, beside the package in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parent / "recipes"
