"""Fully connected nets, the baseline of convolutional ones.

LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998, section III-C.4
(the 300-100-10 net); Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from
Overfitting", JMLR 15, 2014 (rectified units, dropout and max-norm).
"""

from keras.constraints import MaxNorm
from keras.layers import Dense, Dropout, Flatten

from cnnzoo.checks import number
from cnnzoo.models import scaffold
from cnnzoo.models.lenet import decode_predictions as decode_predictions  # the ten digits
from cnnzoo.optimizers import Adam

TASK = "classify"


def mlp(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="softmax",
    name="mlp",
    *,
    units=(300, 100),
    activation="tanh",
    input_dropout=0.0,
    dropout=0.0,
    max_norm=None,
    compile=True,
):
    """Build a fully connected net; by default the 784-300-100-10 one of 1998, 266,610 parameters.

    It deviates from the paper in its plain tanh and its softmax. `units=(1024,) * 3,
    activation="relu", input_dropout=0.2, dropout=0.5, max_norm=3` is the net of the dropout paper.

    Args:
        include_top: whether the output units follow the hidden layers.
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`; default `(28, 28, 1)`.
        pooling: `None`; there are no maps to pool.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"softmax"`, or `None` for logits; a model with another is not compiled.
        name: name of the model.
        units: width of each hidden layer; at least one positive integer.
        activation: name or function of the hidden layers.
        input_dropout: fraction of the pixels dropped in training, in [0, 1).
        dropout: fraction of each hidden layer dropped in training, in [0, 1).
        max_norm: largest length of a hidden unit's incoming weights, > 0, or `None` for no bound.
        compile: whether to compile, with a loss and Adam of rate 0.001.

    Returns:
        A functional `keras.Model`. Layers: flatten, fc1, fc2, …, output.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: LeCun et al. 1998, section III-C.4.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.mlp().count_params()
    266610
    """
    classes = scaffold.check_top(include_top, pooling, classes, has_maps=False)
    units = scaffold.check_widths("units", units, example="(300, 100)", empty=False)
    if max_norm is not None:
        number("max_norm", max_norm, above=0)
    x = inputs = scaffold.image_input(input_tensor, input_shape, default=(28, 28, 1))

    x = Flatten(name="flatten")(x)
    x = Dropout(input_dropout, name="input_dropout")(x) if input_dropout else x
    for index, width in enumerate(units, start=1):
        bound = None if max_norm is None else MaxNorm(max_norm)
        x = Dense(width, activation=activation, kernel_constraint=bound, name=f"fc{index}")(x)
        x = Dropout(dropout, name=f"dropout{index}")(x) if dropout else x
    if include_top:
        x = Dense(classes, activation=classifier_activation, dtype="float32", name="output")(x)

    optimizer = scaffold.chosen_optimizer(compile, Adam(1e-3))
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    common = {"name": name, "preprocess_input": preprocess_input, "weights": weights}
    return scaffold.assemble(inputs, x, loss=loss, optimizer=optimizer, **common)


@scaffold.preprocessing()
def preprocess_input(images, input_shape=None):
    """Scale pixels 0…255 to 0…1, resizing images (bilinear) that have another size than the model.

    Args:
        images: tensor `(batch, height, width, channels)` or, of one image, `(height, width, channels)`, integer or
            float, 0 to 255.
        input_shape: the model's `(height, width, channels)`, to which images of other sizes are brought; `None` to keep
            their size.

    Returns:
        Float32 tensor `(batch, *input_shape)`, or `input_shape`.

    Raises:
        InputError: another number of channels than the model's.

    Example:
    >>> import numpy as np
    >>> float(preprocess_input(np.full((1, 28, 28, 1), 255, "uint8"))[0, 0, 0, 0])
    1.0
    """
    height, width, channels = input_shape
    return scaffold.resized(images, (height, width), channels=channels) / 255
