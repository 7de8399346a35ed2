"""Softmax, cross-entropy, gradient descent and backpropagation, against Keras and TensorFlow's gradients."""

import itertools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.loss import backpropagation, chain_rule, cross_entropy, descended, gradient_descent


def test_softmax_and_cross_entropy_are_those_of_keras(texts):
    logits = np.random.default_rng(0).normal(0, 3, 6)
    for label in range(6):
        figure = cross_entropy(logits, label)
        left, right = figure.axes
        assert [bar.get_width() for bar in left.patches] == pytest.approx(logits)
        softmax = keras.ops.convert_to_numpy(keras.ops.softmax(logits[None]))[0]
        assert [bar.get_width() for bar in right.patches] == pytest.approx(softmax, rel=1e-5)
        loss = keras.losses.sparse_categorical_crossentropy(np.array([label]), logits[None], from_logits=True)
        assert float(re.search(r"= ([\d.]+)$", right.get_title())[1]) == pytest.approx(float(loss[0]), abs=5e-4)
        colors = {bar.get_facecolor() for number, bar in enumerate(right.patches) if number != label}
        assert right.patches[label].get_facecolor() not in colors


def test_large_outputs_do_not_overflow():
    assert cross_entropy([1000.0, 0.0], 1).alternative.endswith("= 1000.000.")


def test_each_step_is_against_the_gradient():
    def loss(a, b):
        return (a - 1) ** 2 + 3 * b**2 + a * b

    path = descended(loss, np.array([-2.0, 1.0]), 0.1, 6)
    for before, after in itertools.pairwise(path):
        variables = [tf.Variable(each, dtype="float64") for each in before]
        with tf.GradientTape() as tape:
            value = loss(*variables)
        gradient = np.array([float(each) for each in tape.gradient(value, variables)])
        np.testing.assert_allclose(after, before - 0.1 * gradient, atol=1e-6)
    assert len(path) == 7


def test_paths_are_drawn_on_the_curve_and_over_the_contours():
    figure = gradient_descent(lambda w: w**2, 2.0, [0.1, 1.1], steps=4)
    for axis, rate in zip(figure.axes, (0.1, 1.1), strict=True):
        x, y = axis.lines[1].get_data()
        assert x.tolist() == pytest.approx([2 * (1 - 2 * rate) ** n for n in range(5)], rel=1e-5)
        np.testing.assert_allclose(y, np.square(x), rtol=1e-6)
    figure = gradient_descent(lambda a, b: a**2 + 5 * b**2, (1.0, 1.0), [0.05], steps=3)
    x, y = figure.axes[0].lines[0].get_data()
    assert x.tolist() == pytest.approx([0.9**n for n in range(4)], rel=1e-5)
    assert y.tolist() == pytest.approx([0.5**n for n in range(4)], rel=1e-5)
    figure.canvas.draw()


def test_the_frame_has_the_start_the_lowest_point_and_the_first_steps_of_a_path_that_goes_away():
    figure = gradient_descent(lambda w: (w - 1) ** 2 / 2, -2.0, [0.1, 1.0, 2.1])
    left, right = figure.axes[0].get_xlim()
    assert left < -2
    assert {axis.get_xlim() for axis in figure.axes} == {(left, right)}  # so that the panels can be compared
    away = figure.axes[2].lines[1].get_xdata()
    assert all(left < each < right for each in away[:5])
    assert not left < away[-1] < right
    assert [axis.get_xlabel() for axis in figure.axes] == ["weight"] * 3


def test_a_cross_is_at_the_lowest_point_of_two_weights():
    figure = gradient_descent(lambda a, b: (a - 1) ** 2 + (b + 0.5) ** 2, (-1.0, 1.0), [0.3], steps=20)
    (axis,) = figure.axes
    (cross,) = [line for line in axis.lines if line.get_marker() == "+"]
    assert [each[0] for each in cross.get_data()] == pytest.approx([1.0, -0.5], abs=0.05)
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("first weight", "second weight")


def test_a_chain_shows_its_biases_and_names_its_function(texts):
    shown = texts(picture := backpropagation(0.9, [0.7, -1.3], [0.1, -0.4], target=0.5, activation="sigmoid"))
    assert {"w1 = 0.7", "w2 = −1.3", "b1 = 0.1", "b2 = −0.4"} <= {*shown}
    assert any(text.endswith("a1 = f(w1·x + b1), …;  f = sigmoid") for text in shown)
    assert "the weights 0.7 and −1.3 and the biases 0.1 and −0.4:" in picture.alternative


def test_a_loss_that_leaves_all_numbers_ends_its_path():
    assert len(descended(lambda w: w**4, np.array([10.0]), 10.0, 500)) < 20
    figure = gradient_descent(lambda w: w**4, 10.0, [10.0], steps=500)
    figure.canvas.draw()
    assert "rises" in figure.alternative


def test_slopes_by_the_chain_rule_are_the_tapes(texts, legible):
    weights, biases = [0.7, -1.3, 2.0], [0.1, 0.4, -0.2]
    variables = [tf.Variable(each, dtype="float64") for each in weights]
    with tf.GradientTape(persistent=True) as tape:
        chain = [tf.Variable(0.9, dtype="float64")]
        for weight, bias in zip(variables, biases, strict=True):
            chain.append(tf.tanh(weight * chain[-1] + bias))
        loss = (chain[-1] - 0.5) ** 2 / 2
    found = chain_rule(0.9, weights, biases, 0.5, "tanh")
    assert found["loss"] == pytest.approx(float(loss))
    assert found["by_weights"] == pytest.approx([float(tape.gradient(loss, each)) for each in variables], abs=1e-6)
    assert found["by_activations"] == pytest.approx([float(tape.gradient(loss, each)) for each in chain], abs=1e-6)
    picture = backpropagation(0.9, weights, biases, target=0.5)
    legible(picture)
    for number, slope in enumerate(found["by_weights"]):
        assert f"slope {slope:.2f}".rstrip("0").replace("-", "−") in texts(picture), number


@pytest.mark.parametrize("units", [1, 4])
def test_one_unit_and_four_are_legible(units, legible):
    legible(backpropagation(1.0, [0.5] * units, [0.0] * units, target=1.0))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cross_entropy([1.0], 0), "`logits` must be 2 to 20 finite numbers"),
        (lambda: cross_entropy(["a", "b"], 0), "`logits` must be a row of numbers"),
        (lambda: cross_entropy([1.0, 2.0], 2), "`label` must be an integer from 0 to 1. Received: 2"),
        (lambda: cross_entropy([1.0, 2.0], 0, ["a"]), "`class_names` must be one for each of 2 logits. Received: 1"),
        (lambda: gradient_descent(abs, (1, 2, 3)), "`start` must be a number or a pair of numbers"),
        (lambda: gradient_descent(abs, 1.0, [0.0]), "`learning_rates` must be a positive number"),
        (lambda: gradient_descent(abs, 1.0, []), "`learning_rates` must be one to 5 numbers"),
        (lambda: gradient_descent(abs, 1.0, steps=0), "`steps` must be an integer from 1 to 1000. Received: 0"),
        (
            lambda: gradient_descent(lambda w: float("nan"), 1.0),
            "`loss` must be a function that is finite at the start",
        ),
        (lambda: backpropagation(1, [1], [1, 2], 0), "must be equally many numbers, 1 to 4. Received: 1 and 2"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
