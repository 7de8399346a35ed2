"""The page as a file: its parts, what cannot end them early, and the numbers in it."""

import base64
import json
import re
import zlib

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.browser.block import Block
from cnnzoo.browser.images import differences
from cnnzoo.browser.page import END_OF_ENGINE, STATIC, joined_modules, page_text
from cnnzoo.browser.samples import drawn_by_class, principal_components


def part(page, name):
    return page.partition(f'id="{name}">')[2].partition("</script>")[0]


def test_a_page_holds_its_payload_and_its_numbers_and_asks_for_nothing(tmp_path):
    model = keras.Sequential([keras.Input((6, 6, 1), name="x"), keras.layers.Conv2D(2, 3, name="conv")], name="net")
    page = cnnzoo.play(model, to=tmp_path / "play.html", dtype="float32").read_text(encoding="utf-8")
    payload = json.loads(part(page, "payload"))
    [net] = payload["models"]
    [layer] = net["layers"]
    content = zlib.decompress(base64.b64decode(part(page, "bytes")))
    kernel = np.frombuffer(content, "<f4", 18, layer["weights"]["kernel"]["at"])
    np.testing.assert_array_equal(kernel, keras.ops.convert_to_numpy(model.layers[0].kernel).ravel())
    assert payload["images"] is None
    assert "nothing says which data set" in payload["missing"][0]
    assert not re.search(r'(src|href)="(?!data:)', page.replace('href="#', ""))


def test_no_text_ends_a_script_early():
    page = page_text(
        {"title": "a", "models": ["</script><script>alert(1)</SCRIPT><!-- <!--bytes-->"]}, Block("float16")
    )
    assert json.loads(part(page, "payload"))["models"] == ["</script><script>alert(1)</SCRIPT><!-- <!--bytes-->"]
    assert "alert(1)</" not in page


def test_modules_are_joined_without_imports_and_exports_with_the_engine_first():
    program = joined_modules()
    assert not re.search(r"^(import|export)\b", program, re.MULTILINE)
    engine, _, page = program.partition(f"\n{END_OF_ENGINE}\n")
    assert "function serveAccuracy" in engine
    assert page
    assert END_OF_ENGINE in (STATIC / "engine" / "worker.js").read_text(encoding="utf-8")


def test_all_modules_of_the_engine_are_listed_after_those_that_they_import():
    names = [line for line in (STATIC / "modules.txt").read_text().splitlines() if line and line[0] != "#"]
    assert {path.name for path in (STATIC / "engine").glob("*.js")} == {
        name.removeprefix("engine/") for name in names if name.startswith("engine/")
    }
    for name in names:
        text = (STATIC / name).read_text(encoding="utf-8")
        for imported in re.findall(r'^import\b[^;]*from "\./([^"]+)";', text, re.MULTILINE):
            folder = name.rpartition("/")[0]
            assert names.index(f"{folder}/{imported}".lstrip("/")) < names.index(name)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_come_back_from_their_differences(channels):
    """By the definition of the prediction, one value after the other."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (2, 5, 4, channels), "uint8")
    left_out = differences(images).astype(int)
    for image, found in zip(images, left_out, strict=True):
        back = np.zeros(image.shape, int)
        for y, x, channel in np.ndindex(image.shape):
            left = back[y, x - 1, channel] if x else 0
            above = back[y - 1, x, channel] if y else 0
            corner = back[y - 1, x - 1, channel] if x and y else 0
            predicted = sorted((left, above, left + above - corner))[1] if x and y else left + above
            back[y, x, channel] = (found[y, x, channel] + predicted) % 256
        if channels == 3:
            back[..., 0] = (back[..., 0] + back[..., 1]) % 256
            back[..., 2] = (back[..., 2] + back[..., 1]) % 256
        np.testing.assert_array_equal(back, image)


def test_numbers_lie_at_multiples_of_four_bytes_and_weights_once():
    block, weight = Block("float16"), np.ones(3, "float32")
    entries = [block.add(weight), block.add(np.arange(5, dtype="uint8")), block.add(weight), block.add(np.array([0.1]))]
    assert [entry["at"] for entry in entries] == [0, 8, 0, 16]
    assert [entry["dtype"] for entry in entries] == ["float16", "uint8", "float16", "float32"]
    assert len(block.content()) == 20


def test_each_class_comes_in_turn_and_always_the_same():
    labels = np.repeat(np.arange(10), 50)
    order = drawn_by_class(labels)
    np.testing.assert_array_equal(np.sort(labels[order[:10]]), np.arange(10))
    np.testing.assert_array_equal(order, drawn_by_class(labels))
    assert sorted(order) == list(range(500))


@pytest.mark.parametrize("values", [40, 1100])
def test_principal_components_are_the_eigenvectors_of_the_covariance(values):
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(300, values)) * np.r_[10, 7, 5, 3, np.full(values - 4, 0.1)] + rng.normal(size=values)
    mean, components = principal_components(rows, 3)
    expected = np.linalg.eigh(np.cov(rows, rowvar=False))[1][:, ::-1][:, :3]
    np.testing.assert_allclose(mean, rows.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(np.abs((components * expected).sum(axis=0)), 1, atol=1e-4)
