"""Which tests cover a line, and whether they notice that it was changed: what `mutation.py` stands on.

As a script, this file is one of the processes that work in a copy of the repository:

* `map` runs the unit tier once under coverage, and writes which tests run which line, and how long each test takes.
* `zygote` imports TensorFlow and pytest, but neither the package nor the tests, and starts no device of TensorFlow's;
  then it forks a child for every list of tests that it is sent. A child costs nothing to start, and nothing it imports
  outlives it. `zygote --fresh` imports nothing first: slower, and safe wherever forking is not.
"""

import argparse
import contextlib
import gc
import hashlib
import importlib
import importlib.util
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # the processes in the copies have no need of cosmic-ray
    from mutation_places import Place

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60  # what a mutant may take
BUDGET = 40  # seconds that its tests took together, without it
FAIR = 10  # seconds that a test has at least before it counts as one without an end
PRELOADED = ("numpy", "tensorflow", "keras", "sklearn.datasets", "matplotlib.pyplot", "tensorflow_datasets")
PLAIN = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
NOTHING_FAILED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def copy_tree(root: Path, into: Path) -> None:
    """Copy what git tracks or would track, so that neither side notices what the other one does; or copy a copy."""
    if root != ROOT:
        shutil.copytree(root, into, dirs_exist_ok=True)
        return
    command = ["git", "ls-files", "-coz", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (root / name).is_file():  # git lists what was removed, too
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, into / name)


def _environment(copy: Path) -> dict[str, str]:
    """Return the environment in which `copy` is imported, here and in the processes that tests start."""
    return {
        **os.environ,
        "PYTHONPATH": str(copy),  # goes before an editable installation
        "PYTHONDONTWRITEBYTECODE": "1",  # bytecode of one mutant would be taken for another's
        "PYTHONHASHSEED": "0",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


class Coverage:
    """Which tests run which line, and for how long.

    Attributes:
        seconds: of every test that passes.
        trusted: the tests that were seen to pass without a mutant after they had failed with one.
    """

    def __init__(self, content: dict):
        self.seconds: dict[str, float] = content["seconds"]
        self.trusted: set[str] = set()
        self._names = list(self.seconds)
        self._lines = content["lines"]
        self._distrusted: set[str] = set()

    def distrust(self, tests: Iterable[str]) -> None:
        """Choose these tests no more: they fail without a mutant, too."""
        self._distrusted.update(tests)

    def tests_of(self, place: "Place") -> tuple[set[str], set[str], bool]:
        """Return the tests that run `place`, the ones that may depend on it, and whether it is covered at all.

        What ran while a test was set up may be a fixture that the whole file shares: its other tests may depend on it.
        What runs at import does so in nobody's name: it belongs to the tests of the function or class around it, or
        else of the module. A function that no test seems to run may have run where the tracer does not look: in the
        copy that AutoGraph makes, or in a thread of TensorFlow's. It belongs to the tests of what is around it, but
        does not count as covered.
        """
        ran, files, known = self._on(place.path, place.line, place.line)
        if not known:
            ran, files, known = self._on(place.path, *place.statement)
        wider = {test for test in self._names if test.split("::")[0] in files}
        at_import = not place.in_body or (known and not ran)
        if not place.in_body:
            ran, wider = set(), ran | wider  # by chance: whichever test imported the module first
        if at_import or not (ran or self._on(place.path, *place.scopes[0])[0]):
            around = (self._on(place.path, *scope)[0] for scope in place.scopes)
            wider |= next(filter(None, around), set())
        ran, wider = ran - self._distrusted, wider - ran - self._distrusted
        return ran, wider, bool(ran or (at_import and wider))

    def chosen(self, ran: set[str], wider: set[str]) -> dict[str, float]:
        """Return the fastest tests that fit the budget, those that run the place first, with their seconds.

        A file's tests stay together: a module's fixtures would be made again whenever its tests are returned to.
        """
        tests: dict[str, list[str]] = {}
        left = BUDGET
        for test in sorted(ran | wider, key=lambda test: (test in wider, self.seconds[test])):
            if self.seconds[test] <= left or not tests:
                left -= self.seconds[test]
                tests.setdefault(test.split("::")[0], []).append(test)
        return {test: self.seconds[test] for file in tests.values() for test in file}

    def _on(self, path: str, first: int, last: int) -> tuple[set[str], set[str], bool]:
        """Return the tests that run these lines, the files of those that do while set up, and whether the lines run."""
        lines = [self._lines.get(path, {}).get(str(line)) for line in range(first, last + 1)]
        known = [line for line in lines if line is not None]
        setups = {self._names[index] for line in known for index in line["setup"]}
        ran = {self._names[index] for line in known for index in line["run"]} | setups
        return ran, {test.split("::")[0] for test in setups}, bool(known)


def coverage_of(copy: Path, folder: Path, tests: list[str]) -> Coverage:
    """Return the map of the tree in `copy`, from `folder` if it is still the same tree."""
    tree = _fingerprint(copy, tests)
    file = folder / "coverage.json"
    if not file.is_file() or json.loads(file.read_text(encoding="utf-8"))["tree"] != tree:
        print("running the unit tier under coverage", file=sys.stderr)
        command = [sys.executable, __file__, "map", str(folder), *tests]
        subprocess.run(command, cwd=copy, env=_environment(copy), check=True, stdout=sys.stderr)
        made = folder / "map.json"
        made.write_text(json.dumps({"tree": tree, **json.loads(made.read_text(encoding="utf-8"))}))
        made.replace(file)
    return Coverage(json.loads(file.read_text(encoding="utf-8")))


def _fingerprint(copy: Path, tests: list[str]) -> str:
    digest = hashlib.sha256(json.dumps(tests).encode())
    files = [*(copy / "cnnzoo").rglob("*"), *(copy / "tests").rglob("*"), copy / "conftest.py", copy / "pyproject.toml"]
    for file in sorted(file for file in files if file.is_file()):
        digest.update(str(file.relative_to(copy)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


class Recorder:
    """Adds up how long every test takes, its fixtures included, and remembers how it ended."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)


def _map(folder: Path, tests: list[str]) -> None:
    """Run the unit tier; a test that fails or is skipped can kill no mutant, and is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    settings, data = folder / "coveragerc", folder / "coverage.sqlite"
    settings.write_text("[run]\nrelative_files = true\n")
    os.environ["COVERAGE_FILE"] = str(data)
    coverage = ["--cov=cnnzoo", "--cov-context=test", "--cov-report=", f"--cov-config={settings}"]
    recorder = Recorder()
    code = pytest.main([*tests, *PLAIN, *coverage], plugins=[recorder])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        sys.exit(f"the unit tier did not run: pytest ended with {code}")
    seconds = {test: recorder.seconds[test] for test in sorted(recorder.passed - recorder.failed)}
    (folder / "map.json").write_text(json.dumps({"seconds": seconds, "lines": _lines(data, list(seconds))}))
    print(f"{len(seconds)} tests passed, left out: {len(recorder.seconds) - len(seconds)}")
    print(*(f"fails without a mutant: {test}" for test in sorted(recorder.failed)), sep="\n")


def _lines(data: Path, names: list[str]) -> dict[str, dict[int, dict[str, list[int]]]]:
    from coverage import CoverageData

    measured = CoverageData(str(data))
    measured.read()
    number = {name: index for index, name in enumerate(names)}
    lines: dict[str, dict[int, dict[str, list[int]]]] = {}
    for path in sorted(measured.measured_files()):
        for line, contexts in measured.contexts_by_lineno(path).items():
            entry = lines.setdefault(path, {}).setdefault(line, {"run": [], "setup": []})
            for context in contexts:
                test, _, when = context.rpartition("|")
                if test in number:
                    entry["setup" if when == "setup" else "run"].append(number[test])
    return lines


class Zygote:
    """A copy of the repository, and the process that runs tests there."""

    def __init__(self, copy: Path, log: Path, fresh: bool):
        self.copy = copy
        self._log = log
        command = [sys.executable, __file__, "zygote", *["--fresh"] * fresh]
        with log.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=copy,
                env=_environment(copy),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    @contextlib.contextmanager
    def mutated(self, path: str, text: str) -> Iterator[None]:
        """Have another text in a file of the copy."""
        before = (self.copy / path).read_bytes()
        (self.copy / path).write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            (self.copy / path).write_bytes(before)

    def run(self, tests: dict[str, float]) -> dict:
        """Run the tests, which take so many seconds each, in this order, and stop at the first that fails.

        Returns:
            `code`, how pytest ended; `timeout`, whether it did not; `killer`, the test or file that failed;
            `ran`, how many tests did; and `seconds`.
        """
        self._process.stdin.write(json.dumps(tests) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"a zygote ended; its last words are in {self._log}")
        if elsewhere := json.loads(answer).get("elsewhere"):
            raise SystemExit(f"imported from outside the copy: {', '.join(elsewhere)}")
        return json.loads(answer)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


class Chosen:
    """Runs the chosen tests in their order, and begins none that may not end in time."""

    def __init__(self, tests: dict[str, float]):
        self._started = time.monotonic()
        self._tests = tests
        self.killer: str | None = None
        self.ran = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {test: number for number, test in enumerate(self._tests)}
        items[:] = sorted((item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Pass over a test, by claiming that it is done, where it could be cut short with nothing wrong."""
        needed = max(FAIR, 2 * self._tests[item.nodeid])
        if time.monotonic() - self._started + needed > SECONDS:
            return True
        self.ran += 1
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.killer = self.killer or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.killer = self.killer or report.nodeid


def _zygote(fresh: bool) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what tests print is no answer
    for name in () if fresh else PRELOADED:
        importlib.import_module(name)
    assert not any(_is_ours(name) for name in sys.modules), "nothing of a mutant may be imported before it is there"
    if not fresh:
        from tensorflow.python.eager import context

        assert context.context_safe() is None, "threads of TensorFlow's would not live on in a child"
        gc.collect()
        gc.freeze()  # the children tidy up after every module, and need not look at this
    for line in sys.stdin:
        answers.write(json.dumps(_forked(json.loads(line))) + "\n")
        answers.flush()


def _forked(tests: dict[str, float]) -> dict:
    began = time.monotonic()
    answer = Path.cwd() / f".answer-{os.getpid()}.json"
    answer.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        try:
            _child(tests, answer)
        finally:
            os._exit(0)  # past everything that wants to be tidied up
    ended = False
    try:
        while not (ended := os.waitpid(child, os.WNOHANG)[0] == child) and time.monotonic() - began < SECONDS:
            time.sleep(0.02)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # the child, or what its tests started and left
        if not ended:
            os.waitpid(child, 0)
    crashed = {"code": "crash", "killer": None, "ran": None}
    told = json.loads(answer.read_text(encoding="utf-8")) if answer.is_file() else crashed
    return {"timeout": not ended, "seconds": round(time.monotonic() - began, 2), **told}


def _child(tests: dict[str, float], answer: Path) -> None:
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    resource.setrlimit(resource.RLIMIT_DATA, (half, half))  # a mutant that wants all memory dies alone
    origin = importlib.util.find_spec("cnnzoo").origin
    assert Path(origin).is_relative_to(Path.cwd()), origin
    chosen = Chosen(tests)
    files = list(dict.fromkeys(test.split("::")[0] for test in tests))
    code = pytest.main([*files, "-n", "0", "-x", "--tb=short", *PLAIN], plugins=[chosen])
    loaded = {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if _is_ours(name)}
    elsewhere = [name for name, file in loaded.items() if file and not Path(file).is_relative_to(Path.cwd())]
    told = {"code": int(code), "killer": chosen.killer, "ran": chosen.ran, "elsewhere": elsewhere}
    answer.write_text(json.dumps(told), encoding="utf-8")


def _is_ours(name: str) -> bool:
    return name.split(".")[0] in ("cnnzoo", "tests")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=["map", "zygote"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    if options.role == "map":
        _map(options.folder.resolve(), options.tests)
    else:
        _zygote(options.fresh)


if __name__ == "__main__":
    main()
