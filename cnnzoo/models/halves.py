"""The encoder and the decoder of an autoencoder, which share its weights."""

import keras

from cnnzoo.errors import InputError


def encoder(model: keras.Model) -> keras.Model:
    """Return the part of a model that turns images into codes, sharing its weights.

    Corruption of the input is left out. The codes of a `stacked_autoencoder`, which has no layer `code`, are
    the outputs of its last hidden layer.

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
    last = "code" if "code" in names else f"encoder_{_hidden_layers(names)}"
    if last not in names:
        raise _not_an_autoencoder(model, "encoder", "no layer 'code' or 'encoder_1'")
    codes = model.get_layer(last).output
    if "corruption" in names:
        corruption = model.get_layer("corruption")
        codes = _apply_layers(keras.Model(corruption.output, codes), corruption.input)
    return keras.Model(model.input, codes, name=f"{model.name}_encoder")


def decoder(model: keras.Model) -> keras.Model:
    """Return the part of an autoencoder that turns codes into images, sharing its weights.

    Args:
        model: an autoencoder of cnnzoo, also after save and load.

    Returns:
        A functional model from codes, as `encoder(model)` returns them, to images. It is not compiled.

    Raises:
        InputError: the model has no layer `code`, or nothing that follows it.

    Example:
    >>> import cnnzoo
    >>> half = decoder(cnnzoo.deep_autoencoder())
    >>> half.input_shape, half.output_shape
    ((None, 30), (None, 28, 28, 1))
    """
    names = _layer_names(model)
    first = "decoder_1" if "decoder_1" in names else "output"
    if "code" not in names or first not in names:
        raise _not_an_autoencoder(model, "decoder", "no layer 'code', or no 'decoder_1' or 'output' after it")
    return keras.Model(model.get_layer(first).input, model.output, name=f"{model.name}_decoder")


def _apply_layers(model: keras.Model, x):
    """Return the output of the layers of a model without branches for another tensor."""
    for layer in model.layers[1:]:  # without the input
        x = layer(x)
    return x


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
