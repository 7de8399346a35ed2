"""Loading weights, checked and converted; counting them."""

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

from cnnzoo.errors import InputError, reason
from cnnzoo.weights.shipped_models import load_shipped, names_for
from cnnzoo.weights.shipped_models import shipped as shipped_weights

KINDS = (".weights.h5", ".keras", ".pth")


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """Weights that somebody else published for a net, as PyTorch's state dict.

    Attributes:
        name: what `weights=` calls them.
        url: where they are published.
        sha256_begins: the first digits of the file's SHA-256, in hexadecimal.
        classes: number of classes that they tell apart.
        input_shape: `(height, width, channels)` of the images that they were trained on.
        layers: name of each of our layers → the name that it has in the file.
    """

    name: str
    url: str
    sha256_begins: str
    classes: int
    input_shape: tuple[int, int, int]
    layers: Mapping[str, str]


def load(
    model: keras.Model, weights: str | Path, pretrained: Pretrained | None = None, shipped: str | None = None
) -> None:
    """Load weights into `model`, all or none.

    Args:
        model: a built model.
        weights: path of a `.weights.h5` or `.keras` file that was saved from the same architecture, or,
            with `pretrained`, its name or the path of a `.pth` file of the same layout, or, with `shipped`, the
            name of weights that come with cnnzoo.
        pretrained: the weights that are published for this net.
        shipped: name of the model's function, by which its weights in `list()` are found.

    Raises:
        InputError: no such file, another kind of file, a damaged file, or other shapes.

    Example:
    >>> import cnnzoo, tempfile
    >>> model = cnnzoo.mlp()
    >>> path = tempfile.mkdtemp() + "/mlp.weights.h5"
    >>> model.save_weights(path)
    >>> load(model, path)
    """
    names = names_for(shipped) if shipped else []
    if shipped and str(weights) in names:
        load_shipped(model, shipped_weights(shipped, str(weights)))
        return
    if pretrained and str(weights) == pretrained.name:
        _check_fits(model, pretrained)
        weights = _fetched(pretrained)
    path = Path(weights)
    if not path.name.endswith(KINDS if pretrained else KINDS[:2]):
        named = [*names, *([pretrained.name] if pretrained else [])]
        known = "".join(f"{name!r} or " for name in named)
        kinds = ", ".join(KINDS) if pretrained else " or ".join(KINDS[:2])
        raise InputError(f"weights must be None, {known}the path of a {kinds} file, not {str(weights)!r}")
    if not path.is_file():
        raise InputError(f"there is no weights file {str(weights)!r}")
    if pretrained and path.suffix == ".pth":
        _load_state_dict(model, path, pretrained)
        return
    _load_saved(model, path)


def _load_saved(model: keras.Model, path: Path) -> None:
    """Load what Keras saved. Keras assigns one layer after the other, so a refusal has to be taken back."""
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *(optimizer.variables if optimizer else [])]
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    try:
        with warnings.catch_warnings():  # Keras warns of layers that only the file has, such as a head
            warnings.simplefilter("ignore")
            model.load_weights(path)
    except Exception as error:  # h5py, zipfile and Keras each have their own, and none names the file
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        why = _first_difference(model, path) or reason(error)
        raise InputError(f"the weights in {str(path)!r} do not fit {model.name}: {why}") from error


def _first_difference(model: keras.Model, path: Path) -> str | None:
    """Say which layer the file has none or other weights for; `None` if it is not that."""
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

    def note(_, group) -> None:
        if "name" in group.attrs and isinstance(group, h5py.Group):
            shapes[str(group.attrs["name"])] = [group[key].shape for key in sorted(group, key=int)]

    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as member, h5py.File(member) as file:
            file["layers"].visititems(note)
    else:
        with h5py.File(path) as file:
            file["layers"].visititems(note)
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
    """Refuse before anything is fetched what cannot fit."""
    *_, last = pretrained.layers
    names = {layer.name for layer in model.layers}
    if last in names and model.output_shape[-1] != pretrained.classes:
        raise InputError(
            f"the weights {pretrained.name!r} tell {pretrained.classes} classes apart: with them and include_top=True, "
            f"classes must be {pretrained.classes}, not {model.output_shape[-1]}"
        )
    shape = tuple(model.input_shape[1:])
    if last in names and shape != pretrained.input_shape:
        raise InputError(
            f"with weights {pretrained.name!r} and include_top=True, input_shape must be {pretrained.input_shape}, "
            f"not {shape}"
        )
    if shape[-1] != pretrained.input_shape[-1]:
        raise InputError(
            f"the weights {pretrained.name!r} are for images with {pretrained.input_shape[-1]} channels, "
            f"not {shape[-1]}"
        )


def _fetched(pretrained: Pretrained) -> Path:
    """Return the published file from Keras' cache, where it is fetched to once, and check it every time."""
    try:
        path = Path(keras.utils.get_file(origin=pretrained.url, cache_subdir="models"))
    except Exception as error:  # urllib's and Keras' own
        raise InputError(
            f"the weights {pretrained.name!r} could not be fetched from {pretrained.url} ({reason(error)}); "
            "fetch the file elsewhere and pass its path as weights"
        ) from error
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(pretrained.sha256_begins):
        path.unlink()
        raise InputError(
            f"{pretrained.url} gave a file whose SHA-256 begins with {found[: len(pretrained.sha256_begins)]}, not "
            f"{pretrained.sha256_begins}; it was removed from {str(path.parent)!r}: try again"
        )
    return path


def _load_state_dict(model: keras.Model, path: Path, pretrained: Pretrained) -> None:
    """Load PyTorch's state dict: kernels turned from (out, in, …) to (…, in, out), maps from first to last."""
    state = _state_dict(path)
    converted: list[tuple[Any, np.ndarray]] = []
    for layer in model.layers:
        if layer.name not in pretrained.layers:
            continue
        for weight, part in ((layer.kernel, "weight"), (layer.bias, "bias")):
            name = f"{pretrained.layers[layer.name]}.{part}"
            if name not in state:
                raise InputError(
                    f"the weights in {str(path)!r} do not fit {model.name}: they have no {name!r}, for {layer.name}"
                )
            converted.append((weight, _converted(model, layer, weight, state[name], name, path)))
    for weight, value in converted:
        weight.assign(value)


def _state_dict(path: Path) -> dict[str, np.ndarray]:
    try:
        import torch
    except ImportError as error:
        raise InputError(f"reading {path.name!r} needs PyTorch: pip install 'cnnzoo[torch]'") from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # PyTorch advises here to let the file run its code
        raise InputError(
            f"{str(path)!r} holds no state dict of PyTorch, or more than tensors, which is not read: it could run code"
        ) from error
    except Exception as error:  # zipfile and PyTorch each have their own
        raise InputError(f"{str(path)!r} holds no state dict of PyTorch: {reason(error)}") from error
    if not isinstance(state, Mapping):
        raise InputError(f"{str(path)!r} holds no state dict of PyTorch, but a {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise InputError(
                f"{str(path)!r} holds more than a state dict of PyTorch: {name!r} is no tensor; "
                "save model.state_dict() alone"
            )
    return {name: value.detach().float().numpy() for name, value in state.items()}


def _converted(model: keras.Model, layer: Any, weight: Any, value: np.ndarray, name: str, path: Path) -> np.ndarray:
    """Return PyTorch's array in Keras' order of axes, if the shapes agree."""
    shape = tuple(weight.shape)
    expected = (shape[-1], *reversed(shape[:-1])) if len(shape) != 4 else (shape[3], shape[2], shape[0], shape[1])
    if value.shape != expected:
        raise InputError(
            f"the weights in {str(path)!r} do not fit {model.name}: {name!r} has the shape {value.shape}, "
            f"and {layer.name} needs {expected}"
        )
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
    """Return the maps that a dense layer receives flattened, or `None` if it stands on a dense layer."""
    dense = [other for other in model.layers if isinstance(other, keras.layers.Dense)]
    if layer is not dense[0]:
        return None
    return model.get_layer("flatten").input.shape[1:]
