"""What a page consists of."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from cnnzoo.errors import InputError
from cnnzoo.plots import Picture


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of texts below their headings.

    Attributes:
        headings: one for each column.
        rows: as many texts each.
        caption: a sentence, or nothing.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Shown:
    """A picture on a page.

    Attributes:
        name: the name of its file, without an ending.
        picture: the figure.
        caption: what a reader should know to read it.
    """

    name: str
    picture: Picture
    caption: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        title: its heading.
        parts: pictures, tables, and paragraphs as texts, in their order.
    """

    title: str
    parts: Sequence[Shown | Table | str]


def drawn(name: str, caption: str, draw: Callable[[], Picture]) -> Shown | str:
    """Return a picture, or a sentence that says why there is none: a page must not fail for one of its pictures.

    Args:
        name: the name of its file.
        caption: what a reader should know to read it.
        draw: what makes it.

    Example:
    >>> from cnnzoo import plots
    >>> drawn("filters", "The filters.", lambda: plots.variants([]))
    'Not drawn (filters): rows must be those of a finished study, and there are none.'
    """
    try:
        return Shown(name, draw(), caption)
    except InputError as error:
        return f"Not drawn ({name}): {error}."
