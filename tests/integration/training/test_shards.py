"""The command line trains in shards of the batch; a library's `train` leaves the process' threads alone."""

import pytest

SCRIPT = """
import os, sys
os.sched_getaffinity = lambda _: range(2)
from cnnzoo import distribute

split = distribute.batch_shards

def recorded(model, count):
    print("shards", count, flush=True)
    return split(model, count)

distribute.batch_shards = recorded
recipe, folder, by_command = sys.argv[1:]
if by_command == "yes":
    from cnnzoo import cli

    cli.main(["train", recipe, "--batch-size", "128", "--smoke", "--no-report", "--workdir", folder, *{changes}])
else:
    import cnnzoo

    cnnzoo.train(cnnzoo.load_recipe(recipe).smoke().replace(batch_size=128), workdir=folder, verbose=0)
"""


def run(processes, *arguments, changes=()):
    started = processes.start(["-c", SCRIPT.replace("{changes}", str(list(changes))), *map(str, arguments)])
    ((output, _),) = processes.finished([started])
    return [int(line.split()[1]) for line in output.splitlines() if line.startswith("shards")]


@pytest.mark.parametrize(
    ("recipe", "changes", "by_command", "expected"),
    [
        ("lenet5_digits", [], "yes", [2]),
        ("lenet5_digits", [], "no", [1]),
        ("deep_autoencoder_digits", ["--logical-cpus", "2"], "yes", [1]),
    ],
)
def test_the_command_line_alone_trains_in_shards(processes, tmp_path, recipe, changes, by_command, expected):
    assert run(processes, recipe, tmp_path / "run", by_command, changes=changes) == expected
