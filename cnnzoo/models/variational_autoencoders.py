"""Variational autoencoders: the code of an image is a distribution, and codes drawn from N(0, 1) decode to new images.

Kingma and Welling, "Auto-Encoding Variational Bayes", 2013; Burda, Grosse and Salakhutdinov, "Importance Weighted
Autoencoders", ICLR 2016.
"""

import math

import keras
import numpy as np
from keras.layers import Activation, Dense, Flatten, Reshape

from cnnzoo import optimizers
from cnnzoo.checks import choice, integer, refusal
from cnnzoo.errors import InputError
from cnnzoo.layers import GaussianCode, GaussianScale
from cnnzoo.losses import EvidenceLowerBound
from cnnzoo.metrics import SquaredError
from cnnzoo.models import scaffold
from cnnzoo.models.convolutional_autoencoders import double, halve
from cnnzoo.models.halves import decoder as decoder_of
from cnnzoo.models.mlp import preprocess_input as preprocess_input  # pixels 0…1
from cnnzoo.models.variational_model import VariationalAutoencoder

TASK = "reconstruct"
OBJECTIVE = "loss"  # the bound: the squared error of a reconstruction says nothing of the code's distribution

DECODERS = ("bernoulli", "gaussian")
STANDARD_DEVIATION = 0.3  # of a Gaussian decoder before training: about that of the pixels of digits
DECODED = 1000  # codes at once


def variational_autoencoder(
    weights=None,
    input_tensor=None,
    input_shape=None,
    name="variational_autoencoder",
    *,
    maps=(),
    units=(200, 200),
    code=50,
    activation="tanh",
    decoder=None,
    beta=1.0,
    warmup=0,
    samples=1,
    compile=True,
):
    """Build a variational autoencoder; by default 784-200-200-50 and back, 425,284 parameters.

    It is trained as every autoencoder, `model.fit(images, images)`, by a bound in nats per image. Its output is the
    reconstruction of the code's mean; `cnnzoo.encoder` returns that mean, `cnnzoo.decoder` the images of codes, and
    `cnnzoo.sample` new images. It deviates from Burda et al. in its optimizer, Adam with rate 0.001, and in its initial
    biases, which are 0, where their last one begins at the mean image. Kingma and Welling have one hidden layer of 500
    units: `units=(500,), code=20`.

    Args:
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, …)` to build upon, or `None`.
        input_shape: `(height, width, channels)` of images, default `(28, 28, 1)`, whose pixels are 0…1;
            `(steps, channels)` of signals; or `(columns,)` of vectors. The values of the last two are standardized.
        name: name of the model.
        maps: number of maps of each convolution before the dense layers, which halve the sides; the decoder has them
            in reverse. Default none.
        units: width of each dense hidden layer of the encoder; the decoder has them in reverse. May be empty.
        code: number of code units; an integer ≥ 1.
        activation: name or function of the hidden layers.
        decoder: `"bernoulli"`, for binary pixels, of which it gives probabilities: pixels between 0 and 1 are trained
            on their cross-entropy, which is no likelihood. Or `"gaussian"`, for normal distributions of the values, of
            which it gives means; their standard deviation is one number that is learned. Default the first for images.
        beta: weight of the code's divergence from N(0, 1) in the loss; ≥ 0. Other than 1 the loss is no bound.
        warmup: epochs over which that weight rises from 0, evenly, an epoch at a time; the history has it as `beta`.
        samples: draws of the code for each image; above 1 the loss is the importance-weighted bound.
        compile: whether to compile with the bound, Adam, and the metric `squared_error` of the reconstruction, summed
            over pixels, which is computed in evaluations.

    Returns:
        A `VariationalAutoencoder`, which is a functional `keras.Model`. Layers: maps_1, …, flatten, encoder_1, …, code,
        decoder_1, …, output, reshape, reconstruction; with `maps`, unflatten and maps_back_1, … stand before the
        last, and with a Gaussian decoder scale.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: Kingma and Welling 2013; Burda et al. 2016, section 5 (the default net, `samples`).

    Example:
    >>> import cnnzoo
    >>> cnnzoo.variational_autoencoder().count_params()
    425284
    """
    maps = scaffold.check_widths("maps", maps, example="(32, 64)")
    units = scaffold.check_widths("units", units, example="(200, 200)")
    code = integer("code", code)
    loss = EvidenceLowerBound(beta, warmup, samples)
    x = inputs = scaffold.image_input(input_tensor, input_shape, default=(28, 28, 1), kinds=scaffold.KINDS)
    shape = inputs.shape[1:]
    decoder = choice("decoder", decoder or ("bernoulli" if len(shape) == 3 else "gaussian"), DECODERS)
    if maps and len(shape) == 1:
        raise refusal("maps", "empty for vectors, which have no neighbors", maps)

    shapes = []
    for number, depth in enumerate(maps, start=1):
        shapes.append(x.shape[1:])
        x = halve(x, depth, activation, name=f"maps_{number}")
    halved = x.shape[1:]
    x = Flatten(name="flatten")(x)
    for number, width in enumerate(units, start=1):
        x = Dense(width, activation, name=f"encoder_{number}")(x)
    x = GaussianCode(code, name="code")(x)

    for number, width in enumerate(reversed(units), start=1):
        x = Dense(width, activation, name=f"decoder_{number}")(x)
    if maps:
        x = Dense(math.prod(halved), activation, name="output")(x)
        x = Reshape(halved, name="unflatten")(x)
        for number, depth in enumerate([*maps[-2::-1], shape[-1]], start=1):
            last = number == len(maps)
            own = None if last else activation
            x = double(x, depth, own, shapes.pop(), name=f"maps_back_{number}", crop=f"crop_{number}")
    else:
        x = Dense(math.prod(shape), name="output")(x)
        x = Reshape(shape, name="reshape")(x)
    if decoder == "gaussian":
        x = GaussianScale(STANDARD_DEVIATION if len(shape) == 3 else 1.0, name="scale")(x)
    x = Activation("sigmoid" if decoder == "bernoulli" else "linear", dtype="float32", name="reconstruction")(x)

    return scaffold.assemble(
        inputs,
        x,
        kind=VariationalAutoencoder,
        name=name,
        weights=weights,
        preprocess_input=preprocess_input,
        loss=loss if compile else None,
        metric=SquaredError(),
        optimizer=scaffold.chosen_optimizer(compile, optimizers.Adam(1e-3)),
    )


def sample(model: keras.Model, n: int = 1, *, seed: int = 0) -> np.ndarray:
    """Return images that a variational autoencoder makes up: codes drawn from N(0, 1), decoded.

    Args:
        model: a `variational_autoencoder`.
        n: number of images, ≥ 1.
        seed: seed of the draws; an integer ≥ 0.

    Returns:
        float32 array `(n, height, width, channels)`, or of the model's other shape: probabilities of binary pixels, or
        means.

    Raises:
        InputError: another model, whose codes have no distribution to draw from, or a number out of range.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.sample(cnnzoo.variational_autoencoder(), n=3).shape
    (3, 28, 28, 1)
    """
    n, seed = integer("n", n), integer("seed", seed, 0)
    if not isinstance(model, VariationalAutoencoder):
        name = getattr(model, "name", type(model).__name__)
        raise InputError(
            f"only the codes of a variational_autoencoder have a distribution to draw from. Received: {name}"
        )
    half = decoder_of(model)
    codes = np.random.default_rng(seed).standard_normal((n, *half.input_shape[1:])).astype("float32")
    return half.predict(codes, batch_size=DECODED, verbose=0)
