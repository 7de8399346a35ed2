"""The process that trains trials, one after the other: `python -m cnnzoo.tuning.trainer ANSWERS`.

It reads a request a line from its standard input, and writes an answer a line to the file descriptor ANSWERS; both are
JSON. It ends when its input does: with the search that it serves, however that ends.
"""

import contextlib
import gc
import json
import os
import queue
import re
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from cnnzoo.errors import InputError, reason
from cnnzoo.files import make_folder
from cnnzoo.quiet import start_tensorflow, without_retracing_notes
from cnnzoo.tuning.locking import alone_in

FIRST_TO_GO = "500"  # of 1000, to the kernel when memory runs out: the trial is to end, not the search


def main(answers: int) -> None:
    """Serve requests until there are no more.

    Args:
        answers: the file descriptor to write to.
    """
    os.set_inheritable(answers, False)
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    start_tensorflow()
    from cnnzoo.training.preparing import read_once

    with os.fdopen(answers, "w") as written, read_once(), without_retracing_notes():
        while True:
            print(json.dumps(_trained(**json.loads(requests.get()))), file=written, flush=True)


def _read(requests: queue.Queue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)  # at once: the main thread may be in the midst of an epoch


def _trained(
    recipe: dict[str, Any], folder: str, data_dir: str | None, pretrained: str, verbose: str | int
) -> dict[str, Any]:
    """Train one trial.

    Returns:
        What its `metrics.json` holds; or `failed`, a sentence, and with it `spoiled`, whether this process should serve
        no longer.
    """
    import keras
    import tensorflow as tf

    from cnnzoo.recipe import Recipe
    from cnnzoo.training import validate

    make_folder(Path(folder))
    try:
        with alone_in(Path(folder), wait=True):  # the search's last process may not have ended yet
            _clear_what_was_begun(Path(folder))
            run = validate(
                Recipe.from_dict(recipe), workdir=folder, data_dir=data_dir, pretrained=pretrained, verbose=verbose
            )
        return run.metrics
    except Exception as error:  # InputError, and whatever else Keras and TensorFlow have against a net
        cause = error if error.__cause__ is None else error.__cause__
        if isinstance(cause, MemoryError | tf.errors.ResourceExhaustedError):
            return {"failed": f"out of memory: {_about_memory(cause)}", "spoiled": True}
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        return {"failed": f"{kind}{error if not kind else reason(error)}", "spoiled": False}
    finally:
        keras.utils.clear_session()
        gc.collect()


def _clear_what_was_begun(folder: Path) -> None:
    """Empty the folder of a trial that was killed before it had written down its recipe."""
    if not (folder / "recipe.json").is_file():
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _about_memory(error: BaseException) -> str:
    """Return what a message says there was no memory for."""
    what = re.search(r"(OOM when )?allocat\w+ .*?(?= by allocator| on /|\n|$)", str(error), flags=re.IGNORECASE)
    return what.group().removeprefix("OOM when ").rstrip(".") if what else reason(error)


if __name__ == "__main__":
    main(int(sys.argv[1]))
