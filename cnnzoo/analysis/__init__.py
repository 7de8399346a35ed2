"""Analysis of a net, by calculation and by experiment.

Its arithmetic; activations, top activations, feature visualization, deconvnet and occlusion sensitivity;
translation equivariance; the reconstruction errors of its code, against linear codes; and what a restricted Boltzmann
machine says of images.
"""

from cnnzoo.analysis.activation_maximization import feature_visualization
from cnnzoo.analysis.anomalies import anomaly_errors, anomaly_scores, anomaly_threshold
from cnnzoo.analysis.boltzmann_machines import (
    PartitionFunction,
    annealed_importance_sampling,
    free_energy,
    gibbs_samples,
    log_partition_function,
    pseudo_likelihood,
)
from cnnzoo.analysis.deconvnet import deconvolution
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
    "PartitionFunction",
    "Row",
    "TopActivations",
    "Totals",
    "TransposedWindow",
    "Window",
    "activations",
    "active_units",
    "annealed_importance_sampling",
    "anomaly_errors",
    "anomaly_scores",
    "anomaly_threshold",
    "bits_per_image",
    "codes_2d",
    "compression_ratio",
    "conv_report",
    "deconvolution",
    "equivariance",
    "feature_visualization",
    "free_energy",
    "gibbs_samples",
    "log_likelihood",
    "log_partition_function",
    "mean_squared_error",
    "occlusion",
    "pca",
    "pca_errors",
    "pseudo_likelihood",
    "psnr",
    "receptive_field_of",
    "squared_error",
    "top_activations",
]
