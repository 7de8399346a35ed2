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
    few = {"data_dir": tfds_folder, "train_examples": 500, "test_examples": 200}
    source = cnnzoo.data.load("mnist", image_size=(14, 14), **few)
    assert source.image_shape == (14, 14, 1)
    whole = cnnzoo.data.load("mnist", **few).test.images.astype(float)
    assert abs(source.test.images.mean() - whole.mean()) < 1


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


def test_a_set_that_is_not_there_without_network_is_one_sentence(tmp_path, processes):
    offline = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    result = processes.run(["-m", "cnnzoo", "train", "lenet5_mnist", "--data-dir", tmp_path], tmp_path, **offline)
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


def test_splits_in_tfds_words_are_tfds_own(imagenet_folder):
    import tensorflow_datasets as tfds

    def load(**splits):
        return cnnzoo.data.load("imagenet2012", data_dir=imagenet_folder, image_size=(8, 8), **splits)

    source = load(train="train[25%:75%]", test="train[:25%]")
    for words, split in (("train[25%:75%]", source.train), ("train[:25%]", source.test)):
        examples = tfds.load("imagenet2012", split=words, data_dir=imagenet_folder, as_supervised=True)
        assert [int(label) for _, label in examples] == list(split.labels)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("trian", r"'trian' is no split of 'imagenet2012' \(.*\); its splits are .*train"),
        ("train[:50", "is no split of"),
        ("train[5:5]", "has no examples; give one piece"),
        ("train+validation", "has several pieces; give one piece"),
    ],
)
def test_splits_that_are_none_are_refused(imagenet_folder, words, said):
    with pytest.raises(cnnzoo.InputError, match=said):
        cnnzoo.data.load("imagenet2012", data_dir=imagenet_folder, image_size=(8, 8), train=words)


def test_arrays_are_taken_as_they_are():
    images, labels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), "uint8"), np.arange(20) % 4
    source = cnnzoo.data.from_arrays((images, labels), (images[:5], labels[:5]), class_names="abcd")
    assert source.train.images is images
    assert (source.classes, source.image_shape, source.class_names) == (4, (8, 8, 3), ("a", "b", "c", "d"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": np.zeros((5, 8, 8))}, r"must be uint8 of shape .* not float64 of shape \(5, 8, 8, 1\)"),
        ({"images": np.zeros((5, 64), "uint8")}, r"not uint8 of shape \(5, 64\)"),
        ({"labels": np.zeros(4, "int64")}, r"integers of shape \(5,\), not int64 of shape \(4,\)"),
        ({"labels": np.zeros(5)}, "not float64"),
        ({"labels": np.array([0, 1, 2, 3, -1])}, "labels of at least 0"),
        ({"images": np.zeros((0, 8, 8), "uint8"), "labels": np.zeros(0, "int64")}, "must have examples"),
        ({"class_names": ["a"]}, "labels up to 4, but only 1 class names"),
        ({"test_images": np.zeros((5, 9, 9), "uint8")}, r"two shapes, \(8, 8, 1\) in train, \(9, 9, 1\) in test"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, words):
    images, labels = np.zeros((5, 8, 8), "uint8"), np.arange(5)
    train = (change.get("images", images), change.get("labels", labels))
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.data.from_arrays(
            train, (change.get("test_images", images), labels), class_names=change.get("class_names")
        )


def test_fake_images_can_be_learned_and_repeat_their_seed():
    one, other = (cnnzoo.data.fake((8, 8, 1), classes=3, n=60) for _ in range(2))
    np.testing.assert_array_equal(one.train.images, other.train.images)
    means = np.stack([one.train.images[one.train.labels == label].mean(axis=0) for label in range(3)])
    distances = np.square(one.test.images[:, None] - means).sum(axis=(2, 3, 4))
    np.testing.assert_array_equal(distances.argmin(axis=1), one.test.labels)
    with pytest.raises(cnnzoo.InputError, match="classes of fake data must be an integer of at least 1, not 0"):
        cnnzoo.data.fake(classes=0)
