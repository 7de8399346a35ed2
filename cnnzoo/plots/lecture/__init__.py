"""The lecture's pictures of convolution, stride, padding, pooling, weight sharing and receptive fields."""

from cnnzoo.plots.lecture.connections import dense_beside_convolution
from cnnzoo.plots.lecture.edges import convolved
from cnnzoo.plots.lecture.pools import pooling
from cnnzoo.plots.lecture.receptive_field import receptive_fields
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
