"""Restricted Boltzmann machines: their energy, what they draw, and the step of contrastive divergence.

Binary visible units v and hidden units h, of which no two of a kind are connected:

    E(v, h) = −b·v − c·h − v·W·h                for binary hidden units
    E(v, h) = −b·v + ½‖h − c‖² − v·W·h          for linear ones, N(c + v·W, 1) given v

Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", Neural Computation 14, 2002. A machine is
arrays of NumPy, in float32 or float64; what training draws are tensors, under every backend.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnzoo.checks import choice, refusal

HIDDEN_UNITS = ("binary", "linear")
GOLDEN = 0x9E3779B1  # keeps the seeds of the draws of a step far apart


@dataclass(frozen=True, eq=False)
class RestrictedBoltzmannMachine:
    """A restricted Boltzmann machine with binary visible units, as arrays.

    `LayerwisePretraining(method="rbm").machines` has one for each layer; `cnnzoo.analysis` has what is computed of one.

    Args:
        kernel: W, float array `(visible, hidden)`.
        visible_bias: b, float array `(visible,)`.
        hidden_bias: c, float array `(hidden,)`.
        hidden_units: `"binary"`, or `"linear"` for units that are normal with variance 1.

    Raises:
        InputError: shapes that do not fit, values that are not finite, or other hidden units.

    Source: Smolensky 1986; Hinton 2002; with linear hidden units Hinton and Salakhutdinov 2006.

    Example:
    >>> machine = RestrictedBoltzmannMachine(np.zeros((3, 2)), np.zeros(3), np.zeros(2))
    >>> machine.hidden(np.ones((1, 3))).tolist(), machine.visible(np.ones((1, 2))).tolist()
    ([[0.5, 0.5]], [[0.5, 0.5, 0.5]])
    """

    kernel: np.ndarray
    visible_bias: np.ndarray
    hidden_bias: np.ndarray
    hidden_units: str = "binary"

    def __post_init__(self) -> None:
        choice("hidden_units", self.hidden_units, HIDDEN_UNITS)
        for name in ("kernel", "visible_bias", "hidden_bias"):
            values = np.asarray(getattr(self, name))
            values = values if values.dtype in ("float32", "float64") else values.astype("float32")
            if not np.isfinite(values).all():
                raise refusal(name, "an array of finite numbers", "NaN or infinite ones")
            object.__setattr__(self, name, values)
        shapes = self.kernel.shape, self.visible_bias.shape, self.hidden_bias.shape
        if self.kernel.ndim != 2 or shapes[1:] != ((self.kernel.shape[0],), (self.kernel.shape[1],)):
            raise refusal("kernel, visible_bias and hidden_bias", "of shapes (v, h), (v,) and (h,)", shapes)

    def hidden(self, visible: Any) -> np.ndarray:
        """Return p(h = 1 | v) of binary hidden units, or the mean of linear ones: `(batch, hidden)`.

        Args:
            visible: float array `(batch, visible)`, from 0 to 1.
        """
        sums = visible @ self.kernel + self.hidden_bias
        return sigmoid(sums) if self.hidden_units == "binary" else sums

    def visible(self, hidden: Any) -> np.ndarray:
        """Return p(v = 1 | h): `(batch, visible)`.

        Args:
            hidden: float array `(batch, hidden)`.
        """
        return sigmoid(hidden @ self.kernel.T + self.visible_bias)


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(−values)), of an array of NumPy, without an overflow.

    Example:
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return (1 + np.tanh(values / 2)) / 2


class _Seed(keras.random.SeedGenerator):
    """A seed that is a tensor: Keras draws by it as by a generator, and it has no state."""

    def __init__(self, values: Any):
        self.values = values

    def next(self, ordered: bool = True) -> Any:
        """Return the seed."""
        return self.values


class Draws:
    """Random numbers of one step of training, each decided by the seed, the step, and its row and column alone.

    Every replica and every shard of a batch draws the numbers of the whole batch, and takes those of its own rows: a
    batch that is shared has the numbers of one that is not. A step that is repeated has the same ones again.

    Args:
        seed: an integer ≥ 0.
        numbers: int32 tensor `(rows,)`, the numbers of the rows: of row r in step s it is s · batch_size + r.
        batch_size: rows of the whole batch.

    Example:
    >>> numbers = np.arange(4, 8, dtype="int32")  # the second step
    >>> whole, half = Draws(1, numbers, 4).uniform(3), Draws(1, numbers[2:], 4).uniform(3)
    >>> bool(np.all(np.asarray(whole)[2:] == np.asarray(half)))
    True
    """

    def __init__(self, seed: int, numbers: Any, batch_size: int):
        self._seed, self._size, self._draws = seed, batch_size, 0
        self._step = numbers[0] // batch_size
        self.rows = numbers % batch_size

    def uniform(self, columns: int) -> Any:
        """Return float32 numbers in [0, 1), `(rows, columns)`, other ones at each call."""
        return self._drawn(keras.random.uniform, columns)

    def normal(self, columns: int) -> Any:
        """Return float32 numbers of the distribution N(0, 1), `(rows, columns)`, other ones at each call."""
        return self._drawn(keras.random.normal, columns)

    def _drawn(self, function: Any, columns: int) -> Any:
        dtype = "uint32" if keras.backend.backend() == "jax" else "int32"
        first = (self._seed + self._draws * GOLDEN) % 2**31
        self._draws += 1
        seed = ops.stack([ops.convert_to_tensor(first, dtype), ops.cast(self._step, dtype)])
        whole = function((self._size, columns), dtype="float32", seed=_Seed(seed))
        return ops.take(whole, self.rows, axis=0)


def pseudo_likelihoods(machine: RestrictedBoltzmannMachine, visible: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Return Σ log p(vᵢ | the other units) of each example, estimated from some of its bits i: `(examples,)`.

    Args:
        machine: the machine.
        visible: binary array `(examples, visible)`.
        bits: int array `(examples, count)`: which bits; the mean over them is multiplied by the number of units.

    Source: Besag 1975; log σ(F(v with bit i flipped) − F(v)) for each bit, as the tutorials of the LISA lab have it.

    Example:
    >>> machine = RestrictedBoltzmannMachine(np.zeros((3, 2)), np.zeros(3), np.zeros(2))
    >>> bits = np.tile(np.arange(3), (1, 1))
    >>> [round(float(each), 4) for each in pseudo_likelihoods(machine, np.ones((1, 3)), bits)]  # −3 log 2
    [-2.0794]
    """
    visible = visible.astype(machine.kernel.dtype)
    sums = visible @ machine.kernel + machine.hidden_bias
    term = hidden_terms(sums, machine.hidden_bias, machine.hidden_units)
    total = np.zeros(len(visible), machine.kernel.dtype)
    for bit in bits.T:
        change = 1 - 2 * np.take_along_axis(visible, bit[:, None], axis=1)
        flipped = hidden_terms(sums + change * machine.kernel[bit], machine.hidden_bias, machine.hidden_units)
        rise = term - flipped - change[:, 0] * machine.visible_bias[bit]  # of the free energy, when the bit is flipped
        total -= softplus(-rise)
    return total * (visible.shape[1] / bits.shape[1])


def softplus(values: np.ndarray) -> np.ndarray:
    """Return log(1 + exp(values)), of an array of NumPy, without an overflow.

    Example:
    >>> softplus(np.array([-1000.0, 1000.0])).tolist()
    [0.0, 1000.0]
    """
    return np.maximum(values, 0) + np.log1p(np.exp(-np.abs(values)))


def hidden_terms(sums: np.ndarray, hidden_bias: np.ndarray, hidden_units: str) -> np.ndarray:
    """Return what the hidden units add to −F(v), the sum over them: `(…,)`.

    Args:
        sums: array `(…, hidden)`, c + v·W.
        hidden_bias: array `(hidden,)`, c.
        hidden_units: `"binary"` or `"linear"`; the constant ½ log 2π of each linear unit is left out.

    Example:
    >>> hidden_terms(np.ones(2), np.zeros(2), "linear").tolist()
    1.0
    """
    if hidden_units == "binary":
        return softplus(sums).sum(axis=-1)
    return (np.square(sums) - np.square(hidden_bias)).sum(axis=-1) / 2
