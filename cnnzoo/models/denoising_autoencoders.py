"""Autoencoders that reconstruct clean images from corrupted ones.

Vincent, Larochelle, Bengio and Manzagol, "Extracting and Composing Robust Features with Denoising
Autoencoders", ICML 2008; Vincent, Larochelle, Lajoie, Bengio and Manzagol, "Stacked Denoising
Autoencoders: Learning Useful Representations in a Deep Network with a Local Denoising Criterion", JMLR 11, 2010.
"""

from keras.layers import Flatten, GaussianNoise

from cnnzoo import optimizers
from cnnzoo.checks import choice, flag, integer, number
from cnnzoo.layers import MaskingNoise, SaltAndPepperNoise
from cnnzoo.models import scaffold
from cnnzoo.models.mlp import preprocess_input as preprocess_input  # pixels 0…1
from cnnzoo.models.reconstruction import assemble, decode, default_output_activation, encoder_layers

TASK = "reconstruct"

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
    output_activation=None,
    tied=True,
    compile=True,
):
    """Build a denoising autoencoder; by default one logistic layer of 1,000 units, tied, 785,784 parameters.

    Its input is corrupted in training only; the loss compares with the target passed to `fit`, the clean
    images: `model.fit(images, images)`.

    It deviates from the papers in its optimizer, Adam with rate 0.001 instead of plain gradient descent, and
    in the initial weights of logistic units, which have 4 times Glorot's bound.

    Args:
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, …)` to build upon, or `None`.
        input_shape: `(height, width, channels)` of images, default `(28, 28, 1)`, whose pixels are 0…1;
            `(steps, channels)` of signals; or `(columns,)` of vectors. The values of the last two are standardized.
        name: name of the model.
        units: width of each hidden layer of the encoder; the decoder has them in reverse. May be empty.
        code: number of code units; an integer ≥ 1.
        corruption: `"masking"`, which sets pixels to 0; `"salt_and_pepper"`, which sets them to 0 or 1; or
            `"gaussian"`, which adds noise of mean 0.
        rate: fraction of the pixels that is set, or standard deviation of the noise; in [0, 1].
        activation: name or function of the hidden layers.
        code_activation: name or function of the code layer.
        output_activation: name or function applied to the reconstructions, in float32; default `"sigmoid"` for
            images, else `"linear"`. With `"sigmoid"` the loss is the cross-entropy, else the squared error; either is
            the mean over pixels and images.
        tied: whether the decoder uses the encoder's weights, transposed.
        compile: whether to compile with loss and optimizer, and the metric `squared_error`, summed over pixels.

    Returns:
        A functional `keras.Model`. Layers: corruption, flatten, encoder_1, …, code, reshape, reconstruction. The
        encoder's layers are called again, in reverse, after the code; with `tied=False` decoder_1, …, output stand
        there.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: Vincent et al. 2008 (masking); Vincent et al. 2010, section 3.3 (the other two).

    Example:
    >>> import cnnzoo
    >>> cnnzoo.denoising_autoencoder(corruption="gaussian", rate=0.3).get_layer("corruption").stddev
    0.3
    """
    units = scaffold.check_widths("units", units)
    code = integer("code", code)
    flag("tied", tied)
    x = inputs = scaffold.image_input(input_tensor, input_shape, default=(28, 28, 1), kinds=scaffold.KINDS)

    noise = CORRUPTIONS[choice("corruption", corruption, CORRUPTIONS, "corruptions")]
    x = noise(number("rate", rate, 0, 1), name="corruption")(x)
    x = Flatten(name="flatten")(x)
    encoder = encoder_layers(units, code, activation, code_activation, tied)
    for layer in encoder:
        x = layer(x)
    output_activation = output_activation or default_output_activation(inputs)
    x = decode(x, encoder, inputs.shape[1:], activation, output_activation, tied)

    compilation = {"output_activation": output_activation, "compile": compile, "optimizer": optimizers.Adam(1e-3)}
    return assemble(inputs, x, name=name, weights=weights, **compilation)
