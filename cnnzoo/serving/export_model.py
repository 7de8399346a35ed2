"""What is exported: a model that calculates in float32, and all that turns pixels into its answer."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo import models
from cnnzoo.errors import InputError, reason
from cnnzoo.experiments.run import Run, load_model
from cnnzoo.models.probabilities import to_probabilities


@dataclasses.dataclass(frozen=True)
class Answer:
    """How a model's outputs become an answer.

    Attributes:
        probable: what makes probabilities of the outputs; of a reconstruction, the reconstruction itself.
        named: what makes the signature's outputs, by name, of what `probable` returned.
    """

    probable: Callable[[Any], Any]
    named: Callable[[Any], dict[str, Any]]

    def __call__(self, outputs) -> dict[str, Any]:
        """Return a signature's outputs of the model's."""
        return self.named(self.probable(tf.cast(outputs, tf.float32)))


def reconstruction() -> Answer:
    """Return the answer of an autoencoder: the image as it reconstructs it."""
    return Answer(_as_it_is, lambda images: {"reconstruction": images})


def classification(model: keras.Model, class_names: Sequence[str] | None, top: int) -> tuple[tuple[str, ...], Answer]:
    """Return the names of a classifier's classes, and its answer.

    Args:
        model: the classifier.
        class_names: name of each class, or `None` for their numbers.
        top: how many classes to name.

    Raises:
        InputError: no classifier, names that do not match its classes, or `top` out of range.
    """
    classes = _classes(model)
    names = tuple(map(str, range(classes))) if class_names is None else tuple(class_names)
    if len(names) != classes:
        raise InputError(f"the model has {classes} classes, but {len(names)} class_names were given")
    if type(top) is not int or not 1 <= top <= classes:
        raise InputError(f"top must be an integer from 1 to the {classes} classes, not {top!r}")

    def named(probabilities):
        if top == 1:
            class_id = tf.argmax(probabilities, axis=-1)
            return {"probabilities": probabilities, "class_id": class_id, "class_name": tf.gather(names, class_id)}
        best, class_id = tf.math.top_k(probabilities, k=top)
        return {
            "probabilities": probabilities,
            "class_id": tf.cast(class_id, "int64"),
            "class_name": tf.gather(names, class_id),
            "class_probability": best,
        }

    return names, Answer(to_probabilities(model), named)


def _classes(model: keras.Model) -> int:
    if not isinstance(model.output_shape, tuple) or len(model.output_shape) != 2:
        raise InputError(
            f"{model.name} is no classifier and no autoencoder: it returns {model.output_shape}, "
            "not (batch, classes) or images like its input"
        )
    return model.output_shape[-1]


def _as_it_is(outputs):
    return outputs


WEIGHTS_DTYPES = ("float32", "float16")


@dataclasses.dataclass(frozen=True)
class ExportedModel:
    """A model and its surroundings.

    Attributes:
        model: computes in float32; its weights are already rounded to `weights_dtype`.
        preprocess: what turns images into the model's input, or `None` where images are the input.
        image_shape: `(height, width, channels)` of the images.
        class_names: name of each class, or `None` for an autoencoder.
        answer: what the signatures return of the model's outputs.
        weights_dtype: in which type weights are stored.
        run: the run that trained the model, if one is known.
    """

    model: keras.Model
    preprocess: Callable[[Any], Any] | None
    image_shape: tuple[int | None, ...]
    class_names: tuple[str, ...] | None
    answer: Answer
    weights_dtype: str
    run: Run | None

    @property
    def takes_pixels(self) -> bool:
        """Whether images are pixels from 0 to 255."""
        return self.preprocess is not None

    @property
    def takes_files(self) -> bool:
        """Whether files of images can be brought to what it takes: pixels that are gray or colored."""
        return self.takes_pixels and self.image_shape[-1] in (1, 3)

    @property
    def answers_with(self) -> str:
        """Name of the output that is a number for every class, or every pixel."""
        return "reconstruction" if self.class_names is None else "probabilities"

    def prepared(self, images):
        """Return images as the model takes them."""
        return self.preprocess(images) if self.preprocess else images

    def samples(self, count: int) -> np.ndarray:
        """Return random images, as the signatures take them, to try the model on.

        Their contrast falls to nothing: of strong noise nets are so sure that a softmax hides every difference.

        Args:
            count: how many.
        """
        shape = (count, *(side or 32 for side in self.image_shape))
        contrast = np.linspace(1, 0, count, dtype="float32").reshape(-1, 1, 1, 1)
        images = np.random.default_rng(0).uniform(0, 1, shape).astype("float32") * contrast
        return np.round(255 * images) if self.takes_pixels else images

    def as_one_model(self) -> keras.Model:
        """Return a Keras model from images to probabilities or reconstructions, for Keras' own exporters.

        Its preprocessing is a `Lambda`, as it is never saved.
        """
        images = keras.Input(self.image_shape, name="images")
        prepared = keras.layers.Lambda(self.preprocess)(images) if self.preprocess else images
        outputs = self.answer.probable(self.model(prepared))
        return keras.Model(images, {self.answers_with: outputs}, name="served")


def exported_model_of(
    model: keras.Model | Run | str | Path,
    preprocess: Callable[[Any], Any] | None,
    image_shape: Sequence[int] | None,
    class_names: Sequence[str] | None,
    top: int,
    weights_dtype: str,
) -> ExportedModel:
    """Bring together what is exported; see `export` for the arguments.

    Raises:
        InputError: no finished run, neither classifier nor autoencoder, or values that do not fit the model.
    """
    if weights_dtype not in WEIGHTS_DTYPES:
        raise InputError(f"weights_dtype must be 'float32' or 'float16', not {weights_dtype!r}")
    model, run = _loaded(model)
    if run is not None:
        preprocess = preprocess or models.preprocessing(run.recipe["model"], model)
        image_shape = image_shape or run.metrics["image_shape"]
        class_names = class_names or run.class_names
    shape = _checked_shape(image_shape, model, preprocess is not None)
    if models.reconstructs(model):
        if class_names is not None and run is None:
            raise InputError(f"{model.name} is an autoencoder and has no classes, but {class_names=} was given")
        if top != 1:
            raise InputError(f"{model.name} is an autoencoder and has no classes, but {top=} was given")
        names, answer = None, reconstruction()
    else:
        names, answer = classification(model, class_names, top)
    exact = _in_float32(model, weights_dtype)
    return ExportedModel(exact, preprocess, shape, names, answer, weights_dtype, run)


def _loaded(model: Any) -> tuple[keras.Model, Run | None]:
    if isinstance(model, str | Path):
        if Path(model).suffix == ".keras":
            return load_model(model), None
        model = Run(model)
    if isinstance(model, Run):
        return model.model(), model
    if not isinstance(model, keras.Model):
        raise InputError(f"model must be a Keras model, a Run or the path of one, not a {type(model).__name__}")
    if not model.built or not isinstance(getattr(model, "input_shape", None), tuple):
        raise InputError(f"{model.name} must be built and take one tensor of images before it can be exported")
    return model, None


def _checked_shape(given: Sequence[int] | None, model: keras.Model, takes_pixels: bool) -> tuple[int | None, ...]:
    shape = tuple(given or model.input_shape[1:])
    allowed = (int, type(None)) if given is None else (int,)
    if len(shape) != 3 or not all(type(side) in allowed and (side is None or side > 0) for side in shape):
        raise InputError(f"image_shape must be three positive integers (height, width, channels), not {given or shape}")
    if takes_pixels and None in shape:
        raise InputError(
            f"{model.name} takes images of any size; image_shape must say to which size image files are brought"
        )
    return shape


def _in_float32(model: keras.Model, weights_dtype: str) -> keras.Model:
    """Return the model as it is, or a copy that computes in float32 with weights rounded to a type.

    A server's processor may know no bfloat16, and ONNX Runtime and LiteRT have none for these layers; with one type
    all formats give the same answers.
    """
    try:
        config = model.get_config()
        exact = _with_float32(config)
        if weights_dtype == "float32" and exact == config:
            return model
        copy = type(model).from_config(exact)
        copy.set_weights([_rounded(value, weights_dtype) for value in model.get_weights()])
    except Exception as error:  # a subclass' own
        raise InputError(f"{model.name} cannot be copied to compute in float32: {reason(error)}") from error
    return copy


def _with_float32(config: Any) -> Any:
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": "float32"}}
        return {key: _with_float32(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_with_float32(value) for value in config)
    return config


def _rounded(value: np.ndarray, dtype: str) -> np.ndarray:
    """Round to a type, and refuse what it cannot hold."""
    if value.dtype != np.float32:
        return value
    with np.errstate(over="ignore"):
        rounded = value.astype(dtype).astype("float32")
    if not np.isfinite(rounded).all():
        raise ValueError(f"a weight of {np.abs(value).max():g} is too large for {dtype}")
    return rounded


def weight_variables(exported: ExportedModel) -> list[tf.Variable]:
    """Return the weights as variables of TensorFlow in the type that they are stored in, in Keras' order."""
    stored = []
    for weight in exported.model.weights:
        value = keras.ops.convert_to_numpy(weight)
        dtype = exported.weights_dtype if value.dtype == np.float32 else value.dtype
        stored.append(tf.Variable(value.astype(dtype), name=weight.name, trainable=False))
    return stored
