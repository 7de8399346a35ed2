"""A trained model out into the world: a SavedModel that takes pixels and needs nothing but TensorFlow."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from cnnzoo import models
from cnnzoo.errors import InputError
from cnnzoo.files import next_version
from cnnzoo.layers import RadialBasis
from cnnzoo.run import Run

# What turns a model's outputs into the answers of a signature, by name.
Answer = Callable[[Any], dict[str, Any]]


def export(
    model: keras.Model | Run | str | Path,
    folder: str | Path,
    *,
    preprocess: Callable[[Any], Any] | None = None,
    image_shape: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
) -> Path:
    """Write a classifier or an autoencoder as a SavedModel to `folder/<next integer>`, as model servers expect it.

    The signature `serving_default` takes `images`, float32 `(batch, height, width, channels)`, and
    returns `probabilities` `(batch, classes)`, `class_id` `(batch,)` and `class_name` `(batch,)`; of an
    autoencoder, a model that returns images of the shape that it takes, it returns `reconstruction`.
    From a run, images are pixels 0 to 255 of the size of the data set, and the run's own
    preprocessing is part of the graph. From a bare model, they are what the model takes, unless
    `preprocess` is given.

    The folder appears whole or not at all; a server that polls `folder` never sees a part.

    Args:
        model: a classifier, an autoencoder, a finished `Run`, or a run's folder.
        folder: the model's folder, such as `saved_models/lenet5`.
        preprocess: what turns images into the model's input; a run brings its own.
        image_shape: `(height, width, channels)` of the images; default the model's input, or the run's data.
        class_names: name of each class; default the numbers, or the run's own. An autoencoder has none.

    Returns:
        The path of the new version.

    Raises:
        InputError: no finished run, neither classifier nor autoencoder, or names that do not match its classes.

    Example:
    >>> import cnnzoo, tempfile
    >>> version = export(cnnzoo.lenet5(), tempfile.mkdtemp())
    >>> version.name, sorted(entry.name for entry in version.iterdir())[-2:]
    ('1', ['saved_model.pb', 'variables'])
    """
    if isinstance(model, str | Path):
        model = Run(model)
    run = None
    if isinstance(model, Run):
        run, model = model, model.model()
        preprocess = preprocess or models.preprocessing(run.recipe["model"], model)
        image_shape = image_shape or run.metrics["image_shape"]
    if models.reconstructs(model):
        if class_names is not None:
            raise InputError(f"{model.name} is an autoencoder and has no classes, but {class_names=} was given")
        answer: Answer = _reconstruction
    else:
        answer = _classification(model, run.class_names if run and not class_names else class_names)
    with next_version(Path(folder)) as version:
        _write(model, version.part, preprocess, tuple(image_shape or model.input_shape[1:]), answer)
    return version.folder


def _reconstruction(outputs) -> dict[str, Any]:
    return {"reconstruction": tf.cast(outputs, tf.float32)}


def _classification(model: keras.Model, class_names: Sequence[str] | None) -> Answer:
    """Return what makes probabilities and names of a classifier's outputs."""
    classes = _classes(model)
    class_names = [str(number) for number in range(classes)] if class_names is None else list(class_names)
    if len(class_names) != classes:
        raise InputError(f"the model has {classes} classes, but {len(class_names)} class_names were given")
    names = tf.constant(class_names)
    to_probabilities = _to_probabilities(model)

    def answer(outputs):
        probabilities = to_probabilities(tf.cast(outputs, tf.float32))
        class_id = tf.argmax(probabilities, axis=-1)
        return {"probabilities": probabilities, "class_id": class_id, "class_name": tf.gather(names, class_id)}

    return answer


def _classes(model: keras.Model) -> int:
    if not isinstance(model.output_shape, tuple) or len(model.output_shape) != 2:
        raise InputError(
            f"{model.name} is no classifier and no autoencoder: it returns {model.output_shape}, "
            "not (batch, classes) or images like its input"
        )
    return model.output_shape[-1]


def _write(
    model: keras.Model,
    folder: Path,
    preprocess: Callable[[Any], Any] | None,
    image_shape: tuple[int, ...],
    answer: Answer,
) -> None:
    def serve(images):
        # A tensor of another rank would fail a check inside oneDNN and take the whole server with it.
        images = tf.ensure_shape(images, (None, *image_shape))
        return answer(model(preprocess(images) if preprocess else images, training=False))

    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec((None, *image_shape), tf.float32, name="images")]
    archive.add_endpoint("serving_default", serve, input_signature=signature)
    archive.write_out(str(folder), verbose=False)


def _to_probabilities(model: keras.Model) -> Callable[[Any], Any]:
    """Return what makes probabilities of the outputs: nothing after a softmax, a softmax after logits.

    The negated penalties of LeNet-5 are logits; of other outputs only their maker knows.

    Raises:
        InputError: the model ends in neither.
    """
    last = model
    while isinstance(last, keras.Model):
        last = last.layers[-1]
    activation = getattr(last, "activation", None)
    if isinstance(last, keras.layers.Softmax) or activation is keras.activations.softmax:
        return tf.identity
    if activation is keras.activations.linear or (isinstance(last, RadialBasis) and last.negate):
        return functools.partial(ops.softmax, axis=-1)
    raise InputError(
        f"{model.name} ends in the {type(last).__name__} layer {last.name!r}, which gives neither probabilities "
        "(a softmax) nor logits (no activation)"
    )
