"""Run a tier of the tests again and again, modules in random order, some runs beside two busy loops.

    python benchmarks/suite_stability.py --tier unit --times 10 --busy 3
    python benchmarks/suite_stability.py --tier integration --times 3 --busy 1

Prints a line a run: its seconds, what failed, the peak memory of each worker, and the seed that brings its order back
(`pytest --random-order-bucket=module --random-order-seed=SEED`). A run that is over is not run again, so that the whole
may be stopped and called again.
"""

import argparse
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

TIERS = {"unit": [], "integration": ["-m", "integration"], "slow": ["-m", "slow"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", choices=TIERS, default="unit")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument(
        "--busy", type=int, default=3, help="how many of them, the last ones, run beside two busy loops"
    )
    parser.add_argument("--seed", type=int, default=0, help="run N is in the order of SEED + N")
    parser.add_argument("--folder", type=Path, default=Path("runs/suite_stability"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    results = []
    for number in range(options.times):
        busy = number >= options.times - options.busy
        seed = options.seed + number
        file = options.folder / f"{options.tier}-{seed}{'-busy' if busy else ''}.json"
        if not file.is_file():
            result = _run(options.tier, seed, busy, file.with_suffix(".log"))
            file.write_text(json.dumps(result))
        results.append(json.loads(file.read_text(encoding="utf-8")))
        print(_line(results[-1]), flush=True)
    failed = sum(result["failed"] for result in results)
    print(f"{options.tier}: {failed} failures in {len(results)} runs")
    sys.exit(failed > 0)


def _run(tier: str, seed: int, busy: bool, log: Path) -> dict:
    order = ["--random-order-bucket=module", f"--random-order-seed={seed}"]
    command = [sys.executable, "-m", "pytest", *TIERS[tier], *order]
    with _busy_loops(2 if busy else 0), log.open("w", encoding="utf-8") as output:
        began = time.perf_counter()
        ended = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
        seconds = time.perf_counter() - began
    text = log.read_text(encoding="utf-8", errors="replace")
    counts = {name: int(found) for found, name in re.findall(r"(\d+) (passed|failed|errors?|skipped)\b", text[-2000:])}
    bad = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    return {
        "tier": tier,
        "seed": seed,
        "busy": busy,
        "seconds": seconds,
        "passed": counts.get("passed", 0),
        "skipped": counts.get("skipped", 0),
        # A run that ended badly in any other way failed, too.
        "failed": bad or int(ended.returncode != 0),
        "which": re.findall(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE),
        "memory": re.findall(r"^peak memory.*$", text, re.MULTILINE),
    }


@contextlib.contextmanager
def _busy_loops(count: int) -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def _line(result: dict) -> str:
    beside = ", beside two busy loops" if result["busy"] else ""
    what = f"{result['passed']} passed, {result['failed']} failed, {result['skipped']} skipped"
    return " ".join(
        [
            f"{result['tier']} {result['seconds']:.0f} s{beside}: {what}; seed {result['seed']};",
            *result["memory"],
            *result["which"],
        ]
    )


if __name__ == "__main__":
    main()
