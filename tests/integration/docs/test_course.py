"""docs/course: every block runs, its pictures are those that come out, the notebook is the same text.

What blocks print is compared with the text block below them by the walk itself. At smoke size a training has no result
to compare: its metrics are finite, and its pictures are described by the document's words, with other numbers.
"""

import ast
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
from tests import processes
from tests.integration.docs.blocks import unknown_names

DOCS = processes.ROOT / "docs"
sys.path.insert(0, str(DOCS))  # its scripts import one another
import course_notebook  # noqa: E402
from walk import CHAPTERS, COURSE, MARKED, SAVED, Walk, described, parts  # noqa: E402

COURSE_FOLDER = DOCS / "course"
TEXTS = {path.name: path.read_text("utf-8") for path in COURSE}
CHAPTER_PARTS = {name: parts(text) for name, text in TEXTS.items()}
PARTS = [(name, part) for name, each in CHAPTER_PARTS.items() for part in each]
PROSE = "\n".join(part.text for _, part in PARTS if part.kind == "markdown")
SHOWN = {path: " ".join(words.split()) for words, path in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", PROSE)}
MADE = {part.picture: part for _, part in PARTS if part.picture}
BY_HAND = {name for name, part in MADE.items() if "described" in part.said}
# What these draw depends on a training, and is another at smoke size.
TRAINED = {
    "mlp.svg", "first_training.svg", "overfitting.svg", "against_overfitting.svg", "two_numbers.png", "between.svg",
    "deeper.svg", "compression.svg", "denoising.svg", "penalties.svg", "convolutional.svg", "layer_by_layer.svg",
    "pretraining_study.svg", "relu.svg", "vanishing.svg", "distributions.svg", "active_units.svg", "code_sizes.svg",
}  # fmt: skip
NUMBER = re.compile(r"−?\d(?:[\d,.]*\d)?(?:e-\d+)?")
IDEAS = {
    "units.md": ("a unit", "functions that bend", "a layer"),
    "learning.md": ("cross-entropy", "downhill", "backpropagation", "a training"),
    "overfitting.md": ("three kinds of images", "a validation curve", "what helps"),
    "autoencoders.md": ("the hourglass", "two numbers", "thirty numbers", "deeper", "compression"),
    "penalties.md": ("denoising", "sparse and contractive", "convolutional"),
    "variational.md": (
        "a distribution for each image", "the bound", "draws and slopes", "the plane, decoded", "between two digits",
        "samples", "units that are not used", "error against code size", "all kinds",
    ),
    "pretraining.md": (
        "the trouble of 2006", "greedy layer-wise pretraining", "as it was in 2006", "what it is worth",
        "what replaced it",
    ),
    "convolution.md": (
        "a small window", "cross-correlation", "stride", "padding", "channels", "shared weights", "pooling",
    ),
    "lenet5.md": ("the net", "the table of c3", "the bitmaps", "filters and activations", "moved images"),
    "alexnet.md": (
        "receptive fields", "rectified units", "local response normalization", "dropout", "two columns", "augmentation",
        "trained filters", "units deep in the net",
    ),
}  # fmt: skip


@pytest.fixture(
    scope="module", params=[pytest.param(there, marks=pytest.mark.slow) for there in ("mnist", "mnist, photographs")]
)
def walked(request, tmp_path_factory, photo_folder):
    """Return what was done by one walk through the course at smoke size, in a process, its folder, and what it had.

    The block for photographs trains AlexNet on them, which takes a quarter as long as all others together; its recipe
    runs in experiments/test_smoke_runs.py, too.
    """
    folder = tmp_path_factory.mktemp("walk")
    there = {"photographs"} & {*request.param.split(", ")}
    there |= {name for name in ("mnist", "cifar10") if (Path(os.environ.get("TFDS_DATA_DIR", "")) / name).is_dir()}
    photographs = ["--photographs", photo_folder] if "photographs" in there else []
    ended = processes.run([DOCS / "walk.py", folder, "--smoke", "--one-process", *photographs])
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    for path in (folder / "runs").rglob("*"):
        if path.is_file() and path.name != "metrics.json":
            path.unlink()  # AlexNet's alone take more than a gigabyte
    return json.loads((folder / "walked.json").read_text("utf-8")), folder, there


def test_every_block_runs(walked):
    done, _, there = walked
    assert [(each["document"], each["line"]) for each in done] == [
        (name, part.line) for name, part in PARTS if part.runs
    ]
    left_out = {(name, part.line) for name, part in PARTS if part.runs and part.needs not in {"", *there}}
    assert {(each["document"], each["line"]) for each in done if each["left_out"]} == left_out


def test_every_picture_comes_out(walked):
    done, folder, _ = walked
    for each in done:
        if name := each.get("picture"):
            assert each["alternative"]
            head = (folder / name).read_bytes()[:6]
            assert head.startswith({".svg": b"<svg", ".png": b"\x89PNG", ".gif": b"GIF89a"}[Path(name).suffix])
            small = folder / "shown" / Path(name).with_suffix(".gif" if name.endswith("gif") else ".png")
            assert small.stat().st_size <= 80_000  # for the notebook


def test_every_training_has_finite_metrics_and_runs_are_compared(walked):
    _, folder, there = walked
    trained = 0
    folders = Walk(smoke=True, keep=False, one_process=True, photographs=None, pictures=None)
    for _, part in PARTS:
        if part.kind != "console" or part.needs not in {"", *there}:
            continue
        for words in map(shlex.split, part.text.splitlines()):
            if words[:2] == ["cnnzoo", "train"]:
                run = folders.run_folder(words[1:])
                metrics = json.loads((folder / run / "metrics.json").read_text("utf-8"))
                assert all(math.isfinite(value) for value in results(metrics)), run
                trained += 1
    assert trained >= 14
    if "mnist" in there:
        assert "lenet5_mnist" in (folder / "report" / "report.html").read_text("utf-8")


def results(metrics):
    """Return the test metrics of a run, or the errors of a study."""
    if "rows" in metrics:
        return [error for row in metrics["rows"] for error in row["errors"]]
    return metrics["test"].values()


def test_pictures_are_described_as_they_describe_themselves(walked):
    """Those of trainings but for their numbers, which are others at smoke size."""
    done, _, there = walked
    said = {each["picture"]: " ".join(each["alternative"].split()) for each in done if each.get("picture")}
    assert said.keys() == {name for name, part in MADE.items() if part.needs in {"", *there}}
    for name in said.keys() - BY_HAND:
        shown = SHOWN[f"pictures/{name}"]
        if name in TRAINED:
            assert NUMBER.sub("#", shown) == NUMBER.sub("#", said[name])
        else:
            assert shown == said[name]


def test_pictures_shown_are_those_that_blocks_make():
    assert {f"pictures/{name}" for name in MADE} == set(SHOWN)
    assert {path.name for path in (COURSE_FOLDER / "pictures").iterdir()} == set(MADE)
    # A notebook shows it where it is the last line.
    assert all(SAVED.match(part.text.splitlines()[-1]) for part in MADE.values())
    assert sum(path.stat().st_size for path in (COURSE_FOLDER / "pictures").iterdir()) <= 3e6


def test_no_line_of_a_text_is_a_comment_or_a_list_by_chance():
    """`% ` begins a comment of MyST; a picture whose description is broken there is not shown."""
    for words, path in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", PROSE):
        assert not any(MARKED.match(line) for line in words.splitlines()), path
    assert not re.search(r"^%", PROSE, re.MULTILINE)


def test_every_picture_has_an_alternative():
    assert {path: words for path, words in SHOWN.items() if len(words) < 25} == {}


@pytest.mark.parametrize("path", sorted(COURSE_FOLDER.glob("*.md")), ids=lambda path: path.name)
def test_links_resolve(path):
    prose = "\n".join(part.text for part in parts(path.read_text("utf-8")) if part.kind == "markdown")
    for target in re.findall(r"\]\(([^)#]*)\)", prose):
        assert (COURSE_FOLDER / target).exists(), target


@pytest.mark.parametrize("name", TEXTS)
def test_ideas_of_a_chapter_come_in_their_order(name):
    titles = "\n".join(re.findall(r"^#+ (.*)$", TEXTS[name], re.MULTILINE)).lower()
    positions = [titles.find(idea) for idea in IDEAS[name]]
    assert min(positions) >= 0
    assert positions == sorted(positions)


@pytest.mark.parametrize("name", TEXTS)
def test_a_chapter_says_what_it_needs_and_ends_in_a_summary_and_exercises_with_solutions(name):
    text = TEXTS[name]
    beginning = text.partition("```")[0]
    for label in ("**You learn**", "**Time:**", "**Before this:**", "Without MNIST", "etwork", "Windows"):
        assert label in beginning, label
    assert text.index("\n## Summary\n") < text.index("\n## Exercises\n")
    exercises = text.partition("\n## Exercises\n")[2]
    assert len(re.findall(r"^\*\*\d\.\*\*", exercises, re.MULTILINE)) == exercises.count(":::{dropdown} Solution") >= 3
    assert "```python" in exercises


def test_the_index_and_the_teachers_notes_name_every_chapter_in_its_order():
    for document in ("index.md", "teachers.md"):
        text = (COURSE_FOLDER / document).read_text("utf-8")
        found = re.findall(r"^\| \[[^\]]+\]\((\w+)\.md\) \|", text, re.MULTILINE)
        assert found == list(CHAPTERS)
    toctree = re.findall(
        r"^(\w+)$", text := (COURSE_FOLDER / "index.md").read_text("utf-8").partition("{toctree}")[2], re.M
    )
    assert toctree == [*CHAPTERS, "teachers"], text


def test_commands_are_safe_to_type():
    """In a shell, and in PowerShell."""
    for _, part in PARTS:
        for line in part.text.splitlines() if part.kind == "console" else ():
            words = shlex.split(line)
            assert words[0] == "cnnzoo"
            bare = re.sub(r'"[^"$`\\!]*"', "", line)  # what a shell would take for its own stands in quotes
            assert not re.search(r"[()<>|&;$`*?!{}\[\]~'\\]", bare), line
    for command in re.findall(r"`(cnnzoo (?:tune|report|evaluate|export|serve) [^`]*)`", PROSE):
        pytest.fail(f"{command!r} is in the text, where nothing runs it")


@pytest.mark.parametrize("name", TEXTS)
def test_a_chapter_stands_alone_and_marks_what_needs_mnist(name):
    """No block uses a name that no block before it has made; without MNIST, none that one left out has made."""
    for needs in ("", "mnist", "cifar10"):
        assert unknown_names([part for part in CHAPTER_PARTS[name] if part.needs in ("", needs)]) == {}
    for part in CHAPTER_PARTS[name]:
        trains = part.kind == "console" and "mnist" in part.text
        assert part.needs == "mnist" or not trains, part.line


def test_suggested_settings_can_be_set():
    suggested = re.findall(r'`--set "([^"]*)"`', PROSE)
    assert suggested
    for setting in suggested:
        recipe = cnnzoo.load_recipe("stacked_denoising_digits").override([setting])
        key, dot, entry = setting.partition("=")[0].partition(".")
        assert getattr(recipe, key)
        assert not dot or entry in getattr(recipe, key)


def test_each_kind_of_autoencoder_has_a_command_and_a_line_of_python_that_build_it():
    kinds = re.findall(r"^- \*\*(\S+):\*\*(.*(?:\n  .*)*)", TEXTS["variational.md"].partition("## All kinds")[2], re.M)
    assert len(kinds) == 9
    for kind, text in kinds:
        command, line = re.findall(r"`(cnnzoo[^`]*)`", " ".join(text.split()))
        _, train, recipe, *settings = shlex.split(command)
        assert train == "train", kind
        assert set(settings[::2]) <= {"--set"}, kind
        chosen = cnnzoo.load_recipe(recipe).override(settings[1::2])
        of_command = getattr(cnnzoo, chosen.model)(**chosen.model_options)
        of_line = eval(line, {"cnnzoo": cnnzoo})
        assert type(of_command) is type(of_line), kind
        assert of_command.name == of_line.name, kind


def test_an_alternative_text_is_written_into_a_document():
    text = "a\n\n![](pictures/a.svg)\n\n![old\ntext](../pictures/b.png)\n"
    assert described(text, "a.svg", "A unit.") == text.replace("![]", "![A unit.]")
    assert described(text, "b.png", "New.") == text.replace("old\ntext", "New.")
    for width in range(100, 120):  # wherever the line breaks, it does not begin with what starts a comment or a list
        lines = described(text, "a.svg", f"{'a ' * (width // 2)}{'a' * (width % 2)} % b 1. c").splitlines()
        assert not any(line.startswith(("%", "1. ")) for line in lines)
    assert max(map(len, described(text, "a.svg", "word " * 60 + "end.").splitlines())) <= 120


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


def test_runs_are_numbered_as_the_command_line_numbers_them():
    walk = Walk(smoke=True, keep=False, one_process=True, photographs=None, pictures=None)
    commands = ("train a", "train a --seed 1", "train b.py", "train a --workdir runs/c", "train a --seed 2")
    folders = [walk.run_folder(command.split()) for command in commands]
    assert folders == ["runs/a/1", "runs/a/2", "runs/b/1", "runs/c", "runs/a/3"]


def test_the_notebook_is_what_the_chapters_make():
    assert course_notebook.NOTEBOOK.read_text("utf-8") == course_notebook.notebook(outputs=course_notebook.kept())


def test_the_index_opens_the_notebook_in_a_hosted_one_once_there_is_an_address(monkeypatch):
    index = (COURSE_FOLDER / "index.md").read_text("utf-8")
    assert course_notebook.with_hosted(index) == index
    monkeypatch.setattr(course_notebook, "repository", lambda: "https://github.com/someone/cnnzoo.git")
    link = "https://colab.research.google.com/github/someone/cnnzoo/blob/main/docs/course/course.ipynb"
    assert f"  [Open it in Colab]({link}).\n" in course_notebook.with_hosted(index)


def test_the_notebook_is_valid_small_and_its_code_compiles():
    assert course_notebook.NOTEBOOK.stat().st_size <= 2e6
    made = nbformat.read(course_notebook.NOTEBOOK, as_version=4)
    nbformat.validate(made)
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    assert len(code) == 1 + sum(part.runs or "file" in part.said for _, part in PARTS)
    for source in code:
        ast.parse(re.sub(r"^(\s*)[!%].*$", r"\1pass", source, flags=re.MULTILINE))
        assert "savefig" not in source
    text = "\n".join(cell.source for cell in made.cells if cell.cell_type == "markdown")
    assert not re.search(r":::|\{toctree\}|\]\((?!https?://|#)", text)  # nothing of Sphinx', and no link to a file


def test_the_notebook_has_the_pictures_and_what_text_blocks_say():
    made = nbformat.read(course_notebook.NOTEBOOK, as_version=4)
    shown = {cell.source: cell.outputs for cell in made.cells if cell.cell_type == "code"}
    lacking = []
    for name, each in CHAPTER_PARTS.items():
        before = None
        for part in each:
            if part.picture:
                types = {
                    kind for output in shown[course_notebook.code(part, smoke=False)] for kind in output.get("data", ())
                }
                lacking += [] if types & {"image/png", "image/gif", "image/svg+xml"} else [f"{name}: {part.picture}"]
            if part.kind == "text" and before is not None and before.runs:
                outputs = shown[course_notebook.code(before, smoke=False)]
                lacking += [] if any(output.output_type == "stream" for output in outputs) else [f"{name}: {part.line}"]
            before = part if part.kind != "markdown" else before
    assert lacking == []
