"""Write sections as a page in one file, and its pictures as files."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2
from matplotlib import rc_context

from cnnzoo.files import atomic_write, make_folder
from cnnzoo.plots import Picture
from cnnzoo.reports.sections import PagePicture, Section, Table

PICTURES = "pictures"  # the folder of the picture files
BLACK = re.compile(r"#000000\b")
# Black parts take the color of the page's text, in the light and the dark scheme, also inside of an <img>.
ADAPTS = (
    "<style>svg{color:#1c1e21;fill:currentColor}"
    "@media (prefers-color-scheme:dark){svg{color:#e4e6eb}}"
    "@media print{svg{color:#000}}</style>"
)


def write_page(
    folder: Path,
    title: str,
    summary: Sequence[str],
    sections: Sequence[Section],
    links: Mapping[str, str] | None = None,
) -> Path:
    """Write `report.html`, and each of its pictures as SVG and PNG into `pictures`, each file atomically.

    Args:
        folder: the folder to write to.
        title: the page's title.
        summary: sentences below it.
        sections: the sections of the page.
        links: files beside the page, each with what it is.

    Returns:
        The page's path.

    Raises:
        InputError: the folder cannot be written to.
    """
    make_folder(folder / PICTURES)
    written = {}
    for part in (part for section in sections for part in section.parts if isinstance(part, PagePicture)):
        vector = svg(part.picture)
        _write(folder / PICTURES / f"{part.name}.svg", vector)
        part.picture.set_layout_engine("none")  # it is laid out already
        _write(folder / PICTURES / f"{part.name}.png", png(part.picture))
        written[part.name] = "data:image/svg+xml;base64," + base64.b64encode(vector).decode()
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cnnzoo.reports", ""), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.tests["picture"] = lambda part: isinstance(part, PagePicture)
    environment.tests["table"] = lambda part: isinstance(part, Table)
    text = environment.get_template("page.html").render(
        title=title, summary=summary, sections=sections, sources=written, links=links or {}
    )
    path = folder / "report.html"
    _write(path, text.encode("utf-8"))
    return path


def svg(picture: Picture) -> bytes:
    """Return a picture as SVG with a transparent background, whose black parts are light in the dark color scheme.

    It holds no date and no address but those of its name spaces.

    Example:
    >>> from cnnzoo import plots
    >>> b"currentColor" in svg(plots.learning_curves({"loss": [2.0, 1.0]}))
    True
    """
    file = io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context({"svg.hashsalt": "cnnzoo"}):  # the same picture gives the same file
        picture.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue().decode("utf-8")
    text = text[text.index("<svg") :]  # without the reference to a document type
    head, end, rest = text.partition(">")
    return (head + end + ADAPTS + BLACK.sub("currentColor", rest)).encode("utf-8")


def png(picture: Picture) -> bytes:
    """Return a picture as PNG on white.

    Example:
    >>> from cnnzoo import plots
    >>> png(plots.learning_curves({"loss": [2.0, 1.0]}))[1:4]
    b'PNG'
    """
    file = io.BytesIO()
    picture.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return file.getvalue()


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as part:
        part.write_bytes(content)
