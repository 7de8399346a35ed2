"""One stage: a shallow autoencoder that shares a layer of the model."""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from cnnzoo.errors import InputError
from cnnzoo.layers import TiedConv2DTranspose, TiedDense
from cnnzoo.layers.contractive_penalty import penalises_activations
from cnnzoo.losses import PixelCrossentropy
from cnnzoo.pretraining.graph import Segment
from cnnzoo.pretraining.stages import Stage


class LayerAutoencoder(keras.Model):
    """Learn to reconstruct the codes that enter a layer, from what the layer makes of them when corrupted.

    The loss compares the reconstruction with the clean codes. It is computed from logits where the
    decoder ends in a sigmoid, so that no precision is lost when probabilities come near to 0 or 1.

    Args:
        stage: the layer, and in an autoencoder its mirror.
        shape: shape of one example's codes, without the batch.
        below: what computes the codes of the batches that come in, or `None` if the codes themselves come in.
        corruption: a layer that is silent at inference, or `None`.
        unit: whether the codes lie in [0, 1].
        own_loss: whether a loss of the user's is compiled, which gets the reconstruction instead of its logits.
        tied: whether a made decoder uses the transposed kernel of the layer.
        seed: seed of a made decoder's weights.
        slices: in how many slices, side by side, a batch goes through, unless activations are penalised; see
            `cnnzoo.distribute.shards_for`.
    """

    def __init__(
        self,
        stage: Stage,
        shape: tuple[int, ...],
        *,
        below: Callable[[Any], Any] | None,
        corruption: keras.layers.Layer | None,
        unit: bool,
        own_loss: bool,
        tied: bool,
        seed: int,
        slices: int = 1,
    ):
        # Each layer casts its own input: the codes, which are the target too, stay as they are.
        super().__init__(name=f"pretraining_{stage.name}", dtype=stage.layer.dtype_policy, autocast=False)
        self.corruption = corruption
        self.trained = list(stage.trained)
        self._shape_of_codes = shape
        self._below = below
        self._encode = Segment(stage.codes, stage.hidden)
        sigmoid = unit and (stage.mirror is None or stage.mirror.sigmoid is not None)
        self.gives_logits = sigmoid and not own_loss
        if stage.mirror is not None:
            self._decode: Any = Segment(
                stage.mirror.start, stage.mirror.end, linear=stage.mirror.sigmoid if self.gives_logits else None
            )
        else:
            activation = "sigmoid" if sigmoid and own_loss else "linear"
            self._decode = self.decoder = _decoder(stage.layer, shape, activation, tied, seed)
            self.decoder.build((None, *stage.hidden.shape[1:]))
        # Penalties are means over the batch, and every slice would add its own.
        run = [*self._encode.operations, *getattr(self._decode, "operations", [])]
        self._slices = 1 if any(map(penalises_activations, run)) else slices
        self.built = True

    def call(self, batch, training=None):
        if self._slices == 1:
            codes, reconstruction = self._reconstructed(batch, training, lambda operation: operation)
        else:
            from cnnzoo.distribute.slices import cut, joined, side_by_side

            codes, reconstruction = self._reconstructed(cut(batch, self._slices), training, side_by_side)
            codes = batch if self._below is None else joined(codes)
            reconstruction = joined(reconstruction)
        return {"codes": codes, "reconstruction": reconstruction}

    def _reconstructed(self, batch, training, each):
        """Return codes and reconstruction; `each` makes of an operation what it is on slices, if these are slices."""
        codes = batch if self._below is None else each(ops.stop_gradient)(self._below(batch))
        corrupted = codes
        if self.corruption is not None:
            corrupted = each(functools.partial(self.corruption, training=training))(codes)
        decode = each(self._decode) if isinstance(self._decode, keras.layers.Layer) else self._decode
        reconstruction = decode(self._encode(corrupted))
        return codes, each(lambda images: ops.cast(fitted(images, self._shape_of_codes), "float32"))(reconstruction)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(
            x=x,
            y=ops.cast(y_pred["codes"], "float32"),
            y_pred=y_pred["reconstruction"],
            sample_weight=sample_weight,
            training=training,
        )

    def default_loss(self) -> keras.losses.Loss:
        if self.gives_logits:
            return PixelCrossentropy(from_logits=True)
        return keras.losses.MeanSquaredError()


def _decoder(layer: Any, shape: tuple[int, ...], activation: str, tied: bool, seed: int) -> keras.layers.Layer:
    common: dict[str, Any] = {
        "activation": activation,
        "name": f"{layer.name}_decoder",
        "dtype": layer.dtype_policy,
    }
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise InputError(
            f"the layer {layer.name!r} has its channels first; what can be pretrained are convolutions whose "
            "channels come last"
        )
    if tied:
        kind = TiedDense if isinstance(layer, keras.layers.Dense) else TiedConv2DTranspose
        return kind(layer, **common)
    common["kernel_initializer"] = keras.initializers.GlorotUniform(seed)
    if isinstance(layer, keras.layers.Dense):
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


def fitted(images: Any, shape: tuple[int, ...]) -> Any:
    """Bring a reconstruction to a shape: cut off what hangs over, or fill the pixels that no window saw with 0.

    Args:
        images: float tensor `(batch, …)`.
        shape: what one example shall have; other sides than the second and third must agree, or only
            the order of sides may differ, as after a Reshape.

    Example:
    >>> import numpy as np
    >>> fitted(np.ones((1, 8, 8, 2)), (7, 9, 2)).shape
    TensorShape([1, 7, 9, 2])
    """
    if tuple(images.shape[1:]) == tuple(shape):
        return images
    if len(images.shape) != 4 or len(shape) != 3:
        return ops.reshape(images, (-1, *shape))
    height, width, _ = shape
    down, right = max(height - images.shape[1], 0), max(width - images.shape[2], 0)
    return ops.pad(images, [(0, 0), (0, down), (0, right), (0, 0)])[:, :height, :width]
