"""Folders of images are decoded as by PIL, and files that cannot be decoded are named or skipped."""

import logging
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import cnnzoo
from cnnzoo.data import Split, StreamedSplit, decoding, eval_pipeline, file_split, report_broken_files, train_pipeline

SIZE = (24, 16)


def pixels(number, size=SIZE, mode="RGB"):
    """Return a smooth image, a different one for every number, that any codec keeps within a few gray levels."""
    rows, columns = np.linspace(0, 3, size[0])[:, None, None], np.linspace(0, 3, size[1])[None, :, None]
    waves = np.sin(rows + number) * np.cos(columns * (1 + number % 3)) * np.array([1, 0.5, -0.5])
    return Image.fromarray((127.5 + 100 * waves).astype("uint8")).convert(mode)


def write(folder, classes=("cat", "dog"), each=4, first=0, suffix=".png"):
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels(first + 10 * label + number).save(folder / name / f"{number}{suffix}")
    return folder


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "pets" / "train")
    write(tmp_path / "pets" / "test", each=2, first=50)
    return tmp_path / "pets"


def images_of(split):
    images, labels = zip(*eval_pipeline(split, 3).as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def test_classes_are_folders_in_alphabetical_order_and_pixels_equal_pils(folder):
    source = cnnzoo.data.load(folder)
    assert source.class_names == ("cat", "dog")
    assert (source.image_shape, len(source.train), len(source.test)) == ((*SIZE, 3), 8, 4)
    np.testing.assert_array_equal(source.train.labels, [0] * 4 + [1] * 4)
    for image, number in zip(source.train.images, [0, 1, 2, 3, 10, 11, 12, 13], strict=True):
        np.testing.assert_array_equal(image, np.asarray(pixels(number)))
    assert source.skipped == ()


def test_test_and_validation_folders_become_test_and_validation_images(folder):
    (folder / "test").rename(folder / "val")
    write(folder / "test", each=3, first=70)
    source = cnnzoo.data.load(folder)
    assert (len(source.train), len(source.test), len(source.validation)) == (8, 6, 4)
    np.testing.assert_array_equal(source.test.images[0], np.asarray(pixels(70)))


def test_without_a_test_folder_a_fixed_random_fifth_is_for_testing(tmp_path):
    write(tmp_path, each=10)
    one, other = cnnzoo.data.load(tmp_path), cnnzoo.data.load(tmp_path)
    assert (len(one.train), len(one.test)) == (16, 4)
    np.testing.assert_array_equal(one.test.images, other.test.images)
    rows = {image.tobytes() for image in np.concatenate([one.train.images, one.test.images])}
    assert len(rows) == 20


def test_streamed_images_equal_those_in_memory(folder):
    loaded, streamed = (cnnzoo.data.load(folder, stream=stream, image_size=(8, 10)) for stream in (False, True))
    assert isinstance(loaded.train, Split)
    assert isinstance(streamed.train, StreamedSplit)
    for split in ("train", "test"):
        images, labels = images_of(getattr(streamed, split))
        np.testing.assert_array_equal(images, getattr(loaded, split).images)
        np.testing.assert_array_equal(labels, getattr(loaded, split).labels)


def test_a_streamed_epoch_has_every_image_once_in_an_order_of_its_own(folder):
    train = cnnzoo.data.load(folder, stream=True).train

    def epochs(**options):
        batches = list(train_pipeline(train, 4, **options).take(6).as_numpy_iterator())
        return [np.concatenate([batches[2 * n][0], batches[2 * n + 1][0]]) for n in range(3)]

    whole = {image.tobytes() for image in images_of(train)[0]}
    orders = epochs(seed=3)
    assert all({image.tobytes() for image in epoch} == whole for epoch in orders)
    assert len({epoch.tobytes() for epoch in orders}) == 3
    np.testing.assert_array_equal(epochs(seed=3, first_epoch=2)[0], orders[2])


@pytest.mark.parametrize(
    ("name", "mode", "closeness"),
    [
        ("a.jpg", "RGB", 8),
        ("CMYK.JPEG", "CMYK", 8),
        ("gray.jpg", "L", 8),
        ("gray.png", "L", 0),
        ("alpha.png", "RGBA", 0),
        ("palette.png", "P", 0),
        ("b.bmp", "RGB", 0),
        ("gray.bmp", "L", 0),
        ("a.gif", "P", 0),
        ("w.webp", "RGB", 12),
        ("with space & ümläut 犬.png", "RGB", 0),
    ],
)
def test_every_kind_of_file_is_decoded_to_three_colors(tmp_path, name, mode, closeness):
    write(tmp_path)
    pixels(99, mode=mode).save(tmp_path / "dog" / name)
    split = cnnzoo.data.load(tmp_path, stream=False)
    with Image.open(tmp_path / "dog" / name) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    images = np.concatenate([split.train.images, split.test.images])
    assert min(np.abs(image - expected).max() for image in images) <= closeness


def test_sixteen_bits_become_eight_and_animations_their_first_picture(tmp_path):
    write(tmp_path, each=2)
    deep = np.arange(SIZE[0] * SIZE[1], dtype="uint16").reshape(SIZE) * 170
    Image.fromarray(deep).save(tmp_path / "cat" / "deep.png")
    first, second = pixels(1, mode="P"), pixels(2, mode="P")
    first.save(tmp_path / "dog" / "moving.gif", save_all=True, append_images=[second])
    source = cnnzoo.data.load(tmp_path)
    images = np.concatenate([source.train.images, source.test.images]).astype(int)
    for expected in (np.repeat((deep >> 8)[..., None], 3, axis=-1), np.asarray(first.convert("RGB"))):
        assert min(np.abs(image - expected).max() for image in images) <= 1


def test_files_are_decoded_by_content_not_by_suffix(tmp_path):
    write(tmp_path)
    pixels(7).save(tmp_path / "cat" / "png.png")
    (tmp_path / "cat" / "png.png").rename(tmp_path / "cat" / "really_png.jpg")
    assert sum(map(len, (cnnzoo.data.load(tmp_path).train, cnnzoo.data.load(tmp_path).test))) == 9


def damage(path, how):
    content = path.read_bytes()
    path.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "text": b"not a photograph"}[how])


@pytest.mark.parametrize("how", ["truncated", "empty", "text"])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_broken_file_raises_or_is_skipped_and_listed(tmp_path, how, suffix, caplog):
    write(tmp_path / "train", suffix=suffix)
    write(tmp_path / "test", suffix=suffix)
    broken = tmp_path / "train" / "dog" / f"1{suffix}"
    damage(broken, how)
    with pytest.raises(cnnzoo.InputError, match=rf"dog/1\{suffix}' is not a readable image \(.+\); repair or remove"):
        cnnzoo.data.load(tmp_path)
    with caplog.at_level(logging.WARNING):
        source = cnnzoo.data.load(tmp_path, on_error="skip")
    assert [path for path, _ in source.skipped] == [str(broken)]
    assert "skipped 1 of 16 files" in caplog.text
    np.testing.assert_array_equal(source.train.labels, [0, 0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize(
    ("how", "reason"), [("vanished", "it does not exist any more"), ("text", "Unknown image file")]
)
def test_a_file_that_changes_during_an_epoch_is_named_and_left_out_from_then_on(folder, caplog, how, reason):
    source = cnnzoo.data.load(folder, stream=True, on_error="skip")
    changed, fine = folder / "train" / "cat" / "2.png", folder / "train" / "cat" / "3.png"
    pixels(4).save(fine)
    changed.unlink() if how == "vanished" else damage(changed, how)
    named = rf"cat/2\.png' is not a readable image \({reason}"
    with pytest.raises(cnnzoo.InputError, match=named), report_broken_files(source.splits):
        list(train_pipeline(source.train, 4).take(2))
    with caplog.at_level(logging.WARNING):
        source = cnnzoo.data.load(folder, stream=True, on_error="skip")
    assert ("cat/2.png" in caplog.text) == (how != "vanished")  # then the folder has one file fewer
    assert [len(labels) for _, labels in train_pipeline(source.train, 4).take(4).as_numpy_iterator()] == [4] * 4
    assert len(images_of(source.train)[0]) == len(source.train) == 7


def test_errors_that_no_file_has_caused_are_left_as_they_are(folder):
    source = cnnzoo.data.load(folder, stream=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="no file"), report_broken_files(source.splits):
        raise tf.errors.InvalidArgumentError(None, None, "no file")


def test_files_are_checked_once_and_then_only_those_that_were_broken(folder, monkeypatch):
    def load():
        return cnnzoo.data.load(folder, stream=True, on_error="skip")

    decoded = []
    decode_files = file_split.decode_files
    monkeypatch.setattr(
        file_split, "decode_files", lambda paths, shape: decoded.extend(paths) or decode_files(paths, shape)
    )
    broken = folder / "train" / "dog" / "1.png"
    damage(broken, "truncated")
    skipped = load().skipped
    assert len(decoded) == 8 + 4
    decoded.clear()
    assert load().skipped == skipped
    assert decoded == [os.fsencode(broken)]
    pixels(7).save(broken)  # it is repaired
    decoded.clear()
    source = load()
    assert source.skipped == ()
    assert len(source.train) == len(decoded) == 8
    monkeypatch.setenv("KERAS_HOME", str(broken))  # a folder that cannot be made: nothing is kept, nothing fails
    assert len(load().train) == 8


def test_images_in_no_class_folder_are_one_class_and_train_an_autoencoder(tmp_path, train):
    write(tmp_path, classes=["only"], each=5)
    source = cnnzoo.data.load(tmp_path / "only")
    assert (source.class_names, len(source.train), len(source.test)) == (("only",), 4, 1)
    recipe = cnnzoo.Recipe(
        model="autoencoder",
        data=str(tmp_path / "only"),
        epochs=1,
        learning_rate=1e-3,
        batch_size=4,
        model_options={"input_shape": (*SIZE, 3)},
    )
    run = train(recipe, workdir=tmp_path / "run", verbose=0)
    assert run.metrics["test_examples"] == 1
    with pytest.raises(cnnzoo.InputError, match="has only one class, 'only'; a classifier needs at least two"):
        train(recipe.replace(model="lenet", model_options={}), workdir=tmp_path / "other", verbose=0)


def test_a_recipe_trains_on_a_folder_and_names_a_file_that_is_broken(folder, tmp_path, train):
    recipe = cnnzoo.Recipe(
        model="lenet",
        data=str(folder),
        epochs=2,
        learning_rate=1e-3,
        batch_size=4,
        model_options={"input_shape": (32, 32, 3)},
    )
    run = train(recipe, workdir=tmp_path / "run", verbose=0)
    assert run.class_names == ["cat", "dog"]
    (folder / "train" / "cat" / "2.png").write_bytes(b"")
    with pytest.raises(cnnzoo.InputError, match=r"cat/2\.png' is not a readable image \(Input is empty\)"):
        train(recipe.replace(stream=True), workdir=tmp_path / "other", verbose=0)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            lambda folder: (folder / "train" / "bird").mkdir(),
            {},
            r"class folder '.*bird' has no images \(\.avif",
        ),
        (lambda folder: write(folder / "test", classes=["bird"]), {}, "has class folders that 'train' lacks: bird"),
        (
            lambda folder: shutil.rmtree(folder / "test"),
            {"image_size": (0, 5)},
            r"`image_size` must be \(height, width\), two positive integers\. Received: \(0, 5\)",
        ),
        (
            lambda folder: pixels(1, (30, 20)).save(folder / "train" / "dog" / "large.png"),
            {},
            r"large\.png' is 30×20, others are 24×16; give image_size=\(height, width\)",
        ),
        (
            lambda folder: None,
            {"on_error": "ignore"},
            "unknown on_error 'ignore'; the values of on_error are raise, skip",
        ),
        (lambda folder: None, {"train": "train[:90%]"}, "are in TFDS' split language"),
        (shutil.rmtree, {}, "the folder '.*pets' does not exist"),
        (lambda folder: shutil.rmtree(folder / "train" / "cat"), {}, "class folders that 'train' lacks: cat"),
    ],
)
def test_an_unusable_folder_or_option_raises(folder, change, options, message):
    change(folder)
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.data.load(folder, **options)


def test_an_empty_folder_raises(tmp_path):
    with pytest.raises(cnnzoo.InputError, match="has neither class folders nor images"):
        cnnzoo.data.load(tmp_path)


def test_hidden_files_and_files_that_are_not_images_are_ignored(folder):
    (folder / "train" / "cat" / ".DS_Store").write_bytes(b"x")
    (folder / "train" / "cat" / "notes.txt").write_text("x")
    (folder / "train" / ".git").mkdir()
    assert len(cnnzoo.data.load(folder).train) == 8


def test_large_photographs_are_decoded_small_and_match_pils_resizing(tmp_path):
    """Two to nine times as large as the result: PIL decodes them whole and averages."""
    for number, side in enumerate((70, 130, 200, 300)):
        pixels(number, (side, 2 * side)).save(tmp_path / f"{number}.jpg", quality=95)
    content = tf.io.read_file(str(tmp_path / "3.jpg"))
    assert min(decoding._decode_jpeg(content, (32, 32, 3)).shape[:2]) == 38  # an eighth of 300
    for number, side in enumerate((70, 130, 200, 300)):
        decoded = decoding.decode(tf.io.read_file(str(tmp_path / f"{number}.jpg")), (32, 32, 3)).numpy()
        whole = Image.open(tmp_path / f"{number}.jpg")
        center = whole.crop((side // 2, 0, side // 2 + side, side)).resize((32, 32), Image.BILINEAR)
        difference = np.abs(decoded.astype(float) - np.asarray(center))
        assert difference.mean() < 2, side


@pytest.mark.parametrize("stream", [False, True])
def test_a_run_lists_skipped_files(folder, stream, tmp_path, caplog, train):
    """There is one warning, however many epochs there are."""
    broken = folder / "train" / "dog" / "1.png"
    damage(broken, "truncated")
    recipe = cnnzoo.Recipe(
        model="lenet", data=str(folder), epochs=3, learning_rate=1e-3, batch_size=4, image_size=(8, 8), stream=stream
    )
    recipe = recipe.replace(model_options={"input_shape": (32, 32, 3)})
    with pytest.raises(cnnzoo.InputError, match=r"dog/1\.png' is not a readable image"):
        train(recipe, workdir=tmp_path / "raised", verbose=0)
    with caplog.at_level(logging.WARNING):
        run = train(recipe.replace(on_error="skip"), workdir=tmp_path / "skipped", verbose=0)
    assert list(run.metrics["skipped"]) == [str(broken)]
    assert caplog.text.count("skipped 1 of 12 files") == 1
    with pytest.raises(cnnzoo.InputError, match="on_error='skip' is for folders of images; 'digits' is a data set"):
        train(recipe.replace(data="digits", on_error="skip"), workdir=tmp_path / "refused")
