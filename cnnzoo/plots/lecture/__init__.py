"""The lecture's own pictures: what a convolution, a stride, padding, pooling and sharing are."""

from cnnzoo.plots.lecture.connections import dense_beside_convolution
from cnnzoo.plots.lecture.edges import convolved
from cnnzoo.plots.lecture.fields import receptive_fields
from cnnzoo.plots.lecture.pools import pooling
from cnnzoo.plots.lecture.sliding import WindowAnimation, sliding_window, sliding_window_animation

__all__ = [
    "WindowAnimation",
    "convolved",
    "dense_beside_convolution",
    "pooling",
    "receptive_fields",
    "sliding_window",
    "sliding_window_animation",
]
