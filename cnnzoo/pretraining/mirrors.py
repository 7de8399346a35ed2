"""The layers of an autoencoder that decode what other layers of it encode."""

from dataclasses import dataclass
from math import prod
from typing import Any

import keras

from cnnzoo.pretraining.graph import Call, Segment, following
from cnnzoo.pretraining.kinds import activated, activation_of, gives_softmax, is_encoder, is_weighted


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
