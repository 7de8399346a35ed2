"""Analysis of a net, by calculation and by experiment.

Its arithmetic; activations, top activations, feature visualization and occlusion sensitivity; translation equivariance;
and the reconstruction errors of its code, against linear codes.
"""

from cnnzoo.analysis.activation_maximization import feature_visualization
from cnnzoo.analysis.anomalies import anomaly_errors, anomaly_scores, anomaly_threshold
from cnnzoo.analysis.layer_activations import TopActivations, activations, top_activations
from cnnzoo.analysis.layer_receptive_fields import receptive_field_of
from cnnzoo.analysis.likelihood import active_units, log_likelihood
from cnnzoo.analysis.occlusion_sensitivity import occlusion
from cnnzoo.analysis.reconstruction import (
    LabeledCodes,
    LinearCode,
    ModelCode,
    bits_per_image,
    codes_2d,
    compression_ratio,
    mean_squared_error,
    pca,
    pca_errors,
    psnr,
    squared_error,
)
from cnnzoo.analysis.report import ConvReport, conv_report
from cnnzoo.analysis.survey import DisagreementError
from cnnzoo.analysis.table import Row, Totals
from cnnzoo.analysis.translation_equivariance import LayerEquivariance, equivariance
from cnnzoo.analysis.window import TransposedWindow, Window

__all__ = [
    "ConvReport",
    "DisagreementError",
    "LabeledCodes",
    "LayerEquivariance",
    "LinearCode",
    "ModelCode",
    "Row",
    "TopActivations",
    "Totals",
    "TransposedWindow",
    "Window",
    "activations",
    "active_units",
    "anomaly_errors",
    "anomaly_scores",
    "anomaly_threshold",
    "bits_per_image",
    "codes_2d",
    "compression_ratio",
    "conv_report",
    "equivariance",
    "feature_visualization",
    "log_likelihood",
    "mean_squared_error",
    "occlusion",
    "pca",
    "pca_errors",
    "psnr",
    "receptive_field_of",
    "squared_error",
    "top_activations",
]
