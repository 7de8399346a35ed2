"""Predictions for image files are the model's own for the pixels that Pillow reads."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnnzoo

PREPROCESS = cnnzoo.models.mlp.preprocess_input


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with seven gray and colored images of the model's size, in three formats and two folders."""
    folder, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    (folder / "below").mkdir()
    for number, (name, kind) in enumerate(
        [("b.png", "RGB"), ("a.png", "L"), ("below/c.tif", "RGB"), ("d.bmp", "L"), ("e.PNG", "RGB"), (".f.png", "L")]
    ):
        shape = (12, 12, 3) if kind == "RGB" else (12, 12)
        pixels = random.integers(0, 256, shape, "uint8") // (1 + number)
        Image.fromarray(pixels).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


FILES = ("a.png", "b.png", "below/c.tif", "d.bmp", "e.PNG")


def by_pillow(folder, mode):
    return np.stack([np.asarray(Image.open(folder / name).convert(mode)) for name in FILES]).reshape(5, 12, 12, -1)


def classifier(channels):
    return cnnzoo.mlp(input_shape=(12, 12, channels), units=(9,), classes=4)


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (1, "L")])
@pytest.mark.parametrize("batch_size", [2, 64])
def test_probabilities_are_those_of_the_model(folder, channels, mode, batch_size):
    model = classifier(channels)
    names = ("one", "two", "three", "four")
    options = {"preprocess": PREPROCESS, "class_names": names, "top": 3, "batch_size": batch_size}
    found = list(cnnzoo.predict(model, folder, **options))
    assert [each.file for each in found] == [str(folder / name) for name in FILES]
    expected = model.predict(np.asarray(PREPROCESS(by_pillow(folder, mode).astype("float32"))), verbose=0)
    for each, probabilities in zip(found, expected, strict=True):
        np.testing.assert_allclose(each.outputs, probabilities, atol=0.01 if channels == 1 else 1e-5)
        if channels == 3:
            order = np.argsort(-probabilities)[:3]
            assert [name for name, _ in each.classes] == [names[index] for index in order]
            np.testing.assert_allclose([value for _, value in each.classes], probabilities[order], atol=1e-5)


def test_an_autoencoder_has_the_error_of_each_reconstruction(folder):
    model = cnnzoo.autoencoder(input_shape=(12, 12, 3), units=(), code=5)
    found = list(cnnzoo.predict(model, folder, preprocess=PREPROCESS))
    inputs = np.asarray(PREPROCESS(by_pillow(folder, "RGB").astype("float32")))
    outputs = model.predict(inputs, verbose=0)
    errors = np.square(outputs.astype("float64") - inputs).sum(axis=(1, 2, 3))
    np.testing.assert_allclose([each.squared_error for each in found], errors, rtol=1e-5)
    assert all(each.classes == () for each in found)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no devices in folders")
def test_a_file_that_cannot_be_read_has_an_error_and_the_others_are_predicted(folder, tmp_path):
    (tmp_path / "broken.png").write_bytes((folder / "a.png").read_bytes()[:40])
    files = [tmp_path / "broken.png", folder / "a.png", tmp_path / "none.png", "/dev/zero", folder / "b.png"]
    found = list(cnnzoo.predict(classifier(3), files, preprocess=PREPROCESS))
    assert [bool(each.error) for each in found] == [True, False, True, True, False]
    assert found[2].error == "it does not exist"
    assert found[3].error == "it is no regular file"


def test_what_cannot_be_predicted_is_refused(folder, tmp_path):
    with pytest.raises(cnnzoo.InputError, match=r"takes inputs of .*, and no pixels of image files: give `preprocess`"):
        cnnzoo.predict(classifier(3), folder)
    with pytest.raises(cnnzoo.InputError, match="`files` must be image files, or folders with some"):
        cnnzoo.predict(classifier(3), tmp_path, preprocess=PREPROCESS)
    with pytest.raises(cnnzoo.InputError, match=r"`files` must be image files, .*\. Received: 5"):
        cnnzoo.predict(classifier(3), [5], preprocess=PREPROCESS)
    with pytest.raises(cnnzoo.InputError, match="`top` must be"):
        cnnzoo.predict(classifier(3), folder, preprocess=PREPROCESS, top=0)
