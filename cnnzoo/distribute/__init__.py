"""Making use of every core of the machine."""

from cnnzoo.distribute.slices import InSlices, in_slices, slices_for

__all__ = ["InSlices", "in_slices", "slices_for"]
