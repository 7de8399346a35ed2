"""Rows and signals beside their reconstructions, against the model's own."""

import numpy as np
import pytest

import cnnzoo
from cnnzoo import plots

rng = np.random.default_rng(0)


def test_rows_and_their_reconstructions_are_drawn_and_the_worst_columns_named():
    model, rows = cnnzoo.autoencoder(input_shape=(6,), units=(), code=2), rng.normal(size=(3, 6)).astype("float32")
    names = ["width", "height", "depth", "mass", "age", "price"]
    figure = plots.traces(model, rows, columns=names)
    decoded = model.predict(rows, verbose=0)
    for axis, row, back in zip(figure.axes, rows, decoded, strict=True):
        given, reconstructed = axis.lines
        np.testing.assert_allclose(given.get_ydata(), row, rtol=1e-6)
        np.testing.assert_allclose(reconstructed.get_ydata(), back, rtol=1e-5)
        errors = (row - back) ** 2
        title = axis.get_title(loc="left")
        assert title.startswith(f"squared error {errors.sum():.2f}, most of it in {names[errors.argmax()]} ")
    assert "3 rows and their reconstructions" in figure.alternative


def test_each_channel_of_a_signal_is_a_line_and_a_dashed_one():
    model, signals = cnnzoo.autoencoder(input_shape=(20, 2), units=(), code=2), rng.normal(size=(1, 20, 2))
    [axis] = plots.traces(model, signals).axes
    assert [line.get_linestyle() for line in axis.lines] == ["-", "--", "-", "--"]
    np.testing.assert_allclose(axis.lines[3].get_ydata(), model.predict(signals, verbose=0)[0, :, 1], rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda model, rows: plots.traces(cnnzoo.autoencoder(), np.zeros((1, 28, 28, 1))),
            "plots.reconstructions draws",
        ),
        (lambda model, rows: plots.traces(model, np.zeros((13, 6))), "`values` must be an integer from 1 to 12"),
        (lambda model, rows: plots.traces(model, rows, columns=["a"]), "`columns` must be 6 names"),
        (lambda model, rows: plots.traces(model, np.full((1, 6), np.nan)), "NaN or infinite"),
        (lambda model, rows: plots.traces(model, rows[:, :5]), r"takes images of shape \(6,\)"),
    ],
)
def test_what_is_no_row_is_refused(call, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        call(cnnzoo.autoencoder(input_shape=(6,), units=(), code=2), np.zeros((1, 6)))
