"""Autoencoders that take corrupted images and are to return the clean ones.

Vincent, Larochelle, Bengio and Manzagol, "Extracting and Composing Robust Features with Denoising
Autoencoders", ICML 2008; Vincent, Larochelle, Lajoie, Bengio and Manzagol, "Stacked Denoising
Autoencoders: Learning Useful Representations in a Deep Network with a Local Denoising Criterion", JMLR 11, 2010.
"""

import keras
from keras.layers import Flatten, GaussianNoise

from cnnzoo import optimizers
from cnnzoo.errors import InputError
from cnnzoo.layers import MaskingNoise, SaltAndPepperNoise
from cnnzoo.models import scaffold
from cnnzoo.models.mlp import preprocess_input as preprocess_input  # pixels 0…1
from cnnzoo.models.reconstruction import assemble, check_code, check_flag, check_widths, decoded, dense, encoded

CORRUPTIONS = {"masking": MaskingNoise, "salt_and_pepper": SaltAndPepperNoise, "gaussian": GaussianNoise}


def denoising_autoencoder(
    weights=None,
    input_tensor=None,
    input_shape=None,
    name="denoising_autoencoder",
    *,
    units=(),
    code=1000,
    corruption="masking",
    rate=0.25,
    activation="sigmoid",
    code_activation="sigmoid",
    output_activation="sigmoid",
    tied=True,
    compile=True,
):
    """Build a denoising autoencoder; by default one logistic layer of 1,000 units, tied, 785,784 parameters.

    While it trains, its input is corrupted; the loss is against what `fit` is given as the target, the clean
    images: `model.fit(images, images)`. At inference nothing is corrupted.

    It deviates from the papers in its optimizer, Adam with rate 0.001 instead of plain gradient descent, and
    in the first weights of logistic units, which have 4 times Glorot's bound.

    Args:
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`; default `(28, 28, 1)`. Pixels are 0…1.
        name: name of the model.
        units: width of each hidden layer of the encoder, which the decoder mirrors; may be empty.
        code: number of code units; an integer ≥ 1.
        corruption: `"masking"`, which sets pixels to 0; `"salt_and_pepper"`, which sets them to 0 or 1; or
            `"gaussian"`, which adds noise of mean 0.
        rate: share of the pixels that is set, or standard deviation of the noise; in [0, 1].
        activation: name or function of the hidden layers.
        code_activation: name or function of the code layer.
        output_activation: name or function of the reconstructing layer. With `"sigmoid"` the loss is the
            cross-entropy, else the squared error; either is the mean over pixels and images.
        tied: whether the decoder uses the encoder's weights, transposed.
        compile: whether to compile with loss and optimizer, and the metric `squared_error`, summed over pixels.

    Returns:
        A functional `keras.Model`. Layers: corruption, flatten, encoder_1, …, code, decoder_1, …, output,
        reconstruction.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: Vincent et al. 2008 (masking); Vincent et al. 2010, section 3.3 (the other two).

    Example:
    >>> import cnnzoo
    >>> cnnzoo.denoising_autoencoder(corruption="gaussian", rate=0.3).get_layer("corruption").stddev
    0.3
    """
    check_widths("units", units)
    check_code(code)
    check_flag("tied", tied)
    x = inputs = scaffold.image_input(input_tensor, input_shape, default=(28, 28, 1))

    x = _corruption(corruption, rate)(x)
    x = Flatten(name="flatten")(x)
    *_, x = encoded(x, units, activation)
    x = dense(code, code_activation, name="code")(x)
    x = decoded(x, inputs.shape[1:], units, activation, output_activation, tied)

    return assemble(
        inputs,
        x,
        name=name,
        weights=weights,
        output_activation=output_activation,
        compile=compile,
        optimizer=optimizers.Adam(1e-3),
    )


def _corruption(kind: str, rate: float) -> keras.Layer:
    if kind not in tuple(CORRUPTIONS):  # by comparison: what was received may not be hashable
        raise InputError(f"corruption must be 'masking', 'salt_and_pepper' or 'gaussian', not {kind!r}")
    if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 <= rate <= 1:
        raise InputError(f"rate must be a number from 0 to 1, not {rate!r}")
    return CORRUPTIONS[kind](rate, name="corruption")
