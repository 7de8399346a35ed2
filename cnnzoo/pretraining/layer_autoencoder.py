"""One stage: an autoencoder of one layer, which it shares with the model."""

import functools
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from cnnzoo.errors import InputError
from cnnzoo.layers import TiedConv2DTranspose, TiedDense
from cnnzoo.layers.contractive_penalty import penalizes_activations
from cnnzoo.losses import PixelCrossentropy
from cnnzoo.pretraining.activation_cache import StageInputs
from cnnzoo.pretraining.segment import Segment
from cnnzoo.pretraining.stages import Stage

if TYPE_CHECKING:
    from cnnzoo.pretraining.callback import LayerwisePretraining


class LayerAutoencoder(keras.Model):
    """Reconstruct the activations that enter a layer, from the layer's code of them when they are corrupted.

    The loss compares the reconstruction with the activations before corruption.

    Args:
        stage: the layer, and in an autoencoder its decoder pair.
        inputs: what the stage trains on.
        corruption: a layer that is silent at inference, or `None`.
        decoder: what reconstructs the activations from the code; see `decoder_and_loss`.
        shards: number of shards in which a batch is computed, unless activations are penalized; see
            `cnnzoo.distribute.shards_for`.
    """

    def __init__(
        self,
        stage: Stage,
        inputs: StageInputs,
        corruption: keras.layers.Layer | None,
        decoder: "Segment | keras.layers.Layer",
        shards: int = 1,
    ):
        # Each layer casts its own input: the activations, which are the target too, stay as they are.
        super().__init__(name=f"pretraining_{stage.name}", dtype=stage.layer.dtype_policy, autocast=False)
        self.corruption = corruption
        self.trained = list(stage.trained)
        self._shape = inputs.shape
        self._compute = inputs.compute
        self._encode = Segment(stage.inputs, stage.code)
        self.decoder = decoder
        # Penalties are means over the batch, and every shard would add its own.
        operations = [*self._encode.operations, *getattr(decoder, "operations", [])]
        self._shards = 1 if any(map(penalizes_activations, operations)) else shards
        self.built = True

    def call(self, batch, training=None):
        if self._shards == 1:
            targets, reconstruction = self._reconstruct(batch, training, lambda operation: operation)
        else:
            from cnnzoo.distribute.shards import concat_shards, per_shard, split_batch

            targets, reconstruction = self._reconstruct(split_batch(batch, self._shards), training, per_shard)
            targets = batch if self._compute is None else concat_shards(targets)
            reconstruction = concat_shards(reconstruction)
        return {"targets": targets, "reconstruction": reconstruction}

    def _reconstruct(self, batch, training, each):
        """Return activations and reconstruction; `each` turns an operation into one on shards, if these are shards."""
        targets = batch if self._compute is None else each(ops.stop_gradient)(self._compute(batch))
        corrupted = targets
        if self.corruption is not None:
            corrupted = each(functools.partial(self.corruption, training=training))(targets)
        decode = each(self.decoder) if isinstance(self.decoder, keras.layers.Layer) else self.decoder
        reconstruction = decode(self._encode(corrupted))
        return targets, each(lambda images: ops.cast(brought_to_shape(images, self._shape), "float32"))(reconstruction)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(
            x=x,
            y=ops.cast(y_pred["targets"], "float32"),
            y_pred=y_pred["reconstruction"],
            sample_weight=sample_weight,
            training=training,
        )


def decoder_and_loss(
    stage: Stage, shape: tuple[int, ...], in_unit_range: bool, config: "LayerwisePretraining", seed: int
) -> tuple["Segment | keras.layers.Layer", Any]:
    """Return the decoder of a stage's activations from its code, and the loss of the reconstruction.

    Without a loss of the user's, a decoder that ends in a sigmoid gives logits, and the loss is computed from them, so
    that no precision is lost when probabilities come near to 0 or 1.

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
    sigmoid = in_unit_range and (pair is None or pair.sigmoid is not None)
    logits = sigmoid and config.loss is None
    loss = config.loss
    if loss is None:
        loss = PixelCrossentropy(from_logits=True) if sigmoid else keras.losses.MeanSquaredError()
    if pair is not None:
        return Segment(pair.start, pair.end, linear=pair.sigmoid if logits else None), loss
    decoder = _new_decoder(stage.layer, shape, "sigmoid" if sigmoid and not logits else "linear", config.tied, seed)
    decoder.build((None, *stage.code.shape[1:]))
    return decoder, loss


def _new_decoder(layer: Any, shape: tuple[int, ...], activation: str, tied: bool, seed: int) -> keras.layers.Layer:
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise InputError(
            f"the layer {layer.name!r} has its channels first; convolutions can be pretrained only with "
            "data_format='channels_last'"
        )
    common = {"activation": activation, "name": f"{layer.name}_decoder", "dtype": layer.dtype_policy}
    is_dense = isinstance(layer, keras.layers.Dense)
    if tied:
        return (TiedDense if is_dense else TiedConv2DTranspose)(layer, **common)
    common["kernel_initializer"] = keras.initializers.GlorotUniform(seed)
    if is_dense:
        return keras.layers.Dense(shape[-1], **common)
    return keras.layers.Conv2DTranspose(
        shape[-1],
        layer.kernel_size,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        data_format="channels_last",
        **common,
    )


def brought_to_shape(images: Any, shape: tuple[int, ...]) -> Any:
    """Bring a reconstruction to a shape: crop rows and columns at the end, or pad them with 0.

    Args:
        images: float tensor `(batch, …)`.
        shape: the shape of one example to return; other sides than the second and third must agree, or only
            the order of sides may differ, as after a Reshape.

    Example:
    >>> import numpy as np
    >>> brought_to_shape(np.ones((1, 8, 8, 2)), (7, 9, 2)).shape
    TensorShape([1, 7, 9, 2])
    """
    if tuple(images.shape[1:]) == tuple(shape):
        return images
    if len(images.shape) != 4 or len(shape) != 3:
        return ops.reshape(images, (-1, *shape))
    height, width, _ = shape
    bottom, right = max(height - images.shape[1], 0), max(width - images.shape[2], 0)
    return ops.pad(images, [(0, 0), (0, bottom), (0, right), (0, 0)])[:, :height, :width]
