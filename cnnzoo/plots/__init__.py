"""Pictures: each function returns a figure of matplotlib and does not show it.

Learning curves, layers, predictions, reconstructions and codes, and the lecture's pictures.
"""

from cnnzoo.plots.calibration import reliability_diagram
from cnnzoo.plots.classes import confusion_matrix, precision_recall
from cnnzoo.plots.codes import codes_on_a_plane, denoised, errors_by_code_size, reconstructions
from cnnzoo.plots.deep_units import units
from cnnzoo.plots.histories import learning_curves, pretraining_curves, variants
from cnnzoo.plots.image_rows import images
from cnnzoo.plots.layers import activation_maps, filters, layer_costs
from cnnzoo.plots.lecture import (
    WindowAnimation,
    convolved,
    dense_beside_convolution,
    pooling,
    receptive_fields,
    sliding_window,
    sliding_window_animation,
)
from cnnzoo.plots.net_drawing import architecture
from cnnzoo.plots.picture import Picture
from cnnzoo.plots.pixels import occluded
from cnnzoo.plots.predictions import misclassified

__all__ = [
    "Picture",
    "WindowAnimation",
    "activation_maps",
    "architecture",
    "codes_on_a_plane",
    "confusion_matrix",
    "convolved",
    "denoised",
    "dense_beside_convolution",
    "errors_by_code_size",
    "filters",
    "images",
    "layer_costs",
    "learning_curves",
    "misclassified",
    "occluded",
    "pooling",
    "precision_recall",
    "pretraining_curves",
    "receptive_fields",
    "reconstructions",
    "reliability_diagram",
    "sliding_window",
    "sliding_window_animation",
    "units",
    "variants",
]
