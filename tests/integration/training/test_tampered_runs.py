"""Run folders that others have changed: every command that reads one works, or ends in a sentence that names a file."""

import json
import shutil
from random import Random

import pytest

import cnnzoo

ODD = [None, True, -1, 0, 10**12, 1e300, "", "x", "../../x", [], {}, [[]] * 9, {"a": 1}, "\x00"]
RECIPE = cnnzoo.experiments.load_recipe("lenet5_digits").smoke()
COUNT = 12


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return cnnzoo.train(RECIPE, workdir=tmp_path_factory.mktemp("run"), verbose=0)


def tamper(folder, random):
    """Change one file of a run."""
    files = ["recipe.json", "metrics.json", "history.csv", "model.keras", "checkpoint.weights.h5"]
    file = folder / random.choice(files + files[:2] * 3)
    content, kind = file.read_bytes(), random.choice(["value", "value", "value", "bytes", "cut", "gone", "empty"])
    if kind == "value" and file.suffix == ".json":
        values = json.loads(content)
        places = [(values, key) for key in values]
        for inner in values.values():
            places += [(inner, key) for key in inner] if isinstance(inner, dict) else []
        place, key = random.choice(places)
        if random.random() < 0.2:
            del place[key]
        else:
            place[key] = random.choice(ODD)
        file.write_text(json.dumps(values))
    elif kind == "cut":
        file.write_bytes(content[: random.randrange(len(content))])
    elif kind == "gone":
        file.unlink()
    elif kind == "empty":
        file.write_bytes(b"")
    else:
        damaged = bytearray(content)
        for _ in range(30):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        file.write_bytes(damaged)


def commands(folder, elsewhere):
    yield lambda: cnnzoo.evaluate(folder)
    yield lambda: cnnzoo.report(folder, to=elsewhere / "report.html")
    yield lambda: cnnzoo.export(folder, elsewhere / "models")
    yield lambda: cnnzoo.train(RECIPE, workdir=folder, resume=True, verbose=0)


@pytest.mark.parametrize("number", range(COUNT))
def test_a_command_on_a_tampered_run_works_or_ends_in_a_sentence(tmp_path, finished, recwarn, number):
    random, folder = Random(number), tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    tamper(folder, random)
    before = set(tmp_path.iterdir())
    for command in random.sample([*commands(folder, tmp_path)], 2):
        try:
            command()
        except cnnzoo.InputError as error:
            assert str(error)  # noqa: PT017 (others work)
    assert set(tmp_path.iterdir()) <= before | {tmp_path / "report.html", tmp_path / "models"}
