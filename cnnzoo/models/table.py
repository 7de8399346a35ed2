"""A model's layers as the paper's table shows them."""

import io
import math

import keras
from rich import box
from rich.console import Console
from rich.table import Table


def layer_table(model: keras.Model) -> str:
    """Return a table of a model's layers: kind, window, output and parameters.

    Args:
        model: a built model.

    Example:
    >>> import cnnzoo
    >>> print(layer_table(cnnzoo.lenet(include_top=False)).splitlines()[4].split())
    ['C1', 'Conv2D', '5×5', '28×28×6', '156']
    """
    table = Table("layer", "kind", "window", "output", box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("trained", justify="right", footer=f"{count_parameters(model.trainable_weights):,}")
    table.add_column("fixed", justify="right", footer=f"{count_parameters(model.non_trainable_weights):,}")
    for layer in model.layers:
        trained, fixed = count_parameters(layer.trainable_weights), count_parameters(layer.non_trainable_weights)
        table.add_row(
            layer.name,
            type(layer).__name__,
            _window(layer),
            "×".join("?" if side is None else str(side) for side in layer.output.shape[1:]),
            f"{trained:,}" if trained else "",
            f"{fixed:,}" if fixed else "",
        )
    text = io.StringIO()
    Console(file=text, width=110).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _window(layer: keras.layers.Layer) -> str:
    size = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
    if size is None:
        return ""
    return f"{size}×{size}" if isinstance(size, int) else "×".join(map(str, size))


def count_parameters(weights: list) -> int:
    """Return the number of values in a list of weights."""
    return sum(math.prod(weight.shape) for weight in weights)
