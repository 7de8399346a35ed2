import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.distribute import in_slices
from tests.small_nets import small, targets_for


@pytest.mark.parametrize("name", cnnzoo.list_models())
@pytest.mark.parametrize("batch", [3, 5, 8])
def test_slices_give_the_whole_batchs_outputs_and_gradients(name, batch):
    model = small(name)
    sliced = in_slices(model, 3)
    images = np.random.default_rng(0).uniform(-0.1, 1.2, (batch, *model.input_shape[1:])).astype("float32")
    targets = targets_for(model, images)
    gradients = []
    for each in (model, sliced):
        with tf.GradientTape() as tape:
            loss = model.loss(targets, each(images, training=True))
        gradients.append(tape.gradient(loss, [weight.value for weight in model.trainable_weights]))
    np.testing.assert_allclose(sliced(images), model(images), atol=1e-4)
    for one, two in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


def test_slices_share_the_weights():
    model = cnnzoo.lenet()
    sliced = in_slices(model, 2)
    assert [id(weight) for weight in sliced.trainable_weights] == [id(weight) for weight in model.trainable_weights]
    assert in_slices(model, 1) is model


@pytest.mark.parametrize("penalty", [{"sparsity": "kl"}, {"sparsity": "l1"}, {"contractive": 0.1}], ids=str)
def test_penalties_are_added_once(penalty):
    model = small("autoencoder", **penalty)
    images = np.random.default_rng(0).random((6, *model.input_shape[1:])).astype("float32")
    sliced = in_slices(model, 2)
    model(images)
    added = [float(loss) for loss in model.losses]
    sliced(images)
    assert [float(loss) for loss in sliced.losses] == added
