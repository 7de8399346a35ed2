"""Pictures of machines and of several nets' filters."""

import numpy as np
import pytest

import cnnzoo
from cnnzoo import InputError, analysis, plots

MACHINE = cnnzoo.RestrictedBoltzmannMachine(np.full((64, 3), 0.1), np.zeros(64), np.zeros(3))
IMAGES = np.random.default_rng(0).random((2, 8, 8, 1))


def test_a_chain_is_a_row_of_what_it_shows():
    figure = plots.gibbs_chain(MACHINE, IMAGES, steps=(0, 3, 7), seed=2)
    drawn = [image.get_array() for image in figure.axes[0].images]
    expected = analysis.gibbs_samples(MACHINE, IMAGES, steps=(0, 3, 7), seed=2).reshape(3, 2, 8, 8)
    np.testing.assert_array_equal(drawn[0], IMAGES[0, ..., 0])
    np.testing.assert_array_equal(drawn[4], expected[1, 1])
    assert [text.get_text() for text in figure.axes[0].texts][-3:] == ["0", "3", "7"]
    assert figure.alternative == "What 2 Gibbs chains show after 0, 3 and 7 steps."


def test_filters_of_nets_are_those_of_their_first_layers():
    nets = {name: cnnzoo.mlp(input_shape=(8, 8, 1), units=(5,)) for name in ("random", "other")}
    figure = plots.compared_filters(nets, count=4)
    assert [axis.get_title() for axis in figure.axes] == ["random", "other"]
    kernel = np.asarray(nets["other"].layers[2].kernel)
    np.testing.assert_array_equal(figure.axes[1].images[3].get_array(), kernel[:, 3].reshape(8, 8))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: plots.gibbs_chain(MACHINE, IMAGES[0]), "`images` must be up to 20 images"),
        (lambda: plots.gibbs_chain(MACHINE, IMAGES, steps=()), "for up to 20 numbers of steps"),
        (lambda: plots.compared_filters({}), "`models` must be a mapping from 1 to 10 titles"),
        (
            lambda: plots.compared_filters({"colors": cnnzoo.mlp(input_shape=(8, 8, 3))}),
            "nets of images of one",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()
