"""A small ImageNet, written by TFDS itself, and a folder of the same photographs."""

import io

import numpy as np
import pytest
import tensorflow as tf

PHOTOGRAPHS = {"train": 48, "validation": 12, "test": 6}


def photographs(split):
    """Yield keys and examples: JPEGs of many sizes, some of them gray, and no labels in `test`, as in ImageNet."""
    rng = np.random.default_rng(sorted(PHOTOGRAPHS).index(split))
    for number in range(PHOTOGRAPHS[split]):
        height, width = rng.integers(30, 120, 2)
        rows, columns = np.linspace(0, 6, height)[:, None, None], np.linspace(0, 6, width)[None, :, None]
        waves = np.sin(rows * rng.random(3) + columns * rng.random(3) + 6 * rng.random(3))
        pixels = (128 + 120 * waves).astype("uint8")[..., : 1 if number % 8 == 0 else 3]
        yield (
            f"{split}_{number}",
            {
                "image": io.BytesIO(tf.io.encode_jpeg(pixels, quality=95).numpy()),
                "label": -1 if split == "test" else int(rng.integers(1000)),
                "file_name": f"{split}_{number}.JPEG",
            },
        )


def write_imagenet(folder, **options):
    """Write 66 images into a TFDS folder that TFDS' own `imagenet2012` reads, in four files a split."""
    import tensorflow_datasets as tfds

    builder = tfds.builder("imagenet2012", data_dir=folder, try_gcs=False)
    tfds.disable_progress_bar()
    tfds.dataset_builders.store_as_tfds_dataset(
        "imagenet2012",
        version=str(builder.version),
        features=builder.info.features,
        split_datasets={split: list(photographs(split)) for split in PHOTOGRAPHS},
        data_dir=folder,
        download_config=tfds.download.DownloadConfig(num_shards=4),
        **options,
    )
    return folder


@pytest.fixture(scope="session")
def imagenet_folder(tmp_path_factory):
    """Return a TFDS folder with a small ImageNet: 48 training images, 12 for validation, 6 without labels."""
    return write_imagenet(tmp_path_factory.mktemp("imagenet"))


@pytest.fixture(scope="session")
def imagenet_in_another_format(tmp_path_factory):
    """Return the same images, stored in a format that `tf.data` does not read."""
    return write_imagenet(tmp_path_factory.mktemp("imagenet"), file_format="array_record")


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory):
    """Return a folder of JPEGs of many sizes, 48 for training and 12 for testing, in two class folders."""
    folder = tmp_path_factory.mktemp("photos")
    for part, split in (("train", "train"), ("test", "validation")):
        for number, (_, example) in enumerate(photographs(split)):
            into = folder / part / ("even", "odd")[number % 2]
            into.mkdir(parents=True, exist_ok=True)
            (into / f"{number}.jpg").write_bytes(example["image"].getvalue())
    return folder


@pytest.fixture(scope="session", autouse=True)
def _keras_home(tmp_path_factory):
    """Keep what cnnzoo notes in Keras' folder out of the developer's own, in processes that are started here, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield
