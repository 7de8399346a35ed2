"""Which arithmetic each kind of layer has: the one table to add a layer to."""

from collections.abc import Callable

from keras import layers

from cnnzoo.analysis import pointwise, sliding
from cnnzoo.analysis.arithmetic import Arithmetic, Call
from cnnzoo.layers import (
    AveragePooling2D,
    ContractivePenalty,
    LocallyConnected2D,
    LocalResponseNormalization,
    LpPooling2D,
    MaskingNoise,
    PartiallyConnectedConv2D,
    RadialBasis,
    SaltAndPepperNoise,
    Subsampling2D,
    TiedConv2DTranspose,
    TiedDense,
    ZCAWhitening,
)

Kind = Callable[[Call], Arithmetic]


def _each(kind: Kind, *classes: type) -> dict[type, Kind]:
    return dict.fromkeys(classes, kind)


def _response_normalization(call: Call) -> Arithmetic:
    return (sliding.surround if call.layer.region == "within" else pointwise.elementwise)(call)


# A class that is not here is looked for by the classes that it derives from.
KINDS: dict[type, Kind] = {
    **_each(sliding.convolution, layers.Conv1D, layers.Conv2D, layers.Conv3D),
    **_each(sliding.depthwise_convolution, layers.DepthwiseConv1D, layers.DepthwiseConv2D),
    **_each(sliding.separable_convolution, layers.SeparableConv1D, layers.SeparableConv2D),
    **_each(sliding.transposed_convolution, layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose),
    **_each(sliding.pooling, layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D),
    **_each(sliding.pooling, layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D),
    **_each(sliding.global_pooling, layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D),
    **_each(
        sliding.global_pooling,
        layers.GlobalAveragePooling1D,
        layers.GlobalAveragePooling2D,
        layers.GlobalAveragePooling3D,
    ),
    **_each(pointwise.dense, layers.Dense),
    **_each(pointwise.padding, layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D),
    **_each(pointwise.cropping, layers.Cropping1D, layers.Cropping2D, layers.Cropping3D),
    **_each(pointwise.upsampling, layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D),
    **_each(pointwise.resizing, layers.Resizing),
    **_each(pointwise.reshaping, layers.Flatten, layers.Reshape),
    **_each(pointwise.permutation, layers.Permute),
    **_each(pointwise.concatenation, layers.Concatenate),
    **_each(
        pointwise.elementwise,
        # merging
        *(layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum),
        # normalization
        *(layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization),
        *(layers.RMSNormalization, layers.UnitNormalization, layers.Normalization, layers.Rescaling),
        # activation
        *(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU, layers.Softmax),
        # noise, and what only passes on
        *(layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D),
        *(layers.AlphaDropout, layers.GaussianDropout, layers.GaussianNoise),
        *(layers.ActivityRegularization, layers.Identity, layers.Masking),
    ),
    # cnnzoo's own
    **_each(sliding.pooling, AveragePooling2D, LpPooling2D),
    **_each(sliding.local_convolution, LocallyConnected2D),
    **_each(sliding.subsampling, Subsampling2D),
    **_each(sliding.partially_connected_convolution, PartiallyConnectedConv2D),
    **_each(pointwise.radial_basis, RadialBasis),
    **_each(pointwise.whitening, ZCAWhitening),
    # The formulas count a shared kernel with each; as parameters a report counts it with the first.
    **_each(pointwise.dense, TiedDense),
    **_each(sliding.transposed_convolution, TiedConv2DTranspose),
    **_each(pointwise.elementwise, MaskingNoise, SaltAndPepperNoise),
    **_each(pointwise.last_input, ContractivePenalty),
    **_each(_response_normalization, LocalResponseNormalization),
}

# Classes that Keras gives no public name: layers inside keras.applications, and the operations that
# arithmetic on Keras tensors leaves in a graph, such as the sum of `x + y`.
UNNAMED: dict[str, Kind] = {
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


def kind_of(layer: object, elementwise: tuple[type, ...] = ()) -> Kind | None:
    """Return the arithmetic of a layer, or `None` where its class is not known.

    Args:
        layer: a Keras layer or operation.
        elementwise: further classes that work element by element.

    Example:
    >>> kind_of(layers.Conv2D(6, 5)).__name__, kind_of(layers.LSTM(3))
    ('convolution', None)
    """
    if isinstance(layer, elementwise):
        return pointwise.elementwise
    for cls in type(layer).__mro__:
        if cls in KINDS:
            return KINDS[cls]
        if cls.__module__.startswith("keras.src.") and cls.__name__ in UNNAMED:
            return UNNAMED[cls.__name__]
    return None
