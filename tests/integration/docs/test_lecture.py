"""docs/lecture.md: every command in it runs, its pictures are those that come out, the notebook is the same text.

What blocks print is compared with the text block below them by the walk itself. At smoke size a training has no result
to compare: its metrics are finite, and its pictures are described by the document's words, with other numbers.
"""

import ast
import builtins
import json
import math
import os
import re
import shlex
import sys
from pathlib import Path

import nbformat
import pytest

import cnnzoo
from cnnzoo import plots
from tests import processes

DOCS = processes.ROOT / "docs"
sys.path.insert(0, str(DOCS))  # its scripts import one another
import lecture_notebook  # noqa: E402
from walk import SAVED, Walk, parts  # noqa: E402

TEXT = (DOCS / "lecture.md").read_text("utf-8")
PARTS = parts(TEXT)
PROSE = "\n".join(part.text for part in PARTS if part.kind == "markdown")
SHOWN = {path: " ".join(words.split()) for words, path in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", PROSE)}
MADE = {part.picture for part in PARTS if part.picture}
# What these draw is the same on every machine and after every training.
CALCULATED = {
    "edges.png", "stride.svg", "padding.svg", "alexnet_224.svg", "sharing.svg", "pooling.svg",
    "overlapping.svg", "fields.svg", "costs.svg", "thirty_numbers.svg",
}  # fmt: skip
BY_HAND = {"denoising_filters.png", "sliding.gif", "maps.svg"}  # described by more than a picture knows of itself
NUMBER = re.compile(r"−?\d(?:[\d,.]*\d)?")
IDEAS = (
    "deep nets", "autoencoders", "principal components", "deeper", "compression", "denoising", "one layer at a time",
    "convolution", "stride", "padding", "sharing weights", "pooling", "lenet-5", "alexnet",
)  # fmt: skip


@pytest.fixture(scope="module", params=["mnist", pytest.param("mnist, photographs", marks=pytest.mark.slow)])
def walked(request, tmp_path_factory, photo_folder):
    """Return what was done by one walk through the document at smoke size, in a process, its folder, and what it had.

    The block for photographs trains AlexNet on them, which takes a quarter as long as all others together; its recipe
    runs in experiments/test_smoke_runs.py, too.
    """
    folder = tmp_path_factory.mktemp("walk")
    there = {"photographs"} & {*request.param.split(", ")}
    if (Path(os.environ.get("TFDS_DATA_DIR", "")) / "mnist").is_dir():
        there.add("mnist")
    photographs = ["--photographs", photo_folder] if "photographs" in there else []
    ended = processes.run([DOCS / "walk.py", folder, "--smoke", "--one-process", *photographs])
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    for path in (folder / "runs").rglob("*"):
        if path.is_file() and path.name != "metrics.json":
            path.unlink()  # AlexNet's alone take more than a gigabyte
    return json.loads((folder / "walked.json").read_text("utf-8")), folder, there


def test_every_command_runs(walked):
    done, _, there = walked
    assert [each["line"] for each in done] == [part.line for part in PARTS if part.runs]
    left_out = {part.line for part in PARTS if part.runs and part.needs not in {"", *there}}
    assert {each["line"] for each in done if each["left_out"]} == left_out


def test_every_picture_comes_out(walked):
    done, folder, _ = walked
    for each in done:
        if name := each.get("picture"):
            assert each["alternative"]
            head = (folder / name).read_bytes()[:6]
            assert head.startswith({".svg": b"<svg", ".png": b"\x89PNG", ".gif": b"GIF89a"}[Path(name).suffix])


def test_every_training_has_finite_metrics_and_runs_are_compared(walked):
    _, folder, there = walked
    trained = 0
    for part in PARTS:
        if part.kind != "console" or part.needs not in {"", *there}:
            continue
        for words in map(shlex.split, part.text.splitlines()):
            if words[:2] == ["cnnzoo", "train"]:
                run = words[words.index("--workdir") + 1] if "--workdir" in words else f"runs/{words[2]}/1"
                metrics = json.loads((folder / run / "metrics.json").read_text("utf-8"))
                assert all(math.isfinite(value) for value in results(metrics)), run
                trained += 1
    assert trained >= 5
    if "mnist" in there:
        assert "lenet5_mnist" in (folder / "report" / "report.html").read_text("utf-8")


def results(metrics):
    """Return the test metrics of a run, or the errors of a study."""
    if "rows" in metrics:
        return [error for row in metrics["rows"] for error in row["errors"]]
    return metrics["test"].values()


def test_pictures_are_described_as_they_describe_themselves(walked):
    """Those of trainings but for their numbers, which are others at smoke size."""
    done, _, _ = walked
    said = {each["picture"]: " ".join(each["alternative"].split()) for each in done if each.get("picture")}
    assert said.keys() >= CALCULATED - {"thirty_numbers.svg"}
    for name in said.keys() - BY_HAND:
        shown = SHOWN[f"lecture/{name}"]
        if name in CALCULATED:
            assert shown == said[name]
        else:
            assert NUMBER.sub("#", shown) == NUMBER.sub("#", said[name])


def test_pictures_shown_are_those_that_blocks_make():
    assert {f"lecture/{name}" for name in MADE} == set(SHOWN)
    assert {path.name for path in (DOCS / "lecture").iterdir()} == MADE
    assert all(SAVED.match(part.text.splitlines()[-1]) for part in PARTS if part.picture)  # a notebook shows it there
    assert sum(path.stat().st_size for path in (DOCS / "lecture").iterdir()) <= 1.5e6


def test_every_picture_has_an_alternative():
    assert {path: words for path, words in SHOWN.items() if len(words) < 40} == {}


def test_links_resolve():
    for target in re.findall(r"\]\(([^)#]*)\)", PROSE):
        assert (DOCS / target).exists(), target


def test_ideas_of_the_lecture_come_in_their_order():
    titles = "\n".join(re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)).lower()
    places = [titles.find(idea) for idea in IDEAS]
    assert min(places) >= 0
    assert places == sorted(places)


def test_commands_are_safe_to_type():
    for part in PARTS:
        for line in part.text.splitlines() if part.kind == "console" else ():
            words = shlex.split(line)
            assert words[0] == "cnnzoo"
            bare = re.sub(r'"[^"$`\\!]*"', "", line)  # what a shell would take for its own stands in quotes
            assert not re.search(r"[()<>|&;$`*?!{}\[\]~'\\]", bare), line
    for command in re.findall(r"`(cnnzoo (?:train|tune|report|evaluate|export|serve)[^`]*)`", PROSE):
        pytest.fail(f"{command!r} is in the text, where nothing runs it")


def test_what_needs_mnist_is_marked():
    """Without MNIST, no block that is run may use a name or a run of one that is left out."""
    for needs in ("", "mnist"):
        known = set(dir(builtins))
        for part in PARTS:
            if part.kind != "python" or part.needs not in ("", needs):
                continue
            names = [node for node in ast.walk(ast.parse(part.text)) if isinstance(node, ast.Name)]
            known |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
            known |= {
                alias.asname or alias.name.partition(".")[0]
                for node in ast.walk(ast.parse(part.text))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names
            }
            assert {node.id for node in names} <= known, part.line
    for part in PARTS:
        assert part.needs == "mnist" or not part.runs or "mnist" not in part.text, part.line


def test_suggested_settings_can_be_set():
    suggested = re.findall(r'`--set "([^"]*)"`', PROSE)
    assert suggested
    for setting in suggested:
        name = "stacked_denoising_digits" if setting.startswith("pretraining") else "mlp_mnist"
        key, _, entry = setting.partition("=")[0].partition(".")
        assert entry in getattr(cnnzoo.load_recipe(name).override([setting]), key)


def test_suggested_pictures_can_be_drawn():
    assert "stride=3" in PROSE
    assert "unread" in plots.sliding_window(7, 3, stride=3).alternative
    assert plots.pooling([[1, 3], [2, 0]], kind="average").alternative
    assert plots.convolved([[0, 0, 1], [0, 1, 0], [1, 0, 0]], [[0, 1], [-1, 0]]).alternative


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("```console\nrm -rf runs\n```", "commands of cnnzoo, curl and python only, not 'rm -rf runs'"),
        ("```console\ncnnzoo train no_such_recipe\n```", "cnnzoo train no_such_recipe --smoke ended with 2"),
        ("```python\nprint(1)\n```\n\n```text\n2\n```", "not what the block above prints: '2'"),
        ("```python\n```\n\n```text\n2\n```", "not what the block above prints: '2'"),
    ],
)
def test_a_walk_stops_at_what_goes_wrong(document, words):
    walk = Walk(smoke=True, keep=False, one_process=True, photographs=None, pictures=None)
    with pytest.raises(SystemExit, match=re.escape(words)):
        walk.through(parts(document))


def test_what_cannot_be_had_is_left_out_with_a_reason(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    walk = Walk(smoke=True, keep=False, one_process=True, photographs=None, pictures=None)
    walk.through(
        parts("<!-- needs: mnist -->\n```python\n1 / 0\n```\n\n```text\nnothing\n```\n\n```python\nprint('on')\n```")
    )
    assert walk.done[0]["left_out"] == f"there is no mnist in {tmp_path}"
    assert capsys.readouterr().out.endswith("on\n")


def test_a_marked_need_holds_for_one_block():
    assert [
        (part.kind, part.needs, part.line) for part in parts("<!-- needs: mnist -->\n```python\n1\n```\nand\n")
    ] == [
        ("python", "mnist", 3),
        ("markdown", "", 5),
    ]


def test_the_notebook_is_what_the_document_makes():
    assert (DOCS / "lecture.ipynb").read_text("utf-8") == lecture_notebook.notebook(TEXT)


def test_the_notebook_is_valid_and_its_code_compiles():
    made = nbformat.read(DOCS / "lecture.ipynb", as_version=4)
    nbformat.validate(made)
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    assert len(code) == 1 + sum(part.runs for part in PARTS)
    assert not any(cell.outputs for cell in made.cells if cell.cell_type == "code")
    for source in code:
        ast.parse(re.sub(r"^(\s*)[!%].*$", r"\1pass", source, flags=re.MULTILINE))
        assert "savefig" not in source
