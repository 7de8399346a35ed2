"""What `docs/_site` makes of documents: the examples of its docstrings, blocks, pictures and signatures."""

import doctest
import importlib
import sys

import keras
import numpy as np
import pytest

import cnnzoo
from tests.processes import ROOT

sys.path.insert(0, str(ROOT / "docs" / "_site"))
pytest.importorskip("sphinx", reason="needs the extra `docs`")
MODULES = sorted(path.stem for path in (ROOT / "docs" / "_site").glob("*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_hold(name):
    pytest.importorskip("latex2mathml")
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_output_is_marked_below_what_is_run_in_its_section():
    blocks = importlib.import_module("blocks")
    from docutils import nodes
    from docutils.utils import new_document

    def block(language, text):
        return nodes.literal_block(text, text, language=language)

    page = new_document("page")
    drawing, command, printed, elsewhere, other = (
        block("text", "photos/"),
        block("console", "cnnzoo list"),
        block("text", "lenet5"),
        block("text", "layer {}"),
        block("text", "a file"),
    )
    first, second = nodes.section("", drawing, command, printed), nodes.section("", other)
    first += [nodes.comment("", "not run: another library"), elsewhere]
    page += [first, second]
    blocks.mark(None, page)
    assert [each["classes"] for each in (drawing, printed, elsewhere, other)] == [[], ["output"], [], []]
    assert command.astext() == command.rawsource == "$ cnnzoo list"


def test_only_the_margin_of_a_picture_becomes_gray():
    pictures = importlib.import_module("pictures")
    pixels = np.full((40, 40, 3), 255, np.uint8)
    pixels[10:30, 10:30] = 0  # a frame
    pixels[12:28, 12:28] = 255, 200, 0  # data
    pixels[18:22, 18:22] = 255  # white that is data
    gray = pictures.on_a_plate(pixels)
    assert (gray[:10] == pictures.PLATE).all()
    assert (gray[12:28, 12:28] == pixels[12:28, 12:28]).all()


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (cnnzoo.layers.RadialBasis, "centers"),
        (cnnzoo.layers.ColumnConv2D, "strides=(1, 1)"),
        (keras.losses.MeanSquaredError, "name="),
    ],
)
def test_a_class_of_keras_kind_shows_what_its_init_takes(kind, shown):
    docstrings = importlib.import_module("docstrings")
    arguments, _ = docstrings.signature(None, "class", "", kind, None, "", "")
    assert shown in arguments
    assert "self" not in arguments
