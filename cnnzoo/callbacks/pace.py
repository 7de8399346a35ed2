"""The speed of a fit and the time that is left."""

import statistics
import time
from collections import deque
from collections.abc import Callable

RECENT = 5  # epochs that the time left is estimated from


class Pace:
    """Measure the steps and epochs of one fit.

    The first execution of a fit is not counted, since TensorFlow and JAX compile in it; where an epoch is a single
    execution, the first epoch gives no rate at all. Validation and other callbacks count for the time left, but not for
    the rate.

    Args:
        steps: steps in an epoch; `None` until the first epoch has ended.
        clock: a function that returns seconds.

    Example:
    >>> times = iter([0, 9, 10, 12])
    >>> pace = Pace(steps=4, clock=lambda: next(times))
    >>> pace.begin_epoch(), pace.step(2), pace.step(4)  # 9 s of compiling and 2 steps, then 2 steps in 1 s
    (0, 9, 10)
    >>> pace.end_epoch()  # after 2 s of validation
    >>> pace.steps_per_second, pace.seconds_left(epochs=3)
    (2.0, 12.0)
    """

    def __init__(self, steps: int | None = None, clock: Callable[[], float] = time.perf_counter):
        self.steps = steps
        self.done = 0  # steps of this epoch
        self.epoch_seconds = 0.0  # of the last complete epoch, compilation and validation included
        self._clock = clock
        self._compiled = False  # after the first execution
        self._epochs = 0  # complete ones
        self._in_epoch = False
        self._epoch_start = self._epoch_end = 0.0
        self._measured_from = self._last_step = 0.0
        self._unmeasured = 0  # steps of this epoch before `_measured_from`
        self._recent: deque[float] = deque(maxlen=RECENT)  # seconds of complete epochs without compilation

    def begin_epoch(self) -> float:
        """Start an epoch, and return the time."""
        now = self._clock()
        if self._recent:  # other callbacks have worked since `end_epoch`
            self._recent[-1] += now - self._epoch_end
        self._epoch_start = self._measured_from = self._last_step = now
        self._in_epoch, self.done, self._unmeasured = True, 0, 0
        return now

    def step(self, done: int) -> float:
        """Count an execution that ends after `done` steps of the epoch, and return the time."""
        self.done, self._last_step = done, self._clock()
        if not self._compiled:
            self._compiled, self._measured_from, self._unmeasured = True, self._last_step, done
        return self._last_step

    def end_epoch(self) -> None:
        """End an epoch, after its validation."""
        self._epoch_end, self._in_epoch, self.steps = self._clock(), False, self.steps or self.done
        self.epoch_seconds = self._epoch_end - self._epoch_start
        if self._epochs == 1:  # validation, too, was compiled in the first epoch
            self._recent.clear()
        self._epochs += 1
        if rate := self.steps_per_second:
            self._recent.append(self.done / rate + self._epoch_end - self._last_step)

    @property
    def steps_per_second(self) -> float | None:
        """The rate of this epoch's training steps; `None` before anything is measured."""
        steps, seconds = self.done - self._unmeasured, self._last_step - self._measured_from
        return steps / seconds if steps > 0 and seconds > 0 else None

    def seconds_left(self, epochs: int) -> float | None:
        """Return the seconds that this epoch and further ones still take; `None` where that is not known yet.

        Args:
            epochs: epochs after this one.
        """
        if self._recent:
            epoch = statistics.median(self._recent)
            this_epoch = max(0.0, epoch - (self._clock() - self._epoch_start)) if self._in_epoch else 0.0
            return this_epoch + epochs * epoch
        if (rate := self.steps_per_second) and self.steps:
            return (self.steps - self.done + epochs * self.steps) / rate
        return None
