"""Which layers of a model are pretrained, in which order, and what decodes each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from cnnzoo.errors import InputError, unknown
from cnnzoo.pretraining.graph import Call, calls
from cnnzoo.pretraining.kinds import (
    ACTIVATIONS,
    KEEPING_RANGE,
    TO_UNIT,
    activated,
    activation_of,
    is_encoder,
    is_weighted,
)
from cnnzoo.pretraining.mirrors import Mirror, mirrors_of


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
