"""One stage: an autoencoder of one layer, which it shares with the model."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from cnnzoo.errors import InputError
from cnnzoo.layers import GaussianCode, KSparse
from cnnzoo.layers.contractive_penalty import SLOPES, squared_norms
from cnnzoo.layers.graph import Subgraph
from cnnzoo.layers.reversible import transposed
from cnnzoo.layers.sparse_codes import dead_unit_error, most_dead_units, silent_steps, silent_variable
from cnnzoo.losses import PixelCrossentropy
from cnnzoo.models.penalties import sparsity_layer
from cnnzoo.pretraining.activation_cache import StageInputs
from cnnzoo.pretraining.segment import Segment
from cnnzoo.pretraining.stages import Stage
from cnnzoo.variational import kl_divergence

if TYPE_CHECKING:
    from cnnzoo.pretraining.callback import LayerwisePretraining


def layer_autoencoder(
    stage: Stage,
    inputs: StageInputs,
    corruption: keras.layers.Layer | None,
    decoder: keras.layers.Layer,
    loss: Any,
    on_code: Sequence[keras.layers.Layer] = (),
) -> keras.Model:
    """Return a model that reconstructs the activations that enter a layer, from the layer's code of them, corrupted.

    It adds its own loss, which compares the reconstruction with the activations before corruption: `fit` takes the
    rows alone.

    Args:
        stage: the layer, and in an autoencoder its decoder pair.
        inputs: what the stage trains on.
        corruption: a layer that is silent at inference, or `None`.
        decoder: what reconstructs the activations from the code; see `decoder_and_loss`.
        loss: a loss of Keras, or its name.
        on_code: layers that the code goes through before it is decoded; see `layers_on_code`.
    """
    rows = keras.Input(inputs.rows.shape, dtype=inputs.rows.dtype)
    activations = rows if inputs.compute is None else inputs.compute(rows)
    corrupted = activations if corruption is None else corruption(activations)
    code = Segment(stage.inputs, stage.code, trained=stage.layers)(corrupted)
    of_dead_units = None
    for layer in on_code:
        if getattr(layer, "dead_weight", 0):
            of_dead_units, codes = DeadUnitLoss(layer, _linear_decoder(stage, decoder), loss), code
            code = sparse = type(layer).from_config({**layer.get_config(), "dead_weight": 0.0})(code)
        else:
            code = layer(code)
    outputs = ReconstructionLoss(loss)([activations, decoder(code)])
    if of_dead_units is not None:
        outputs = of_dead_units([activations, codes, sparse, outputs])
    return keras.Model(rows, outputs, name=f"pretraining_{stage.name}")


def _linear_decoder(stage: Stage, decoder: Any) -> Callable[[Any], Any]:
    """Return the function that decodes codes as the decoder of a dense layer does, without bias and activation."""
    layer = decoder if stage.decoder_pair is None else stage.decoder_pair.layers[0]
    if layer is stage.layer or isinstance(layer, TiedDecoder):
        return lambda codes: transposed(stage.layer, codes)
    return lambda codes: ops.matmul(codes, layer.kernel)


def check_dead_units(stage: Stage) -> None:
    """Check that no layer of the model itself trains dead units in a stage, which runs it as at inference.

    Raises:
        InputError: one does.
    """
    for layer in Subgraph(stage.inputs, stage.code).operations:
        if isinstance(layer, KSparse) and layer.dead_weight:
            raise InputError(
                f"the layer {layer.name!r} trains dead units of {stage.name!r} in a fit alone: build the model with "
                "dead_weight=0 and give `sparsity` with it to LayerwisePretraining, or name the layers to pretrain "
                "without that one, by `layers`"
            )


def layers_on_code(
    stage: Stage, config: "LayerwisePretraining", shape: tuple[int, ...], seed: int
) -> list[keras.layers.Layer]:
    """Return the layers that a code goes through in its stage alone: penalties, sparsity, and a variational code.

    Args:
        stage: the layer.
        config: `sparsity`, `contractive` and `variational`, as `LayerwisePretraining` has them.
        shape: shape of one example's activations that enter the layer.
        seed: seed of the draws of a variational code, and of its initial weights.

    Raises:
        InputError: a layer that these are not for.
    """
    layer = stage.layer
    found: list[keras.layers.Layer] = []
    if not (config.sparsity or config.contractive or config.variational):
        return []
    if not isinstance(layer, keras.layers.Dense) or len(stage.code.shape) != 2 or len(stage.layers) > 1:
        raise InputError(
            f"the layer {stage.name!r} must be a Dense layer of vectors with its own activation for `sparsity`, "
            "`contractive` or `variational`; name the layers to pretrain without it, by `layers`"
        )
    if config.contractive:
        found.append(LayerContraction(layer, config.contractive, dtype=layer.dtype_policy))
    if config.sparsity:
        sparse = sparsity_layer(config.sparsity, layer.units, layer.activation)
        if config.variational and getattr(sparse, "dead_weight", 0):
            raise InputError(
                "`dead_weight` of sparsity 'k-sparse' is for codes that are decoded themselves: leave `variational` out"
            )
        found.append(sparse)
    if config.variational:
        options = {"weight": 1 / math.prod(shape), "seed": seed, "dtype": layer.dtype_policy}
        found.append(VariationalBottleneck(config.variational, layer.units, layer.activation, **options))
    return found


class LayerContraction(keras.layers.Layer):
    """Return the code of a dense layer unchanged, and add weight · mean ‖∂code/∂inputs‖²_F to the loss.

    Args:
        layer: the layer, whose activation is logistic, tanh, ReLU or linear.
        weight: the weight, above 0.
        kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        InputError: the layer has another activation.

    Source: Rifai et al. 2011, eq. 4.
    """

    def __init__(self, layer: Any, weight: float, **kwargs):
        super().__init__(**kwargs)
        if layer.activation not in SLOPES:
            name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
            names = ", ".join(sorted(function.__name__ for function in SLOPES))
            raise InputError(f"`contractive` needs one of the activations {names}; {layer.name!r} has {name}")
        self._layers_of = (lambda: layer,)  # Keras would track the layer itself as a part of this one
        self._weight = weight

    def call(self, codes):
        [layer] = (get() for get in self._layers_of)
        slopes = SLOPES[layer.activation](ops.cast(codes, "float32"))
        self.add_loss(self._weight * ops.mean(squared_norms([layer.kernel], [slopes])))
        return codes


class VariationalBottleneck(keras.layers.Layer):
    """Lead a code through a normal distribution per image, of few units, and back to its own width.

    With the layer and its decoder it makes a variational autoencoder of one hidden layer on either side.

    Args:
        units: units of the distribution.
        width: units of the code.
        activation: their activation.
        weight: factor of the divergence from N(0, 1), added to the loss as a mean over the batch: 1 / pixels beside a
            cross-entropy that is a mean over the pixels.
        seed: seed of initial weights and draws.
        kwargs: the arguments of `keras.layers.Layer`.

    Source: Kingma and Welling 2013.
    """

    def __init__(self, units: int, width: int, activation: Any, *, weight: float, seed: int, **kwargs):
        super().__init__(**kwargs)
        self._weight = weight
        self.code = GaussianCode(units, seed=seed, dtype=self.dtype_policy)
        initializer = keras.initializers.GlorotUniform(seed)
        self.hidden = keras.layers.Dense(
            width, activation, kernel_initializer=initializer, dtype=self.dtype_policy, name="hidden"
        )

    def build(self, input_shape):
        self.code.build(input_shape)
        self.hidden.build((*input_shape[:-1], self.code.units))

    def call(self, codes):
        mean, log_variance = self.code.distribution(codes)
        self.add_loss(self._weight * ops.mean(kl_divergence(mean, log_variance)))
        return self.hidden(self.code.draw(mean, log_variance, self.code.seed_generator))

    def compute_output_shape(self, input_shape):
        return input_shape


class DeadUnitLoss(keras.layers.Layer):
    """Add the loss of units that are never among the k largest to that of a stage, and return the reconstruction.

    Args:
        sparse: a `KSparse` with a `dead_weight`, which says what the loss is.
        decode: decodes codes as a linear map.
        loss: the loss of the stage, which says whether the reconstruction is logits.

    Call arguments:
        tensors: `[targets, codes, sparse, reconstruction]`, float tensors `(batch, …)`: what is reconstructed, the
            codes before and after all but the k largest are set to 0, and the reconstruction from the latter.
        training: whether dead units are counted and trained.

    Source: Gao et al. 2024, appendix A.2.
    """

    computes_over_batch = True  # see `cnnzoo.distribute.set_batch_shards`

    def __init__(self, sparse: Any, decode: Callable[[Any], Any], loss: Any):
        super().__init__(dtype="float32", autocast=False)
        self._weight, self._after, self._units = sparse.dead_weight, sparse.dead_after, sparse.dead_units
        self._decode, self._logits = decode, loss is cross_entropy_of_logits

    def build(self, input_shape):
        self.silent = silent_variable(input_shape[1][-1])

    def call(self, tensors, training=False):
        if training:
            targets, codes, sparse, reconstruction = (ops.cast(values, "float32") for values in tensors)
            rest = targets - (ops.sigmoid(reconstruction) if self._logits else reconstruction)
            most = most_dead_units(self._units, rest.shape[-1])
            dead = self.silent >= self._after
            self.add_loss(self._weight * dead_unit_error(codes, dead, rest, self._decode, most))
            self.silent.assign(silent_steps(self.silent, sparse))
        return tensors[-1]

    def compute_output_shape(self, input_shape):
        return input_shape[-1]


class ReconstructionLoss(keras.layers.Layer):
    """Add the loss of a reconstruction, brought to the shape of what it reconstructs, and return it.

    Args:
        loss: a loss of Keras, or its name.

    Call arguments:
        tensors: `[targets, reconstruction]`, float tensors `(batch, …)`.
    """

    def __init__(self, loss: Any):
        super().__init__(dtype="float32", autocast=False)
        self._loss = keras.losses.get(loss)

    def call(self, tensors):
        targets, reconstruction = (ops.cast(values, "float32") for values in tensors)
        reconstruction = brought_to_shape(reconstruction, targets.shape[1:])
        # Not by a loss' `__call__`, which divides by the number of replicas, as Keras does with what is added here.
        values = getattr(self._loss, "call", self._loss)(targets, reconstruction)
        self.add_loss((ops.sum if getattr(self._loss, "reduction", None) == "sum" else ops.mean)(values))
        return reconstruction


def decoder_and_loss(
    stage: Stage, shape: tuple[int, ...], in_unit_range: bool, config: "LayerwisePretraining", seed: int
) -> tuple[keras.layers.Layer, Any]:
    """Return the decoder of a stage's activations from its code, and the loss of the reconstruction.

    Activations in [0, 1] have the cross-entropy, unless the user gives a loss. A new decoder then gives logits, so that
    no precision is lost when probabilities come near to 0 or 1; of an autoencoder's own decoder Keras finds them,
    except in half precision, where a hidden sigmoid rounds.

    Args:
        stage: the layer, and in an autoencoder its decoder pair.
        shape: shape of one example's activations, without the batch.
        in_unit_range: whether the activations lie in [0, 1].
        config: the loss, if it is the user's, and whether a new decoder uses the transposed kernel of the layer.
        seed: seed of a new decoder's weights.

    Raises:
        InputError: the layer is a convolution with its channels first.
    """
    pair = stage.decoder_pair
    sigmoid = in_unit_range and (pair is None or pair.activation == "sigmoid")
    loss = config.loss
    if loss is None:
        cross_entropy = cross_entropy_of_logits if pair is None else PixelCrossentropy()
        loss = cross_entropy if sigmoid else keras.losses.MeanSquaredError()
    if pair is not None:
        return Segment(pair.start, pair.end, trained=pair.layers), loss
    activation = "sigmoid" if sigmoid and config.loss is not None else "linear"
    return _new_decoder(stage.layer, shape, activation, config.tied, seed), loss


def _new_decoder(layer: Any, shape: tuple[int, ...], activation: str, tied: bool, seed: int) -> keras.layers.Layer:
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise InputError(
            f"the layer {layer.name!r} has its channels first; convolutions can be pretrained only with "
            "data_format='channels_last'"
        )
    if max(getattr(layer, "dilation_rate", (1,))) > 1:
        raise InputError(
            f"the layer {layer.name!r} is dilated, and TensorFlow trains no transposed convolution like that on a CPU; "
            "name the layers to pretrain without it, by `layers`"
        )
    if getattr(layer, "padding", "") == "causal":
        raise InputError(
            f"the layer {layer.name!r} is causal, which has no transpose; name the layers to pretrain without it, by "
            "`layers`"
        )
    if tied and getattr(layer, "groups", 1) > 1:
        raise InputError(f"the layer {layer.name!r} has groups, whose kernel has no transpose: give tied=False")
    common = {"activation": activation, "name": f"{layer.name}_decoder", "dtype": layer.dtype_policy}
    is_dense = isinstance(layer, keras.layers.Dense)
    if tied:
        return TiedDecoder(layer, shape[-1], **common)
    common["kernel_initializer"] = keras.initializers.GlorotUniform(seed)
    if is_dense:
        return keras.layers.Dense(shape[-1], **common)
    kind = keras.layers.Conv1DTranspose if isinstance(layer, keras.layers.Conv1D) else keras.layers.Conv2DTranspose
    return kind(
        shape[-1],
        layer.kernel_size,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        data_format="channels_last",
        **common,
    )


class TiedDecoder(keras.layers.Layer):
    """Apply the transpose of another layer, then a bias of its own and an activation.

    Args:
        layer: a built `keras.layers.Dense`, or a `Conv1D` or `Conv2D` without groups.
        outputs: number of outputs, or of maps.
        activation: name of the activation.
        kwargs: the arguments of `keras.layers.Layer`.

    Source: Vincent et al. 2010, section 2.2 (tied weights).
    """

    def __init__(self, layer: Any, outputs: int, activation: str, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer
        self.activation = keras.activations.get(activation)
        self.bias = self.add_weight(shape=(outputs,), initializer="zeros", name="bias")
        self.built = True

    def call(self, codes):
        return self.activation(transposed(self.layer, codes) + self.bias)


def cross_entropy_of_logits(targets: Any, logits: Any) -> Any:
    """Return the binary cross-entropy of each value, log(1 + eˣ) − t·x for a target t and a logit x.

    Keras' own, from logits, is written in more operations, each of which passes over all values, and that counts where
    a layer is trained alone. The targets need no check in each step: they are looked at once, before training.

    Example:
    >>> float(cross_entropy_of_logits(ops.array([1.0]), ops.array([0.0]))[0]).__round__(3)  # log 2
    0.693
    """
    return ops.softplus(logits) - targets * logits


def brought_to_shape(images: Any, shape: tuple[int, ...]) -> Any:
    """Bring a reconstruction to a shape: crop rows and columns, or steps, at the end, or pad them with 0.

    Args:
        images: float tensor `(batch, …)`, of images, signals or vectors.
        shape: the shape of one example to return; other sides than the second and third must agree, or only
            the order of sides may differ, as after a Reshape.

    Example:
    >>> import numpy as np
    >>> brought_to_shape(np.ones((1, 8, 8, 2)), (7, 9, 2)).shape
    TensorShape([1, 7, 9, 2])
    """
    if tuple(images.shape[1:]) == tuple(shape):
        return images
    have, sides = images.shape[1:-1], shape[:-1]
    signals = len(have) == len(sides) == 1 and images.shape[-1] == shape[-1]
    if not signals and not len(have) == len(sides) == 2:
        return ops.reshape(images, (-1, *shape))
    missing = [(0, max(side - own, 0)) for side, own in zip(sides, have, strict=True)]
    padded = ops.pad(images, [(0, 0), *missing, (0, 0)])
    return padded[(slice(None), *map(slice, sides))]
