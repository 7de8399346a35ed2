"""What a restricted Boltzmann machine says of images: free energies, likelihoods, and what its Gibbs chains draw."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.boltzmann import RestrictedBoltzmannMachine, hidden_terms, pseudo_likelihoods, sigmoid, softplus
from cnnzoo.errors import InputError

ENUMERABLE = 25  # units, of the smaller layer: 2^25 states take half a minute
BLOCK = 2**14  # states at once
ROWS = 1000  # examples at once


def free_energy(machine: RestrictedBoltzmannMachine, visible: Any) -> np.ndarray:
    """Return F(v) of each example, by which log p(v) = −F(v) − log Z.

    Args:
        machine: the machine. With linear hidden units the constant ½ log 2π of each is left out, here and in log Z.
        visible: float array `(examples, …)` from 0 to 1, as many values each as there are visible units.

    Returns:
        Array `(examples,)`, in the precision of the machine.

    Raises:
        InputError: no machine, or examples that do not fit it.

    Source: Hinton, "A Practical Guide to Training Restricted Boltzmann Machines", 2010, section 16.1.

    Example:
    >>> machine = RestrictedBoltzmannMachine(np.zeros((2, 3)), np.ones(2), np.zeros(3))
    >>> free_energy(machine, np.ones((1, 2))).round(4).tolist()  # −2 − 3 log 2
    [-4.0794]
    """
    visible = _checked(machine, visible)
    return np.concatenate([_free_energy(machine, some) for some in _blocks(visible)])


def pseudo_likelihood(
    machine: RestrictedBoltzmannMachine, visible: Any, *, bits: int | None = None, seed: int = 0
) -> np.ndarray:
    """Return the logarithm of the pseudo-likelihood of each example: Σ over its bits of log p(bit | all others).

    Args:
        machine: the machine.
        visible: binary array `(examples, …)`, as many values each as there are visible units.
        bits: how many bits of each example, drawn by `seed`, the sum is estimated from; `None` for all of them.
        seed: an integer ≥ 0.

    Returns:
        Array `(examples,)`, in nats.

    Raises:
        InputError: no machine, or examples that do not fit it or are not binary.

    Source: Besag, "Statistical Analysis of Non-Lattice Data", 1975.

    Example:
    >>> machine = RestrictedBoltzmannMachine(np.zeros((2, 3)), np.zeros(2), np.zeros(3))
    >>> pseudo_likelihood(machine, np.ones((1, 2))).round(4).tolist()  # −2 log 2
    [-1.3863]
    """
    visible = _checked(machine, visible, binary=True)
    checks.integer("bits", bits, or_none="all")
    generator, count = np.random.default_rng(checks.integer("seed", seed, 0)), visible.shape[1]
    found = []
    for some in _blocks(visible):
        drawn = np.tile(np.arange(count), (len(some), 1))
        if bits is not None:
            drawn = generator.integers(count, size=(len(some), bits))
        found.append(pseudo_likelihoods(machine, some, drawn))
    return np.concatenate(found)


def log_partition_function(machine: RestrictedBoltzmannMachine) -> float:
    """Return log Z = log Σ exp(−F(v)), by enumeration of all states of the smaller layer.

    Args:
        machine: the machine, with at most 25 visible units or, if they are binary, 25 hidden ones.

    Returns:
        log Z, in nats. With linear hidden units the constant ½ log 2π of each is left out.

    Raises:
        InputError: no machine, or one that is too large; `annealed_importance_sampling` takes those.

    Example:
    >>> machine = RestrictedBoltzmannMachine(np.zeros((2, 3)), np.zeros(2), np.zeros(3))
    >>> round(log_partition_function(machine), 4)  # 5 log 2
    3.4657
    """
    _check_machine(machine)
    kernel, visible_bias, hidden_bias = _in_float64(machine)
    sides = [len(visible_bias)] + [len(hidden_bias)] * (machine.hidden_units == "binary")
    if min(sides) > ENUMERABLE:
        raise InputError(
            f"log Z of {machine.kernel.shape[0]} visible and {machine.kernel.shape[1]} {machine.hidden_units} hidden "
            f"units has too many terms to be added up; {ENUMERABLE} units are enough for that. Estimate it by "
            "annealed_importance_sampling"
        )
    total = -math.inf
    for states in _all_states(min(sides)):
        if len(visible_bias) == min(sides):
            terms = states @ visible_bias + hidden_terms(
                states @ kernel + hidden_bias, hidden_bias, machine.hidden_units
            )
        else:
            terms = states @ hidden_bias + softplus(states @ kernel.T + visible_bias).sum(axis=-1)
        total = np.logaddexp(total, _log_sum(terms))
    return float(total)


@dataclass(frozen=True, eq=False)
class PartitionFunction:
    """An estimate of log Z.

    Attributes:
        log_z: the estimate, in nats.
        low: log of the estimate of Z minus three standard errors; minus infinity where that is negative.
        high: log of the estimate of Z plus three standard errors.
        log_weights: float64 array `(chains,)`, the logarithm of each chain's estimate of Z.
    """

    log_z: float
    low: float
    high: float
    log_weights: np.ndarray


def annealed_importance_sampling(
    machine: RestrictedBoltzmannMachine,
    *,
    base: Any = None,
    steps: int = 10_000,
    chains: int = 100,
    seed: int = 0,
    verbose: int = 0,
) -> PartitionFunction:
    """Estimate log Z of a machine of any size, by chains that change step by step from another one into it.

    The other one has no connections, so that its Z is known, and visible biases of its own: those of the data are
    nearer to the machine, and leave less spread. A chain's estimate of Z is right in the mean; of log Z it is in the
    mean too low, so that likelihoods computed by it are too high, and the more so the fewer steps there are.

    Args:
        machine: the machine.
        base: float array `(examples, …)` from 0 to 1, data whose means the biases are made of; `None` for the machine's
            own visible biases.
        steps: steps on the way, in equal parts; ≥ 1.
        chains: chains, which are independent; ≥ 2.
        seed: an integer ≥ 0.
        verbose: 1 shows progress, 0 nothing.

    Returns:
        A `PartitionFunction`: the estimate with its spread.

    Raises:
        InputError: no machine, or data that do not fit it.

    Source: Neal 2001; Salakhutdinov and Murray, "On the Quantitative Analysis of Deep Belief Networks", ICML 2008.

    Example:
    >>> machine = RestrictedBoltzmannMachine(np.zeros((2, 3)), np.ones(2), np.zeros(3))
    >>> round(annealed_importance_sampling(machine, steps=1, chains=2).log_z, 4)  # exact, as nothing is connected
    4.706
    """
    _check_machine(machine)
    steps, chains = checks.integer("steps", steps), checks.integer("chains", chains, 2)
    checks.choice("verbose", verbose, (0, 1))
    generator = np.random.default_rng(checks.integer("seed", seed, 0))
    start = machine.visible_bias.astype("float64") if base is None else _biases_of(_checked(machine, base, "base"))
    binary = machine.hidden_units == "binary"
    log_start = softplus(start).sum() + (len(machine.hidden_bias) * math.log(2) if binary else 0)
    kernel, dtype = machine.kernel, machine.kernel.dtype
    visible = _drawn(generator, np.broadcast_to(sigmoid(start).astype(dtype), (chains, len(start))))
    bar = keras.utils.Progbar(steps, unit_name="step") if verbose else None
    log_weights = np.zeros(chains)
    before = 0.0
    for step in range(1, steps + 1):
        now = step / steps
        products, biases = visible @ kernel, visible @ (machine.visible_bias - start)
        terms = [_annealed_term(machine, products, part) for part in (before, now)]
        log_weights += (now - before) * biases + terms[1] - terms[0]
        if step < steps:
            hidden = _annealed_hidden(machine, products, now, generator)
            sums = now * (hidden @ kernel.T) + ((1 - now) * start + now * machine.visible_bias).astype(dtype)
            visible = _drawn(generator, sigmoid(sums))
        before = now
        if bar:
            bar.update(step)
    return _estimate(log_weights + log_start)


def gibbs_samples(
    machine: RestrictedBoltzmannMachine | Sequence[RestrictedBoltzmannMachine],
    start: Any,
    *,
    steps: int | Sequence[int] = 1000,
    seed: int = 0,
) -> np.ndarray:
    """Return what Gibbs chains show after some steps, from some examples on: probabilities of the visible units.

    Of a stack of machines, a deep belief net, the chains run in the last one; what they show goes down through the
    others, as their mean.

    Args:
        machine: a machine, or the machines of a stack from below, as `list(pretraining.machines.values())`.
        start: float array `(examples, …)` from 0 to 1, where each chain starts.
        steps: Gibbs steps, or increasing numbers of them, ≥ 0; after 0 steps a chain shows its start.
        seed: an integer ≥ 0.

    Returns:
        Array `(examples, visible)`, or `(numbers, examples, visible)`.

    Raises:
        InputError: no machines, or ones that do not fit each other or the examples.

    Source: Hinton, Osindero and Teh, "A Fast Learning Algorithm for Deep Belief Nets", 2006.

    Example:
    >>> machine = RestrictedBoltzmannMachine(np.zeros((2, 3)), np.zeros(2), np.zeros(3))
    >>> gibbs_samples(machine, np.ones((1, 2)), steps=(0, 10)).tolist()
    [[[1.0, 1.0]], [[0.5, 0.5]]]
    """
    stack = _checked_stack(machine)
    several = not checks.is_integer(steps)
    given: Any = steps if several else [steps]
    numbers = [checks.integer("steps", each, 0) for each in given]
    if not numbers or sorted(set(numbers)) != numbers:
        raise checks.refusal("steps", "a number of steps, or increasing ones", steps)
    generator = np.random.default_rng(checks.integer("seed", seed, 0))
    states = shown = _checked(stack[0], start, "start")
    for each in stack[:-1]:
        states = each.hidden(states)
    top, found = stack[-1], {}
    for step in range(numbers[-1] + 1):
        if step:
            hidden = top.hidden(states)
            noise = generator.normal(size=hidden.shape)
            hidden = _drawn(generator, hidden) if top.hidden_units == "binary" else hidden + noise
            shown = top.visible(hidden.astype(top.kernel.dtype))
            states = _drawn(generator, shown)
        if step in numbers:
            found[step] = shown if step == 0 else _down(stack, shown)
    samples = np.stack([found[step] for step in numbers])
    return samples if several else samples[0]


def _down(stack: Sequence[RestrictedBoltzmannMachine], states: np.ndarray) -> np.ndarray:
    for each in reversed(stack[:-1]):
        states = each.visible(states)
    return states


def _check_machine(machine: Any) -> None:
    if not isinstance(machine, RestrictedBoltzmannMachine):
        allowed = "a cnnzoo.RestrictedBoltzmannMachine, such as those of pretraining.machines"
        raise checks.refusal("machine", allowed, machine)


def _checked_stack(machines: Any) -> list[RestrictedBoltzmannMachine]:
    stack = [machines] if isinstance(machines, RestrictedBoltzmannMachine) else list(machines)
    for each in stack or [None]:
        _check_machine(each)
    for below, above in itertools.pairwise(stack):
        if below.hidden_units != "binary" or below.kernel.shape[1] != above.kernel.shape[0]:
            widths = [each.kernel.shape for each in stack]
            raise checks.refusal("machine", "a stack, each as wide as what it stands on, of binary units", widths)
    return stack


def _checked(machine: Any, visible: Any, name: str = "visible", binary: bool = False) -> np.ndarray:
    """Return examples as rows, in the precision of the machine."""
    _check_machine(machine)
    rows = np.asarray(visible)
    width = machine.kernel.shape[0]
    if rows.ndim < 2 or not len(rows) or math.prod(rows.shape[1:]) != width:
        raise checks.refusal(name, f"an array (examples, …) of {width} values each", rows.shape)
    if not (rows.min() >= 0 and rows.max() <= 1):  # NaN, too
        raise checks.refusal(name, "values from 0 to 1", f"{rows.min()} to {rows.max()}")
    if binary and not np.isin(rows, (0, 1)).all():
        raise checks.refusal(name, "binary, as cnnzoo.data.binarize makes grays", "values between 0 and 1")
    return rows.reshape(len(rows), -1).astype(machine.kernel.dtype)


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    return (rows[start : start + ROWS] for start in range(0, len(rows), ROWS))


def _free_energy(machine: RestrictedBoltzmannMachine, visible: np.ndarray) -> np.ndarray:
    sums = visible @ machine.kernel + machine.hidden_bias
    return -visible @ machine.visible_bias - hidden_terms(sums, machine.hidden_bias, machine.hidden_units)


def _in_float64(machine: RestrictedBoltzmannMachine) -> list[np.ndarray]:
    return [each.astype("float64") for each in (machine.kernel, machine.visible_bias, machine.hidden_bias)]


def _all_states(count: int) -> Iterator[np.ndarray]:
    """Yield all binary vectors, in blocks `(block, count)`."""
    for start in range(0, 2**count, BLOCK):
        numbers = np.arange(start, min(start + BLOCK, 2**count))
        yield (numbers[:, None] >> np.arange(count) & 1).astype("float64")


def _log_sum(values: np.ndarray) -> float:
    largest = values.max()
    return float(largest + np.log(np.exp(values - largest).sum()))


def _biases_of(data: np.ndarray) -> np.ndarray:
    """Return the visible biases of the machine without connections that has the means of the data."""
    means = (data.astype("float64").sum(axis=0) + 1) / (len(data) + 2)  # no pixel is always black
    return np.log(means / (1 - means))


def _drawn(generator: np.random.Generator, probabilities: np.ndarray) -> np.ndarray:
    draws = generator.random(probabilities.shape, dtype="float32")
    return (draws < probabilities).astype(probabilities.dtype)


def _annealed_term(machine: RestrictedBoltzmannMachine, products: np.ndarray, part: float) -> np.ndarray:
    """Return what hidden units whose connections are weaker add to −F(v), given v·W."""
    scale, bias = np.asarray(part, products.dtype), machine.hidden_bias
    if machine.hidden_units == "binary":
        return hidden_terms(scale * (products + bias), bias, "binary").astype("float64")
    return hidden_terms(scale * products + bias, bias, "linear").astype("float64")


def _annealed_hidden(
    machine: RestrictedBoltzmannMachine, products: np.ndarray, part: float, generator: np.random.Generator
) -> np.ndarray:
    """Draw hidden units whose connections are weaker, given v·W."""
    scale = np.asarray(part, products.dtype)
    if machine.hidden_units == "binary":
        return _drawn(generator, sigmoid(scale * (products + machine.hidden_bias)))
    return scale * products + machine.hidden_bias + generator.normal(size=products.shape).astype(products.dtype)


def _estimate(log_weights: np.ndarray) -> PartitionFunction:
    largest, count = log_weights.max(), len(log_weights)
    weights = np.exp(log_weights - largest)
    mean, error = weights.mean(), weights.std(ddof=1) / math.sqrt(count)
    low = largest + math.log(mean - 3 * error) if mean > 3 * error else -math.inf
    return PartitionFunction(
        float(largest + math.log(mean)), float(low), float(largest + math.log(mean + 3 * error)), log_weights
    )
