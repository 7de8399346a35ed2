"""A machine of three visible and two hidden units, and what brute force in NumPy says of it."""

import itertools

import numpy as np

from cnnzoo import RestrictedBoltzmannMachine

KERNEL = np.array([[1, -1], [0.5, 2], [-1.5, 0]])
VISIBLE_BIAS, HIDDEN_BIAS = np.array([0.1, -0.2, 0.3]), np.array([0.2, -0.4])
DATA = np.array([[1.0, 0, 1], [0, 1, 1]])


def tiny(hidden_units="binary", dtype="float64"):
    """Return the machine."""
    weights = [each.astype(dtype) for each in (KERNEL, VISIBLE_BIAS, HIDDEN_BIAS)]
    return RestrictedBoltzmannMachine(*weights, hidden_units)


def states(count):
    """Return all binary vectors, from 0…0 on: `(2^count, count)`."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=count)))


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def bernoulli(probabilities, state):
    """Return the probability of each binary state, `(n, states)`, given those of its bits, `(n, bits)`."""
    return np.prod(np.where(state == 1, probabilities[:, None, :], 1 - probabilities[:, None, :]), axis=-1)


def joint(machine):
    """Return exp(−E(v, h)) of all pairs of states of binary units, `(visible states, hidden states)`."""
    v, h = (states(side) for side in machine.kernel.shape)
    return np.exp((v @ machine.visible_bias)[:, None] + h @ machine.hidden_bias + v @ machine.kernel @ h.T)


def chain_of(machine, steps):
    """Return p(v after `steps` Gibbs steps | v), by enumeration: `(states, states)`."""
    v, h = (states(side) for side in machine.kernel.shape)
    up = bernoulli(sigmoid(v @ machine.kernel + machine.hidden_bias), h)
    down = bernoulli(sigmoid(h @ machine.kernel.T + machine.visible_bias), v)
    return np.linalg.matrix_power(up @ down, steps)


def statistics(machine, visible, weights):
    """Return Σ weight · v p(h|v), Σ weight · v and Σ weight · p(h|v) of some rows."""
    hidden = sigmoid(visible @ machine.kernel + machine.hidden_bias)
    return visible.T @ (weights[:, None] * hidden), weights @ visible, weights @ hidden


def expected_step(machine, data, steps, sample_visible):
    """Return the expected change of kernel, visible bias and hidden bias by CD-k at rate 1, by enumeration."""
    v, h = (states(side) for side in machine.kernel.shape)
    chain = chain_of(machine, steps - 1)
    start = np.array([chain[np.flatnonzero((v == row).all(axis=1))[0]] for row in data]).mean(axis=0)
    if sample_visible:
        ends, weights = v, start @ chain_of(machine, 1)
    else:  # the last reconstruction is p(v|h), of each h
        ends = sigmoid(h @ machine.kernel.T + machine.visible_bias)
        weights = start @ bernoulli(sigmoid(v @ machine.kernel + machine.hidden_bias), h)
    of_data = statistics(machine, data, np.full(len(data), 1 / len(data)))
    return [one - other for one, other in zip(of_data, statistics(machine, ends, weights), strict=True)]


def exact_gradient(machine, data):
    """Return the gradient of the data's mean log-likelihood, by enumeration."""
    probabilities = joint(machine).sum(axis=1)
    of_model = statistics(machine, states(len(machine.visible_bias)), probabilities / probabilities.sum())
    of_data = statistics(machine, data, np.full(len(data), 1 / len(data)))
    return [one - other for one, other in zip(of_data, of_model, strict=True)]
