"""One stage: a restricted Boltzmann machine of one layer, whose kernel and bias are the layer's own."""

from typing import Any

import keras
from keras import ops

from cnnzoo.boltzmann import RestrictedBoltzmannMachine
from cnnzoo.errors import InputError
from cnnzoo.pretraining.activation_cache import StageInputs
from cnnzoo.pretraining.contrastive_divergence import ContrastiveDivergence
from cnnzoo.pretraining.stages import RESHAPING, Stage

LEAVE_OUT = "name the layers to pretrain without it, by `layers`"


def hidden_units_of(stage: Stage) -> str:
    """Return which hidden units a stage's layer is trained as: `"binary"` or `"linear"`, as its activation says.

    Raises:
        InputError: the layer cannot be trained as a restricted Boltzmann machine, or not at its place in the stack.
    """
    layer, what = stage.layer, f"the layer {stage.name!r}"
    if not isinstance(layer, keras.layers.Dense):
        raise InputError(f"{what} is a {type(layer).__name__}, and method='rbm' trains Dense layers alone; {LEAVE_OUT}")
    if len(stage.inputs.shape) != 2:
        shape = tuple(stage.inputs.shape[1:])
        raise InputError(f"{what} takes values of shape {shape}, and method='rbm' is for those of vectors; {LEAVE_OUT}")
    if stage.in_unit_range is False:
        raise InputError(
            f"{what} takes values that need not lie in [0, 1], as the visible units of method='rbm' must: what comes "
            "before it is not logistic. A linear layer can only be the last one of a stack, as in the paper"
        )
    names = _nonlinear([layer.activation, *stage.layers[1:]])
    if names not in ([], ["sigmoid"]):
        raise InputError(
            f"{what} has the activation {' and '.join(names)}; method='rbm' trains 'sigmoid' layers as binary hidden "
            f"units, and 'linear' ones as linear; {LEAVE_OUT}"
        )
    pair = stage.decoder_pair
    if pair is not None:
        decoder = pair.layers[0]
        activation = decoder.reverse_activation if decoder is layer else getattr(decoder, "activation", None)
        if not isinstance(decoder, keras.layers.Dense) or _nonlinear([activation, *pair.layers[1:]]) != ["sigmoid"]:
            raise InputError(
                f"the layer {decoder.name!r}, which decodes the output of {stage.name!r}, must be dense and end in a "
                "'sigmoid' for method='rbm', whose visible units are binary"
            )
    return "binary" if names else "linear"


def _nonlinear(activations: list[Any]) -> list[str]:
    """Return the names of activations, functions or layers, that are not linear."""
    names = []
    for each in activations:
        function = getattr(each, "activation", each) if isinstance(each, keras.layers.Activation) else each
        if not isinstance(each, RESHAPING) and function not in (None, keras.activations.linear):
            names.append(getattr(function, "__name__", type(function).__name__))
    return names


def layer_machine(stage: Stage, inputs: StageInputs, options: dict[str, Any], seed: int) -> keras.Model:
    """Return a model that trains a layer by contrastive divergence, which adds its own loss.

    Its inputs are `[rows, numbers]`: what the stage trains on, and int32 numbers `(batch,)` of the rows.

    Args:
        stage: the layer, and in an autoencoder its decoder pair.
        inputs: what the stage trains on.
        options: those of `ContrastiveDivergence`, from `gibbs_steps` to `batch_size`, without the seed.
        seed: seed of the draws.
    """
    rows = keras.Input(inputs.rows.shape, dtype=inputs.rows.dtype)
    numbers = keras.Input((), dtype="int32")
    visible = rows if inputs.compute is None else inputs.compute(rows)
    step = ContrastiveDivergence(
        stage.layer,
        hidden_units_of(stage),
        _visible_bias(stage),
        seed=seed,
        dtype=stage.layer.dtype_policy,
        name=f"{stage.name}_machine",
        **options,
    )
    return keras.Model((rows, numbers), step([visible, numbers]), name=f"pretraining_{stage.name}")


def _visible_bias(stage: Stage) -> Any:
    """Return the variable that the decoder pair has for it, `None` for a new one, or `False` where a pair has none."""
    if stage.decoder_pair is None:
        return None
    decoder = stage.decoder_pair.layers[0]
    bias = decoder.reverse_bias if decoder is stage.layer else decoder.bias
    return False if bias is None else bias


def unroll(stage: Stage) -> None:
    """Give the decoder pair of a trained stage the transposed kernel, unless it is tied or frozen."""
    decoder = stage.decoder_pair.layers[0] if stage.decoder_pair else stage.layer
    if decoder is not stage.layer and decoder.trainable:
        decoder.kernel.assign(ops.transpose(ops.convert_to_tensor(stage.layer.kernel)))


def machine_of(stage: Stage, visible_bias: Any) -> RestrictedBoltzmannMachine:
    """Return the machine that a stage's layer was trained as, as arrays.

    Args:
        stage: the stage, trained.
        visible_bias: array `(visible,)`.
    """
    kernel = _array(stage.layer.kernel)
    hidden_bias = ops.zeros(kernel.shape[1]) if stage.layer.bias is None else stage.layer.bias
    return RestrictedBoltzmannMachine(kernel, _array(visible_bias), _array(hidden_bias), hidden_units_of(stage))


def _array(values: Any) -> Any:
    return ops.convert_to_numpy(values).astype("float32").copy()
