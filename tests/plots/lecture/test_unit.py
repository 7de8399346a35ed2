"""A unit and its functions, against their formulas."""

import numpy as np
import pytest

from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.unit import FUNCTIONS, activation_functions, neuron
from cnnzoo.plots.picture import COLORS

FORMULAS = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "linear": lambda z: z,
}


@pytest.mark.parametrize("activation", FORMULAS)
def test_the_numbers_are_those_of_the_formula(activation, texts, legible):
    rng = np.random.default_rng(0)
    inputs, weights = rng.normal(size=(2, 4)).round(1)
    picture = neuron(inputs, weights, bias=-0.3, activation=activation)
    legible(picture)
    total = inputs @ weights - 0.3
    output = FORMULAS[activation](total)
    minus = lambda number: f"{number:.2f}".rstrip("0").rstrip(".").replace("-", "−")  # noqa: E731
    assert picture.alternative.endswith(f"= {minus(total)}, and {activation}({minus(total)}) = {minus(output)}.")
    assert {minus(total), minus(output), activation, "bias −0.3"} <= set(texts(picture))


def test_lines_are_as_wide_as_weights_are_large_and_colored_by_sign():
    axis = neuron([1, 1, 1], [2.0, -1.0, 0.5]).axes[0]
    lines = [line for line in axis.lines if line.get_gid() == "weight"]
    widths = [line.get_linewidth() for line in lines]
    assert widths == sorted(widths, reverse=True)
    assert [line.get_color() for line in lines] == [COLORS[0], COLORS[3], COLORS[0]]


@pytest.mark.parametrize("count", [1, 12])
def test_few_and_many_inputs_are_legible(count, legible):
    legible(neuron(np.ones(count), np.linspace(-1, 1, count) if count > 1 else [1.0]))


def test_functions_are_drawn_with_their_slopes():
    figure = activation_functions(["sigmoid", "tanh", "relu"])
    for (above, below), name in zip(np.reshape(figure.axes, (2, 3)).T, ("sigmoid", "tanh", "relu"), strict=True):
        sums, values = above.lines[0].get_data()
        np.testing.assert_allclose(values, FORMULAS[name](sums), atol=1e-6)
        slopes = np.gradient(FORMULAS[name](sums), sums)
        away = np.abs(sums) > 0.05  # a corner has no slope
        np.testing.assert_allclose(below.lines[0].get_ydata()[away], slopes[away], atol=1e-3)
    assert "sigmoid, slope at most 0.25" in figure.alternative


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_can_be_drawn(name):
    activation_functions([name]).canvas.draw()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: neuron([1, 2], [1]), "must be equally many numbers, 1 to 12. Received: 2 and 1"),
        (lambda: neuron([], []), "Received: 0 and 0"),
        (lambda: neuron(np.ones(13), np.ones(13)), "Received: 13 and 13"),
        (lambda: neuron([np.nan], [1]), "`inputs` must be a row of finite numbers"),
        (lambda: neuron(["a"], [1]), "`inputs` must be a row of numbers"),
        (lambda: neuron([1], [1], activation="tan"), "unknown activation 'tan'; did you mean 'tanh'?"),
        (lambda: activation_functions("relu"), "`names` must be one to 5 names of activation functions"),
        (lambda: activation_functions([]), "`names` must be one to 5"),
        (lambda: activation_functions(["softmax"]), "unknown activation 'softmax'"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
