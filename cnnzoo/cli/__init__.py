"""The command line."""

import os
import sys

# Each adds its commands, in the order in which the help lists them.
# isort: off
from cnnzoo.cli import listing, training, reporting, playing, predicting, tuning, serving  # noqa: F401

# isort: on
from cnnzoo.cli import stopping, streams
from cnnzoo.cli.app import app
from cnnzoo.errors import InputError
from cnnzoo.tensorflow_errors import out_of_memory

# Options of earlier versions.
RENAMED = {
    "--cpus-as": "--logical-cpus",
    "--judge": "--evaluate",
    "--poll": "--poll-interval",
    "--resume-or-begin": "--auto-resume",
    "--wait": "--worker-timeout",
}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line.

    Bad input ends in one sentence on stderr and exit code 2, a disk that is full and too little memory in 1, Ctrl-C in
    130, SIGTERM in 143.
    """
    # One of several workers has its own sentence for a peer that is gone.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3" if "TF_CONFIG" in os.environ else "2")
    if arguments is None:
        arguments = sys.argv[1:]
        streams.keep_open()
    with stopping.stoppable():
        try:
            code = app(arguments or ["--help"], prog_name="cnnzoo", standalone_mode=False, obj=arguments)
        except BaseException as error:
            sentence, code = _sentence_of(error)
            # Below the line of progress that a terminal still shows.
            print("\n" * sys.stderr.isatty() + f"cnnzoo: {sentence}", file=sys.stderr)
        else:
            if (by_signal := stopping.exit_code()) is not None:
                # Typer makes an exit code of Ctrl-C; else the signal came at the end, or code in C has lost it.
                print("cnnzoo: stopped" if code else "cnnzoo: stopped; all was done", file=sys.stderr)
                code = by_signal
    sys.exit(code)


def _sentence_of(error: BaseException) -> tuple[str, int]:
    """Return what is said of an error, and the exit code; raise it, if it is none that a person can act on."""
    if (code := stopping.exit_code()) is not None:
        return str(error) if isinstance(error, stopping.Stopped) else "stopped", code
    if lacking := out_of_memory(error):
        advice = "use a smaller batch_size, images or model, or give the process more memory"
        return f"out of memory: {lacking}; {advice}", 1
    if isinstance(error, InputError):
        return str(error), error.exit_code
    # Typer's own complaints about options; their class has moved between its releases.
    if hasattr(error, "format_message"):
        option = getattr(error, "option_name", None)
        return f"{option} is now {RENAMED[option]}" if option in RENAMED else error.format_message(), 2
    raise error


def run_file(path: str) -> None:
    """Train the recipe in a file that was started as a script, with the options of `cnnzoo train`."""
    streams.keep_open()
    main(["train", path, *sys.argv[1:]])
