"""What Keras computes with the weights that a page has, layer by layer."""

import itertools
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest

from cnnzoo.browser.block import rounded
from cnnzoo.layers.graph import walk, with_training

JAVASCRIPT = Path(__file__).parents[2] / "javascript"
EXACT = (keras.layers.BatchNormalization, keras.layers.Normalization)  # a page has what follows from their weights
TOLERANCE = 1e-4


def round_weights(model, dtype="float16"):
    """Give a model the weights that it has in a page."""
    for layer in model._flatten_layers():
        if not isinstance(layer, EXACT):
            for weight in layer._trainable_variables + layer._non_trainable_variables:
                if weight.dtype == "float32":
                    weight.assign(rounded(keras.ops.convert_to_numpy(weight), dtype).astype("float32"))


def outputs_of(model, inputs):
    """Return the outputs of all calls of layers, in the order in which a page has them, the inputs first."""
    outputs = [inputs]

    def visit(layer, name, args, kwargs):
        output = with_training(layer, False)(*args, **kwargs)
        outputs.append(keras.ops.convert_to_numpy(output))
        return output

    walk(model, [keras.ops.convert_to_tensor(inputs)], visit)
    return outputs


def node():
    """Return the command of Node, or skip the test."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed")
    return found


def outputs_in_node(page, images, shapes, tmp_path, *options):
    """Return what the engine computes for uint8 images: for each layer an array `(images, *shape)`."""
    pictures, target = tmp_path / "pictures.bin", tmp_path / "values.bin"
    pictures.write_bytes(images.tobytes())
    command = [node(), JAVASCRIPT / "values.js", page, pictures, target, *options]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return split(np.fromfile(target, "float32"), len(images), shapes)


def split(values, count, shapes):
    rows = values.reshape(count, -1)
    sizes = [int(np.prod(shape)) for shape in shapes]
    assert rows.shape[1] == sum(sizes)
    parts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
    return [part.reshape(count, *shape) for part, shape in zip(parts, shapes, strict=True)]


def deviation(found, expected):
    """Return the largest difference, relative to the value, or to a hundredth of the largest one of its image."""
    axes = tuple(range(1, expected.ndim))
    largest = np.abs(expected).max(axis=axes, keepdims=True)
    scale = np.maximum(np.maximum(np.abs(expected), 0.01 * largest), 1e-30)
    return float((np.abs(found - expected) / scale).max())


def drawing(shape):
    """Return a digit 2 as a pen draws it, in the colors of ink on paper: uint8 array of a shape."""
    height, width, channels = shape
    strokes = np.array([(0.3, 0.35), (0.4, 0.2), (0.6, 0.2), (0.68, 0.36), (0.5, 0.55), (0.3, 0.78), (0.72, 0.78)])
    rows, columns = np.mgrid[0:height, 0:width]
    points = np.stack([(columns + 0.5) / width, (rows + 0.5) / height], axis=-1)
    distance = np.full((height, width), np.inf)
    for start, end in itertools.pairwise(strokes):
        along = np.clip(((points - start) @ (end - start)) / ((end - start) @ (end - start)), 0, 1)
        distance = np.minimum(distance, np.linalg.norm(points - start - along[..., None] * (end - start), axis=-1))
    ink = np.clip(1.5 - distance / 0.04, 0, 1)
    return (255 * ink[..., None] * np.linspace(1, 0.6, channels)).astype("uint8")
