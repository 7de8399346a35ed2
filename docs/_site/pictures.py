"""Pictures for both themes: the reader's choice on the page counts, whatever the system's color scheme is.

A picture of `cnnzoo.reports.page.svg` has dark lines, or light ones where the system is dark; which of both a browser
draws inside of an `<img>` depends on the browser. So the site holds each picture twice, with its lines fixed, and
site.css shows the one of the theme. Of other pictures the white margin becomes gray in the dark theme. No color of data
changes in either.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from PIL import Image, ImageSequence
from scipy import ndimage
from sphinx.writers.html5 import HTML5Translator

LIGHT, DARK = "#1c1e21", "#e4e6eb"  # the lines in the light and in the dark theme
PLATE = (206, 211, 218)  # the margin of a raster picture in the dark theme
ADAPTS = re.compile(r"<style>svg\{color:#\w+;fill:currentColor\}@media.*?</style>")
TWICE = (".svg", ".png", ".gif")


def visit_image(translator: Any, node: nodes.image) -> None:
    """Write a picture's two tags, of which one is shown."""
    HTML5Translator.visit_image(translator, node)
    uri = node["uri"]
    if uri.endswith(TWICE) and "://" not in uri:
        tag = translator.body.pop()
        for theme in ("light", "dark"):
            shown = tag.replace(f'src="{uri}"', f'src="{_variant(uri, theme)}"')
            translator.body.append(shown.replace("<img ", f'<img data-shown="{theme}" ', 1))


def depart_image(translator: Any, node: nodes.image) -> None:
    """Close what `visit_image` opened."""
    HTML5Translator.depart_image(translator, node)


def _variant(uri: str, theme: str) -> str:
    stem, _, ending = uri.rpartition(".")
    return f"{stem}.{theme}.{ending}"


def write(app: Any, exception: Exception | None) -> None:
    """Write both variants of each picture beside it."""
    folder = Path(app.outdir) / app.builder.imagedir
    if exception or app.builder.format != "html" or not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix not in TWICE or path.stem.endswith((".light", ".dark")):
            continue
        for theme in ("light", "dark"):
            variant = folder / _variant(path.name, theme)
            if variant.is_file() and variant.stat().st_mtime >= path.stat().st_mtime:
                continue
            if path.suffix == ".svg":
                variant.write_text(with_lines(path.read_text("utf-8"), LIGHT if theme == "light" else DARK), "utf-8")
            elif theme == "light":
                variant.write_bytes(path.read_bytes())
            else:
                first, *others = [_darker(frame) for frame in ImageSequence.Iterator(Image.open(path))]
                moving = {"save_all": True, "append_images": others, "loop": 0} if others else {}
                first.save(variant, optimize=True, **moving)


def _darker(frame: Image.Image) -> Image.Image:
    """Return a picture, or one of an animation, with a gray margin."""
    darker = Image.fromarray(on_a_plate(np.asarray(frame.convert("RGB")))).quantize(256)
    darker.info |= {key: value for key, value in frame.info.items() if key == "duration"}
    return darker


def with_lines(svg: str, color: str) -> str:
    """Return a picture whose lines have one color, in every color scheme.

    Example:
    >>> from cnnzoo.reports.page import ADAPTS as style
    >>> with_lines(f"<svg>{style}</svg>", "#123456")
    '<svg><style>svg{color:#123456;fill:currentColor}@media print{svg{color:#000}}</style></svg>'
    """
    fixed = f"<style>svg{{color:{color};fill:currentColor}}@media print{{svg{{color:#000}}}}</style>"
    return ADAPTS.sub(fixed, svg, count=1)


def on_a_plate(pixels: np.ndarray) -> np.ndarray:
    """Return a picture whose margin is gray: white that is connected with its border, and the letters' edges in it.

    Args:
        pixels: `(height, width, 3)`, uint8.

    Returns:
        An array of the same shape.
    """
    labels, _ = ndimage.label((pixels == 255).all(axis=-1), structure=np.ones((3, 3)))
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    margin = np.isin(labels, np.unique(edges[edges > 0]))
    gray = np.ptp(pixels.astype(int), axis=-1) < 12
    margin |= ndimage.binary_dilation(margin, np.ones((3, 3)), iterations=2) & gray
    plate = pixels * (np.array(PLATE) / 255)
    return np.where(margin[..., None], plate.round().astype(np.uint8), pixels)


def setup(app: Any) -> None:
    """Write pictures in this way."""
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    app.connect("build-finished", write)
