"""Break the package in small ways, one at a time, and count how many of them the unit tier of the tests notices.

    pip install -e '.[dev,mutation]'
    python benchmarks/mutation.py
    python benchmarks/mutation.py --only survived  # again, after tests were added
    python benchmarks/mutation.py --show  # the table alone

The unit tier is what plain `pytest` runs, doctests included, and with TFDS_DATA_DIR what needs MNIST. The mutants are
cosmic-ray's. They are drawn by --seed from the parts of the package in GROUPS: from each in proportion to its places
that can be mutated, and at least --least. A place (a line and a column) is drawn first and then one of its mutants: a
`+` has eleven of them, and a `True` has one. A second mutant of a place is drawn only where a part has too few
places.

Left out is what no test could notice, or every test would:
* type annotations, `if TYPE_CHECKING` and `__all__`, which do nothing when the package runs;
* stars that are no operator, in a signature or before what is unpacked, which cosmic-ray takes for one;
* mutants that mean the same as the original, and those that Python refuses or warns about: the tests make errors of
  warnings, so that `x is "a"` would die without a test of it;
* operators that need names of variables as arguments. None of the others changes a string.

Each mutant runs, in a copy of the repository, against the tests that cover its line (`Coverage.tests_of` says what
that means for what runs at import): those that add up to BUDGET seconds, the fastest first, until one fails. What
runs in processes that tests start is not traced; the unit tier starts none. A mutant ends in one of these states:
* `killed`: a test failed, or its file could not be imported. When a test fails for the first time, it runs again,
  with the same tests before it and without the mutant; if it fails there, too, it is covering no more.
* `timeout`: a test ran on for FAIR seconds and twice its usual time, until the mutant's SECONDS were over; killed, too.
* `survived`: no test failed. Where time left tests out, the list says so.
* `uncovered`: no test covers the line; survived, too.

Before all this, a few tests must pass in the unmutated copy, and fail when the function that they cover raises.

Every result is a line in results.jsonl in --folder at once, and holds as long as the mutated file's text is the same;
a second call resumes. coverage.json holds while neither the package nor a test has changed, and is made again then.
"""

import argparse
import contextlib
import json
import queue
import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from mutation_places import Mutant, mutants_of
from mutation_tests import NOTHING_FAILED, ROOT, Coverage, Zygote, copy_tree, coverage_of

GROUPS = (
    "cnnzoo/layers",
    "cnnzoo/losses.py",
    "cnnzoo/metrics.py",
    "cnnzoo/optimizers",
    "cnnzoo/models",
    "cnnzoo/analysis",
    "cnnzoo/data",
    "cnnzoo/pretraining",
    "cnnzoo/files.py",
)
STATES = ("killed", "timeout", "survived", "uncovered")
ALIVE = ("survived", "uncovered")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=240, help="how many, before small groups get --least")
    parser.add_argument("--least", type=int, default=10, help="how many of each group at least")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("runs/mutation"), help="where the results go")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=GROUPS, metavar="GROUP")
    parser.add_argument("--tests", nargs="+", default=[], help="files and folders instead of the whole unit tier")
    parser.add_argument("--only", choices=(*ALIVE, "timeout"), help="run those again; `survived` has both that do")
    parser.add_argument("--fresh", action="store_true", help="let every mutant import TensorFlow itself")
    parser.add_argument("--show", action="store_true", help="print what there is, and run nothing")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        copies = []
        for _ in range(0 if options.show else options.jobs):
            copies.append(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mutation-"))).resolve())
            copy_tree(copies[0] if len(copies) > 1 else ROOT, copies[-1])
        root = (copies or [ROOT])[0]
        mutants, places = mutants_of(root, tuple(options.groups), options.mutants, options.least, options.seed)
        if not options.show:
            _run(mutants, copies, options)
    _show(mutants, places, _results(options))


def _results(options: argparse.Namespace) -> dict[str, dict]:
    """Return the last result of every mutant that was run against these tests."""
    file = options.folder / "results.jsonl"
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines()) if file.is_file() else []
    return {row["key"]: row for row in rows if row["tests"] == options.tests}


def _run(mutants: list[Mutant], copies: list[Path], options: argparse.Namespace) -> None:
    """Run the mutants that have no result yet, or, with --only, those that have this one."""
    again = ALIVE if options.only == "survived" else (options.only,)
    results = _results(options)
    todo = [mutant for mutant in mutants if results.get(mutant.key, {}).get("state") in again]
    if not todo:
        return
    coverage = coverage_of(copies[0], options.folder, options.tests)
    with contextlib.ExitStack() as stack:
        zygotes: queue.SimpleQueue[Zygote] = queue.SimpleQueue()
        for number, copy in enumerate(copies):
            zygote = Zygote(copy, options.folder / f"zygote-{number}.log", options.fresh)
            stack.callback(zygote.close)
            _guard(mutants, coverage, zygote)
            zygotes.put(zygote)
        _run_in(zygotes, todo, coverage, options)


def _run_in(
    zygotes: "queue.SimpleQueue[Zygote]", todo: list[Mutant], coverage: Coverage, options: argparse.Namespace
) -> None:
    def evaluate(mutant: Mutant) -> tuple[Mutant, dict]:
        zygote = zygotes.get()
        began = time.monotonic()
        result = _evaluate(mutant, coverage, zygote)
        zygotes.put(zygote)
        return mutant, {**result, "seconds": round(time.monotonic() - began, 2)}

    with ThreadPoolExecutor(options.jobs) as pool, (options.folder / "results.jsonl").open("a") as file:
        futures = [pool.submit(evaluate, mutant) for mutant in todo]
        try:
            for number, future in enumerate(as_completed(futures), 1):
                mutant, result = future.result()
                row = {"key": mutant.key, "operator": mutant.operator, "change": mutant.change, **result}
                file.write(json.dumps({**row, "tests": options.tests}, ensure_ascii=False) + "\n")
                file.flush()
                print(
                    f"{number}/{len(todo)} {result['state']} {result['seconds']} s  {_where(mutant)}", file=sys.stderr
                )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _evaluate(mutant: Mutant, coverage: Coverage, zygote: Zygote) -> dict:
    """Return a mutant's state, how pytest ended, what killed it, and how many tests ran and how many did not."""
    while True:
        ran, wider, covered = coverage.tests_of(mutant.place)
        tests = coverage.chosen(ran, wider)
        if not tests:
            return {"state": "uncovered", "code": None, "killer": None, "ran": 0, "left_out": 0}
        with zygote.mutated(mutant.place.path, mutant.text):
            told = zygote.run(tests)
        if not told["killer"] or not (liars := _liars(told["killer"], tests, coverage, zygote)):
            break
        coverage.distrust(liars)
    if told["timeout"]:
        state = "timeout"
    elif told["code"] in NOTHING_FAILED:
        state = "survived" if covered else "uncovered"
    else:
        state = "killed"
        if not told["killer"] and zygote.run(tests)["code"] not in NOTHING_FAILED:  # pytest itself ended badly
            raise SystemExit(f"{', '.join(tests)}: cannot be run without a mutant either")
    left_out = len(ran | wider) - told["ran"] if state in ALIVE else 0
    return {"state": state, "code": told["code"], "killer": told["killer"], "ran": told["ran"], "left_out": left_out}


def _liars(killer: str, tests: dict[str, float], coverage: Coverage, zygote: Zygote) -> list[str]:
    """Return the tests that failed, which are one or a whole file, if they do so without the mutant, too."""
    names = list(tests)
    failed = [name for name in names if name == killer or name.startswith((f"{killer}::", f"{killer}/"))]
    if killer in coverage.trusted or not failed:
        return []
    until = names[: names.index(failed[-1]) + 1]
    if zygote.run({name: tests[name] for name in until})["code"] == 0:
        coverage.trusted.add(killer)
        return []
    print(f"fails without a mutant, too, and is covering no more: {killer}", file=sys.stderr)
    return failed


def _guard(mutants: list[Mutant], coverage: Coverage, zygote: Zygote) -> None:
    """End the program where tests do not pass as they are, or pass although the function that they cover raises."""
    covering = {mutant.place: coverage.tests_of(mutant.place)[0] for mutant in mutants if mutant.place.in_body}
    covering = {place: tests for place, tests in covering.items() if tests}
    if not covering:
        raise SystemExit("the tests cover none of the mutants")
    place = min(covering, key=lambda place: min(coverage.seconds[test] for test in covering[place]))
    tests = dict(list(coverage.chosen(covering[place], set()).items())[:5])
    told = zygote.run(tests)
    if told["code"] != 0 or told["ran"] != len(tests):
        raise SystemExit(f"{', '.join(tests)}: did not all pass in the unmutated copy: {told}")
    lines = (zygote.copy / place.path).read_text(encoding="utf-8").splitlines(keepends=True)
    first = place.scopes[0][0] - 1
    indentation = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
    lines.insert(first, f"{indentation}raise AssertionError('deliberate')\n")
    with zygote.mutated(place.path, "".join(lines)):
        told = zygote.run(tests)
    if told["code"] != 1 or not told["killer"]:
        raise SystemExit(
            f"{', '.join(tests)}: passed although the function of {place.path}:{place.line} raises: {told}"
        )


def _show(mutants: list[Mutant], places: dict[str, int], results: dict[str, dict]) -> None:
    done = [mutant for mutant in mutants if mutant.key in results]
    counts = {
        group: Counter(results[mutant.key]["state"] for mutant in done if mutant.group == group) for group in places
    }
    print("| group | places | mutants | " + " | ".join(STATES) + " | score % |")
    print("|---|" + "---:|" * (len(STATES) + 3))
    for group, count in counts.items():
        print(_row(group, places[group], count))
    print(_row("all", sum(places.values()), sum(counts.values(), Counter())))
    shares = {group: places[group] for group, count in counts.items() if count}
    if shares:
        weighted = statistics.fmean([_score(counts[group]) for group in shares], shares.values())
        print(f"\nEach group weighed by its places: {weighted:.1f} %")
    if len(done) < len(mutants):
        print(f"\n{len(mutants) - len(done)} of {len(mutants)} mutants have not run yet.")
    print()
    for mutant in done:
        if results[mutant.key]["state"] in ALIVE:
            print(_survivor(mutant, results[mutant.key]))


def _row(name: str, places: int, count: Counter) -> str:
    cells = [name, places, count.total(), *(count[state] for state in STATES), f"{_score(count):.1f}"]
    return f"| {' | '.join(map(str, cells))} |"


def _score(count: Counter) -> float:
    return 100 * (count["killed"] + count["timeout"]) / count.total() if count else float("nan")


def _survivor(mutant: Mutant, result: dict) -> str:
    left_out = f"; {result['left_out']} of its tests left out" if result["left_out"] else ""
    return f"* {_where(mutant)} {result['state']}{left_out}: {mutant.change}"


def _where(mutant: Mutant) -> str:
    return f"{mutant.place.path}:{mutant.place.line} {mutant.operator}"


if __name__ == "__main__":
    main()
