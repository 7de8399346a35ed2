"""Receptive fields: the pixels of the image that a value of a tensor depends on, along each side.

Each position along a side has its first and its last pixel; both move by the jump j from one position to the next.
A window of F values, S apart, with P zeros before it, has first_out = first − P·j, last_out = last + (F − 1 − P)·j and
j_out = j·S. Where branches meet, the first pixel of all and the last of all count.

Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill, 2019, https://doi.org/10.23915/distill.00021, equations 1 to 4 and the part on several paths.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Self

from cnnzoo.analysis.sides import Side, united
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
    """The receptive field of the values of a tensor.

    Attributes:
        images: for the number of each image that they depend on, its sides. They are there several times where
            branches meet of which one reads nothing at some positions: then what it reads along the other side does
            not count.
        axes: one for each axis of the tensor after the batch; `None` for an axis of depth.
    """

    images: Mapping[int, tuple[tuple[Side, ...], ...]]
    axes: tuple[Axis | None, ...]

    @classmethod
    def of_image(cls, shape: Sequence[int], number: int = 0, *, bordered: bool = False) -> Self:
        """Return the receptive field of a pixel.

        Args:
            shape: that of the image: its sides, then its depth.
            number: of the image, where a net has several.
            bordered: whether the image ends at its border. Else it goes on beyond it, as for a neuron that is far
                from every border.
        """
        sides = tuple(Side.of(length, bordered=bordered) for length in shape[:-1])
        axes = (*(Axis(side, Fraction(1)) for side in range(len(sides))), None)
        return cls({number: (sides,)}, axes[: len(shape)])

    @property
    def image(self) -> tuple[int, ...]:
        """The sides of the image, in pixels; of several images, the largest."""
        return self._largest(lambda side: side.length)

    @property
    def pixels(self) -> tuple[int, ...]:
        """The sides of the receptive field, in pixels; of several images, the largest."""
        return self._largest(lambda side: side.size)

    def _largest(self, measure: Callable[[Side], int]) -> tuple[int, ...]:
        measured = [list(map(measure, sides)) for parts in self.images.values() for sides in parts]
        return tuple(map(max, itertools.zip_longest(*measured, fillvalue=0)))

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
        return any(axis == number and own.jump == self.pixels[own.side] == 1 for number, own in self.image_axes)

    def slide(self, steps: Sequence[Step], *, through_depth: bool = True) -> Self:
        """Return the receptive field after a step along each of the first axes.

        Args:
            steps: what happens along each axis.
            through_depth: whether an output depends on all of the depth, as in a convolution.
        """
        axes, step_of = list(self.axes), {}
        for number, axis in self.image_axes:
            if number < len(steps):
                step_of[axis.side] = steps[number]
                axes[number] = Axis(axis.side, axis.jump * steps[number].pace)
        slid = self.with_sides(lambda number, side: side.slid(step_of[number]) if number in step_of else side)
        read: list[Axis | None] = [
            MIXED for axis, step in zip(self.axes, steps, strict=False) if axis == MIXED and step.spread
        ]
        if through_depth:
            read += self.axes[len(steps) :]
            axes[len(steps) :] = [None]
        return dataclasses.replace(slid, axes=tuple(axes))._whole_along(read)

    def dense(self) -> Self:
        """Return the receptive field after a layer that takes weighted sums along the last axis."""
        inputs = self._whole_along(self.axes[-1:])
        return dataclasses.replace(inputs, axes=(*inputs.axes[:-1], None))

    def pooled(self, rank: int) -> Self:
        """Return the receptive field after pooling all but the depth, in a tensor of `rank` axes."""
        return dataclasses.replace(self._whole_along(self.axes), axes=(None,) * rank)

    def _whole_along(self, axes: Iterable[Axis | None]) -> Self:
        """Return the receptive field of values that depend on all of the sides along axes, or of all, where mixed."""
        numbers = {axis.side for axis in axes if axis is not None}
        return self.with_sides(lambda number, side: side.as_whole() if {number, MIXED.side} & numbers else side)

    def with_sides(self, change: Callable[[int, Side], Side]) -> Self:
        """Return the receptive field with its sides changed, given the number of each."""
        changed = {
            image: tuple(tuple(itertools.starmap(change, enumerate(sides))) for sides in parts)
            for image, parts in self.images.items()
        }
        return dataclasses.replace(self, images=changed)

    def restored(self, before: Self, number: int) -> Self:
        """Return the receptive field with one side as it was before."""

        def restore(image: int, sides: tuple[Side, ...]) -> tuple[Side, ...]:
            return tuple(before.images[image][0][each] if each == number else side for each, side in enumerate(sides))

        images = {image: tuple(restore(image, sides) for sides in parts) for image, parts in self.images.items()}
        return dataclasses.replace(self, images=images)

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
    """Return the receptive field of values computed from several tensors at the same position: from first to last.

    Args:
        fields: the receptive field of each tensor.
        shapes: shape of each tensor, without the batch; as in NumPy, sides of 1 are repeated.
        shape: the result's shape, without the batch.
    """
    axes = []
    for back in range(len(shape), 0, -1):
        along = [
            axis
            for field, own in zip(fields, shapes, strict=True)
            if back <= len(own) and (own[-back] > 1 or shape[-back] == 1) and (axis := field.axes[-back]) is not None
        ]
        is_mixed = len({axis.side for axis in along}) > 1
        axes.append(MIXED if is_mixed else max(along, key=lambda axis: axis.jump, default=None))
    images = {}
    for image in sorted({image for field in fields for image in field.images}):
        together = [(field, own) for field, own in zip(fields, shapes, strict=True) if image in field.images]
        parts = [(sides, own) for field, own in together for sides in field.images[image]]
        places = [{tuple(_places(field, number)) for field, _ in together} for number in range(len(parts[0][0]))]
        apart = [any(side.has_gaps for side in sides) for sides, _ in parts]
        groups = [[part] for part, is_apart in zip(parts, apart, strict=True) if is_apart]
        if not all(apart):
            groups.append([part for part, is_apart in zip(parts, apart, strict=True) if not is_apart])
        images[image] = tuple(dict.fromkeys(_merged_sides(group, places, shape) for group in groups))
    return ReceptiveField(images, tuple(axes))


def _places(field: ReceptiveField, side: int) -> Iterable[int]:
    """Yield the axes along a side of the image, counted from the end, from 1."""
    return (back for back, axis in enumerate(reversed(field.axes), 1) if axis is not None and axis.side == side)


def _merged_sides(
    parts: Sequence[tuple[tuple[Side, ...], Sequence[int]]],
    places: Sequence[set[tuple[int, ...]]],
    shape: Sequence[int],
) -> tuple[Side, ...]:
    """Return the sides of an image for the merged values of tensors.

    Args:
        parts: the sides and the shape of each tensor.
        places: for each side, the axes that run along it in any tensor, counted from the end.
        shape: the result's shape.
    """
    merged = []
    for number, place_of in enumerate(places):
        sides = [own[number] for own, _ in parts]
        place = min(place_of)
        if len(place_of) > 1 or (not place and any(side != sides[0] for side in sides)):
            merged.append(sides[0].as_whole())  # one has lost its positions, or has them along another axis
        elif not place:
            merged.append(sides[0])
        else:
            repeated = [own[-place[0]] == 1 < shape[-place[0]] for _, own in parts]
            merged.append(united(sides, repeated, shape[-place[0]]))
    return tuple(merged)


def concatenated(fields: Sequence[ReceptiveField], shapes: Sequence[Sequence[int]], axis: int) -> ReceptiveField:
    """Return the receptive field of several tensors concatenated along one axis.

    Along the depth, values of all tensors are at one position. Along a side, each position is one tensor's own.

    Args:
        fields: the receptive field of each tensor.
        shapes: shape of each tensor, without the batch.
        axis: number of the axis, without the batch.
    """
    shape = [*shapes[0]]
    shape[axis] = sum(own[axis] for own in shapes)
    joined = merged(fields, [shape] * len(fields), shape)
    along = joined.axes[axis]
    if along is None or any(field.images.keys() != {0} or len(field.images[0]) > 1 for field in fields):
        return joined

    def change(number: int, side: Side) -> Side:
        parts = [(field.images[0][0][number], own[axis]) for field, own in zip(fields, shapes, strict=True)]
        if along == MIXED:
            return max((part for part, _ in parts), key=lambda part: part.size)
        if number != along.side or side.whole:
            return side
        spans = tuple(part.at(position) for part, count in parts for position in range(count))
        return dataclasses.replace(side, spans=spans, period=side.period and along.jump * shape[axis])

    return joined.with_sides(change)


def _common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many of the first entries are the same."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
