"""Receptive fields: what a value of a tensor sees of the image, side by side.

r_out = r + (F − 1)·j and j_out = j·S, where r is the field and j the jump: the pixels between two
neighboring values. The field is that of a value far from every border.

Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill, 2019, https://doi.org/10.23915/distill.00021, equations 1 and 2.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Self

from cnnzoo.analysis.window import Step


@dataclasses.dataclass(frozen=True)
class Axis:
    """An axis of a tensor that runs along a side of the image.

    Attributes:
        side: number of the side; −1 where a reshaping has mingled sides, or a side and the depth.
        jump: pixels between two neighboring values.
    """

    side: int
    jump: Fraction


MINGLED = Axis(-1, Fraction(0))


@dataclasses.dataclass(frozen=True)
class Field:
    """What one value of a tensor sees.

    Attributes:
        image: the sides of the image, in pixels; of several images, the largest.
        sides: the sides of the field, in pixels.
        axes: one for each axis of the tensor after the batch; `None` for an axis of depth.
        whole: whether a value sees the whole image, after which a field grows no more.
    """

    image: tuple[int, ...]
    sides: tuple[Fraction, ...]
    axes: tuple[Axis | None, ...]
    whole: bool = False

    @classmethod
    def of_image(cls, shape: Sequence[int]) -> Self:
        """Return the field of a pixel, where `shape` is that of the image: its sides, then its depth."""
        image = tuple(shape[:-1])
        axes = (*(Axis(side, Fraction(1)) for side in range(len(image))), None)
        return cls(image, (Fraction(1),) * len(image), axes[: len(shape)])

    @property
    def pixels(self) -> tuple[int, ...]:
        """The sides of the field, rounded up: the jumps of upsampled maps are fractions."""
        return tuple(math.ceil(side) for side in self.sides)

    @property
    def jumps(self) -> tuple[Fraction, ...]:
        """The jump along each axis that runs along a side of the image."""
        return tuple(axis.jump for axis in self.axes if axis is not None and axis != MINGLED)

    def is_pixel(self, axis: int) -> bool:
        """Return whether the values along an axis belong to one pixel each."""
        along = self.axes[axis]
        return along is not None and along != MINGLED and along.jump == self.sides[along.side] == 1

    def slide(self, steps: Sequence[Step], *, through_depth: bool = True) -> Self:
        """Return the field after a step along each of the first axes.

        Args:
            steps: what happens along each axis.
            through_depth: whether an output sees all of the depth, as in a convolution.
        """
        sides, axes = list(self.sides), list(self.axes)
        for index, (axis, step) in enumerate(zip(self.axes, steps, strict=False)):
            if axis is None or axis == MINGLED:
                continue
            if not self.whole:
                sides[axis.side] += step.spread * axis.jump
            axes[index] = Axis(axis.side, axis.jump * step.pace)
        seen = [axis for axis, step in zip(self.axes, steps, strict=False) if step.spread]
        if through_depth:
            seen += self.axes[len(steps) :]
            axes[len(steps) :] = [None]
        field = dataclasses.replace(self, sides=tuple(sides), axes=tuple(axes))
        return field.all_seen() if MINGLED in seen else field

    def dense(self) -> Self:
        """Return the field after a layer that takes weighted sums along the last axis."""
        field = self.all_seen() if self.axes[-1] is not None else self
        return dataclasses.replace(field, axes=(*field.axes[:-1], None))

    def all_seen(self) -> Self:
        """Return the field of a value that sees the whole image."""
        return dataclasses.replace(self, sides=tuple(map(Fraction, self.image)), whole=True)

    def pooled(self, rank: int) -> Self:
        """Return the field after all but the depth has been pooled, in a tensor of `rank` axes."""
        return dataclasses.replace(self.all_seen(), axes=(None,) * rank)

    def reshaped(self, old: Sequence[int], new: Sequence[int]) -> Self:
        """Return the field of the same values in another shape, both without the batch."""
        head = _common(old, new)
        tail = _common(old[head:][::-1], new[head:][::-1])
        lost = [
            axis for axis, size in zip(self.axes[head : len(old) - tail], old[head : len(old) - tail], strict=True)
            if axis is not None and size > 1
        ]  # fmt: skip
        between = (MINGLED if lost else None,) * (len(new) - head - tail)
        if lost and not between:  # what is left of them lies in the nearest axis that was kept
            raise AssertionError(f"{tuple(old)} and {tuple(new)} do not hold as many values")
        return dataclasses.replace(self, axes=(*self.axes[:head], *between, *self.axes[len(old) - tail :]))

    def permuted(self, order: Sequence[int]) -> Self:
        """Return the field after the axes (counted from 0, without the batch) have been put in another order."""
        return dataclasses.replace(self, axes=tuple(self.axes[axis] for axis in order))


def merged(fields: Sequence[Field], shapes: Sequence[Sequence[int]], shape: Sequence[int]) -> Field:
    """Return the field of values computed from several tensors at the same place: the largest of all.

    Args:
        fields: that of each tensor.
        shapes: shape of each tensor, without the batch; as in NumPy, sides of 1 are repeated.
        shape: the result's shape, without the batch.
    """
    sides = tuple(map(max, itertools.zip_longest(*(field.sides for field in fields), fillvalue=Fraction(0))))
    image = tuple(map(max, itertools.zip_longest(*(field.image for field in fields), fillvalue=0)))
    axes = []
    for back in range(len(shape), 0, -1):
        found = [
            field.axes[-back]
            for field, own in zip(fields, shapes, strict=True)
            if back <= len(own) and (own[-back] > 1 or shape[-back] == 1)
        ]
        along = [axis for axis in found if axis is not None]
        axes.append(MINGLED if MINGLED in along else max(along, key=lambda axis: axis.jump, default=None))
    return Field(image, sides, tuple(axes), whole=any(field.whole for field in fields))


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
