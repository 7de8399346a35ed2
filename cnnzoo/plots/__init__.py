"""Pictures: each function returns a figure of matplotlib and does not show it.

Learning curves, layers, predictions, reconstructions and codes, and the lecture's pictures.
"""

from cnnzoo.plots.anomalies import odd_pixels, roc_curve
from cnnzoo.plots.calibration import reliability_diagram
from cnnzoo.plots.classes import confusion_matrix, precision_recall
from cnnzoo.plots.codes import codes_on_a_plane, denoised, errors_by_code_size, reconstructions
from cnnzoo.plots.codes_of_images import code_activity, decoded_between
from cnnzoo.plots.deconvolution import deconvolved
from cnnzoo.plots.deep_units import units
from cnnzoo.plots.histories import learning_curves, pretraining_curves, variants
from cnnzoo.plots.image_rows import images
from cnnzoo.plots.layers import activation_maps, filters, layer_costs
from cnnzoo.plots.lecture import (
    WindowAnimation,
    activation_functions,
    backpropagation,
    connection_table,
    convolved,
    convolved_channels,
    cross_correlation,
    cross_entropy,
    dense_beside_convolution,
    dropped_units,
    gradient_descent,
    gradients_by_layer,
    neuron,
    normalized_across_maps,
    pooling,
    pretraining_stages,
    receptive_fields,
    sliding_window,
    sliding_window_animation,
)
from cnnzoo.plots.net_drawing import architecture
from cnnzoo.plots.picture import Picture
from cnnzoo.plots.pixels import occluded
from cnnzoo.plots.predictions import misclassified
from cnnzoo.plots.pretrained import compared_filters, gibbs_chain
from cnnzoo.plots.rows_and_signals import traces
from cnnzoo.plots.variational import active_units, decoded_plane, samples

__all__ = [
    "Picture",
    "WindowAnimation",
    "activation_functions",
    "activation_maps",
    "active_units",
    "architecture",
    "backpropagation",
    "code_activity",
    "codes_on_a_plane",
    "compared_filters",
    "confusion_matrix",
    "connection_table",
    "convolved",
    "convolved_channels",
    "cross_correlation",
    "cross_entropy",
    "decoded_between",
    "decoded_plane",
    "deconvolved",
    "denoised",
    "dense_beside_convolution",
    "dropped_units",
    "errors_by_code_size",
    "filters",
    "gibbs_chain",
    "gradient_descent",
    "gradients_by_layer",
    "images",
    "layer_costs",
    "learning_curves",
    "misclassified",
    "neuron",
    "normalized_across_maps",
    "occluded",
    "odd_pixels",
    "pooling",
    "precision_recall",
    "pretraining_curves",
    "pretraining_stages",
    "receptive_fields",
    "reconstructions",
    "reliability_diagram",
    "roc_curve",
    "samples",
    "sliding_window",
    "sliding_window_animation",
    "traces",
    "units",
    "variants",
]
