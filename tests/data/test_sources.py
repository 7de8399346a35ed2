import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

import cnnzoo


def test_digits_are_scikit_learns_scans_split_once():
    source = cnnzoo.data.load("digits")
    images = np.concatenate([source.train.images, source.test.images])
    labels = np.concatenate([source.train.labels, source.test.labels])
    original = load_digits()

    def rows(images, labels):
        return sorted(
            (tuple(image.ravel().astype(int)), int(label)) for image, label in zip(images, labels, strict=True)
        )

    assert rows(np.round(images / (255 / 16)), labels) == rows(original.images, original.target)
    assert images.dtype == "uint8"
    assert images.max() == 255
    assert np.bincount(source.test.labels).min() >= 34  # stratified
    again = cnnzoo.data.load("digits")
    np.testing.assert_array_equal(source.test.images, again.test.images)


def test_mnist_is_what_tfds_itself_reads(tfds_folder):
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


def test_image_size_resizes_once(tfds_folder):
    source = cnnzoo.data.load("mnist", data_dir=tfds_folder, image_size=(14, 14))
    assert source.image_shape == (14, 14, 1)
    whole = cnnzoo.data.load("mnist", data_dir=tfds_folder).test.images[:200].astype(float)
    assert abs(source.test.images[:200].mean() - whole.mean()) < 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mnits", "unknown data set 'mnits'; did you mean 'mnist'"),
        ("digit", "did you mean 'digits'"),
        ("imdb_reviews", "no image classification set"),
        ("mnist:9.9.9", "cannot be had"),
        (
            "imagenet2012",
            "files that its owners hand out .* as https://www.tensorflow.org/datasets/catalog/imagenet2012",
        ),
        ("tf_flowers", "have many sizes; give image_size|cannot be reached"),
    ],
)
def test_what_cannot_be_loaded_is_refused(name, words, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nothing listens there: no network, anywhere
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.data.load(name, data_dir=tmp_path)


def test_a_set_that_is_not_there_without_network_is_one_sentence(tmp_path):
    offline = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    result = subprocess.run(
        [sys.executable, "-m", "cnnzoo", "train", "lenet5_mnist", "--data-dir", str(tmp_path)],
        env={**os.environ, **offline},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("cnnzoo: data set 'mnist' is not in")
    assert "cannot be reached" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("stream", [True, False])
def test_no_more_is_loaded_than_is_asked_for(imagenet_folder, stream):
    def load(**numbers):
        return cnnzoo.data.load("imagenet2012", data_dir=imagenet_folder, image_size=(8, 8), stream=stream, **numbers)

    part, whole = load(examples=10, test_examples=3), load()
    assert (len(part.train), len(part.test)) == (10, 3)
    for few, many in ((part.train, whole.train[:10]), (part.test, whole.test[:3])):
        batches = (next(iter(cnnzoo.data.eval_pipeline(split, 10))) for split in (few, many))
        for one, other in zip(*batches, strict=True):
            np.testing.assert_array_equal(one, other)
    digits = cnnzoo.data.load("digits", examples=7)
    assert (len(digits.train), len(digits.test)) == (7, 360)
