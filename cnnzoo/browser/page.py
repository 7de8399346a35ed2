"""One HTML file of the page's parts: no address in it is fetched."""

import base64
import html
import json
import re
import zlib
from pathlib import Path
from typing import Any

from cnnzoo.browser.block import Block
from cnnzoo.files import atomic_write, make_folder

STATIC = Path(__file__).parent / "static"
IMPORT = re.compile(r"^import\b[^;]*;\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function|const|let|class)", re.MULTILINE)
END_OF_ENGINE = "// === The engine ends here; what follows is the page. ==="


def write_page(path: Path, payload: dict[str, Any], block: Block) -> None:
    """Write the page, atomically.

    Args:
        path: the file; its folder is made.
        payload: what `static/engine/payload.js` describes.
        block: the numbers that the payload points into.

    Raises:
        InputError: the file cannot be written.
    """
    make_folder(path.parent)
    with atomic_write(path) as part:
        part.write_text(page_text(payload, block), encoding="utf-8")


def page_text(payload: dict[str, Any], block: Block) -> str:
    """Return the page as text.

    Example:
    >>> page_text({"title": "a </script> net", "models": []}, Block("float16")).count("a </script> net")
    0
    """
    parts = {
        "title": html.escape(str(payload["title"])),
        "style": "\n".join(_read(name) for name in _listed("styles.txt")),
        "payload": _in_script(json.dumps(payload, ensure_ascii=False, separators=(",", ":"))),
        "bytes": base64.b64encode(zlib.compress(block.content())).decode(),
        "program": joined_modules(),
    }
    # In one go, so that nothing in a part is taken for the place of another.
    return re.sub(r"<!--(\w+)-->", lambda found: parts.get(found[1], found[0]), _read("page.html"))


def joined_modules() -> str:
    """Return the modules of `static/modules.txt` as one: without imports and exports, the engine first.

    They share one scope, so that no two of them may give a function the same name.
    """
    names = _listed("modules.txt")
    engine = [name for name in names if name.startswith("engine/")]
    page = [name for name in names if name not in engine]
    return _in_script("\n".join([*map(_module, engine), END_OF_ENGINE, *map(_module, page)]))


def _module(name: str) -> str:
    return f"// {name}\n{EXPORT.sub('', IMPORT.sub('', _read(name)))}"


def _in_script(text: str) -> str:
    """Return text that ends no script: `<` is the same in a string of JSON or JavaScript when it is escaped."""
    return re.sub(r"<(?=/?script|!--)", r"\\u003c", text, flags=re.IGNORECASE)


def _listed(name: str) -> list[str]:
    return [line for line in _read(name).splitlines() if line and not line.startswith("#")]


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
