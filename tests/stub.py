"""Write cnnzoo/__init__.pyi, which tells editors and type checkers where the public names come from.

    python tests/stub.py

At run time the names load on first use, which no type checker sees. `tests/test_public_names.py` compares.
"""

from pathlib import Path

import cnnzoo

PATH = Path(cnnzoo.__file__).with_suffix(".pyi")
WIDTH = 120


def stub() -> str:
    """Return what the file must hold."""
    lines = [f"from cnnzoo.{module} import {name} as {name}" for name, module in cnnzoo._DEFINED_IN.items()]
    lines += [f"from cnnzoo import {module} as {module}" for module in cnnzoo._MODULES]
    return "\n".join(
        [
            "# Written by `python tests/stub.py` out of the names in __init__.py.",
            *map(_wrapped, sorted(lines)),
            "",
            "__version__: str",
            "",
        ]
    )


def _wrapped(line: str) -> str:
    """Return a line as Ruff wraps it."""
    before, _, names = line.partition(" import ")
    return line if len(line) <= WIDTH else f"{before} import (\n    {names},\n)"


if __name__ == "__main__":
    PATH.write_text(stub(), encoding="utf-8")
    print(PATH)
