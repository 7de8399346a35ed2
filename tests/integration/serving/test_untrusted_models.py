"""Files that are no models, or damaged: they are refused with a message, and no code in them is run."""

import json
import shutil
import zipfile

import keras
import pytest

import cnnzoo


@pytest.fixture
def valid(tmp_path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "valid.keras")
    return tmp_path / "valid.keras"


def with_config(valid, config):
    path = valid.with_name("other.keras")
    with zipfile.ZipFile(valid) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, json.dumps(config) if name == "config.json" else old.read(name))
    return path


@pytest.mark.parametrize("use", [cnnzoo.load_model, lambda path: cnnzoo.export(path, path.parent / "models")])
def test_an_incomplete_archive_is_refused(valid, use):
    cut, renamed, other = (valid.with_name(name) for name in ("cut.keras", "renamed.keras", "model.h5"))
    cut.write_bytes(valid.read_bytes()[:-200])
    renamed.write_text("a model")
    shutil.copy(valid, other)
    for path in (cut, renamed):
        with pytest.raises(cnnzoo.InputError, match="is damaged or no"):
            use(path)
    with pytest.raises(cnnzoo.InputError):
        use(other)
    assert not (valid.parent / "models").exists()


def test_an_archive_without_model_files_is_refused(valid):
    path = valid.with_name("empty.keras")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(cnnzoo.InputError, match="damaged or not to be trusted"):
        cnnzoo.load_model(path)


def test_a_lambda_is_not_run(tmp_path):
    mark = tmp_path / "mark"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(cnnzoo.InputError, match=r"not to be trusted: .*Lambda"):
        cnnzoo.load_model(tmp_path / "lambda.keras")
    assert not mark.exists()


@pytest.mark.parametrize(("module", "name"), [("os", "system"), ("builtins", "exec"), ("subprocess", "run")])
def test_functions_of_python_are_not_called(valid, tmp_path, module, name):
    mark = tmp_path / "mark"
    config = {"command": f"touch {mark}", "source": f"open({str(mark)!r}, 'w')", "args": ["touch", str(mark)]}
    layer = {"module": module, "class_name": name, "config": config, "registered_name": None}
    for evil in (layer, {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}):
        with pytest.raises(cnnzoo.InputError, match="damaged or not to be trusted"):
            cnnzoo.load_model(with_config(valid, evil))
    assert not mark.exists()
