"""The penalty of contractive autoencoders on the sensitivity of a code to its input."""

from collections.abc import Callable
from typing import Any

import keras
from keras import activations, ops

from cnnzoo.checks import number
from cnnzoo.errors import InputError
from cnnzoo.keras_internals import Call, call_of

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

    Args:
        weight: factor of the mean over the batch, at least 0.
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

    def __init__(self, weight: float, **kwargs):
        super().__init__(**kwargs)
        self.weight = number("weight", weight, 0)
        # The calls of the penalized layers. Keras would track the layers themselves as parts of this one.
        self._dense_calls: tuple[Call, ...] = ()

    def compute_output_spec(self, values):
        # Keras calls this with the tensors of the graph, which know the layers that they come from. It does so again
        # for a model that is used as a layer, with tensors that do not.
        tensors = keras.tree.flatten(values)
        if not self._dense_calls:
            self._dense_calls = tuple(map(self._checked, tensors, [None, *tensors]))
        return keras.KerasTensor(tensors[-1].shape, dtype=self.compute_dtype)

    def _checked(self, tensor: Any, before: Any) -> Call:
        """Return the call that a tensor is the output of, which must be that of a dense layer."""
        call, allowed = call_of(tensor), f"{self.name} takes the outputs of dense layers in a graph"
        if call is None:
            raise InputError(f"{allowed}, not values")
        layer, direction = call.layer, " in reverse" if call.options.get("reverse") else ""
        if direction or not isinstance(layer, keras.layers.Dense):
            raise InputError(f"{allowed}, not that of {layer.name!r}, a {type(layer).__name__}{direction}")
        if layer.activation not in SLOPES:
            name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
            names = ", ".join(sorted(function.__name__ for function in SLOPES))
            raise InputError(f"{allowed} with one of the activations {names}; {layer.name!r} has {name}")
        if len(tensor.shape) != 2:
            raise InputError(f"{allowed} of shape (batch, units); that of {layer.name!r} is {tensor.shape}")
        if before is not None and call.inputs[0] is not before:
            raise InputError(f"{allowed} that follow each other; {layer.name!r} is not called with the one before it")
        return call

    def call(self, values):
        outputs = keras.tree.flatten(values)
        if not self._dense_calls:
            raise InputError(f"{self.name} takes the outputs of dense layers in a graph, not values")
        layers = [call.layer for call in self._dense_calls]
        norms = squared_norms([layer.kernel for layer in layers], _slopes(layers, outputs))
        self.add_loss(self.weight * ops.mean(norms))
        return outputs[-1]

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}


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
