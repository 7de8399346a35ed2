"""What a fit shows while it runs."""

import sys
import time
from collections.abc import Callable
from typing import Any, Literal, TextIO

import keras
from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from cnnzoo.callbacks.figures import duration, figure, folded, rate, shortened
from cnnzoo.callbacks.pace import Pace
from cnnzoo.errors import InputError

PAUSE = 0.2  # seconds between two drawings of the live line
BAR = len("validation")  # columns of the bar, in whose place that stands


def style_of(verbose: str | int, file: TextIO | None = None) -> Literal["live", "lines"] | None:
    """Return how progress is shown: in a live line, in lines, or not at all.

    Args:
        verbose: `"auto"`: a live line in a terminal, a line an epoch in a notebook, and nothing elsewhere. 0: nothing.
            1: a live line in a terminal, a line an epoch elsewhere. 2: a line an epoch.
        file: where it is shown; default the standard output.

    Raises:
        InputError: another `verbose`.

    Example:
    >>> import io
    >>> [style_of(verbose, io.StringIO()) for verbose in ("auto", 0, 1, 2)]
    [None, None, 'lines', 'lines']
    """
    if verbose not in ("auto", 0, 1, 2):
        raise InputError(f"verbose must be 'auto', 0, 1 or 2, not {verbose!r}")
    if verbose in (0, 2):
        return "lines" if verbose else None
    console = _console(file or sys.stdout)
    if console.is_terminal:
        return "lines" if console.is_dumb_terminal else "live"
    return "lines" if verbose == 1 or console.is_jupyter else None


class Progress(keras.callbacks.Callback):
    """Show the epochs of a fit, with images a second and the time left; pass `verbose=0` to `fit` beside it.

    In a terminal one line lives and every epoch leaves one behind; elsewhere it is quiet, unless asked for lines.
    No control codes are ever written to anything but a terminal.

    Images a second are those of training alone, without the first execution, in which the net is compiled. The time
    left is taken from the latest epochs with all that belongs to them. What is not known yet is left out.

    Args:
        verbose: `"auto"`, 0, 1 or 2; see `style_of`.
        batch_size: images in a step, over all replicas; `None` shows steps a second instead.
        title: a line to show above.
        later: epochs of further fits that belong to the same run, and take as long as these or longer.
        part: what the time left is of, where that is not all, such as `"layer 1 of 3"`.
        file: where to show it; default the standard output, as it is when the fit begins.
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
    epoch 1/2  loss 0  4 images/s  5.0 s  0:05 left
    epoch 2/2  loss 0  4 images/s  5.0 s
    """

    def __init__(
        self,
        verbose: str | int = "auto",
        *,
        batch_size: int | None = None,
        title: str | None = None,
        later: int = 0,
        part: str = "",
        file: TextIO | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        super().__init__()
        style_of(verbose)
        self._verbose, self._given_file, self._clock = verbose, file, clock
        self._batch_size, self._title, self._later, self._part = batch_size, title, later, part
        self._style: str | None = None
        self._drawn, self._is_drawn = 0.0, False
        self._logs: dict[str, float] = {}

    def on_train_begin(self, logs=None):
        self._file = self._given_file or sys.stdout
        self._style, self._console = style_of(self._verbose, self._file), _console(self._file)
        self._pace = Pace(self.params.get("steps"), self._clock)
        self._epoch, self._last_epoch = 0, self.params["epochs"]

    def on_epoch_begin(self, epoch, logs=None):
        if self._style and self._title and not self._epoch:
            self._write(self._title if self._style == "lines" else folded(self._title.split(" "), self._width, " "))
        self._epoch, self._logs = epoch + 1, {}
        self._pace.begin_epoch()
        self._draw()

    def on_train_batch_end(self, batch, logs=None):
        self._pace.step(batch + 1)
        self._logs = logs or {}
        if self._style == "live" and time.monotonic() - self._drawn >= PAUSE:
            self._draw()

    def on_test_begin(self, logs=None):
        self._draw("validation")

    def on_epoch_end(self, epoch, logs=None):
        self._pace.end_epoch()
        self._logs = logs or {}
        self.close()
        if self._style:
            self._write(self._finished_line())

    def on_train_end(self, logs=None):
        self.close()
        self._style = None  # what follows, such as an evaluation, is not of this fit

    def close(self) -> None:
        """Take the live line away; for a fit that ended by an exception, which calls no `on_train_end`."""
        if self._is_drawn:
            self._console.control(_TO_EMPTY_LINE)
            self._is_drawn = False

    @property
    def _width(self) -> int:
        return self._console.width - 1  # in the last column some terminals wrap already

    def _draw(self, instead_of_bar: str = "") -> None:
        if self._style != "live":
            return
        self._drawn = time.monotonic()
        with self._console:  # one write
            self._console.control(_TO_EMPTY_LINE)
            self._console.print(self._live_line(instead_of_bar), end="", no_wrap=True, overflow="crop", crop=True)
        self._is_drawn = True

    def _live_line(self, instead_of_bar: str) -> Text:
        full, bar = self._bar()
        share = f"{self._pace.done / self._pace.steps:4.0%}" if self._pace.steps else ""
        loss, *metrics = self._metrics(validation=False) or [("",)]
        parts = [self._count(), (f"{instead_of_bar or bar} {share}", share, ""), loss, *metrics]
        rates, left, last_metric = len(parts), len(parts) + 1, len(parts) - 1
        order = [left, 0, rates, 1, *range(last_metric, 2, -1), rates, 2, 1]
        shown = shortened([*parts, self._rate(), self._time_left()], order, self._width)
        line = Text(self._writable("  ".join(filter(None, shown))))
        if shown[1].startswith(bar):
            start = len(shown[0]) + 2
            line.stylize("green", start, start + full)
            line.stylize("bright_black", start + full, start + BAR)
        return line

    def _bar(self) -> tuple[int, str]:
        """Return the columns that are full, and the bar, in which one sees where they end without colors, too."""
        full = int(BAR * self._pace.done / self._pace.steps) if self._pace.steps else 0
        if self._console.options.ascii_only:
            return full, "#" * full + "-" * (BAR - full)
        rest = " " if self._console.no_color or not self._console.color_system else "━"
        return full, "━" * full + rest * (BAR - full)

    def _finished_line(self) -> str:
        metrics = self._metrics(validation=True)
        parts = [self._count(), *metrics, self._rate(), (f"{self._pace.epoch_seconds:.1f} s",), self._time_left()]
        if self._style == "lines":
            return "  ".join(filter(None, (part[0] for part in parts)))
        rates, left = len(parts) - 3, len(parts) - 1
        order = [left, 0, *range(len(metrics), 0, -1), rates]
        return folded(shortened(parts, order, self._width), self._width, "  ")

    def _count(self) -> tuple[str, str]:
        last = self._last_epoch + self._later
        count = f"{self._epoch:{len(str(last))}}/{last}"
        return f"epoch {count}", count

    def _metrics(self, validation: bool) -> list[tuple[str, ...]]:
        """Return the loss and the metrics, and what they are on the images to watch by."""
        logs = {name: value for name, value in self._logs.items() if name != "learning_rate"}
        trained = sorted((name for name in logs if not name.startswith("val_")), key=lambda name: name != "loss")
        found: list[tuple[str, ...]] = [(f"{name} {figure(logs[name])}", "") for name in trained]
        watched = [name for name in logs if name.startswith("val_")]
        if validation:
            found = [(full,) for full, _ in found]
            for name in [name for name in watched if name != "val_loss"] or watched:
                short = f"val {figure(logs[name])}" if len(watched) <= 2 else f"{name} {figure(logs[name])}"
                found.append((f"{name} {figure(logs[name])}", short))
        return found

    def _rate(self) -> tuple[str, ...]:
        steps = self._pace.steps_per_second
        if steps is None:
            return ("",)
        if self._batch_size is None:
            return f"{rate(steps)} steps/s", ""
        images = rate(steps * self._batch_size)
        return f"{images} images/s", f"{images}/s", ""

    def _time_left(self) -> tuple[str, ...]:
        epochs = self._last_epoch - self._epoch
        own, all_of_it = self._pace.seconds_left(epochs), self._pace.seconds_left(epochs + self._later)
        if own is None or all_of_it is None or not (own or self._later):
            return ("",)
        left = f"{duration(own)} left"
        if self._later:
            whole = f"{'>=' if self._console.options.ascii_only else '≥'} {duration(all_of_it)}"
            # The short form says the longer time: it is what one waits for.
            return (
                f"{left} in {self._part or 'this fit'}, {whole} in all" if own else f"{whole} left",
                f"{whole} left",
            )
        return (f"{left} in {self._part}", left) if self._part else (left,)

    def _write(self, text: str) -> None:
        print(self._writable(text), file=self._file, flush=True)

    def _writable(self, text: str) -> str:
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)


_TO_EMPTY_LINE = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))


def _console(file: Any) -> Console:
    """Return a console that takes nothing for a terminal that is none, whatever `FORCE_COLOR` says."""
    is_terminal = bool(getattr(file, "isatty", bool)())
    return Console(file=file, force_terminal=is_terminal, highlight=False, markup=False, emoji=False)
