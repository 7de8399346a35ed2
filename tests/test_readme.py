"""README.md: what it says of the package, its links, and the form in which a package index shows it."""

import re
import tomllib
from pathlib import Path

import pytest

import cnnzoo
from tests.models.test_contract import PARAMETERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ADDRESS = SETTINGS["project"]["urls"]["Repository"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
WORDS = {5: "five"}


def rows(head, text=README):
    """Return the cells of the rows of the table whose head begins so."""
    table = text.partition(f"| {head}")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def on_an_index(text):
    """Return the text as the package's metadata have it."""
    hook = SETTINGS["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert hook["fragments"] == [{"path": "README.md"}]
    for each in hook["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    return text


def test_the_two_commands_stand_on_the_first_screen():
    screen = README[: README.index("\n## ")].splitlines()
    assert len(screen) <= 30
    assert "pip install -e . && cnnzoo train lenet5_digits" in screen
    assert "pip install -e '.[dev]' && pytest" in screen


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(document):
    links = [link for link in LINK.findall((ROOT / document).read_text("utf-8")) if "://" not in link]
    assert document != "README.md" or len(links) > 10
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []


def test_an_index_gets_whole_addresses():
    relative, whole = LINK.findall(README), LINK.findall(on_an_index(README))
    assert whole == [
        f"{ADDRESS}/{'raw' if link.endswith('.png') else 'blob'}/main/{link}" if "://" not in link else link
        for link in relative
    ]
    assert f"git clone {ADDRESS} && cd cnnzoo" in README


def test_pictures_are_small_and_have_words():
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)
    assert len(pictures) >= 2
    for words, path in pictures:
        assert len(words) > 40
        assert path.endswith((".png", ".jpg"))  # an index shows no SVG
        assert (ROOT / path).stat().st_size <= 100_000


def test_extras_are_those_of_the_package():
    named = {name for first, _ in rows("extra, as in") for name in re.findall(r"`(\w+)`", first)}
    assert named == SETTINGS["project"]["optional-dependencies"].keys() - {"mutation", "test"}


def test_models_are_counted_and_have_their_parameters():
    trained = {entry.model for entry in cnnzoo.weights.list()}
    assert f"{len(cnnzoo.list_models())} models, {WORDS[len(trained)]} of them trained" in README
    for model, _, parameters, pretrained, _ in rows("model | paper"):
        name, *others = re.findall(r"`(\w+)\*?`", model)
        if others and name in PARAMETERS:  # `all_cnn_a` `_b` `_c`
            names = [name, *(name[:-2] + end for end in others)]
            assert parameters.split() == [f"{PARAMETERS[each]:,}" for each in names]
        elif name in PARAMETERS:
            assert parameters == f"{PARAMETERS[name]:,}"
        assert (name in trained) == (pretrained != "–") or name == "alexnet_owt"  # with torchvision's weights


def test_results_are_those_of_the_page_of_results():
    page = {row[0]: row for row in rows("recipe | net", (ROOT / "docs/results/index.md").read_text("utf-8"))}
    shown = rows("recipe | metric")
    assert len(shown) == 6
    for recipe, metric, figure, n, paper in shown:
        assert page[recipe][3:6] == [metric, figure, n]
        assert page[recipe][7] == paper
