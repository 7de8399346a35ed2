"""Docstrings as Sphinx reads them: ours are written for editors and for Python's `help`, with `name` for code.

Napoleon takes the sections apart after this.
"""

import inspect
import re
from typing import Any

import keras
from sphinx.util.inspect import stringify_signature

_CODE = re.compile(r"(`[^`]*`)")
_SECTION = re.compile(r"(Args|Attributes|Call arguments|Raises|Returns|Yields|Example|Examples|Note|Warning):$")


def prepare(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place: examples as blocks of their own, results without a type, signs as they are."""
    written: list[str] = []
    section = ""
    for line in lines:
        if found := _SECTION.match(line):
            section = found[1]
            if section.startswith("Example"):
                written += [".. rubric:: Example", ""]
                continue
            if section in ("Returns", "Yields"):  # Napoleon would take words before a colon for a type
                written += [f":{section.lower()}:"]
                continue
        elif line and not line.startswith((" ", ">", ".")):
            section = ""
        written.append(line if _is_code(line, section) else escaped(line))
    lines[:] = written


def _is_code(line: str, section: str) -> bool:
    return section.startswith("Example") or line.lstrip().startswith(">>>")


def escaped(line: str) -> str:
    r"""Return a line in which |x| and **options are what they are, and no markup.

    Example:
    >>> print(escaped("the sum of |x| over `a|b`, and **options"))
    the sum of \|x\| over `a|b`, and \*\*options
    """
    parts = _CODE.split(line)
    return "".join(part if part.startswith("`") else re.sub(r"[|*]", r"\\\g<0>", part) for part in parts)


def signature(app: Any, what: str, name: str, value: Any, options: Any, written: str, returns: str) -> Any:
    """Return the signature of a class of Keras' kind: that of `__init__`, which Keras' `__new__` hides."""
    if what != "class" or not issubclass(value, KERAS):
        return None
    found = (inspect.signature(vars(kind)["__init__"]) for kind in value.__mro__ if "__init__" in vars(kind))
    known = next(each for each in found if [*each.parameters] != ["self", "args", "kwargs"])
    shown = known.replace(parameters=[*known.parameters.values()][1:])
    return stringify_signature(shown, show_annotation=False, show_return_annotation=False), returns


KERAS = (keras.Layer, keras.Operation, keras.optimizers.Optimizer, keras.losses.Loss, keras.metrics.Metric)


def setup(app: Any) -> None:
    """Come before Napoleon."""
    app.connect("autodoc-process-docstring", prepare, priority=400)
    app.connect("autodoc-process-signature", signature)
