"""Which layers of a model are pretrained, in which order, and what decodes each of them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import keras

from cnnzoo.checks import refusal
from cnnzoo.errors import InputError, unknown
from cnnzoo.keras_internals import Call
from cnnzoo.layers import KSparse, MaskingNoise, SaltAndPepperNoise
from cnnzoo.layers.graph import calls, following
from cnnzoo.pretraining.segment import Segment

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
RESHAPING = (
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.Cropping1D,
    keras.layers.Cropping2D,
)
# Values in [0, 1] stay there.
KEEPING_RANGE = (
    *RESHAPING,
    keras.layers.Dropout,
    *(keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D),
    *(keras.layers.MaxPooling1D, keras.layers.MaxPooling2D),
    *(keras.layers.AveragePooling1D, keras.layers.AveragePooling2D),
    *(keras.layers.GlobalMaxPooling1D, keras.layers.GlobalMaxPooling2D),
    *(keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D),
    *(keras.layers.ZeroPadding1D, keras.layers.ZeroPadding2D),
    *(keras.layers.UpSampling1D, keras.layers.UpSampling2D),
    keras.layers.GaussianNoise,
    MaskingNoise,
    SaltAndPepperNoise,
)
ENCODERS = keras.layers.Dense | keras.layers.Conv1D | keras.layers.Conv2D  # the layers that can be pretrained
INTO_UNIT_RANGE = ("sigmoid", "softmax", "hard_sigmoid")  # activations into [0, 1]


def in_reverse(call: Call) -> bool:
    """Whether a call is one of a layer that was called before, in the other direction: see `ReversibleDense`."""
    return bool(call.options.get("reverse"))


def is_encoder(call: Call) -> bool:
    """Whether the layer of a call can be pretrained."""
    return isinstance(call.layer, ENCODERS) and not in_reverse(call)


def is_weighted(call: Call) -> bool:
    """Whether the layer of a call counts in their order: it has weights and is no activation or normalization."""
    others = (*ACTIVATIONS, *NORMALIZATIONS, KSparse)  # the last may count which units are dead
    return bool(getattr(call.layer, "weights", None)) and not isinstance(call.layer, others)


def activation_of(call: Call) -> str:
    """Return the name of the activation that a call ends with, or nothing."""
    if isinstance(call.layer, keras.layers.Softmax):
        return "softmax"
    activation = getattr(call.layer, "reverse_activation" if in_reverse(call) else "activation", None)
    return getattr(activation, "__name__", "")


def with_activations(call: Call, graph: list[Call]) -> list[Call]:
    """Return a call and those of the activation layers that follow it, directly or behind a change of shape."""
    kept = (*ACTIVATIONS, *RESHAPING)
    chain = [call, *itertools.takewhile(lambda each: isinstance(each.layer, kept), following(call.outputs[0], graph))]
    while isinstance(chain[-1].layer, RESHAPING):
        chain.pop()
    return chain


@dataclass(frozen=True)
class DecoderPair:
    """The decoder layer of an autoencoder that is paired with one of its encoder layers.

    Attributes:
        code: the tensor that the encoding part ends with.
        layers: the decoder layer and the activations that follow it.
        activation: name of the last activation.
        start: the tensor that the decoding part starts with.
        end: the tensor that it ends with.
    """

    code: keras.KerasTensor
    layers: tuple[Any, ...]
    activation: str
    start: keras.KerasTensor
    end: keras.KerasTensor


def decoder_pairs(model: keras.Model, graph: list[Call], weighted: list[Call]) -> dict[int, DecoderPair]:
    """Return the decoder pair of each encoder call, by the call's id; empty for a classifier.

    An autoencoder is known by its form: the output has the shape of the input, and the widths of
    its weighted layers read the same from both ends. Where the inputs are as many as the classes, a classifier may
    have that form, but it ends in a softmax.
    """
    half, odd = divmod(len(weighted), 2)
    if not half or odd or len(model.outputs) != 1 or model.outputs[0].shape != model.inputs[0].shape:
        return {}
    if any(activation_of(call) == "softmax" for call in with_activations(weighted[-1], graph)):
        return {}
    pairs: dict[int, DecoderPair] = {}
    for encoder, decoder in zip(weighted[:half], reversed(weighted[half:]), strict=True):
        if not is_encoder(encoder) or _widths(encoder) != _widths(decoder)[::-1]:
            return {}
        pair = _decoder_pair(encoder, decoder, graph, outermost=not pairs)
        if pair is None:
            return {}
        pairs[id(encoder)] = pair
    return pairs


def _own_reverses(graph: list[Call], weighted: list[Call]) -> dict[int, DecoderPair]:
    """Return the pair of each layer that is called again in reverse, in a model that is no mirror image as a whole."""
    reverses = {id(call.layer): call for call in weighted if in_reverse(call)}
    found = (
        (call, _decoder_pair(call, reverses[id(call.layer)], graph, outermost=True))
        for call in weighted
        if is_encoder(call) and id(call.layer) in reverses
    )
    return {id(call): pair for call, pair in found if pair}


def _widths(call: Call) -> tuple[int | None, int | None]:
    return call.inputs[0].shape[-1], call.outputs[0].shape[-1]


def _decoder_pair(encoder: Call, decoder: Call, graph: list[Call], *, outermost: bool) -> DecoderPair | None:
    """Find the encoding part that starts at one call, and the decoding part around another, so that shapes match."""
    starts = [decoder.inputs[0]]
    producers = _producers(graph)
    while (call := producers.get(id(starts[-1]))) and not is_weighted(call) and len(call.inputs) == 1:
        starts.append(call.inputs[0])
    # A tensor that is code and start takes what lies between them, such as a penalty, into the encoding part.
    matches = [(code, start) for code in _ends(encoder, graph) for start in starts if code.shape == start.shape]
    matches.sort(key=lambda match: match[0] is not match[1])
    ends, target = _ends(decoder, graph), encoder.inputs[0]
    sizes = list(map(_size, ends))
    if _size(target) in sizes:
        end = ends[sizes.index(_size(target))]
    elif outermost or len(ends[0].shape) != len(target.shape):
        return None
    else:
        end = ends[0]
    decoding = with_activations(decoder, graph)
    layers, activation = tuple(call.layer for call in decoding), activation_of(decoding[-1])
    for code, start in matches:
        try:
            Segment(target, code), Segment(start, end)
        except ValueError:  # a part depends on more than the tensor that it starts with
            continue
        return DecoderPair(code, layers, activation, start, end)
    return None


def _size(tensor: keras.KerasTensor) -> int:
    return prod(side or 1 for side in tensor.shape)


def _ends(call: Call, graph: list[Call]) -> list[keras.KerasTensor]:
    """Return the outputs of a call's last activation and of the calls without weights that follow."""
    last = with_activations(call, graph)[-1]
    unweighted = itertools.takewhile(lambda each: not is_weighted(each), following(last.outputs[0], graph))
    return [each.outputs[0] for each in (last, *unweighted)]


def _producers(graph: list[Call]) -> dict[int, Call]:
    """Return the calls by the ids of their outputs."""
    return {id(tensor): call for call in graph for tensor in call.outputs}


@dataclass(frozen=True)
class Stage:
    """One layer to be pretrained.

    Attributes:
        layers: the layer, and the activations that follow it directly.
        inputs: the tensor that enters the layer, whose values the stage learns to reconstruct.
        code: the tensor that its encoding part ends with.
        in_unit_range: whether `inputs` lies in [0, 1] because of the layers before; `None` if only the values can tell.
        decoder_pair: the decoding part, in an autoencoder; `None` where a decoder is made and thrown away.
    """

    layers: tuple[Any, ...]
    inputs: keras.KerasTensor
    code: keras.KerasTensor
    in_unit_range: bool | None
    decoder_pair: DecoderPair | None = None

    @property
    def layer(self) -> Any:
        return self.layers[0]

    @property
    def name(self) -> str:
        return self.layers[0].name

    @property
    def trained(self) -> tuple[Any, ...]:
        """The model's layers that change."""
        return self.layers + (self.decoder_pair.layers if self.decoder_pair else ())


def stages(model: keras.Model, names: Sequence[str] | None = None) -> list[Stage]:
    """Return the stages of a model in graph order, without those whose layer is frozen.

    Args:
        model: a functional or built Sequential model.
        names: the layers to pretrain; `None` for every hidden Dense, Conv1D and Conv2D layer.

    Raises:
        InputError: the model has no graph or several inputs, a name is not there or not of such a layer, or there is
            nothing to pretrain.
    """
    if not isinstance(model, keras.Model):
        raise refusal("model", "a Keras model", model)
    graph = calls(model)
    if len(model.inputs) != 1:
        inputs = ", ".join(tensor.name for tensor in model.inputs)
        raise InputError(f"{model.name} has {len(model.inputs)} inputs ({inputs}); a model to pretrain must have one")
    weighted = _weighted(graph)
    halves = decoder_pairs(model, graph, weighted)
    pairs = halves or _own_reverses(graph, weighted)
    if names is not None:
        _check_names(names, model, weighted)
        candidates = [call for call in weighted if call.layer.name in names]
    else:
        hidden = weighted[: len(halves)] if halves else _hidden(graph, weighted)
        candidates = [call for call in hidden if is_encoder(call)]
    if not candidates:
        nested = any(isinstance(call.layer, keras.Model) for call in graph)
        hint = "; a model inside of it has layers of its own: pretrain that one" if nested else ""
        raise InputError(f"{model.name} has no hidden Dense, Conv1D or Conv2D layer to pretrain{hint}")
    trainable = [call for call in candidates if call.layer.trainable and call.layer.trainable_weights]
    if not trainable:
        frozen = ", ".join(call.layer.name for call in candidates)
        raise InputError(f"there is nothing to pretrain: {frozen} are frozen (trainable=False)")
    return [_stage(call, graph, pairs.get(id(call))) for call in trainable]


def left_out(model: keras.Model) -> list[str]:
    """Return the hidden layers with weights to train that can be no stage, as text: they stay as they are.

    Example:
    >>> hidden = [keras.layers.LSTM(4, name="state"), keras.layers.Dense(5)]
    >>> left_out(keras.Sequential([keras.Input((8, 1)), *hidden, keras.layers.Dense(2)]))
    ['state (LSTM)']
    """
    graph = calls(model)
    weighted = _weighted(graph)
    hidden = [] if decoder_pairs(model, graph, weighted) else _hidden(graph, weighted)
    others = [call.layer for call in hidden if not is_encoder(call) and not in_reverse(call)]
    return [f"{layer.name} ({type(layer).__name__})" for layer in others if layer.trainable_weights]


def _weighted(graph: list[Call]) -> list[Call]:
    """Return the first call of each layer with weights, and its first in reverse."""
    first_calls: dict[tuple[int, bool], Call] = {}
    for call in filter(is_weighted, graph):
        first_calls.setdefault((id(call.layer), in_reverse(call)), call)
    return list(first_calls.values())


def _stage(call: Call, graph: list[Call], pair: DecoderPair | None) -> Stage:
    encoder = with_activations(call, graph)
    code = pair.code if pair else encoder[-1].outputs[0]
    return Stage(
        tuple(each.layer for each in encoder), call.inputs[0], code, _in_unit_range(call.inputs[0], graph), pair
    )


def _check_names(names: Sequence[str], model: keras.Model, weighted: list[Call]) -> None:
    if isinstance(names, str) or not names:
        raise refusal("layers", "a list of layer names", names)
    allowed = [call.layer.name for call in weighted if is_encoder(call)]
    layers = {layer.name: layer for layer in model.layers}
    for name in names:
        if name not in layers:
            raise unknown("layer", name, allowed)
        if name not in allowed:
            raise InputError(
                f"the layer {name!r} is not Dense, Conv1D or Conv2D but {type(layers[name]).__name__}; "
                f"the layers that can be pretrained are {', '.join(allowed)}"
            )
    in_order = [name for name in allowed if name in names]
    if list(names) != in_order:  # one value for each layer would be given to another layer
        raise refusal("layers", f"names of layers, once each in the model's order, {in_order!r}", list(names))


def _hidden(graph: list[Call], weighted: list[Call]) -> list[Call]:
    """Leave out the heads: layers that no other layer with weights follows. A model may have several."""
    followed: set[int] = set()  # tensors that a layer with weights comes after
    heads: set[int] = set()
    for call in reversed(graph):
        has_weights, is_followed = is_weighted(call), any(id(tensor) in followed for tensor in call.outputs)
        if has_weights and not is_followed:
            heads.add(id(call.layer))
        if has_weights or is_followed:
            followed.update(id(tensor) for tensor in call.inputs)
    return [call for call in weighted if id(call.layer) not in heads]


def _in_unit_range(tensor: keras.KerasTensor, graph: list[Call]) -> bool | None:
    """Return whether a tensor lies in [0, 1] because of the layers before it, or `None` if none of them has weights."""
    producers = _producers(graph)
    range_kept = True
    while (call := producers.get(id(tensor))) is not None:
        if is_weighted(call) or isinstance(call.layer, ACTIVATIONS):
            return range_kept and activation_of(call) in INTO_UNIT_RANGE
        range_kept = range_kept and isinstance(call.layer, KEEPING_RANGE)
        tensor = call.inputs[0]
    return None
