"""Exported nets whose layers are called in both directions, loaded without Keras and cnnzoo."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers import test_reversible_conv2d, test_reversible_dense


@pytest.mark.parametrize("layers", [test_reversible_dense, test_reversible_conv2d], ids=["dense", "convolutions"])
def test_tensorflow_alone_loads_an_exported_net(layers, tmp_path):
    model = layers.tied_model()
    model.export(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(tmp_path / "exported")
    images = np.random.default_rng(0).normal(size=(2, *model.input_shape[1:])).astype("float32")
    np.testing.assert_allclose(served.serve(images), model(images), atol=1e-6)
    assert sum(int(np.prod(variable.shape)) for variable in served.variables) == model.count_params()
