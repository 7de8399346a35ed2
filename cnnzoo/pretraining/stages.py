"""Which layers of a model are pretrained, in which order, and what decodes each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import keras

from cnnzoo.errors import InputError, unknown
from cnnzoo.layers import MaskingNoise, SaltAndPepperNoise
from cnnzoo.pretraining.graph import Call, Segment, calls, following

ACTIVATIONS = (
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ELU,
    keras.layers.Softmax,
)
NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
    keras.layers.UnitNormalization,
    keras.layers.Normalization,
)
# What lies in [0, 1] before these lies there after them, too.
KEEPING_RANGE = (
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.ZeroPadding2D,
    keras.layers.Cropping2D,
    keras.layers.UpSampling2D,
    keras.layers.GaussianNoise,
    MaskingNoise,
    SaltAndPepperNoise,
)
TO_UNIT = ("sigmoid", "softmax", "hard_sigmoid")  # activations into [0, 1]


def is_encoder(layer: Any) -> bool:
    """Whether a layer can be pretrained."""
    return isinstance(layer, keras.layers.Dense | keras.layers.Conv2D) and not hasattr(layer, "tied_to")


def is_weighted(layer: Any) -> bool:
    """Whether a layer counts in the order of layers: it has weights and is no activation or normalization."""
    return bool(getattr(layer, "weights", None)) and not isinstance(layer, (*ACTIVATIONS, *NORMALIZATIONS))


def activated(call: Call, graph: list[Call]) -> list[Call]:
    """Return a call and those of the activation layers that directly follow it."""
    found = [call]
    for each in following(call.outgoing[0], graph):
        if not isinstance(each.layer, ACTIVATIONS):
            break
        found.append(each)
    return found


def activation_of(layer: Any) -> str:
    """Return the name of a layer's activation, or nothing."""
    return getattr(getattr(layer, "activation", None), "__name__", "")


def gives_softmax(layer: Any) -> bool:
    """Whether what leaves a layer are probabilities that sum to 1."""
    return isinstance(layer, keras.layers.Softmax) or activation_of(layer) == "softmax"


@dataclass(frozen=True)
class Mirror:
    """The part of an autoencoder that decodes what one of its layers encodes.

    Attributes:
        layers: the decoder layer and the activations that follow it.
        start: the tensor that the decoding part begins with.
        end: the tensor that it ends with.
    """

    layers: tuple[Any, ...]
    start: keras.KerasTensor
    end: keras.KerasTensor

    @property
    def sigmoid(self) -> Any:
        """The layer whose activation makes the part end in a sigmoid, or `None`."""
        return self.layers[-1] if activation_of(self.layers[-1]) == "sigmoid" else None


def mirrors_of(model: keras.Model, graph: list[Call], weighted: list[Call]) -> dict[int, tuple[Any, Mirror]]:
    """Return, by the id of each encoder call, the end of its encoding part and its mirror; empty for a classifier.

    An autoencoder is known by its form: what leaves has the shape of what enters, and the widths of
    its weighted layers read the same from both ends. Where the inputs are as many as the classes, a classifier may
    have that form, but it ends in a softmax.
    """
    half, odd = divmod(len(weighted), 2)
    if weighted and any(gives_softmax(call.layer) for call in activated(weighted[-1], graph)):
        return {}
    if not half or odd or len(model.outputs) != 1 or model.outputs[0].shape != model.inputs[0].shape:
        return {}
    pairs = list(zip(weighted[:half], reversed(weighted[half:]), strict=True))
    if not all(is_encoder(down.layer) and _widths(down) == _widths(up)[::-1] for down, up in pairs):
        return {}
    found = {}
    for number, (down, up) in enumerate(pairs):
        outer = pairs[number - 1][1] if number else None
        parts = _parts(down, up, outer, graph)
        if parts is None:
            return {}
        found[id(down)] = parts
    return found


def _widths(call: Call) -> tuple[int | None, int | None]:
    return call.incoming[0].shape[-1], call.outgoing[0].shape[-1]


def _parts(down: Call, up: Call, outer: Call | None, graph: list[Call]) -> tuple[Any, Mirror] | None:
    """Find the encoding part that begins at `down` and the decoding part around `up`, so that their shapes meet."""
    encoder, decoder = activated(down, graph), activated(up, graph)
    hidden = [encoder[-1].outgoing[0], *(call.outgoing[0] for call in _between(encoder[-1], graph))]
    begins = [up.incoming[0]]
    makers = {id(call.outgoing[0]): call for call in graph}
    while (maker := makers.get(id(begins[-1]))) and not is_weighted(maker.layer) and len(maker.incoming) == 1:
        begins.append(maker.incoming[0])
    met = [(end, start) for end in hidden for start in begins if end.shape == start.shape]
    if not met:
        return None
    ends = [decoder[-1].outgoing[0], *(call.outgoing[0] for call in _between(decoder[-1], graph))]
    sizes = [prod(side or 1 for side in tensor.shape) for tensor in ends]
    wanted = prod(side or 1 for side in down.incoming[0].shape)
    if wanted not in sizes and outer is None:
        return None
    end = ends[sizes.index(wanted)] if wanted in sizes else ends[0]
    if wanted not in sizes and len(end.shape) != len(down.incoming[0].shape):
        return None
    hidden_end, start = met[0]
    try:
        Segment(down.incoming[0], hidden_end), Segment(start, end)
    except ValueError:  # there is a way around the part
        return None
    return hidden_end, Mirror(tuple(call.layer for call in decoder), start, end)


def _between(call: Call, graph: list[Call]) -> list[Call]:
    """Return the calls without weights that follow one."""
    found = []
    for each in following(call.outgoing[0], graph):
        if is_weighted(each.layer):
            break
        found.append(each)
    return found


@dataclass(frozen=True)
class Stage:
    """One layer to be pretrained.

    Attributes:
        layers: the layer, and the activations that follow it directly.
        codes: the tensor that enters the layer; what the stage learns to reconstruct.
        hidden: the tensor that leaves its encoding part.
        in_unit: whether `codes` lies in [0, 1] by its making; `None` if only the values can tell.
        mirror: the decoding part, in an autoencoder; `None` where a decoder is made and thrown away.
    """

    layers: tuple[Any, ...]
    codes: keras.KerasTensor
    hidden: keras.KerasTensor
    in_unit: bool | None
    mirror: Mirror | None = None

    @property
    def layer(self) -> Any:
        return self.layers[0]

    @property
    def name(self) -> str:
        return self.layers[0].name

    @property
    def trained(self) -> tuple[Any, ...]:
        """The model's layers that change."""
        return self.layers + (self.mirror.layers if self.mirror else ())


def stages(model: keras.Model, names: Sequence[str] | None = None) -> list[Stage]:
    """Return the stages of a model in graph order, without those whose layer is frozen.

    Args:
        model: a functional or built Sequential model.
        names: the layers to pretrain; `None` for every hidden Dense and Conv2D layer.

    Raises:
        InputError: a name is not there or not of such a layer, or there is nothing to pretrain.
    """
    graph = calls(model)
    weighted = _once(call for call in graph if is_weighted(call.layer))
    mirrors = mirrors_of(model, graph, weighted)
    hidden = weighted[: len(mirrors)] if mirrors else _hidden(graph, weighted)
    candidates = [call for call in hidden if is_encoder(call.layer)]
    if names is not None:
        _check_names(names, model, weighted)
        candidates = [call for call in weighted if call.layer.name in names]
    elif not candidates:
        inside = any(isinstance(call.layer, keras.Model) for call in graph)
        hint = "; a model inside of it has layers of its own: pretrain that one" if inside else ""
        raise InputError(f"{model.name} has no hidden Dense or Conv2D layer to pretrain{hint}")
    found = []
    for call in candidates:
        if call.layer.trainable and call.layer.trainable_weights:
            hidden_end, mirror = mirrors.get(id(call), (activated(call, graph)[-1].outgoing[0], None))
            layers = tuple(each.layer for each in activated(call, graph))
            found.append(Stage(layers, call.incoming[0], hidden_end, _in_unit(call.incoming[0], graph), mirror))
    if not found:
        names = [call.layer.name for call in candidates]
        raise InputError(f"there is nothing to pretrain: {', '.join(names)} are frozen (trainable=False)")
    return found


def _check_names(names: Sequence[str], model: keras.Model, weighted: list[Call]) -> None:
    if isinstance(names, str) or not names:
        raise InputError(f"layers must be a list of layer names, not {names!r}")
    allowed = [call.layer.name for call in weighted if is_encoder(call.layer)]
    there = {layer.name: layer for layer in model.layers}
    for name in names:
        if name not in there:
            raise unknown("layer", name, allowed)
        if name not in allowed:
            raise InputError(
                f"the layer {name!r} is neither Dense nor Conv2D but {type(there[name]).__name__}; "
                f"the layers that can be pretrained are {', '.join(allowed)}"
            )
    in_order = [name for name in allowed if name in names]
    if list(names) != in_order:  # a value per layer would go to another one than it stands beside
        raise InputError(f"layers must be named once each in the model's order, {in_order!r}, not {list(names)!r}")


def _hidden(graph: list[Call], weighted: list[Call]) -> list[Call]:
    """Leave out the heads: layers that no other layer with weights follows. A model may have several."""
    used: set[int] = set()  # tensors that a layer with weights comes after
    heads: set[int] = set()
    for call in reversed(graph):
        weighted_itself, goes_on = is_weighted(call.layer), any(id(tensor) in used for tensor in call.outgoing)
        if weighted_itself and not goes_on:
            heads.add(id(call.layer))
        if weighted_itself or goes_on:
            used.update(id(tensor) for tensor in call.incoming)
    return [call for call in weighted if id(call.layer) not in heads]


def _once(found) -> list[Call]:
    """Leave out the further calls of a layer that is called several times."""
    first: dict[int, Call] = {}
    for call in found:
        first.setdefault(id(call.layer), call)
    return list(first.values())


def _in_unit(codes: keras.KerasTensor, graph: list[Call]) -> bool | None:
    """Return whether a tensor lies in [0, 1] by its making, or `None` where no weighted layer lies below it."""
    makers = {id(tensor): call for call in graph for tensor in call.outgoing}
    keeping, tensor = True, codes
    while (maker := makers.get(id(tensor))) is not None:
        activation = activation_of(maker.layer)
        if isinstance(maker.layer, keras.layers.Softmax):
            activation = "softmax"
        if is_weighted(maker.layer) or isinstance(maker.layer, ACTIVATIONS):
            return keeping and activation in TO_UNIT
        keeping = keeping and (isinstance(maker.layer, KEEPING_RANGE))
        tensor = maker.incoming[0]
    return None
