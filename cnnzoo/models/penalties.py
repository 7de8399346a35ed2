"""What an autoencoder pays for its code beside the error: checked, with the numbers that stand if none are given."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from cnnzoo.errors import InputError, unknown
from cnnzoo.layers import KLSparsity

SPARSITY = {"kl": {"target": 0.05, "weight": 1e-3}, "l1": {"weight": 1e-4}}
WITH_SLOPE = ("sigmoid", "tanh", "relu", "linear")  # the activations that ContractivePenalty has a formula for


def sparsity_penalty(sparsity: Any, activation: Any) -> keras.regularizers.Regularizer | None:
    """Return the activity regularizer that `sparsity` asks for.

    Args:
        sparsity: `None`, `"kl"`, `"l1"`, or a mapping of `kind` and some of its numbers.
        activation: activation of the units that it is for.

    Raises:
        InputError: another kind or number, a number out of range, or KL on units that are not logistic.

    Example:
    >>> sparsity_penalty({"kind": "l1", "weight": 0.5}, "relu").get_config()
    {'l1': 0.5}
    """
    if sparsity is None:
        return None
    given = {"kind": sparsity} if not isinstance(sparsity, Mapping) else dict(sparsity)
    kind = given.pop("kind", None)
    if kind not in tuple(SPARSITY):  # by comparison: what was received may not be hashable
        raise InputError(f"sparsity must be None, 'kl', 'l1' or a mapping with one of these as kind, not {sparsity!r}")
    for name in given:
        if name not in SPARSITY[kind]:
            raise unknown(f"number of sparsity {kind!r}", name, SPARSITY[kind], plural=f"numbers of sparsity {kind!r}")
    numbers = {**SPARSITY[kind], **given}
    _check_weight("the weight of sparsity", numbers["weight"])
    if kind == "l1":
        return keras.regularizers.L1(numbers["weight"])
    if not _is_number(numbers["target"]) or not 0 < numbers["target"] < 1:
        raise InputError(f"the target of sparsity must be a number between 0 and 1, not {numbers['target']!r}")
    if keras.activations.get(activation) is not keras.activations.sigmoid:
        raise InputError(f"sparsity 'kl' needs code_activation='sigmoid', whose values are 0…1, not {activation!r}")
    return KLSparsity(**numbers)


def check_contractive(weight: Any, activations: Sequence[Any]) -> None:
    """Refuse a weight that is none, and units whose slope the penalty does not have a formula for.

    Args:
        weight: the weight of the penalty; 0 for none.
        activations: those of the encoder's layers.

    Raises:
        InputError: the message names the value received.
    """
    _check_weight("contractive", weight)
    known = [keras.activations.get(name) for name in WITH_SLOPE]
    for activation in activations if weight else ():
        if keras.activations.get(activation) not in known:
            raise InputError(
                f"contractive needs an encoder of units 'sigmoid', 'tanh', 'relu' or 'linear', not {activation!r}"
            )


def _check_weight(name: str, weight: Any) -> None:
    if not _is_number(weight) or not 0 <= weight < math.inf:
        raise InputError(f"{name} must be a finite number of at least 0, not {weight!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
