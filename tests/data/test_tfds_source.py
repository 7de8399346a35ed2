"""Data sets of TFDS, and the errors for those that cannot be loaded."""

import logging

import numpy as np
import pytest

import cnnzoo


def test_mnist_equals_tfds_own_reading(tfds_folder):
    import tensorflow_datasets as tfds

    source = cnnzoo.data.load("mnist", data_dir=tfds_folder)
    assert (len(source.train), len(source.test), source.classes) == (60_000, 10_000, 10)
    assert source.image_shape == (28, 28, 1)
    examples = tfds.load("mnist", split="test[:500]", data_dir=tfds_folder, download=False, as_supervised=True)
    for (image, label), ours, our_label in zip(
        tfds.as_numpy(examples), source.test.images, source.test.labels, strict=False
    ):
        np.testing.assert_array_equal(image, ours)
        assert label == our_label


def test_image_size_resizes_images(tfds_folder):
    few = {"data_dir": tfds_folder, "train_examples": 500, "test_examples": 200}
    source = cnnzoo.data.load("mnist", image_size=(14, 14), **few)
    assert source.image_shape == (14, 14, 1)
    whole = cnnzoo.data.load("mnist", **few).test.images.astype(float)
    assert abs(source.test.images.mean() - whole.mean()) < 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnits", "unknown data set 'mnits'; did you mean 'mnist'"),
        ("digit", "did you mean 'digits'"),
        ("imdb_reviews", "no image classification set"),
        ("mnist:9.9.9", "cannot be loaded"),
        (
            "imagenet2012",
            "files that its owners give to registered users, as https://www.tensorflow.org/datasets/catalog/imagenet2012",
        ),
        ("tf_flowers", "have many sizes; give image_size|cannot be reached"),
    ],
)
def test_data_sets_that_cannot_be_loaded_raise(name, message, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nothing listens there: no network
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    level, filters = (absl := logging.getLogger("absl")).level, absl.filters
    with pytest.raises(cnnzoo.InputError, match=message), caplog.at_level(logging.WARNING):
        cnnzoo.data.load(name, data_dir=tmp_path)
    assert caplog.text == "", "TFDS' own warnings about its folders"
    assert (absl.level, absl.filters) == (level, filters)


def test_a_missing_data_set_without_network_is_a_one_line_error(tmp_path, processes):
    offline = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    result = processes.run(["-m", "cnnzoo", "train", "lenet5_mnist", "--data-dir", tmp_path], tmp_path, **offline)
    assert result.returncode == 2
    assert result.stderr.startswith("cnnzoo: data set 'mnist' is not in")
    assert "cannot be reached" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("stream", [True, False])
def test_only_the_requested_number_of_examples_is_loaded(imagenet_folder, stream):
    def load(**numbers):
        return cnnzoo.data.load("imagenet2012", data_dir=imagenet_folder, image_size=(8, 8), stream=stream, **numbers)

    part, whole = load(train_examples=10, test_examples=3), load()
    assert (len(part.train), len(part.test)) == (10, 3)
    for few, many in ((part.train, whole.train[:10]), (part.test, whole.test[:3])):
        batches = (next(iter(cnnzoo.data.eval_pipeline(split, 10))) for split in (few, many))
        for one, other in zip(*batches, strict=True):
            np.testing.assert_array_equal(one, other)
    digits = cnnzoo.data.load("digits", train_examples=7)
    assert (len(digits.train), len(digits.test)) == (7, 360)


def test_splits_in_tfds_language_equal_tfds_own(imagenet_folder):
    import tensorflow_datasets as tfds

    def load(**splits):
        return cnnzoo.data.load("imagenet2012", data_dir=imagenet_folder, image_size=(8, 8), **splits)

    source = load(train="train[25%:75%]", test="train[:25%]")
    for spec, split in (("train[25%:75%]", source.train), ("train[:25%]", source.test)):
        examples = tfds.load("imagenet2012", split=spec, data_dir=imagenet_folder, as_supervised=True)
        assert [int(label) for _, label in examples] == list(split.labels)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("trian", r"'trian' is not a split of 'imagenet2012' \(.*\); its splits are .*train"),
        ("train[:50", "is not a split of"),
        ("train[5:5]", "has no examples; set one part"),
        ("train+validation", "has several parts; set one part"),
    ],
)
def test_unusable_splits_raise(imagenet_folder, split, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.data.load("imagenet2012", data_dir=imagenet_folder, image_size=(8, 8), train=split)
