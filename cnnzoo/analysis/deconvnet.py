"""The deconvnet: what in an image activates a unit, by the way back through rectified units and pooling."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from cnnzoo import checks
from cnnzoo.analysis.layer_activations import activations, checked_units, images_for
from cnnzoo.analysis.layer_formulas import AUGMENTATIONS
from cnnzoo.errors import InputError
from cnnzoo.layers import (
    ConstantPadding2D,
    LocallyConnected2D,
    LocalResponseNormalization,
    MaskingNoise,
    PartiallyConnectedConv2D,
    SaltAndPepperNoise,
)
from cnnzoo.layers.graph import activated_by, outputs_of_layers, with_training

METHODS = ("deconvolution", "gradient", "guided")
BATCH = 32  # images a step, all of whose activations are held at once

# Layers whose outputs are sums of their inputs, once their activation and what they do in training are left out, and
# pooling by the maximum, which is such a sum once its switches are known.
_LINEAR: tuple[type, ...] = (
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D),
    *(layers.SeparableConv1D, layers.SeparableConv2D, layers.Conv1DTranspose, layers.Conv2DTranspose),
    *(LocallyConnected2D, PartiallyConnectedConv2D, layers.Dense),
    *(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D),
    *(layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D),
    *(layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D),
    *(layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D),
    *(layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D, ConstantPadding2D),
    *(layers.Cropping1D, layers.Cropping2D, layers.Cropping3D, layers.CenterCrop),
    *(layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D, layers.Resizing),
    *(layers.Flatten, layers.Reshape, layers.Permute, layers.Concatenate, layers.Add, layers.Subtract, layers.Average),
    *(layers.BatchNormalization, layers.Normalization, layers.Rescaling, layers.Identity, layers.Activation),
    *(layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D),
    *(layers.AlphaDropout, layers.GaussianDropout, layers.GaussianNoise, layers.ActivityRegularization),
    *(MaskingNoise, SaltAndPepperNoise, *AUGMENTATIONS),
)
# Keras gives them no public class: operations that functions and arithmetic on Keras tensors leave in a graph.
_LINEAR_OPERATIONS = ("Add", "Subtract", "Negative", "Reshape", "Squeeze", "ExpandDims", "Concatenate", "Transpose")


def deconvolution(
    model: keras.Model,
    images,
    layer: str,
    unit: int,
    *,
    positions: Sequence[Sequence[int]] | None = None,
    method: str = "deconvolution",
    before_activation: bool = False,
):
    """Return what in each image activates a unit, by a way back through the net.

    All activations of the layer but one are set to zero. Layer by layer down, a deconvnet (i) unpools: each value goes
    to where this image had the maximum of the window, and where windows overlap, values are added; (ii) rectifies
    what it has reconstructed; (iii) filters with the transposed kernels. Every step but (ii) is what the gradient does,
    too; the methods differ in how a ReLU is passed:

    - `"deconvolution"`: where the reconstruction is positive;
    - `"gradient"`: where the activation was positive. This is the gradient of the activation for the image, through
      layers of any kind;
    - `"guided"`: where both are (guided backpropagation).

    The deconvnet starts from the activation itself, the others from 1. Where it deviates from the paper, or the paper
    says nothing: biases are left out; averages, dense layers and scales, also those of batch normalization, are passed
    by their transposes; a local response normalization multiplies by the factors that it had for this image, which are
    held fixed as the switches are (the other two methods take its gradient); of several equal maxima in a window one
    is taken, which can be another on another device.

    Args:
        model: a functional or Sequential model with one image or signal as its input.
        images: float array `(batch, *input_shape)`, in the model's own scale.
        layer: name of a layer of maps, or of a dense one, as `cnnzoo.conv_report` prints it.
        unit: index of the map, or of the dense layer's unit.
        positions: for each image, row and column of the position in the map; `None` for the one with its top
            activation.
        method: `"deconvolution"`, `"gradient"` or `"guided"`.
        before_activation: whether to start from the sum to which the layer's own activation is applied, such as a
            class' logit before a softmax.

    Returns:
        float32 array of the images' shape: for each image its reconstruction, zero where nothing activates the unit.

    Raises:
        InputError: no such layer, unit or position, images that do not fit, an unknown method; of all methods but
            `"gradient"` a layer on the way whose activation is no ReLU, or which is none of those named above.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013, section 2.1; gradient:
        Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2013; guided: Springenberg et al.,
        "Striving for Simplicity", 2014, section 3.4.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    >>> deconvolution(cnnzoo.cuda_convnet(), images, "conv2", 5).shape
    (2, 32, 32, 3)
    """
    images = images_for(model, images)
    checks.choice("method", method, METHODS, "methods")
    checks.flag("before_activation", before_activation)
    outputs = activations(model, images, [layer], before_activation=before_activation)[layer]
    [unit] = checked_units([unit], outputs.shape[-1], layer)
    flat = _flat_positions(positions, outputs[..., unit], layer)
    values = outputs[..., unit].reshape(len(outputs), -1)[np.arange(len(outputs)), flat]
    starts = values if method == "deconvolution" else np.ones_like(values)
    seeds = np.zeros((len(outputs), outputs[0].size), "float32")
    seeds[np.arange(len(outputs)), flat * outputs.shape[-1] + unit] = starts

    def outputs_of(inputs):
        options: dict[str, Any] = {} if method == "gradient" else {"operation_for": _Undone(model.name, method)}
        linear = layer if before_activation else None
        return outputs_of_layers(model, [inputs], [layer], before_activation=linear, **options)[layer]

    parts = [slice(start, start + BATCH) for start in range(0, len(images), BATCH)]
    return np.concatenate([_transposed(outputs_of, images[part], seeds[part]) for part in parts])


def _flat_positions(positions: Sequence[Sequence[int]] | None, maps: np.ndarray, layer: str) -> np.ndarray:
    """Return one flat position for each image's map, `(batch, …)`: by default that of its largest value."""
    sides = maps.shape[1:]
    if positions is None:
        return maps.reshape(len(maps), -1).argmax(axis=1)
    given = np.asarray(positions) if isinstance(positions, Sequence | np.ndarray) else np.zeros(0)
    is_fitting = given.shape == (len(maps), len(sides)) and given.dtype.kind in "iu"
    if not is_fitting or (given < 0).any() or (given >= sides).any():
        allowed = (
            f"for each of {len(maps)} images one of the {'×'.join(map(str, sides)) or 'no'} positions of {layer!r}"
        )
        raise checks.refusal("positions", allowed, positions)
    return np.ravel_multi_index(tuple(given.T), sides)


class _Undone:
    """What is called in place of each layer: it returns the same, and is passed backward as a method says.

    Args:
        model: the model's name, for errors.
        method: `"deconvolution"` or `"guided"`.
    """

    def __init__(self, model: str, method: str):
        self._model, self._method = model, method

    def __call__(self, layer: Any) -> Callable[..., Any]:
        rectify = _rectified if self._method == "deconvolution" else _rectified_twice
        if isinstance(layer, layers.ReLU) and not (layer.max_value or layer.negative_slope or layer.threshold):
            return rectify
        if isinstance(layer, LocalResponseNormalization):
            return _scaled(layer) if self._method == "deconvolution" else layer
        if not isinstance(layer, keras.Layer):
            return self._operation(layer, rectify)
        activation = getattr(layer, "activation", None) or keras.activations.linear
        is_rectified = activation in (keras.activations.relu, ops.relu)
        if not isinstance(layer, _LINEAR) or not (is_rectified or activation is keras.activations.linear):
            raise self._refusal(layer)

        def call(*args: Any, **kwargs: Any) -> Any:
            with activated_by(layer, rectify if is_rectified else activation):
                return with_training(layer, False)(*args, **kwargs)

        return call

    def _operation(self, operation: Any, rectify: Callable[[Any], Any]) -> Callable[..., Any]:
        name = type(operation).__name__
        if name == "Relu":
            return rectify
        if name not in _LINEAR_OPERATIONS:
            raise self._refusal(operation)
        return operation

    def _refusal(self, layer: Any) -> InputError:
        activation = getattr(getattr(layer, "activation", None), "__name__", "")
        of = f" with the activation {activation}" if activation else ""
        return InputError(
            f'method="{self._method}" cannot go back through {layer.name!r} of {self._model}, a {type(layer).__name__}'
            f"{of}: it takes convolutions, dense layers, pooling, padding, dropout, normalization and scales, each "
            'without an activation or with relu; method="gradient" takes every layer'
        )


def _rectified(values):
    """Return the rectified values; backward, what is reconstructed is rectified instead."""
    return _with_gradient(ops.relu, lambda values, slopes: ops.relu(slopes))(values)


def _rectified_twice(values):
    """Return the rectified values; backward, what is positive here and there passes."""
    return _with_gradient(ops.relu, lambda values, slopes: ops.where(values > 0, ops.relu(slopes), 0.0 * slopes))(
        values
    )


def _scaled(layer: LocalResponseNormalization) -> Callable[[Any], Any]:
    """Return a normalization whose factors are constants backward."""
    return lambda images: images * ops.stop_gradient(layer.factors(images))


def _with_gradient(function: Callable[[Any], Any], backward: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """Return a function of a tensor whose gradient is computed from the tensor and from the upstream one."""

    @ops.custom_gradient
    def call(values):
        def gradient(*arguments, upstream=None):
            return backward(values, arguments[0] if upstream is None else upstream)

        return function(values), gradient

    return call


def _transposed(outputs_of: Callable[[Any], Any], images: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return the gradient of `(outputs · seeds).sum()` for the images."""
    back = _WayBack(outputs_of, images, seeds)
    # What this optimizer subtracts from zeros is the gradient itself.
    back.compile(keras.optimizers.SGD(1.0), run_eagerly=True, jit_compile=False)
    back.fit(np.zeros((1, 1), "float32"), batch_size=1, verbose=0)
    return -ops.convert_to_numpy(back.change)


class _WayBack(keras.Model):
    """A model whose weights are changes of the images; the net's own weights are not among them and stay as they are.

    `fit` is how Keras gives gradients on each of its backends.
    """

    def __init__(self, outputs_of: Callable[[Any], Any], images: np.ndarray, seeds: np.ndarray):
        super().__init__(name="way_back", dtype="float32")
        # Keras does not track a function, so that it does not train the net's weights.
        self._outputs_of, self._images, self._seeds = outputs_of, images, seeds
        self.change = self.add_weight(shape=images.shape, name="change", initializer="zeros")

    def call(self, inputs):
        return ops.convert_to_tensor(self._images) + self.change

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        outputs = ops.cast(self._outputs_of(y_pred), "float32")
        return ops.sum(ops.reshape(outputs, self._seeds.shape) * ops.convert_to_tensor(self._seeds))
