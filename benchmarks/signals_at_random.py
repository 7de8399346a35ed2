"""Stop commands by signals at random moments, and look at how they end and at what they leave.

    python benchmarks/signals_at_random.py
    python benchmarks/signals_at_random.py --times 40 --commands train

Each command is run once to its end, for its time, and then stopped so often by SIGINT and by SIGTERM. It must end in a
sentence and with 130 or 143, or have been done; it may also meet Python before the command line is
loaded, or after all is done. No file
may be there in part. A run that was stopped is resumed and must end with the weights of the run that was not.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from cnnzoo.experiments.run import Run

TRAIN = ["train", "lenet5_digits", "--epochs", "3", "--set", "train_examples=256", "--workdir", "{made}"]
COMMANDS = {
    "train": [*TRAIN, "--no-report"],
    "tune": ["tune", "lenet5_digits", "--smoke", "--trials", "2", "--seeds", "0", "--workdir", "{made}"],
    "export": ["export", "{run}", "--to", "{made}"],
    "report": ["report", "{run}", "--to", "{made}"],
}


def main() -> None:
    """Stop, look and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=20, help="how often each signal stops each command")
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _ended(_started("train", folder, folder / "run"))
        for command in options.commands:
            began = time.monotonic()
            _ended(_started(command, folder, folder / "whole"))
            seconds = time.monotonic() - began
            shutil.rmtree(folder / "whole", ignore_errors=True)
            for stop in (signal.SIGINT, signal.SIGTERM):
                found: Counter[str] = Counter()
                for _ in range(options.times):
                    what = _stopped(command, folder, chance.uniform(0, seconds), stop)
                    found[what] += 1
                failures += sum(count for what, count in found.items() if what.startswith("FAILED"))
                print(f"{command:7} {stop.name:8} within {seconds:4.1f} s: {dict(found.most_common())}", flush=True)
    sys.exit(1 if failures else 0)


def _started(command: str, folder: Path, made: Path) -> subprocess.Popen:
    if command == "report":
        made.mkdir(exist_ok=True)
    arguments = [word.format(run=folder / "run", made=made) for word in COMMANDS[command]]
    return _cnnzoo(*arguments)


def _cnnzoo(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "cnnzoo", *arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_take_interrupts,
    )


def _take_interrupts() -> None:
    """Undo what a shell does to all that it starts in its background: it lets them ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _ended(process: subprocess.Popen) -> tuple[int, str, str]:
    output, errors = process.communicate()
    return process.returncode, errors, output


def _stopped(command: str, folder: Path, after: float, stop: signal.Signals) -> str:
    """Stop a command after some seconds, and return how it ended."""
    made = folder / "made"
    process = _started(command, folder, made)
    time.sleep(after)
    process.send_signal(stop)
    code, errors, _ = _ended(process)
    lines = errors.strip().splitlines()
    if code == -stop and not lines:
        what = "while Python started or ended"
    elif code == 0:
        what = "done before"
    elif code == 128 + stop and lines and lines[-1].startswith("cnnzoo: stopped") and "Traceback" not in errors:
        what = "a sentence"
    else:
        what = f"FAILED after {after:.2f} s with {code}: {' / '.join(lines[-3:])[-300:]}"
    if left := [str(path) for path in made.rglob(".part-*")] if made.is_dir() else []:
        what = f"FAILED: left {left}"
    if command == "train" and (made / "recipe.json").is_file():
        what += _difference_after_resuming(folder, made)
    shutil.rmtree(made, ignore_errors=True)
    return what


def _difference_after_resuming(folder: Path, made: Path) -> str:
    code, errors, _ = _ended(_cnnzoo("train", "lenet5_digits", "--workdir", str(made), "--resume", "--no-report"))
    if code:
        return f"; FAILED to resume: {errors.strip()[-300:]}"
    pairs = zip(Run(made).model().get_weights(), Run(folder / "run").model().get_weights(), strict=True)
    equal = all(np.array_equal(one, other) for one, other in pairs)
    return ", resumed to the same weights" if equal else "; FAILED: other weights"


if __name__ == "__main__":
    main()
