"""Units that are never among the k largest, while a layer is pretrained: their loss, against NumPy in float64."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import LayerwisePretraining
from cnnzoo.distribute import set_batch_shards
from cnnzoo.pretraining import methods
from cnnzoo.pretraining.layer_autoencoder import layer_autoencoder
from cnnzoo.pretraining.run import PretrainingRun
from tests.pretraining.nets import changed, classifier, images, pretrained, values_of

DATA = images()
DEAD = {"kind": "k-sparse", "k": 2, "dead_weight": 0.7, "dead_after": 1}


def decoders(kind):
    """Return a model, and what pretrains it with a tied decoder, a new one, or those of an autoencoder of its own."""
    if kind == "reversible":
        keras.utils.set_random_seed(1)
        return cnnzoo.autoencoder(input_shape=(5, 4, 1), units=(), code=8, compile=False), {}
    if kind == "own":
        keras.utils.set_random_seed(1)
        hidden = keras.layers.Dense(8, "sigmoid", name="a")
        return keras.Sequential([keras.Input((20,)), hidden, keras.layers.Dense(20, "sigmoid", name="output")]), {}
    return classifier((8,)), {"tied": kind == "tied"}


@pytest.mark.parametrize("kind", ["tied", "new", "own", "reversible"])
@pytest.mark.parametrize("loss", [None, "mse"])
def test_dead_units_of_a_stage_learn_what_the_reconstruction_leaves_over(kind, loss, monkeypatch):
    """At a rate of 0, on the whole data in each step, what the second step has more is the loss of dead units."""
    made = []
    monkeypatch.setattr(methods, "layer_autoencoder", lambda *given: made.append(layer_autoencoder(*given)) or made[-1])
    model, options = decoders(kind)
    data = images(60, model.input_shape[1:])
    still = {"epochs": 2, "batch_size": 60, "optimizer": lambda: keras.optimizers.SGD(0.0), "loss": loss}
    losses = pretrained(model, data, sparsity=DEAD, **still, **options).history
    losses = next(iter(losses.values()))["loss"]

    x = data.reshape(60, 20).astype("float64")
    layer = next(each for each in model.layers if isinstance(each, keras.layers.Dense))
    kernel, bias = (each.numpy().astype("float64") for each in (layer.kernel, layer.bias))
    of_stage = {weight.path: weight.numpy().astype("float64") for weight in made[0].weights}
    if kind == "new":
        back, offset = (of_stage[f"a_decoder/{name}"] for name in ("kernel", "bias"))
    elif kind == "own":
        back, offset = (each.astype("float64") for each in model.get_layer("output").get_weights())
    else:
        back, offset = kernel.T, np.zeros(20)  # biases begin at 0
    sigmoid = lambda values: 1 / (1 + np.exp(-values))  # noqa: E731
    codes = sigmoid(x @ kernel + bias)
    largest = np.sort(codes, axis=1)[:, [-2]]
    sparse = np.where(codes >= largest, codes, 0)
    rest = x - sigmoid(sparse @ back + offset)
    dead = ~(sparse != 0).any(axis=0)
    assert 0 < dead.sum() <= 8  # and so all of them decode: at most as many as half of the 20 inputs
    error = ((rest - np.where(dead, codes, 0) @ back) ** 2).mean() / (rest**2).mean()
    assert losses[1] - losses[0] == pytest.approx(0.7 * error, rel=1e-4)


def test_the_loss_of_dead_units_changes_them_alone():
    found = []
    for weight in (0.0, 0.7):
        model = classifier((8,))
        model.get_layer("a").bias.assign([9.0, 9.0, 0, 0, 0, 0, 0, 0])  # these two are the largest of every example
        before = np.array(model.get_layer("a").kernel)
        pretrained(model, DATA, epochs=2, batch_size=len(DATA), sparsity={**DEAD, "dead_weight": weight}, tied=True)
        found.append(np.array(model.get_layer("a").kernel))
    moved = np.any(found[1] != before, axis=0)
    assert moved.all()
    assert not np.any(found[0][:, 2:] != before[:, 2:])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="shards need TensorFlow")
def test_shards_do_not_part_a_batch_whose_dead_units_are_counted():
    found = []
    for shards in (1, 2):
        model = classifier((8,))
        config = LayerwisePretraining(DATA, epochs=2, batch_size=50, verbose=0, sparsity=DEAD)
        run = PretrainingRun(config, model)
        run.worker.set_shards = lambda stage, batch_size, shards=shards: set_batch_shards(stage, shards)
        run.train()
        found.append(values_of(model))
    assert not changed(*found)


def test_replicas_train_dead_units(two_replicas):
    with two_replicas.scope():
        model = classifier((8,))
    history = pretrained(model, DATA, epochs=3, sparsity=DEAD).history["a"]["loss"]
    plain = classifier((8,))
    expected = pretrained(plain, DATA, epochs=3, sparsity={**DEAD, "dead_weight": 0.0}).history["a"]["loss"]
    assert np.isfinite(history).all()
    assert history[1] > expected[1] + 0.05


def test_a_model_that_trains_dead_units_itself_is_refused_by_its_layers_name():
    model = cnnzoo.autoencoder(input_shape=(5, 4, 1), units=(), code=8, sparsity=DEAD)
    with pytest.raises(cnnzoo.InputError, match="the layer 'sparse_code' trains dead units of 'code' in a fit alone"):
        pretrained(model, images(60, (5, 4, 1)))
