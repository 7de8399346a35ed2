"""The exported model: a model that computes in float32, with its preprocessing and its predictions."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo import models, weights
from cnnzoo.checks import choice, integer, refusal
from cnnzoo.errors import InputError, reason
from cnnzoo.experiments.run import Run, load_model
from cnnzoo.models.heads import Head, head_of
from cnnzoo.models.standardization import Standardization

WEIGHTS_DTYPES = ("float32", "float16")


@dataclasses.dataclass(frozen=True)
class ExportedModel:
    """A model with all that an export needs, the same for every format.

    Attributes:
        own: the model that was given.
        model: computes in float32, with weights rounded to `weights_dtype`; `own` itself where that is so already.
        preprocess: turns images, signals or rows into the model's input, or `None` where they are the input.
        image_shape: `(height, width, channels)` of the images; or `(steps, channels)`, or `(columns,)`.
        class_names: name of each class or label; `None` where there are none.
        head: what its outputs are.
        top: how many classes the signatures name.
        weights_dtype: the type in which weights are stored.
        run: the run that trained the model, if it is known.
    """

    own: keras.Model
    model: keras.Model
    preprocess: Callable[[Any], Any] | None
    image_shape: tuple[int | None, ...]
    class_names: tuple[str, ...] | None
    head: Head
    top: int
    weights_dtype: str
    run: Run | None

    @property
    def takes_images(self) -> bool:
        """Whether it takes images, and not signals or rows of a table."""
        return len(self.image_shape) == 3

    @property
    def input_name(self) -> str:
        """Name of the input of its signatures."""
        return "images" if self.takes_images else "values"

    @property
    def takes_pixels(self) -> bool:
        """Whether images are pixels from 0 to 255."""
        return self.preprocess is not None and self.takes_images

    @property
    def takes_image_files(self) -> bool:
        """Whether image files can be decoded to what it takes: pixels that are gray or colored."""
        return self.takes_pixels and self.image_shape[-1] in (1, 3)

    @property
    def reconstructs(self) -> bool:
        """Whether it returns images like those that it takes."""
        return self.head.name == "reconstruction"

    def preprocessed(self, images):
        """Return images as the model takes them."""
        return self.preprocess(images) if self.preprocess else images

    def signature_outputs(self, outputs) -> dict[str, Any]:
        """Return the outputs of a signature by name, given the model's outputs."""
        predictions = self.head.predictions(tf.cast(outputs, tf.float32))
        named = {self.head.name: predictions}
        if self.head.name not in ("probabilities", "score"):
            return named
        if self.head.name == "score":
            class_id = predictions > 0.5
        elif self.top == 1:
            class_id = tf.argmax(predictions, axis=-1)
        else:
            named["class_probability"], class_id = tf.math.top_k(predictions, k=self.top)
        class_id = tf.cast(class_id, "int64")
        return {**named, "class_id": class_id, "class_name": tf.gather(self.class_names, class_id)}

    def sample_images(self, count: int) -> np.ndarray:
        """Return random images, as the signatures take them, to compare formats on.

        Their contrast decreases to 0: on strong noise, nets are so sure that a softmax hides every difference.

        Args:
            count: number of images.
        """
        shape = (count, *(side or 32 for side in self.image_shape))
        contrast = np.linspace(1, 0, count, dtype="float32").reshape(-1, *[1] * len(self.image_shape))
        if not self.takes_images:
            values = np.random.default_rng(0).standard_normal(shape).astype("float32") * contrast
            standardized = self.preprocess if isinstance(self.preprocess, Standardization) else None
            return standardized.inverse(values) if standardized else values
        images = np.random.default_rng(0).uniform(0, 1, shape).astype("float32") * contrast
        return np.round(255 * images) if self.takes_pixels else images

    def end_to_end(self) -> keras.Model:
        """Return a Keras model from images to predictions, for Keras' own exporters.

        Its preprocessing is a `Lambda`, as it is never saved.
        """
        images = keras.Input(self.image_shape, name=self.input_name)
        inputs = keras.layers.Lambda(self.preprocess)(images) if self.preprocess else images
        [outputs] = keras.tree.flatten(self.model(inputs))  # a model may return its only output in a list
        return keras.Model(images, {self.head.name: self.head.predictions(outputs)}, name="served")


def exported_model_of(
    model: keras.Model | Run | str | Path,
    preprocess: Callable[[Any], Any] | None,
    image_shape: Sequence[int] | None,
    class_names: Sequence[str] | None,
    top: int,
    weights_dtype: str,
    output: str | None,
) -> ExportedModel:
    """Return a model with all that an export needs; see `export` for the arguments.

    Raises:
        InputError: no finished run, outputs of which nothing says what they are, or values that do not fit the model.
    """
    choice("weights_dtype", weights_dtype, WEIGHTS_DTYPES)
    model, run = _load(model)
    # A model of the user's own is known for an autoencoder by its shape alone, where that is of images.
    same = model.output_shape == model.input_shape
    known = same and (len(model.output_shape) == 4 or model.layers[-1].name == "reconstruction")
    is_autoencoder = (known if run is None else models.reconstructs(run.recipe.model)) and output is None
    head = Head("reconstruction") if is_autoencoder else head_of(model, output)
    nameless = {"reconstruction": "an autoencoder without classes", "values": "which returns values"}.get(head.name)
    if nameless and class_names is not None:
        raise refusal("class_names", f"None for {model.name}, {nameless}", class_names)
    if run is not None:
        standardized = run.content.get("standardization")
        preprocess = preprocess or models.preprocessing(
            run.recipe.model, model, Standardization.from_dict(standardized) if standardized else None
        )
        image_shape = image_shape or run.metrics["image_shape"]
        class_names = class_names or (None if nameless else run.class_names)
    shape = _checked_shape(image_shape, model, preprocess is not None)
    names = None if nameless else _checked_names(class_names, model, head)
    if head.name == "probabilities":
        integer("top", top, 1, len(names or ()), of="the number of classes")
    elif top != 1:
        kind = nameless or f"which returns {'a score' if head.name == 'score' else 'a score for each label'}"
        raise refusal("top", f"1 for {model.name}, {kind}", top)
    exact = _in_float32(model, weights_dtype)
    return ExportedModel(model, exact, preprocess, shape, names, head, top, weights_dtype, run)


def _load(model: Any) -> tuple[keras.Model, Run | None]:
    if isinstance(model, str | Path):
        if Path(model).is_file() or Path(model).suffix == ".keras":
            return load_model(model), None
        if not Path(model).exists():
            raise _missing(Path(model))
        model = Run(model)
    if isinstance(model, Run):
        return model.model(), model
    if not isinstance(model, keras.Model):
        raise refusal("model", "a Keras model, a Run or the path of one", model)
    if not model.built or not isinstance(getattr(model, "input_shape", None), tuple):
        raise InputError(f"{model.name} must be built and take one tensor of images before it can be exported")
    return model, None


def _missing(path: Path) -> InputError:
    """Return the error for a path where nothing is, with the trained model of cnnzoo's that it may have meant."""
    message = f"there is no file or folder {str(path)!r}"
    folders = {entry.folder.parent.name: entry.folder.parent for entry in weights.list()}
    if path.name in folders:
        message += f"; the model of that name that comes with cnnzoo is in {str(folders[path.name])!r}"
    return InputError(message)


def _checked_names(class_names: Sequence[str] | None, model: keras.Model, head: Head) -> tuple[str, ...]:
    """Return the name of each class or label: those given, or the numbers."""
    classes = 2 if head.name == "score" else model.output_shape[-1]
    names = tuple(map(str, range(classes))) if class_names is None else tuple(class_names)
    if len(names) != classes:
        raise refusal("class_names", f"{classes} names, one for each class of {model.name}", class_names)
    return names


def _checked_shape(given: Sequence[int] | None, model: keras.Model, takes_pixels: bool) -> tuple[int | None, ...]:
    shape = tuple(given or model.input_shape[1:])
    allowed = (int, type(None)) if given is None else (int,)
    if len(shape) < 3 and shape == tuple(model.input_shape[1:]) and None not in shape:  # signals, or rows of a table
        return shape
    if len(shape) != 3 or not all(type(side) in allowed and (side is None or side > 0) for side in shape):
        raise refusal("image_shape", "three positive integers (height, width, channels)", given or shape)
    if takes_pixels and None in shape:
        raise InputError(
            f"{model.name} takes images of any size: give `image_shape`, the size to which image files are resized"
        )
    return shape


def _in_float32(model: keras.Model, weights_dtype: str) -> keras.Model:
    """Return the model as it is, or a copy that computes in float32 with weights rounded to a type.

    A server's processor may have no bfloat16, and ONNX Runtime and LiteRT have none for these layers; with one type
    all formats return the same outputs.
    """
    if weights_dtype == "float32" and _is_float32(model):
        return model

    def clone(layer):
        config = layer.get_config()
        return type(layer).from_config({**config, "dtype": "float32"} if "dtype" in config else config)

    try:
        copy = keras.models.clone_model(model, clone_function=clone, recursive=True)
    except (ValueError, TypeError, NotImplementedError) as error:  # a subclass, or a layer without a configuration
        raise InputError(f"{model.name} cannot be copied to compute in float32: {reason(error)}") from error
    copy.set_weights([_rounded(value, weights_dtype) for value in model.get_weights()])
    return copy


def _is_float32(layer: Any) -> bool:
    return layer.dtype_policy.name == "float32" and all(map(_is_float32, getattr(layer, "layers", ())))


def _rounded(value: np.ndarray, dtype: str) -> np.ndarray:
    """Round to a type, and refuse a value that is too large for it."""
    if value.dtype != np.float32:
        return value
    with np.errstate(over="ignore"):
        rounded = value.astype(dtype).astype("float32")
    if not np.isfinite(rounded).all():
        raise InputError(f"a weight of {np.abs(value).max():g} is too large for {dtype}")
    return rounded


def weight_variables(exported: ExportedModel) -> list[tf.Variable]:
    """Return the weights as TensorFlow variables of the type in which they are stored, in Keras' order."""
    stored = []
    for weight in exported.model.weights:
        value = keras.ops.convert_to_numpy(weight)
        dtype = exported.weights_dtype if value.dtype == np.float32 else value.dtype
        stored.append(tf.Variable(value.astype(dtype), name=weight.name, trainable=False))
    return stored
