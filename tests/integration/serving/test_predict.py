"""`cnnzoo predict` on a run, an export and the standard input, and its exit code."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from tests import processes


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Return a folder of 200 test images of the digits, each file's name with its label."""
    folder, split = tmp_path_factory.mktemp("digits"), cnnzoo.data.load("digits").test
    for number in range(200):
        image = Image.fromarray(split.images[number, ..., 0])
        image.save(folder / f"{number:03} {split.labels[number]}.png")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return cnnzoo.train("lenet5_digits", workdir=tmp_path_factory.mktemp("run"), epochs=3, verbose=0, test_examples=200)


def lines(capsys, *words, code=0):
    with pytest.raises(SystemExit) as end:
        cnnzoo.cli.main(["predict", *map(str, words)])
    printed, errors = capsys.readouterr()
    assert (end.value.code or 0) == code, errors
    return printed.splitlines(), errors


@pytest.mark.parametrize("exported", [False, True], ids=["a run", "an export"])
def test_classes_are_those_that_the_evaluation_counts(run, digits, tmp_path, capsys, exported):
    model = cnnzoo.export(run, tmp_path / "models").parent if exported else run.folder
    found, _ = lines(capsys, model, digits, "--json")
    right = [json.loads(line)["class"] == json.loads(line)["file"][-5] for line in found]
    assert len(right) == 200
    assert np.mean(right) == pytest.approx(run.metrics["test"]["accuracy"])
    assert all(len(json.loads(line)["top"]) == 5 for line in found)


def test_csv_is_read_by_python_and_text_by_people(run, digits, capsys):
    rows = list(csv.DictReader(io.StringIO("\n".join(lines(capsys, run.folder, digits, "--csv", "--top", "2")[0]))))
    assert [*rows[0]] == ["file", "class", "probability", "class_2", "probability_2"]
    assert all(float(row["probability"]) >= float(row["probability_2"]) for row in rows)
    (line,), _ = lines(capsys, run.folder, rows[0]["file"], "--top", "1")
    assert line == f"{rows[0]['file']}: {rows[0]['class']} {float(rows[0]['probability']):.2%}"


def test_a_file_that_cannot_be_read_is_named_and_the_exit_code_is_1(run, digits, tmp_path, capsys):
    (tmp_path / "broken.png").write_text("none")
    good = min(digits.iterdir())
    found, errors = lines(capsys, run.folder, tmp_path / "broken.png", good, code=1)
    assert [line.partition(": ")[0] for line in found] == [str(good)]
    assert f"cnnzoo: {str(tmp_path / 'broken.png')!r} is not a readable image: " in errors
    _, errors = lines(capsys, run.folder, good, "--json", "--csv", code=2)
    assert "--json and --csv exclude each other" in errors


def test_an_image_comes_from_the_standard_input(run, digits):
    file = min(digits.iterdir())
    command = [sys.executable, "-m", "cnnzoo", "predict", str(run.folder), "-", "--json"]
    ended = subprocess.run(
        command, input=file.read_bytes(), env=processes.environment(), capture_output=True, check=True
    )
    (by_path,) = cnnzoo.predict(run, file)
    answer = json.loads(ended.stdout)
    assert answer["file"] == "-"
    assert [each["class"] for each in answer["top"]] == [name for name, _ in by_path.classes]
