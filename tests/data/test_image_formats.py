"""Images of every mode that Pillow writes, in the formats that a folder may hold, the way up that their EXIF says.

They are read in memory and streamed, and decoded by the graph of an export. The pixels are those that Pillow reads, by
hand: 16 bits rounded down to 8, alpha dropped.
"""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

import cnnzoo
from cnnzoo.data import eval_pipeline, report_broken_files
from cnnzoo.data.decoding import crop_and_resize
from cnnzoo.serving.image_decoding import pixels_of

SIZE = (10, 6)  # height, width
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "I;16B", "F")
FORMATS = {
    "jpg": "JPEG", "jfif": "JPEG", "png": "PNG", "gif": "GIF", "bmp": "BMP", "dib": "DIB", "webp": "WEBP",
    "tif": "TIFF", "ppm": "PPM", "jp2": "JPEG2000", "avif": "AVIF",
}  # fmt: skip
OPTIONS = {"webp": {"lossless": True}, "jpg": {"quality": 95}, "jfif": {"quality": 95}}
CLOSENESS = {"jpg": 8, "jfif": 8}  # of two decoders of JPEG
WITH_EXIF = ("jpg", "png", "webp", "tif")
STORED = {  # how an image is stored that an orientation turns upright
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip
# Numbers of 32 bits have no range that is stated.
REFUSED = {"F.ppm": "32-bit floats", "F.tif": "32-bit floats of no stated range", "I.tif": "32-bit integers of no"}


def picture(number, size=SIZE):
    """Return a smooth image, another one for every number, that any codec keeps."""
    rows, columns = np.linspace(0, 3, size[0])[:, None, None], np.linspace(0, 3, size[1])[None, :, None]
    waves = np.sin(rows + number) * np.cos(columns * (1 + number % 3)) * np.array([1, 0.5, -0.5])
    return Image.fromarray((127.5 + 100 * waves).astype("uint8"))


def in_mode(image, mode):
    if mode in ("I;16", "I;16B"):
        deep = (np.asarray(image.convert("L")).astype("uint16") << 8) + 77
        return Image.frombytes(mode, image.size, deep.astype("<u2" if mode == "I;16" else ">u2").tobytes())
    if mode == "LAB":
        return Image.frombytes(mode, image.size, image.tobytes())
    image = image.convert({"LA": "L", "I": "L", "F": "L", "PA": "P"}.get(mode, "RGB")).convert(mode)
    if mode in ("LA", "PA", "RGBA"):
        image.putalpha(Image.fromarray(np.arange(SIZE[0] * SIZE[1], dtype="uint8").reshape(SIZE) * 4))
    return image


def turned(image, orientation):
    """Return how an image is stored, and the EXIF that turns it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return (image if orientation == 1 else image.transpose(STORED[orientation])), exif


def read_by_hand(path):
    """Return what Pillow reads, as uint8 colors, or the error's message."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
        if image.mode.startswith("I;16") or (file.format, image.mode) == ("PPM", "I"):
            return np.repeat((np.asarray(image) >> 8).astype("uint8")[..., None], 3, axis=-1)
        image.info.pop("transparency", None)
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with an image of each mode in each format that can hold it, and of each orientation."""
    folder = tmp_path_factory.mktemp("formats")
    for suffix, name in FORMATS.items():
        (folder / "train" / suffix).mkdir(parents=True)
        for number, mode in enumerate(MODES):
            path = folder / "train" / suffix / f"{mode.replace(';', '-')}.{suffix}"
            try:
                in_mode(picture(number), mode).save(path, name, **OPTIONS.get(suffix, {}))
            except (OSError, ValueError, KeyError):  # the format has no such mode
                path.unlink(missing_ok=True)
        for orientation in STORED if suffix in WITH_EXIF else ():
            image, exif = turned(picture(20 + orientation), orientation)
            path = folder / "train" / suffix / f"turned {orientation}.{suffix}"
            image.save(path, name, exif=exif, **OPTIONS.get(suffix, {}))
    (folder / "test" / "png").mkdir(parents=True)
    picture(50).save(folder / "test" / "png" / "1.png")
    return folder


def files_of(folder):
    """Return the files that can be read, in the order of labels and names."""
    files = sorted((folder / "train").rglob("*.*"))
    return [file for file in files if file.name not in REFUSED]


def images_of(split):
    return np.concatenate([images for images, _ in eval_pipeline(split, 16).as_numpy_iterator()])


@pytest.mark.parametrize("how", ["in memory", "streamed", "cached"])
def test_pixels_are_those_that_pillow_reads(folder, how, tmp_path):
    options = {"cache": tmp_path} if how == "cached" else {"stream": how == "streamed"}
    source = cnnzoo.data.load(folder, on_error="skip", **options)
    skipped = {path.rsplit("/", 1)[1]: reason for path, reason in source.skipped}
    assert skipped.keys() == REFUSED.keys()
    assert all(words in skipped[name] for name, words in REFUSED.items())
    files = files_of(folder)
    assert len(files) > 80
    for file, image in zip(files, images_of(source.train), strict=True):
        difference = np.abs(image.astype(int) - read_by_hand(file)).max()
        assert difference <= CLOSENESS.get(file.suffix[1:], 0), file


@pytest.mark.parametrize("stream", [False, True], ids=["in memory", "streamed"])
def test_images_are_turned_before_they_are_cropped(folder, stream):
    source = cnnzoo.data.load(folder, stream=stream, on_error="skip", image_size=(3, 4))
    for file, image in zip(files_of(folder), images_of(source.train), strict=True):
        if file.suffix[1:] not in CLOSENESS:
            np.testing.assert_array_equal(image, crop_and_resize(tf.constant(read_by_hand(file)), (3, 4)), str(file))


@pytest.mark.parametrize("orientation", STORED)
def test_large_photographs_are_decoded_small_and_turned(orientation, tmp_path):
    upright = picture(orientation, (304, 224))
    image, exif = turned(upright, orientation)
    for name in ("train/a", "test/a"):
        (tmp_path / name).mkdir(parents=True)
        image.save(tmp_path / name / f"{name[:3]}.jpg", quality=95, exif=exif)
    expected = np.asarray(upright.resize((22, 30), Image.BILINEAR)).astype(int)
    for stream in (False, True):
        source = cnnzoo.data.load(tmp_path, image_size=(30, 22), stream=stream)
        (decoded,) = images_of(source.train)
        assert np.abs(decoded - expected).mean() < 2


@pytest.mark.parametrize("channels", [1, 3])
def test_the_graph_of_an_export_decodes_as_training_does(folder, channels):
    source = cnnzoo.data.load(folder, stream=False, on_error="skip")
    for file, image in zip(files_of(folder), source.train.images, strict=True):
        if file.suffix not in (".jpg", ".jfif", ".png"):
            continue
        (pixels,) = pixels_of(tf.constant([file.read_bytes()]), (*SIZE, channels)).numpy()
        if channels == 3:
            np.testing.assert_array_equal(pixels, image, str(file))
        else:
            gray = image @ np.array([0.299, 0.587, 0.114])
            assert np.abs(pixels[..., 0] - gray).max() <= 3, file


def test_images_of_web_pages_are_read_as_pillow_does(tmp_path):
    """A palette with a transparent color, animations, of which the first picture is taken."""
    (tmp_path / "a").mkdir()
    palette = picture(1).quantize(8)
    palette.save(tmp_path / "a" / "1.png", transparency=3)
    palette.save(tmp_path / "a" / "2.gif", transparency=3)
    palette.save(tmp_path / "a" / "3.png", transparency=bytes(range(0, 256, 32)))
    gray = picture(2).convert("L")
    gray.save(tmp_path / "a" / "4.png", transparency=int(gray.getpixel((0, 0))))
    picture(3).save(tmp_path / "a" / "5.gif", save_all=True, append_images=[picture(4), picture(5)])
    picture(6).save(tmp_path / "a" / "6.webp", save_all=True, append_images=[picture(7)], lossless=True)
    picture(8).save(tmp_path / "a" / "7.png", save_all=True, append_images=[picture(9)])
    source = cnnzoo.data.load(tmp_path)
    images = {image.tobytes() for split in (source.train, source.test) for image in split.images}
    assert images == {read_by_hand(file).tobytes() for file in (tmp_path / "a").iterdir()}


def test_a_file_of_pillows_that_breaks_during_an_epoch_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(5):
        picture(number).save(tmp_path / "a" / f"{number}.tif", compression="tiff_deflate")
    source = cnnzoo.data.load(tmp_path, stream=True)
    assert len(images_of(source.train)) == 4
    for file in (tmp_path / "a").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(cnnzoo.InputError, match=r"\.tif' is not a readable image"), report_broken_files(source.splits):
        images_of(source.train)


@pytest.mark.parametrize(
    ("mode", "options"),
    [("L", {}), ("RGB", {}), ("CMYK", {}), ("RGB", {"restart_marker_blocks": 4}), ("RGB", {"progressive": True})],
    ids=str,
)
def test_a_jpeg_with_zeros_in_its_scan_is_said_to_be_damaged(tmp_path, caplog, mode, options):
    """By what Pillow makes of it: where its pixels are others, there is a warning, and none where they are not."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, len(mode) if mode != "L" else 1), "uint8")
    folder, damaged = tmp_path / "photos", []
    for number in range(12):
        path = folder / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise[number % 2].squeeze(), mode=None if mode != "CMYK" else mode).save(path, **options)
        intact, content = np.asarray(Image.open(path)), bytearray(path.read_bytes())
        if number < 8:
            start = int(len(content) * (0.3 + 0.08 * number))
            content[start : start + 40] = bytes(40)
            path.write_bytes(content)
        if not np.array_equal(np.asarray(Image.open(path)), intact):
            damaged.append(path)
    assert 4 < len(damaged) < 9
    for stream in (False, True, True):  # the third reads what the second kept
        caplog.clear()
        cnnzoo.data.load(str(folder), stream=stream)
        (warning,) = [record.message for record in caplog.records if "damaged" in record.message]
        # Zeros in a finer pass of a progressive JPEG may be as good as what was there.
        noticed = 6 if "progressive" in options else len(damaged)
        assert f"{noticed} of 12 files are damaged" in warning
        assert any(f"{str(path)!r}: " in warning for path in damaged)
    for path in damaged:
        path.unlink()
    caplog.clear()
    cnnzoo.data.load(str(folder))
    assert "damaged" not in caplog.text
