"""Values as they are written on the command line."""

import ast
from collections.abc import Iterable
from typing import Any

from cnnzoo.errors import InputError


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Return `key=value` texts as a mapping; a value is a Python literal, else a text.

    Raises:
        InputError: a text is not of that form.

    Example:
    >>> parse_settings(["epochs=5", "augment=affine", "image_size=32,32"])
    {'epochs': 5, 'augment': 'affine', 'image_size': (32, 32)}
    """
    parsed = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not (key and equals):
            raise InputError(f"a setting is written key=value, such as epochs=5, not {setting!r}")
        try:
            parsed[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            parsed[key] = text  # an unquoted word
    return parsed
