"""Codes that keep their largest activations, against NumPy; and units that come back from the dead."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.errors import InputError
from cnnzoo.layers import KSparse, ReversibleDense, WinnerTakeAll
from tests.layers.checking import random


def kept_by_row(values, k):
    """Return the k largest values of each row, and 0 elsewhere."""
    found = np.zeros_like(values)
    for row, target in zip(values, found, strict=True):
        largest = np.argsort(row)[-k:]
        target[largest] = row[largest]
    return found


@pytest.mark.parametrize("k", [1, 4, 9])
def test_the_k_largest_activations_of_each_image_are_kept(k):
    values = random(20, 9).astype("float32")
    np.testing.assert_array_equal(KSparse(k)(values, training=True), kept_by_row(values, k))
    np.testing.assert_array_equal(KSparse(k, alpha=2)(values), kept_by_row(values, min(9, 2 * k)))


def test_gradients_go_through_the_kept_ones_alone():
    import tensorflow as tf

    values = tf.constant(random(6, 5).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(3 * KSparse(2)(values, training=True))
    np.testing.assert_array_equal(tape.gradient(total, values), 3 * (kept_by_row(values.numpy(), 2) != 0))


@pytest.mark.parametrize(("rate", "count"), [(0.05, 1), (0.3, 3), (1.0, 10)])
def test_lifetime_winners_are_the_largest_of_each_unit(rate, count):
    values = np.abs(random(10, 6)).astype("float32")
    expected = kept_by_row(values.T, count).T
    np.testing.assert_array_equal(WinnerTakeAll(rate)(values, training=True), expected)
    np.testing.assert_array_equal(WinnerTakeAll(rate)(values), values)


def test_spatial_winners_are_one_of_each_map_and_of_these_a_fraction_of_the_batch():
    values = np.abs(random(10, 4, 5, 3)).astype("float32")
    rows = values.transpose(0, 3, 1, 2).reshape(30, 20)
    winners = kept_by_row(rows, 1).reshape(10, 3, 4, 5).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(WinnerTakeAll(1, spatial=True)(values, training=True), winners)
    kept = kept_by_row(winners.max(axis=(1, 2)).T, 2).T
    found = WinnerTakeAll(0.2, spatial=True)(values, training=True)
    np.testing.assert_array_equal(found, winners * (kept != 0)[:, None, None, :])


def test_the_convolutional_net_of_the_authors_has_its_parameters():
    """16 maps of 11×11 with one winner each, and a linear decoder of 11×11: 3,889 parameters."""
    layers = keras.layers
    net = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 11, padding="same", activation="relu"),
            WinnerTakeAll(1, spatial=True),
            layers.Conv2D(1, 11, padding="same"),
        ]
    )
    assert net.count_params() == 3889


def test_a_convolutional_net_learns_with_one_winner_of_each_map(tmp_path):
    """16 maps of digits, of which each keeps one activation an image, for a fifth of a batch of 50."""
    images = cnnzoo.data.load("digits").train.images[:1000] / np.float32(255)
    keras.utils.set_random_seed(0)
    maps = keras.layers.Conv2D(16, 5, padding="same", activation="relu")
    sparse = WinnerTakeAll(0.2, spatial=True)
    outputs = keras.layers.Conv2D(1, 5, padding="same")
    net = keras.Sequential([keras.Input((8, 8, 1)), maps, sparse, outputs])
    net.compile(keras.optimizers.Adam(0.01), "mse")
    losses = net.fit(images, images, epochs=2, batch_size=50, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[1] < losses[0]
    assert all(np.isfinite(weight).all() for weight in net.get_weights())

    activations = np.asarray(maps(images[:50]))
    codes = np.asarray(sparse(activations, training=True))
    active = (codes != 0).sum(axis=(1, 2))
    assert active.max() == 1
    positive = (activations.max(axis=(1, 2)) > 0).sum(axis=0)  # images for which a map is not 0 as a whole
    np.testing.assert_array_equal(active.sum(axis=0), np.minimum(positive, 10))
    assert active.sum() >= 80
    np.testing.assert_array_equal(codes[codes != 0], activations[codes != 0])
    np.testing.assert_allclose(net(images[:50], training=True), outputs(codes), atol=1e-5)
    np.testing.assert_allclose(net(images[:50]), outputs(activations), atol=1e-5)

    net.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    assert loaded.layers[1].get_config() == sparse.get_config()
    np.testing.assert_allclose(loaded(images[:50], training=True), outputs(codes), atol=1e-5)


def tied(weight=1.0, dead_after=2):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6,))
    layer = ReversibleDense(4, name="code")
    sparse = KSparse(1, dead_weight=weight, dead_after=dead_after, dead_units=1)
    model = keras.Model(inputs, layer(sparse([inputs, layer(inputs)]), reverse=True))
    return model, layer, sparse


def test_dead_units_learn_what_the_reconstruction_leaves_over():
    """One step of gradient descent on the loss of dead units alone, against the formula in NumPy."""
    import tensorflow as tf

    model, layer, sparse = tied()
    values = np.abs(random(8, 6)).astype("float32")
    sparse.silent.assign([5.0, 0.0, 5.0, 1.0])  # the first and the third are dead
    kernel, bias, back = (weight.numpy().astype("float64") for weight in (layer.kernel, layer.bias, layer.reverse_bias))
    codes = values @ kernel + bias
    rest = values - (kept_by_row(codes, 1) @ kernel.T + back)
    dead = np.where([True, False, True, False], codes, -1e9)
    revived = np.where(dead == dead.max(axis=1, keepdims=True), codes, 0.0)
    expected = ((rest - revived @ kernel.T) ** 2).mean() / (rest**2).mean()
    with tf.GradientTape() as tape:
        model(values, training=True)
        [loss] = model.losses
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    slope = np.asarray(tape.gradient(loss, layer.kernel.value))
    assert np.any(slope[:, 0])
    assert not np.any(slope[:, [1, 3]]), "living units are not changed"
    fired = (kept_by_row(codes, 1) != 0).any(axis=0)
    np.testing.assert_array_equal(sparse.silent, np.where(fired, 0, np.array([5, 0, 5, 1]) + 1))
    model(values)  # at inference nothing is added or counted
    assert not model.losses or float(model.losses[0]) == 0


def test_units_that_never_fire_come_back():
    """25 of 40 units begin with weights so small that they are never among the two largest."""
    alive = []
    data = np.random.default_rng(0).normal(size=(400, 16)).astype("float32")
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        sparsity = {"kind": "k-sparse", "k": 2, "dead_weight": weight, "dead_after": 5}
        options = {"code_activation": "linear", "code": 40, "units": (), "sparsity": sparsity}
        model = cnnzoo.autoencoder(input_shape=(16,), **options)
        kernel = model.get_layer("code").kernel
        kernel.assign(kernel * np.where(np.arange(40) < 25, 1e-3, 1.0))
        model.compile(keras.optimizers.Adam(0.01), "mse")
        model.fit(data, data, epochs=60, batch_size=100, verbose=0)
        codes = cnnzoo.encoder(model).predict(data, verbose=0)
        assert ((codes != 0).sum(axis=1) == 2).all()
        alive.append(int((codes != 0).any(axis=0).sum()))
    assert alive[0] <= 20
    assert alive[1] >= alive[0] + 5


def test_a_model_with_sparse_codes_is_saved_cut_and_pretrained(tmp_path):
    data = np.random.default_rng(0).random((60, 4, 4, 1), "float32")
    dead = {"kind": "k-sparse", "k": 3, "dead_weight": 0.1}
    for sparsity in (dead, {**dead, "dead_weight": 0}, "winner-take-all"):
        model = cnnzoo.autoencoder(input_shape=(4, 4, 1), units=(), code=8, sparsity=sparsity)
        pretraining = cnnzoo.LayerwisePretraining(data, epochs=1, verbose=0)
        callbacks = [] if sparsity is dead else [pretraining]  # it would not train them
        model.fit(data, data, epochs=1, verbose=0, callbacks=callbacks)
        assert list(pretraining.history) == ["code"] * len(callbacks)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        expected = model.predict(data, verbose=0)
        np.testing.assert_allclose(loaded.predict(data, verbose=0), expected, atol=1e-6)
        loaded.fit(data, data, epochs=1, verbose=0)
        codes = cnnzoo.encoder(model).predict(data, verbose=0)
        np.testing.assert_allclose(cnnzoo.decoder(model).predict(codes, verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: KSparse(0), "`k` must be a positive integer. Received: 0"),
        (lambda: KSparse(5)(np.zeros((2, 4), "float32")), "`k` must be at most 4, the number of units. Received: 5"),
        (lambda: KSparse(5, alpha=0.5), "`alpha` must be .* at least 1"),
        (lambda: KSparse(1, dead_weight=1.0)([keras.Input((4,)), keras.Input((4,))]), "must be those of a Reversible"),
        (
            lambda: KSparse(1, dead_weight=1.0, name="k")(keras.Input((4,))),
            r"k trains dead units .* with \[inputs, codes\]",
        ),
        (lambda: WinnerTakeAll(0), "`rate` must be .* Received: 0"),
        (lambda: WinnerTakeAll(1, spatial=True)(np.zeros((2, 4), "float32")), "maps .* for spatial=True"),
        (lambda: cnnzoo.autoencoder(code=8, sparsity={"kind": "k-sparse", "k": 9}), "`k` must be .* Received: 9"),
        (lambda: cnnzoo.autoencoder(sparsity={"kind": "k-sparse", "dead_weight": 1}), "`dead_weight` must be 0 unless"),
        (lambda: cnnzoo.autoencoder(sparsity={"kind": "k-sparse", "rate": 1}), "unknown number of sparsity 'k-sparse'"),
    ],
)
def test_what_cannot_be_used_is_refused(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()
