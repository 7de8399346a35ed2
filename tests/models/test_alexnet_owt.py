"""The one-column AlexNet against torchvision's architecture, written out in PyTorch and given random weights."""

import gc

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import weights
from cnnzoo.models.alexnet_owt import PRETRAINED, preprocess_input


def torchvisions_alexnet(torch, maps, classes=1000):
    """Write out what `torchvision.models.alexnet` builds, its features and its classifier; there maps have 6×6."""
    nn = torch.nn
    features = nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
    )
    classifier = nn.Sequential(
        *(nn.Dropout(), nn.Linear(256 * maps * maps, 4096), nn.ReLU()),
        *(nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU()),
        nn.Linear(4096, classes),
    )
    net = nn.Sequential()
    net.add_module("features", features)
    net.add_module("avgpool", nn.AdaptiveAvgPool2d((maps, maps)))
    net.add_module("flatten", nn.Flatten())
    net.add_module("classifier", classifier)
    return net.eval()


def photographs(side, count=50):
    """Return waves of many lengths, colors and contrasts: images that differ in more than noise."""
    rng = np.random.default_rng(0)
    grid = np.linspace(0, 1, side)
    lengths, phases, colors = (
        rng.uniform(1, 30, (2, count, 3)),
        6 * rng.random((2, count, 3)),
        rng.normal(size=(count, 3)),
    )
    rows = np.sin(lengths[0][:, None] * grid[:, None] + phases[0][:, None])
    columns = np.sin(lengths[1][:, None] * grid[:, None] + phases[1][:, None])
    return (2 * rows[:, :, None] * columns[:, None] + colors[:, None, None]).astype("float32")


@pytest.fixture(autouse=True)
def _release():
    """Release each test's models, of a quarter of a gigabyte each."""
    yield
    keras.utils.clear_session()
    gc.collect()


@pytest.fixture(scope="module", params=[95, pytest.param(224, marks=pytest.mark.slow)])
def side(request):
    """torchvision's 224 pixels, whose models take gigabytes, or 95, which leave maps of 2×2 to be flattened."""
    return request.param


@pytest.fixture(scope="module")
def theirs(side):
    """PyTorch's net, with weights that keep the activities' size, and logits that differ from image to image."""
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    torch.manual_seed(0)
    net = torchvisions_alexnet(torch, maps={95: 2, 224: 6}[side])
    last = net.classifier[6]
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.endswith("weight"):
                value.normal_(0, (2 / value[0].numel()) ** 0.5)
            else:
                value.normal_(0, 0.3)
        # The logits of random rectified nets are nearly the same for all images; their mean is subtracted.
        logits = torch.tensor(outputs_of(net, photographs(side)))
        spread = (logits - logits.mean(dim=0)).std()
        last.bias.sub_(logits.mean(dim=0)).div_(spread / 2)
        last.weight.div_(spread / 2)
    return net


@pytest.fixture(scope="module")
def file(theirs, tmp_path_factory):
    """A state dict in a file, as torchvision publishes its weights."""
    import torch

    path = tmp_path_factory.mktemp("weights") / "alexnet-owt.pth"
    torch.save(theirs.state_dict(), path)
    yield path
    path.unlink()


def outputs_of(net, images):
    import torch

    with torch.no_grad():
        return net(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()


def test_logits_equal_those_of_torchvisions_net_with_the_same_weights(theirs, file, side):
    images = photographs(side)
    expected = outputs_of(theirs, images)
    assert 3 < np.abs(expected).max() < 20
    assert expected.std(axis=0).min() > 0.5, "logits must differ from image to image, or the comparison is meaningless"
    assert expected.std(axis=1).min() > 0.5, "logits must differ from class to class"
    assert len(set(expected.argmax(axis=1))) > 20

    shape = (side, side, 3)
    model = cnnzoo.alexnet_owt(weights=file, input_shape=shape, classifier_activation=None, compile=False)
    logits = model.predict(images, batch_size=25, verbose=0)
    assert np.abs(logits - expected).max() <= 1e-4
    for ours, torchs in zip(logits, expected, strict=True):
        # The five best are PyTorch's five best; where two of those are as near as that, either may come first.
        np.testing.assert_allclose(torchs[np.argsort(-ours)[:5]], np.sort(torchs)[::-1][:5], atol=2e-4)

    headless = cnnzoo.alexnet_owt(include_top=False, weights=file, input_shape=shape)
    features = np.moveaxis(headless.predict(images[:4], verbose=0), -1, 1)
    assert np.abs(features - outputs_of(theirs.features, images[:4])).max() <= 1e-5 * features.max()
    for name in ("conv1", "conv5"):
        for whole, part in zip(
            model.get_layer(name).get_weights(), headless.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(whole, part)


def test_weights_for_other_classes_raise_with_both_shapes(file, side):
    with pytest.raises(
        cnnzoo.InputError, match=r"'classifier.6.weight' has the shape \(1000, 4096\), and fc8 needs \(5,"
    ):
        cnnzoo.alexnet_owt(weights=file, classes=5, input_shape=(side, side, 3), compile=False)


def test_weights_for_another_input_size_raise_with_both_shapes(file, side):
    taken = {95: 1024, 224: 9216}[side]
    message = rf"'classifier.1.weight' has the shape \(4096, {taken}\), and fc6 needs \(4096, 256\)"
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.alexnet_owt(weights=file, input_shape=(63, 63, 3), compile=False)


def test_published_weights_name_every_layer_with_weights():
    model = cnnzoo.alexnet_owt(input_shape=(63, 63, 3), compile=False)
    assert list(PRETRAINED.layers) == [layer.name for layer in model.layers if layer.weights]
    assert PRETRAINED.sha256_prefix in PRETRAINED.url


def test_published_weights_with_other_classes_raise_before_the_download():
    message = r"`classes` must be 1000 for weights='imagenet' with include_top=True\. Received: 5"
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.alexnet_owt(weights="imagenet", classes=5, input_shape=(63, 63, 3))


def test_torchvisions_weights_for_the_papers_alexnet_raise(tmp_path):
    (tmp_path / "alexnet.pth").touch()
    for weights_of in ("imagenet", tmp_path / "alexnet.pth"):
        with pytest.raises(cnnzoo.InputError, match=r"None, or the path of a .weights.h5 or .keras file\. Received: "):
            cnnzoo.alexnet(weights=weights_of, input_shape=(67, 67, 3), classes=5)


def test_saved_weights_of_the_papers_alexnet_raise(tmp_path):
    cnnzoo.alexnet(include_top=False, input_shape=(67, 67, 3)).save_weights(tmp_path / "alexnet.weights.h5")
    message = (
        r"layer 'conv1' takes .*\(11, 11, 3, 64\) and \(64,\), and the file has \(11, 11, 3, 96\) and \(96,\) for it"
    )
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.alexnet_owt(include_top=False, weights=tmp_path / "alexnet.weights.h5", input_shape=(63, 63, 3))


def test_layer_by_layer():
    model = cnnzoo.alexnet_owt(compile=False, include_top=False)
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert shapes == {
        "images": (224, 224, 3),
        "pad1": (228, 228, 3),
        "conv1": (55, 55, 64),
        "pool1": (27, 27, 64),
        "conv2": (27, 27, 192),
        "pool2": (13, 13, 192),
        "conv3": (13, 13, 384),
        "conv4": (13, 13, 256),
        "conv5": (13, 13, 256),
        "pool5": (6, 6, 256),
    }
    counts = [layer.count_params() for layer in model.layers if layer.weights]
    assert counts == [23_296, 307_392, 663_936, 884_992, 590_080]


def test_initial_weights_are_within_pytorchs_bounds():
    model = cnnzoo.alexnet_owt(input_shape=(63, 63, 3), classes=5, compile=False)
    for layer in model.layers:
        if not layer.weights:
            continue
        kernel, bias = layer.get_weights()
        bound = (kernel.size // kernel.shape[-1]) ** -0.5
        for values in (kernel, bias):
            assert np.abs(values).max() <= bound * (1 + 1e-6)
        assert np.abs(kernel).max() > 0.98 * bound
        assert kernel.std() == pytest.approx(bound / 3**0.5, rel=0.05)
        assert len(set(bias.tolist())) > 1


def test_smallest_input():
    assert cnnzoo.alexnet_owt(include_top=False, input_shape=(63, 63, 3)).output_shape == (None, 1, 1, 256)
    with pytest.raises(cnnzoo.InputError, match=r"layer 'pool5' receives 2×3 pixels .* 1 \+ \(2 − 3\)/2 < 1"):
        cnnzoo.alexnet_owt(input_shape=(62, 63, 3))


def test_preprocessing_is_torchvisions_formula():
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3)).astype("uint8")
    expected = (images / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(preprocess_input(images), expected, atol=1e-5)
    np.testing.assert_allclose(preprocess_input(images.astype("float32")), expected, atol=1e-5)


def test_images_of_256_pixels_are_cropped_to_the_center():
    images = np.random.default_rng(0).integers(0, 256, (1, 256, 300, 3)).astype("uint8")
    center = images[:, 16 : 16 + 224, 38 : 38 + 224]
    found = preprocess_input(images, input_shape=(224, 224, 3))
    np.testing.assert_allclose(found, preprocess_input(center), atol=1e-6)


def test_weights_load_into_an_existing_model(file):
    model = cnnzoo.alexnet_owt(include_top=False)
    before = model.get_layer("conv1").get_weights()[0]
    weights.load(model, file, PRETRAINED)
    assert (model.get_layer("conv1").get_weights()[0] != before).any()
