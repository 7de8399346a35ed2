"""Loading weights, checked and converted; counting them."""

import contextlib
import dataclasses
import hashlib
import math
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from cnnzoo.checks import refusal
from cnnzoo.errors import InputError, reason
from cnnzoo.weights import state_dict
from cnnzoo.weights.bounds import check_file
from cnnzoo.weights.shipped_models import WEIGHTS, check_fits, names_for
from cnnzoo.weights.shipped_models import shipped as shipped_weights

FILE_TYPES = (".weights.h5", ".keras", ".pth")


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """Weights that somebody else published for a net, as a PyTorch state dict.

    Attributes:
        name: the value of `weights=` that stands for them.
        url: where they are published.
        sha256_prefix: the first digits of the file's SHA-256, in hexadecimal.
        classes: their number of classes.
        input_shape: `(height, width, channels)` of the images that they were trained on.
        layers: name of each of our layers → the name that it has in the file.
    """

    name: str
    url: str
    sha256_prefix: str
    classes: int
    input_shape: tuple[int, int, int]
    layers: Mapping[str, str]


def load(
    model: keras.Model, weights: str | Path, pretrained: Pretrained | None = None, shipped: str | None = None
) -> None:
    """Load weights into `model`. After an error, its weights are as they were before.

    Args:
        model: a built model.
        weights: path of a `.weights.h5` or `.keras` file that was saved from the same architecture, or,
            with `pretrained`, its name or the path of a `.pth` file of the same layout, or, with `shipped`, the
            name of weights that come with cnnzoo.
        pretrained: the weights that are published for this net.
        shipped: name of the model's function, by which its weights in `list()` are found.

    Raises:
        InputError: no such file, another file type, a damaged file, or other shapes.

    Example:
    >>> import cnnzoo, tempfile
    >>> model = cnnzoo.mlp()
    >>> path = tempfile.mkdtemp() + "/mlp.weights.h5"
    >>> model.save_weights(path)
    >>> load(model, path)
    """
    if not isinstance(weights, str | Path):
        raise refusal("weights", "None, a name or a path", weights)
    names = names_for(shipped) if shipped else []
    if shipped and str(weights) in names:
        entry = shipped_weights(shipped, str(weights))
        check_fits(model, entry)
        _load_saved(model, entry.folder / WEIGHTS)
        return
    if pretrained and str(weights) == pretrained.name:
        _check_fits(model, pretrained)
        weights = _download(pretrained)
    path = Path(weights)
    file_types = FILE_TYPES if pretrained else FILE_TYPES[:2]
    if not path.name.endswith(file_types):
        named = "".join(f"{name!r}, " for name in [*names, *([pretrained.name] if pretrained else [])])
        raise refusal("weights", f"None, {named}or the path of a {' or '.join(file_types)} file", str(weights))
    if not path.is_file():
        raise InputError(f"there is no weights file {str(weights)!r}")
    if pretrained and path.suffix == ".pth":
        _load_state_dict(model, path, pretrained)
        return
    _load_saved(model, path)


def _load_saved(model: keras.Model, path: Path) -> None:
    """Load a file that Keras saved. Keras assigns layer by layer, so after an error all variables are restored."""
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *(optimizer.variables if optimizer else [])]
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    try:
        check_file(path)
        with warnings.catch_warnings():  # Keras warns of layers that only the file has, such as a head
            warnings.simplefilter("ignore")
            model.load_weights(path)
    except InputError:
        raise
    except Exception as error:  # h5py, zipfile and Keras each have their own, and none names the file
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        why = _first_difference(model, path) or reason(error)
        raise _mismatch(model, path, why) from error


def _mismatch(model: keras.Model, path: Path, why: str) -> InputError:
    return InputError(f"the weights in {str(path)!r} do not fit {model.name}: {why}")


def _first_difference(model: keras.Model, path: Path) -> str | None:
    """Return which layer the file has no weights or other shapes for, as text, or `None` if there is none."""
    try:
        saved = _saved_shapes(path)
    except Exception:  # the file cannot be read at all, which Keras' own error says
        return None
    for layer in model.layers:
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if not shapes or saved.get(layer.name) == shapes:
            continue
        takes = f"layer {layer.name!r} takes weights of {_and(shapes)}"
        if saved.get(layer.name):
            return f"{takes}, and the file has {_and(saved[layer.name])} for it"
        names = ", ".join(name for name in saved if saved[name]) or "no layer"
        return f"{takes}, and the file has none for it: it has weights for {names}"
    return None


def _saved_shapes(path: Path) -> dict[str, list[tuple[int, ...]]]:
    """Return the shapes that Keras' file holds, by the names of the layers."""
    shapes: dict[str, list[tuple[int, ...]]] = {}

    def add(_, group) -> None:
        if "name" in group.attrs and isinstance(group, h5py.Group):
            shapes[str(group.attrs["name"])] = [group[key].shape for key in sorted(group, key=int)]

    with contextlib.ExitStack() as stack:
        content: Any = path
        if path.suffix == ".keras":
            archive = stack.enter_context(zipfile.ZipFile(path))
            content = stack.enter_context(archive.open("model.weights.h5"))
        stack.enter_context(h5py.File(content))["layers"].visititems(add)
    return shapes


def _and(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))


def count_parameters(weights: list) -> int:
    """Return the number of values in a list of weights.

    Example:
    >>> import cnnzoo
    >>> count_parameters(cnnzoo.lenet5().trainable_weights)
    60000
    """
    return sum(math.prod(weight.shape) for weight in weights)


def _check_fits(model: keras.Model, pretrained: Pretrained) -> None:
    """Refuse a model that the weights cannot fit, before anything is downloaded."""
    *_, last = pretrained.layers
    include_top = any(layer.name == last for layer in model.layers)
    condition = f"for weights={pretrained.name!r}" + (" with include_top=True" if include_top else "")
    shape = tuple(model.input_shape[1:])
    if include_top and model.output_shape[-1] != pretrained.classes:
        raise refusal("classes", f"{pretrained.classes} {condition}", model.output_shape[-1])
    if include_top and shape != pretrained.input_shape:
        raise refusal("input_shape", f"{pretrained.input_shape} {condition}", shape)
    if shape[-1] != pretrained.input_shape[-1]:
        raise refusal("input_shape", f"(height, width, {pretrained.input_shape[-1]}) {condition}", shape)


def _download(pretrained: Pretrained) -> Path:
    """Return the published file in Keras' cache. It is downloaded once, and its hash is checked every time."""
    try:
        path = Path(keras.utils.get_file(origin=pretrained.url, cache_subdir="models"))
    except Exception as error:  # urllib's and Keras' own
        raise InputError(
            f"the weights {pretrained.name!r} could not be downloaded from {pretrained.url} ({reason(error)}); "
            "download the file elsewhere and pass its path as weights"
        ) from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(pretrained.sha256_prefix):
        path.unlink()
        raise InputError(
            f"{pretrained.url} gave a file whose SHA-256 starts with {digest[: len(pretrained.sha256_prefix)]}, not "
            f"{pretrained.sha256_prefix}; it was removed from {str(path.parent)!r}: try again"
        )
    return path


def _load_state_dict(model: keras.Model, path: Path, pretrained: Pretrained) -> None:
    """Load a PyTorch state dict: kernels go from (out, in, …) to (…, in, out), channels from first to last."""
    state = _state_dict(path)
    converted: list[tuple[Any, np.ndarray]] = []
    for layer in model.layers:
        if layer.name not in pretrained.layers:
            continue
        for weight, part in ((layer.kernel, "weight"), (layer.bias, "bias")):
            name = f"{pretrained.layers[layer.name]}.{part}"
            if name not in state:
                raise _mismatch(model, path, f"they have no {name!r}, for {layer.name}")
            converted.append((weight, _converted(model, layer, weight, state[name], name, path)))
    for weight, value in converted:
        weight.assign(value)


def _state_dict(path: Path) -> dict[str, np.ndarray]:
    try:
        state = state_dict.read(path)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{str(path)!r} holds no PyTorch state dict, or more than tensors, which is not read: it could run code "
            f"({reason(error)})"
        ) from error
    except Exception as error:  # pickle, zipfile and NumPy have many
        raise InputError(f"{str(path)!r} holds no PyTorch state dict: {reason(error)}") from error
    if not isinstance(state, Mapping):
        raise InputError(f"{str(path)!r} holds no PyTorch state dict, but a {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(value, np.ndarray):
            raise InputError(
                f"{str(path)!r} holds more than a PyTorch state dict: {name!r} is no tensor; "
                "save model.state_dict() alone"
            )
    return dict(state)


def _converted(model: keras.Model, layer: Any, weight: Any, value: np.ndarray, name: str, path: Path) -> np.ndarray:
    """Return PyTorch's array in Keras' order of axes, if the shapes agree."""
    shape = tuple(weight.shape)
    expected = (shape[-1], *reversed(shape[:-1])) if len(shape) != 4 else (shape[3], shape[2], shape[0], shape[1])
    if value.shape != expected:
        raise _mismatch(model, path, f"{name!r} has the shape {value.shape}, and {layer.name} needs {expected}")
    value = value.astype("float32")
    if len(shape) == 4:
        return value.transpose(2, 3, 1, 0)
    if len(shape) == 1:
        return value
    maps = _flattened_maps(model, layer)
    if maps:  # Keras flattens (height, width, maps), PyTorch (maps, height, width)
        height, width, channels = maps
        value = value.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(value.shape)
    return value.T


def _flattened_maps(model: keras.Model, layer: Any) -> tuple[int, int, int] | None:
    """Return the shape of the maps that a dense layer receives flattened, or `None` if its input is a dense layer's."""
    dense = [other for other in model.layers if isinstance(other, keras.layers.Dense)]
    if layer is not dense[0]:
        return None
    return model.get_layer("flatten").input.shape[1:]
