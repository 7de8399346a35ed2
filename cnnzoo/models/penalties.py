"""What autoencoders do to their codes, from the arguments `sparsity` and `contractive`."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from cnnzoo.checks import integer, number, refusal
from cnnzoo.errors import InputError, unknown
from cnnzoo.layers import KLSparsity, KSparse, L1Sparsity, WinnerTakeAll

SPARSITY: dict[str, dict[str, Any]] = {
    "kl": {"target": 0.05, "weight": 1e-3},
    "l1": {"weight": 1e-4},
    "k-sparse": {"k": 25, "alpha": 1.0, "dead_weight": 0.0, "dead_after": 100},
    "winner-take-all": {"rate": 0.05},
}
WITH_SLOPE = ("sigmoid", "tanh", "relu", "linear")  # the activations that ContractivePenalty has a formula for


def sparsity_layer(
    sparsity: Any, units: int, activation: Any, output_activation: Any = "linear"
) -> keras.layers.Layer | None:
    """Return the layer that follows a code for the argument `sparsity`.

    It is `sparsity_penalty`, which returns the code as it is and adds to the loss, or `sparse_code`, which keeps its
    largest activations.

    Args:
        sparsity: `None`, a kind, or a mapping of `kind` and some of its numbers.
        units: number of units that it is for.
        activation: their activation.
        output_activation: that of the reconstruction.

    Raises:
        InputError: another kind or number, a number out of range, or KL on units that are not logistic.

    Example:
    >>> sparsity_layer({"kind": "k-sparse", "k": 5}, 32, "linear").k
    5
    """
    if sparsity is None:
        return None
    given = {"kind": sparsity} if not isinstance(sparsity, Mapping) else dict(sparsity)
    kind = given.pop("kind", None)
    if kind not in tuple(SPARSITY):  # in the tuple, as the value may not be hashable
        raise refusal(
            "sparsity", f"None, {', '.join(map(repr, SPARSITY))} or a mapping with one of these as `kind`", sparsity
        )
    for name in given:
        if name not in SPARSITY[kind]:
            raise unknown(f"number of sparsity {kind!r}", name, SPARSITY[kind], plural=f"numbers of sparsity {kind!r}")
    numbers = {**SPARSITY[kind], **given}
    if kind == "winner-take-all":
        return WinnerTakeAll(**numbers, name="sparse_code")
    if kind == "k-sparse":
        integer("k", numbers["k"], 1, units, of="the number of code units")
        return KSparse(**numbers, output_activation=output_activation, name="sparse_code")
    # In a layer of its own: an activity regularizer counts every call, and the code of a tied model is called twice.
    penalty = _penalty(kind, numbers, activation)
    return keras.layers.Activation("linear", activity_regularizer=penalty, dtype="float32", name="sparsity_penalty")


def _penalty(kind: str, numbers: Mapping[str, Any], activation: Any) -> keras.regularizers.Regularizer:
    weight = number("weight", numbers["weight"], 0)
    if kind == "l1":
        return L1Sparsity(weight)
    target = number("target", numbers["target"], above=0, below=1)
    if keras.activations.get(activation) is not keras.activations.sigmoid:
        raise InputError(
            "`code_activation` must be 'sigmoid' for sparsity 'kl', which needs values from 0 to 1. "
            f"Received: {activation!r}"
        )
    return KLSparsity(target, weight)


def check_contractive(weight: Any, activations: Sequence[Any]) -> None:
    """Check the weight of the contractive penalty, and that it has a formula for the encoder's activations.

    Args:
        weight: the weight of the penalty; 0 for none.
        activations: activations of the encoder's layers.

    Raises:
        InputError: the weight is not a number of at least 0, or there is no formula for an activation.
    """
    number("contractive", weight, 0)
    known = [keras.activations.get(name) for name in WITH_SLOPE]
    for activation in activations if weight else ():
        if keras.activations.get(activation) not in known:
            allowed = ", ".join(map(repr, WITH_SLOPE))
            raise InputError(f"`contractive` needs encoder activations among {allowed}. Received: {activation!r}")
