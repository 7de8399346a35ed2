"""What a stage trains, and that it changes nothing else."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.layers import ReversibleDense
from cnnzoo.pretraining import LayerwisePretraining, layer_autoencoder
from cnnzoo.pretraining.stages import left_out, stages
from tests.pretraining.nets import autoencoder, changed, classifier, images, pretrained, values_of
from tests.small_nets import LOGISTIC, small

DATA = images()


def loss_falls(history):
    return all(np.all(np.diff(stage["loss"]) < 0) for stage in history.values())


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_a_stage_changes_its_own_layer_alone(name):
    model = classifier()
    before = values_of(model)
    pretraining = pretrained(model, images(), layers=[name], corruption=0.1)
    assert changed(before, values_of(model)) == {name}
    assert loss_falls(pretraining.history)


def test_all_hidden_layers_are_trained_in_turn_and_not_the_head():
    model = classifier()
    before = values_of(model)
    history = pretrained(model, images(), epochs=[3, 4, 5]).history
    assert changed(before, values_of(model)) == {"a", "b", "c"}
    assert {name: len(stage["loss"]) for name, stage in history.items()} == {"a": 3, "b": 4, "c": 5}
    assert loss_falls(history)


def test_one_step_of_a_stage_equals_the_formula():
    """One step of gradient descent on the whole set, against TensorFlow's own gradient of the formula."""
    import tensorflow as tf

    data, model = images(50), classifier(units=(8,))
    weights = [tf.constant(weight) for weight in model.get_layer("a").get_weights()]
    generator = np.random.default_rng([0, 0])
    glorot = keras.initializers.GlorotUniform(int(generator.integers(2**31, size=2)[1]))((8, 20))
    with tf.GradientTape() as tape:
        tape.watch(weights)
        hidden = tf.sigmoid(data @ weights[0] + weights[1])
        logits = hidden @ glorot
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=data, logits=logits))
    expected = [weight - 0.5 * slope for weight, slope in zip(weights, tape.gradient(loss, weights), strict=True)]
    history = pretrained(model, data, epochs=1, optimizer=keras.optimizers.SGD(0.5)).history
    np.testing.assert_allclose(history["a"]["loss"], [float(loss)], rtol=1e-5)
    for found, wanted in zip(model.get_layer("a").get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_stage_holds_its_layer_with_the_activation_layers_after_it_alone():
    inputs = keras.Input((6, 6, 2))
    x = keras.layers.Conv2D(4, 3, name="one")(inputs)
    x = keras.layers.PReLU(name="bent")(x)
    x = keras.layers.MaxPooling2D(name="pool")(x)
    x = keras.layers.Flatten(name="flat")(x)
    x = keras.layers.Dense(3, "sigmoid", name="two")(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(x))
    first, second = stages(model)
    assert [layer.name for layer in first.trained] == ["one", "bent"]
    assert first.code is model.get_layer("bent").output
    assert second.inputs is model.get_layer("flat").output
    before = values_of(model)
    assert loss_falls(pretrained(model, images(200, (6, 6, 2))).history)
    assert changed(before, values_of(model)) == {"one", "bent", "two"}


def test_layers_before_a_stage_tell_whether_its_inputs_lie_in_the_unit_range():
    x = keras.Input((6, 6, 2))
    model = keras.Sequential(
        [
            x,
            keras.layers.Conv2D(4, 3, activation="sigmoid"),
            keras.layers.MaxPooling2D(),
            keras.layers.Dropout(0.1),
            keras.layers.Flatten(),
            keras.layers.Dense(4),  # its inputs lie in [0, 1]; those of the first layer must be measured
            keras.layers.Softmax(),
            keras.layers.Dense(4, "relu"),
            keras.layers.Dense(4, "sigmoid"),
            keras.layers.Rescaling(3.0),
            keras.layers.Dense(4),
            keras.layers.Dense(4),
        ]
    )
    assert [stage.in_unit_range for stage in stages(model)] == [None, True, True, False, False]


def test_pooled_sigmoids_are_reconstructed_by_cross_entropy():
    """By the average pooling of a textbook's LeNet, too, which is a faster one than Keras' own."""
    data = images(60, (16, 16, 1))

    def first_loss(**options):
        keras.utils.set_random_seed(1)
        model = cnnzoo.lenet(activation="sigmoid", input_shape=(16, 16, 1), compile=False)
        return pretrained(model, data, layers=["C3"], epochs=1, **options).history["C3"]["loss"]

    assert first_loss() == pytest.approx(first_loss(loss="binary_crossentropy"), rel=1e-4)
    assert first_loss() != pytest.approx(first_loss(loss="mse"), rel=0.5)


@pytest.mark.parametrize("room", [cnnzoo.layers, cnnzoo.optimizers], ids=lambda room: room.__name__)
def test_a_class_with_the_name_of_one_of_keras_is_one(room):
    """Else `isinstance` misses it where Keras' own is meant, as in the lists of `stages`."""
    theirs = {"cnnzoo.layers": keras.layers, "cnnzoo.optimizers": keras.optimizers}[room.__name__]
    shared = [name for name in room.__all__ if hasattr(theirs, name)]
    assert shared
    assert all(issubclass(getattr(room, name), getattr(theirs, name)) for name in shared)


def test_frozen_layers_are_passed_through():
    model = classifier()
    model.get_layer("b").trainable = False
    before = values_of(model)
    history = pretrained(model, images(), epochs=[1, 2]).history
    assert list(history) == ["a", "c"]
    assert changed(before, values_of(model)) == {"a", "c"}
    assert [layer.trainable for layer in model.layers] == [True, True, False, True, True]


def test_an_autoencoder_trains_its_decoder_pairs():
    model = autoencoder()
    first, second = stages(model)
    assert [layer.name for layer in first.trained] == ["encoder_1", "output"]
    assert [layer.name for layer in second.trained] == ["code", "decoder_1"]
    before = values_of(model)
    assert loss_falls(pretrained(model, images(), layers=["encoder_1"]).history)
    between = values_of(model)
    assert changed(before, between) == {"encoder_1", "output"}
    assert loss_falls(pretrained(model, images(), layers=["code"]).history)
    assert changed(between, values_of(model)) == {"code", "decoder_1"}


def test_the_last_stage_of_a_one_layer_autoencoder_is_the_model():
    """Loss and reconstruction of the stage are those of the whole, so fit and pretraining agree."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((20,))
    model = keras.Model(
        inputs,
        keras.layers.Dense(20, "sigmoid", name="output")(keras.layers.Dense(6, "sigmoid", name="code")(inputs)),
    )
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile(keras.optimizers.SGD(0.5), "binary_crossentropy")
    data = images(50)
    losses = twin.fit(data, data, batch_size=50, epochs=3, verbose=0).history["loss"]
    history = pretrained(model, data, optimizer=keras.optimizers.SGD(0.5)).history
    np.testing.assert_allclose(history["code"]["loss"], losses, rtol=1e-5)
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_tied_autoencoder_stays_tied():
    inputs = keras.Input((20,))
    first = ReversibleDense(12, "sigmoid", reverse_activation="sigmoid", name="encoder_1")
    code = ReversibleDense(6, "sigmoid", reverse_activation="sigmoid", name="code")
    model = keras.Model(inputs, first(code(code(first(inputs)), reverse=True), reverse=True))
    before = values_of(model)
    assert [stage.decoder_pair.activation for stage in stages(model)] == ["sigmoid", "sigmoid"]
    assert loss_falls(pretrained(model, images()).history)
    assert changed(before, values_of(model)) == {"encoder_1", "code"}
    assert [weight.shape for weight in model.weights] == [(20, 12), (12,), (20,), (12, 6), (6,), (12,)]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name", LOGISTIC)
def test_the_sigmoid_behind_the_last_reshape_belongs_to_the_outermost_pair(name, tied):
    (outermost, *_) = stages(small(name, tied=tied))
    assert outermost.decoder_pair.activation == "sigmoid"
    assert outermost.decoder_pair.layers[-1].name == "reconstruction"


def test_a_tied_stage_trains_as_the_formulas_say():
    """One step of gradient descent on the cross-entropy of σ(σ(xW + b)Wᵀ + c), in float64 by hand."""
    keras.utils.set_random_seed(1)
    layer = ReversibleDense(4, "sigmoid", reverse_activation="sigmoid", name="code")
    inputs = keras.Input((6,))
    model = keras.Model(inputs, layer(layer(inputs), reverse=True))
    x, (kernel, *_) = images(30, (6,)).astype("float64"), map(np.float64, model.get_weights())

    def sigmoid(values):
        return 1 / (1 + np.exp(-values))

    hidden = sigmoid(x @ kernel)
    error = (sigmoid(hidden @ kernel.T) - x) / x.size
    back = error @ kernel * hidden * (1 - hidden)
    expected = [kernel - 0.5 * (x.T @ back + error.T @ hidden), -0.5 * back.sum(axis=0), -0.5 * error.sum(axis=0)]
    pretrained(model, x, epochs=1, batch_size=30, optimizer=keras.optimizers.SGD(0.5))
    for weight, value in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(weight, value, atol=1e-6)


@pytest.mark.parametrize("penalty", [{"sparsity": {"kind": "l1", "weight": 1.0}}, {"contractive": 1.0}], ids=str)
def test_a_penalty_on_the_code_counts_in_its_stage(penalty):
    def losses(**options):
        keras.utils.set_random_seed(1)
        model = cnnzoo.autoencoder(input_shape=(4, 5, 1), units=(), code=6, compile=False, **options)
        return pretrained(model, images(60, (4, 5, 1)), epochs=1).history["code"]["loss"]

    assert losses(**penalty)[0] > losses()[0] + 0.1


@pytest.mark.parametrize("odd", [False, True])
def test_decoder_pairs_of_a_convolutional_autoencoder_are_found_by_shapes(odd):
    keras.utils.set_random_seed(1)
    side = 9 if odd else 8
    inputs = keras.Input((side, side, 2))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="down_1")(inputs)
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="down_2")(x)
    x = keras.layers.MaxPooling2D(padding="same")(x)
    shape = x.shape[1:]
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(5, name="code")(x)
    x = keras.layers.Dense(int(np.prod(shape)), "relu", name="up_3")(x)
    x = keras.layers.Reshape(shape)(x)
    x = keras.layers.UpSampling2D()(x)
    x = keras.layers.Cropping2D(((0, 1), (0, 1)))(x) if odd else x
    x = keras.layers.Conv2DTranspose(4, 3, padding="same", activation="relu", name="up_2")(x)
    x = keras.layers.Conv2DTranspose(2, 3, strides=2, padding="same", name="up_1")(x)
    x = keras.layers.Cropping2D(((0, 1), (0, 1)))(x) if odd else x
    model = keras.Model(inputs, keras.layers.Activation("sigmoid", name="squash")(x))
    found = [[layer.name for layer in stage.trained if layer.weights] for stage in stages(model)]
    assert found == [["down_1", "up_1"], ["down_2", "up_2"], ["code", "up_3"]]
    assert loss_falls(pretrained(model, images(200, (side, side, 2))).history)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_new_decoders_of_convolutions_fit_odd_sizes(padding, tied):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((11, 14, 2))
    x = keras.layers.Conv2D(4, 4, strides=3, padding=padding, activation="tanh", name="one")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    assert loss_falls(pretrained(model, images(200, (11, 14, 2)), tied=tied).history)


def test_tied_decoders_train_the_layers_of_a_classifier_alone():
    model = classifier()
    before = values_of(model)
    assert loss_falls(pretrained(model, images(), tied=True).history)
    assert changed(before, values_of(model)) == {"a", "b", "c"}


def test_a_small_alexnet_is_pretrained():
    """Convolutions in columns, response normalization and pooling in between, and no input in [0, 1]."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((19, 19, 3))
    x = keras.layers.Conv2D(8, 5, strides=2, activation="relu", name="conv1")(inputs)
    x = cnnzoo.layers.LocalResponseNormalization(name="norm1")(x)
    x = keras.layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = cnnzoo.layers.ColumnConv2D(12, 3, groups=2, padding="same", activation="relu", name="conv2")(x)
    x = keras.layers.MaxPooling2D(3, 2, name="pool2")(x)
    x = keras.layers.Flatten(name="flat")(x)
    x = keras.layers.Dropout(0.5, name="drop")(keras.layers.Dense(10, "relu", name="fc3")(x))
    model = keras.Model(inputs, keras.layers.Dense(4, "softmax", name="fc4")(x))
    history = pretrained(model, images(200, (19, 19, 3)) - 0.5, epochs=4).history
    assert list(history) == ["conv1", "conv2", "fc3"]
    assert loss_falls(history)


def test_a_layer_first_used_in_another_model_is_pretrained_in_this_one():
    shared = keras.layers.Dense(12, "sigmoid", name="shared")
    keras.Model(other := keras.Input((20,)), shared(other))
    model = keras.Sequential(
        [keras.Input((20,)), keras.layers.Dense(20, "relu", name="a"), shared, keras.layers.Dense(3, name="head")]
    )
    _, second = stages(model)
    assert second.inputs is not other
    assert loss_falls(pretrained(model, images()).history)


def test_skip_connections_around_layers_are_followed():
    """The inputs of the second layer depend on more than those of the first."""
    inputs = keras.Input((20,))
    x = keras.layers.Dense(20, "sigmoid", name="a")(inputs)
    x = keras.layers.Concatenate(name="both")([x, inputs])
    x = keras.layers.Dense(8, "sigmoid", name="b")(x)
    x = keras.layers.Concatenate()([x, inputs])
    x = keras.layers.Dense(8, "sigmoid", name="c")(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(x))
    assert loss_falls(pretrained(model, images()).history)


@pytest.mark.parametrize("data", [DATA, [DATA[:100], DATA[100:]]], ids=["array", "batches"])
def test_a_branch_that_starts_at_the_images_again_trains_on_the_images(data):
    """In graph order the branch comes after deeper layers; its inputs are the images."""

    def model():
        keras.utils.set_random_seed(1)
        inputs = keras.Input((20,))
        up = keras.layers.Dense(20, "sigmoid", name="a")(inputs)
        up = keras.layers.Dense(6, "sigmoid", name="b")(up)
        branch = keras.layers.Dense(8, "sigmoid", name="c")(inputs)
        return keras.Model(inputs, keras.layers.Dense(2, name="head")(keras.layers.Concatenate()([up, branch])))

    cached, direct = pretrained(model(), data).history, pretrained(model(), DATA, cache=False).history
    assert list(cached) == ["a", "b", "c"]
    np.testing.assert_allclose(cached["c"]["loss"], direct["c"]["loss"], rtol=1e-5)


def test_none_of_several_heads_is_hidden():
    inputs = keras.Input((20,))
    x = keras.layers.Dense(8, "sigmoid", name="a")(inputs)
    early = keras.layers.Dense(3, "softmax", name="early")(x)
    x = keras.layers.Dense(6, "sigmoid", name="b")(x)
    late = keras.layers.Activation("softmax")(keras.layers.Dense(3, name="late")(x))
    assert [stage.name for stage in stages(keras.Model(inputs, [early, late]))] == ["a", "b"]
    assert [stage.name for stage in stages(keras.Model(inputs, [early, late]), ["late"])] == ["late"]


@pytest.mark.parametrize("last", ["softmax", "sigmoid", None])
def test_as_many_classes_as_inputs_are_no_autoencoder(last):
    inputs = keras.Input((5,))
    x = keras.layers.Dense(8, "sigmoid", name="a")(inputs)
    x = keras.layers.Dense(5, last, name="head")(x)
    outputs = x if last else keras.layers.Softmax()(x)
    (stage,) = stages(keras.Model(inputs, outputs))
    assert [layer.name for layer in stage.trained] == (["a", "head"] if last == "sigmoid" else ["a"])


def test_a_layer_that_is_its_own_head_is_not_hidden():
    inputs = keras.Input((20,))
    again = keras.layers.Dense(20, name="again")
    x = keras.layers.Dense(20, name="a")(inputs)
    assert [stage.name for stage in stages(keras.Model(inputs, again(again(x))))] == ["a"]


def test_the_loss_compares_with_the_activations_before_corruption():
    """With everything masked only the decoder's bias can learn, whatever the data."""
    model = classifier(units=(8,))
    before = model.get_layer("a").kernel.numpy().copy()
    history = pretrained(model, images(), corruption=1.0, epochs=2).history
    np.testing.assert_array_equal(model.get_layer("a").kernel.numpy(), before)
    assert history["a"]["loss"][0] == pytest.approx(np.log(2), rel=0.05)
    pretrained(model, images(), corruption=[keras.layers.GaussianNoise(0.1)], epochs=1)
    assert changed({"a/kernel": before}, values_of(model)) == {"a"}


@pytest.mark.parametrize(
    ("shape", "target"),
    [((20,), (4, 5, 1)), ((4, 5, 1), (20,)), ((4, 5), (2, 5, 2)), ((4, 5, 1), (5, 4))],
    ids=str,
)
def test_reconstructions_of_another_rank_have_their_values_in_order(shape, target):
    values = np.arange(40.0).reshape(2, *shape)
    np.testing.assert_array_equal(layer_autoencoder.brought_to_shape(values, target), values.reshape(2, *target))


def test_reconstructions_of_other_sides_are_cropped_or_padded_at_the_end():
    values = np.arange(1.0, 25).reshape(1, 4, 3, 2)
    found = np.asarray(layer_autoencoder.brought_to_shape(values, (3, 5, 2)))
    np.testing.assert_array_equal(found[:, :, :3], values[:, :3])
    assert not found[:, :, 3:].any()


def recurrent():
    inner = keras.Sequential([keras.Input((12,)), keras.layers.Dense(9, name="inside")], name="inner")
    hidden = [
        keras.layers.Conv1D(4, 3, name="maps"),
        keras.layers.LSTM(12, name="state"),
        inner,
        keras.layers.Dense(8, name="hidden"),
        keras.layers.BatchNormalization(),
    ]
    return keras.Sequential([keras.Input((6, 2)), *hidden, keras.layers.Dense(3, name="head")])


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_convolution_of_signals_is_pretrained(padding, tied):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((11, 2))
    x = keras.layers.Conv1D(4, 4, strides=3, padding=padding, activation="tanh", name="one")(inputs)
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(x))
    signals = np.cumsum(np.random.default_rng(0).normal(size=(200, 11, 2)), axis=1).astype("float32")
    pretraining = pretrained(keras.Model(inputs, outputs), signals, tied=tied, epochs=5)
    assert list(pretraining.history) == ["one"]
    assert loss_falls(pretraining.history)


@pytest.mark.parametrize("steps", [12, 13])
def test_an_autoencoder_of_signals_is_pretrained_by_its_own_decoder(steps):
    keras.utils.set_random_seed(1)
    model = cnnzoo.stacked_convolutional_autoencoder(input_shape=(steps, 2), maps=(6,), code=3)
    found = [[layer.name for layer in stage.trained if layer.weights] for stage in stages(model)]
    assert found == [["encoder_1", "output"], ["code", "decoder_1"]]
    signals = np.cumsum(np.random.default_rng(0).normal(size=(200, steps, 2)), axis=1).astype("float32")
    assert loss_falls(pretrained(model, signals, epochs=5).history)


def test_rows_of_a_table_are_pretrained_as_images_are():
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(300, 4)) @ rng.normal(size=(4, 12))).astype("float32")
    model = cnnzoo.deep_autoencoder(input_shape=(12,), units=(9, 6), code=3)
    assert loss_falls(pretrained(model, rows / rows.std(axis=0), epochs=10).history)


def test_a_layer_that_is_called_again_in_reverse_decodes_itself_also_in_a_model_that_is_no_mirror_image():
    keras.utils.set_random_seed(1)
    model = cnnzoo.convolutional_autoencoder(input_shape=(8, 8, 1), maps=(4, 4), code=5)
    code, *others = stages(model)
    assert (code.name, code.decoder_pair.layers) == ("code", (model.get_layer("code"),))
    assert [stage.name for stage in others] == ["decoder_1", "decoder_2"]
    history = pretrained(model, images(100, (8, 8, 1)), epochs=5).history
    assert all(stage["loss"][-1] < stage["loss"][0] / 2 for stage in history.values())


def test_hidden_layers_that_are_left_out_are_named_once(caplog):
    model = recurrent()
    assert left_out(model) == ["state (LSTM)", "inner (Sequential)"]
    before = [np.array(weight) for weight in model.get_layer("state").weights]
    LayerwisePretraining(images(40, (6, 2)), epochs=1, verbose=0).pretrain(model)
    assert [record.getMessage() for record in caplog.records] == [
        "pretraining leaves out state (LSTM), inner (Sequential): it trains Dense, Conv1D and Conv2D layers"
    ]
    for weight, old in zip(model.get_layer("state").weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_who_names_the_layers_hears_nothing_of_others(caplog):
    LayerwisePretraining(images(40, (6, 2)), epochs=1, layers=["hidden"], verbose=0).pretrain(recurrent())
    assert not caplog.records


def test_nothing_is_left_out_of_what_can_be_pretrained():
    for model in (
        classifier(),
        autoencoder(),
        cnnzoo.autoencoder(compile=False),
        cnnzoo.stacked_convolutional_autoencoder(),
    ):
        assert left_out(model) == []
    frozen = recurrent()
    frozen.get_layer("state").trainable = False
    assert left_out(frozen) == ["inner (Sequential)"]


@pytest.mark.parametrize(
    ("options", "extra"),
    [({"contractive": 1.0}, 0.05), ({"sparsity": {"kind": "l1", "weight": 1.0}}, 0.5), ({"variational": 3}, -0.05)],
    ids=str,
)
def test_what_a_code_goes_through_counts_in_its_stage_alone(options, extra):
    model, plain = classifier((8, 6)), classifier((8, 6))
    history = pretrained(model, DATA, epochs=2, optimizer="sgd", **options).history
    losses = pretrained(plain, DATA, epochs=2, optimizer="sgd").history
    for name in ("a", "b"):
        assert history[name]["loss"][0] > losses[name]["loss"][0] + extra
        assert history[name]["loss"][0] != losses[name]["loss"][0]
    assert len(model.layers) == len(plain.layers)
    assert not model.losses


def test_the_contraction_of_a_stage_is_that_of_the_formula():
    data, weight = images(50), 0.7
    first = {}
    for contractive in (0.0, weight):
        model = classifier((8,))
        kernel, bias = (each.astype("float64") for each in model.get_layer("a").get_weights())
        first[contractive] = pretrained(model, data, epochs=1, contractive=contractive).history["a"]["loss"][0]
    hidden = 1 / (1 + np.exp(-(data @ kernel + bias)))
    norms = ((hidden * (1 - hidden)) ** 2 @ (kernel**2).sum(axis=0)).mean()
    assert first[weight] - first[0.0] == pytest.approx(weight * norms, rel=1e-4)


def test_k_sparse_stages_train_the_kept_units_alone():
    model = classifier((8,))
    model.get_layer("a").bias.assign([9.0, 9.0, 0, 0, 0, 0, 0, 0])  # these two are the largest of every example
    before = np.array(model.get_layer("a").kernel)
    pretrained(model, DATA, epochs=1, sparsity={"kind": "k-sparse", "k": 2})
    changed_units = np.any(np.array(model.get_layer("a").kernel) != before, axis=0)
    assert changed_units.tolist() == [True, True, *[False] * 6]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sparsity": {"kind": "k-sparse", "k": 2, "dead_weight": 1}, "variational": 3}, "leave `variational` out"),
        ({"sparsity": {"kind": "k-sparse", "k": 7}}, "`k` must be .* Received: 7"),  # of the second layer's 6
        ({"sparsity": "l2"}, "`sparsity` must be None, 'kl'"),
        ({"contractive": -1}, "`contractive` must be .* Received: -1"),
        ({"variational": 0}, "`variational` must be .* Received: 0"),
    ],
)
def test_what_no_code_can_go_through_is_refused_before_the_first_stage(options, sentence):
    model = classifier((8, 6))
    before = values_of(model)
    with pytest.raises(cnnzoo.InputError, match=sentence):
        pretrained(model, DATA, **options)
    assert not changed(before, values_of(model))


def test_a_convolution_has_no_contractive_stage():
    inputs = keras.Input((6, 6, 2))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, name="one")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    with pytest.raises(cnnzoo.InputError, match="the layer 'one' must be a Dense layer of vectors"):
        pretrained(model, images(20, (6, 6, 2)), contractive=0.1)
