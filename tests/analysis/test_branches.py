"""Receptive fields of nets with branches, against gradients."""

import random

import keras
import numpy as np
import pytest
from keras import layers

import cnnzoo
from cnnzoo.analysis import receptive_field_of
from cnnzoo.analysis.layer_receptive_fields import receptive_field_function
from tests.analysis.random_graphs import random_net, read_pixels


def check_receptive_fields(seed):
    """Compare the fields of all positions of a random net, and that of the middle with the report; return the net."""
    model = random_net(random.Random(seed))
    sides, read, field_of = model.output_shape[1:3], read_pixels(model), receptive_field_function(model, "last")
    for position in np.ndindex(*sides):
        assert field_of(position) == read(position), (seed, position)
    middle = read([side // 2 for side in sides])
    assert cnnzoo.conv_report(model)["last"].receptive_field == tuple(map(len, middle)), seed
    return model


@pytest.mark.parametrize("seeds", [range(start, start + 4) for start in range(0, 8, 4)], ids=str)
def test_receptive_fields_of_8_random_graphs_are_the_pixels_with_a_gradient(seeds):
    for seed in seeds:
        check_receptive_fields(seed)


def shifted(merge):
    image = keras.Input((33, 33, 1))
    crops = [layers.Cropping2D(((0, 20), (0, 20)))(image), layers.Cropping2D(((20, 0), (20, 0)))(image)]
    return keras.Model(image, merge(crops))


@pytest.mark.parametrize("merge", [layers.Add, layers.Average, layers.Concatenate, layers.Multiply, layers.Maximum])
def test_branches_that_are_shifted_against_each_other_reach_from_the_first_to_the_last(merge):
    model = shifted(merge(name="merged"))
    assert cnnzoo.conv_report(model)["merged"].receptive_field == (21, 21)
    assert receptive_field_of(model, "merged", (4, 7)) == (range(4, 25), range(7, 28))


def test_a_kernel_beside_a_shifted_one_reaches_as_far_as_both():
    image = keras.Input((24, 24, 1))
    left, right = (layers.Conv2D(1, 4, padding="same", name=name)(image) for name in ("left", "right"))
    right = layers.Cropping2D(((1, 0), (1, 0)))(right)
    model = keras.Model(image, layers.Add(name="merged")([layers.Cropping2D(((0, 1), (0, 1)))(left), right]))
    assert cnnzoo.conv_report(model)["merged"].receptive_field == (5, 5)
    assert receptive_field_of(model, "merged", (9, 9)) == read_pixels(model)((9, 9)) == (range(8, 13), range(8, 13))


def test_crops_of_two_images_are_not_taken_for_crops_of_one():
    left, right = keras.Input((33, 33, 1), name="left"), keras.Input((33, 33, 1), name="right")
    crops = [layers.Cropping2D(((0, 20), (0, 20)))(left), layers.Cropping2D(((20, 0), (20, 0)))(right)]
    report = cnnzoo.conv_report(keras.Model([left, right], layers.Add(name="merged")(crops)))
    assert report["merged"].receptive_field == (1, 1)


def test_maps_joined_along_a_side_have_their_own_fields_until_a_window_reads_both():
    image = keras.Input((20, 20, 1))
    top, bottom = layers.Cropping2D(((0, 16), (0, 0)))(image), layers.Cropping2D(((16, 0), (0, 0)))(image)
    joined = layers.Concatenate(axis=1, name="joined")([top, bottom])
    model = keras.Model(image, layers.Conv2D(1, 2, kernel_initializer="ones", name="last")(joined))
    report = cnnzoo.conv_report(model)
    assert report["joined"].receptive_field == (1, 1)
    assert report["last"].receptive_field == (14, 2)  # across the seam, from row 3 to row 16
    for row in range(7):
        assert receptive_field_of(model, "last", (row, 5)) == read_pixels(model)((row, 5)), row


def test_an_image_and_its_transpose_depend_on_pixels_that_lie_apart():
    image = keras.Input((9, 9, 1))
    model = keras.Model(image, layers.Add(name="merged")([image, layers.Permute((2, 1, 3))(image)]))
    assert cnnzoo.conv_report(model)["merged"].receptive_field == (9, 9)


def test_a_convolution_over_a_side_that_became_depth_reads_all_of_it():
    image = keras.Input((12, 10, 3))
    turned = layers.Permute((1, 3, 2))(image)  # rows, depth, columns
    model = keras.Model(image, layers.Conv2D(2, (3, 1), name="last")(turned))
    assert cnnzoo.conv_report(model)["last"].receptive_field == (3, 10)
    model = keras.Model(image, layers.Dense(2, name="last")(turned))
    assert cnnzoo.conv_report(model)["last"].receptive_field == (1, 10)
