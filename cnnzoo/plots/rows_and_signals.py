"""Signals and rows of a table beside their reconstructions: traces instead of pictures."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis.reconstruction.codes import ModelCode
from cnnzoo.analysis.reconstruction.linear_codes import pixels
from cnnzoo.errors import InputError
from cnnzoo.plots.picture import COLORS, Picture, light_grid, listed, picture, plain

MOST = 12  # examples in a picture
NAMED = 3  # columns of the largest errors, which are named


def traces(model: keras.Model, values: Any, *, columns: Sequence[str] = ()) -> Picture:
    """Draw signals or rows of a table, and their reconstructions by an autoencoder.

    The title of each is its squared error, the sum over its values, and of rows the columns with the largest part of
    it. Of signals each channel has a color.

    Args:
        model: an autoencoder of signals or vectors, with a layer `code`.
        values: float array `(examples, steps, channels)` or `(examples, columns)`, as the model takes them; 1 to 12.
        columns: names of a table's columns; default their numbers, from 0.

    Returns:
        The figure, with axes for each example.

    Raises:
        InputError: an autoencoder of images, or values that do not fit.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.autoencoder(input_shape=(6,), units=(), code=2)
    >>> figure = traces(model, np.eye(6)[:2])
    >>> [len(axis.lines) for axis in figure.axes]
    [2, 2]
    """
    code = ModelCode(model)
    if code.peak is not None:
        raise InputError(f"{model.name} reconstructs images: plots.reconstructions draws them")
    values = pixels(values, "values", peak=None)
    checks.integer("values", len(values), 1, MOST, of="examples in a picture")
    reconstructed = code.reconstruct(values)
    names = list(map(str, columns)) or [str(number) for number in range(values.shape[-1])]
    if len(names) != values.shape[-1]:
        raise checks.refusal("columns", f"{values.shape[-1]} names, one for each column", columns)
    errors = np.square(values - reconstructed, dtype="float64")
    totals = errors.reshape(len(values), -1).sum(axis=1)
    kind = "signals" if values.ndim == 3 else "rows"
    described = [f"{total:.2f}" for total in totals]
    figure = picture(
        7.6,
        1.5 * len(values) + 0.4,
        f"{len(values)} {kind} and their reconstructions by {model.name}, squared errors {listed(described)}.",
    )
    grid = np.atleast_1d(figure.subplots(len(values), 1, sharex=True))
    for axis, given, decoded, error, total in zip(grid, values, reconstructed, errors, totals, strict=True):
        if values.ndim == 3:
            for channel, color in zip(range(given.shape[1]), COLORS, strict=False):
                axis.plot(given[:, channel], color=color, linewidth=1.2)
                axis.plot(decoded[:, channel], color=color, linewidth=1.2, linestyle="--")
        else:
            axis.plot(given, "o", color=COLORS[0], markersize=3.5, label="given")
            axis.plot(decoded, "_", color=COLORS[1], markersize=9, markeredgewidth=1.6, label="reconstructed")
            axis.vlines(range(len(given)), given, decoded, color="#888888", linewidth=0.8)
        of_columns = error.sum(axis=0) if values.ndim == 3 else error
        largest = [f"{names[column]} {of_columns[column]:.2f}" for column in np.argsort(-of_columns)[:NAMED]]
        most = "" if values.ndim == 3 else f", most of it in {listed(largest)}"
        axis.set_title(plain(f"squared error {total:.2f}{most}"), fontsize=8, loc="left", pad=2)
        axis.tick_params(labelsize=7)
        light_grid(axis)
    grid[-1].set_xlabel("step; dashed: reconstructed" if values.ndim == 3 else "column", fontsize=8)
    if values.ndim == 2:
        grid[0].legend(fontsize=7, frameon=False, ncols=2)
    return figure
