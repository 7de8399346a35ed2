"""The penalties of autoencoders on their codes, from the arguments `sparsity` and `contractive`."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from cnnzoo.checks import number, refusal
from cnnzoo.errors import InputError, unknown
from cnnzoo.layers import KLSparsity, L1Sparsity

SPARSITY = {"kl": {"target": 0.05, "weight": 1e-3}, "l1": {"weight": 1e-4}}
WITH_SLOPE = ("sigmoid", "tanh", "relu", "linear")  # the activations that ContractivePenalty has a formula for


def sparsity_penalty(sparsity: Any, activation: Any) -> keras.regularizers.Regularizer | None:
    """Return the activity regularizer for the argument `sparsity`.

    Args:
        sparsity: `None`, `"kl"`, `"l1"`, or a mapping of `kind` and some of its numbers.
        activation: activation of the units that it is for.

    Raises:
        InputError: another kind or number, a number out of range, or KL on units that are not logistic.

    Example:
    >>> sparsity_penalty({"kind": "l1", "weight": 0.5}, "relu").get_config()
    {'weight': 0.5}
    """
    if sparsity is None:
        return None
    given = {"kind": sparsity} if not isinstance(sparsity, Mapping) else dict(sparsity)
    kind = given.pop("kind", None)
    if kind not in tuple(SPARSITY):  # in the tuple, as the value may not be hashable
        raise refusal("sparsity", "None, 'kl', 'l1' or a mapping with one of these as `kind`", sparsity)
    for name in given:
        if name not in SPARSITY[kind]:
            raise unknown(f"number of sparsity {kind!r}", name, SPARSITY[kind], plural=f"numbers of sparsity {kind!r}")
    numbers = {**SPARSITY[kind], **given}
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
