"""Every model learns as it arrives: `create(name)` under plain `fit`, with the optimizer that it is compiled with.

One batch size runs here from one seed; the other sizes and seeds are slow.
"""

import os
from pathlib import Path

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import models
from tests.small_nets import ALL_CONVOLUTIONAL

DIGITS = {"input_shape": (8, 8, 1)}  # of the models that take any size
CLASSIFIERS = {
    "lenet5": {},
    "lenet_1989": {},
    "lenet1": {},
    "lenet4": {},
    "lenet": {},
    "mlp": DIGITS,
}
PRETRAINED = {"stacked_autoencoder": DIGITS}  # three logistic layers start slowly without pretraining, as of old
AUTOENCODERS = {
    "autoencoder": DIGITS,
    "deep_autoencoder": DIGITS | {"units": (200, 100, 50), "code": 6},  # as in deep_autoencoder_digits
    "denoising_autoencoder": DIGITS,
    "convolutional_autoencoder": DIGITS,
    "stacked_convolutional_autoencoder": DIGITS,
    "variational_autoencoder": DIGITS,
}
ALEXNETS = ("alexnet", "caffenet", "alexnet_owt", "zfnet", "zfnet_b", "network_in_network_imagenet")  # and kin
FORMS = ("model_c", "strided_cnn_c", "conv_pool_cnn_c", "all_cnn_c")
SEEDS = range(3)
seeds = pytest.mark.parametrize("seed", SEEDS)
batches_and_seeds = pytest.mark.parametrize(
    ("batch_size", "seed"),
    [
        pytest.param(batch_size, seed, marks=[] if (batch_size, seed) == (64, 1) else pytest.mark.slow)
        for batch_size in (32, 64, 128)
        for seed in SEEDS
    ],
)


def fitted(name, options, source, seed, batch_size, epochs):
    """Return the losses of a fit, what the model predicts of the test images, and both images as it takes them."""
    keras.utils.set_random_seed(seed)
    model = cnnzoo.create(name, **options)
    train, test = (np.asarray(models.preprocessing(name, model)(split.images)) for split in (source.train, source.test))
    targets = train if models.reconstructs(name) else source.train.labels
    losses = model.fit(train, targets, batch_size=batch_size, epochs=epochs, verbose=0).history["loss"]
    return losses, model.predict(test, verbose=0), train, test


def accuracy(predictions, source):
    return np.mean(predictions.argmax(axis=1) == source.test.labels)


@pytest.fixture(scope="module")
def digits():
    return cnnzoo.data.load("digits")


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 10))])
def test_the_first_example_of_the_readme_learns(digits, seed):
    keras.utils.set_random_seed(seed)
    model = cnnzoo.lenet5()
    images = cnnzoo.models.lenet.preprocess_input(digits.train.images, model.input_shape[1:])
    losses = model.fit(images, digits.train.labels, epochs=5, verbose=0).history["loss"]
    assert (np.diff(losses) < 0).all()
    unseen = cnnzoo.models.lenet.preprocess_input(digits.test.images, model.input_shape[1:])
    assert accuracy(model.predict(unseen, verbose=0), digits) >= 0.9


@pytest.mark.parametrize(
    ("head", "activation"), [("rbf", None), ("rbf", "softmax"), ("softmax", None), ("softmax",) * 2]
)
def test_every_head_of_lenet5_learns(digits, head, activation):
    images = cnnzoo.models.lenet.preprocess_input(digits.train.images[:256], (32, 32, 1))
    labels = digits.train.labels[:256]
    model = cnnzoo.lenet5(head=head, classifier_activation=activation)
    model.compile(keras.optimizers.Adam(0.003), model.loss)
    model.fit(images, labels, epochs=12, batch_size=16, verbose=0)
    assert (np.argmax(model(images), axis=-1) == labels).mean() > 0.8


@batches_and_seeds
@pytest.mark.parametrize("name", [*CLASSIFIERS, *PRETRAINED])
def test_classifiers_learn_the_digits_in_five_epochs(digits, name, batch_size, seed):
    options = (CLASSIFIERS | PRETRAINED)[name]
    _, predictions, *_ = fitted(name, options, digits, seed, batch_size, epochs=5)
    assert accuracy(predictions, digits) >= (0.9 if name in CLASSIFIERS else 0.8)


@batches_and_seeds
@pytest.mark.parametrize("name", AUTOENCODERS)
def test_autoencoders_learn_the_digits_in_five_epochs(digits, name, batch_size, seed):
    losses, reconstructions, train, test = fitted(name, AUTOENCODERS[name], digits, seed, batch_size, epochs=5)
    assert np.sum(np.diff(losses) >= 0) <= 1
    mean_image = train.mean(axis=0, dtype="float64")
    assert np.square(test - reconstructions).sum() < np.square(test - mean_image).sum()


@pytest.fixture(scope="module")
def cifar10():
    if not (Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser() / "cifar10").is_dir():
        pytest.skip("needs CIFAR-10: set TFDS_DATA_DIR to a TFDS folder that has it")
    return cnnzoo.data.load("cifar10", train="train[:2000]", test="test[:2000]")


@pytest.mark.slow
@seeds
def test_cuda_convnet_learns_2000_images_in_ten_epochs(cifar10, seed):
    _, predictions, *_ = fitted("cuda_convnet", {}, cifar10, seed, batch_size=64, epochs=10)
    assert accuracy(predictions, cifar10) >= 0.25


@pytest.mark.slow
@seeds
@pytest.mark.parametrize("name", FORMS)
def test_all_convolutional_nets_learn_2000_images_in_five_epochs(cifar10, name, seed):
    """One in ten is chance, by which 2,000 test images hardly differ: its standard deviation is 0.7 %."""
    _, predictions, *_ = fitted(name, {}, cifar10, seed, batch_size=64, epochs=5)
    assert accuracy(predictions, cifar10) >= 0.2


@pytest.mark.slow
@seeds
def test_network_in_network_learns_2000_images_in_ten_epochs(cifar10, seed):
    _, predictions, *_ = fitted("network_in_network", {}, cifar10, seed, batch_size=64, epochs=10)
    assert accuracy(predictions, cifar10) >= 0.2


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """Return 240 photographs of five flowers to train on, and 60 to test on."""
    folder = os.environ.get("CNNZOO_FLOWERS")
    if not folder:
        pytest.skip("needs photographs of five flowers: set CNNZOO_FLOWERS to a folder of them, with `train` and `val`")
    split = tmp_path_factory.mktemp("flowers")
    (split / "train").symlink_to(Path(folder) / "train")
    (split / "test").symlink_to(Path(folder) / "val")
    return cnnzoo.data.load(split, image_size=(256, 256))


@pytest.mark.slow
@seeds
@pytest.mark.parametrize("name", ALEXNETS)
def test_alexnets_learn_240_photographs_of_five_flowers_in_twenty_epochs(flowers, name, seed):
    _, predictions, *_ = fitted(name, {"classes": 5}, flowers, seed, batch_size=32, epochs=20)
    assert accuracy(predictions, flowers) >= 0.4


def test_every_model_is_tried_and_one_net_of_each_form():
    assert {name[:-1] for name in FORMS} == {name[:-1] for name in ALL_CONVOLUTIONAL}
    tried = {
        *CLASSIFIERS,
        *PRETRAINED,
        *AUTOENCODERS,
        *ALL_CONVOLUTIONAL,
        *ALEXNETS,
        "cuda_convnet",
        "network_in_network",
    }
    assert tried == set(cnnzoo.list_models())
