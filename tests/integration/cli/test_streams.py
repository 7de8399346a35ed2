"""A command runs to its end whatever becomes of its output, and ends in one sentence by a signal."""

import os
import signal
import subprocess
import sys

import pytest

from cnnzoo.experiments.run import Run
from tests import processes
from tests.hold import hold

TRAIN = [sys.executable, "-m", "cnnzoo", "train", "lenet5_digits", "--smoke", "--no-report", "--workdir"]


def shell(command, **variables):
    return subprocess.run(
        ["bash", "-c", command], env=processes.environment(**variables), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "redirected",
    [
        "--progress lines | head -1",
        "> /dev/full",
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("2>&-", ">&- 2>&-")),
    ],
)
def test_training_ends_without_readers(tmp_path, redirected):
    ended = shell(f"{' '.join(TRAIN)} {tmp_path / 'run'} {redirected}; exit ${{PIPESTATUS[0]}}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert Run(tmp_path / "run").metrics["epochs"] == 2
    if "head" in redirected:
        assert ended.stdout.startswith("epoch 1/2")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_console_of_few_letters_gets_question_marks(encoding):
    """Those of Windows have ×, and no −."""
    few = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    escaped = "3×3 − 1 ± 2 ✓".encode("unicode_escape").decode()  # for the shell's own encoding
    script = f"import sys; from cnnzoo.cli import streams; streams.keep_open(); print('{escaped}', sys.stdout.errors)"
    printed = shell(f'{sys.executable} -c "{script}" | iconv -f {encoding} -t utf-8', **few)
    lacking = {"ascii": "×−±✓", "cp1252": "−✓", "utf-8": ""}[encoding]
    expected = "".join("?" if sign in lacking else sign for sign in "3×3 − 1 ± 2 ✓ replace\n")
    assert (printed.stdout, printed.stderr) == (expected, "")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize(
    "words", [pytest.param("info alexnet", marks=pytest.mark.slow), "info lenet5", "list", "train lenet5_digits --help"]
)
def test_commands_end_on_a_console_of_few_letters(words, encoding):
    few = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    ended = shell(f"{sys.executable} -m cnnzoo {words} | iconv -f {encoding} -t utf-8; exit ${{PIPESTATUS[0]}}", **few)
    assert (ended.returncode, ended.stderr) == (0, "")
    if words == "info alexnet":
        assert ("55×55" if encoding == "cp1252" else "55?55") in ended.stdout


def test_a_recipe_started_as_a_script_has_such_a_console_too(tmp_path):
    recipe = tmp_path / "of_mine.py"
    recipe.write_text((processes.ROOT / "recipes/lenet5_digits.py").read_text("utf-8"), "utf-8")
    script = f"import cnnzoo.cli, sys; sys.argv = ['', '--bad×−']; cnnzoo.cli.run_file({str(recipe)!r})"
    ended = processes.run(["-c", script], PYTHONIOENCODING="ascii:strict")
    assert (ended.returncode, ended.stderr.strip()) == (2, "cnnzoo: No such option: --bad??")


def test_too_little_memory_is_said_before_it_ends_the_process():
    ended = shell(f"ulimit -v 3900000; {sys.executable} -m cnnzoo info lenet5")
    assert ended.stderr.startswith(
        "cnnzoo: this process may take 4.0 GB of memory (ulimit -v); TensorFlow needs some 4,"
    )
    assert ended.returncode == 0


COMMANDS = {
    "train": ("cnnzoo.training.build:build", ["train", "lenet5_digits"], "stopped; there is nothing to resume yet"),
    "export": ("cnnzoo.serving.saved_model:write_saved_model", ["export", "{run}", "--to", "{to}"], "stopped"),
    "report": ("cnnzoo.reports.page:write_page", ["report", "{run}", "--to", "{to}"], "stopped"),
}


@pytest.mark.parametrize(
    ("command", "stop"),
    [
        pytest.param(command, stop, marks=[] if (command, stop) in few else pytest.mark.slow)
        for few in [{("train", signal.SIGINT), ("export", signal.SIGTERM)}]
        for command in COMMANDS
        for stop in (signal.SIGINT, signal.SIGTERM)
    ],
)
def test_a_signal_ends_a_command_in_a_sentence(tmp_path, finished, command, stop):
    point, arguments, sentence = COMMANDS[command]
    to = tmp_path / "to"
    arguments = [text.format(run=finished.folder, to=to) for text in arguments]
    workdir = ["--workdir", tmp_path / "run"] if arguments[0] == "train" else []
    with hold(point) as held:
        process = processes.start(["-m", "cnnzoo", *arguments, *workdir], **held.environment)
        os.kill(held.wait(process), stop)
        _, message = processes.ended(process)
    assert (process.returncode, message.strip()) == (128 + stop, f"cnnzoo: {sentence}")
    assert not list(tmp_path.rglob(".part-*"))
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert processes.run([*TRAIN[1:], folder]).returncode == 0
    return Run(folder)


# A destructor that a signal meets: what it raises there, Python prints and forgets.
IN_A_DESTRUCTOR = """
import os, signal, time
from cnnzoo.cli import app, main

class Slow:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        time.sleep(0.01)

@app.command()
def wait():
    Slow()
    time.sleep(60)

main(["wait"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_meets_a_destructor_is_not_lost(name):
    ended = processes.run(["-c", IN_A_DESTRUCTOR.format(name=name)])
    assert (ended.returncode, ended.stderr.strip()) == (128 + getattr(signal, name), "cnnzoo: stopped")


# An `exec` of a text, as in the making of a dataclass: `python -m` notes an interrupt there, and would end by SIGINT.
IN_AN_EXEC = """
import sys
from cnnzoo import __main__
from cnnzoo.cli import app

@app.command()
def wait():
    exec("import os, signal, time; os.kill(os.getpid(), signal.{name}); time.sleep(60)")

sys.argv = ["cnnzoo", "wait"]
__main__.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_meets_an_exec_ends_with_its_own_exit_code(name, tmp_path):
    (tmp_path / "waits.py").write_text(IN_AN_EXEC.format(name=name), "utf-8")
    ended = processes.run(["-m", "waits"], cwd=tmp_path)
    assert (ended.returncode, ended.stderr.strip()) == (128 + getattr(signal, name), "cnnzoo: stopped")
