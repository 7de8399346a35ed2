"""Classifiers whose hidden layers can be pretrained one at a time, each as an autoencoder.

Bengio, Lamblin, Popovici and Larochelle, "Greedy Layer-Wise Training of Deep Networks", 2007;
Vincent, Larochelle, Lajoie, Bengio and Manzagol, "Stacked Denoising Autoencoders: Learning Useful
Representations in a Deep Network with a Local Denoising Criterion", JMLR 11, 2010.
"""

from keras.layers import Dense, Flatten

from cnnzoo import optimizers
from cnnzoo.models import scaffold
from cnnzoo.models.lenet import decode_predictions as decode_predictions  # the ten digits
from cnnzoo.models.mlp import preprocess_input as preprocess_input  # pixels 0…1
from cnnzoo.models.reconstruction import dense

TASK = "classify"


def stacked_autoencoder(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="softmax",
    name="stacked_autoencoder",
    *,
    units=(1000, 1000, 1000),
    activation="sigmoid",
    compile=True,
):
    """Build a classifier on a stack of encoders; by default three of 1,000 logistic units, 2,797,010 parameters.

    Without pretraining it is a plain net; each hidden layer can be pretrained as an autoencoder of the layer below.
    It deviates from the papers in its optimizer, Adam with rate 0.001 instead of plain gradient descent.

    Args:
        include_top: whether the output units follow the hidden layers.
        weights: `"mnist"`, path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`; default `(28, 28, 1)`. Pixels are 0…1.
        pooling: `None`; there are no maps to pool.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"softmax"`, or `None` for logits; a model with another is not compiled.
        name: name of the model.
        units: width of each hidden layer; at least one positive integer.
        activation: name or function of the hidden layers. Initial weights of logistic units have 4 times Glorot's
            bound.
        compile: whether to compile, with a loss and Adam of rate 0.001.

    Returns:
        A functional `keras.Model`. Layers: flatten, encoder_1, encoder_2, …, output.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: Vincent et al. 2010, section 6; Bengio et al. 2007.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.stacked_autoencoder().count_params()
    2797010
    """
    classes = scaffold.check_top(include_top, pooling, classes, has_maps=False)
    units = scaffold.check_widths("units", units, example="(1000, 1000, 1000)", empty=False)
    x = inputs = scaffold.image_input(input_tensor, input_shape, default=(28, 28, 1))

    x = Flatten(name="flatten")(x)
    for number, width in enumerate(units, start=1):
        x = dense(width, activation, name=f"encoder_{number}")(x)
    if include_top:
        x = Dense(classes, activation=classifier_activation, dtype="float32", name="output")(x)

    optimizer = scaffold.chosen_optimizer(compile, optimizers.Adam(1e-3))
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    return scaffold.assemble(
        inputs,
        x,
        name=name,
        preprocess_input=preprocess_input,
        weights=weights,
        loss=loss,
        optimizer=optimizer,
        shipped="stacked_autoencoder",
    )
