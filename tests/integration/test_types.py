"""A user's script, as mypy and pyright see it."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import cnnzoo

model = cnnzoo.alexnet(classes=5, input_shape=(227, 227, 3))
source = cnnzoo.data.load("digits")
shape: tuple[int, ...] = source.train.image_shape
recipe: cnnzoo.Recipe = cnnzoo.Recipe(model="lenet5", data="digits", epochs=3, learning_rate=1e-3)
run: cnnzoo.Run = cnnzoo.train(recipe, workdir="runs/1", verbose=0)
metrics: dict[str, float] = cnnzoo.evaluate(run)
names: list[str] = cnnzoo.list_models("alex*")
print(cnnzoo.conv_report(model).to_markdown(), cnnzoo.export(run, "saved_models/digits"))
"""
WRONG = "import cnnzoo\n\ncnnzoo.alexnet(clases=5)\ncnnzoo.alexnett()\ncnnzoo.train(3, workdir=1.5)\n"


@pytest.fixture
def script(tmp_path):
    def written(text):
        path = tmp_path / "script.py"
        path.write_text(text)
        return path

    return written


def checked(command, cwd):
    return subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False)


def test_mypy_knows_the_signatures(script):
    path = script(SCRIPT + "reveal_type(cnnzoo.alexnet)\n")
    result = checked(["mypy", "--cache-dir", str(path.parent / "cache"), path.name], path.parent)
    assert result.returncode == 0, result.stdout
    assert "classes: Any =" in result.stdout
    wrong = checked(["mypy", "--cache-dir", str(path.parent / "cache"), script(WRONG).name], path.parent)
    assert 'Unexpected keyword argument "clases" for "alexnet"' in wrong.stdout
    assert 'Module has no attribute "alexnett"' in wrong.stdout
    assert 'Argument "workdir" to "train" has incompatible type "float"' in wrong.stdout


def test_pyright_knows_the_signatures(script):
    pytest.importorskip("pyright", reason="needs pyright (pip install 'pyright[nodejs]')")
    path = script(SCRIPT + "reveal_type(cnnzoo.alexnet)\n")
    found = json.loads(
        checked(["pyright", "--pythonpath", sys.executable, "--outputjson", path.name], path.parent).stdout
    )
    errors = [each["message"] for each in found["generalDiagnostics"] if each["severity"] != "information"]
    assert errors == []
    assert any("classes: int = 1000" in each["message"] for each in found["generalDiagnostics"])
    wrong = json.loads(
        checked(["pyright", "--pythonpath", sys.executable, "--outputjson", script(WRONG).name], path.parent).stdout
    )
    messages = " ".join(each["message"] for each in wrong["generalDiagnostics"])
    assert 'No parameter named "clases"' in messages
    assert '"alexnett" is not a known attribute' in messages
