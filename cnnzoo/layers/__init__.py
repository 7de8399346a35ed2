"""The layers that the classic nets need and Keras lacks, one a file, each usable by itself."""

from cnnzoo.layers.average_pooling import AveragePooling2D
from cnnzoo.layers.column_convolution import ColumnConv2D
from cnnzoo.layers.constant_padding import ConstantPadding2D
from cnnzoo.layers.contractive_penalty import ContractivePenalty
from cnnzoo.layers.gaussian_code import GaussianCode
from cnnzoo.layers.gaussian_scale import GaussianScale
from cnnzoo.layers.kl_sparsity import KLSparsity, L1Sparsity
from cnnzoo.layers.lenet5 import DigitCodes, FanInUniform, scaled_tanh
from cnnzoo.layers.local_response_normalization import LocalResponseNormalization
from cnnzoo.layers.locally_connected import LocallyConnected2D
from cnnzoo.layers.lp_pooling import LpPooling2D
from cnnzoo.layers.max_rms import MaxRMS
from cnnzoo.layers.noise import MaskingNoise, SaltAndPepperNoise
from cnnzoo.layers.partially_connected import PartiallyConnectedConv2D
from cnnzoo.layers.pointwise_convolution import PointwiseConv2D
from cnnzoo.layers.principal_components import PrincipalComponents
from cnnzoo.layers.radial_basis import RadialBasis
from cnnzoo.layers.reversible import ReversibleConv2D, ReversibleDense
from cnnzoo.layers.sparse_codes import KSparse, WinnerTakeAll
from cnnzoo.layers.subsampling import Subsampling2D
from cnnzoo.layers.ten_crops import TenCrops
from cnnzoo.layers.zca_whitening import ZCAWhitening

__all__ = [
    "AveragePooling2D",
    "ColumnConv2D",
    "ConstantPadding2D",
    "ContractivePenalty",
    "DigitCodes",
    "FanInUniform",
    "GaussianCode",
    "GaussianScale",
    "KLSparsity",
    "KSparse",
    "L1Sparsity",
    "LocalResponseNormalization",
    "LocallyConnected2D",
    "LpPooling2D",
    "MaskingNoise",
    "MaxRMS",
    "PartiallyConnectedConv2D",
    "PointwiseConv2D",
    "PrincipalComponents",
    "RadialBasis",
    "ReversibleConv2D",
    "ReversibleDense",
    "SaltAndPepperNoise",
    "Subsampling2D",
    "TenCrops",
    "WinnerTakeAll",
    "ZCAWhitening",
    "scaled_tanh",
]
