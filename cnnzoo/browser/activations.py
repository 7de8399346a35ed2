"""The activations that a page knows."""

from typing import Any

import keras

from cnnzoo.errors import InputError
from cnnzoo.layers import scaled_tanh

# Functions of Keras whose only argument is the layer's sum; `static/engine/activations.js` has each by its name.
PLAIN = (
    *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "sigmoid", "hard_sigmoid", "tanh", "hard_tanh"),
    *("softplus", "softsign", "silu", "mish", "exponential", "softmax"),
)


def activation_of(activation: Any, layer: str) -> dict[str, Any]:
    """Return the options of a layer's activation; its parameters are Keras' defaults.

    Args:
        activation: a function, or `None` for none.
        layer: name of the layer, for the message.

    Raises:
        InputError: the page does not know it.

    Example:
    >>> activation_of(keras.activations.relu, "C1")
    {'activation': 'relu', 'activation_options': {}}
    """
    if isinstance(activation, keras.layers.Activation):
        activation = activation.activation
    if activation is None:
        activation = keras.activations.linear
    if activation is scaled_tanh:
        return {"activation": "scaled_tanh", "activation_options": {}}
    for name in PLAIN:
        if activation is getattr(keras.activations, name, None):
            return {"activation": name, "activation_options": {}}
    given = getattr(activation, "__name__", type(activation).__name__)
    raise InputError(
        f"the page does not know the activation {given!r} of layer {layer!r}; it knows "
        f"{', '.join((*PLAIN, scaled_tanh.__name__))}"
    )
