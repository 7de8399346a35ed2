"""Local response normalization against its formula, PyTorch and TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.layers import LocalResponseNormalization
from tests import reference
from tests.layers.checking import TOLERANCE, outputs_and_gradients, random, saved_and_loaded_equally

SETTINGS = [  # size, α, β, k: strong, so that the sums count; then the papers' own
    (5, 0.5, 0.75, 2.0),
    (3, 0.3, 1.0, 1.0),
    (1, 0.7, 0.5, 0.5),
    (9, 0.2, 2.0, 1.0),
    (3, 0.0, 0.75, 2.0),
    (3, 0.5, 0.0, 2.0),
    (5, 1e-4, 0.75, 2.0),
    (5, 2e-5, 0.75, 1.0),
]
both_regions = pytest.mark.parametrize("region", ["across", "within"])


@both_regions
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_and_gradient_follow_the_formula(settings, region, dtype):
    images, upstream = 2 * random(2, 4, 3, 7), random(2, 4, 3, 7, seed=1)
    layer = LocalResponseNormalization(*settings, region=region, dtype=dtype)
    outputs, (gradient,) = outputs_and_gradients(layer, images, upstream)

    def formula(images):
        return reference.local_response_normalization(images, *settings, region)

    assert reference.relative(outputs, formula(images)) <= TOLERANCE[dtype]
    (expected,) = reference.slopes(formula, [images], upstream)
    assert reference.relative(gradient, expected) <= TOLERANCE[dtype]


def compiled(layer):
    """Return whether a step of training on a layer is compiled, and the step."""

    @tf.function
    def step(images, upstream):
        outputs = layer(images, training=True)
        return outputs, tf.gradients(outputs, images, upstream)[0]

    shape = tf.TensorSpec((2, 4, 3, 7), layer.compute_dtype)
    library = step.get_concrete_function(shape, shape).graph.as_graph_def().library.function
    return any(function.attr["_XlaMustCompile"].b for function in library), step


@both_regions
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_in_a_step_of_training_they_are_the_same_and_compiled_across_maps(settings, region):
    """If it is compiled no longer, a step of AlexNet takes longer."""
    images, upstream = (tf.constant(2 * random(2, 4, 3, 7, seed=seed), "float32") for seed in (0, 1))
    is_compiled, step = compiled(LocalResponseNormalization(*settings, region=region))
    assert is_compiled == (region == "across")

    def formula(images):
        return reference.local_response_normalization(images, *settings, region)

    outputs, gradient = step(images, upstream)
    assert reference.relative(outputs, formula(images.numpy().astype("float64"))) <= 1e-5
    (expected,) = reference.slopes(formula, [images.numpy().astype("float64")], upstream.numpy())
    assert reference.relative(gradient, expected) <= 1e-5


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_across_maps_it_equals_pytorchs_layer_with_alpha_times_n(settings):
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    size, alpha, beta, k = settings
    images, upstream = 2 * random(2, 4, 3, 7), random(2, 4, 3, 7, seed=1)
    outputs, (gradient,) = outputs_and_gradients(LocalResponseNormalization(*settings), images, upstream)
    theirs = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
    result = torch.nn.LocalResponseNorm(size, alpha=alpha * size, beta=beta, k=k)(theirs)
    (result * torch.tensor(upstream.transpose(0, 3, 1, 2))).sum().backward()
    assert reference.relative(outputs.transpose(0, 3, 1, 2), result.detach()) <= 1e-5
    assert reference.relative(gradient.transpose(0, 3, 1, 2), theirs.grad) <= 1e-5


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_within_maps_it_equals_pytorchs_gradient_of_the_formula(settings):
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    size, alpha, beta, k = settings
    images, upstream = 2 * random(2, 4, 3, 7), random(2, 4, 3, 7, seed=1)
    layer = LocalResponseNormalization(*settings, region="within")
    outputs, (gradient,) = outputs_and_gradients(layer, images, upstream)
    theirs = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
    squares = torch.nn.functional.unfold(theirs**2, size, padding=size // 2)  # (batch, maps · n², pixels)
    sums = squares.reshape(2, 7, size**2, 4, 3).sum(dim=2)
    result = theirs / (k + alpha * sums) ** beta
    (result * torch.tensor(upstream.transpose(0, 3, 1, 2))).sum().backward()
    assert reference.relative(outputs.transpose(0, 3, 1, 2), result.detach()) <= 1e-5
    assert reference.relative(gradient.transpose(0, 3, 1, 2), theirs.grad) <= 1e-5


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_across_maps_it_equals_tensorflows_operation(settings):
    size, alpha, beta, k = settings
    images, upstream = (2 * random(2, 4, 3, 7)).astype("float32"), random(2, 4, 3, 7, seed=1).astype("float32")
    outputs, (gradient,) = outputs_and_gradients(LocalResponseNormalization(*settings), images, upstream)
    pixels = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        result = tf.nn.local_response_normalization(pixels, depth_radius=size // 2, bias=k, alpha=alpha, beta=beta)
        total = tf.reduce_sum(result * upstream)
    assert reference.relative(outputs, result) <= 1e-5
    assert reference.relative(gradient, tape.gradient(total, pixels)) <= 1e-5


@both_regions
def test_factors_are_what_each_activity_is_multiplied_by(region):
    images = np.random.default_rng(0).normal(size=(2, 5, 4, 6)).astype("float32")
    layer = LocalResponseNormalization(3, 0.3, 0.6, 1.5, region)
    expected = reference.local_response_normalization(images, 3, 0.3, 0.6, 1.5, region) / images
    np.testing.assert_allclose(layer.factors(images), expected, rtol=1e-5)


def test_paper_alpha_divides_by_the_number_of_summed_activities():
    assert LocalResponseNormalization.paper_alpha(1e-4, 5) == pytest.approx(2e-5)
    assert LocalResponseNormalization.paper_alpha(5e-5, 3, "within") == pytest.approx(5e-5 / 9)
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    images = 50 * random(1, 2, 2, 8)
    ours = LocalResponseNormalization(5, LocalResponseNormalization.paper_alpha(1e-3, 5), 0.75, 1.0)(images)
    theirs = torch.nn.LocalResponseNorm(5, alpha=1e-3, beta=0.75, k=1.0)(torch.tensor(images.transpose(0, 3, 1, 2)))
    assert reference.relative(np.moveaxis(ours, -1, 1), theirs) <= 1e-5


@both_regions
@pytest.mark.parametrize(("policy", "precision"), [("mixed_float16", 2e-3), ("mixed_bfloat16", 2e-2)])
def test_half_precision_neither_overflows_nor_loses_precision(region, policy, precision):
    images = np.full((1, 5, 5, 8), 300.0)  # 300² is beyond float16's 65,504
    images[0, 2, 2, 3] = -280.0
    layer = LocalResponseNormalization(5, 1e-4, 0.75, 2.0, region=region, dtype=policy)
    outputs, (gradient,) = outputs_and_gradients(layer, images)
    assert outputs.dtype == gradient.dtype == layer.compute_dtype
    expected = reference.local_response_normalization(images, 5, 1e-4, 0.75, 2.0, region)
    assert reference.relative(outputs, expected) <= precision
    (slopes,) = reference.slopes(
        lambda images: reference.local_response_normalization(images, 5, 1e-4, 0.75, 2.0, region),
        [images],
        np.ones(images.shape),
    )
    assert reference.relative(gradient, slopes) <= precision


@both_regions
def test_a_saved_layer_computes_the_same(region, tmp_path):
    layer = LocalResponseNormalization(3, 0.1, 0.5, 1.5, region=region, name="norm1")
    assert saved_and_loaded_equally(layer, random(2, 5, 4, 6).astype("float32"), tmp_path)


def test_the_size_of_the_images_may_be_unknown():
    layer = LocalResponseNormalization(3, 0.3, region="within")
    images = random(1, 4, 6, 2).astype("float32")
    compute = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 2))])
    np.testing.assert_allclose(compute(images), layer(images), rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 4}, r"`size` must be a positive odd integer\. Received: 4"),
        ({"size": 0}, "`size` must be .* Received: 0"),
        ({"size": 2.5}, "Received: 2.5"),
        ({"alpha": -1e-4}, r"`alpha` must be a number of at least 0\. Received: -0.0001"),
        ({"alpha": float("nan")}, "`alpha` must be .* Received: nan"),
        ({"beta": "0.75"}, r"`beta` must be a number of at least 0\. Received: '0.75'"),
        ({"k": 0}, r"`k` must be a positive number\. Received: 0"),
        ({"region": "between"}, "unknown region 'between'; the values of region are across, within"),
    ],
    ids=str,
)
def test_wrong_arguments_raise(arguments, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        LocalResponseNormalization(**arguments)


def test_inputs_of_another_rank_raise():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=2"):
        LocalResponseNormalization()(np.zeros((2, 3), "float32"))
