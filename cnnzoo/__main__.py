"""`python -m cnnzoo` is `cnnzoo`."""

import signal
import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it in a sentence also while it is still being imported."""
    try:
        from cnnzoo.cli import main as run

        run()
    except KeyboardInterrupt:
        print("cnnzoo: stopped", file=sys.stderr)
        sys.exit(130)
    finally:  # all is done and said: while Python ends, nothing is left to interrupt
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        # Python would end by SIGINT, whatever the exit code, if an interrupt came within an `exec` of a text, as in the
        # making of a dataclass; it forgets that at the next one.
        exec("")  # noqa: S102


if __name__ == "__main__":
    main()
