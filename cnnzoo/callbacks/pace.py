"""How fast a fit is, and how long it still takes."""

import statistics
import time
from collections import deque
from collections.abc import Callable

RECENT = 5  # epochs that the time left is estimated from


class Pace:
    """Measure the steps and epochs of one fit.

    The first execution of a fit is not counted, since TensorFlow and JAX compile in it; where an epoch is a single
    execution, the first one gives no rate at all. What comes after the steps of an epoch, such as validation and
    checkpoints, counts for the time left, but not for the rate.

    Args:
        steps: steps in an epoch; `None` until an epoch has shown it.
        clock: a function that returns seconds.

    Example:
    >>> times = iter([0, 9, 10, 12])
    >>> pace = Pace(steps=4, clock=lambda: next(times))
    >>> pace.begin_epoch(), pace.step(2), pace.step(4)  # 9 s of compiling and 2 steps, then 2 steps in 1 s
    (None, None, None)
    >>> pace.end_epoch()  # with 2 s for what came after the steps
    >>> pace.steps_per_second, pace.seconds_left(epochs=3)
    (2.0, 12.0)
    """

    def __init__(self, steps: int | None = None, clock: Callable[[], float] = time.perf_counter):
        self.steps = steps
        self.done = 0
        self._clock = clock
        self._warm = False  # after the first execution
        self._in_epoch = False
        self._epochs = 0
        self._began = self._from = self._last = self._ended = 0.0
        self._skipped = 0  # steps of this epoch that are not measured
        self._training: deque[float] = deque(maxlen=RECENT)  # seconds of the steps of an epoch
        self._rest: deque[float] = deque(maxlen=RECENT)  # seconds from an epoch's last step to the next epoch

    def begin_epoch(self) -> None:
        """An epoch begins."""
        now = self._clock()
        if self._rest:  # other callbacks worked after `end_epoch`
            self._rest[-1] += now - self._ended
        self._began = self._from = self._last = now
        self._in_epoch, self.done, self._skipped = True, 0, 0

    def step(self, done: int) -> None:
        """An execution has ended, after so many steps of the epoch."""
        self.done, self._last = done, self._clock()
        if not self._warm:
            self._warm, self._from, self._skipped = True, self._last, done

    def end_epoch(self) -> None:
        """An epoch has ended, and its validation."""
        self._ended, self._in_epoch, self.steps = self._clock(), False, self.steps or self.done
        if self._epochs == 1:  # the first epoch's validation was compiled, too
            self._training.clear()
            self._rest.clear()
        self._epochs += 1
        if rate := self.steps_per_second:
            self._training.append(self.done / rate)
            self._rest.append(self._ended - self._last)

    @property
    def steps_per_second(self) -> float | None:
        """The rate of this epoch's steps, validation left out; `None` before anything is measured."""
        steps, seconds = self.done - self._skipped, self._last - self._from
        return steps / seconds if steps > 0 and seconds > 0 else None

    @property
    def epoch_seconds(self) -> float:
        """Seconds of the epoch that has ended, all counted."""
        return self._ended - self._began

    def seconds_left(self, epochs: int) -> float | None:
        """Return the seconds that this epoch and further ones still take; `None` where that is not known yet.

        Args:
            epochs: epochs after this one.
        """
        if self._training:
            training, rest = statistics.median(self._training), statistics.median(self._rest)
        elif (rate := self.steps_per_second) and self.steps:
            training, rest = self.steps / rate, 0.0
        else:
            return None
        return self._of_this_epoch(training, rest) + epochs * (training + rest)

    def _of_this_epoch(self, training: float, rest: float) -> float:
        if not self._in_epoch:
            return 0.0
        open_steps = max(0.0, 1 - self.done / (self.steps or 1))
        return training * open_steps + (rest if open_steps else max(0.0, rest - (self._clock() - self._last)))
