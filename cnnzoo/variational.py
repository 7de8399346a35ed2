"""What the bounds of variational autoencoders are made of: divergences, log-likelihoods, and their averages, in nats.

Kingma and Welling, "Auto-Encoding Variational Bayes", 2013; Burda, Grosse and Salakhutdinov, "Importance Weighted
Autoencoders", ICLR 2016. All are functions of tensors, in float32 or float64, under every backend.
"""

import math
from typing import Any

from keras import ops

LOG_TWO_PI = math.log(2 * math.pi)


def kl_divergence(mean: Any, log_variance: Any) -> Any:
    """Return KL(N(mean, variance) ‖ N(0, 1)), the sum over the units of a code.

    Args:
        mean: tensor `(…, units)`.
        log_variance: tensor of the same shape: the logarithm of each unit's variance.

    Returns:
        Tensor `(…,)`, in nats.

    Source: Kingma and Welling 2013, appendix B.

    Example:
    >>> import numpy as np
    >>> round(float(kl_divergence(np.array([0.5]), np.array([-1.0]))), 4)
    0.3089
    """
    terms = ops.square(mean) + ops.exp(log_variance) - 1 - log_variance
    return ops.sum(terms, axis=-1) / 2


def log_normal(values: Any, mean: Any = 0.0, log_variance: Any = 0.0) -> Any:
    """Return log N(values; mean, variance), the sum over the last axis.

    Args:
        values: tensor `(…, units)`.
        mean: tensor that broadcasts with them.
        log_variance: tensor that broadcasts with them.

    Example:
    >>> import numpy as np
    >>> round(float(log_normal(np.zeros(2))), 4)  # −log 2π
    -1.8379
    """
    values = ops.convert_to_tensor(values)
    log_variance = ops.cast(log_variance, values.dtype)
    terms = ops.square(values - mean) * ops.exp(-log_variance) + log_variance + LOG_TWO_PI
    return -ops.sum(terms, axis=-1) / 2


def log_bernoulli(values: Any, logits: Any) -> Any:
    """Return the log-likelihood of binary values, given logits; the sum over the last axis.

    Args:
        values: tensor `(…, pixels)`, of 0 to 1; of values between it is no likelihood, but minus the cross-entropy.
        logits: tensor that broadcasts with them.

    Example:
    >>> import numpy as np
    >>> round(float(log_bernoulli(np.array([0.0, 1.0]), np.array([0.0, 0.0]))), 4)  # −2 log 2
    -1.3863
    """
    return ops.sum(values * logits - ops.softplus(logits), axis=-1)


def importance_weighted_bound(log_weights: Any) -> Any:
    """Return log (1/k) Σᵢ exp(log_weightsᵢ), over the first axis.

    Of log p(x, z) − log q(z|x) for k draws of z from q it is a lower bound of log p(x) in the mean, which no larger k
    makes worse.

    Args:
        log_weights: tensor `(k, …)`.

    Source: Burda et al. 2016, eq. 8.

    Example:
    >>> import numpy as np
    >>> round(float(importance_weighted_bound(np.log([1.0, 3.0]))), 4)  # log 2
    0.6931
    """
    return ops.logsumexp(log_weights, axis=0) - math.log(log_weights.shape[0])
