"""The likelihood of images under a variational autoencoder, and which units of its code it uses."""

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnzoo import checks
from cnnzoo.analysis.reconstruction.linear_codes import checked_shape, peak_of, pixels
from cnnzoo.errors import InputError
from cnnzoo.models.variational_model import VariationalAutoencoder
from cnnzoo.runtime import suppress_messages

IMAGES = 100  # at once
VALUES = 2**23  # pixels decoded at once: the values of a few layers, in tens of megabytes
ACTIVE = 0.01  # variance of a code unit's mean over the images, above which it counts as active


def log_likelihood(model: keras.Model, images: Any, *, samples: int = 5000, seed: int = 0, verbose: int = 0) -> Any:
    """Estimate log p(image) of each image by importance sampling, in nats.

    It is log (1/k) Σᵢ p(image, codeᵢ) / q(codeᵢ | image) for k codes drawn from q(code | image): a lower bound in the
    mean, which approaches log p(image) with more samples. Minus its mean over the test images is what papers
    print as NLL, at k = 5,000.

    Args:
        model: a `variational_autoencoder`.
        images: float array `(examples, *input_shape)`; of a decoder of binary pixels 0 or 1 alone, as
            `cnnzoo.data.binarize` makes them: of grays there is no likelihood.
        samples: k, codes for each image; ≥ 1.
        seed: seed of the draws; an integer ≥ 0.
        verbose: 1 shows progress, 0 nothing.

    Returns:
        float64 array `(examples,)`.

    Raises:
        InputError: another model, images of another shape, or pixels that are not binary.

    Source: Burda et al., "Importance Weighted Autoencoders", ICLR 2016, section 5.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.variational_autoencoder(units=(), code=2)
    >>> log_likelihood(model, np.zeros((3, 28, 28, 1)), samples=10).shape
    (3,)
    """
    model, images = _checked(model, images)
    samples, seed = checks.integer("samples", samples), checks.integer("seed", seed, 0)
    checks.choice("verbose", verbose, (0, 1))
    if model.takes_binary_pixels and not np.isin(images, (0, 1)).all():
        raise InputError(
            f"{model.name} has a likelihood of pixels that are 0 or 1: binarize grays, as "
            "cnnzoo.data.binarize(images) does. Received: pixels between them"
        )
    generator = keras.random.SeedGenerator(seed)
    at_once = max(1, min(samples, VALUES // (IMAGES * math.prod(images.shape[1:]))))
    step = _compiled(functools.partial(_log_sum, model, generator))
    distribution = _compiled(model.distribution)
    bar = keras.utils.Progbar(len(images), unit_name="image") if verbose else None
    estimates = []
    for start in range(0, len(images), IMAGES):
        batch = ops.convert_to_tensor(images[start : start + IMAGES], "float32")
        with suppress_messages("tensorflow", "retracing"):  # for the last images, and with each call of this function
            mean, log_variance = distribution(batch)
        total = np.full(len(batch), -np.inf)
        for done in range(0, samples, at_once):
            with suppress_messages("tensorflow", "retracing"):  # for the last images, and for the last samples
                parts = step(batch, mean, log_variance, min(at_once, samples - done))
            total = np.logaddexp(total, ops.convert_to_numpy(parts).astype("float64"))
        estimates.append(total - math.log(samples))
        if bar:
            bar.update(start + len(batch))
    return np.concatenate(estimates)


def active_units(model: keras.Model, images: Any, *, threshold: float = ACTIVE) -> np.ndarray:
    """Return which units of a variational autoencoder's code carry information: whose mean differs between images.

    Units that are not active have the distribution N(0, 1) for every image, and cost nothing.

    Args:
        model: a `variational_autoencoder`.
        images: float array `(examples, *input_shape)`, two or more of them.
        threshold: variance of a unit's mean over the images, above which it is active; ≥ 0.

    Returns:
        boolean array `(code,)`; its sum is the number of active units.

    Raises:
        InputError: another model, or images that do not fit it.

    Source: Burda et al. 2016, section 4.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).random((100, 28, 28, 1))
    >>> active_units(cnnzoo.variational_autoencoder(units=(), code=3), images).shape
    (3,)
    """
    threshold = checks.number("threshold", threshold, 0)
    mean, _ = code_distributions(model, images)
    return mean.var(axis=0) > threshold


def code_distributions(model: keras.Model, images: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the logarithm of the variance of each unit of a variational autoencoder's code.

    Args:
        model: a `variational_autoencoder`.
        images: float array `(examples, *input_shape)`, two or more of them.

    Returns:
        Two float64 arrays `(examples, code)`.

    Raises:
        InputError: another model, or images that do not fit it.

    Example:
    >>> import cnnzoo
    >>> mean, log_variance = code_distributions(cnnzoo.variational_autoencoder(code=3), np.zeros((2, 28, 28, 1)))
    >>> mean.shape, log_variance.shape
    ((2, 3), (2, 3))
    """
    model, images = _checked(model, images)
    if len(images) < 2:
        raise checks.refusal("images", "two or more, whose codes can differ", f"{len(images)}")
    batches = [
        model.distribution(ops.convert_to_tensor(images[start : start + IMAGES], "float32"))
        for start in range(0, len(images), IMAGES)
    ]
    mean, log_variance = (
        np.concatenate([ops.convert_to_numpy(each) for each in part]).astype("float64")
        for part in zip(*batches, strict=True)
    )
    return mean, log_variance


def _checked(model: Any, images: Any) -> tuple[VariationalAutoencoder, np.ndarray]:
    """Return a model that is variational, and images, signals or vectors that it takes."""
    if not isinstance(model, VariationalAutoencoder):
        name = getattr(model, "name", type(model).__name__)
        raise InputError(f"only a variational_autoencoder has a likelihood. Received: {name}")
    shape = model.input_shape[1:]
    return model, checked_shape(pixels(images, peak=peak_of(shape)), shape, "the model")


def _log_sum(
    model: VariationalAutoencoder, generator: Any, batch: Any, mean: Any, log_variance: Any, count: int
) -> Any:
    """Return the logarithm of the sum of the importance weights of some codes for each image: `(batch,)`."""
    codes = model._parts[1].draw(mean, log_variance, generator, count)
    return ops.logsumexp(model.log_weights(batch, (mean, log_variance), codes), axis=0)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that TensorFlow compiles, where it is the backend: its temporary values are fused."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)
