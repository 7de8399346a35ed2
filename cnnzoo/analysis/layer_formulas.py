"""The arithmetic formula of each layer type: the one table to add a layer to."""

from collections.abc import Callable

from keras import layers

from cnnzoo.analysis import pointwise, sliding
from cnnzoo.analysis.arithmetic import Arithmetic, Call
from cnnzoo.layers import (
    ConstantPadding2D,
    ContractivePenalty,
    GaussianCode,
    GaussianScale,
    KSparse,
    LocallyConnected2D,
    LocalResponseNormalization,
    LpPooling2D,
    MaskingNoise,
    PartiallyConnectedConv2D,
    RadialBasis,
    ReversibleConv2D,
    ReversibleDense,
    SaltAndPepperNoise,
    Subsampling2D,
    WinnerTakeAll,
    ZCAWhitening,
)

Formula = Callable[[Call], Arithmetic]


def _response_normalization(call: Call) -> Arithmetic:
    return (sliding.normalization_within_maps if call.layer.region == "within" else pointwise.elementwise)(call)


# Keras' layers that change images at random, and pass them on at inference; some are newer than others.
AUGMENTATIONS = [
    getattr(layers, name)
    for name in (
        *("AugMix", "CutMix", "MixUp", "RandAugment", "RandomBrightness", "RandomColorDegeneration"),
        *("RandomColorJitter", "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip"),
        *("RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective"),
        *("RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear"),
        *("RandomTranslation", "RandomZoom"),
    )
    if hasattr(layers, name)
]

# A class that is not here has the formula of a class that it derives from.
LAYER_FORMULAS: dict[type, Formula] = {
    **dict.fromkeys([layers.Conv1D, layers.Conv2D, layers.Conv3D], sliding.convolution),
    **dict.fromkeys([layers.DepthwiseConv1D, layers.DepthwiseConv2D], sliding.depthwise_convolution),
    **dict.fromkeys([layers.SeparableConv1D, layers.SeparableConv2D], sliding.separable_convolution),
    **dict.fromkeys(
        [layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose], sliding.transposed_convolution
    ),
    **dict.fromkeys([layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D], sliding.pooling),
    **dict.fromkeys([layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D], sliding.pooling),
    **dict.fromkeys(
        [
            *(layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D),
            *(layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D),
        ],
        sliding.global_pooling,
    ),
    layers.Dense: pointwise.dense,
    **dict.fromkeys([layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D], pointwise.padding),
    **dict.fromkeys([layers.Cropping1D, layers.Cropping2D, layers.Cropping3D], pointwise.cropping),
    **dict.fromkeys([layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D], pointwise.upsampling),
    layers.Resizing: pointwise.resizing,
    **dict.fromkeys([layers.CenterCrop, layers.RandomCrop], pointwise.central_crop),
    **dict.fromkeys([layers.Flatten, layers.Reshape], pointwise.reshaping),
    layers.Permute: pointwise.permutation,
    layers.Concatenate: pointwise.concatenation,
    **dict.fromkeys(
        [
            # merging
            *(layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum),
            # normalization
            *(layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization),
            *(layers.RMSNormalization, layers.UnitNormalization, layers.Normalization, layers.Rescaling),
            # activation
            *(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU, layers.Softmax),
            # what only training changes
            *AUGMENTATIONS,
            *(layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D),
            *(layers.AlphaDropout, layers.GaussianDropout, layers.GaussianNoise),
            *(layers.ActivityRegularization, layers.Identity, layers.Masking),
        ],
        pointwise.elementwise,
    ),
    # cnnzoo's own
    ConstantPadding2D: pointwise.padding,
    LpPooling2D: sliding.pooling,
    LocallyConnected2D: sliding.local_convolution,
    Subsampling2D: sliding.subsampling,
    PartiallyConnectedConv2D: sliding.partially_connected_convolution,
    RadialBasis: pointwise.radial_basis,
    GaussianCode: pointwise.gaussian_code,
    GaussianScale: pointwise.elementwise,
    ZCAWhitening: pointwise.whitening,
    ReversibleDense: pointwise.reversible_dense,
    ReversibleConv2D: sliding.reversible_convolution,
    MaskingNoise: pointwise.elementwise,
    WinnerTakeAll: pointwise.elementwise,
    KSparse: pointwise.sparse_code,
    SaltAndPepperNoise: pointwise.elementwise,
    ContractivePenalty: pointwise.last_input,
    LocalResponseNormalization: _response_normalization,
}

# Classes that Keras gives no public name: layers inside keras.applications, and the operations that
# arithmetic on Keras tensors leaves in a graph, such as the sum of `x + y`.
UNNAMED_FORMULAS: dict[str, Formula] = {
    **dict.fromkeys(["LayerScale", "StochasticDepth"], pointwise.elementwise),
    "CustomScaleLayer": pointwise.elementwise,  # a + scale·b, in InceptionResNetV2
    **dict.fromkeys(["Reshape", "Squeeze", "ExpandDims"], pointwise.reshaping),
    "Concatenate": pointwise.concatenation,
    **dict.fromkeys(
        [
            *("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "DivideNoNan", "Power", "Maximum", "Minimum"),
            *("Negative", "Absolute", "Abs", "Square", "Sqrt", "Rsqrt", "Reciprocal", "Exp", "Expm1", "Log", "Log1p"),
            *("Sin", "Cos", "Tanh", "Erf", "Sign", "Floor", "Ceil", "Round", "Clip", "Cast", "StopGradient", "Where"),
            *("Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual"),
            *("LogicalAnd", "LogicalOr", "LogicalNot", "NanToNum", "Copy"),
            *("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Celu", "Gelu", "Silu", "Sigmoid", "LogSigmoid"),
            *("HardSigmoid", "HardSilu", "HardTanh", "Softplus", "Softsign", "Softmax", "LogSoftmax"),
        ],
        pointwise.elementwise,
    ),
}


def formula_of(layer: object, elementwise: tuple[type, ...] = ()) -> Formula | None:
    """Return the formula of a layer, or `None` where its class is not known.

    Args:
        layer: a Keras layer or operation.
        elementwise: further layer classes that work element by element.

    Example:
    >>> formula_of(layers.Conv2D(6, 5)).__name__, formula_of(layers.LSTM(3))
    ('convolution', None)
    """
    if isinstance(layer, elementwise):
        return pointwise.elementwise
    for cls in type(layer).__mro__:
        if cls in LAYER_FORMULAS:
            return LAYER_FORMULAS[cls]
        if cls.__module__.partition(".")[0] == "keras" and cls.__name__ in UNNAMED_FORMULAS:
            return UNNAMED_FORMULAS[cls.__name__]
    return None
