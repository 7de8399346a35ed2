"""The models: one module per paper family, and the functions that build them by name.

`cnnzoo.models.lenet` is the module of a family, with its `preprocess_input`; `cnnzoo.lenet` is the
function that builds the net.
"""

import fnmatch
import functools
import importlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cnnzoo.errors import InputError, reason, unknown

if TYPE_CHECKING:
    import keras

# Each model function and the module of its family. CONTRIBUTING.md lists the files to change for a new model.
FAMILIES = {
    "lenet5": "lenet",
    "lenet_1989": "early_lenets",
    "lenet1": "early_lenets",
    "lenet4": "lenet4",
    "lenet": "lenet",
    "mlp": "mlp",
    "alexnet": "alexnet",
    "caffenet": "alexnet",
    "alexnet_owt": "alexnet_owt",
    "zfnet": "zfnet",
    "zfnet_b": "zfnet",
    "network_in_network": "network_in_network",
    "network_in_network_imagenet": "network_in_network_imagenet",
    "cuda_convnet": "cuda_convnet",
    "model_a": "all_cnn",
    "model_b": "all_cnn",
    "model_c": "all_cnn",
    "strided_cnn_a": "all_cnn",
    "strided_cnn_b": "all_cnn",
    "strided_cnn_c": "all_cnn",
    "conv_pool_cnn_a": "all_cnn",
    "conv_pool_cnn_b": "all_cnn",
    "conv_pool_cnn_c": "all_cnn",
    "all_cnn_a": "all_cnn",
    "all_cnn_b": "all_cnn",
    "all_cnn_c": "all_cnn",
    "autoencoder": "autoencoders",
    "deep_autoencoder": "autoencoders",
    "denoising_autoencoder": "denoising_autoencoders",
    "convolutional_autoencoder": "convolutional_autoencoders",
    "stacked_convolutional_autoencoder": "convolutional_autoencoders",
    "variational_autoencoder": "variational_autoencoders",
    "stacked_autoencoder": "stacked_autoencoders",
}


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the models, sorted.

    Args:
        pattern: a shell pattern that the names match.

    Example:
    >>> list_models("le*")
    ['lenet', 'lenet1', 'lenet4', 'lenet5', 'lenet_1989']
    """
    return sorted(fnmatch.filter(FAMILIES, pattern))


def create(name: str, /, **options: Any) -> "keras.Model":
    """Build a model by its name.

    Args:
        name: one of `list_models()`.
        options: arguments of the model's function.

    Raises:
        InputError: no such model or option, or a value that is not allowed.

    Example:
    >>> create("lenet5", classes=10).name
    'lenet5'
    """
    check_options(name, options)
    try:
        return function(name)(**options)
    except InputError:
        raise
    except Exception as error:  # Keras' own errors, about an activation or a rate, and TensorFlow's, about memory
        raise InputError(f"{name} cannot be built with {options}: {reason(error)}") from error


def check_options(name: str, options: dict[str, Any]) -> None:
    """Check that a model's function takes options of these names.

    Raises:
        InputError: no such model or option; the message names the nearest ones.
    """
    allowed = inspect.signature(function(name)).parameters
    for option in options:
        if option not in allowed:
            raise unknown(f"option of {name}", option, allowed, plural=f"options of {name}")


def function(name: str) -> Callable[..., "keras.Model"]:
    """Return the function that builds a model.

    Raises:
        InputError: no such model; the message names the nearest ones.
    """
    return getattr(family(name), name)


def reconstructs(name: str) -> bool:
    """Return whether a model reconstructs its input, as its family says: whether it is an autoencoder.

    Raises:
        InputError: no such model; the message names the nearest ones.

    Example:
    >>> reconstructs("deep_autoencoder"), reconstructs("stacked_autoencoder")
    (True, False)
    """
    return family(name).TASK == "reconstruct"


def objective(name: str) -> str:
    """Return the metric by which trainings of a model are compared: `"accuracy"`, `"squared_error"` or `"loss"`.

    Raises:
        InputError: no such model; the message names the nearest ones.

    Example:
    >>> [objective(name) for name in ("lenet", "autoencoder", "variational_autoencoder")]
    ['accuracy', 'squared_error', 'loss']
    """
    default = "squared_error" if reconstructs(name) else "accuracy"
    return getattr(family(name), "OBJECTIVE", default)


def family(name: str) -> ModuleType:
    """Return the module of a model's paper family, which has its `preprocess_input`.

    Raises:
        InputError: no such model; the message names the nearest ones.

    Example:
    >>> family("lenet5").__name__
    'cnnzoo.models.lenet'
    """
    if name not in FAMILIES:
        raise unknown("model", name, FAMILIES)
    return importlib.import_module(f"cnnzoo.models.{FAMILIES[name]}")


def preprocessing(
    name: str, model: "keras.Model", standardization: Callable[[Any], Any] | None = None
) -> Callable[[Any], Any]:
    """Return the function that turns pixels, or other values, into a model's input, in training and in serving.

    Args:
        name: name of the model's function.
        model: the model, whose input shape is used.
        standardization: of signals or vectors the function itself, as their training data make it.

    Example:
    >>> import cnnzoo, numpy as np
    >>> preprocess = preprocessing("lenet5", cnnzoo.lenet5())
    >>> preprocess(np.zeros((1, 28, 28, 1), "uint8")).shape
    TensorShape([1, 32, 32, 1])
    """
    if len(model.input_shape) < 4:
        if standardization is None:
            raise InputError(f"{name} takes values that are standardized by their training data, which are not given")
        return standardization
    return functools.partial(family(name).preprocess_input, input_shape=model.input_shape[1:])


def head(model: "keras.Model") -> "keras.Layer":
    """Return a model's last layer with weights, which depends on the number of classes.

    Example:
    >>> import cnnzoo
    >>> head(cnnzoo.alexnet_owt(input_shape=(63, 63, 3))).name
    'fc8'
    """
    return [layer for layer in model.layers if layer.weights][-1]


def load_features(name: str, model: "keras.Model", weights: str) -> None:
    """Load weights into all of a classifier but its head, which may have other classes, or into all of an autoencoder.

    Args:
        name: name of the model's function.
        model: the model.
        weights: a name or a file's path, as the function's argument.

    Raises:
        InputError: there are no such weights, or they do not fit.
    """
    import keras

    from cnnzoo import weights as weight_files

    features = model if reconstructs(name) else keras.Model(model.inputs, head(model).input, name=model.name)
    weight_files.load(features, weights, getattr(family(name), "PRETRAINED", None), name)


def __getattr__(module: str) -> ModuleType:
    """Load a family's module on first use: `cnnzoo.models.lenet` without a second import line."""
    if module in FAMILIES.values():
        return importlib.import_module(f"cnnzoo.models.{module}")
    raise AttributeError(f"module 'cnnzoo.models' has no attribute {module!r}")
