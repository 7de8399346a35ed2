"""What a net is and does, by calculation and by experiment.

Its arithmetic; what its layers answer, its units look for and its pixels do to the class; whether its answers move with
the image; and what its code keeps of the image, against linear codes.
"""

from cnnzoo.analysis.activation_maximization import feature_visualization
from cnnzoo.analysis.layer_activations import TopActivations, activations, top_activations
from cnnzoo.analysis.occlusion_sensitivity import occlusion
from cnnzoo.analysis.reconstruction import (
    Comparison,
    LabeledCodes,
    LinearCode,
    ModelCode,
    Reconstruction,
    bits_per_image,
    codes_2d,
    compare_codes,
    compare_reconstructions,
    compression_ratio,
    logistic_pca,
    mean_squared_error,
    pca,
    pca_errors,
    psnr,
    quantize,
    squared_error,
)
from cnnzoo.analysis.report import ConvReport, conv_report
from cnnzoo.analysis.seen import receptive_field_of
from cnnzoo.analysis.survey import DisagreementError
from cnnzoo.analysis.table import Row, Totals
from cnnzoo.analysis.translation_equivariance import Moved, equivariance
from cnnzoo.analysis.window import TransposedWindow, Window

__all__ = [
    "Comparison",
    "ConvReport",
    "DisagreementError",
    "LabeledCodes",
    "LinearCode",
    "ModelCode",
    "Moved",
    "Reconstruction",
    "Row",
    "TopActivations",
    "Totals",
    "TransposedWindow",
    "Window",
    "activations",
    "bits_per_image",
    "codes_2d",
    "compare_codes",
    "compare_reconstructions",
    "compression_ratio",
    "conv_report",
    "equivariance",
    "feature_visualization",
    "logistic_pca",
    "mean_squared_error",
    "occlusion",
    "pca",
    "pca_errors",
    "psnr",
    "quantize",
    "receptive_field_of",
    "squared_error",
    "top_activations",
]
