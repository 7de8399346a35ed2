"""Codes of which only the largest activations are kept: of each image, or of each unit."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from cnnzoo.checks import flag, integer, number, refusal
from cnnzoo.errors import InputError
from cnnzoo.keras_internals import Call, call_of
from cnnzoo.layers.reversible import ReversibleDense, transposed

LOWEST = -1e30


@keras.saving.register_keras_serializable(package="cnnzoo")
class KSparse(keras.layers.Layer):
    """Keep the k largest activations of each image, and set all others to 0.

    With a `dead_weight` it also trains units that are never among the k: in a tied autoencoder of one layer, the
    largest activations among those dead units reconstruct what the reconstruction has left over, as a linear map,
    and their squared error, divided by the mean square of that rest, is added to the loss. It changes the weights of
    dead units alone. A unit is dead that no image of the last `dead_after` steps has kept; with several replicas each
    has its own images, and the counts are averaged.

    Args:
        k: activations to keep; at least 1 and at most the units.
        alpha: at inference alpha · k are kept, at least 1.
        dead_weight: factor of the loss of dead units, at least 0; 1/32 in Gao et al. 2024.
        dead_after: steps after which a unit is dead, at least 1.
        dead_units: how many dead units reconstruct the rest, at least 1; `None` for as many as half of the input.
        output_activation: the activation of the reconstruction, for the loss of dead units.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        values: float tensor `(batch, units)`; with a `dead_weight` two tensors of a graph, `[inputs, codes]`: what
            enters a `ReversibleDense`, and what it returns.
        training: whether dead units are counted and trained, and k and not alpha · k are kept.

    Returns:
        Float tensor `(batch, units)`.

    Raises:
        InputError: an argument is out of range, k is above the units, or with a `dead_weight` the inputs are missing
            or the codes are not of a `ReversibleDense`.

    Source: Makhzani and Frey, "k-Sparse Autoencoders", 2013; Gao et al., "Scaling and Evaluating Sparse Autoencoders",
        2024, appendix A.2 (dead units).

    Example:
    >>> import numpy as np
    >>> np.asarray(KSparse(2)(np.array([[3.0, -1.0, 2.0, 1.0]], "float32"))).tolist()
    [[3.0, 0.0, 2.0, 0.0]]
    """

    computes_over_batch = True  # see `cnnzoo.distribute.set_batch_shards`

    def __init__(
        self,
        k: int,
        alpha: float = 1.0,
        dead_weight: float = 0.0,
        dead_after: int = 100,
        dead_units: int | None = None,
        output_activation: Any = "linear",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.k = integer("k", k)
        self.alpha = number("alpha", alpha, 1)
        self.dead_weight = number("dead_weight", dead_weight, 0)
        self.dead_after = integer("dead_after", dead_after)
        self.dead_units = integer("dead_units", dead_units, or_none="half of the input")
        self.output_activation = keras.activations.get(output_activation)
        self._code_call: Call | None = None

    def compute_output_spec(self, values, training=False):
        *inputs, codes = keras.tree.flatten(values)
        if self.dead_weight and not inputs:
            raise InputError(
                f"{self.name} trains dead units (dead_weight={self.dead_weight}), which needs what enters the layer of "
                "the codes, too: call it with [inputs, codes], as in a tied autoencoder"
            )
        if self.dead_weight and self._code_call is None:
            call = call_of(codes)
            if call is None or not isinstance(call.layer, ReversibleDense):
                raise InputError(f"dead units of {self.name} must be those of a ReversibleDense, in a tied autoencoder")
            self._code_call = call
        return keras.KerasTensor(codes.shape, dtype=self.compute_dtype)

    def build(self, input_shape):
        shape = _shape_of_codes(input_shape)
        if self.k > shape[-1]:
            raise refusal("k", f"at most {shape[-1]}, the number of units", self.k)
        if self.dead_weight:
            self.silent = silent_variable(shape[-1])

    def call(self, values, training=False):
        *inputs, codes = keras.tree.flatten(values)
        units = codes.shape[-1]
        kept = _largest(codes, self.k if training else min(units, max(1, round(self.alpha * self.k))))
        sparse = ops.where(kept, codes, ops.zeros_like(codes))
        if training and self.dead_weight and inputs:
            self._train_dead_units(inputs[0], codes, sparse)
        return sparse

    def _train_dead_units(self, inputs: Any, codes: Any, sparse: Any) -> None:
        layer = self._code_call.layer  # type: ignore[union-attr]
        sums = transposed(layer, sparse)
        if layer.reverse_bias is not None:
            sums += layer.reverse_bias
        rest = ops.cast(inputs, "float32") - ops.cast(self.output_activation(sums), "float32")
        dead = self.silent >= self.dead_after
        most = most_dead_units(self.dead_units, rest.shape[-1])
        error = dead_unit_error(codes, dead, rest, lambda revived: transposed(layer, revived), most)
        self.add_loss(self.dead_weight * error)
        self.silent.assign(silent_steps(self.silent, sparse))

    def compute_output_shape(self, input_shape):
        return _shape_of_codes(input_shape)

    def get_config(self):
        names = ("k", "alpha", "dead_weight", "dead_after", "dead_units")
        activation = keras.activations.serialize(self.output_activation)
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "output_activation": activation,
        }


def dead_unit_error(codes: Any, dead: Any, rest: Any, decode: Callable[[Any], Any], most: int) -> Any:
    """Return how much dead units leave of what a reconstruction has left over; 0 where no unit is dead.

    Args:
        codes: float tensor `(batch, units)`, before any was set to 0.
        dead: bool tensor `(units,)`.
        rest: float32 tensor `(batch, values)`, the inputs minus their reconstruction; no gradient goes through it.
        decode: decodes codes as a linear map.
        most: how many dead units of an image, its largest ones, are decoded.

    Returns:
        A float32 number: the mean square of rest − decode(largest dead units), over that of the rest.

    Source: Gao et al. 2024, appendix A.2.
    """
    rest = ops.stop_gradient(rest)
    dead = ops.broadcast_to(dead, ops.shape(codes))
    candidates = ops.where(dead, codes, ops.full_like(codes, LOWEST))
    largest = _largest(candidates, min(most, codes.shape[-1]))
    revived = ops.where(ops.logical_and(dead, largest), codes, ops.zeros_like(codes))
    error = ops.mean(ops.square(rest - ops.cast(decode(revived), "float32")))
    error /= ops.mean(ops.square(rest)) + keras.config.epsilon()
    return ops.where(ops.any(dead), error, ops.zeros_like(error))


def most_dead_units(given: int | None, values: int) -> int:
    """Return how many dead units reconstruct the rest: as many as are given, or as half of the values of the input."""
    return given or max(1, values // 2)


def silent_steps(silent: Any, sparse: Any) -> Any:
    """Return since how many steps each unit has been 0 for all images, after one more.

    Args:
        silent: float tensor or variable `(units,)`, the number before.
        sparse: float tensor `(batch, units)`, the codes of this step.
    """
    silent, fired = ops.convert_to_tensor(silent), ops.any(ops.not_equal(sparse, 0), axis=0)
    return ops.where(fired, ops.zeros_like(silent), silent + 1)


def silent_variable(units: int) -> keras.Variable:
    """Return a variable for `silent_steps`, of which each replica has its own."""
    options = {"aggregation": "mean", "synchronization": "on_read", "trainable": False, "autocast": False}
    return keras.Variable("zeros", shape=(units,), dtype="float32", name="silent", **options)


def _shape_of_codes(shape: Any) -> tuple:
    """Return the shape of the last of several inputs, or of the only one."""
    return tuple(shape[-1]) if isinstance(shape[-1], list | tuple) else tuple(shape)


def _largest(codes: Any, k: int) -> Any:
    """Return where the k largest values of each row are; with equal ones there are more."""
    return codes >= ops.top_k(codes, k)[0][..., -1:]


@keras.saving.register_keras_serializable(package="cnnzoo")
class WinnerTakeAll(keras.layers.Layer):
    """Keep of each unit its largest activations in the batch (lifetime), or of each map its largest one (spatial).

    All others are set to 0, in training only: at inference all activations are kept. With several replicas a batch is
    that of each.

    Args:
        rate: the fraction of the batch that each unit keeps, above 0 and up to 1; at least one activation. Of maps
            with `spatial` it is the fraction of the winners of each map.
        spatial: whether a map keeps one activation of each image, its largest.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        values: float tensor `(batch, …, units)`.
        training: whether to set values to 0.

    Returns:
        Float tensor of the same shape.

    Raises:
        InputError: `rate` is out of range, or `spatial` is given for vectors.

    Source: Makhzani and Frey, "Winner-Take-All Autoencoders", NeurIPS 2015.

    Example:
    >>> import numpy as np
    >>> values = np.array([[1.0, 4.0], [2.0, 3.0]], "float32")
    >>> np.asarray(WinnerTakeAll(0.5)(values, training=True)).tolist()
    [[0.0, 4.0], [2.0, 0.0]]
    """

    computes_over_batch = True  # see `cnnzoo.distribute.set_batch_shards`

    def __init__(self, rate: float = 0.05, spatial: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.rate = number("rate", rate, 0, 1, above=0)
        self.spatial = flag("spatial", spatial)
        self.built = True

    def call(self, values, training=False):
        positions = tuple(range(1, len(values.shape) - 1))
        if self.spatial and not positions:
            raise refusal("values", "maps (batch, …, maps) for spatial=True", tuple(values.shape))
        if not training:
            return values
        kept, strengths = values, values
        if self.spatial:
            strengths = ops.max(values, axis=positions, keepdims=True)
            kept = ops.where(values >= strengths, values, ops.zeros_like(values))
        if self.rate == 1:
            return kept
        rows = ops.sort(ops.reshape(strengths, (-1, values.shape[-1])), axis=0)
        count = ops.shape(rows)[0]
        winners = ops.cast(ops.floor(ops.cast(count, "float32") * self.rate + 0.5), "int32")
        least = ops.take(rows, count - ops.maximum(winners, 1), axis=0)
        return ops.where(strengths >= least, kept, ops.zeros_like(kept))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "spatial": self.spatial}
