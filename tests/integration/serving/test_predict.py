"""`cnnzoo predict` on a run, an export and the standard input, and its exit code."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

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


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    """Return a run of an autoencoder of the digits, evaluated on the first 200 test images."""
    recipe = cnnzoo.Recipe(model="autoencoder", data="digits", epochs=1, learning_rate=1e-3, test_examples=200)
    recipe = recipe.replace(model_options={"input_shape": (8, 8, 1)})
    return cnnzoo.train(recipe, workdir=tmp_path_factory.mktemp("autoencoder"), verbose=0)


@pytest.mark.parametrize("exported", [False, True], ids=["a run", "an export"])
def test_reconstructions_are_written_with_the_error_of_the_evaluation(autoencoder, tmp_path, capsys, exported):
    split, folder = cnnzoo.data.load("digits").test, tmp_path / "images"
    (folder / "more").mkdir(parents=True)
    for number in range(200):
        Image.fromarray(split.images[number, ..., 0]).save(folder / ("more" if number < 100 else "") / f"{number}.png")
    model = cnnzoo.export(autoencoder, tmp_path / "models").parent if exported else autoencoder.folder
    found, _ = lines(capsys, model, folder, "--json", "--to", tmp_path / "to")
    answers = [json.loads(line) for line in found]
    error = np.mean([answer["squared_error"] for answer in answers])
    assert error == pytest.approx(autoencoder.metrics["test"]["squared_error"], rel=1e-5)
    for answer in answers:
        relative = Path(answer["file"]).relative_to(folder)
        assert answer["reconstruction"] == str(tmp_path / "to" / relative)
        image, written = (np.asarray(Image.open(answer[name]), "float64") for name in ("file", "reconstruction"))
        # Pixels are the model's inputs times 255, rounded: by at most a half.
        assert abs(np.square((image - written) / 255).sum() - answer["squared_error"]) < 64 * 0.5 / 255 * 2
    rows = list(
        csv.DictReader(io.StringIO("\n".join(lines(capsys, model, folder, "--csv", "--to", tmp_path / "to")[0])))
    )
    assert [*rows[0]] == ["file", "squared_error", "reconstruction"]


def test_names_of_reconstructions_are_each_others_own(autoencoder, tmp_path, capsys):
    pixels = np.zeros((8, 8), "uint8")
    for name in ("a.png", "a.bmp", "b.png", "B.png", "other/b.png"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "images" / name)
    images, to = tmp_path / "images", tmp_path / "to"
    lines(capsys, autoencoder.folder, images / "a.png", images / "a.bmp", images / "b.png", "--to", to)
    assert {path.name for path in to.iterdir()} == {"a.png.png", "a.bmp.png", "b.png"}
    for clashing in (images / "other/b.png", images / "B.png"):
        _, errors = lines(capsys, autoencoder.folder, images / "b.png", clashing, "--to", to, code=2)
        assert f"the reconstructions of {str(images / 'b.png')!r} and {str(clashing)!r} would both be" in errors
    _, errors = lines(capsys, autoencoder.folder, images / "b.png", "--to", images, code=2)
    assert "would replace the image" in errors


def test_a_classifier_has_no_reconstructions(run, digits, tmp_path, capsys):
    found, errors = lines(capsys, run.folder, digits, "--to", tmp_path / "to", code=2)
    assert found == []
    assert f"--to writes the reconstructions of an autoencoder, and those of {str(run.folder)!r} are none" in errors
    assert not (tmp_path / "to").exists()


def test_a_damaged_photograph_is_predicted_and_named(run, tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), "uint8")
    Image.fromarray(pixels).save(tmp_path / "whole.jpg")
    content = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    found, errors = lines(capsys, run.folder, tmp_path, "--json")
    assert [Path(json.loads(line)["file"]).name for line in found] == ["cut.jpg", "whole.jpg"]
    assert errors.startswith(f"cnnzoo: {str(tmp_path / 'cut.jpg')!r} is damaged, and decoded in part: ")
    assert "whole.jpg" not in errors


def test_unlabeled_images_of_a_competition_become_a_table(run, digits, tmp_path, capsys):
    """As in docs/how_to/images.md: a folder of numbered files without classes, and a broken one among a thousand."""
    for number, file in enumerate(sorted(digits.iterdir())[:40]):
        (tmp_path / f"{number + 1}.png").write_bytes(file.read_bytes() if number != 20 else b"")
    found, errors = lines(capsys, run.folder, tmp_path, "--csv", "--top", "1", code=1)
    rows = {Path(row["file"]).name: row["class"] for row in csv.DictReader(io.StringIO("\n".join(found)))}
    assert len(rows) == 39
    assert "21.png" in errors
    by_name = cnnzoo.predict(run, [tmp_path / name for name in reversed(rows)], batch_size=7)
    assert {Path(each.file).name: each.classes[0][0] for each in by_name} == rows
