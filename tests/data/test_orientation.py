"""EXIF's orientation is found, and obeyed, as Pillow does, by operations of a graph."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from cnnzoo.data.orientation import MAX_SEGMENTS, exif_orientation, oriented

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 6, 3), "uint8"))
found = tf.function(exif_orientation, input_signature=[tf.TensorSpec((), tf.string)])


def encoded(format="JPEG", picture=PICTURE, **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def exif(orientation):
    written = Image.Exif()
    written[0x0112] = orientation
    return written


def tiff(orientation, order="<", kind=3, before=0, gap=0):
    """Return the EXIF of an orientation, with other tags before it and a gap before the directory."""
    entries = [struct.pack(f"{order}HHII", 0x0100 + number, 4, 1, 7) for number in range(before)]
    value = struct.pack(f"{order}HHI" + ("HH" if kind == 3 else "I"), 0x0112, kind, 1, *[orientation, 0][: 5 - kind])
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + gap)
    directory = struct.pack(f"{order}H", before + 1) + b"".join([*entries, value])
    return head + bytes(gap) + directory + bytes(4)


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg(*segments, picture=PICTURE):
    """Return a JPEG with segments after its first bytes, before those that Pillow writes."""
    content = encoded(picture=picture)
    return content[:2] + b"".join(segments) + content[2:]


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def by_pillow(content):
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return image.getexif().get(0x0112, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_by_pillow(orientation):
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(encoded("PNG", exif=exif(orientation))))))
    stored = tf.constant(np.asarray(PICTURE))
    np.testing.assert_array_equal(oriented(stored, tf.constant(orientation)), upright)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_what_pillow_writes_is_found(format, orientation):
    assert found(encoded(format, exif=exif(orientation))) == orientation


APP1, XMP = 0xE1, b"http://ns.adobe.com/xap/1.0/\0"
VARIANTS = {
    "none": encoded(),
    "PNG without": encoded("PNG"),
    "GIF": encoded("GIF"),
    "big endian": jpeg(segment(APP1, b"Exif\0\0" + tiff(6, ">"))),
    "little endian": jpeg(segment(APP1, b"Exif\0\0" + tiff(6, "<"))),
    "32 bits, little": jpeg(segment(APP1, b"Exif\0\0" + tiff(5, "<", kind=4))),
    "32 bits, big": jpeg(segment(APP1, b"Exif\0\0" + tiff(5, ">", kind=4))),
    "after other tags": jpeg(segment(APP1, b"Exif\0\0" + tiff(8, ">", before=9))),
    "a directory further back": jpeg(segment(APP1, b"Exif\0\0" + tiff(3, "<", before=2, gap=600))),
    "after others": jpeg(segment(0xE2, b"ICC" * 900), segment(0xFE, b"x"), segment(APP1, b"Exif\0\0" + tiff(7))),
    "no orientation in it": jpeg(segment(APP1, b"Exif\0\0" + tiff(6).replace(b"\x12\x01", b"\x13\x01"))),
    "0 is no orientation": jpeg(segment(APP1, b"Exif\0\0" + tiff(0))),
    "9 is no orientation": jpeg(segment(APP1, b"Exif\0\0" + tiff(9))),
    "in XMP": jpeg(segment(APP1, XMP + b'<rdf:Description tiff:Orientation="6"/>')),
    "in XMP's elements": jpeg(segment(APP1, XMP + b"<tiff:Orientation>8</tiff:Orientation>")),
    "EXIF before XMP": jpeg(segment(APP1, XMP + b'tiff:Orientation="6"'), segment(APP1, b"Exif\0\0" + tiff(3))),
    "PNG's XMP": encoded("PNG", xmp=b'<a tiff:Orientation="6"/>'),
    "two pictures": encoded("MPO", save_all=True, append_images=[PICTURE], exif=exif(6)),
    "the second picture's": encoded() + encoded(exif=exif(6)),
    "PNG's, after the pixels": encoded("PNG").replace(b"\0\0\0\0IEND", chunk(b"eXIf", tiff(6)) + b"\0\0\0\0IEND"),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_the_orientation_is_pillows(name):
    expected = by_pillow(VARIANTS[name])
    assert found(VARIANTS[name]) == (expected if 1 <= expected <= 8 else 1)


def test_no_content_fails_or_takes_long():
    """What is served is not to be trusted."""
    rng = np.random.default_rng(0)
    whole = jpeg(segment(APP1, b"Exif\0\0" + tiff(6, before=3)))
    for cut in [*range(80), len(whole)]:
        assert 1 <= found(whole[:cut]) <= 8
    for _ in range(300):
        content = bytearray(whole[:90])
        for position in rng.integers(2, 90, 4):
            content[position] = rng.integers(256)
        assert 1 <= found(bytes(content)) <= 8
    assert found(b"\xff\xd8\xff" + b"\xff" * 100_000) == 1
    assert found(jpeg(*[segment(0xFE, b"")] * (MAX_SEGMENTS + 1), segment(APP1, b"Exif\0\0" + tiff(6)))) == 1
