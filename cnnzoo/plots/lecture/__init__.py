"""The lecture's pictures: units and how they learn, convolution, pooling, shared weights, receptive fields."""

from cnnzoo.plots.lecture.channels import convolved_channels, cross_correlation
from cnnzoo.plots.lecture.connected_maps import connection_table
from cnnzoo.plots.lecture.connections import dense_beside_convolution
from cnnzoo.plots.lecture.edges import convolved
from cnnzoo.plots.lecture.loss import backpropagation, cross_entropy, gradient_descent
from cnnzoo.plots.lecture.pools import pooling
from cnnzoo.plots.lecture.receptive_field import receptive_fields
from cnnzoo.plots.lecture.regularizers import dropped_units, normalized_across_maps
from cnnzoo.plots.lecture.sliding import WindowAnimation, sliding_window, sliding_window_animation
from cnnzoo.plots.lecture.stages import gradients_by_layer, pretraining_stages
from cnnzoo.plots.lecture.unit import activation_functions, neuron

__all__ = [
    "WindowAnimation",
    "activation_functions",
    "backpropagation",
    "connection_table",
    "convolved",
    "convolved_channels",
    "cross_correlation",
    "cross_entropy",
    "dense_beside_convolution",
    "dropped_units",
    "gradient_descent",
    "gradients_by_layer",
    "neuron",
    "normalized_across_maps",
    "pooling",
    "pretraining_stages",
    "receptive_fields",
    "sliding_window",
    "sliding_window_animation",
]
