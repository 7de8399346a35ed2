"""The Keras model of a variational autoencoder, which is trained on a bound of the likelihood."""

import functools
import inspect
from typing import Any

import keras
from keras import ops

from cnnzoo.errors import InputError
from cnnzoo.layers.gaussian_code import GaussianCode  # not by the package, which may be about to import Keras
from cnnzoo.layers.gaussian_scale import GaussianScale
from cnnzoo.layers.graph import Subgraph, calls
from cnnzoo.targets import images_like, weights_like, zero_if_pixels
from cnnzoo.variational import importance_weighted_bound, kl_divergence, log_bernoulli, log_normal

EVALUATION_SEED = 0  # of the draws in an evaluation, the same ones in every batch, so that it can be repeated


@keras.saving.register_keras_serializable(package="cnnzoo")
class VariationalAutoencoder(keras.Model):
    """A functional model from images to the reconstructions of their codes' means, trained on a bound in nats.

    It is what `cnnzoo.variational_autoencoder` returns. Its layer `code` is a `GaussianCode`; a decoder of normal
    distributions has a `GaussianScale` before its last layer, one of binary pixels ends in a sigmoid. It is compiled
    with an `EvidenceLowerBound`. `fit` and `evaluate` draw codes; the draws of an evaluation are the same at each time.

    Two more metrics are in each log: `reconstruction`, −log p(image | code) in the mean over the draws, and `kl`, that
    of the code's distribution from N(0, 1). The metrics of `compile` are those of the reconstructed means, and are
    computed in evaluations alone: in training a second pass of the decoder would be needed.

    Raises:
        InputError: compiled with another loss, or pixels outside of 0 to 1 for a decoder of binary pixels.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._of_reconstruction = keras.metrics.Mean(name="reconstruction")
        self._of_kl = keras.metrics.Mean(name="kl")
        self._beta = 1.0  # the part of the loss' beta that holds in this epoch
        self._evaluates = True

    @functools.cached_property
    def _parts(self) -> tuple[Subgraph, GaussianCode, Subgraph]:
        """The encoder up to the code, the code, and the decoder up to the last layer, whose activation is left out."""
        graph = calls(self)
        code = next((call for call in graph if isinstance(call.layer, GaussianCode)), None)
        if code is None:
            raise InputError(f"{self.name} has no layer GaussianCode, whose distribution its loss needs")
        encoder = Subgraph(self.inputs[0], code.inputs[0])
        return encoder, code.layer, Subgraph(code.outputs[0], graph[-1].inputs[0])

    @functools.cached_property
    def _scale(self) -> GaussianScale | None:
        return next((layer for layer in self.layers if isinstance(layer, GaussianScale)), None)

    @property
    def takes_binary_pixels(self) -> bool:
        """Whether the decoder gives probabilities of binary pixels, and not means of normal distributions."""
        return self._scale is None

    def distribution(self, images: Any) -> tuple[Any, Any]:
        """Return mean and logarithm of the variance of the codes of images: tensors `(batch, units)` each.

        Args:
            images: tensor `(batch, …)`, as the model takes them.
        """
        encoder, code, _ = self._parts
        return code.distribution(encoder.run(images))

    def log_likelihood(self, images: Any, codes: Any) -> Any:
        """Return log p(image | code), in nats, for several codes of each image.

        Args:
            images: tensor `(batch, …)`, of the shape of the model's outputs.
            codes: tensor `(samples, batch, units)`.

        Returns:
            Tensor `(samples, batch)`, in single precision at least.
        """
        samples, units = codes.shape[0], codes.shape[-1]
        decoded = self._parts[2].run(ops.reshape(codes, (-1, units)))
        values = ops.reshape(ops.cast(decoded, codes.dtype), (samples, -1, _size(decoded)))
        pixels = ops.reshape(ops.cast(images, codes.dtype), (-1, _size(decoded)))
        if self._scale is None:
            return log_bernoulli(pixels, values)
        return log_normal(pixels, values, 2 * ops.cast(self._scale.log_scale, codes.dtype))

    def log_weights(self, images: Any, distribution: tuple[Any, Any], codes: Any) -> Any:
        """Return log p(image, code) − log q(code | image), for several codes of each image: `(samples, batch)`.

        Args:
            images: tensor `(batch, …)`.
            distribution: what `distribution` returned for them.
            codes: tensor `(samples, batch, units)`, drawn from it.
        """
        return self.log_likelihood(images, codes) + log_normal(codes) - log_normal(codes, *distribution)

    @functools.wraps(keras.Model.fit)
    def fit(self, *args, **kwargs):
        given = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs)
        if getattr(self.loss, "warmup", 0):
            callbacks = given.arguments.get("callbacks") or []
            if isinstance(callbacks, keras.callbacks.CallbackList):
                callbacks.append(_Warmup())
            else:
                given.arguments["callbacks"] = [_Warmup(), *keras.tree.flatten(callbacks)]
        return super().fit(*given.args[1:], **given.kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = self.loss
        from cnnzoo.losses import EvidenceLowerBound  # which may be about to import Keras, and with it this module

        if not isinstance(loss, EvidenceLowerBound):
            raise InputError(
                f"{self.name} is trained on a bound: compile it with cnnzoo.losses.EvidenceLowerBound(). Received: "
                f"loss={loss!r}"
            )
        if y is None:
            raise InputError(f"{self.name} reconstructs its input: call fit(images, images)")
        self._evaluates = not training
        mean, log_variance = self.distribution(x)
        y = images_like(ops.cast(y, mean.dtype), y_pred, loss.name)
        seed = self._parts[1].seed_generator if training else EVALUATION_SEED
        codes = self._parts[1].draw(mean, log_variance, seed, loss.samples)

        log_likelihood = self.log_likelihood(y, codes)
        reconstruction, kl = -ops.mean(log_likelihood, axis=0), kl_divergence(mean, log_variance)
        if loss.samples > 1:
            log_weights = log_likelihood + log_normal(codes) - log_normal(codes, mean, log_variance)
            values = -importance_weighted_bound(log_weights)
        else:
            beta = loss.beta * (self._beta if training else 1.0)
            values = reconstruction + beta * kl
        if self.takes_binary_pixels:
            values = values + zero_if_pixels(y, loss.name)

        for tracker, each in ((self._of_reconstruction, reconstruction), (self._of_kl, kl)):
            tracker.update_state(ops.stop_gradient(each))
        if sample_weight is not None:
            sample_weight = weights_like(sample_weight, values[:, None], values.dtype)
        reduced = _Reduced(loss.reduction)
        penalties = [reduced(0.0, ops.reshape(penalty, (1,))) for penalty in self.losses]
        return sum(penalties, reduced(0.0, values, sample_weight))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred, sample_weight) if self._evaluates else self.get_metrics_result()

    def get_metrics_result(self):
        if self._evaluates:
            return super().get_metrics_result()
        names = ("loss", self._of_reconstruction.name, self._of_kl.name)
        return {metric.name: metric.result() for metric in self.metrics if metric.name in names}


class _Reduced(keras.losses.Loss):
    """Average values that are there already, as Keras does: with weights, and over the replicas of a strategy."""

    def __init__(self, reduction: str):
        super().__init__(name="reduced", reduction=reduction)

    def call(self, y_true, y_pred):
        return y_pred


class _Warmup(keras.callbacks.Callback):
    """Let the weight of the KL rise over the first epochs; the step is compiled anew with each weight."""

    def on_epoch_begin(self, epoch, logs=None):
        part = min(1.0, epoch / self.model.loss.warmup)
        if part != self.model._beta or epoch == 0:
            self.model._beta = part
            self.model.make_train_function(force=True)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["beta"] = self.model.loss.beta * self.model._beta

    def on_train_end(self, logs=None):
        self.model._beta = 1.0
        self.model.train_function = None


def _size(images: Any) -> int:
    size = 1
    for side in images.shape[1:]:
        size *= side
    return size
