"""The encoder and the decoder of an autoencoder, which share its weights."""

import functools
from typing import Any

import keras
import numpy as np

from cnnzoo.checks import refusal
from cnnzoo.errors import InputError
from cnnzoo.layers.graph import Subgraph, calls, output_of

# Layers from which a model decodes, whichever it has first.
BEHIND_CODE = ("sparse_code", "sparsity_penalty", "contractive_penalty", "code")


def encoder(model: keras.Model) -> keras.Model:
    """Return the part of a model that turns images into codes, sharing its weights.

    Corruption of the input is left out. The code of a `variational_autoencoder` is the mean of its distribution, and in
    training a draw from it. The codes of a `stacked_autoencoder`, which has no layer `code`, are the outputs of its
    last hidden layer.

    Args:
        model: an autoencoder of cnnzoo, or `stacked_autoencoder`, also after save and load.

    Returns:
        A functional model from images to codes, `(batch, code)`, or maps of a convolutional autoencoder.
        It is not compiled.

    Raises:
        InputError: the model has neither a layer `code` nor `encoder_1`, `encoder_2`, ….

    Example:
    >>> import cnnzoo
    >>> encoder(cnnzoo.deep_autoencoder()).output_shape
    (None, 30)
    """
    names = _layer_names(model)
    own = next((name for name in ("sparse_code", "code") if name in names), None)
    last = own or f"encoder_{_hidden_layers(names)}"
    if last not in names:
        raise _not_an_autoencoder(model, "encoder", "no layer 'code' or 'encoder_1'")
    codes = output_of(model, last)
    if "corruption" in names:
        corrupted = output_of(model, "corruption")
        [clean] = next(call.inputs for call in calls(model) if call.outputs[0] is corrupted)
        codes = Subgraph(corrupted, codes).run(clean)
    return keras.Model(model.input, codes, name=f"{model.name}_encoder")


def decoder(model: keras.Model) -> keras.Model:
    """Return the part of an autoencoder that turns codes into images, sharing its weights.

    Args:
        model: an autoencoder of cnnzoo, also after save and load.

    Returns:
        A functional model from codes, as `encoder(model)` returns them, to images. It is not compiled. Its `predict`
        takes codes in lists, too, such as `[[0, 0]]`. With tied weights, either half holds whole layers: the bias of
        the other direction, too.

    Raises:
        InputError: the model has no layer `code`, or does not end in a layer `reconstruction`.

    Example:
    >>> import cnnzoo
    >>> half = decoder(cnnzoo.deep_autoencoder())
    >>> half.input_shape, half.output_shape
    ((None, 30), (None, 28, 28, 1))
    """
    names = _layer_names(model)
    if not {"code", "reconstruction"} <= names:
        raise _not_an_autoencoder(model, "decoder", "no layer 'code', or no 'reconstruction' after it")
    start = penalized_code(model)
    # keras.Model(start, …) of Keras 3.15 takes every other call of a tied code layer for the input, too.
    codes = keras.Input(batch_shape=start.shape, dtype=start.dtype, name="codes")
    images = Subgraph(start, model.output).run(codes)
    half = keras.Model(codes, images, name=f"{model.name}_decoder")
    half.predict = _predict_of_lists(half)
    return half


def penalized_code(model: keras.Model) -> Any:
    """Return the tensor from which a model decodes: its code, behind layers that add penalties or make it sparse.

    A contractive penalty has the outputs of hidden layers, too, so that what follows it does not depend on the layer
    `code` alone.

    Args:
        model: a functional or Sequential model with a layer `code`.
    """
    names = {layer.name for layer in model.layers}
    return output_of(model, next(name for name in BEHIND_CODE if name in names))


def _predict_of_lists(half: keras.Model) -> Any:
    """Return a decoder's `predict` that takes lists of numbers for an array, where Keras looks for several inputs."""
    predict = half.predict

    @functools.wraps(predict)
    def of_lists(x, *arguments, **options):
        if isinstance(x, list | tuple):
            try:
                x = np.array(x, "float32")
            except (TypeError, ValueError) as error:
                raise refusal("x", "codes as numbers in lists of one length, such as [[0, 0]]", x) from error
        shape = tuple(getattr(x, "shape", half.input_shape))  # batches of a data set have theirs
        expected = half.input_shape
        fits = len(shape) == len(expected) and all(
            side in (None, given) for side, given in zip(expected[1:], shape[1:], strict=True)
        )
        if not fits:
            sides = ", ".join("any" if side is None else str(side) for side in expected[1:])
            raise refusal("x", f"codes of the shape (batch, {sides})", shape)
        return predict(x, *arguments, **options)

    return of_lists


def _layer_names(model: keras.Model) -> set[str]:
    if not isinstance(model, keras.Function):
        raise InputError(f"the model must be a functional Keras model. Received: a {type(model).__name__}")
    return {layer.name for layer in model.layers}


def _hidden_layers(names: set[str]) -> int:
    count = 0
    while f"encoder_{count + 1}" in names:
        count += 1
    return count


def _not_an_autoencoder(model: keras.Model, half: str, lack: str) -> InputError:
    return InputError(f"{model.name} has no {half}: it has {lack}")
