"""Run a LiteRT file in a process of its own: a file that its runtime cannot take ends the process.

The process needs NumPy and LiteRT alone, and neither TensorFlow nor Keras. It takes batches of images from its standard
input, and writes the predictions to its standard output, as arrays in NumPy's format.
"""

import contextlib
import io
import signal
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path
from typing import IO

import numpy as np

GRACE_PERIOD = 10.0  # seconds in which the process may end by itself


class LiteRTProcess:
    """A process that predicts by a LiteRT file, and ends with this object.

    Args:
        path: the file.
    """

    def __init__(self, path: Path):
        errors = tempfile.TemporaryFile()  # noqa: SIM115 (`_end` closes it)
        process = subprocess.Popen(  # noqa: S603 (this very file)
            [sys.executable, "-P", __file__, path],  # -P: what lies beside this file hides no other modules
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        self._process, self._errors = process, errors
        weakref.finalize(self, _end, process, errors)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the predictions for images, float32 as the file's signature takes them.

        Raises:
            RuntimeError: the runtime refuses the file or the images, or dies of them.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            _send(self._process.stdin, images)
            return _received(self._process.stdout)
        except (OSError, EOFError) as error:  # nobody reads the pipe any more, or writes to it
            raise RuntimeError(self._last_words()) from error

    def _last_words(self) -> str:
        if (code := self._process.wait()) < 0:
            return f"LiteRT itself died of it, by {signal.Signals(-code).name}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"LiteRT ended with {code}"


def _end(process: subprocess.Popen, errors: IO[bytes]) -> None:
    for stream in (process.stdin, process.stdout, errors):
        assert stream is not None
        with contextlib.suppress(OSError):  # what was not written yet goes nowhere any more
            stream.close()
    try:
        process.wait(GRACE_PERIOD)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _send(stream: IO[bytes], array: np.ndarray) -> None:
    """Write an array to a pipe, in NumPy's format, behind the number of its bytes: NumPy itself writes to no pipe."""
    np.save(content := io.BytesIO(), array)
    stream.write(content.tell().to_bytes(8, "little"))
    stream.write(content.getbuffer())
    stream.flush()


def _received(stream: IO[bytes]) -> np.ndarray:
    """Return the next array of a pipe.

    Raises:
        EOFError: there is none.
    """
    size = int.from_bytes(stream.read(8), "little")
    content = stream.read(size)
    if not size or len(content) < size:
        raise EOFError
    return np.load(io.BytesIO(content))


def main(path: str) -> None:
    """Predict as this process, until nobody asks any more."""
    from ai_edge_litert.interpreter import Interpreter

    # Not by its path: a file that is mapped can neither be renamed nor removed on Windows.
    serve = Interpreter(model_content=Path(path).read_bytes()).get_signature_runner()
    [name] = serve.get_input_details()
    with contextlib.suppress(EOFError):
        while True:
            (predictions,) = serve(**{name: _received(sys.stdin.buffer)}).values()
            _send(sys.stdout.buffer, predictions)


if __name__ == "__main__":
    main(sys.argv[1])
