"""ClassicSGD against its formula in float64 and PyTorch's SGD, however Keras runs the step."""

import contextlib
import re

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.optimizers import ClassicSGD, fused
from tests.optimizers.graphs import operations

DECAYS = {"fc2/kernel": 1.0, "*/kernel": 0.04}
MULTIPLIERS = {"*/bias": 2.0}
STEPS = 5


def net(**compilation):
    inputs = keras.Input((4,))
    x = keras.layers.Dense(5, activation="tanh", bias_initializer="ones", name="fc1")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, bias_initializer="ones", name="fc2")(x))
    if compilation:
        model.compile(loss="mse", **compilation)
    return model


def data(count=24):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 4)).astype("float32"), rng.normal(size=(count, 3)).astype("float32")


def random_gradients(weights, step):
    rng = np.random.default_rng(step)
    return [rng.normal(size=weight.shape) for weight in weights]


def formula(weights, rates_of_steps, momentum, decays, lr_multipliers, gradients=random_gradients):
    """v ← µv − ε(g + λw), w ← w + v, in float64."""
    weights = [np.array(weight, "float64") for weight in weights]
    velocities = [np.zeros_like(weight) for weight in weights]
    for step, rate in enumerate(rates_of_steps):
        for n, gradient in enumerate(gradients(weights, step)):
            decayed = gradient + decays[n] * weights[n]
            velocities[n] = momentum * velocities[n] - rate * lr_multipliers[n] * decayed
            weights[n] = weights[n] + velocities[n]
    return weights


def stepped(model, optimizer, steps=STEPS):
    for step in range(steps):
        gradients = random_gradients(model.trainable_weights, step)
        tensors = [keras.ops.convert_to_tensor(gradient, "float32") for gradient in gradients]
        optimizer.apply(tensors, model.trainable_weights)
    return model.get_weights()


def assert_close(found, expected, tolerance=1e-6):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("momentum", [0, 0.5, 0.9])
@pytest.mark.parametrize("decay", [0, 5e-2])
def test_a_single_decay_applies_to_every_weight(momentum, decay):
    model = net()
    expected = formula(model.get_weights(), [0.1] * STEPS, momentum, [decay] * 4, [1] * 4)
    assert_close(stepped(model, ClassicSGD(0.1, momentum, decay)), expected)


def test_decays_and_multipliers_are_those_of_the_first_matching_pattern():
    model = net()
    optimizer = ClassicSGD(0.05, 0.9, DECAYS, MULTIPLIERS)
    assert [weight.path for weight in model.weights] == ["fc1/kernel", "fc1/bias", "fc2/kernel", "fc2/bias"]
    expected = formula(model.get_weights(), [0.05] * STEPS, 0.9, [0.04, 0, 1.0, 0], [1, 2, 1, 2])
    assert_close(stepped(model, optimizer), expected)


def test_cuda_convnets_layers_have_the_decays_and_multipliers_of_its_files():
    """With weights of 1, a step by ε(g + λ) shows λ where the gradient is 0 and the rate where it is 1."""
    model = cnnzoo.cuda_convnet()
    for gradient, of_kernel in ((0.0, {"fc10": 1.0, "conv": 0.004}), (1.0, {"fc10": 2.0, "conv": 1.004})):
        model.compile(ClassicSGD.from_config(model.optimizer.get_config()))
        model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
        model.optimizer.apply([keras.ops.full(w.shape, gradient) for w in model.weights], model.trainable_weights)
        for weight in model.weights:
            layer, kind = weight.path.split("/")
            step = of_kernel["fc10" if layer == "fc10" else "conv"] if kind == "kernel" else 2 * gradient
            np.testing.assert_allclose(weight, 1 - 0.001 * step, rtol=1e-6)


def test_a_schedule_gives_each_step_its_rate():
    model = net()
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1, 3], [0.1, 0.02, 0.003])
    expected = formula(model.get_weights(), [0.1, 0.1, 0.02, 0.02, 0.003], 0.9, [0.05] * 4, [1] * 4)
    assert_close(stepped(model, ClassicSGD(schedule, 0.9, 0.05)), expected)


def test_at_a_constant_rate_it_equals_pytorchs_sgd():
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    model = net()
    theirs = [torch.nn.Parameter(torch.tensor(weight.astype("float64"))) for weight in model.get_weights()]
    optimizer = torch.optim.SGD(theirs, lr=0.03, momentum=0.9, weight_decay=0.02)
    for step in range(STEPS):
        for weight, gradient in zip(theirs, random_gradients(theirs, step), strict=True):
            weight.grad = torch.tensor(gradient)
        optimizer.step()
    found = stepped(model, ClassicSGD(0.03, 0.9, 0.02))
    assert_close(found, [weight.detach().numpy() for weight in theirs])


@pytest.mark.parametrize("by", ["names", "variables"])
def test_weights_can_be_excluded_from_the_decay(by):
    """By Keras' own method, before the optimizer is built: only kernels shrink without a gradient."""
    model = net()
    biases = [weight for weight in model.trainable_variables if weight.name == "bias"]
    optimizer = ClassicSGD(0.03, 0.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(**({"var_names": ["bias"]} if by == "names" else {"var_list": biases}))
    before = model.get_weights()
    optimizer.apply([keras.ops.zeros(weight.shape) for weight in model.weights], model.trainable_variables)
    for weight, start in zip(model.weights, before, strict=True):
        np.testing.assert_allclose(weight, start * (1 if weight.name == "bias" else 1 - 0.03 * 0.5), rtol=1e-6)
    with pytest.raises(cnnzoo.InputError, match="only before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


@pytest.mark.parametrize(
    "options", [{"weight_decay": {"fc11/kernel": 1.0}}, {"lr_multipliers": {"*/gamma": 2.0}}], ids=str
)
def test_a_pattern_that_matches_nothing_warns_and_raises_where_all_weights_are_known(options):
    (pattern,) = next(iter(options.values()))
    message = rf"the pattern {re.escape(repr(pattern))} .* matches none of the weights fc1/kernel, .* fc2/bias"
    with pytest.warns(UserWarning, match=f"{message} that are trained$"):
        ClassicSGD(0.1, **options).build(net().trainable_variables)
    with pytest.raises(cnnzoo.InputError, match=f"{message}$"):
        ClassicSGD(0.1, **options).check_patterns(net().weights)


@pytest.mark.parametrize("options", [{"weight_decay": DECAYS}, {"lr_multipliers": {"fc2/*": 2.0}}], ids=str)
def test_a_pattern_of_a_frozen_layer_has_no_effect(options):
    """It was refused as a misspelled one; a warning tells of both, unless all weights have been looked at."""
    start, results = net().get_weights(), []
    for checked in (False, True):
        model = net()
        model.set_weights(start)
        model.get_layer("fc2").trainable = False
        optimizer = ClassicSGD(0.1, 0.9, **options)
        if checked:
            optimizer.check_patterns(model.weights)
        with contextlib.nullcontext() if checked else pytest.warns(UserWarning, match="matches none of the weights"):
            results.append(stepped(model, optimizer))
    decay = options.get("weight_decay", {}).get("*/kernel", 0)
    expected = formula(start[:2], [0.1] * STEPS, 0.9, [decay, 0], [1, 1])
    for found in results:
        assert_close(found, [*expected, *start[2:]])


def test_cuda_convnet_trains_on_with_its_head_frozen():
    model = cnnzoo.cuda_convnet()
    model.get_layer("fc10").trainable = False
    model.compile(ClassicSGD.from_config(model.optimizer.get_config()), "sparse_categorical_crossentropy")
    before = {weight.path: weight.numpy() for weight in model.weights}
    with pytest.warns(UserWarning, match=r"the pattern '\*fc10/kernel' .* that are trained"):
        model.train_on_batch(np.ones((2, 32, 32, 3)), np.array([0, 1]))
    changed = {weight.path for weight in model.weights if (weight.numpy() != before[weight.path]).any()}
    assert changed == {path for path in before if not path.startswith("fc10")}


def test_the_decay_differs_from_that_of_keras_sgd():
    """Keras applies the decay outside of the momentum, which is why this optimizer exists."""
    start = net()
    results = []
    for optimizer in (ClassicSGD(0.03, 0.9, 0.5), keras.optimizers.SGD(0.03, 0.9, weight_decay=0.5)):
        model = net()
        model.set_weights(start.get_weights())
        results.append(stepped(model, optimizer)[0])
    assert np.abs(results[0] - results[1]).max() > 0.01


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.05}, {"use_ema": True}, {"clipnorm": 0.5}], ids=str)
def test_each_weight_is_updated_by_one_operation(options, two_replicas):
    """If this fails, the faster way is no longer taken."""
    shapes = [(7, 5), (5,)]
    assert operations(ClassicSGD(0.01, **options), shapes)["ResourceApplyKerasMomentum"] == len(shapes)
    with two_replicas.scope():
        assert operations(ClassicSGD(0.01, **options), shapes)["ResourceApplyKerasMomentum"] == 2 * len(shapes)


@pytest.mark.parametrize("decay", [0.0, 0.05, DECAYS], ids=str)
def test_the_fused_update_equals_the_written_out_formula(decay, monkeypatch):
    """Other backends have the latter."""
    results, start = [], net().get_weights()
    for available in (True, False):
        monkeypatch.setattr(fused, "is_available", lambda available=available: available)
        model = net(optimizer=ClassicSGD(0.05, 0.9, decay, MULTIPLIERS))
        model.set_weights(start)
        model.fit(*data(), batch_size=8, epochs=3, shuffle=False, verbose=0)
        results.append([*model.get_weights(), *map(np.array, model.optimizer.velocities)])
    assert any(np.abs(one - other).max() > 0.01 for one, other in zip(start, results[0], strict=False))
    assert_close(*results, tolerance=1e-6)


@pytest.mark.parametrize("options", [{"jit_compile": True}, {"run_eagerly": True}, {"steps_per_execution": 3}], ids=str)
def test_weights_do_not_depend_on_how_keras_runs_the_step(options):
    results = []
    start = net().get_weights()
    for more in ({"jit_compile": False}, options):
        model = net(optimizer=ClassicSGD(0.05, 0.9, DECAYS, MULTIPLIERS), **more)
        model.set_weights(start)
        model.fit(*data(), batch_size=8, epochs=2, shuffle=False, verbose=0)
        results.append(model.get_weights())
    assert_close(*results, tolerance=1e-6)


def test_two_replicas_equal_one(two_replicas):
    start = net().get_weights()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 2, 0.5)
    results = []
    for strategy in (None, two_replicas):
        if strategy is None:
            model = net(optimizer=ClassicSGD(schedule, 0.9, DECAYS, MULTIPLIERS))
        else:
            with strategy.scope():
                model = net(optimizer=ClassicSGD(schedule, 0.9, DECAYS, MULTIPLIERS))
        model.set_weights(start)
        model.fit(*data(), batch_size=8, epochs=3, shuffle=False, verbose=0)
        results.append(model.get_weights())
    assert_close(*results, tolerance=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_weights_and_velocities_in_float32(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = net(optimizer=ClassicSGD(0.05, 0.9, DECAYS, MULTIPLIERS))
    finally:
        keras.config.set_dtype_policy(before)
    start = model.get_weights()
    model.fit(*data(), batch_size=24, epochs=1, verbose=0)
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # float16's losses are scaled
    assert isinstance(optimizer, ClassicSGD)
    assert {weight.dtype for weight in [*model.weights, *optimizer.velocities]} == {"float32"}

    single = net(optimizer=ClassicSGD(0.05, 0.9, DECAYS, MULTIPLIERS))
    single.set_weights(start)
    single.fit(*data(), batch_size=24, epochs=1, verbose=0)
    for one, other, first in zip(model.get_weights(), single.get_weights(), start, strict=True):
        np.testing.assert_allclose(one - first, other - first, atol=0.03 * np.abs(other - first).max())


def test_gradient_accumulation_equals_a_larger_batch():
    start = net().get_weights()
    results = []
    for batch, steps in ((8, None), (4, 2)):
        model = net(optimizer=ClassicSGD(0.05, 0.9, DECAYS, gradient_accumulation_steps=steps))
        model.set_weights(start)
        model.fit(*data(), batch_size=batch, epochs=2, shuffle=False, verbose=0)
        results.append(model.get_weights())
    assert_close(*results, tolerance=1e-5)


def test_rows_of_an_embedding_follow_the_formula():
    model = keras.Sequential([keras.Input((2,), dtype="int32"), keras.layers.Embedding(5, 3), keras.layers.Flatten()])
    model.compile(ClassicSGD(0.1, 0.9, 0.05), "mse")
    start = model.get_weights()
    words, targets = np.array([[0, 3], [3, 4]]), np.zeros((2, 6), "float32")

    def gradients(weights, _):
        slopes = np.zeros((5, 3))
        np.add.at(slopes, words.ravel(), 2 / 12 * weights[0][words.ravel()])
        return [slopes]

    expected = formula(start, [0.1] * 3, 0.9, [0.05], [1], gradients)
    model.fit(words, targets, batch_size=2, epochs=3, verbose=0)
    assert_close(model.get_weights(), expected)


def test_a_loaded_model_continues_bit_equal(tmp_path):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 2, 0.5)
    model = net(optimizer=ClassicSGD(schedule, 0.9, DECAYS, MULTIPLIERS))
    model.fit(*data(), batch_size=8, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for one in (model, again):
        one.fit(*data(), batch_size=8, epochs=2, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(model.optimizer.velocities, again.optimizer.velocities, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("decay", [0.0, 5e-4, DECAYS], ids=str)
@pytest.mark.parametrize("rate", [0.01, keras.optimizers.schedules.CosineDecay(0.1, 100)], ids=["number", "schedule"])
def test_it_can_be_rebuilt_from_its_configuration(rate, decay):
    optimizer = ClassicSGD(rate, 0.8, decay, MULTIPLIERS, clipnorm=1.0)
    again = ClassicSGD.from_config(optimizer.get_config())
    registered = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(registered) is ClassicSGD
    assert again.get_config() == registered.get_config() == optimizer.get_config()
    model = net()
    start = model.get_weights()
    expected = stepped(model, optimizer)
    for other in (again, registered):
        model.set_weights(start)
        assert_close(stepped(model, other), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"momentum": 1}, r"`momentum` must be a number of at least 0 and below 1\. Received: 1"),
        ({"momentum": -0.1}, r"Received: -0\.1"),
        ({"momentum": "0.9"}, r"Received: '0\.9'"),
        ({"momentum": float("nan")}, "Received: nan"),
        ({"weight_decay": -1e-4}, r"`weight_decay` must be a number of at least 0, or a mapping .* Received: -0\.0001"),
        ({"weight_decay": float("inf")}, "Received: inf"),
        ({"weight_decay": float("nan")}, "Received: nan"),
        ({"weight_decay": None}, "Received: None"),
        ({"weight_decay": True}, "Received: True"),
        ({"weight_decay": {"*/kernel": "much"}}, r"Received: {'\*/kernel': 'much'}"),
        (
            {"lr_multipliers": {"*/bias": -2}},
            r"`lr_multipliers` must be a number of at least 0, or a mapping .* Received: {'\*/bias': -2}",
        ),
    ],
    ids=str,
)
def test_wrong_arguments_raise(arguments, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        ClassicSGD(**arguments)


def test_a_configuration_with_the_old_key_raises_with_the_new_one():
    config = ClassicSGD(0.1, lr_multipliers=MULTIPLIERS).get_config()
    config["rates"] = config.pop("lr_multipliers")
    with pytest.raises(cnnzoo.InputError, match="the argument 'rates' of ClassicSGD is now called 'lr_multipliers'"):
        ClassicSGD.from_config(config)
    saved = {**keras.optimizers.serialize(ClassicSGD(0.1)), "config": config}
    with pytest.raises(cnnzoo.InputError, match="is now called 'lr_multipliers'"):
        keras.optimizers.deserialize(saved)


def test_the_momentum_may_have_a_schedule():
    """Momentum 0.5 in the first two steps and 0.9 in the others; the configuration has it."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.5, 0.9])
    model = net()
    weights = [np.array(each, "float64") for each in model.get_weights()]
    optimizer = ClassicSGD.from_config(ClassicSGD(0.1, schedule).get_config())
    found = stepped(model, optimizer)
    velocities = [np.zeros_like(weight) for weight in weights]
    for step in range(STEPS):
        for n, gradient in enumerate(random_gradients(weights, step)):
            velocities[n] = (0.5 if step < 2 else 0.9) * velocities[n] - 0.1 * gradient
            weights[n] = weights[n] + velocities[n]
    assert_close(found, weights)
