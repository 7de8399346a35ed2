"""The receptive field of a position is what changes its values, and nothing else."""

import keras
import numpy as np
import pytest
from keras import layers

import cnnzoo
from cnnzoo.analysis import receptive_field_of


def chain(*inner, image=(15, 13, 2)):
    inputs = x = keras.Input(image)
    for layer in inner:
        x = layer(x)
    return keras.Model(inputs, x, name="chain")


CHAINS = {
    "two convolutions": lambda: chain(layers.Conv2D(3, 3, name="one"), layers.Conv2D(2, (3, 5), name="last")),
    "strides and padding": lambda: chain(
        layers.Conv2D(3, 3, strides=2, padding="same", name="one"),
        layers.ZeroPadding2D(1),
        layers.Conv2D(2, 3, name="last"),
    ),
    "pooling": lambda: chain(layers.Conv2D(3, 3), layers.AveragePooling2D(2), layers.Conv2D(2, 2, name="last")),
    "dilation": lambda: chain(layers.Conv2D(3, 3, dilation_rate=2), layers.Activation("tanh", name="last")),
    "cropping": lambda: chain(layers.Cropping2D(2), layers.Conv2D(3, 3, name="last")),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_position_changes_with_the_pixels_of_its_receptive_field_and_with_no_others(name):
    model = CHAINS[name]()
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, *model.input_shape[1:])).astype("float32")
    before = model(image).numpy()
    # One image for every pixel, each with that pixel alone changed.
    height, width = image.shape[1:3]
    changed = np.repeat(image, height * width, axis=0)
    for number in range(height * width):
        changed[number, number // width, number % width] += 10
    after = model(changed).numpy()
    for position in np.ndindex(before.shape[1:3]):
        differs = np.abs(after[:, *position] - before[0, *position]).max(axis=-1).reshape(height, width) > 1e-4
        rows, columns = receptive_field_of(model, "last", position)
        expected = np.zeros((height, width), bool)
        expected[rows.start : rows.stop, columns.start : columns.stop] = True
        if name == "dilation":  # it depends on every second pixel of its region
            assert not (differs & ~expected).any()
            assert differs[rows.start, columns.start]
            assert differs[rows.stop - 1, columns.stop - 1]
        else:
            assert (differs == expected).all(), position


def test_away_from_the_border_the_size_is_that_of_the_report():
    net = cnnzoo.all_cnn_c(maps=(4, 8))
    row = cnnzoo.conv_report(net)["conv5"]
    rows, columns = receptive_field_of(net, "conv5", (8, 8))
    assert (len(rows), len(columns)) == row.receptive_field


@pytest.mark.parametrize(
    ("layer", "position", "words"),
    [
        ("C9", (0, 0), "unknown layer of lenet 'C9'"),
        ("C1", (28, 0), "`position` must be within the 28×28 positions of 'C1'. Received: (28, 0)"),
        ("C1", (1,), "`position` must be within the 28×28 positions"),
        ("F6", (0, 0), "layer 'F6' of lenet has no positions"),
    ],
)
def test_bad_input_is_refused(layer, position, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        receptive_field_of(cnnzoo.lenet(), layer, position)
    assert words in str(caught.value)


def test_between_the_windows_of_a_transposed_convolution_the_receptive_field_is_empty():
    model = chain(layers.Conv2DTranspose(1, 1, strides=2, name="last"))
    assert receptive_field_of(model, "last", (0, 2)) == (range(1), range(1, 2))
    assert receptive_field_of(model, "last", (1, 2)) == (range(0), range(0))


def test_several_images_and_what_is_no_model_are_refused():
    one, two = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    with pytest.raises(cnnzoo.InputError, match="known for nets of one image"):
        receptive_field_of(keras.Model([one, two], layers.Add(name="sum")([one, two])), "sum", (0, 0))
    with pytest.raises(cnnzoo.InputError, match="Received: 'lenet'"):
        receptive_field_of("lenet", "C1", (0, 0))


def test_rows_and_columns_are_those_of_the_image_also_where_a_layer_has_exchanged_them():
    image = keras.Input((20, 32, 1))
    turned = layers.Permute((2, 1, 3), name="turned")(image)
    net = keras.Model(image, layers.Conv2D(1, (3, 1), name="maps")(turned))
    assert receptive_field_of(net, "turned", (25, 4)) == (range(4, 5), range(25, 26))
    assert receptive_field_of(net, "maps", (25, 4)) == (range(4, 5), range(25, 28))


@pytest.mark.parametrize("position", [1, None, (1.5, 0), (True, 0), "ab"])
def test_a_position_is_a_row_and_a_column(position):
    with pytest.raises(cnnzoo.InputError, match=r"`position` must be within the 28×28 positions of 'C1'\. Received: "):
        receptive_field_of(cnnzoo.lenet(), "C1", position)
