"""The command line."""

import os
import sys
from typing import NoReturn

# Each adds its commands, in the order in which the help lists them.
# isort: off
from cnnzoo.cli import listing, training, tuning, reporting, serving  # noqa: F401

# isort: on
from cnnzoo.cli.app import app
from cnnzoo.errors import InputError

# Options of earlier versions.
RENAMED = {
    "--cpus-as": "--logical-cpus",
    "--judge": "--evaluate",
    "--poll": "--poll-interval",
    "--resume-or-begin": "--auto-resume",
    "--wait": "--worker-timeout",
}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; bad input ends in one sentence on stderr and exit code 2."""
    # One of several workers has its own sentence for a peer that is gone.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3" if "TF_CONFIG" in os.environ else "2")
    try:
        arguments = sys.argv[1:] if arguments is None else arguments
        sys.exit(app(arguments or ["--help"], prog_name="cnnzoo", standalone_mode=False, obj=arguments))
    except InputError as error:
        _refuse(str(error))
    except Exception as error:
        # Typer's own complaints about options; their class has moved between its releases.
        if not hasattr(error, "format_message"):
            raise
        option = getattr(error, "option_name", None)
        _refuse(f"{option} is now {RENAMED[option]}" if option in RENAMED else error.format_message())


def _refuse(sentence: str) -> NoReturn:
    print(f"cnnzoo: {sentence}", file=sys.stderr)
    sys.exit(2)


def run_file(path: str) -> None:
    """Train the recipe in a file that was started as a script, with the options of `cnnzoo train`."""
    main(["train", path, *sys.argv[1:]])
