"""Reconstruction errors of autoencoders, against those of linear codes of the same size."""

from cnnzoo.analysis.reconstruction.codes import LabeledCodes, ModelCode, codes_2d
from cnnzoo.analysis.reconstruction.linear_codes import LinearCode, pca
from cnnzoo.analysis.reconstruction.metrics import (
    bits_per_image,
    compression_ratio,
    mean_squared_error,
    pca_errors,
    psnr,
    squared_error,
)

__all__ = [
    "LabeledCodes",
    "LinearCode",
    "ModelCode",
    "bits_per_image",
    "codes_2d",
    "compression_ratio",
    "mean_squared_error",
    "pca",
    "pca_errors",
    "psnr",
    "squared_error",
]
