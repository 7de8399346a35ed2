"""Receptive fields: the pixels of the image that a value of a tensor depends on, along each side.

r_out = r + (F − 1)·j and j_out = j·S, where r is the receptive field and j the jump: the pixels between two
neighboring values. The receptive field is that of a value far from every border.

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
        side: number of the side; −1 where a reshaping has mixed sides, or a side and the depth.
        jump: pixels between two neighboring values.
    """

    side: int
    jump: Fraction


MIXED = Axis(-1, Fraction(0))


@dataclasses.dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of one value of a tensor.

    Attributes:
        image: the sides of the image, in pixels; of several images, the largest.
        sides: the sides of the receptive field, in pixels.
        axes: one for each axis of the tensor after the batch; `None` for an axis of depth.
        whole: whether a value depends on the whole image, after which its receptive field grows no more.
    """

    image: tuple[int, ...]
    sides: tuple[Fraction, ...]
    axes: tuple[Axis | None, ...]
    whole: bool = False

    @classmethod
    def of_image(cls, shape: Sequence[int]) -> Self:
        """Return the receptive field of a pixel, where `shape` is that of the image: its sides, then its depth."""
        image = tuple(shape[:-1])
        axes = (*(Axis(side, Fraction(1)) for side in range(len(image))), None)
        return cls(image, (Fraction(1),) * len(image), axes[: len(shape)])

    @property
    def pixels(self) -> tuple[int, ...]:
        """The sides of the receptive field, rounded up: the jumps of upsampled maps are fractions."""
        return tuple(math.ceil(side) for side in self.sides)

    @property
    def image_axes(self) -> list[tuple[int, Axis]]:
        """The number, without the batch, of each axis that runs along a side of the image, and the axis."""
        return [(number, axis) for number, axis in enumerate(self.axes) if axis is not None and axis != MIXED]

    @property
    def jumps(self) -> tuple[Fraction, ...]:
        """The jump along each axis that runs along a side of the image."""
        return tuple(axis.jump for _, axis in self.image_axes)

    def is_pixel(self, axis: int) -> bool:
        """Return whether each value along an axis depends on one pixel alone."""
        return any(axis == number and own.jump == self.sides[own.side] == 1 for number, own in self.image_axes)

    def slide(self, steps: Sequence[Step], *, through_depth: bool = True) -> Self:
        """Return the receptive field after a step along each of the first axes.

        Args:
            steps: what happens along each axis.
            through_depth: whether an output depends on all of the depth, as in a convolution.
        """
        sides, axes = list(self.sides), list(self.axes)
        for number, axis in self.image_axes:
            if number < len(steps):
                if not self.whole:
                    sides[axis.side] += steps[number].spread * axis.jump
                axes[number] = Axis(axis.side, axis.jump * steps[number].pace)
        read = [axis for axis, step in zip(self.axes, steps, strict=False) if step.spread]
        if through_depth:
            read += self.axes[len(steps) :]
            axes[len(steps) :] = [None]
        result = dataclasses.replace(self, sides=tuple(sides), axes=tuple(axes))
        return result.whole_image() if MIXED in read else result

    def dense(self) -> Self:
        """Return the receptive field after a layer that takes weighted sums along the last axis."""
        inputs = self.whole_image() if self.axes[-1] is not None else self
        return dataclasses.replace(inputs, axes=(*inputs.axes[:-1], None))

    def whole_image(self) -> Self:
        """Return the receptive field of a value that depends on the whole image."""
        return dataclasses.replace(self, sides=tuple(map(Fraction, self.image)), whole=True)

    def pooled(self, rank: int) -> Self:
        """Return the receptive field after pooling all but the depth, in a tensor of `rank` axes."""
        return dataclasses.replace(self.whole_image(), axes=(None,) * rank)

    def reshaped(self, old: Sequence[int], new: Sequence[int]) -> Self:
        """Return the receptive field of the same values in another shape, both without the batch."""
        head = _common_prefix(old, new)
        tail = _common_prefix(old[head:][::-1], new[head:][::-1])
        lost = [
            axis for axis, size in zip(self.axes[head : len(old) - tail], old[head : len(old) - tail], strict=True)
            if axis is not None and size > 1
        ]  # fmt: skip
        between = (MIXED if lost else None,) * (len(new) - head - tail)
        if lost and not between:
            raise AssertionError(f"{tuple(old)} and {tuple(new)} do not hold as many values")
        return dataclasses.replace(self, axes=(*self.axes[:head], *between, *self.axes[len(old) - tail :]))

    def permuted(self, order: Sequence[int]) -> Self:
        """Return the receptive field after a permutation of the axes, counted from 0 without the batch."""
        return dataclasses.replace(self, axes=tuple(self.axes[axis] for axis in order))


def merged(fields: Sequence[ReceptiveField], shapes: Sequence[Sequence[int]], shape: Sequence[int]) -> ReceptiveField:
    """Return the receptive field of values computed from several tensors at the same position: the largest of all.

    Args:
        fields: the receptive field of each tensor.
        shapes: shape of each tensor, without the batch; as in NumPy, sides of 1 are repeated.
        shape: the result's shape, without the batch.
    """
    sides = tuple(map(max, itertools.zip_longest(*(field.sides for field in fields), fillvalue=Fraction(0))))
    image = tuple(map(max, itertools.zip_longest(*(field.image for field in fields), fillvalue=0)))
    axes = []
    for back in range(len(shape), 0, -1):
        along = [
            axis
            for field, own in zip(fields, shapes, strict=True)
            if back <= len(own) and (own[-back] > 1 or shape[-back] == 1) and (axis := field.axes[-back]) is not None
        ]
        axes.append(MIXED if MIXED in along else max(along, key=lambda axis: axis.jump, default=None))
    return ReceptiveField(image, sides, tuple(axes), whole=any(field.whole for field in fields))


def _common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many of the first entries are the same."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
