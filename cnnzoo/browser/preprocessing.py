"""From the pixels of an image to a net's input, as steps that the page's engine repeats."""

import dataclasses
from typing import Any

import keras

from cnnzoo import models
from cnnzoo.errors import InputError
from cnnzoo.models import alexnet, alexnet_owt, cuda_convnet, early_lenets, lenet, zfnet

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the input of a net.

    Attributes:
        pixels: `(height, width, channels)` of the uint8 images that the steps start with.
        steps: each a kind of `static/engine/preprocess.js` with its options.
        python: the function that does the same in Python, or nothing.
    """

    pixels: Shape
    steps: list[dict[str, Any]]
    python: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return all values as plain types."""
        return {"pixels": list(self.pixels), "preprocess": self.steps, "python": self.python}


def preprocessing_of(model: keras.Model, family: str | None, image_shape: Shape | None) -> Preprocessing:
    """Return the preprocessing of a net.

    Args:
        model: the net.
        family: name of the model function that built it; `None` for a net of the user's own, whose pixels go from 0 to
            1, or to 255 where it starts with a layer that scales them.
        image_shape: of the data's images, where they are known.

    Raises:
        InputError: the net takes no images of one or three channels and of known size.

    Example:
    >>> import cnnzoo
    >>> [step["kind"] for step in preprocessing_of(cnnzoo.lenet5(compile=False), "lenet5", (28, 28, 1)).steps]
    ['resize', 'pad', 'scale']
    """
    shape = tuple(model.input_shape[1:])
    if len(shape) != 3 or None in shape or shape[-1] not in (1, 3):
        raise InputError(
            f"the page draws images (height, width, 1) or (height, width, 3). Received: {model.name} with the input "
            f"shape {shape}"
        )
    if image_shape is not None and image_shape[-1] != shape[-1]:
        raise InputError(f"{model.name} takes images of {shape[-1]} channels. Received: images of {image_shape[-1]}")
    if family is None:
        most = 1.0 if _scales_itself(model) else 1 / 255
        return Preprocessing(image_shape or shape, [_resize(shape), _scale([most], [0.0])])
    name = models.FAMILIES[family]
    steps, own = _STEPS.get(name, _of_pixels)(shape)
    return Preprocessing(image_shape or own, steps, f"cnnzoo.models.{name}.preprocess_input")


def _scales_itself(model: keras.Model) -> bool:
    return any(isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization) for layer in model.layers[:2])


def _resize(shape: Shape) -> dict[str, Any]:
    return {"kind": "resize", "height": shape[0], "width": shape[1]}


def _center(shape: Shape, rescaled: float) -> dict[str, Any]:
    return {"kind": "center", "height": shape[0], "width": shape[1], "rescaled": rescaled}


def _scale(scale: list[float], offset: list[float]) -> dict[str, Any]:
    """Return the step x · scale + offset, with one number for all channels, or one for each."""
    return {"kind": "scale", "scale": scale, "offset": offset}


def _per_channel(values: tuple[float, ...], channels: int) -> list[float]:
    return list(values) if channels == len(values) else [sum(values) / len(values)]


def _of_lenet(shape: Shape) -> tuple[list[dict[str, Any]], Shape]:
    inner = (shape[0] - 4, shape[1] - 4, shape[2])
    pad = {"kind": "pad", "top": 2, "bottom": 2, "left": 2, "right": 2, "value": 0}
    scale = _scale([(lenet.INK - lenet.BACKGROUND) / 255], [lenet.BACKGROUND])
    return [_resize(inner), pad, scale], inner


def _of_early_lenet(shape: Shape) -> tuple[list[dict[str, Any]], Shape]:
    scale = _scale([(early_lenets.INK - early_lenets.BACKGROUND) / 255], [early_lenets.BACKGROUND])
    return [_resize(shape), scale], shape


def _of_pixels(shape: Shape) -> tuple[list[dict[str, Any]], Shape]:
    return [_resize(shape), _scale([1 / 255], [0.0])], shape


def _of_cuda_convnet(shape: Shape) -> tuple[list[dict[str, Any]], Shape]:
    mean = _per_channel(cuda_convnet.MEAN, shape[-1])
    return [_resize(shape), _scale([1.0], [-each for each in mean])], shape


def _of_all_cnn(shape: Shape) -> tuple[list[dict[str, Any]], Shape]:
    return [_resize(shape), {"kind": "standardize"}], shape


def _of_alexnet(shape: Shape, rescaled: float = alexnet.RESCALED) -> tuple[list[dict[str, Any]], Shape]:
    mean = _per_channel(alexnet.MEAN, shape[-1])
    return [_center(shape, rescaled), _scale([1.0], [-each for each in mean])], shape


def _of_zfnet(shape: Shape) -> tuple[list[dict[str, Any]], Shape]:
    return _of_alexnet(shape, zfnet.RESCALED)


def _of_alexnet_owt(shape: Shape) -> tuple[list[dict[str, Any]], Shape]:
    pairs = zip(_per_channel(alexnet.MEAN, shape[-1]), _per_channel(alexnet_owt.DEVIATION, shape[-1]), strict=True)
    scales = [(1 / deviation, -mean / deviation) for mean, deviation in pairs]
    scale, offset = (list(each) for each in zip(*scales, strict=True))
    return [_center(shape, alexnet_owt.RESCALED), _scale(scale, offset)], shape


_STEPS = {
    "lenet": _of_lenet,
    "lenet4": _of_lenet,
    "early_lenets": _of_early_lenet,
    "cuda_convnet": _of_cuda_convnet,
    "all_cnn": _of_all_cnn,
    "network_in_network": _of_all_cnn,
    "network_in_network_imagenet": _of_zfnet,
    "alexnet": _of_alexnet,
    "alexnet_owt": _of_alexnet_owt,
    "zfnet": _of_zfnet,
}
