"""What the tests of killed and interrupted processes stand on; see `tests/hold.py`."""

import os
import signal

import pytest

from tests import processes
from tests.hold import hold

WORK = """
from pathlib import Path

class Work:
    def step(self, name):
        Path(name).touch()

def main():
    for name in ("first", "second", "third"):
        try:
            Work().step(name)
        except KeyboardInterrupt:
            print("interrupted at", name)
    print("done")
"""
MAIN = ["-c", "import work; work.main()"]
A_CHILDS = ["-c", f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, *{MAIN}]))"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def made(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".py" and path.name != "__pycache__")


def test_a_process_stops_before_the_call_and_goes_on_where_it_is_let(folder):
    with hold("work:Work.step", call=2) as held:
        process = processes.start(MAIN, folder, **held.environment)
        assert held.wait(process) == process.pid
        assert made(folder) == ["first"]
        held.let_go()
        assert processes.finished([process]) == [("done\n", "")]
    assert made(folder) == ["first", "second", "third"]


def test_a_process_of_a_process_stops_after_the_call_that_is_about_something(folder):
    with hold("work:Work.step", after=True, about="second") as held:
        process = processes.start(A_CHILDS, folder, **held.environment)
        child = held.wait(process)
        assert processes.children(process.pid) == {child}
        assert made(folder) == ["first", "second"]
        os.kill(child, signal.SIGKILL)
        processes.ended(process)
    assert process.returncode != 0
    assert made(folder) == ["first", "second"]


def test_an_interrupt_arrives_in_the_call(folder):
    with hold("work:Work.step", call=2) as held:
        process = processes.start(MAIN, folder, **held.environment)
        held.wait(process)
        process.send_signal(signal.SIGINT)
        assert processes.finished([process]) == [("interrupted at second\ndone\n", "")]
    assert made(folder) == ["first", "third"]


def test_a_function_of_a_module_that_python_itself_has_imported(folder):
    with hold("os:getpid") as held:
        process = processes.start(["-c", "import os; os.getpid()"], folder, **held.environment)
        assert held.wait(process) == process.pid
        held.let_go()
        processes.finished([process])


def test_who_never_comes_is_named_with_what_it_wrote(folder):
    with hold("work:Work.step", call=4) as held:
        process = processes.start(MAIN, folder, **held.environment)
        with pytest.raises(AssertionError, match=r"did not come to .*'Work\.step', 'call': 4.*done"):
            held.wait(process)


def test_who_is_still_held_ends_with_the_test(folder):
    with hold("work:Work.step") as held:
        process = processes.start(MAIN, folder, **held.environment)
        held.wait(process)
    assert processes.ended(process) == ("", "")
    assert process.returncode == 1


def test_the_machines_own_sitecustomize_runs_too(folder):
    (folder / "sitecustomize.py").write_text("print('the own')\n")
    with hold("work:Work.step") as held:
        path = os.pathsep.join((held.environment["PYTHONPATH"], str(folder)))
        process = processes.start(MAIN, folder, **{**held.environment, "PYTHONPATH": path})
        held.wait(process)
        held.let_go()
        assert processes.finished([process]) == [("the own\ndone\n", "")]
