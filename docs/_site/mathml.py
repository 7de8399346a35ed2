"""Formulas as MathML, made when the site is built: every browser draws it, and nothing is loaded for it."""

from typing import Any

import latex2mathml.converter
from docutils import nodes


def visit_math(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(latex2mathml.converter.convert(node.astext()))
    raise nodes.SkipNode


def visit_displaymath(translator: Any, node: nodes.math_block) -> None:
    """Write a formula in a paragraph of its own."""
    translator.body.append(f"<div>{latex2mathml.converter.convert(node.astext(), display='block')}</div>")
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Make it the way in which HTML shows formulas."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    app.config.html_math_renderer = "mathml"
