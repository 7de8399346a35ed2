"""What machines say of images, against enumeration in NumPy, published figures and scikit-learn's machine."""

import numpy as np
import pytest
from sklearn.neural_network import BernoulliRBM

from cnnzoo import InputError, RestrictedBoltzmannMachine, analysis
from tests.machines import DATA, HIDDEN_BIAS, KERNEL, VISIBLE_BIAS, chain_of, joint, sigmoid, states, tiny

DTYPES = [("float64", 1e-6), ("float32", 1e-5)]


def random_machine(visible, hidden, scale=1.0, units="binary", dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    shapes = (visible, hidden), (visible,), (hidden,)
    return RestrictedBoltzmannMachine(*(rng.normal(0, scale, shape).astype(dtype) for shape in shapes), units)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_the_tiny_machine_has_its_published_values(dtype, tolerance):
    machine, visible = tiny(dtype=dtype), states(3)
    energies = [-1.311154, -1.054024, -2.687087, -2.255001, -1.783700, -1.174773, -2.805274, -2.035627]
    np.testing.assert_allclose(analysis.free_energy(machine, visible), energies, atol=max(tolerance, 1e-6))
    log_z = analysis.log_partition_function(machine)
    assert log_z == pytest.approx(4.161717395524, abs=tolerance)
    assert -analysis.free_energy(machine, DATA)[0] - log_z == pytest.approx(-2.986944741137, abs=tolerance)
    assert (-analysis.free_energy(machine, DATA) - log_z).mean() == pytest.approx(-2.446830364912, abs=tolerance)
    assert analysis.pseudo_likelihood(machine, DATA)[0] == pytest.approx(-2.891336594866, abs=tolerance)
    np.testing.assert_allclose(machine.hidden(DATA[:1]), [[0.425557, 0.197816]], atol=max(tolerance, 1e-6))
    np.testing.assert_allclose(
        machine.visible(np.array([[1.0, 0.0]])), [[0.750260, 0.574443, 0.231475]], atol=max(tolerance, 1e-6)
    )


@pytest.mark.parametrize("sides", [(6, 4), (4, 6), (5, 5)])
def test_log_z_and_free_energies_are_those_of_enumeration(sides):
    machine = random_machine(*sides)
    terms = joint(machine)
    assert analysis.log_partition_function(machine) == pytest.approx(np.log(terms.sum()), abs=1e-10)
    energies = -np.log(terms.sum(axis=1))
    np.testing.assert_allclose(analysis.free_energy(machine, states(sides[0])), energies, atol=1e-10)


def test_nothing_connected_has_its_closed_form():
    machine = RestrictedBoltzmannMachine(0 * KERNEL, VISIBLE_BIAS, HIDDEN_BIAS)
    assert analysis.log_partition_function(machine) == pytest.approx(3.508044895705, abs=1e-10)


def test_linear_hidden_units_are_integrated():
    """By a sum over a grid: exp(b·v − ½(h − c)² + v·w·h) over h is √2π exp(−F(v))."""
    machine = random_machine(4, 1, units="linear")
    grid, step = np.linspace(-30, 30, 60_001, retstep=True)
    v = states(4)
    exponents = (
        (v @ machine.visible_bias)[:, None] - (grid - machine.hidden_bias) ** 2 / 2 + (v @ machine.kernel) * grid
    )
    integrals = np.exp(exponents).sum(axis=1) * step
    expected = -np.log(integrals / np.sqrt(2 * np.pi))
    np.testing.assert_allclose(analysis.free_energy(machine, v), expected, atol=1e-9)
    assert analysis.log_partition_function(machine) == pytest.approx(np.log(np.exp(-expected).sum()), abs=1e-9)
    np.testing.assert_allclose(machine.hidden(v), v @ machine.kernel + machine.hidden_bias)


def test_pseudo_likelihood_is_that_of_enumeration():
    for units in ("binary", "linear"):
        machine = random_machine(5, 3, units=units)
        visible = states(5)
        energies = analysis.free_energy(machine, visible)
        expected = np.zeros(32)
        for bit in range(5):
            flipped = energies[np.arange(32) ^ (16 >> bit)]
            expected += np.log(sigmoid(flipped - energies))
        np.testing.assert_allclose(analysis.pseudo_likelihood(machine, visible), expected, atol=1e-10)
        estimates = [analysis.pseudo_likelihood(machine, visible, bits=2, seed=seed) for seed in range(400)]
        errors = np.std(estimates, axis=0) / np.sqrt(400)
        assert np.all(np.abs(np.mean(estimates, axis=0) - expected) < 4.5 * errors)  # of 32 of them


def test_scikit_learn_agrees():
    machine = random_machine(12, 7)
    theirs = BernoulliRBM(n_components=7)
    theirs.components_ = machine.kernel.T
    theirs.intercept_hidden_, theirs.intercept_visible_ = machine.hidden_bias, machine.visible_bias
    visible = np.random.default_rng(1).integers(0, 2, (50, 12)).astype("float64")
    np.testing.assert_allclose(machine.hidden(visible), theirs.transform(visible), atol=1e-12)
    np.testing.assert_allclose(analysis.free_energy(machine, visible), theirs._free_energy(visible), atol=1e-12)


@pytest.mark.parametrize(("units", "dtype"), [("binary", "float64"), ("binary", "float32"), ("linear", "float64")])
def test_annealed_importance_sampling_finds_log_z(units, dtype):
    machine = random_machine(12, 8, scale=0.5, units=units, dtype=dtype)
    exact = analysis.log_partition_function(machine)
    data = np.random.default_rng(2).random((30, 12))
    for base in (None, data):
        found = analysis.annealed_importance_sampling(machine, base=base, steps=300, chains=200)
        assert found.low < found.log_z < found.high
        assert abs(found.log_z - exact) < max(found.high - found.log_z, found.log_z - found.low)
        assert found.high - found.low < 0.5
        assert found.log_weights.shape == (200,)


def test_one_step_of_annealing_is_plain_importance_sampling():
    """In the mean the weights are Z exactly, whatever the number of steps."""
    machine = tiny()
    found = analysis.annealed_importance_sampling(machine, steps=1, chains=200_000)
    weights = np.exp(found.log_weights)
    assert weights.mean() == pytest.approx(joint(machine).sum(), abs=4 * weights.std() / np.sqrt(len(weights)))


def test_gibbs_chains_have_the_transitions_of_enumeration():
    machine = tiny()
    start = np.repeat(DATA[:1], 100_000, axis=0)
    for steps in (1, 3):
        shown = analysis.gibbs_samples(machine, start, steps=steps)
        expected = chain_of(machine, steps)[5] @ states(3)  # 101 is the sixth state
        np.testing.assert_allclose(shown.mean(axis=0), expected, atol=4 * 0.5 / np.sqrt(100_000))
    several = analysis.gibbs_samples(machine, DATA, steps=(0, 2, 5))
    assert several.shape == (3, 2, 3)
    np.testing.assert_array_equal(several[0], DATA)
    np.testing.assert_array_equal(several[1], analysis.gibbs_samples(machine, DATA, steps=2))


def test_a_stack_shows_what_its_last_machine_draws_through_those_below():
    below, top = random_machine(5, 4), random_machine(4, 3, seed=1)
    data = states(5)[:3]
    shown = analysis.gibbs_samples([below, top], data, steps=2, seed=3)
    alone = analysis.gibbs_samples(top, below.hidden(data), steps=2, seed=3)
    np.testing.assert_allclose(shown, below.visible(alone))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: analysis.free_energy("rbm", DATA), "`machine` must be a cnnzoo.RestrictedBoltzmannMachine"),
        (
            lambda: analysis.free_energy(tiny(), DATA[:, :2]),
            r"`visible` must be an array .* of 3 values each. Received",
        ),
        (
            lambda: analysis.free_energy(tiny(), 2 * DATA),
            "`visible` must be values from 0 to 1. Received: '0.0 to 2.0'",
        ),
        (lambda: analysis.free_energy(tiny(), np.nan * DATA), "values from 0 to 1"),
        (lambda: analysis.pseudo_likelihood(tiny(), DATA / 2), "`visible` must be binary"),
        (lambda: analysis.log_partition_function(random_machine(26, 26)), "has too many terms .* 25 units are enough"),
        (lambda: analysis.log_partition_function(random_machine(26, 2, units="linear")), "26 visible and 2 linear"),
        (lambda: analysis.annealed_importance_sampling(tiny(), chains=1), "`chains` must be .*Received: 1"),
        (lambda: analysis.gibbs_samples([tiny(), tiny()], DATA), "`machine` must be a stack, each as wide as"),
        (lambda: analysis.gibbs_samples([], DATA), "`machine` must be a cnnzoo.RestrictedBoltzmannMachine"),
        (
            lambda: analysis.gibbs_samples(tiny(), DATA, steps=(5, 2)),
            "`steps` must be a number of steps, or increasing",
        ),
        (
            lambda: RestrictedBoltzmannMachine(KERNEL, HIDDEN_BIAS, VISIBLE_BIAS),
            r"of shapes \(v, h\), \(v,\) and \(h,\)",
        ),
        (lambda: RestrictedBoltzmannMachine(np.nan * KERNEL, VISIBLE_BIAS, HIDDEN_BIAS), "finite numbers"),
        (lambda: RestrictedBoltzmannMachine(KERNEL, VISIBLE_BIAS, HIDDEN_BIAS, "relu"), "unknown hidden_units 'relu'"),
    ],
)
def test_what_cannot_be_used_is_refused(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()
