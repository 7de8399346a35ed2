"""Callbacks of Keras by their names on the command line: those of trackers, and the user's own."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnzoo.errors import InputError, reason, unknown

if TYPE_CHECKING:
    import keras

OPTION = "--callback"


def check_names(names: Sequence[str]) -> None:
    """Check that names have the form `module:NAME`, and that there are such modules; none is imported.

    A module of the working directory is found after those that are installed.

    Raises:
        InputError: a name is none.

    Example:
    >>> check_names(["keras.callbacks:TerminateOnNaN"])
    """
    if names and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    for text in names:
        module, colon, name = text.partition(":")
        if not (colon and name.isidentifier() and all(part.isidentifier() for part in module.split("."))):
            raise InputError(f"`{OPTION}` must be module:NAME, such as keras.callbacks:CSVLogger. Received: {text!r}")
        try:
            found = importlib.util.find_spec(module.partition(".")[0])
        except (ImportError, ValueError):
            found = None
        if found is None:
            raise InputError(f"`{OPTION}` {text!r}: there is no module {module.partition('.')[0]!r} to import")


def factory(text: str) -> "Callable[[], keras.callbacks.Callback]":
    """Return a function that makes the callback of a name, `module:NAME`, and checks that it is one.

    Raises:
        InputError: the module cannot be imported, or has nothing of that name that could make a callback. The function
            raises it, too: what is made is no callback, or takes arguments.

    Example:
    >>> type(factory("keras.callbacks:TerminateOnNaN")()).__name__
    'TerminateOnNaN'
    """
    module_name, _, name = text.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InputError(f"`{OPTION}` {text!r}: {module_name!r} cannot be imported: {reason(error)}") from error
    if not hasattr(module, name):
        public = [each for each in dir(module) if not each.startswith("_")]
        raise InputError(f"`{OPTION}` {text!r}: {unknown(f'name in {module_name}', name, public)}")
    made_by: Any = getattr(module, name)
    if not callable(made_by):
        raise _none(text, made_by)

    def made() -> "keras.callbacks.Callback":
        import keras

        try:
            callback = made_by()
        except TypeError as error:
            raise InputError(
                f"`{OPTION}` {text!r} cannot be called without arguments: {reason(error)}; write a function that "
                "returns the callback, and give its name"
            ) from error
        if not isinstance(callback, keras.callbacks.Callback):
            raise _none(text, callback)
        return callback

    return made


def _none(text: str, value: Any) -> InputError:
    return InputError(
        f"`{OPTION}` {text!r} must be a class of keras.callbacks.Callback, or a function that returns one. "
        f"Received: {value!r:.100}"
    )
