"""Fully connected autoencoders: nets that reconstruct their input from a code that is smaller or sparser.

Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313, 2006.
"""

from keras.layers import Flatten

from cnnzoo import optimizers
from cnnzoo.checks import flag, integer, refusal
from cnnzoo.layers import ContractivePenalty
from cnnzoo.models import scaffold
from cnnzoo.models.mlp import preprocess_input as preprocess_input  # pixels 0…1
from cnnzoo.models.penalties import check_contractive, sparsity_layer
from cnnzoo.models.reconstruction import assemble, decode, default_output_activation, encoder_layers

TASK = "reconstruct"


def autoencoder(
    weights=None,
    input_tensor=None,
    input_shape=None,
    name="autoencoder",
    *,
    units=(256,),
    code=32,
    activation="sigmoid",
    code_activation="sigmoid",
    output_activation=None,
    tied=True,
    sparsity=None,
    contractive=0.0,
    compile=True,
):
    """Build an autoencoder of any depth; by default 784-256-32 and back, with tied weights, 210,224 parameters.

    Penalties are added to the loss, which is a mean over pixels: against a loss that is summed over them, as
    papers often have it, divide the weight by the number of pixels for the same balance.

    Args:
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, …)` to build upon, or `None`.
        input_shape: `(height, width, channels)` of images, default `(28, 28, 1)`, whose pixels are 0…1;
            `(steps, channels)` of signals; or `(columns,)` of vectors. The values of the last two are standardized.
        name: name of the model.
        units: width of each hidden layer of the encoder; the decoder has them in reverse. May be empty.
        code: number of code units; an integer ≥ 1.
        activation: name or function of the hidden layers. Initial weights of logistic units have 4 times Glorot's
            bound.
        code_activation: name or function of the code layer.
        output_activation: name or function applied to the reconstructions, in float32; default `"sigmoid"` for
            images, else `"linear"`. With `"sigmoid"` the loss is the cross-entropy, else the squared error; either is
            the mean over pixels and images.
        tied: whether the decoder uses the encoder's weights, transposed.
        sparsity: `None`; `"kl"`, for weight · Σ over the code units of KL(target ‖ the unit's mean over the
            batch), in nats, which needs logistic code units; `"l1"`, for weight · the mean over the batch of
            Σ |code|; `"k-sparse"`, where an image keeps its k largest activations, and alpha · k at inference;
            `"winner-take-all"`, where a unit keeps the largest ones of a batch, in training alone; or a mapping with
            its numbers, by default `{"kind": "kl", "target": 0.05, "weight": 0.001}`, `{"kind": "l1", "weight":
            0.0001}`, `{"kind": "k-sparse", "k": 25, "alpha": 1, "dead_weight": 0, "dead_after": 100}` and `{"kind":
            "winner-take-all", "rate": 0.05}`; see `cnnzoo.layers.KSparse` and `WinnerTakeAll`. A `dead_weight` is for
            `tied=True` and `units=()`.
        contractive: weight ≥ 0 of the mean over the batch of ‖∂code/∂input‖²_F, the squared sensitivity of
            the code to the pixels; layers of the encoder must then be logistic, tanh, ReLU or linear.
        compile: whether to compile with loss, Adam of rate 0.001, and the metric `squared_error`, summed
            over pixels.

    Returns:
        A functional `keras.Model`. Layers: flatten, encoder_1, …, code, decoder_1, …, output, reshape, reconstruction.
        With `tied=True` the encoder's layers are called again, in reverse, in the place of decoder_1, …, output.
        After the code come contractive_penalty, and sparsity_penalty or sparse_code, if there are any.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: Hinton and Salakhutdinov 2006; Ng, "Sparse autoencoder", 2011 (KL); Rifai et al., "Contractive
    Auto-Encoders", ICML 2011; Makhzani and Frey, "k-Sparse Autoencoders", 2013, and "Winner-Take-All Autoencoders",
    2015.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.autoencoder(units=(), code=64, tied=False).count_params()  # (784 + 1)·64 + (64 + 1)·784
    101200
    """
    units = scaffold.check_widths("units", units)
    code = integer("code", code)
    flag("tied", tied)
    check_contractive(contractive, [*([activation] if units else []), code_activation])
    x = inputs = scaffold.image_input(input_tensor, input_shape, default=(28, 28, 1), kinds=scaffold.KINDS)

    output_activation = output_activation or default_output_activation(inputs)
    sparse = sparsity_layer(sparsity, code, code_activation, output_activation)
    trains_dead_units = bool(getattr(sparse, "dead_weight", 0))
    if trains_dead_units and (units or not tied):
        raise refusal("dead_weight", "0 unless tied=True and units=(): a tied layer trains dead units", sparsity)

    x = values = Flatten(name="flatten")(x)
    encoder = encoder_layers(units, code, activation, code_activation, tied)
    outputs = []
    for layer in encoder:
        x = layer(x)
        outputs.append(x)
    if contractive:
        x = ContractivePenalty(contractive, name="contractive_penalty")(outputs)
    if sparse:
        x = sparse([values, x] if trains_dead_units else x)
    x = decode(x, encoder, inputs.shape[1:], activation, output_activation, tied)

    compilation = {"output_activation": output_activation, "compile": compile, "optimizer": optimizers.Adam(1e-3)}
    return assemble(inputs, x, name=name, weights=weights, **compilation)


def deep_autoencoder(
    weights=None,
    input_tensor=None,
    input_shape=None,
    name="deep_autoencoder",
    *,
    units=(1000, 500, 250),
    code=30,
    activation="sigmoid",
    code_activation="linear",
    output_activation=None,
    tied=False,
    compile=True,
):
    """Build the deep autoencoder of 2006, 784-1000-500-250-30 and back: 2,837,314 parameters.

    In the paper its initial weights come from restricted Boltzmann machines, which
    `cnnzoo.LayerwisePretraining(images, epochs=10, method="rbm")` trains and unrolls into it, as the recipe
    `rbm_autoencoder_mnist` does. Without that it deviates: logistic units have 4 times Glorot's uniform bound, as
    Glorot and Bengio 2010 recommend for them (with the bound itself a net this deep starts on a plateau). The optimizer
    is Muon with rate 0.02, for large batches (about 1,000), where the paper has conjugate gradients.

    Args:
        weights: `"mnist"`, path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, …)` to build upon, or `None`.
        input_shape: `(height, width, channels)` of images, default `(28, 28, 1)`, whose pixels are 0…1;
            `(steps, channels)` of signals; or `(columns,)` of vectors. The values of the last two are standardized.
        name: name of the model.
        units: width of each hidden layer of the encoder; the decoder has them in reverse.
        code: number of code units; an integer ≥ 1. The paper has 2, too, for pictures.
        activation: name or function of the hidden layers.
        code_activation: name or function of the code layer.
        output_activation: name or function applied to the reconstructions, in float32; default `"sigmoid"` for
            images, else `"linear"`. With `"sigmoid"` the loss is the cross-entropy, else the squared error; either is
            the mean over pixels and images.
        tied: whether the decoder uses the encoder's weights, transposed.
        compile: whether to compile with loss and optimizer, and the metric `squared_error`, summed over pixels.

    Returns:
        A functional `keras.Model`. Layers: flatten, encoder_1, …, code, decoder_1, …, output, reshape, reconstruction.
        With `tied=True` the encoder's layers are called again, in reverse, in the place of decoder_1, …, output.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: Hinton and Salakhutdinov 2006.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.deep_autoencoder().count_params()
    2837314
    """
    units = scaffold.check_widths("units", units, example="(1000, 500, 250)")
    code = integer("code", code)
    flag("tied", tied)
    x = inputs = scaffold.image_input(input_tensor, input_shape, default=(28, 28, 1), kinds=scaffold.KINDS)

    x = Flatten(name="flatten")(x)
    encoder = encoder_layers(units, code, activation, code_activation, tied)
    for layer in encoder:
        x = layer(x)
    output_activation = output_activation or default_output_activation(inputs)
    x = decode(x, encoder, inputs.shape[1:], activation, output_activation, tied)

    muon = optimizers.Muon(2e-2, weight_decay=0.2, adam_weight_decay=0.0, adam_lr_ratio=0.1)
    compilation = {"output_activation": output_activation, "compile": compile, "optimizer": muon}
    return assemble(inputs, x, name=name, weights=weights, **compilation, shipped="deep_autoencoder")
