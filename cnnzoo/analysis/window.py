"""The formulas of sliding windows, for one side of an image at a time.

W is the size of the input, F that of the window, S the stride and P the padding, all in pixels of the
layer's own input. Windows that overlap the padding count as whole ones.
"""

import dataclasses
import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Protocol


class Step(Protocol):
    """A layer along one side: it turns `size` inputs into `outputs` outputs."""

    @property
    def size(self) -> int:
        """The number of inputs."""

    @property
    def outputs(self) -> int:
        """The number of outputs."""

    @property
    def spread(self) -> int:
        """The distance between the first and the last input of an output, in inputs."""

    @property
    def pace(self) -> Fraction:
        """The distance between two neighboring outputs, in inputs: the stride; below 1 where a layer upsamples."""

    def receptive_field(self, output: int) -> Iterable[int]:
        """Return the positions of the inputs that an output depends on; outside 0 to size − 1 is padding."""


@dataclasses.dataclass(frozen=True)
class Window:
    """A window that slides along one side: that of a convolution or a pooling layer.

    Attributes:
        size: W, values along this side of the input; ≥ 1.
        window: F, values along this side of the window; ≥ 1.
        stride: S, values between two neighboring windows; ≥ 1.
        padding: P, zeros `(before, after)`, or one of Keras' `"valid"`, `"same"` and `"causal"`.
        dilation: values between two neighboring values of a window; ≥ 1.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
    https://arxiv.org/abs/1603.07285, relationships 6 and 15.

    Example:
    >>> Window(7, 3, stride=1).outputs, Window(7, 3, stride=2).outputs
    (5, 3)
    >>> Window(227, 11, stride=4).outputs
    55
    >>> Window(224, 11, stride=4).positions, Window(224, 11, stride=4).nearest_whole()
    (Fraction(217, 4), (223, 227))
    """

    size: int
    window: int
    stride: int = 1
    padding: tuple[int, int] | str = (0, 0)
    dilation: int = 1

    @property
    def extent(self) -> int:
        """The side of the window with its gaps, (F − 1)·dilation + 1."""
        return (self.window - 1) * self.dilation + 1

    @property
    def pads(self) -> tuple[int, int]:
        """The zeros before and after.

        `"same"` pads to ⌈W/S⌉ outputs, the odd zero after; `"causal"` pads all before.

        Example:
        >>> Window(8, 3, stride=2, padding="same").pads
        (0, 1)
        """
        if not isinstance(self.padding, str):
            return self.padding
        if self.padding == "causal":
            return self.extent - 1, 0
        if self.padding == "valid":
            return 0, 0
        total = max((math.ceil(self.size / self.stride) - 1) * self.stride + self.extent - self.size, 0)
        return total // 2, total - total // 2

    @property
    def positions(self) -> Fraction:
        """1 + (W − F + 2P)/S, which is not always whole."""
        return 1 + Fraction(self.size - self.extent + sum(self.pads), self.stride)

    @property
    def outputs(self) -> int:
        return math.floor(self.positions)

    @property
    def whole(self) -> bool:
        """Whether the last window ends where the input ends."""
        return self.positions.denominator == 1

    @property
    def unread(self) -> int:
        """The number of values after the last window, which no window reads."""
        return (self.size - self.extent + sum(self.pads)) % self.stride

    @property
    def spread(self) -> int:
        return self.extent - 1

    @property
    def pace(self) -> Fraction:
        return Fraction(self.stride)

    def receptive_field(self, output: int) -> Iterable[int]:
        start = output * self.stride - self.pads[0]
        return range(start, start + self.extent, self.dilation)

    def nearest_whole(self) -> tuple[int | None, int]:
        """Return the nearest W below and above at which the last window ends where the input ends.

        Below, there may be none that the window fits into.

        Example:
        >>> Window(4, 3, stride=4).nearest_whole()
        (3, 7)
        >>> Window(2, 3, stride=2, padding=(1, 0)).nearest_whole()
        (None, 4)
        """
        # The remainder repeats with the stride, so the loops end within a few steps.
        below, above = self.size - 1, self.size + 1
        while below > 0 and not self._fits(below):
            below -= 1
        while not self._fits(above):
            above += 1
        return below or None, above

    def _fits(self, size: int) -> bool:
        other = dataclasses.replace(self, size=size)
        return other.whole and other.outputs >= 1


@dataclasses.dataclass(frozen=True)
class TransposedWindow:
    """A window that writes outputs at every input along one side: that of a transposed convolution.

    Attributes:
        size: W, values along this side of the input; ≥ 1.
        window: F, values along this side of the window; ≥ 1.
        stride: S, *outputs* between two neighboring windows; ≥ 1.
        padding: `"valid"`, or `"same"`, which crops to W·S outputs.
        dilation: outputs between two neighboring values of a window; ≥ 1.
        output_padding: Keras' argument of that name.

    Source: Keras' layers Conv1DTranspose, Conv2DTranspose and Conv3DTranspose.

    Example:
    >>> TransposedWindow(5, 3, stride=2).outputs, TransposedWindow(5, 3, stride=2, padding="same").outputs
    (11, 10)
    """

    size: int
    window: int
    stride: int = 1
    padding: str = "valid"
    dilation: int = 1
    output_padding: int | None = None

    @property
    def extent(self) -> int:
        """The side of the window with its gaps, (F − 1)·dilation + 1."""
        return (self.window - 1) * self.dilation + 1

    @property
    def pads(self) -> tuple[int, int]:
        """The outputs cropped before and after."""
        total = max((self.size - 1) * self.stride + self.extent - self.outputs, 0)
        return total // 2, total - total // 2

    @property
    def outputs(self) -> int:
        start = (self.size - 1) * self.stride
        if self.padding == "same":
            more = None if self.output_padding is None else self.extent % 2 + self.output_padding
            return self.size * self.stride if more is None else start + more
        more = max(self.stride - self.extent, 0) if self.output_padding is None else self.output_padding
        return start + self.extent + more

    @property
    def spread(self) -> int:
        # An output depends on the inputs whose distance is a multiple of the stride and of the dilation.
        common = math.lcm(self.stride, self.dilation)
        return (self.extent - 1) // common * (common // self.stride)

    @property
    def pace(self) -> Fraction:
        return Fraction(1, self.stride)

    def receptive_field(self, output: int) -> Iterable[int]:
        starts = [output + self.pads[0] - tap * self.dilation for tap in range(self.window)]
        return [start // self.stride for start in starts if start % self.stride == 0]


@dataclasses.dataclass(frozen=True)
class Border:
    """Zeros added to one side, or values cut from it where `pads` are negative.

    Example:
    >>> Border(28, (2, 2)).outputs, Border(28, (-1, 0)).outputs
    (32, 27)
    """

    size: int
    pads: tuple[int, int]
    spread: int = 0
    pace: Fraction = Fraction(1)

    @property
    def outputs(self) -> int:
        return self.size + sum(self.pads)

    def receptive_field(self, output: int) -> Iterable[int]:
        return (output - self.pads[0],)


@dataclasses.dataclass(frozen=True)
class Resampling:
    """One side stretched or shrunk to `outputs` values, each computed from `spread` + 1 neighbors.

    Example:
    >>> Resampling(7, 14).pace
    Fraction(1, 2)
    """

    size: int
    outputs: int
    spread: int = 0

    @property
    def pace(self) -> Fraction:
        return Fraction(self.size, self.outputs)

    def receptive_field(self, output: int) -> Iterable[int]:
        center = (output + Fraction(1, 2)) * self.pace  # in inputs, the first of which is centered at 1/2
        first = math.floor(center - Fraction(self.spread, 2))
        return range(first, first + self.spread + 1)
