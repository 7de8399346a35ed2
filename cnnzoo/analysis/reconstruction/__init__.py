"""What a code keeps of an image: autoencoders against linear codes of the same size."""

from cnnzoo.analysis.reconstruction.by_size import pca_errors
from cnnzoo.analysis.reconstruction.classes import LabelledCodes, codes_2d
from cnnzoo.analysis.reconstruction.comparison import (
    Comparison,
    Reconstruction,
    compare_codes,
    compare_reconstructions,
)
from cnnzoo.analysis.reconstruction.linear_code import LinearCode
from cnnzoo.analysis.reconstruction.logistic import logistic_pca
from cnnzoo.analysis.reconstruction.measures import (
    bits_per_image,
    compression_ratio,
    mean_squared_error,
    psnr,
    squared_error,
)
from cnnzoo.analysis.reconstruction.model_code import ModelCode
from cnnzoo.analysis.reconstruction.precision import quantise
from cnnzoo.analysis.reconstruction.principal import pca

__all__ = [
    "Comparison",
    "LabelledCodes",
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
    "quantise",
    "squared_error",
]
