"""Every public name, command, option, recipe key, file of a run and route is in the reference, and no others are."""

import dataclasses
import importlib
import json
import re
import sys
import tomllib

import pytest
import typer

import cnnzoo
from cnnzoo import cli
from tests.processes import ROOT

sys.path.insert(0, str(ROOT / "docs" / "_site"))
import generated

CODE = re.compile(r"`([^`]+)`")


def page(name):
    return (ROOT / "docs" / "reference" / name).read_text("utf-8")


def table_below(name, heading):
    """Return the cells with code in the first column of the table below a heading, and their whole rows."""
    text = page(name).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    return {code: row for row in rows for code in CODE.findall(row.split("|")[1])}


@pytest.fixture(scope="module")
def pages():
    """Return the generated pages of Python and of models, without the drawings and tables of layers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generated, "_drawing", lambda name: (b"", "a drawing"))
        patch.setattr(cnnzoo, "create", lambda name, **options: name)
        patch.setattr(cnnzoo, "conv_report", lambda model: model)
        patch.setattr(generated, "_layers", lambda report: "a table")
        models = generated.model_pages((ROOT / "docs" / generated.RESULTS).read_text("utf-8"))
    return {name: text for name, text in {**generated.api_pages(), **models}.items() if isinstance(text, str)}


def public_names():
    """Yield each public name of `cnnzoo` and of its modules that declare theirs, and the modules where it may stand."""
    for name in set(cnnzoo.__all__) - set(cnnzoo._MODULES):
        yield f"cnnzoo.{name}"
    for module in cnnzoo._MODULES:
        for name in getattr(importlib.import_module(f"cnnzoo.{module}"), "__all__", ()):
            yield f"cnnzoo.{module}.{name}"


@pytest.fixture(scope="module")
def documented(pages):
    found = re.findall(r"^\.\. (?:autoclass|autofunction|data):: (\S+)$", "\n".join(pages.values()), re.MULTILINE)
    return {tuple(each.rpartition(".")[::2]) for each in found}


def test_every_public_name_is_in_the_reference(documented):
    names = {name for _, name in documented}
    assert {each for each in public_names() if each.rpartition(".")[2] not in names} == set()


def test_every_module_has_a_page(pages):
    for module in cnnzoo._MODULES:
        names = getattr(importlib.import_module(f"cnnzoo.{module}"), "__all__", ())
        assert f"api/{module}.rst" in pages or {*names} <= {*cnnzoo.__all__}, module
    assert {f"models/{family}.md" for family in cnnzoo.models.FAMILIES.values()} <= pages.keys()


def test_every_model_is_on_the_page_of_its_family(pages):
    for name, family in cnnzoo.models.FAMILIES.items():
        assert f".. autofunction:: cnnzoo.{name}\n" in pages[f"models/{family}.md"]


def test_every_command_and_option_is_in_the_reference():
    written = generated.command_pages()
    commands = typer.main.get_command(cli.app).commands
    assert {f"commands/{name}.md" for name in commands} | {"commands/index.md"} == written.keys()
    for name, command in commands.items():
        for parameter in command.params:
            options = [each for each in parameter.opts if each.startswith("-")]
            argument = (parameter.metavar or parameter.name).strip("[]{}.").upper()
            for each in options or [argument]:
                assert each in written[f"commands/{name}.md"], (name, each)


@pytest.mark.parametrize("kind", [cnnzoo.Recipe, cnnzoo.Study])
def test_every_key_of_a_recipe_is_in_the_reference(kind):
    rows = re.findall(r"^\| `(\w+)` \|", generated.recipe_page(), re.MULTILINE)
    assert {field.name for field in dataclasses.fields(kind)} <= {*rows}


def test_every_picture_has_its_row():
    rows = " ".join(line for line in page("pictures.md").splitlines() if line.startswith("|"))
    drawn = {name for name in cnnzoo.plots.__all__ if name[0].islower()}
    assert {name for name in drawn if f"`{name}(" not in rows} == set()


# === Installing ===


def test_every_extra_is_on_the_page_about_installing():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "docs" / "install.md").read_text("utf-8")
    rows = {*re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)}
    assert {*settings["optional-dependencies"]} - {"mutation", "test"} <= rows
    least, most = (int(number) for number in re.findall(r"3\.(\d+)", settings["requires-python"]))
    versions = [f"3.{minor}" for minor in range(least, most)]
    assert f"| Python | {', '.join(versions[:-1])} or {versions[-1]} |" in text


# === The run folder ===


@pytest.fixture(scope="module")
def runs(train, tmp_path_factory):
    """Return the folders of a classifier with its page, an autoencoder of machines and a study, of seconds each."""
    folder = tmp_path_factory.mktemp("runs")
    classifier = train(
        cnnzoo.load_recipe("lenet5_digits").smoke(),
        workdir=folder / "1",
        verbose=0,
        validation_split=0.2,
        keep_epochs=(1,),
    )
    cnnzoo.report(classifier)
    train(cnnzoo.load_recipe("rbm_autoencoder_digits").smoke(), workdir=folder / "2", verbose=0)
    small = {"model": "mlp", "data": "digits", "epochs": 1, "learning_rate": 1e-3}
    study = cnnzoo.Study(recipe=cnnzoo.Recipe(**small), variants={"one": {}}, seeds=(0,))
    cnnzoo.run_study(study, workdir=folder / "3", verbose=0)
    return [folder / number for number in "123"]


def test_every_file_of_a_run_is_in_the_reference(runs):
    documented = table_below("run_folder.md", "Files")
    found = {f"{each.name}{'/' * each.is_dir()}" for folder in runs[:2] for each in folder.iterdir()}
    assert found <= documented.keys()
    assert documented.keys() - found == {".lock"}  # is there only during the run


def keys_of(folder, file):
    return {*json.loads((folder / file).read_text("utf-8"))}


@pytest.mark.parametrize(("file", "conditional"), [("recipe.json", {"lengthened"}), ("metrics.json", {"skipped"})])
def test_every_key_of_a_runs_files_is_in_the_reference(runs, file, conditional):
    documented = {code for cell in table_below("run_folder.md", f"Keys of `{file}`") for code in [cell]}
    found = keys_of(runs[0], file) | keys_of(runs[1], file)
    assert found <= documented
    assert documented - found == conditional
    of_study = page("run_folder.md").partition(f"## Keys of `{file}`")[2].partition("Of a study:")[2].split("\n\n")[0]
    named = {*CODE.findall(of_study)}
    assert keys_of(runs[2], file) <= named
    if file == "metrics.json":
        [row] = json.loads((runs[2] / file).read_text("utf-8"))["rows"]
        assert {*row} <= named


def test_what_is_below_the_keys_is_in_the_reference(runs):
    content = json.loads((runs[0] / "recipe.json").read_text("utf-8"))
    rows = table_below("run_folder.md", "Keys of `recipe.json`")
    for key in ("versions", "machine"):
        assert {*content[key]} <= {*CODE.findall(rows[key])}
    split = content["data"]["train"]
    assert {*content["data"], *split} <= {*CODE.findall(rows["data"])}


def test_every_column_of_the_history_is_in_the_reference(runs):
    documented = table_below("run_folder.md", "Columns of `history.csv`").keys()
    found = {name for folder in runs[:2] for name in cnnzoo.Run(folder).history}
    assert found | {"val_squared_error"} == documented


# === The server ===


def test_every_route_is_in_the_reference(tmp_path):
    server = pytest.importorskip("cnnzoo.serving.server", reason="needs the extra `serve`")
    from cnnzoo.serving.server.batching import Batcher
    from cnnzoo.serving.server.repository import Repository
    from cnnzoo.serving.server.routes import application

    app = application(Repository(tmp_path), Batcher(None, 0), server.Limits())
    served = {(method, route.path) for route in app.routes for method in route.methods - {"HEAD"}}
    rows = [line.split("|") for line in page("http.md").partition("\n## Routes\n")[2].split("\n## ")[0].splitlines()]
    documented = {(cells[1].strip(), route) for cells in rows if len(cells) > 3 for route in CODE.findall(cells[2])}
    assert served == documented
