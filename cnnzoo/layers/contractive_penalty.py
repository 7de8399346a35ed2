"""The penalty of contractive autoencoders on the sensitivity of a code to its input."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import activations, ops

from cnnzoo.checks import number
from cnnzoo.errors import InputError
from cnnzoo.layers.graph import call_of

# The slope of an activation, by its value.
SLOPES: dict[Callable, Callable] = {
    activations.linear: ops.ones_like,
    activations.relu: lambda values: ops.cast(values > 0, values.dtype),
    activations.sigmoid: lambda values: values * (1 - values),
    activations.tanh: lambda values: 1 - ops.square(values),
}


@keras.saving.register_keras_serializable(package="cnnzoo")
class ContractivePenalty(keras.layers.Layer):
    """Return a code unchanged, and add its sensitivity to the input to the loss: weight · mean ‖∂code/∂input‖²_F.

    It is called with the outputs of the dense layers from the input to the code, `[hidden, …, code]`, or with the
    code alone. The norm is that of the derivatives of the code with respect to the input of the
    first of these layers, exact, by a formula: Σ_j s_j² Σ_i W_ij² for one layer, where s_j is the slope of unit j
    (h_j(1 − h_j) if it is logistic), and for several a product of such Jacobians per image, which takes
    memory for batch × code × widest layer. It counts in `evaluate` too, as the penalties of Keras do.

    Loaded with a decoder that was separated from its encoder, it has no encoder to penalize and adds nothing.

    Args:
        weight: factor of the mean over the batch, at least 0.
        of: the names of the layers, which a configuration contains. Leave it out.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        values: tensor `(batch, units)` of a graph, the output of a `keras.layers.Dense` whose activation is
            logistic, tanh, ReLU or linear; or a list of them, each the input of the next one's layer.

    Returns:
        The last of the tensors.

    Raises:
        InputError: `weight` is out of range, or a tensor is not of this kind.

    Source: Rifai et al., "Contractive Auto-Encoders", ICML 2011, eqs. 3 and 4.

    Example:
    >>> image = keras.Input((8,))
    >>> code = keras.layers.Dense(3, "sigmoid")(image)
    >>> model = keras.Model(image, ContractivePenalty(0.1)(code))
    >>> import numpy as np
    >>> _ = model(np.ones((2, 8), "float32"))
    >>> len(model.losses)
    1
    """

    def __init__(self, weight: float, of: Sequence[str] | None = None, **kwargs):
        super().__init__(**kwargs)
        self.weight = number("weight", weight, 0)
        self.of = None if of is None else tuple(of)
        # A function that returns the layers: Keras would track the layers themselves as parts of this one.
        self._layers_of: Callable[[], list] | None = None

    def __call__(self, values, *args, **kwargs):
        if not self.built:
            self._find_layers(list(values) if isinstance(values, list | tuple) else [values])
        return super().__call__(values, *args, **kwargs)

    def _find_layers(self, tensors: list) -> None:
        calls: list[Any] = [call_of(tensor) for tensor in tensors]
        layers = [call and call.layer for call in calls]
        if self.of is not None and any(isinstance(layer, keras.layers.InputLayer) for layer in layers):
            layers = []
        else:
            for layer, tensor in zip(layers, tensors, strict=True):
                self._check(layer, tensor)
            for before, call in zip(tensors, calls[1:], strict=False):
                if call.inputs[0] is not before:
                    raise InputError(
                        f"{self.name} takes the outputs of dense layers that follow each other, and "
                        f"{call.layer.name!r} is not called with the output before its own"
                    )
            self.of = tuple(layer.name for layer in layers)
        self._layers_of = lambda: layers

    def _check(self, layer: Any, tensor: Any) -> None:
        allowed = f"{self.name} takes the outputs of dense layers in a graph"
        if not isinstance(layer, keras.layers.Dense):
            received = "values" if layer is None else f"that of {layer.name!r}, a {type(layer).__name__}"
            raise InputError(f"{allowed}, not {received}")
        if layer.activation not in SLOPES:
            name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
            names = ", ".join(sorted(function.__name__ for function in SLOPES))
            raise InputError(f"{allowed} with one of the activations {names}; {layer.name!r} has {name}")
        if len(tensor.shape) != 2:
            raise InputError(f"{allowed} of shape (batch, units); that of {layer.name!r} is {tensor.shape}")

    def build(self, input_shape):
        """There are no weights here."""

    def call(self, values):
        outputs = list(values) if isinstance(values, list | tuple) else [values]
        layers = self._layers_of() if self._layers_of else []
        if layers:
            norms = squared_norms([layer.kernel for layer in layers], _slopes(layers, outputs))
            self.add_loss(self.weight * ops.mean(norms))
        return outputs[-1]

    def compute_output_shape(self, input_shape):
        several = input_shape and isinstance(input_shape[0], list | tuple)
        return tuple(input_shape[-1] if several else input_shape)

    def get_build_config(self):
        # Built from a shape alone, before it is called, a loaded layer could not find the layers before it.
        return None

    def get_config(self):
        return {**super().get_config(), "weight": self.weight, "of": None if self.of is None else list(self.of)}


def _slopes(layers: list, outputs: list) -> list:
    """Return the slope of every unit, in single precision at least: squares of halves overflow."""
    slopes = []
    for layer, values in zip(layers, outputs, strict=True):
        dtype = keras.backend.standardize_dtype(values.dtype)
        values = ops.cast(values, "float32") if dtype in ("float16", "bfloat16") else values
        slopes.append(SLOPES[layer.activation](values))
    return slopes


def squared_norms(kernels: list, slopes: list) -> Any:
    """Return ‖∂code/∂input‖²_F of a chain of dense layers.

    Args:
        kernels: tensors `(inputs, units)` from the first layer to the code.
        slopes: tensors `(batch, units)` of the same layers: the activations' derivatives.

    Returns:
        Tensor `(batch,)`.

    Source: the chain rule; for one layer Rifai et al. 2011, eq. 4.

    Example:
    >>> import numpy as np
    >>> np.asarray(squared_norms([2 * np.eye(3, dtype="float32")], [np.ones((2, 3), "float32")])).tolist()
    [12.0, 12.0]
    """
    kernels = [ops.cast(kernel, slope.dtype) for kernel, slope in zip(kernels, slopes, strict=True)]
    if len(kernels) == 1:
        return ops.matmul(ops.square(slopes[0]), ops.sum(ops.square(kernels[0]), axis=0))
    # From the code, which is narrow, back to the input.
    jacobian = slopes[-1][:, :, None] * ops.transpose(kernels[-1])
    for kernel, slope in zip(kernels[-2::-1], slopes[-2::-1], strict=True):
        jacobian = ops.matmul(jacobian * slope[:, None, :], ops.transpose(kernel))
    return ops.sum(ops.square(jacobian), axis=(1, 2))


def penalizes_activations(operation: Any) -> bool:
    """Return whether a layer adds a penalty on its outputs, which is a mean over the batch, to the loss.

    Example:
    >>> penalizes_activations(keras.layers.Dense(3)), penalizes_activations(ContractivePenalty(0.1))
    (False, True)
    """
    return getattr(operation, "activity_regularizer", None) is not None or isinstance(operation, ContractivePenalty)
