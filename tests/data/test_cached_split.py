"""Images decoded once into a folder equal those in memory, in the same order, and belong to their files."""

import logging
import os
import shutil

import numpy as np
import pytest

import cnnzoo
from cnnzoo.data import Split, eval_pipeline, train_pipeline
from cnnzoo.data.cached_split import CachedSplit
from cnnzoo.data.file_split import FileSplit
from cnnzoo.files import PART

SIZE = (20, 16)


@pytest.fixture
def photos(photo_folder, tmp_path):
    return shutil.copytree(photo_folder, tmp_path / "photos")


def batches(pipeline, count):
    return [(images.numpy(), labels.numpy()) for images, labels in pipeline.take(count)]


@pytest.mark.parametrize("kind", ["folder", "tfds"])
def test_order_and_pixels_equal_those_in_memory(kind, photos, imagenet_folder, tmp_path):
    if kind == "folder":
        name, options = photos, {"image_size": SIZE}
    else:
        name, options = "imagenet2012", {"image_size": SIZE, "data_dir": imagenet_folder}
    memory, kept = (
        cnnzoo.data.load(name, **options, **more) for more in ({"stream": False}, {"cache": tmp_path / "cache"})
    )
    assert isinstance(memory.train, Split)
    assert isinstance(kept.train, CachedSplit)
    for one, other in ((memory.train, kept.train), (memory.train.held_out(0.3, 5)[0], kept.train.held_out(0.3, 5)[0])):
        for worker in range(2):
            shard = {"seed": 3, "first_epoch": 1, "worker": worker, "workers": 2}
            expected, cached = (batches(train_pipeline(split, 8, **shard), 9) for split in (one, other))
            for (images, labels), (cached_images, cached_labels) in zip(expected, cached, strict=True):
                np.testing.assert_array_equal(cached_images, images)
                np.testing.assert_array_equal(cached_labels, labels)
    test_images = np.concatenate([images for images, _ in eval_pipeline(kept.test, 5).as_numpy_iterator()])
    np.testing.assert_array_equal(test_images, memory.test.images)


def test_a_second_run_decodes_nothing_and_changed_files_get_a_new_cache(photos, tmp_path, monkeypatch):
    def load():
        return cnnzoo.data.load(photos, image_size=SIZE, cache=tmp_path / "cache")

    first = load().train
    with monkeypatch.context() as patch:
        patch.setattr("cnnzoo.data.file_split.decode", lambda *_: pytest.fail("decoded again"))
        patch.setattr("cnnzoo.data.decoding.decode", lambda *_: pytest.fail("decoded again"))
        assert load().train.path == first.path
    changed = photos / "train" / "even" / "0.jpg"
    shutil.copy(photos / "train" / "odd" / "1.jpg", changed)
    os.utime(changed, (1, 1))
    second = load().train
    assert second.path != first.path
    np.testing.assert_array_equal(second.read(np.array([0])), second.read(np.array([24])))
    assert cnnzoo.data.load(photos, image_size=(10, 10), cache=tmp_path / "cache").train.path != second.path


def test_an_interrupted_write_leaves_no_cache(photos, tmp_path, caplog, monkeypatch):
    broken = photos / "train" / "even" / "2.jpg"

    def load():
        return cnnzoo.data.load(photos, image_size=SIZE, cache=tmp_path / "cache")

    def check_and_damage(split, **options):
        yield from broken_files(split, **options)
        broken.write_bytes(broken.read_bytes()[:50])

    broken_files = FileSplit.check
    with monkeypatch.context() as patch:
        patch.setattr(FileSplit, "check", check_and_damage)
        with pytest.raises(cnnzoo.InputError, match=r"even/2\.jpg' is not a readable image"):
            load()
    assert not [file for file in (tmp_path / "cache").iterdir() if file.name.startswith(PART) or file.suffix == ".npz"]
    with pytest.raises(cnnzoo.InputError, match=r"even/2\.jpg' is not a readable image"):
        load()
    with caplog.at_level(logging.WARNING):
        source = cnnzoo.data.load(photos, image_size=SIZE, cache=tmp_path / "cache", on_error="skip")
    assert len(source.train) == 47
    assert [path for path, _ in source.skipped] == [str(broken)]
    again = cnnzoo.data.load(photos, image_size=SIZE, cache=tmp_path / "cache", on_error="skip")
    assert again.skipped == source.skipped
    assert again.train.path == source.train.path


def test_a_run_from_a_cache_equals_one_from_memory(photos, tmp_path, train):
    recipe = cnnzoo.Recipe(
        model="lenet",
        model_options={"input_shape": (32, 32, 3)},
        data=str(photos),
        image_size=(28, 28),
        epochs=2,
        learning_rate=1e-3,
        batch_size=12,
    )
    runs = [
        train(recipe, workdir=tmp_path / name, verbose=0, **more)
        for name, more in (("memory", {"stream": False}), ("cache", {"cache": str(tmp_path / "pixels")}))
    ]
    for one, other in zip(*(run.model().get_weights() for run in runs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_wrong_options_and_damaged_caches_raise(photos, tmp_path, monkeypatch):
    with pytest.raises(cnnzoo.InputError, match="is a folder of decoded images; leave out stream=True"):
        cnnzoo.data.load(photos, image_size=SIZE, stream=True, cache=tmp_path)
    with pytest.raises(cnnzoo.InputError, match="'digits' are always in memory"):
        cnnzoo.data.load("digits", cache=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(cnnzoo.InputError, match="cannot write to the folder"):
        cnnzoo.data.load(photos, image_size=SIZE, cache=tmp_path / "file")
    with monkeypatch.context() as patch:
        usage = shutil.disk_usage(tmp_path)
        patch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
        with pytest.raises(
            cnnzoo.InputError, match=r"48 images of \(20, 16, 3\) take 0\.00 GiB as pixels, and .* free"
        ):
            cnnzoo.data.load(photos, image_size=SIZE, cache=tmp_path / "full")
    source = cnnzoo.data.load(photos, image_size=SIZE, cache=tmp_path / "cache")
    with source.train.path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(cnnzoo.InputError, match="is damaged: its size is wrong; delete it"):
        cnnzoo.data.load(photos, image_size=SIZE, cache=tmp_path / "cache")
