"""What a model's outputs are, probabilities, logits or values, and what is served of them.

That is known by the operation that makes the output, in whatever model or layer it stands; where that says nothing, as
a layer without activation, by the loss that the model is compiled with; or one says it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import keras
from keras import layers, ops

from cnnzoo.checks import choice
from cnnzoo.errors import InputError
from cnnzoo.keras_internals import Call
from cnnzoo.layers import RadialBasis, scaled_tanh
from cnnzoo.layers.graph import call_of, graph_inputs
from cnnzoo.losses import MaximumAPosteriori, SparseMeanSquaredError

# What a model may return for each image.
OUTPUTS = {
    "probabilities": "a probability for each class, 1 in sum; from one unit, that of the second of two classes",
    "logits": "logits of these",
    "labels": "a probability for each of several labels, independent of the others",
    "values": "numbers, such as those of a regression, or features",
}
# Layers that pass on their input at inference.
PASSING = (
    *(layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D, layers.AlphaDropout),
    *(layers.GaussianDropout, layers.GaussianNoise, layers.ActivityRegularization, layers.Identity, layers.Masking),
)
AVERAGING = (layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D)
# Layers, and Keras' own operations, which have no public names, that only change the shape.
RESHAPING = ("Flatten", "Reshape", "Squeeze", "ExpandDims", "Cast", "StopGradient", "Copy")
ACTIVATIONS = {
    keras.activations.softmax: "probabilities",
    ops.softmax: "probabilities",
    keras.activations.log_softmax: "logits",
    ops.log_softmax: "logits",
    keras.activations.sigmoid: "labels",
    ops.sigmoid: "labels",
    scaled_tanh: "logits",  # as of the nets of 1989: the largest output is the prediction; see SparseMeanSquaredError
}
OPERATIONS = {"Softmax": "probabilities", "LogSoftmax": "logits", "Sigmoid": "labels"}


@dataclass(frozen=True)
class Head:
    """What is made of a model's outputs.

    Attributes:
        name: `"probabilities"` `(batch, classes)`; `"score"` `(batch,)`, the probability of the second of two classes;
            `"labels"` `(batch, labels)`, a probability for each; `"values"`, the outputs as they are; or
            `"reconstruction"`, those of an autoencoder.
        from_logits: whether the outputs are logits.
    """

    name: str
    from_logits: bool = False

    def predictions(self, outputs: Any) -> Any:
        """Return the predictions, given a model's outputs."""
        if self.from_logits:
            outputs = ops.softmax(outputs, axis=-1) if self.name == "probabilities" else ops.sigmoid(outputs)
        return ops.squeeze(outputs, axis=-1) if self.name == "score" else outputs


def head_of(model: keras.Model, output: str | None = None) -> Head:
    """Return what a model's outputs are.

    Args:
        model: a functional or Sequential model with one output.
        output: one of `OUTPUTS`, or `None` for what the last operation and the loss say.

    Raises:
        InputError: neither of them says it, they contradict `output`, or the model returns several tensors.

    Example:
    >>> import cnnzoo
    >>> head_of(cnnzoo.lenet()), head_of(cnnzoo.lenet5())
    (Head(name='probabilities', from_logits=False), Head(name='probabilities', from_logits=True))
    """
    if output is not None:
        choice("output", output, OUTPUTS, "kinds of output")
    tensor = _single_output(model)
    if output == "values":
        return Head("values")
    if len(tensor.shape) != 2:
        raise InputError(
            f"{model.name} is no classifier and no autoencoder: it returns {tuple(tensor.shape)}, not (batch, classes) "
            "or images like its input; with output='values' they are taken as they are"
        )
    nested: list[keras.Model] = []
    kind, units = _of_operation(tensor, {}, nested), tensor.shape[-1]
    if kind in ("probabilities", "logits") and units == 1:
        raise InputError(f"{model.name} has one unit, whose softmax is 1 for every image; use a sigmoid, or two units")
    if output == "logits" and kind in ("probabilities", "labels"):
        activation = "sigmoid" if kind == "labels" else "softmax"
        raise InputError(f"the outputs of {model.name} are no logits: it ends in a {activation}")
    if output is not None:
        return Head("score" if units == 1 else output if output == "labels" else "probabilities", output == "logits")
    if kind is not None:
        if kind == "labels":
            return Head("score" if units == 1 else "labels")
        return Head("probabilities", kind == "logits")
    found = next(filter(None, (_of_loss(each, units) for each in (model, *nested) if each.compiled)), None)
    if found is None:
        raise InputError(
            f"{model.name} ends in {_described(tensor)}, and neither that nor its loss says what its outputs are; say "
            f"it: {', '.join(f'output={name!r} ({meaning})' for name, meaning in OUTPUTS.items())}"
        )
    return found


def _single_output(model: keras.Model) -> keras.KerasTensor:
    graph_inputs(model)
    named = isinstance(model, keras.Function) and isinstance(model.output, dict)
    if len(model.outputs) == 1 and not named:
        return model.outputs[0]
    names = [str(key) for key in model.output] if named else [tensor.name for tensor in model.outputs]
    raise InputError(
        f"{model.name} returns {'a dictionary' if named else 'a list'} of outputs, {', '.join(names)}; take one of "
        "them, such as keras.Model(model.inputs, model.outputs[0])"
    )


def _of_operation(tensor: keras.KerasTensor, outside: dict[int, Any], nested: list[keras.Model]) -> str | None:
    """Return which of `OUTPUTS` a tensor is by the operation that made it, or `None`.

    Args:
        tensor: a tensor of a graph.
        outside: of a model inside of another, for the id of each input the tensor and the `outside` of its call.
        nested: is extended by the models inside whose output the tensor is.
    """
    if id(tensor) in outside:
        given, its_outside = outside[id(tensor)]
        return _of_operation(given, its_outside, nested)
    call: Any = call_of(tensor)
    layer = call.layer
    if isinstance(layer, keras.Function | keras.Sequential):
        nested.append(layer)
        inner = {id(own): (given, outside) for own, given in zip(layer.inputs, call.inputs, strict=False)}
        at = [each is tensor for each in call.outputs].index(True)
        return _of_operation(layer.outputs[at], inner, nested)
    before = (_of_operation(each, outside, nested) for each in call.inputs)
    if isinstance(layer, PASSING) or (isinstance(layer, AVERAGING) and layer.data_format == "channels_last"):
        return next(before)
    if isinstance(layer, layers.Average):
        kinds = set(before)
        return kinds.pop() if len(kinds) == 1 else None
    if isinstance(layer, layers.Concatenate):
        return "labels" if set(before) == {"labels"} else None
    if type(layer).__name__ in RESHAPING and _is_keras(layer):
        # The values at several positions, one after the other, are no classes any more.
        of_one = all(prod(side or 2 for side in each.shape[1:-1]) == 1 for each in (tensor, call.inputs[0]))
        return next(before) if of_one and tensor.shape[-1] == call.inputs[0].shape[-1] else None
    if isinstance(layer, RadialBasis):
        return "logits" if layer.negate else None
    kind = _of_activation(layer, call)
    return next(before) if kind == "passed on" else kind


def _of_activation(layer: Any, call: Call) -> str | None:
    """Return what a layer's activation, or an operation, makes of its input; `"passed on"` for its input."""
    name = OPERATIONS.get(type(layer).__name__) if _is_keras(layer) else None
    if name is not None:  # the layer or the operation of that name
        last = getattr(layer, "axis", -1) in (-1, len(call.inputs[0].shape) - 1)
        return name if last else None
    if isinstance(layer, layers.RNN):  # what it returns is no activation alone
        return None
    activation = getattr(layer, "reverse_activation" if call.options.get("reverse") else "activation", None)
    if isinstance(activation, layers.Softmax):
        return "probabilities" if activation.axis == -1 else None
    if isinstance(layer, layers.Activation) and activation is keras.activations.linear:
        return "passed on"
    return ACTIVATIONS.get(activation) if callable(activation) else None


def _is_keras(layer: Any) -> bool:
    return type(layer).__module__.partition(".")[0] == "keras"


# Losses by the names of their classes, or of their functions without underscores.
CATEGORICAL = ("sparsecategoricalcrossentropy", "categoricalcrossentropy", "categoricalfocalcrossentropy")
BINARY = ("binarycrossentropy", "binaryfocalcrossentropy")
REGRESSION = (
    *("meansquarederror", "meanabsoluteerror", "meanabsolutepercentageerror", "meansquaredlogarithmicerror"),
    *("huber", "logcosh", "poisson", "cosinesimilarity"),
)


def _of_loss(model: keras.Model, units: int) -> Head | None:
    """Return what the loss of a compiled model takes its outputs for, or `None` if it does not tell."""
    losses = keras.tree.flatten(model.loss)
    if len(losses) != 1 or losses[0] is None:
        return None
    loss = keras.losses.get(losses[0])
    names = {name.replace("_", "").lower() for name in _names(loss)}
    from_logits = getattr(loss, "from_logits", False)
    if isinstance(loss, MaximumAPosteriori | SparseMeanSquaredError) and units > 1:
        return Head("probabilities", from_logits=True)
    if names & {*CATEGORICAL} and units > 1:
        return Head("probabilities", from_logits)
    if names & {*BINARY}:
        return Head("score" if units == 1 else "labels", from_logits)
    return Head("values") if names & {*REGRESSION} else None


def _names(loss: Any) -> Iterator[str]:
    if isinstance(loss, keras.losses.Loss):
        yield from (cls.__name__ for cls in type(loss).__mro__)
    else:
        yield getattr(loss, "__name__", "")


def _described(tensor: keras.KerasTensor) -> str:
    """Return the layer that made a tensor, as text, the innermost one of models inside."""
    call: Any = call_of(tensor)
    while isinstance(call.layer, keras.Function | keras.Sequential):
        tensor = call.layer.outputs[[each is tensor for each in call.outputs].index(True)]
        call = call_of(tensor)
    kind = "layer" if isinstance(call.layer, keras.Layer) else "operation"
    return f"the {type(call.layer).__name__} {kind} {call.layer.name!r}"
