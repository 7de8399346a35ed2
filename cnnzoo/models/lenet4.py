"""LeNet-4, between LeNet-1 and LeNet-5, as far as its descriptions allow.

LeCun et al., "Comparison of Learning Algorithms for Handwritten Digit Recognition", ICANN 1995; LeCun et al.,
"Gradient-Based Learning Applied to Document Recognition", 1998, section III-C.
"""

from keras.layers import Conv2D, Flatten

from cnnzoo.layers import PartiallyConnectedConv2D, Subsampling2D, scaled_tanh
from cnnzoo.models import scaffold
from cnnzoo.models.early_lenets import early_loss, squashed_outputs
from cnnzoo.models.lenet import decode_predictions as decode_predictions  # the ten digits
from cnnzoo.models.lenet import initial
from cnnzoo.models.lenet import preprocess_input as preprocess_input  # 32×32, as of LeNet-5
from cnnzoo.optimizers import Adam

TASK = "classify"

# Every three of the four S2 maps, for four of the sixteen C3 maps each.
C3_TABLE = ((0, 1, 2), (1, 2, 3), (0, 2, 3), (0, 1, 3)) * 4


def lenet4(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="auto",
    name="lenet4",
    *,
    compile=True,
):
    """Build LeNet-4, reconstructed: 50,690 parameters and 258,386 connections at 32×32.

    No source has a table of its layers. The texts speak of 4 maps, subsampling maps, 16 maps, 16 subsampling maps,
    120 units and 10 outputs, with about 260,000 connections and about 17,000 parameters. These cannot all hold: 120
    units on 16 maps of 5×5 alone have 48,120 parameters. The connections come near the text, the parameters do not,
    and neither is tested as the paper's. What is chosen here:

    - S2 has one map for each of C1. The text connects subsampling maps "in pairs", and does not say which.
    - A map of C3 is connected to three maps of S2, four maps to the same three.
    - Activation, subsampling and initial weights are those of `lenet5`; the outputs are squashed as all other units
      are, and their targets are ±1, as in 1989. Their biases start as in `lenet_1989`.
    - It is compiled with Adam in place of the stochastic diagonal Levenberg–Marquardt method.

    Args:
        include_top: whether the output units follow C5.
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`, at least 32×32; default `(32, 32, 1)`. Background is −0.1 and ink
            1.175: `cnnzoo.models.lenet4.preprocess_input` makes them from pixels, as for `lenet5`.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of C5, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"auto"` is an output in (−1.7159, 1.7159), of which the largest is the prediction; else
            `"softmax"`, or `None` for logits. A model with another is not compiled. Probabilities are as in
            `lenet_1989`.
        name: name of the model.
        compile: whether to compile, with a loss and Adam of rate 0.004.

    Returns:
        A functional `keras.Model`. Layers: C1, S2, C3, S4, C5, output.

    Raises:
        InputError: an argument has a value that is not allowed, or the input is too small.

    Source: LeCun et al. 1998, section III-C; the rest is reconstructed.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.lenet4().count_params()
    50690
    """
    classes = scaffold.check_top(include_top, pooling, classes)
    x = inputs = scaffold.image_input(input_tensor, input_shape, (32, 32, 1), open_sides=not include_top)

    x = scaffold.slide(Conv2D(4, 5, **initial(), name="C1"), x)
    x = scaffold.slide(Subsampling2D(2, activation=scaled_tanh, name="S2"), x)
    x = scaffold.slide(PartiallyConnectedConv2D(C3_TABLE, 5, **initial(), name="C3"), x)
    x = scaffold.slide(Subsampling2D(2, activation=scaled_tanh, name="S4"), x)
    x = scaffold.slide(Conv2D(120, 5, **initial(), name="C5"), x)
    if include_top:
        x = Flatten(name="flatten")(x)
        x = squashed_outputs(x, classes, classifier_activation)
    else:
        x = scaffold.pooled_features(x, pooling)

    optimizer = scaffold.chosen_optimizer(compile, Adam(4e-3))
    loss = early_loss(classifier_activation) if include_top and compile else None
    common = {"name": name, "preprocess_input": preprocess_input, "weights": weights}
    return scaffold.assemble(inputs, x, loss=loss, optimizer=optimizer, **common)
