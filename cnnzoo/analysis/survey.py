"""The survey of a net, call by call: its arithmetic, checked against Keras, with every weight counted once."""

import dataclasses
import math
import re
from typing import Any

import keras

from cnnzoo.analysis.arithmetic import Arithmetic, Call, Signal
from cnnzoo.analysis.layer_formulas import Formula, formula_of
from cnnzoo.analysis.table import Row
from cnnzoo.analysis.window import Step, Window
from cnnzoo.errors import InputError, reason
from cnnzoo.layers.graph import walk
from cnnzoo.weights import count_parameters

# What a value along each side is called, by the number of sides.
LINES = {1: ("value",), 2: ("row", "column"), 3: ("plane", "row", "column")}


def unread_warning(name: str, call: Call, steps: tuple[Step, ...]) -> list[str]:
    """Return a sentence about windows whose 1 + (W − F + 2P)/S is not whole; an empty list where there are none.

    Args:
        name: the layer's name in the report.
        call: the call, over whose first input the windows slide.
        steps: the window along each side.
    """
    missed: dict[tuple[Window, int | None], list[str]] = {}
    for axis, step in enumerate(steps):
        if isinstance(step, Window) and not step.whole:
            field = call.receptive_field
            line = LINES[len(steps)][axis] if len(steps) in LINES else f"value along side {axis + 1}"
            along = field.axes[axis]
            border = step.size - field.image[along.side] if along and field.is_pixel(axis) else None
            missed.setdefault((step, border), []).append(_counted(step.unread, line))
    if not missed:
        return []
    clauses = [_clause(window, border, lines) for (window, border), lines in missed.items()]
    return [f"{name}: {'; '.join(clauses)}"]


def _clause(window: Window, border: int | None, lines: list[str]) -> str:
    before, after = window.pads
    pads = f"2·{before}" if before == after else f"{before} + {after}"
    extent = str(window.extent)
    if window.dilation > 1:
        extent = f"(({window.window} − 1)·{window.dilation} + 1)"
    # Where each value is one pixel, what is to be changed is the image itself.
    where = "at W =" if border is None else "for an image side of"
    sizes = [str(size - (border or 0)) for size in window.nearest_whole() if size is not None and size > (border or 0)]
    return (
        f"1 + (W − F + 2P)/S = 1 + ({window.size} − {extent} + {pads})/{window.stride} = "
        f"{_decimal(window.positions)} is not whole, which leaves {' and '.join(lines)} at the end unread; "
        f"it is whole {where} {' or '.join(sizes)}"
    )


def _counted(number: int, line: str) -> str:
    return f"{number} {line}" if number == 1 else f"{number} {line}s"


def _decimal(positions) -> str:
    return f"{float(positions):.3f}".rstrip("0")


class DisagreementError(InputError):
    """The formulas and Keras differ about a layer: it is not what its class says, and no number is printed."""


class Survey:
    """The rows and warnings so far, and the arithmetic of each row.

    `visit` is what `cnnzoo.layers.graph.walk` calls.

    Args:
        elementwise: further layer classes that work element by element.
    """

    def __init__(self, elementwise: tuple[type, ...]):
        self.rows: list[Row] = []
        self.arithmetics: list[Arithmetic] = []
        self.warnings: list[str] = []
        self._elementwise = elementwise
        self._calls: dict[str, int] = {}
        self._counted: set[int] = set()

    def add_input(self, signal: Signal) -> None:
        """Add the row of an image that goes into the net."""
        call = Call(None, signal.tensor.name, (signal,), signal.shape)
        arithmetic = Arithmetic(shape=signal.shape, receptive_field=signal.receptive_field)
        self.arithmetics.append(arithmetic)
        self.rows.append(Row.of(call, arithmetic, number=1, weights=(0, 0), memory=_bytes(signal.tensor)))

    def visit(self, layer: Any, name: str, args: tuple, kwargs: dict) -> Signal:
        """Add the row of one call, and return its output."""
        inputs = tuple(leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, Signal))
        if getattr(layer, "data_format", None) == "channels_first":
            raise InputError(
                f"layer {name!r} is channels_first, and conv_report reads channels_last alone: "
                "build it with data_format='channels_last'"
            )
        formula = self._formula_of(layer, name)
        output = _output(layer, name, args, kwargs)
        call = Call(layer, name, inputs, tuple(output.shape[1:]), reverse=bool(kwargs.get("reverse")))
        arithmetic = formula(call)
        _check(call, arithmetic)
        number = self._calls[name] = self._calls.get(name, 0) + 1
        memory = _bytes(output) if arithmetic.has_memory else 0
        row = Row.of(call, arithmetic, number=number, weights=self._count(layer), memory=memory)
        self.rows.append(row)
        self.arithmetics.append(arithmetic)
        self.warnings.extend(unread_warning(row.name, call, arithmetic.steps))
        return Signal(output, arithmetic.receptive_field)

    def _formula_of(self, layer: Any, name: str) -> Formula:
        if isinstance(layer, keras.layers.TimeDistributed):
            return self._at_each_step
        formula = formula_of(layer, self._elementwise)
        if formula is None:
            raise InputError(_unknown_layer(layer, name))
        return formula

    def _at_each_step(self, call: Call) -> Arithmetic:
        """Return the arithmetic of a layer, or of a whole model, at each step of the first axis."""
        steps, inner, before = call.shape[0], call.layer.layer, call.receptive_field
        time = before.axes[0]
        frame = keras.KerasTensor((None, *call.shape[1:]), dtype=call.inputs[0].tensor.dtype)
        signal = Signal(frame, dataclasses.replace(before, axes=before.axes[1:]))
        survey = Survey(self._elementwise)
        if isinstance(inner, keras.Function | keras.Sequential):
            [output] = walk(inner, [signal], survey.visit, f"{call.name}/")
        else:
            output = survey.visit(inner, f"{call.name}/{inner.name}", (signal,), {})
        parts, after = survey.arithmetics, output.receptive_field
        if time is not None:  # what depends on a whole frame depends on one step all the same
            after = after.restored(before, time.side)
        only = parts[0] if len(parts) == 1 else None
        known = all(part.parameters is not None for part in parts)
        return Arithmetic(
            shape=(steps, *output.shape),
            receptive_field=dataclasses.replace(after, axes=(time, *after.axes)),
            steps=(Window(steps, 1), *only.steps) if only and only.steps else (),
            groups=only.groups if only else 1,
            weights_per_neuron=only.weights_per_neuron if only else None,
            parameters_per_neuron=only.parameters_per_neuron if only else None,
            parameters=sum(part.parameters or 0 for part in parts) if known else None,
            unshared=steps * sum(part.unshared for part in parts),
            connections=steps * sum(part.connections for part in parts),
            multiply_adds=steps * sum(part.multiply_adds for part in parts),
            has_memory=any(part.has_memory for part in parts),
        )

    def _count(self, layer: Any) -> tuple[int, int]:
        """Return the numbers of a layer's trained and fixed parameters, without those counted before."""
        counts = {True: 0, False: 0}
        for weight in getattr(layer, "weights", []):
            if id(weight) not in self._counted:
                self._counted.add(id(weight))
                counts[bool(weight.trainable)] += math.prod(weight.shape)
        return counts[True], counts[False]


def _unknown_layer(layer: Any, name: str) -> str:
    """Return the message about a layer whose class has no formula."""
    cls = type(layer).__name__
    sentence = f"layer {name!r} is a {cls}, whose arithmetic conv_report does not know"
    if not isinstance(layer, keras.Layer):
        return f"{sentence}; build the net from layers instead"
    before = "report on the part of the net before it, keras.Model(model.inputs, that_layer.input)"
    if type(layer).__module__.partition(".")[0] == "keras":  # those that work element by element are all known
        return f"{sentence}; {before}"
    return (
        f"{sentence}; if every output of {cls} depends only on the inputs at its position, "
        f"pass elementwise=({cls},), else {before}"
    )


def _output(layer: Any, name: str, args: tuple, kwargs: dict) -> keras.KerasTensor:
    """Return a layer's output with shape and dtype as Keras computes them, without computing any values."""
    plain = keras.tree.map_structure(lambda leaf: leaf.tensor if isinstance(leaf, Signal) else leaf, (args, kwargs))
    try:
        output = layer.compute_output_spec(*plain[0], **plain[1])
        if 0 in keras.tree.flatten(getattr(output, "shape", ())):  # Keras 3.13 gives such outputs
            raise ValueError("it would have no outputs")
    except (ValueError, TypeError) as error:
        shapes = [leaf.shape for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, Signal)]
        received = " and ".join(map(str, shapes))
        raise InputError(f"layer {name!r} cannot take inputs of {received}: {reason(error)}") from error
    if not isinstance(output, keras.KerasTensor):
        raise InputError(f"layer {name!r} has several outputs, and conv_report knows layers with one")
    if None in output.shape[1:]:
        raise InputError(f"layer {name!r} has an output of open size {tuple(output.shape[1:])}")
    return output


def _check(call: Call, arithmetic: Arithmetic) -> None:
    """Compare the formulas with the model itself.

    Raises:
        DisagreementError: they differ.
    """
    layer = f"layer {call.name!r} ({type(call.layer).__name__})"
    if arithmetic.shape != call.output_shape:
        raise DisagreementError(
            f"{layer} has the output {call.output_shape}, and the formulas give {arithmetic.shape}: "
            "it computes something else than its class does"
        )
    # An activation may be a layer with weights of its own, such as PReLU.
    extra = {id(weight) for weight in getattr(getattr(call.layer, "activation", None), "weights", [])}
    held = count_parameters([weight for weight in getattr(call.layer, "weights", []) if id(weight) not in extra])
    if arithmetic.parameters is not None and arithmetic.parameters != held:
        raise DisagreementError(
            f"{layer} has {held:,} parameters, and the formulas give {arithmetic.parameters:,}: it has weights that "
            "the formulas do not know, because it is quantized, has LoRA, or is a subclass with weights of its own"
        )


def _bytes(tensor: keras.KerasTensor) -> int:
    """Return the memory of a tensor, for one image.

    Example:
    >>> _bytes(keras.KerasTensor((None, 28, 28, 6), dtype="bfloat16"))
    9408
    """
    bits = re.search(r"\d+", tensor.dtype)  # bool has none, and takes a byte
    return math.prod(tensor.shape[1:]) * (int(bits.group()) // 8 if bits else 1)
