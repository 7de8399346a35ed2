"""The convolution arithmetic of a whole net."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import keras

from cnnzoo import checks, models
from cnnzoo.analysis import table
from cnnzoo.analysis.arithmetic import Signal
from cnnzoo.analysis.receptive_field import ReceptiveField
from cnnzoo.analysis.survey import DisagreementError, Survey
from cnnzoo.analysis.table import Row, Totals
from cnnzoo.errors import InputError, unknown
from cnnzoo.layers.graph import graph_inputs, walk

SHAPE = "a tuple of positive integers such as (224, 224, 3): the sides of the image, then its depth"


@dataclasses.dataclass(frozen=True)
class ConvReport:
    """The arithmetic of a net: print it, index it by layer name, or turn it into plain data.

    Attributes:
        model: name of the model.
        rows: one for each input and each call of a layer, in the order of computation.
        warnings: one sentence for each layer whose windows leave a border of its input unread.

    Example:
    >>> import cnnzoo
    >>> report = cnnzoo.conv_report("lenet5")
    >>> report["C3"].connections, report.totals.connections
    (151600, 340908)
    """

    model: str
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]

    @property
    def totals(self) -> Totals:
        """The sums over all rows."""
        return Totals.of(self.rows)

    def __getitem__(self, name: str) -> Row:
        """Return the row of that name.

        Raises:
            InputError: there is none; the message names the nearest ones.
        """
        rows = {row.name: row for row in self.rows}
        if name not in rows:
            raise unknown(f"layer of {self.model}", name, rows, plural=f"layers of {self.model}")
        return rows[name]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for `json.dumps`: numbers, texts, lists and mappings."""
        return {
            "model": self.model,
            "rows": [row.to_dict() for row in self.rows],
            "totals": dataclasses.asdict(self.totals),
            "warnings": list(self.warnings),
        }

    def to_markdown(self) -> str:
        """Return a Markdown table of all rows, and the warnings below it."""
        return table.to_markdown(self.rows, self.totals, self.warnings)

    def __str__(self) -> str:
        return table.to_text(self.rows, self.totals, self.warnings)

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


def conv_report(
    model: str | keras.Model,
    *,
    input_shape: Sequence[int] | list[Sequence[int]] | None = None,
    elementwise: Iterable[type] = (),
) -> ConvReport:
    """Compute sizes, receptive fields, parameters, connections and multiply-adds of every layer of a net.

    The formulas are those of the lectures; their sizes and parameters are checked against the model.
    Conventions:

    - Windows that overlap the padding count as whole ones, in connections and in multiply-adds.
    - Connections are counted as LeCun et al. 1998 do: outputs × (inputs of a neuron + 1 for a bias).
      Activations, normalizations and merging layers are part of the neurons before them and make none.
    - Multiply-adds are those of convolutions, dense layers and distances to centers, without biases.
    - "Unshared" is the number of parameters if every output had its own.
    - The receptive field is that of a neuron far from the border, and may exceed the image; a neuron that
      depends on the whole image has the image's size. The statistics of a batch or layer normalization do not
      widen it, nor does a softmax over positions; local response normalization within maps does, by its square
      of pixels. After upsampling it is rounded up.
    - A shared layer has its parameters counted once, everything else at every call.

    Args:
        model: a name of `cnnzoo.list_models()`, or a functional or Sequential Keras model with channels last.
        input_shape: shape of an image without the batch, such as `(224, 224, 3)`: for models that leave
            sides open, and for models by name. For several inputs, a list of shapes.
        elementwise: layer classes of your own that compute each output from the inputs at its position.

    Returns:
        A `ConvReport`.

    Raises:
        InputError: no such model, an input shape that is open or contradicted, or a layer type that has no
            formula.
        DisagreementError: Keras has another size or number of weights for a layer than the formulas: it is
            quantized, has LoRA, or is a subclass with weights of its own. This is an `InputError`, too.

    Source: LeCun et al. 1998, section II-B (connections); `cnnzoo.analysis.window` and
    `cnnzoo.analysis.receptive_field` for the formulas.

    Example:
    >>> import cnnzoo
    >>> row = cnnzoo.conv_report("lenet5")["C1"]
    >>> row.output_shape, row.parameters, row.connections
    ((28, 28, 6), 156, 122304)
    """
    if isinstance(model, str):
        options = {} if input_shape is None else {"input_shape": input_shape}
        model, input_shape = models.create(model, compile=False, **options), None
    survey = surveyed(model, input_shape, elementwise)
    report = ConvReport(model.name, tuple(survey.rows), tuple(survey.warnings))
    if report.totals.parameters != model.count_params():
        raise DisagreementError(
            f"the layers of {model.name} have {report.totals.parameters:,} parameters, "
            f"and the model {model.count_params():,}: it has weights that belong to none of the layers in its graph"
        )
    return report


def surveyed(model: keras.Model, input_shape: Any, elementwise: Iterable[type], *, bordered: bool = False) -> Survey:
    """Return the survey of a model, call by call.

    Args:
        model: as for `conv_report`.
        input_shape: as for `conv_report`.
        elementwise: as for `conv_report`.
        bordered: whether receptive fields end at the border of the image, so that each position has its own; else
            they are those far from every border.
    """
    pointwise = tuple(elementwise) if isinstance(elementwise, Iterable) else (elementwise,)
    if not all(isinstance(cls, type) for cls in pointwise):
        raise checks.refusal("elementwise", "layer classes in a tuple, such as (MyLayer,)", elementwise)
    signals = [
        Signal(tensor, ReceptiveField.of_image(tensor.shape[1:], number, bordered=bordered))
        for number, tensor in enumerate(_image_tensors(model, input_shape))
    ]
    survey = Survey(pointwise)
    for signal in signals:
        survey.add_input(signal)
    walk(model, signals, survey.visit)
    return survey


def _image_tensors(model: keras.Model, input_shape: Any) -> list[keras.KerasTensor]:
    """Return one tensor for each input of a model, with every side known.

    Args:
        model: as for `conv_report`.
        input_shape: the shape of an image, without the batch, for models that leave sides open; one for
            each input in a list where there are several; or `None`.

    Raises:
        InputError: the model has no graph, the shape is missing, malformed, or not the model's.
    """
    if not isinstance(model, keras.Model):
        raise checks.refusal("model", "a name of cnnzoo.list_models() or a Keras model", model)
    references = graph_inputs(model)
    if input_shape is None:
        shapes = [tuple(reference.shape[1:]) for reference in references]
    elif len(references) == 1 and not isinstance(input_shape, list):
        shapes = [input_shape]
    else:
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
    if len(shapes) != len(references):
        raise InputError(
            f"{model.name} has {len(references)} inputs: `input_shape` must be a list of {len(references)} shapes. "
            f"Received: {input_shape!r}"
        )
    return [
        _image_tensor(model, reference, shape, given=input_shape is not None)
        for reference, shape in zip(references, shapes, strict=True)
    ]


def _image_tensor(model: keras.Model, reference: keras.KerasTensor, shape: Any, *, given: bool) -> keras.KerasTensor:
    own = tuple(reference.shape[1:])
    name = _layer_of(model, reference)
    if given and not (isinstance(shape, tuple | list) and all(type(side) is int and side > 0 for side in shape)):
        raise checks.refusal("input_shape", SHAPE, shape)
    shape = tuple(shape)
    if None in shape:
        raise InputError(f"{model.name} leaves sides of its input {name!r} open, {own}: give input_shape, {SHAPE}")
    fits = len(shape) == len(own) and all(want in (None, side) for want, side in zip(own, shape, strict=True))
    if not fits:
        raise InputError(f"{model.name} was built for the input shape {own}, which input_shape={shape} contradicts")
    return keras.KerasTensor((None, *shape), dtype=reference.dtype, name=name)


def _layer_of(model: keras.Model, reference: keras.KerasTensor) -> str:
    """Return the name of an input's layer; its tensor may have been given one by number."""
    for layer in keras.Function(model.inputs, model.outputs).operations:
        if isinstance(layer, keras.layers.InputLayer) and layer.output is reference:
            return layer.name
    return reference.name
