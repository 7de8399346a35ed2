"""What the files of a run hold, as they are read: a file that others have changed is an error that names it."""

import csv
import json
from pathlib import Path
from typing import Any

from cnnzoo.errors import InputError, reason

NUMBER = (int, float)
# The type of each value that is read, in `recipe.json` and in `metrics.json`.
TYPES: dict[str, type | tuple[type, ...]] = {
    "variants": dict,
    "search": dict,
    "seeds": list,
    "versions": dict,
    "lengthened": list,
    "model": str,
    "study": str,
    "rows": list,
    "class_names": list,
    "image_shape": list,
    "test": dict,
    "validation": dict,
    "pretraining": dict,
    "skipped": dict,
    "principal_components": (dict, type(None)),  # of images on disk there are none
    "parameters": int,
    "fixed_parameters": int,
    "epochs": int,
    "test_examples": int,
    "validation_examples": int,
    "images_per_second": NUMBER,
    "train_seconds": NUMBER,
}

# Names that stand for something else in the two files.
OF_FILE: dict[str, dict[str, type]] = {
    "recipe.json": {"recipe": dict, "data": dict},
    "metrics.json": {"recipe": str, "data": str},
}


class Content(dict[str, Any]):
    """What a JSON file holds; a value that it lacks is an error that names the file."""

    def __init__(self, path: Path, values: dict[str, Any]):
        super().__init__(values)
        self._path = path

    def __missing__(self, name: str) -> Any:
        raise _damaged(self._path, f"it has no {name!r}")


def read_json(path: Path) -> Content:
    """Return what a JSON file of a run holds.

    Raises:
        InputError: the file is damaged, or is no mapping of names to values of their types.

    Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "metrics.json"
    >>> _ = path.write_text('{"epochs": 3}')
    >>> read_json(path)["epochs"]
    3
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, reason(error)) from error
    if not isinstance(values, dict):
        raise _damaged(path, f"it holds a {type(values).__name__}, not a mapping")
    types = TYPES | OF_FILE.get(path.name, {})
    for name, value in values.items():
        expected = types.get(name)
        if expected is not None and (not isinstance(value, expected) or isinstance(value, bool)):
            raise _damaged(path, f"{name!r} is a {type(value).__name__}")
        if name == "class_names" and not _are_texts(value):
            raise _damaged(path, f"{name!r} are not all texts")
    if path.name == "recipe.json" and not _is_identity(values.get("data")):
        raise _damaged(path, "'data' does not say of what images it is")
    return Content(path, values)


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _is_identity(data: dict[str, Any] | None) -> bool:
    """Return whether what was kept of a data set is all there, or nothing is."""
    if data is None:
        return True
    parts = [part for name, part in data.items() if name != "class_names"]
    return _are_texts(data.get("class_names")) and all(
        isinstance(part, dict) and isinstance(part.get("images"), int) and isinstance(part.get("digest"), str)
        for part in parts
    )


def read_history(path: Path) -> list[dict[str, float]]:
    """Return the rows of a CSV file, one for each completed epoch.

    Raises:
        InputError: the file is damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    except (ValueError, TypeError, csv.Error) as error:  # a text, a row of another length, no text file
        raise _damaged(path, reason(error)) from error


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"{str(path)!r} is damaged: {why}")
