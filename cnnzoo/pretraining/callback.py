"""Train each hidden layer as an autoencoder, then fine-tune the whole model."""

import weakref
from pathlib import Path
from typing import Any

import keras

from cnnzoo.callbacks import progress_style
from cnnzoo.checks import flag, integer
from cnnzoo.pretraining import settings
from cnnzoo.pretraining.activation_cache import Cache
from cnnzoo.pretraining.run import PretrainingRun
from cnnzoo.runtime import suppress_retracing_warnings, temporary_seed


class LayerwisePretraining(keras.callbacks.Callback):
    """Train every hidden Dense, Conv1D and Conv2D layer in turn as a (denoising) autoencoder of what enters it.

    Pretraining runs in `on_train_begin`; the fit that the callback was passed to then fine-tunes the whole model. A
    stage trains the model's own layer, with the activations that follow it, and a decoder that reconstructs what
    entered the layer. In a classifier the decoders are thrown away. In an autoencoder, known by widths
    that read the same from both ends and by no softmax at the last, the decoder of a layer is the layer of the
    model's own decoder that is paired with it, which keeps what it learned (unrolling). A layer that no other layer
    with weights follows, a head, is no hidden one. Frozen layers are passed through. Hidden layers of other types,
    such as Conv1D, recurrent ones or whole models, stay as they are, and a warning names them. Everything between the
    layers runs as at inference.

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
        corruption: fraction of the values that enter a layer to set to 0, in [0, 1], or a Keras layer that
            is copied for each stage, or one of these per layer. The loss compares with the values before corruption.
        optimizer: name, optimizer (each stage gets a copy) or function that returns a new one; a function with
            an argument is given the number of steps of the stage, for a schedule.
        loss: a Keras loss of activations and reconstruction; `None` is binary cross-entropy where the decoder
            ends in a sigmoid, else the mean squared error.
        layers: names of the layers to pretrain, in the model's order; `None` for all hidden ones.
        cache: where the activations that enter a layer are kept: `"memory"`; a folder, if they do not fit; or
            `False`, which runs the layers below again on every batch.
        batch_size: examples in a step, over all replicas.
        tied: whether a decoder that is made uses the transposed kernel of its layer. The layers of
            an autoencoder's own decoder are as they are.
        seed: seed of decoders, corruption and order.
        backup: a folder for the weights of each finished stage; a run with the same folder resumes after them.
        verbose: progress display of each layer. `"auto"`: a live line in a terminal or a notebook, and nothing
            elsewhere. 0: nothing. 1: a live line in a terminal or a notebook, one line per epoch elsewhere. 2: one
            line per epoch.

    Attributes:
        history: by layer name, `{"loss": [one per epoch], "seconds": [one per epoch]}`.

    Raises:
        InputError: a value that cannot be used.
        DivergedError: the loss of a stage is no finite number any more.

    Source: Bengio, Lamblin, Popovici and Larochelle 2007 (greedy layer-wise training); Vincent et al. 2008
        (denoising); Hinton and Salakhutdinov 2006 (unrolling), who trained the layers as restricted Boltzmann
        machines instead.

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
        corruption: Any = None,
        optimizer: Any = "adam",
        loss: Any = None,
        layers: list[str] | None = None,
        cache: Cache = "memory",
        batch_size: int = 128,
        tied: bool = False,
        seed: int = 0,
        backup: str | Path | None = None,
        verbose: str | int = "auto",
    ):
        super().__init__()
        settings.check_loss(loss)
        settings.check_cache(cache)
        progress_style(verbose)
        self.data = data
        self.epochs = settings.checked_epochs(epochs)
        self.corruption = settings.checked_corruption(corruption)
        self.optimizer = settings.optimizer_factory(optimizer)
        self.loss = loss
        self.layers = layers
        self.cache = cache
        self.batch_size = integer("batch_size", batch_size)
        self.tied = flag("tied", tied)
        self.seed = integer("seed", seed, 0, 2**31 - 1)
        self.backup = None if backup is None else Path(backup)
        self.verbose = verbose
        self.history: dict[str, dict[str, list[float]]] = {}
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
        self._pretrained = weakref.ref(model)
