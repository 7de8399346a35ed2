"""One side of an image, and the pixels along it that values depend on; see `receptive_field`."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Self

from cnnzoo.analysis.window import Step

# The first and the last pixel that a value depends on; `None` for none at all.
Span = tuple[int | Fraction, int | Fraction] | None


@dataclasses.dataclass(frozen=True)
class Side:
    """The pixels along one side of an image that values depend on, by their positions.

    Attributes:
        length: the pixels of this side of the image.
        spans: those of the positions from 0 on. They are several where layers upsample, and where a border counts.
        period: by how many pixels the span is moved at the position that is `len(spans)` further; 0 where every value
            depends on the whole side, `None` where there are no further positions: beyond the border nothing is read.

    Example:
    >>> from cnnzoo.analysis.window import Window
    >>> Side.of(32).slid(Window(32, 5, padding=(2, 2))).at(10)
    (Fraction(8, 1), Fraction(12, 1))
    """

    length: int
    spans: tuple[Span, ...]
    period: Fraction | None

    @classmethod
    def of(cls, length: int, *, bordered: bool = False) -> Self:
        """Return the side of an image itself, each of whose values is a pixel.

        Args:
            length: its pixels.
            bordered: whether the image ends at its border; else it goes on.
        """
        if bordered:
            return cls(length, tuple((pixel, pixel) for pixel in range(length)), None)
        return cls(length, ((0, 0),), Fraction(1))

    @property
    def whole(self) -> bool:
        """Whether every value depends on the whole side."""
        return self.period == 0

    @property
    def has_gaps(self) -> bool:
        """Whether the values at some positions before the border depend on no pixel."""
        return self.period is None and None in self.spans

    @property
    def size(self) -> int:
        """The largest number of pixels from the first to the last that a value depends on."""
        return max((math.ceil(span[1] - span[0] + 1) for span in self.spans if span), default=0)

    @property
    def jump(self) -> Fraction:
        """By how many pixels the span moves from one position to the next, on average."""
        return Fraction(0) if self.period is None else self.period / len(self.spans)

    def at(self, position: int) -> Span:
        """Return the span of the value at a position."""
        turns, number = divmod(position, len(self.spans))
        span = self.spans[number]
        if turns == 0 or span is None:
            return span
        return None if self.period is None else (span[0] + turns * self.period, span[1] + turns * self.period)

    def as_whole(self) -> Self:
        """Return the side of values that each depend on all of it."""
        return dataclasses.replace(self, spans=((0, self.length - 1),), period=Fraction(0))

    def slid(self, step: Step) -> Self:
        """Return the side after a step along it."""
        if self.whole:
            return self
        count, period = step.outputs, None
        if self.period is not None:
            # So many outputs further, the inputs are a whole number of their periods further.
            inputs = len(self.spans) * step.pace.denominator
            count = max(1, min(inputs // math.gcd(step.pace.numerator, inputs), step.outputs))
            period = self.jump * step.pace * count
        spans = tuple(hull(map(self.at, step.receptive_field(position))) for position in range(count))
        return dataclasses.replace(self, spans=spans, period=period)


def hull(spans: Iterable[Span]) -> Span:
    """Return the span from the first pixel of all to the last of all."""
    read = [span for span in spans if span is not None]
    return (min(first for first, _ in read), max(last for _, last in read)) if read else None


def united(sides: Sequence[Side], repeated: Sequence[bool], count: int) -> Side:
    """Return the side of values that each depend on the values of several tensors at one position.

    Args:
        sides: the side of each tensor, of one image.
        repeated: whether a tensor has one position there, repeated along the result.
        count: the result's positions.
    """
    one = sides[0]
    if all(side == one for side in sides) and not any(repeated):
        return one
    if any(side.whole for side in sides):
        return one.as_whole()
    jumps = {side.jump for side in sides}
    if len(jumps) == 1 and not any(repeated):
        count = max(count, 1) if one.period is None else math.lcm(*(len(side.spans) for side in sides))
    period = None if one.period is None else max(jumps) * count
    spans = (
        hull(side.at(0 if single else position) for side, single in zip(sides, repeated, strict=True))
        for position in range(count)
    )
    return dataclasses.replace(one, spans=tuple(spans), period=period)
