"""The step of contrastive divergence, as a layer that adds its loss."""

from typing import Any

import keras
from keras import ops

from cnnzoo.boltzmann import Draws


class ContrastiveDivergence(keras.layers.Layer):
    """Train a dense layer as the hidden units of a restricted Boltzmann machine, and return their reconstruction.

    The slope of what is added to the loss is that of ⟨E(v, h)⟩ of the data minus ⟨E(v, h)⟩ of a chain that Gibbs
    sampling has led away from them, by which the weights change as ⟨vh⟩₀ − ⟨vh⟩ₖ. Its value is the squared error of
    the reconstruction, summed over the visible units: contrastive divergence follows no function's slope, and that
    is what it is watched by.

    In both terms the hidden units have their probabilities, or of linear ones their means; drawn they only lead the
    chain on. Its visible units are drawn, too, but for those that the chain ends with, which are probabilities unless
    `sample_visible`.

    Args:
        layer: the built dense layer whose kernel and bias are W and c.
        hidden_units: `"binary"`, where its activation is logistic, or `"linear"`.
        visible_bias: the variable that is b, `None` for one that the layer makes, or `False` for none.
        gibbs_steps: k, steps of the chain; ≥ 1.
        persistent: whether the chain goes on where the last step of training left it, and not from the data.
        sample_visible: whether the chain ends with visible units that are drawn.
        seed: seed of the draws; an integer ≥ 0.
        batch_size: rows of a whole batch.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        tensors: `[visible, numbers]`: float tensor `(rows, visible)` from 0 to 1; int32 tensor `(rows,)`, the numbers
            of the rows, as `cnnzoo.boltzmann.Draws` takes them.

    Returns:
        Float tensor `(rows, visible)`: p(v = 1 | h) after one step from the data.

    Source: Hinton 2002; Hinton and Salakhutdinov 2006, by its program; Tieleman 2008 (persistent chains).
    """

    def __init__(
        self,
        layer: Any,
        hidden_units: str,
        visible_bias: Any = None,
        *,
        gibbs_steps: int,
        persistent: bool,
        sample_visible: bool,
        seed: int,
        batch_size: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.layer, self.hidden_units = layer, hidden_units
        self._gibbs_steps, self._sample_visible = gibbs_steps, sample_visible
        self._seed, self._batch_size = seed, batch_size
        width = layer.kernel.shape[0]
        if visible_bias is None:
            visible_bias = self.add_weight(shape=(width,), initializer="zeros", name="visible_bias")
        self.visible_bias = None if visible_bias is False else visible_bias
        self._chain: Any = None
        if persistent:  # each replica has its own, of which it changes its own rows alone
            shape = (batch_size, width)
            options = {"aggregation": "mean", "synchronization": "on_read", "trainable": False}
            self._chain = keras.Variable("zeros", shape=shape, dtype="float32", name="chain", **options)
        self.built = True

    def call(self, tensors):
        visible, numbers = tensors
        draws = Draws(self._seed, numbers, self._batch_size)
        sums = self._hidden_sums(visible)
        chain, reconstruction = map(ops.stop_gradient, self._gibbs(sums, draws))
        slope = self._energy(visible, sums) - self._energy(chain, self._hidden_sums(chain))
        error = ops.sum(ops.square(_single(visible) - reconstruction), axis=-1)
        self.add_loss(ops.mean(ops.stop_gradient(error - slope) + slope))
        return reconstruction

    def _gibbs(self, sums: Any, draws: Draws) -> tuple[Any, Any]:
        """Return the visible units that the chain ends with, and the reconstruction of the data."""
        start, reconstruction = None, None
        if self._chain is not None:
            reconstruction = self._visible(self._mean(sums))
            start = _single(ops.take(self._chain, draws.rows, axis=0))
            sums = self._hidden_sums(start)
        for step in range(1, self._gibbs_steps + 1):
            probabilities = chain = self._visible(self._hidden(sums, draws))
            if reconstruction is None:
                reconstruction = probabilities
            if step < self._gibbs_steps or self._sample_visible:
                chain = self._drawn(probabilities, draws)
            sums = self._hidden_sums(chain) if step < self._gibbs_steps else None
        if start is not None:
            self._chain.assign_add(ops.scatter(draws.rows[:, None], chain - start, self._chain.shape))
        return chain, reconstruction

    def _hidden_sums(self, visible: Any) -> Any:
        """Return c + v·W, in single precision at least."""
        sums = ops.matmul(ops.cast(visible, self.compute_dtype), self.layer.kernel)
        return _single(sums if self.layer.bias is None else sums + self.layer.bias)

    def _mean(self, sums: Any) -> Any:
        return ops.sigmoid(sums) if self.hidden_units == "binary" else sums

    def _hidden(self, sums: Any, draws: Draws) -> Any:
        """Draw the hidden units."""
        if self.hidden_units == "binary":
            return self._drawn(ops.sigmoid(sums), draws)
        return sums + ops.cast(draws.normal(sums.shape[-1]), sums.dtype)

    def _visible(self, hidden: Any) -> Any:
        """Return p(v = 1 | h), in single precision at least."""
        sums = ops.matmul(ops.cast(hidden, self.compute_dtype), ops.transpose(self.layer.kernel))
        return ops.sigmoid(_single(sums if self.visible_bias is None else sums + self.visible_bias))

    def _drawn(self, probabilities: Any, draws: Draws) -> Any:
        return ops.cast(draws.uniform(probabilities.shape[-1]) < probabilities, probabilities.dtype)

    def _energy(self, visible: Any, sums: Any) -> Any:
        """Return a number for each row whose slope is that of E(v, h), h being the hidden units' mean."""
        hidden = ops.stop_gradient(self._mean(sums))
        energy = -ops.sum(hidden * sums, axis=-1)
        if self.visible_bias is not None:
            energy -= ops.sum(_single(visible) * _single(self.visible_bias), axis=-1)
        return energy


def _single(values: Any) -> Any:
    return values if keras.backend.standardize_dtype(values.dtype) == "float64" else ops.cast(values, "float32")
