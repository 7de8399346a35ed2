"""The penalty of contractive autoencoders: how much a code moves when its input does."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import activations, ops

from cnnzoo.errors import InputError
from cnnzoo.layers.upstream import maker

# The slope of an activation, by its value.
SLOPES: dict[Callable, Callable] = {
    activations.linear: ops.ones_like,
    activations.relu: lambda values: ops.cast(values > 0, values.dtype),
    activations.sigmoid: lambda values: values * (1 - values),
    activations.tanh: lambda values: 1 - ops.square(values),
}


@keras.saving.register_keras_serializable(package="cnnzoo")
class ContractivePenalty(keras.layers.Layer):
    """Pass on a code, and add to the loss how much it answers to its input: weight · mean ‖∂code/∂input‖²_F.

    It is called with the outputs of the dense layers from the input to the code, `[hidden, …, code]`, or with the
    code alone. The norm is that of the derivatives of the code with respect to what goes into the
    first of these layers, exact, by a formula: Σ_j s_j² Σ_i W_ij² for one layer, where s_j is the slope of unit j
    (h_j(1 − h_j) if it is logistic), and a product of such Jacobians for each image for several, which takes
    memory for batch × code × widest layer. It counts in `evaluate` too, as the penalties of Keras do.

    Loaded with a decoder that was cut off from its encoder, it has nothing to contract and adds nothing.

    Args:
        weight: factor of the mean over the batch, at least 0.
        of: what a configuration tells: the names of the layers. Leave it out.
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
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise InputError(f"the weight of {self.name} must be a number of at least 0, not {weight!r}")
        self.weight = weight
        self.of = None if of is None else tuple(of)
        # A function that returns the layers: Keras would take the layers themselves for parts of this one.
        self._layers_of: Callable[[], list] | None = None

    def __call__(self, values, *args, **kwargs):
        if not self.built:
            self._look_upstream(list(values) if isinstance(values, list | tuple) else [values])
        return super().__call__(values, *args, **kwargs)

    def _look_upstream(self, tensors: list) -> None:
        made = [maker(tensor) for tensor in tensors]
        if self.of is not None and any(isinstance(layer, keras.layers.InputLayer) for layer, _ in made):
            layers = []
        else:
            layers = [layer for layer, _ in made]
            for layer, tensor in zip(layers, tensors, strict=True):
                self._check(layer, tensor)
            for before, (layer, inputs) in zip(tensors, made[1:], strict=False):
                if inputs[0] is not before:
                    raise InputError(
                        f"{self.name} takes the outputs of dense layers that follow each other, and {layer.name!r} "
                        "is not called with the output before its own"
                    )
            self.of = tuple(layer.name for layer in layers)
        self._layers_of = lambda: layers

    def _check(self, layer: Any, tensor: Any) -> None:
        known = f"{self.name} takes the outputs of dense layers in a graph"
        if not isinstance(layer, keras.layers.Dense):
            received = "values" if layer is None else f"that of {layer.name!r}, a {type(layer).__name__}"
            raise InputError(f"{known}, not {received}")
        if layer.activation not in SLOPES:
            name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
            allowed = ", ".join(sorted(function.__name__ for function in SLOPES))
            raise InputError(f"{known} with one of the activations {allowed}; {layer.name!r} has {name}")
        if len(tensor.shape) != 2:
            raise InputError(f"{known} of shape (batch, units); that of {layer.name!r} is {tensor.shape}")

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
        # Built from a shape alone, before it is called, a loaded layer could not see what it is called with.
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


def penalises_activations(operation: Any) -> bool:
    """Return whether a layer adds a penalty on what it computes, which is a mean over the batch, to the loss.

    Example:
    >>> penalises_activations(keras.layers.Dense(3)), penalises_activations(ContractivePenalty(0.1))
    (False, True)
    """
    return getattr(operation, "activity_regularizer", None) is not None or isinstance(operation, ContractivePenalty)
