"""Folders as people have them: every image is read with its label, or said to be left out, by kind and count.

What is expected was written by hand, and the pixels are those that Pillow reads.
"""

import logging
import os
import re
import shutil

import keras
import numpy as np
import pytest
from PIL import Image, ImageOps

import cnnzoo
from cnnzoo.data import eval_pipeline
from cnnzoo.training.sources import splits_of

SIZE = (6, 5)
TAGS = ("cat", "dog")


def make(root, names, first=0):
    """Write an image of its own under each name; what has no suffix of an image is a text."""
    for number, name in enumerate(names, first):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), "uint8")
        if path.suffix.lower() in (".txt", "", ".heic", ".db"):
            path.write_text(name)
        else:
            Image.fromarray(pixels).save(path, "PNG")  # whatever it is called


def read_by_pillow(path):
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def loaded(source, root, names):
    """Return the label of each file in each split, of those files whose pixels the split has."""
    files = {
        read_by_pillow(root / name).tobytes(): name for name in names if not (root / name).read_bytes()[:1].isalpha()
    }
    found = {}
    for split in ("train", "validation", "test"):
        if getattr(source, split) is not None:
            pairs = eval_pipeline(getattr(source, split), 4).unbatch().as_numpy_iterator()
            found[split] = {files[image.tobytes()]: source.class_names[label] for image, label in pairs}
    return found


def both(*names):
    return [f"{tag}/{name}" for tag in TAGS for name in names]


def under(part, names):
    return [f"{part}/{name}" for name in names]


FLAT = both("1.png", "2.png", "3.png")
TEST = under("test", both("8.png", "9.png"))
# The files; those of them that are not read; what is said.
LAYOUTS = {
    "nested": (both("2023/may/1.png", "2023/2.png", "3.png", "4.png"), [], []),
    "suffixes": (both("1.png", "2.JPG", "3.tif", "4.jfif", "5.TIFF", "6.jpe", "7.webp", "8.ppm", "9.bmp"), [], []),
    "other files": (
        [*FLAT, *both("a.heic", "b.txt", "c"), "cat/d.heic", "cat/Thumbs.db", "LICENSE.txt"],
        [*both("a.heic", "b.txt", "c"), "cat/d.heic", "cat/Thumbs.db", "LICENSE.txt"],
        [r"left out: \.heic files \(3\), \.txt files \(2\), files without a suffix \(2\)$"],
    ),
    "hidden": (
        [*FLAT, "cat/.x.png", ".trash/cat/1.png", "cat/.ipynb_checkpoints/1-checkpoint.png", "dog/.DS_Store.txt"],
        ["cat/.x.png", ".trash/cat/1.png", "cat/.ipynb_checkpoints/1-checkpoint.png", "dog/.DS_Store.txt"],
        [r"left out: hidden images \(3\)$"],
    ),
    "a Mac's archive": (
        [*FLAT, *under("__MACOSX", both("._1.png")), "cat/__MACOSX/1.png"],
        [*under("__MACOSX", both("._1.png")), "cat/__MACOSX/1.png"],
        [],
    ),
    "hidden folders beside images": (
        ["1.png", "2.png", "3.png", "4.png", "5.png", ".ipynb_checkpoints/1.png"],
        [".ipynb_checkpoints/1.png"],
        [r"left out: hidden images \(1\)$"],
    ),
    "images beside classes": (
        [*FLAT, "loose.png"],
        ["loose.png"],
        [r"left out: images in no class folder of 'photos' \(1\)$"],
    ),
    "Kaggle's": (
        [*under("train", FLAT), "test/1.png", "test/2.png"],
        ["test/1.png", "test/2.png"],
        [r"left out: images in no class folder of 'test' \(2\)$", "there is no test set: a random fifth of the images"],
    ),
    "Roboflow's": ([*under("train", FLAT), *under("valid", both("7.png")), *TEST], [], []),
    "capitals": ([*under("Train", FLAT), *under("VAL", both("7.png")), *under("Test", both("8.png"))], [], []),
    "training and testing": ([*under("Training", FLAT), *under("Testing", both("8.png"))], [], []),
    "two of a kind": (
        [*under("train", FLAT), *under("training", both("5.png")), *under("extra", both("6.png")), *TEST],
        [*under("training", both("5.png")), *under("extra", both("6.png"))],
        [r"images in the folder 'extra' beside 'train' \(2\), images in the folder 'training' beside 'train' \(2\)$"],
    ),
    "validation without test": (
        [*under("train", FLAT), *under("val", both("7.png"))],
        [],
        ["there is no test set: a random fifth of the images in 'train', always the same, is for testing"],
    ),
    "a class that is called train": ([*both("1.png"), "train/1.png", "train/2.png", "train/3.png"], [], []),
    "no classes": (["train/1.png", "train/2.png", "test/3.png"], [], []),
    "numbers": (
        [f"{number}/{image}.png" for number in (1, 2, 10, 11) for image in (1, 2)],
        [],
        ["the classes are in the order of their names as text: 1, 10, 11, 2, …; class_names sets another"],
    ),
}  # fmt: skip
WORDS = {"training": "train", "testing": "test", "val": "validation", "valid": "validation"}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("stream", [False, True], ids=["in memory", "streamed"])
def test_every_image_is_read_or_left_out_aloud(name, stream, tmp_path, caplog):
    names, left_out, said = LAYOUTS[name]
    root = tmp_path / "photos"
    make(root, names)
    with caplog.at_level(logging.WARNING):
        source = cnnzoo.data.load(root, stream=stream)
    assert len(caplog.records) == len(said)
    for message, pattern in zip(caplog.messages, said, strict=True):
        assert message.startswith(f"{root}: ")
        assert re.search(pattern, message)
    found = loaded(source, root, names)
    read = [each for each in names if each not in left_out]
    has_test = any(WORDS.get(each.split("/")[0].lower(), each.split("/")[0].lower()) == "test" for each in read)
    expected = {}
    for each in read:
        part, _, below = each.partition("/")
        part = WORDS.get(part.lower(), part.lower())
        if part not in ("train", "test", "validation") or source.class_names == ("cat", "dog", "train"):
            part, below = "train", each
        tag = below.split("/")[0] if "/" in below else source.class_names[0]
        expected.setdefault(part, {})[each] = tag
    if not has_test:
        assert len(found["test"]) == round(0.2 * len(expected["train"]))
        found = {"train": found["train"] | found.pop("test"), **{k: found[k] for k in found if k != "train"}}
    assert found == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["test/cat/1.png", "val/cat/1.png"], "has 'test' and 'val', but no folder 'train'"),
        ([*FLAT, "bird/a.txt"], r"class folder '.*bird' has no images"),
        ([*under("train", FLAT), "test/a.txt"], r"test' has no images"),
        ([*FLAT, "do\ng/1.png"], r"class folder 'do\\ng' of '.*photos' has a name that cannot be printed"),
        ([*FLAT, "d\udcffg/1.png"], "has a name that cannot be printed"),
    ],
)
def test_folders_without_what_is_needed_raise(names, message, tmp_path):
    make(tmp_path / "photos", names)
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.data.load(tmp_path / "photos")


def test_class_names_set_the_order_of_the_labels(tmp_path, caplog):
    make(tmp_path, [f"{number}/{image}.png" for number in (1, 2, 10) for image in (1, 2)])
    source = cnnzoo.data.load(tmp_path, class_names=["1", "2", "10"])
    assert source.class_names == ("1", "2", "10")
    assert not caplog.records
    for wrong in (["1", "2"], ["1", "2", "10", "11"], "1210"):
        with pytest.raises(cnnzoo.InputError, match=r"`class_names` must be the names of the class folders, 1, 10, 2"):
            cnnzoo.data.load(tmp_path, class_names=wrong)
    with pytest.raises(cnnzoo.InputError, match="class_names is for folders of images; 'digits' has classes"):
        cnnzoo.data.load("digits", class_names=["1"])


@pytest.mark.parametrize("name", ["nested", "numbers", "other files", "images beside classes"])
def test_files_and_labels_are_those_that_keras_does_find(name, tmp_path):
    """Keras reads fewer formats: here all are PNG files."""
    make(tmp_path / "photos", LAYOUTS[name][0])
    found = keras.utils.image_dataset_from_directory(tmp_path / "photos", image_size=SIZE, shuffle=False, verbose=False)
    source = cnnzoo.data.load(tmp_path / "photos", stream=False)
    assert list(source.class_names) == found.class_names
    ours = {
        (image.tobytes(), label)
        for split in (source.train, source.test)
        for image, label in zip(split.images, split.labels, strict=True)
    }
    theirs = found.unbatch().as_numpy_iterator()
    assert ours == {(image.astype("uint8").tobytes(), label) for image, label in theirs}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/such/folder", "the folder 'no/such/folder' does not exist"),
        ("digits.d", "the folder 'digits.d' does not exist"),
        ("a_file", "the folder 'a_file' is a file"),
        ("qwrtzpsdfg", r"there is neither a folder nor a data set 'qwrtzpsdfg' \(this is '.+'\)"),
        ("mnits", "unknown data set 'mnits'; did you mean 'mnist'.* There is no folder of that name either"),
    ],
)
def test_a_folder_that_is_not_there_is_called_one(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_file").write_text("")
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.data.load(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_links_are_followed_once_and_pipes_are_not_read(tmp_path, caplog):
    make(tmp_path / "photos", FLAT)
    make(tmp_path / "elsewhere", ["7.png", "8.png"], first=50)
    (tmp_path / "photos/cat/loop").symlink_to(tmp_path / "photos/cat")
    (tmp_path / "photos/cat/more").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "photos/dog/pipe.jpg")
    (tmp_path / "photos/dog/zeros.jpg").symlink_to("/dev/zero")
    source = cnnzoo.data.load(tmp_path / "photos")
    assert len(source.train) + len(source.test) == 8
    assert caplog.messages == [f"{tmp_path / 'photos'}: left out: pipes or devices (2)"]


def test_files_in_train_and_test_are_counted(tmp_path, caplog):
    names = [*under("train", FLAT), *under("val", both("6.png")), *TEST]
    make(tmp_path, names)
    for name in ("val/dog/6.png", "test/cat/8.png", "test/dog/9.png"):
        (tmp_path / name).write_bytes((tmp_path / "train/cat/1.png").read_bytes())
    size = (tmp_path / "train/cat/2.png").stat().st_size
    same_size = (tmp_path / "train/cat/2.png").read_bytes()[
        : size - 1
    ] + b"x"  # another last byte, which no reader reads
    (tmp_path / "test/cat/9.png").write_bytes(same_size)
    for stream in (False, True, True):
        caplog.clear()
        cnnzoo.data.load(tmp_path, stream=stream)
        assert sorted(message.split(": ", 1)[1].split(",")[0] for message in caplog.messages) == [
            "1 of the 2 validation images are training images",
            "2 of the 4 test images are training images",
        ]


def test_a_class_that_loses_all_its_images_is_named(tmp_path, caplog):
    make(tmp_path, [*under("train", FLAT), *TEST])
    for path in (tmp_path / "train/dog").iterdir():
        path.write_bytes(b"broken")
    source = cnnzoo.data.load(tmp_path, on_error="skip")
    assert source.class_names == TAGS
    assert caplog.messages[-1] == f"{tmp_path}: no training image is of class 'dog', which a model cannot learn"


def test_few_examples_are_of_all_classes(tmp_path):
    make(tmp_path, [*under("train", FLAT), *TEST])
    for stream in (False, True):
        source = cnnzoo.data.load(tmp_path, train_examples=2, test_examples=2, stream=stream)
        np.testing.assert_array_equal([source.train.labels, source.test.labels], [[0, 1]] * 2)


@pytest.mark.parametrize("stream", [False, True])
def test_few_examples_of_what_is_not_held_out_are_of_all_classes(tmp_path, stream):
    make(tmp_path, [*under("train", [f"{tag}/{number}.png" for tag in TAGS for number in range(20)]), *TEST])
    few = {"validation_split": 0.25, "train_examples": 4, "stream": stream}
    recipe = cnnzoo.Recipe(data=str(tmp_path), model="lenet", epochs=1, learning_rate=0.1, **few)
    _, unlabeled, train, validation = splits_of(recipe)
    assert (len(unlabeled), len(validation)) == (30, 10)
    np.testing.assert_array_equal(train.labels, [0, 0, 1, 1])


def test_holding_out_images_beside_those_for_validation_is_said(tmp_path, caplog):
    make(tmp_path, [*under("train", FLAT), *under("val", FLAT), *TEST], first=1)
    recipe = cnnzoo.Recipe(data=str(tmp_path), model="lenet", epochs=1, learning_rate=0.1)
    assert len(splits_of(recipe)[3]) == 6
    assert not caplog.messages
    splits_of(recipe.replace(validation_split=0.5))
    assert caplog.messages == [
        f"{tmp_path} has 6 validation images of its own, which are not used: validation_split=0.5 holds out training "
        "images instead; leave it out, or at 0, to use them"
    ]


def test_images_of_several_sizes_are_refused_in_memory_and_streamed(tmp_path):
    make(tmp_path, FLAT)
    cnnzoo.data.load(tmp_path, stream=True, image_size=SIZE)  # what is kept of it is not what is needed below
    Image.new("RGB", (9, 9)).save(tmp_path / "dog" / "4.png")
    cnnzoo.data.load(tmp_path, stream=True, image_size=SIZE)
    for stream in (False, True, True):
        with pytest.raises(cnnzoo.InputError, match=r"4\.png' is 9×9, others are 6×5; give image_size"):
            cnnzoo.data.load(tmp_path, stream=stream)


def test_a_data_set_is_shown_in_a_line(tmp_path):
    make(tmp_path, FLAT)
    source = cnnzoo.data.load(tmp_path)
    assert repr(source) == f"Source('{tmp_path}', train: 5, test: 1 images of 6×5×3, 2 classes: cat, dog)"
    assert repr(source.train) == "Split(5 images of 6×5×3)"
    assert repr(cnnzoo.data.load(tmp_path, stream=True).train) == "FileSplit(5 images of 6×5×3)"
    many = cnnzoo.data.fake((8, 8, 1), classes=12, n=24)
    assert repr(many).endswith("images of 8×8×1, 12 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …)")


def test_sizes_may_be_numpys(tmp_path):
    make(tmp_path, FLAT)
    shape = cnnzoo.data.load(tmp_path, image_size=(np.int64(4), np.uint8(3)), train_examples=np.int64(2)).image_shape
    assert [(type(side), side) for side in shape] == [(int, 4), (int, 3), (int, 3)]


def test_where_no_file_can_be_read_the_first_reason_is_given(tmp_path):
    make(tmp_path, FLAT)
    for name in FLAT:
        (tmp_path / name).write_bytes(b"")
    for options in ({}, {"on_error": "skip"}):
        with pytest.raises(cnnzoo.InputError, match=r"can be read; the first is '.*cat/1\.png': Input is empty"):
            cnnzoo.data.load(tmp_path, **options)


def test_no_class_is_missed_among_few_images(tmp_path, caplog):
    make(tmp_path, [*under("train", FLAT), *TEST])
    assert len(cnnzoo.data.load(tmp_path, train_examples=1).train) == 1
    assert not caplog.messages


def test_images_that_are_for_validation_and_for_testing_are_named(tmp_path, caplog):
    make(tmp_path, [*under("train", FLAT), *TEST])
    shutil.copytree(tmp_path / "test", tmp_path / "val")
    cnnzoo.data.load(tmp_path)
    [message] = caplog.messages
    assert message.startswith(f"{tmp_path}: 4 of the 4 test images are validation images, too, byte by byte, such as ")
