"""The command line, as a person meets it: in a process of its own where only that shows it, else through `main`."""

import importlib.metadata
import importlib.util
import json
import os
import platform

import pytest

from cnnzoo import cli
from tests import processes


@pytest.fixture
def cnnzoo(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command in a new folder, and returns its exit code and what it wrote."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main([*arguments])
        return end.value.code or 0, *capsys.readouterr()

    return run


def in_a_process(arguments, cwd):
    """Run Python with arguments, and TensorFlow left to say what it likes."""
    return processes.run(arguments, cwd=cwd, TF_CPP_MIN_LOG_LEVEL=None)


def cpu_seconds_of_processes():
    resource = pytest.importorskip("resource", reason="this system counts no children's time")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("command", [["-c", "import cnnzoo"], ["-m", "cnnzoo", "--help"]])
def test_import_and_help_are_quick_and_load_no_tensorflow(command, tmp_path):
    seconds = []
    for _ in range(3):
        before = cpu_seconds_of_processes()  # and not the time of day, in which other processes have their share
        result = processes.run(["-X", "importtime", *command], cwd=tmp_path)
        seconds.append(cpu_seconds_of_processes() - before)
        assert result.returncode == 0
    assert min(seconds) <= 0.5
    loaded = {line.split("|")[-1].strip() for line in result.stderr.splitlines()}  # as -X importtime lists them
    assert "cnnzoo" in loaded
    assert not loaded & {"tensorflow", "keras", "numpy", "sklearn", "matplotlib"}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "import sys; sys.version_info = (3, 9, 2); import cnnzoo",
            "needs Python 3.11 or later. Found: Python 3.9.2",
        ),
        ("import cnnzoo", "needs TensorFlow 2.18.1 or later. Found: TensorFlow 2.17.1"),
    ],
)
def test_what_is_too_old_is_said_at_import_without_loading_it(code, words, tmp_path):
    folder = tmp_path / "tensorflow-2.17.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorflow\nVersion: 2.17.1\n")
    path = f"{tmp_path}{os.pathsep}{processes.ROOT}"
    result = processes.run(["-X", "importtime", "-c", code], cwd=tmp_path, PYTHONPATH=path)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(f"ImportError: cnnzoo {words}")
    loaded = {line.split("|")[-1].strip() for line in result.stderr.splitlines()}
    assert not loaded & {"tensorflow", "keras", "numpy"}


def test_a_keras_that_is_older_than_its_installation_says_is_refused_as_it_loads(tmp_path):
    (tmp_path / "keras.py").write_text('__version__ = "3.5.0"\n')
    path = f"{tmp_path}{os.pathsep}{processes.ROOT}"
    result = processes.run(["-c", "import cnnzoo; print('imported'); cnnzoo.lenet5()"], cwd=tmp_path, PYTHONPATH=path)
    assert (result.returncode, result.stdout) == (1, "imported\n")
    assert "ImportError: cnnzoo needs Keras 3.13 or later. Found: Keras 3.5.0" in result.stderr


def test_without_arguments_it_explains_itself(cnnzoo):
    code, written, complaints = cnnzoo()
    assert (code, complaints) == (0, "")
    assert written == cnnzoo("--help")[1]
    assert "train" in written


def test_the_help_has_one_plain_line_for_each_command(cnnzoo):
    lines = cnnzoo()[1].split("Commands:\n")[1].splitlines()
    names = ["list", "info", "train", "evaluate", "report", "play", "predict", "tune", "export", "serve"]
    assert [line.split()[0] for line in lines] == names
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)


@pytest.mark.parametrize(("backend", "package"), [(None, "tensorflow"), ("jax", "jax")])
def test_versions_are_printed_without_loading_tensorflow(backend, package, tmp_path):
    if importlib.util.find_spec(package) is None:
        pytest.skip("needs JAX (pip install jax)")
    variables = {"KERAS_BACKEND": backend, "KERAS_HOME": str(tmp_path)}
    result = processes.run(["-X", "importtime", "-m", "cnnzoo", "--version"], cwd=tmp_path, **variables)
    versions = {name: importlib.metadata.version(name) for name in ("cnnzoo", "keras", package)}
    expected = {**versions, "python": platform.python_version()}
    assert result.stdout == "".join(f"{name} {version}\n" for name, version in expected.items())
    loaded = {line.split("|")[-1].strip() for line in result.stderr.splitlines()}
    assert not loaded & {"tensorflow", "keras", "jax", "numpy"}


def test_the_backend_of_keras_own_configuration_is_named(tmp_path, cnnzoo, monkeypatch):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("needs JAX (pip install jax)")
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert f"jax {importlib.metadata.version('jax')}" in cnnzoo("--version")[1]
    monkeypatch.setenv("KERAS_BACKEND", "nobackend")
    assert "nobackend is not installed" in cnnzoo("--version")[1]


def test_a_shell_completes_commands(tmp_path):
    """As the script does that `cnnzoo --install-completion` installs."""
    variables = {"_CNNZOO_COMPLETE": "complete_bash", "COMP_WORDS": "cnnzoo t", "COMP_CWORD": "1"}
    code = "import sys; from cnnzoo.cli import main; sys.argv = ['cnnzoo']; main()"
    assert processes.run(["-c", code], cwd=tmp_path, **variables).stdout.split() == ["train", "tune"]


@pytest.mark.parametrize("command", ["train"])
def test_progress_and_verbose_say_the_same_and_exclude_each_other(command, cnnzoo):
    code, _, complaints = cnnzoo(command, "lenet5_digits", "--progress", "lines", "--verbose", "2")
    assert (code, complaints) == (2, "cnnzoo: --progress and --verbose set the same thing: give one of them\n")


def test_list_shows_models_and_recipes_with_their_titles(cnnzoo):
    code, written, _ = cnnzoo("list")
    assert code == 0
    for word in ("lenet5", "lenet", "mlp", "lenet5_digits", "LeNet-5 of 1998 on MNIST"):
        assert word in written


def test_info_prints_the_papers_table(cnnzoo):
    code, written, complaints = cnnzoo("info", "lenet5")
    assert (code, complaints) == (0, "")
    rows = {words[0]: words[1:] for words in map(str.split, written.splitlines()) if words}
    assert rows["C5"][:6] == ["Conv2D", "5", "5", "1", "0", "1×1×120"]
    assert "1,516" in rows["C3"]
    assert "60,000 trained, 840 fixed" in written
    assert "340,908" in written
    assert "5×5×16" in cnnzoo("info", "lenet", "--set", "include_top=False")[1]


def test_info_of_another_image_size_as_markdown_and_as_json(cnnzoo):
    for size, shape in (("28", [28, 28, 1]), ("28x30", [28, 30, 1]), ("40x28x3", [40, 28, 3])):
        report = json.loads(cnnzoo("info", "lenet", "--input", size, "--json")[1])
        assert report["rows"][0]["output_shape"] == shape
    markdown = cnnzoo("info", "lenet", "--input", "29", "--markdown")[1]
    assert "| 25×25×6 |" in markdown
    assert "- S2: 1 + (W − F + 2P)/S = 1 + (25 − 2 + 2·0)/2 = 12.5 is not whole" in markdown


def test_info_of_a_run_and_of_a_file_is_that_of_their_model(cnnzoo, tmp_path, train):
    from cnnzoo.experiments import load_recipe

    run = train(load_recipe("lenet5_digits").smoke(), workdir=tmp_path / "run", verbose=0)
    table = cnnzoo("info", "lenet5")[1].partition("\n")[2]
    code, written, complaints = cnnzoo("info", "run")
    assert (code, complaints) == (0, "")
    assert written == f"run: lenet5, trained by lenet5_digits, seed {run.recipe.seed}\n{table}"
    assert cnnzoo("info", "run/model.keras")[1] == f"run/model.keras: lenet5\n{table}"
    for arguments, words in (
        (["run", "--input", "28"], "--input and --set are for a model by its name; that in 'run' is built already"),
        (["runs/nowhere"], "'runs/nowhere' holds no finished run: there is no recipe.json"),
        (["nothing.keras"], "there is no model file 'nothing.keras'"),
        (["lenet6"], "unknown model 'lenet6'; did you mean"),
    ):
        code, _, complaints = cnnzoo("info", *arguments)
        assert code == 2
        assert words in complaints
        assert complaints.count("\n") == 1


def test_train_evaluate_export(cnnzoo, tmp_path):
    trained = in_a_process(["-m", "cnnzoo", "train", "lenet5_digits", "--smoke", "--seed", "3"], tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert trained.stderr == ""
    assert "epoch" not in trained.stdout  # quiet, where there is no terminal
    run = tmp_path / "runs" / "lenet5_digits" / "1"
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["seed"] == 3
    accuracy = f"test accuracy {100 * metrics['test']['accuracy']:.2f} %"
    assert accuracy in trained.stdout
    assert "cnnzoo export runs/lenet5_digits/1 --to exported/lenet5" in trained.stdout
    assert trained.stdout.splitlines()[-1] == "report runs/lenet5_digits/1/report.html"
    assert (run / "report.html").is_file()
    code, written, complaints = cnnzoo("evaluate", "runs/lenet5_digits/1")
    assert (code, complaints) == (0, "")
    assert accuracy in written
    for version in ("1", "2"):
        code, written, _ = cnnzoo("export", "runs/lenet5_digits/1", "--to", "exported/lenet5")
        assert code == 0
        assert written.splitlines()[-1] == f"exported/lenet5/{version}"
        assert (tmp_path / "exported" / "lenet5" / version / "saved_model.pb").is_file()


def test_the_seconds_of_pretraining_are_told_apart_from_those_of_the_fit():
    history = {"loss": [0.7, 0.6], "seconds": [1.25, 2.0]}
    told = cli.training._pretraining_line({"pretraining": {"encoder_1": history, "encoder_2": history}})
    assert told == "before that, 6 s of pretraining, 2 layers\n"
    assert cli.training._pretraining_line({"test": {"accuracy": 1.0}}) == ""


def test_a_recipe_file_is_a_program_and_a_recipe(cnnzoo, tmp_path):
    recipe = processes.ROOT / "recipes" / "lenet5_digits.py"
    options = ["--smoke", "--epochs", "1", "--no-report", "--progress", "lines"]
    result = in_a_process([recipe, *options], tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    code, written, _ = cnnzoo("train", str(recipe), *options)
    assert code == 0
    for each in (result.stdout, written):
        assert each.startswith("epoch 1/1  loss ")
    assert sorted(path.name for path in (tmp_path / "runs" / "lenet5_digits").iterdir()) == ["1", "2"]


def test_in_a_process_bad_input_is_one_sentence_and_exit_code_2(tmp_path):
    """What shows itself last, in the midst of training, and says the most until then."""
    arguments = ["-m", "cnnzoo", "train", "lenet5_digits", "--set", "learning_rate=1e30"]
    result = in_a_process(arguments, tmp_path)
    check_refusal(result.returncode, result.stderr, "in epoch 1; try a smaller learning_rate", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "lenet5_digit"], "did you mean 'lenet5_digits'"),
        (["train", "lenet5_digits", "--set", "epocs=3"], "did you mean 'epochs'"),
        (["train", "lenet5_digits", "--set", "epochs"], "key=value"),
        (["train", "lenet5_digits", "--set", "epochs=x"], "`epochs` must be an integer. Received: 'x'"),
        (["train", "lenet5_digits", "--epochs", "x"], "--epochs"),
        (["train", "lenet5_digits", "--precision", "float8"], "float32"),
        (["train", "lenet5_digits", "--resume"], "no run of 'lenet5_digits'"),
        (["train"], "RECIPE"),
        (["trian"], "trian"),
        (["info", "lenet6"], "did you mean 'lenet"),
        (["info", "lenet5", "--set", "haed=rbf"], "did you mean 'head'"),
        (["info", "lenet", "--set", "activation=rellu"], "rellu"),
        (["info", "lenet", "--set", "weights=3"], "weights"),
        (["info", "mlp", "--set", "units=3.5"], "`units` must be"),
        (["info", "lenet5", "--set", "input_shape=12,12,1"], "layer 'C3' receives 4×4"),
        (["info", "lenet5", "--input", "28x"], "as 28, 28x28 or 28x28x1 (height, width, depth), not '28x'"),
        (["info", "lenet5", "--input", "0x28"], "not '0x28'"),
        (["info", "lenet5", "--input", "1x2x3x4"], "not '1x2x3x4'"),
        (["info", "lenet6", "--input", "28"], "did you mean 'lenet"),
        (["info", "lenet5", "--input", "20"], "layer 'C5' receives 2×2"),
        (["info", "lenet5", "--input", "32", "--set", "input_shape=32,32,1"], "give one of them"),
        (["info", "lenet5", "--markdown", "--json"], "give one of them"),
        (["train", "lenet5_digits", "--verbose", "3"], "`--verbose` must be an integer from 0 to 2. Received: 3"),
        (["train", "lenet5_digits", "--progress", "lins"], "did you mean 'lines'"),
        (["train", "lenet5_digits", "--resume", "--auto-resume"], "exclude each other"),
        (["train", "lenet5_digits", "--resume-or-begin"], "--resume-or-begin is now --auto-resume"),
        (["train", "lenet5_digits", "--cpus-as", "2"], "--cpus-as is now --logical-cpus"),
        (["train", "lenet5_digits", "--wait", "2"], "--wait is now --worker-timeout"),
        (["export", "nowhere", "--to", "out", "--judge"], "--judge is now --evaluate"),
        (["serve", "nowhere", "--poll", "1"], "--poll is now --poll-interval"),
        (["evaluate", "nowhere"], "holds no"),
        (["export", "nowhere", "--to", "out"], "there is no file or folder 'nowhere'"),
        (["train", "lenet5_digits", "--set", "data=digit"], "did you mean 'digits'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, words, cnnzoo, tmp_path):
    code, _, complaints = cnnzoo(*arguments)
    check_refusal(code, complaints, words, tmp_path)


def check_refusal(code, complaints, words, folder):
    """Hold a refusal to be one sentence that has words in it, and to have left no file in a folder."""
    assert code == 2
    assert complaints.startswith("cnnzoo: ")
    assert complaints.count("\n") == 1
    assert words in complaints
    assert [path for path in folder.rglob("*") if path.is_file()] == []
