"""What a net is and does, by calculation and by experiment.

Its arithmetic; whether its answers move with the image; and what its code keeps of the image, against linear codes.
"""

from cnnzoo.analysis.reconstruction import (
    Comparison,
    LabelledCodes,
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
    psnr,
    quantise,
    squared_error,
)
from cnnzoo.analysis.report import ConvReport, conv_report
from cnnzoo.analysis.row import Row, Totals
from cnnzoo.analysis.survey import DisagreementError
from cnnzoo.analysis.translation import Moved, equivariance
from cnnzoo.analysis.window import TransposedWindow, Window

__all__ = [
    "Comparison",
    "ConvReport",
    "DisagreementError",
    "LabelledCodes",
    "LinearCode",
    "ModelCode",
    "Moved",
    "Reconstruction",
    "Row",
    "Totals",
    "TransposedWindow",
    "Window",
    "bits_per_image",
    "codes_2d",
    "compare_codes",
    "compare_reconstructions",
    "compression_ratio",
    "conv_report",
    "equivariance",
    "logistic_pca",
    "mean_squared_error",
    "pca",
    "psnr",
    "quantise",
    "squared_error",
]
