"""Finding recipes: one plain Python file an experiment."""

import ast
import importlib.util
from pathlib import Path

from cnnzoo.errors import InputError, unknown
from cnnzoo.recipe.recipe import Recipe
from cnnzoo.recipe.study import Study


def list_recipes() -> dict[str, str]:
    """Return the recipes that come with cnnzoo: name and first line of its docstring.

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
    path = Path(name)
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
    for kind in (Recipe, Study):
        found = getattr(module, kind.__name__.lower(), None)
        if isinstance(found, kind):
            return found.replace(name=path.stem)
    raise InputError(
        f"{str(name)!r} defines no recipe: it must assign a cnnzoo.Recipe to the name 'recipe', "
        "or a cnnzoo.Study to 'study'"
    )


def _folder() -> Path:
    """Return the folder of the recipes: inside an installed wheel, beside the package in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parent / "recipes"
