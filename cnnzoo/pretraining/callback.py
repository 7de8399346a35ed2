"""Train each hidden layer by itself, then fine-tune the whole model."""

import weakref
from pathlib import Path
from typing import Any

import keras

from cnnzoo.boltzmann import RestrictedBoltzmannMachine
from cnnzoo.callbacks import progress_style
from cnnzoo.checks import choice, flag, integer, number
from cnnzoo.pretraining import settings
from cnnzoo.pretraining.activation_cache import Cache
from cnnzoo.pretraining.methods import METHODS
from cnnzoo.pretraining.run import PretrainingRun
from cnnzoo.runtime import suppress_retracing_warnings, temporary_seed


class LayerwisePretraining(keras.callbacks.Callback):
    """Train every hidden Dense, Conv1D and Conv2D layer in turn as an autoencoder of what enters it, or as an RBM.

    Pretraining runs in `on_train_begin`; the fit that the callback was passed to then fine-tunes the whole model. A
    stage trains the model's own layer, with the activations that follow it, and a decoder that reconstructs what
    entered the layer. In a classifier the decoders are thrown away. In an autoencoder, known by widths
    that read the same from both ends and by no softmax at the last, the decoder of a layer is the layer of the
    model's own decoder that is paired with it, which keeps what it learned (unrolling). A layer that no other layer
    with weights follows, a head, is no hidden one. Frozen layers are passed through. Hidden layers of other types,
    such as Conv1D, recurrent ones or whole models, stay as they are, and a warning names them. Everything between the
    layers runs as at inference.

    With `method="rbm"` each hidden Dense layer is trained by contrastive divergence as the hidden units of a restricted
    Boltzmann machine, whose visible units are what enters it, in [0, 1], as probabilities: a logistic layer as binary
    units, a linear one, which must be the last of the stack, as normal units of variance 1. In a classifier the
    visible biases are left out (a deep belief net); in an autoencoder the paired layer of its decoder receives the
    transposed kernel and the visible biases, and is free from then on, unless its weights are tied. By default the
    values are those of the program of 2006, with two exceptions: initial weights are the model's own, and a layer's
    inputs are computed after the one below has been trained, not during its last epoch. Penalties on activations count
    in the fit alone.

    A model whose optimizer has taken steps is refused in a fit: pretraining would undo what it learned. With a
    `backup` that holds every stage the fit resumes instead, as after `keras.callbacks.BackupAndRestore`.

    A stage trains on whole batches only, in an order that depends on `seed`, stage and epoch. The model's
    `steps_per_execution`, precision and distribution strategy hold for the stages, too (with several
    replicas, one step at a time). Nothing is added to the model; its `trainable` flags, its optimizer and all random
    states are left as they were.

    Args:
        data: what the model takes, without labels: an array `(n, *input_shape)`, or a `tf.data.Dataset`, a
            `keras.utils.PyDataset` or another iterable of batches that can be read several times; without a cache
            batches keep their own order.
        epochs: epochs for each layer, ≥ 0: a number, or one per layer.
        method: `"autoencoder"`, or `"rbm"` for restricted Boltzmann machines. Each takes some of the other
            arguments: `corruption`, `loss`, `tied`, `sparsity`, `contractive` and `variational` are for the first,
            `gibbs_steps`, `persistent`, `sample_visible` and `learning_rate` for the second.
        corruption: fraction of the values that enter a layer to set to 0, in [0, 1], or a Keras layer that
            is copied for each stage, or one of these per layer. The loss compares with the values before corruption.
        optimizer: name, optimizer (each stage gets a copy) or function that returns a new one; a function with
            an argument is given the number of steps of the stage, for a schedule. `None` is Adam for autoencoders, and
            for machines gradient descent as in 2006: momentum 0.5 in the first five epochs of a layer and 0.9 after
            them, and a weight decay of 0.0002 within the rate.
        loss: a Keras loss of activations and reconstruction; `None` is binary cross-entropy where the decoder
            ends in a sigmoid, else the mean squared error.
        layers: names of the layers to pretrain, in the model's order; `None` for all hidden ones.
        cache: where the activations that enter a layer are kept: `"memory"`; a folder, if they do not fit; or
            `False`, which runs the layers below again on every batch.
        batch_size: examples in a step, over all replicas.
        tied: whether a decoder that is made uses the transposed kernel of its layer. The layers of
            an autoencoder's own decoder are as they are.
        sparsity: what each Dense layer's code goes through while it is trained, as the argument of
            `cnnzoo.autoencoder`; the model itself has none of it. With a `dead_weight`, dead units are trained to
            decode what the reconstruction has left over, by the stage's decoder without bias and activation. A model
            whose own layer has a `dead_weight` is refused.
        contractive: weight ≥ 0 of the mean over the batch of ‖∂code/∂inputs‖²_F, in each Dense layer's stage.
        variational: units of a normal distribution that each Dense layer's code is led through in its stage, which
            makes a variational autoencoder with two hidden layers; `None` for none.
        gibbs_steps: k of CD-k: steps of the chain for each step of training.
        persistent: whether the chains, one for each example of a batch, go on from step to step, and do not start at
            the data; they start at visible units that are all 0.
        sample_visible: whether the visible units that a chain ends with are drawn, as they are before, or stay
            probabilities as in 2006; `None` draws those of persistent chains, which must be.
        learning_rate: with the default optimizer of machines, a number or one per layer; `None` is 0.1, and 0.001 for
            linear units.
        seed: seed of decoders, corruption, chains and order.
        backup: a folder for the weights of each finished stage; a run with the same folder resumes after them.
        verbose: progress display of each layer. `"auto"`: a live line in a terminal or a notebook, and nothing
            elsewhere. 0: nothing. 1: a live line in a terminal or a notebook, one line per epoch elsewhere. 2: one
            line per epoch.

    Attributes:
        history: by layer name, `{"loss": [one per epoch], "seconds": [one per epoch]}`. The loss of a machine is the
            squared error per example (sum over the visible units) of its reconstruction after one step, and it has a
            `pseudo_likelihood`, too, in nats: estimated after each epoch from ten bits of each of the first 1,000
            examples, rounded.
        machines: by layer name, the machines that were trained, as `cnnzoo.RestrictedBoltzmannMachine`.

    Raises:
        InputError: a value that cannot be used.
        DivergedError: the loss of a stage is no finite number any more.

    Source: Bengio, Lamblin, Popovici and Larochelle 2007 (greedy layer-wise training); Vincent et al. 2008
        (denoising); Hinton and Salakhutdinov 2006 (machines, unrolling); Tieleman 2008 (persistent chains).

    Example:
    >>> import cnnzoo
    >>> images = cnnzoo.data.load("digits").train.images.reshape(-1, 64) / 255
    >>> units = [keras.layers.Dense(width, "sigmoid", name=f"encoder_{width}") for width in (32, 16)]
    >>> model = keras.Sequential([keras.Input((64,)), *units, keras.layers.Dense(10)])
    >>> pretraining = LayerwisePretraining(images, epochs=2, corruption=0.1, verbose=0)
    >>> pretraining.pretrain(model)
    >>> {name: len(history["loss"]) for name, history in pretraining.history.items()}
    {'encoder_32': 2, 'encoder_16': 2}
    """

    def __init__(
        self,
        data: Any,
        *,
        epochs: int | list[int],
        method: str = "autoencoder",
        corruption: Any = None,
        optimizer: Any = None,
        loss: Any = None,
        layers: list[str] | None = None,
        cache: Cache = "memory",
        batch_size: int = 128,
        tied: bool = False,
        sparsity: Any = None,
        contractive: float = 0.0,
        variational: int | None = None,
        gibbs_steps: int = 1,
        persistent: bool = False,
        sample_visible: bool | None = None,
        learning_rate: float | list[float] | None = None,
        seed: int = 0,
        backup: str | Path | None = None,
        verbose: str | int = "auto",
    ):
        super().__init__()
        settings.check_loss(loss)
        settings.check_cache(cache)
        progress_style(verbose)
        self.data = data
        self.method = choice("method", method, METHODS)
        self.epochs = settings.checked_epochs(epochs)
        self.corruption = settings.checked_corruption(corruption)
        self.optimizer = None if optimizer is None else settings.optimizer_factory(optimizer)
        self.loss = loss
        self.layers = layers
        self.cache = cache
        self.batch_size = integer("batch_size", batch_size)
        self.tied = flag("tied", tied)
        self.sparsity = sparsity
        self.contractive = number("contractive", contractive, 0)
        self.variational = integer("variational", variational, or_none="none")
        self.gibbs_steps = integer("gibbs_steps", gibbs_steps)
        self.persistent = flag("persistent", persistent)
        self.sample_visible = flag("sample_visible", persistent if sample_visible is None else sample_visible)
        self.learning_rate = settings.checked_rate(learning_rate)
        settings.check_method(self)
        self.seed = integer("seed", seed, 0, 2**31 - 1)
        self.backup = None if backup is None else Path(backup)
        self.verbose = verbose
        self.history: dict[str, dict[str, list[float]]] = {}
        self.machines: dict[str, RestrictedBoltzmannMachine] = {}
        self._pretrained: weakref.ref | None = None

    def on_train_begin(self, logs=None):
        if self._pretrained is None or self._pretrained() is not self.model:
            self._pretrain(self.model, in_fit=True)

    def pretrain(self, model: keras.Model) -> None:
        """Pretrain a model, compiled or not, as `on_train_begin` does.

        Args:
            model: a functional or built Sequential model with one input.

        Raises:
            InputError: the model, its layers or the data cannot be used.
            DivergedError: the loss of a stage is no finite number any more.
        """
        self._pretrain(model, in_fit=False)

    def _pretrain(self, model: keras.Model, in_fit: bool) -> None:
        run = PretrainingRun(self, model)
        with temporary_seed(self.seed), suppress_retracing_warnings():
            self.history = run.train(in_fit)
        self.machines = run.method.machines
        self._pretrained = weakref.ref(model)
