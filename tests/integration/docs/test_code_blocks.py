"""Blocks that are neither Python nor commands show what is there: tables are printed so, folders are read so.

The other blocks are run by test_python_blocks.py and test_stories.py, and docs/course by test_course.py.
"""

import inspect
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import cnnzoo
from tests import processes
from tests.integration.docs import test_stories
from tests.integration.docs.blocks import DOCUMENTS, ROOT, inline_code, other_blocks, python_blocks
from tests.integration.docs.photographs import CLASSES, write_photographs
from tests.integration.docs.scripts import run_script


def info(*arguments):
    """Return what `cnnzoo info` prints, in a process of its own, which alone holds 60 million weights."""
    ended = processes.run(["-m", "cnnzoo", "info", *arguments])
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def plain(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def is_the_table_of_alexnet(block, **_):
    assert {*plain(block.text)} <= {*plain(info("alexnet"))}
    printed = info("alexnet", "--input", "224")
    [warning] = [code for code in inline_code("docs/concepts/arithmetic.md") if code.endswith("is not whole")]
    assert f"(W − F + 2P)/S = {warning}" in printed
    assert "223 or 227" in printed


def is_what_scaling_prints(block, capsys, **_):
    run_script("benchmarks/scaling.py")
    assert capsys.readouterr().out.strip() == block.text.strip()


def is_what_the_blocks_above_print(block, capsys, **_):
    """Check what the last of them prints; the first one prints more, which test_python_blocks.py looks at."""
    above = [part for part in python_blocks("docs/concepts/layerwise_pretraining.md") if part.line < block.line]
    names = {"cnnzoo": cnnzoo, "keras": keras}
    for part in above[1:]:
        capsys.readouterr()
        exec(part.text, names)
    assert capsys.readouterr().out.strip() == block.text.strip()


def are_folders_that_are_read(block, tmp_path, **_):
    """Check both layouts: with `train`, `val` and `test`, and with class folders alone."""
    drawn = " ".join(re.findall(r"\w+(?=/)", block.text))
    assert drawn == "photos photos train cat cat dog dog val test"
    counts = {"train": 10, "val": 2, "test": 3}
    write_photographs(tmp_path / "splits" / "photos", counts, size=40)
    write_photographs(tmp_path / "classes" / "photos", {"": 10}, size=40)
    splits, classes = (
        cnnzoo.data.load(tmp_path / name / "photos", image_size=(40, 40)) for name in ("splits", "classes")
    )
    assert splits.class_names == classes.class_names == CLASSES
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [20, 4, 6]
    assert (len(classes.train), classes.validation, len(classes.test)) == (16, None, 4)  # a fifth is for testing


def is_printed_in_a_story(block, **_):
    """Check that test_stories.py compares it with what the command prints."""
    calls = re.findall(r'shows_what_is_printed\(here, "(.+?)"', inspect.getsource(test_stories))
    assert [words in block.text for words in calls].count(True) == 1


CHECKS = {
    ("README.md", "run folder runs/lenet5_digits/1"): is_printed_in_a_story,
    ("README.md", "docs/digit.png: 5"): is_printed_in_a_story,
    ("docs/concepts/arithmetic.md", "layer type W F S P"): is_the_table_of_alexnet,
    ("docs/concepts/layerwise_pretraining.md", "(64, 100) binary linear"): is_what_the_blocks_above_print,
    ("docs/concepts/layerwise_pretraining.md", "(50, 8, 8, 16) 1 True"): is_what_the_blocks_above_print,
    ("docs/how_to/images.md", "├── train/"): are_folders_that_are_read,
    ("docs/how_to/devices.md", "gradients, 243.9 MB"): is_what_scaling_prints,
}
BLOCKS = [(document, block) for document in DOCUMENTS for block in other_blocks(document)]


@pytest.mark.parametrize(("document", "block"), BLOCKS, ids=[f"{document}:{block.line}" for document, block in BLOCKS])
def test_what_is_shown_is_there(document, block, capsys, tmp_path):
    text = " ".join(block.text.split())
    [check] = [check for (name, words), check in CHECKS.items() if name == document and words in text]
    check(block, capsys=capsys, tmp_path=tmp_path)


def test_every_check_has_its_block():
    assert len(BLOCKS) == len(CHECKS)


def test_a_script_asserts_what_shifts_along_and_draws_the_picture(tmp_path, capsys):
    script, picture = (f"docs/concepts/translation_equivariance.{suffix}" for suffix in ("py", "png"))
    assert script in inline_code("docs/concepts/arithmetic.md")
    run_script(shutil.copy(ROOT / script, tmp_path))
    assert "all as expected" in capsys.readouterr().out
    paths = (tmp_path / Path(picture).name, ROOT / picture)
    made, shown = (np.asarray(Image.open(path).convert("RGB"), "float32") for path in paths)
    assert np.abs(made - shown).mean() < 2


@pytest.mark.parametrize("document", DOCUMENTS)
def test_names_in_the_text_exist(document):
    for code in inline_code(document):
        for name in re.findall(r"\bcnnzoo(?:\.\w+)+", code):
            found = cnnzoo
            for part in name.split(".")[1:]:
                found = getattr(found, part)
