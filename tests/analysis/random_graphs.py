"""Random linear nets with branches, crops, padding, strides, dilation and nested models; the pixels that nets read."""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def random_net(generator, side=100):
    """Return a net of one to three blocks; all of its weights are 1, so that no two paths cancel out.

    Not more than two blocks have strides, so that the image reaches far beyond what a value in the middle reads. It
    computes in float64: faster ways of oneDNN leave rounding errors where nothing is read.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        return _built(generator, side)
    finally:
        keras.config.set_dtype_policy(before)


def _built(generator, side):
    inputs = x = keras.Input((side, side - generator.randint(0, 8), 1), name="image")
    for number in range(generator.randint(1, 3)):
        block = functools.partial(generator.choice([_branches, _branches, _chain]), most=2 if number < 2 else 1)
        if generator.random() < 0.3:
            inner = keras.Input(x.shape[1:])
            x = keras.Model(inner, block(generator, inner), name=f"inner_{number}")(x)
        else:
            x = block(generator, x)
    model = keras.Model(inputs, layers.Conv2D(1, generator.randint(1, 3), name="last")(x))
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 0 if "bias" in weight.path else 1))
    return model


def _chain(generator, x, most, stride=None):
    """Apply up to three layers, of which one has a stride, of at most `most`."""
    count = generator.randint(1, 3)
    strided = generator.randrange(count)
    stride = stride or (generator.randint(1, most), generator.randint(1, most))
    for number in range(count):
        x = _random_layer(generator, stride if number == strided else (1, 1))(x)
    return x


def _random_layer(generator, stride):
    def sides(largest):
        return generator.randint(1, largest), generator.randint(1, largest)

    def pair():
        return generator.randint(0, 3), generator.randint(0, 3)

    kinds = ["conv", "conv", "pool"] + ["dilated", "crop", "pad"] * (stride == (1, 1))
    kind = generator.choice(kinds)
    padding = generator.choice(["same", "valid"])
    if kind == "conv":
        return layers.Conv2D(1, sides(4), strides=stride, padding=padding)
    if kind == "pool":
        return layers.AveragePooling2D(sides(3), strides=stride, padding=padding)
    if kind == "dilated":
        return layers.Conv2D(1, sides(3), dilation_rate=sides(3), padding=padding)
    return (layers.Cropping2D if kind == "crop" else layers.ZeroPadding2D)((pair(), pair()))


def _branches(generator, x, most):
    """Apply two or three branches of one stride, cropped to one size from sides that are drawn, and merge them."""
    stride = (generator.randint(1, most), generator.randint(1, most))
    ends = [_chain(generator, x, most, stride) for _ in range(generator.randint(2, 3))]
    if stride == (1, 1) and generator.random() < 0.4:
        ends.append(x)
    height, width = (min(end.shape[axis] for end in ends) for axis in (1, 2))
    cropped = []
    for end in ends:
        missing = end.shape[1] - height, end.shape[2] - width
        before = [generator.randint(0, less) for less in missing]
        amounts = tuple((first, less - first) for first, less in zip(before, missing, strict=True))
        cropped.append(layers.Cropping2D(amounts)(end) if any(missing) else end)
    merge = generator.choice([layers.Add, layers.Average, layers.Concatenate])
    return merge()(cropped)


def read_pixels(model):
    """Return a function from a position to the rows and columns from the first to the last pixel that it depends on.

    In a linear net the outputs for an image of ones in one line alone are sums of the gradients along that line.
    """
    height, width, depth = model.input_shape[1:]
    responses = []
    for lines in (np.eye(height)[:, :, None, None], np.eye(width)[:, None, :, None]):
        images = np.broadcast_to(lines, (len(lines), height, width, depth)).astype(model.compute_dtype)
        parts = [np.asarray(model(images[start : start + 32])) for start in range(0, len(images), 32)]
        responses.append(np.concatenate(parts).sum(axis=-1))

    def read(position):
        found = [np.flatnonzero(response[(slice(None), *position)]) for response in responses]
        return tuple(range(lines[0], lines[-1] + 1) if len(lines) else range(0) for lines in found)

    return read


def is_dilated(model):
    """Return whether a net has a dilated layer, of which TensorFlow has no gradient in float64 on CPUs."""
    every = [each for layer in model.layers for each in getattr(layer, "layers", [layer])]
    return any(getattr(each, "dilation_rate", (1, 1)) != (1, 1) for each in every)


def gradient_pixels(model, position):
    """Return the same for one position, by backpropagation."""

    @tf.function  # a graph leaves out the kernels' gradients, for some of which TensorFlow 2.21 ends in a segfault
    def gradient_of(image):
        return tf.gradients(tf.reduce_sum(model(image)[(0, *position)]), image)[0]

    gradient = gradient_of(tf.ones((1, *model.input_shape[1:]), model.compute_dtype))[0].numpy().sum(axis=-1)
    found = (np.flatnonzero(gradient.any(axis=1)), np.flatnonzero(gradient.any(axis=0)))
    return tuple(range(lines[0], lines[-1] + 1) if len(lines) else range(0) for lines in found)
