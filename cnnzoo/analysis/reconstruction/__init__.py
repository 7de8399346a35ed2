"""What a code keeps of an image: autoencoders against linear codes of the same size."""

from cnnzoo.analysis.reconstruction.codes import LabeledCodes, ModelCode, codes_2d
from cnnzoo.analysis.reconstruction.comparison import (
    Comparison,
    Reconstruction,
    compare_codes,
    compare_reconstructions,
)
from cnnzoo.analysis.reconstruction.linear_codes import LinearCode, pca
from cnnzoo.analysis.reconstruction.logistic import logistic_pca
from cnnzoo.analysis.reconstruction.metrics import (
    bits_per_image,
    compression_ratio,
    mean_squared_error,
    pca_errors,
    psnr,
    squared_error,
)
from cnnzoo.analysis.reconstruction.precision import quantize

__all__ = [
    "Comparison",
    "LabeledCodes",
    "LinearCode",
    "ModelCode",
    "Reconstruction",
    "bits_per_image",
    "codes_2d",
    "compare_codes",
    "compare_reconstructions",
    "compression_ratio",
    "logistic_pca",
    "mean_squared_error",
    "pca",
    "pca_errors",
    "psnr",
    "quantize",
    "squared_error",
]
