"""The convolution arithmetic of a whole net."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import keras

from cnnzoo import models
from cnnzoo.analysis import table
from cnnzoo.analysis.graph import image_signals, walk
from cnnzoo.analysis.survey import DisagreementError, Survey
from cnnzoo.analysis.table import Row, Totals
from cnnzoo.errors import InputError, unknown


@dataclasses.dataclass(frozen=True)
class ConvReport:
    """What `conv_report` returns: print it, read it by row, or turn it into plain data.

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
        """Return everything as numbers, texts, lists and mappings, as `json.dumps` takes them."""
        return {
            "model": self.model,
            "rows": [row.to_dict() for row in self.rows],
            "totals": dataclasses.asdict(self.totals),
            "warnings": list(self.warnings),
        }

    def to_markdown(self) -> str:
        """Return a Markdown table of everything, and the warnings below it."""
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

    The formulas are those of the lectures; what they give for sizes and parameters is checked against
    the model. Conventions:

    - Windows that touch the padding count as whole ones, in connections and in multiply-adds.
    - Connections are counted as LeCun et al. 1998 do: outputs × (inputs of a neuron + 1 for a bias).
      Activations, normalizations and merging layers are part of the neurons before them and make none.
    - Multiply-adds are those of convolutions, dense layers and distances to centers, without biases.
    - "Unshared" is the number of parameters if every output had its own.
    - The receptive field is that of a neuron far from the border, and may exceed the image; what sees the
      whole image has the image's size. The statistics of a batch or layer normalization do not widen it;
      local response normalization within maps does, by its square of pixels. After upsampling it is
      rounded up.
    - A shared layer has its parameters counted once, everything else at every call.

    Args:
        model: a name of `cnnzoo.list_models()`, or a functional or Sequential Keras model with channels last.
        input_shape: shape of an image without the batch, such as `(224, 224, 3)`: for models that leave
            sides open, and for models by name. For several inputs, a list of shapes.
        elementwise: layer classes of your own that compute each output from the inputs at its place.

    Returns:
        A `ConvReport`.

    Raises:
        InputError: what was given is no such model, its input is open or contradicted, or a layer is
            of a kind that the report does not know.
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


def surveyed(model: keras.Model, input_shape: Any, elementwise: Iterable[type]) -> Survey:
    """Go through a model call by call; the arguments are those of `conv_report`."""
    pointwise = tuple(elementwise) if isinstance(elementwise, Iterable) else (elementwise,)
    if not all(isinstance(cls, type) for cls in pointwise):
        raise InputError(f"elementwise must be layer classes in a tuple, such as (MyLayer,), not {elementwise!r}")
    signals = image_signals(model, input_shape)
    survey = Survey(pointwise)
    for signal in signals:
        survey.add_input(signal)
    walk(model, signals, survey.visit)
    return survey
