"""Receptive fields against the pixels that change an output."""

import random

import keras
import numpy as np
import pytest
from keras import layers

import cnnzoo
from cnnzoo.layers import LocalResponseNormalization
from tests.analysis.nets import stack


def span(model, position):
    """Return how many pixels one position of a linear net's output depends on, first to last, along each side.

    One image for each row has ones in that row alone, one for each column in that column.
    """
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 0 if "bias" in weight.name else 1))
    height, width, depth = model.input_shape[1:]
    spans = []
    for lines in (np.eye(height)[:, :, None, None], np.eye(width)[:, None, :, None]):
        images = np.broadcast_to(lines, (len(lines), height, width, depth)).astype("float32")
        parts = [np.asarray(model(images[start : start + 64])) for start in range(0, len(images), 64)]
        outputs = np.concatenate(parts)[(slice(None), *position)].sum(axis=-1)
        (read,) = np.nonzero(outputs)
        spans.append(int(read[-1] - read[0] + 1) if len(read) else 0)  # none between the windows of a transposed one
    return tuple(spans)


def middle(model):
    return tuple(side // 2 for side in model.output_shape[1:-1])


def random_stack(generator, number=5):
    """Return layers that are linear and whose weights may all be 1."""

    def sides(largest):
        return generator.randint(1, largest), generator.randint(1, largest)

    def one():
        kind = generator.choice(["conv", "conv", "dilated", "pool", "pad", "scale"])
        if kind == "conv":
            return layers.Conv2D(1, sides(4), strides=sides(2), padding=generator.choice(["same", "valid"]))
        if kind == "dilated":
            return layers.Conv2D(1, sides(3), dilation_rate=sides(3))
        if kind == "pool":
            return layers.AveragePooling2D(generator.randint(1, 3), generator.randint(1, 2))
        return layers.ZeroPadding2D(1) if kind == "pad" else layers.Rescaling(2.0)

    return [one() for _ in range(number)]


def test_receptive_fields_of_40_random_stacks_are_the_pixels_that_change_the_outputs():
    generator = random.Random(1)
    for _ in range(40):
        seed = generator.random()
        parts = random_stack(random.Random(seed))
        free = cnnzoo.conv_report(stack((400, 400, 1), *parts)).rows[-1]
        # So large that no border touches the receptive field of the neuron in the middle.
        sides = [2 * field + 4 * int(jump) + 10 for field, jump in zip(free.receptive_field, free.jump, strict=True)]
        model = stack((*sides, 1), *random_stack(random.Random(seed)))
        row = cnnzoo.conv_report(model).rows[-1]
        assert row.receptive_field == span(model, middle(model)), [layer.get_config() for layer in parts]
        assert row.jump == free.jump


def test_the_jump_is_the_product_of_the_strides():
    model = stack((64, 64, 1), layers.Conv2D(1, 3, strides=2), layers.MaxPooling2D(2), layers.Conv2D(1, 2, strides=3))
    assert cnnzoo.conv_report(model).rows[-1].jump == (12, 12)


def test_merged_branches_have_the_largest_receptive_field():
    inputs = keras.Input((40, 40, 1))
    near = layers.Conv2D(1, 3, padding="same", strides=2)(inputs)
    far = layers.Conv2D(1, 7, padding="same", strides=2)(layers.Conv2D(1, 5, padding="same")(inputs))
    for merge in (layers.Add(), layers.Concatenate()):
        model = keras.Model(inputs, merge([near, far]))
        row = cnnzoo.conv_report(model).rows[-1]
        assert row.receptive_field == span(model, middle(model)) == (11, 11)
        assert row.jump == (2, 2)


@pytest.mark.parametrize(
    "body",
    [
        [layers.Conv2DTranspose(1, 3, strides=2)],
        [layers.Conv2DTranspose(1, 4, strides=2, padding="same")],
        [layers.Conv2DTranspose(1, 2, strides=3)],
        pytest.param([layers.Conv2DTranspose(1, 3, dilation_rate=2)], marks=pytest.mark.onednn),
        [layers.Conv2D(1, 3, strides=2), layers.Conv2DTranspose(1, 5, strides=2)],
        [layers.AveragePooling2D(2), layers.Conv2D(1, 3), layers.UpSampling2D(2), layers.Conv2D(1, 3)],
        [layers.UpSampling2D(2), layers.Conv2D(1, 4)],
        [layers.AveragePooling2D(2), layers.UpSampling2D(2, interpolation="bilinear")],
    ],
    ids=lambda body: "-".join(type(layer).__name__ for layer in body),
)
def test_after_upsampling_the_receptive_field_is_the_largest_of_neighboring_neurons(body):
    model = stack((24, 24, 1), *body)
    row, center = cnnzoo.conv_report(model).rows[-1], middle(model)
    neighbors = [span(model, (center[0] + shift, center[1] + shift)) for shift in range(6)]
    assert row.receptive_field == max(neighbors)


def test_normalization_within_maps_widens_the_receptive_field_by_its_square():
    norm = LocalResponseNormalization(5, 1.0, 0.75, 1.0, "within", name="norm")
    model = stack((40, 36, 1), layers.AveragePooling2D(2), norm, layers.Conv2D(1, 3))
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 0 if "bias" in weight.name else 1))
    image = np.random.default_rng(0).uniform(1, 2, size=(40, 36)).astype("float32")
    row, (middle_row, middle_column) = cnnzoo.conv_report(model).rows[-1], middle(model)

    def changing(axis):
        """Return how many lines change the position in the middle, from the first to the last."""
        side = image.shape[axis]
        lines = np.expand_dims(np.eye(side, dtype="float32"), 2 - axis)
        images = np.concatenate([image[None], image + 5 * lines])[..., None]
        outputs = np.asarray(model(images))[:, middle_row, middle_column, 0]
        (read,) = np.nonzero(np.abs(outputs[1:] - outputs[0]) > 1e-4)
        return read[-1] - read[0] + 1

    assert row.receptive_field == (changing(0), changing(1)) == (14, 14)
    assert row.jump == (2, 2)


def test_normalization_across_maps_does_not_widen_it():
    body = [layers.Conv2D(8, 3), LocalResponseNormalization(5)]
    assert cnnzoo.conv_report(stack((9, 9, 1), *body)).rows[-1].receptive_field == (3, 3)


def test_upsampling_divides_the_jump():
    report = cnnzoo.conv_report(stack((12, 12, 1), layers.MaxPooling2D(2), layers.UpSampling2D(3)))
    assert [str(jump) for jump in report.rows[-1].jump] == ["2/3", "2/3"]
    assert report.to_dict()["rows"][-1]["jump"] == [2 / 3, 2 / 3]


def test_the_receptive_field_grows_no_further_than_the_whole_image():
    inputs = keras.Input((20, 30, 2))
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    scaled = layers.Multiply()([layers.Conv2D(2, 3, padding="same")(inputs), layers.Conv2D(2, 1)(squeezed)])
    report = cnnzoo.conv_report(keras.Model(inputs, layers.Conv2D(2, 3)(scaled)))
    assert [row.receptive_field for row in report.rows[-2:]] == [(20, 30), (20, 30)]
    assert report.rows[-2].jump == (1, 1)


def test_reshaping_keeps_the_receptive_field_until_values_are_mixed():
    def field(*body):
        return cnnzoo.conv_report(stack((8, 6, 4), layers.Conv2D(4, 3, padding="same"), *body)).rows[-1].receptive_field

    assert field(layers.Flatten()) == (3, 3)
    assert field(layers.Flatten(), layers.Dense(2)) == (8, 6)
    assert field(layers.Reshape((48, 4)), layers.Dense(2)) == (3, 3)  # at each position by itself
    assert field(layers.Reshape((48, 4)), layers.Conv1D(2, 3)) == (8, 6)
    assert field(layers.Reshape((8, 6, 2, 2)), layers.Permute((1, 2, 4, 3)), layers.Reshape((8, 6, 4))) == (3, 3)
    assert field(layers.Permute((2, 1, 3)), layers.Conv2D(4, (1, 3))) == (5, 3)
    assert field(layers.Flatten(), layers.Dense(192), layers.Reshape((8, 6, 4)), layers.Conv2D(2, 3)) == (8, 6)
