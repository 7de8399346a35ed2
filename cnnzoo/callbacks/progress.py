"""A progress display for `fit`: a live line in a terminal or a notebook, else lines, at most one per minute.

Why neither of the two that exist: `rich.progress` shows nothing in a notebook without ipywidgets, gives no rate where
an epoch is a single execution, and knows nothing of the epochs of a later fit. Keras' `ProgbarLogger` shows neither
images per second nor the time left of a run, and fills a narrow terminal with copies of its line.
"""

import math
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar, Literal

import keras
from rich.console import Console
from rich.text import Text

from cnnzoo.callbacks.pace import Pace
from cnnzoo.checks import refusal

INTERVAL = 0.2  # seconds between two updates of the live line
BAR = len("validation")  # columns of the bar, which that word replaces
RARE = 60.0  # least seconds between two lines in a pipe or a log


def progress_style(verbose: str | int, console: Console | None = None) -> Literal["live", "lines", "rare"] | None:
    """Return how progress is shown: as a live line, as one line per epoch, as at most one per minute, or not at all.

    Args:
        verbose: `"auto"`: a live line in a terminal or a notebook; elsewhere, as in a log, a line per epoch, but at
            most one per minute. 0: nothing. 1: a live line in a terminal or a notebook, one line per epoch elsewhere.
            2: one line per epoch.
        console: where it is shown; default the standard output.

    Raises:
        InputError: another `verbose`.

    Example:
    >>> import io
    >>> [progress_style(verbose, Console(file=io.StringIO())) for verbose in ("auto", 0, 1, 2)]
    ['rare', None, 'lines', 'lines']
    """
    if verbose not in ("auto", 0, 1, 2):
        raise refusal("verbose", "'auto', 0, 1 or 2", verbose)
    if verbose in (0, 2):
        return "lines" if verbose else None
    console = console or _standard_output()
    if console.is_terminal:
        return "lines" if console.is_dumb_terminal else "live"
    if Console().is_jupyter:
        return "live"
    return "lines" if verbose == 1 else "rare"


class Progress(keras.callbacks.Callback):
    """Show the epochs of a fit, with images per second and the time left; pass `verbose=0` to `fit` along with it.

    In a terminal and in a notebook one line is updated, and every epoch leaves one line behind; elsewhere an epoch
    leaves one if there was none in the last minute, unless `verbose` is 1 or 2. Only a terminal receives control codes;
    a notebook, carriage returns.

    Images per second are those of training alone, without the first execution, in which the model is compiled. The time
    left is estimated from the last epochs, with validation and other callbacks. What is not known yet is left out.

    Args:
        verbose: `"auto"`, 0, 1 or 2; see `progress_style`.
        batch_size: images in a step, over all replicas; `None` shows steps per second instead.
        title: a line to show above.
        later: epochs of later fits of the same run, which take at least as long as these.
        part: the part of a run that this fit is, such as `"layer 1 of 3"`, if it is not the whole run.
        console: where to show it; default the standard output, as it is when the fit begins.
        clock: a function that returns seconds.

    Raises:
        InputError: another `verbose`.

    Example:
    >>> import itertools, numpy as np
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> progress = Progress(verbose=2, batch_size=4, clock=itertools.count().__next__)  # ticks when it is read
    >>> data = {"x": np.zeros((16, 2)), "y": np.zeros(16), "batch_size": 4}
    >>> _ = model.fit(**data, epochs=2, verbose=0, callbacks=[progress])
    epoch 1/2  loss 0  lr 0.01  4 images/s  5.0 s  00:05 left
    epoch 2/2  loss 0  lr 0.01  4 images/s  5.0 s
    """

    _last_line: ClassVar[float | None] = None  # when, of all fits of the process: a run has several, some of seconds

    def __init__(
        self,
        verbose: str | int = "auto",
        *,
        batch_size: int | None = None,
        title: str | None = None,
        later: int = 0,
        part: str = "",
        console: Console | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        super().__init__()
        progress_style(verbose)
        self._verbose, self._given_console, self._clock = verbose, console, clock
        self._batch_size, self._title, self._later, self._part = batch_size, title, later, part
        self._style: str | None = None
        self._is_drawn, self._last_drawn = False, 0.0
        self._logs: dict[str, float] = {}

    def on_train_begin(self, logs=None):
        self._console = self._given_console or _standard_output()
        self._style = progress_style(self._verbose, self._console)
        self._pace = Pace(self.params.get("steps"), self._clock)
        self._epoch, self._last_epoch, self._untold = 0, self.params["epochs"], self._title
        if self._style:
            self._learning_rate = self._read_learning_rate()
        if self._style == "rare" and Progress._last_line is None:
            Progress._last_line = self._clock()

    def on_epoch_begin(self, epoch, logs=None):
        if self._style != "rare":
            self._write_title()
        self._epoch, self._logs = epoch + 1, {}
        self._draw(self._pace.begin_epoch())

    def on_train_batch_end(self, batch, logs=None):
        now = self._pace.step(batch + 1)
        self._logs = logs or {}
        if self._style == "live" and now - self._last_drawn >= INTERVAL:
            self._draw(now)

    def on_test_begin(self, logs=None):
        if self._style == "live":
            self._draw(self._clock(), validating=True)

    def on_epoch_end(self, epoch, logs=None):
        self._pace.end_epoch()
        self._logs = logs or {}
        self.close()
        if self._style and self._is_due():
            self._write_title()
            self._learning_rate = self._read_learning_rate()
            self._write(f"{self._epoch_line()}\n")

    def on_train_end(self, logs=None):
        self.close()
        self._style = None  # a later `evaluate` with this callback is not part of the fit

    def close(self) -> None:
        """Clear the live line; for a fit that ends by an exception, after which Keras calls no `on_train_end`."""
        if self._is_drawn:
            self._write(f"\r{' ' * self._width}\r")
            self._is_drawn = False

    def _is_due(self) -> bool:
        """Return whether an epoch leaves a line."""
        if self._style != "rare":
            return True
        now = self._clock()
        if Progress._last_line is None or 0 <= now - Progress._last_line < RARE:  # below 0: of another clock
            return False
        Progress._last_line = now
        return True

    def _write_title(self) -> None:
        if self._style and self._untold:
            self._write(f"{self._untold}\n")
            self._untold = None

    def _read_learning_rate(self) -> str:
        return f"lr {float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)):.4g}"

    @property
    def _width(self) -> int:
        return self._console.width - 1  # some terminals wrap in the last column

    def _draw(self, now: float, validating: bool = False) -> None:
        if self._style != "live":
            return
        self._is_drawn, self._last_drawn = True, now
        line = self._live_line(validating)
        line.truncate(self._width, pad=True)  # the spaces overwrite the line before
        with self._console.capture() as capture:
            self._console.print(line, end="", soft_wrap=True)
        self._write(f"\r{capture.get()}")

    def _live_line(self, validating: bool) -> Text:
        loss, *metrics = self._metrics() or [""]
        steps = f"{self._pace.done}/{self._pace.steps or '?'}"
        texts = [steps, loss, *metrics, self._learning_rate, self._rate(), self._time_left(live=True)]
        bar = Text("validation") if validating else self._bar()
        parts = [Text(self._epoch_count()), bar, *map(Text, texts)]
        # A line that is too long leaves out the learning rate, the last metrics, the bar, the rate, the time left.
        expendable = [-1, -2, 1, *range(4, len(parts) - 2)]
        while (line := Text("  ").join(filter(None, parts))).cell_len > self._width and expendable:
            parts[expendable.pop()] = Text()
        return line

    def _bar(self) -> Text:
        filled, empty = "#-" if self._console.options.ascii_only else "━─"
        columns = BAR * self._pace.done // self._pace.steps if self._pace.steps else 0
        return Text.assemble((filled * columns, "green"), (empty * (BAR - columns), "bright_black"))

    def _epoch_line(self) -> str:
        seconds = f"{self._pace.epoch_seconds:.1f} s"
        parts = [self._epoch_count(), *self._metrics(), self._learning_rate, self._rate(), seconds, self._time_left()]
        return "  ".join(filter(None, parts))

    def _epoch_count(self) -> str:
        last = self._last_epoch + self._later
        return f"epoch {self._epoch:{len(str(last))}}/{last}"

    def _metrics(self) -> list[str]:
        """Return the loss and the metrics, then those of the validation images (of these, the loss only if alone)."""
        names = [name for name in self._logs if name != "learning_rate"]
        training = sorted((name for name in names if not name.startswith("val_")), key=lambda name: name != "loss")
        validation = [name for name in names if name.startswith("val_")]
        validation = [name for name in validation if name != "val_loss"] or validation
        return [f"{name} {format_metric(self._logs[name])}" for name in training + validation]

    def _rate(self) -> str:
        steps = self._pace.steps_per_second
        if steps is None:
            return ""
        rate, unit = (steps, "steps") if self._batch_size is None else (steps * self._batch_size, "images")
        return f"{rate:,.0f} {unit}/s" if rate >= 10 else f"{rate:.2g} {unit}/s"

    def _time_left(self, live: bool = False) -> str:
        epochs = self._last_epoch - self._epoch
        left, in_all = self._pace.seconds_left(epochs), self._pace.seconds_left(epochs + self._later)
        if left is None or in_all is None or not (left or self._later):
            return ""
        if not self._later:
            return f"{_duration(left)} left" + (f" in {self._part}" if self._part else "")
        if live or not left:
            return f"at least {_duration(in_all)} left"
        return f"{_duration(left)} left in {self._part or 'this fit'}, at least {_duration(in_all)} in all"

    def _write(self, text: str) -> None:
        encoding = self._console.encoding
        self._console.file.write(text.encode(encoding, "replace").decode(encoding))
        self._console.file.flush()


def format_metric(value: float) -> str:
    """Return a loss or a metric with four digits.

    Example:
    >>> [format_metric(value) for value in (0.98764, 86.4321, 12345.6, 0.0000123, float("nan"))]
    ['0.9876', '86.43', '12,346', '1.23e-05', 'nan']
    """
    if 0.001 <= abs(value) < 10:
        return f"{value:.4f}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def _duration(seconds: float) -> str:
    """Return a time as minutes and seconds, or with hours, rounded up."""
    return str(timedelta(seconds=math.ceil(seconds))).removeprefix("0:")


def _standard_output() -> Console:
    """Return a console for the standard output, with control codes in a terminal alone, whatever `FORCE_COLOR` says."""
    is_terminal = bool(getattr(sys.stdout, "isatty", bool)())
    return Console(file=sys.stdout, force_terminal=is_terminal, force_jupyter=False)
