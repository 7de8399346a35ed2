"""The page of nets in a browser, as a reader uses it: by pen, by keys alone, by a screen reader."""

import io
import json
import re
import shutil
import time
import xml.etree.ElementTree as ET

import keras
import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo import data
from cnnzoo.browser.nets import net_of
from cnnzoo.browser.play import play, write
from cnnzoo.models import lenet
from tests import processes
from tests.integration.browser import digits, reference
from tests.tiers import cases

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install -e '.[docs]')")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe (pip install -e '.[docs]')")
PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs Chromium (Debian's package chromium)")

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
PHONE, DESK = {"width": 380, "height": 800}, {"width": 1400, "height": 900}
PATIENCE = 120_000  # milliseconds; the machine may have more to do
# A test reads the clipboard where the page writes it.
CLIPBOARD = "navigator.clipboard.writeText = async text => { window.copied = text }"
STROKE = [(0.38, 0.3), (0.5, 0.22), (0.62, 0.3), (0.52, 0.46), (0.63, 0.62), (0.5, 0.76), (0.37, 0.68)]  # a 3


@pytest.fixture(scope="module")
def source():
    return digits.source()


@pytest.fixture(scope="module")
def pages(tmp_path_factory, source):
    """Return the pages of a classifier, an autoencoder, and two nets beside each other."""
    folder = tmp_path_factory.mktemp("pages")
    names = {
        "lenet5": ["lenet5_mnist"],
        "autoencoder": ["deep_autoencoder_mnist"],
        "two": ["lenet5_mnist", "stacked_denoising_mnist"],
    }
    paths = {name: folder / f"{name}.html" for name in names}
    for name, path in paths.items():
        write([net_of(each) for each in names[name]], path, source=source)
    return paths


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=PROGRAM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """Return a function that opens a page; no page may request anything, or log an error."""
    contexts, requested, errors = [], [], []

    def opened(path, part="", **options):
        context = browser.new_context(**({"viewport": DESK} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.add_init_script(CLIPBOARD)
        page.on("request", lambda request: requested.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type in ("error", "warning") and errors.append(message.text))
        page.goto(path.as_uri() + part)
        at_rest(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [url for url in requested if not url.startswith(("file:", "data:", "blob:"))] == []
    assert errors == []


def at_rest(page):
    """Wait until the page shows the values of its drawing, and has said so to screen readers."""
    until(page, "Boolean(globalThis.cnnzoo?.app?.values?.[cnnzoo.app.shown[0]])")
    page.wait_for_timeout(400)


def until(page, condition):
    """Wait for a condition; Playwright's own function for that is eval, which the page's policy forbids."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(50)


def draw(page, points=STROKE, selector="#board"):
    box = page.locator(selector).bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    at_rest(page)


def board(page):
    shape = page.evaluate("[cnnzoo.app.board.height, cnnzoo.app.board.width, cnnzoo.app.board.channels]")
    return np.array(page.evaluate("[...cnnzoo.app.board.data]"), "uint8").reshape(shape)


def values(page, layer, model=0):
    """Return a layer's values, in the shape that it has in Keras."""
    found = page.evaluate(f"(({{shape, data}}) => [shape, [...data]])(cnnzoo.app.values[{model}].get({layer!r}))")
    return np.array(found[1], "float32").reshape(found[0])


def rounded_lenet():
    model = net_of("lenet5_mnist").model
    reference.round_weights(model)
    return model


def choose(page, layer, row, column, number):
    """Click a value of a layer's map."""
    canvas = page.locator(f"[data-layer='{layer}'] canvas").first
    canvas.scroll_into_view_if_needed()
    view = f"document.querySelector(\"[data-layer='{layer}']\").view.layout"
    width, height, cell, gap, scale, columns = page.evaluate(
        f"(l => [l.width, l.height, l.cell, l.gap, l.scale, l.columns])({view})"
    )
    x = ((number % columns) * (width * cell + gap) + column * cell + cell / 2) * scale
    y = ((number // columns) * (height * cell + gap) + row * cell + cell / 2) * scale
    canvas.click(position={"x": x, "y": y})
    at_rest(page)


# === Drawing and values ===


def test_a_drawing_is_answered_with_the_values_of_keras(visit, pages):
    page = visit(pages["lenet5"])
    page.click("#clear")
    draw(page)
    drawn = board(page)
    assert (drawn > 200).sum() > 20
    outputs = keras.ops.convert_to_numpy(rounded_lenet()(lenet.preprocess_input(drawn[None])))[0]
    np.testing.assert_allclose(values(page, "output"), outputs, rtol=1e-4, atol=1e-3)
    assert page.inner_text(".guess b") == str(outputs.argmax()) == "3"


def test_undo_brings_each_drawing_back(visit, pages):
    page = visit(pages["lenet5"])
    first = board(page)
    page.click("[aria-label='Shift right by a pixel']")
    page.click("[aria-label='Shift down by a pixel']")
    at_rest(page)
    np.testing.assert_array_equal(board(page)[1:, 1:], first[:-1, :-1])
    page.keyboard.press("Control+z")
    page.click("#undo")
    at_rest(page)
    np.testing.assert_array_equal(board(page), first)
    assert page.is_disabled("#undo")


def test_the_eraser_takes_ink_away(visit, pages):
    page = visit(pages["lenet5"])
    before = board(page).astype(int)
    page.click("#eraser")
    draw(page, [(0.1, 0.5), (0.9, 0.5)])
    after = board(page).astype(int)
    assert (after <= before).all()
    assert after[14].max() < 100 < before[14].max()


# === Keys alone, and screen readers ===

REACHABLE = """[...document.querySelectorAll('button, select, input, summary, canvas[tabindex], [tabindex="0"]')]
    .filter(e => !e.disabled && e.checkVisibility({visibilityProperty: true})
        && !e.closest('details:not([open]) > :not(summary)'))"""


def test_every_control_is_reached_by_the_tab_key_and_shows_its_focus(visit, pages):
    page = visit(pages["lenet5"])
    page.evaluate(f"{REACHABLE}.forEach((e, i) => e.dataset.number = i)")
    count = page.evaluate(f"{REACHABLE}.length")
    assert count > 40
    reached = set()
    for _ in range(count + 20):
        page.keyboard.press("Tab")
        number, outline = page.evaluate(
            "(e => [e.dataset.number ?? null, getComputedStyle(e).outlineStyle])(document.activeElement)"
        )
        if number is not None:
            reached.add(int(number))
            assert outline != "none", page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    missing = set(range(count)) - reached
    assert not missing, page.evaluate(f"{sorted(missing)}.map(i => {REACHABLE}[i].outerHTML.slice(0, 90))")


def test_keys_alone_draw_look_inside_and_silence(visit, pages):
    page = visit(pages["lenet5"])
    page.focus("#clear")
    page.keyboard.press("Enter")
    page.focus("#board")
    for key in ["ArrowUp"] * 8 + ["Space"] + ["ArrowDown"] * 17 + ["Space"]:
        page.keyboard.press(key)
    at_rest(page)
    assert page.inner_text(".guess b") == "1"
    page.focus("[data-layer=C1] canvas")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "]"):
        page.keyboard.press(key)
    at_rest(page)
    assert page.inner_text("#inspector-title") == "C1, map 1, row 15, column 16"
    assert page.inner_text("#live").startswith("map 1, row 15, column 16: ")
    page.focus("#silence")
    page.keyboard.press("Space")
    at_rest(page)
    assert np.abs(values(page, "C1")[..., 1]).max() == 0
    page.keyboard.press("Escape")
    assert page.inner_text("#inspector-title") == "Look inside"


def test_every_picture_has_a_text_with_its_layer_its_dimensions_and_its_largest_value(visit, pages):
    page = visit(pages["lenet5"])
    texts = page.eval_on_selector_all(".layer canvas", "all => all.map(e => e.ariaLabel)")
    names = ["C1", "S2", "C3", "S4", "C5", "F6", "output"]
    for name, text in zip(names, texts[1:], strict=True):
        found = values(page, name)
        size = f"{found.shape[-1]} maps of {found.shape[0]} × {found.shape[1]}" if found.ndim == 3 else "units"
        size = "120 units" if name == "C5" else size
        assert text.startswith(f"{name}, ")
        assert size in text
        stated = float(re.search(r"Largest value (\S+) in", text)[1].replace("−", "-"))
        assert stated == pytest.approx(found.max(), rel=0.01, abs=0.01)
    everything = page.eval_on_selector_all(
        "canvas", "all => all.filter(e => !e.ariaLabel && e.ariaHidden !== 'true' && !e.closest('[aria-label]'))"
    )
    assert everything == []
    assert "Test image 0" in page.get_attribute("#board", "aria-label")


@pytest.mark.parametrize("name", ["lenet5", "autoencoder", "two"])
def test_axe_finds_nothing_in_both_themes_and_sizes_and_the_page_is_as_wide_as_the_window(name, visit, pages):
    page = visit(pages[name])
    if name != "autoencoder":
        choose(page, "C3", 4, 4, 1)
        page.click("#silence")
        page.click("#share summary")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            at_rest(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            violations = axe.Axe().run(page).response["violations"]
            assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations] == []


# === The arithmetic ===


def test_the_inspector_has_the_window_the_kernel_and_the_sum_that_keras_has(visit, pages):
    page = visit(pages["lenet5"])
    choose(page, "C1", 10, 12, 4)
    model = rounded_lenet()
    kernel, bias = (keras.ops.convert_to_numpy(each) for each in model.get_layer("C1").weights)
    image = keras.ops.convert_to_numpy(lenet.preprocess_input(board(page)[None]))[0, ..., 0]
    window = image[10:15, 12:17]
    cells = "all => all.map(t => [...t.rows].map(r => [...r.cells].map(c => +c.title.replace('−', '-'))))"
    shown = page.eval_on_selector_all("#inspector .numbers", cells)
    for found, expected in zip(shown, (window, kernel[..., 0, 4], window * kernel[..., 0, 4]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0.06, atol=1e-4)
    total = (window.astype("float64") * kernel[..., 0, 4]).sum() + bias[4]
    lines = page.eval_on_selector_all("#inspector .sums tr", "all => all.map(r => r.cells[1].innerText)")
    found = [float(each.replace("−", "-")) for each in lines]
    np.testing.assert_allclose(found[1:], [bias[4], total, 1.7159 * np.tanh(2 / 3 * total)], atol=2e-5)
    assert "1 + (32 − 5 + 2 · 0) / 1 = 28" in page.inner_text("#inspector .formula")


def test_the_inspector_says_what_c3_reads_and_shows_the_bitmap_of_a_class(visit, pages):
    page = visit(pages["lenet5"])
    choose(page, "C3", 2, 3, 7)
    assert "Map 7 reads 4 of the 6 maps of S2: 1, 2, 3, 4." in page.inner_text("#inspector")
    choose(page, "output", 0, 0, 3)
    bitmap = page.eval_on_selector_all(
        "#inspector .numbers", "all => [...all[1].rows].map(r => [...r.cells].map(c => +c.title.replace('−', '-')))"
    )
    centers = keras.ops.convert_to_numpy(net_of("lenet5_mnist").model.get_layer("output").centers)
    np.testing.assert_array_equal(bitmap, centers[3].reshape(12, 7))


# === Changes ===


def test_silencing_a_map_changes_the_accuracy_as_in_a_keras_model_with_that_map_at_zero(visit, pages, source):
    page = visit(pages["lenet5"])
    choose(page, "C1", 10, 12, 2)
    page.click("#silence")
    until(page, "!document.querySelector('#accuracies').innerText.includes('…')")
    before, after = (float(page.inner_text(f"#accuracies .{name}").split()[0]) for name in ("was", "now"))
    images, labels = (np.array(page.evaluate(f"[...cnnzoo.app.payload.images.{name}]")) for name in ("data", "labels"))
    images = images.reshape(len(labels), 28, 28, 1).astype("uint8")
    assert len({image.tobytes() for image in images} - {image.tobytes() for image in source.test.images}) == 0
    model = rounded_lenet()

    def accuracy():
        outputs = model.predict(lenet.preprocess_input(images), verbose=0)
        return 100 * (outputs.argmax(axis=1) == labels).mean()

    assert before == pytest.approx(accuracy(), abs=0.11)
    kernel, bias = model.get_layer("C1").weights
    keep = np.ones(6, "float32")
    keep[2] = 0
    # tanh(0) = 0: a map is silent where its kernel and its bias are zero.
    kernel.assign(kernel * keep)
    bias.assign(bias * keep)
    assert after == pytest.approx(accuracy(), abs=0.11)
    assert after < before
    page.click("#undo-change")
    at_rest(page)
    assert page.is_hidden("#changes")


def test_an_edited_weight_counts_in_all_layers_and_is_restored(visit, pages):
    page = visit(pages["lenet5"])
    before = values(page, "output")
    choose(page, "C1", 10, 12, 0)
    page.locator("#inspector .numbers button").nth(7).click()
    page.fill("#weight-value", "0.75")
    page.keyboard.press("Enter")
    at_rest(page)
    model = rounded_lenet()
    kernel = keras.ops.convert_to_numpy(model.get_layer("C1").kernel).copy()
    kernel[1, 2, 0, 0] = 0.75
    model.get_layer("C1").kernel.assign(kernel)
    expected = keras.ops.convert_to_numpy(model(lenet.preprocess_input(board(page)[None])))[0]
    np.testing.assert_allclose(values(page, "output"), expected, rtol=1e-4, atol=1e-3)
    page.click("#change-list button")
    at_rest(page)
    np.testing.assert_array_equal(values(page, "output"), before)


# === Comparing ===


def test_two_nets_answer_to_the_same_drawing_also_when_it_is_shifted(visit, pages):
    page = visit(pages["two"])
    first = board(page)
    page.click("#shift-two")
    at_rest(page)
    shifted = board(page)
    np.testing.assert_array_equal(shifted[:, 2:], first[:, :-2])
    for index, name in enumerate(("lenet5_mnist", "stacked_denoising_mnist")):
        net = net_of(name)
        reference.round_weights(net.model)
        inputs = cnnzoo.models.preprocessing(net.family, net.model)(shifted[None])
        expected = keras.ops.convert_to_numpy(net.model(inputs, training=False))[0]
        np.testing.assert_allclose(values(page, "output", index), expected, rtol=1e-3, atol=1e-3)
        assert page.inner_text(f".answer[data-model='{index}'] .guess b") == str(expected.argmax())


def test_every_shift_up_to_four_pixels_is_tried(visit, pages):
    page = visit(pages["lenet5"])
    page.click("#compare summary")
    page.click("#shift-all")
    until(page, "document.querySelector('#shift-tables').innerText.includes('of 81')")
    image = np.pad(board(page), ((4, 4), (4, 4), (0, 0)))
    moved = np.stack([image[4 - down :, 4 - right :][:28, :28] for down in range(-4, 5) for right in range(-4, 5)])
    answers = rounded_lenet().predict(lenet.preprocess_input(moved), verbose=0).argmax(axis=1)
    assert page.inner_text("#shift-tables td >> nth=40") == str(answers[40])
    assert page.locator("#shift-tables td").all_inner_texts() == [str(each) for each in answers]


# === Autoencoders ===


def test_sliders_decode_as_the_decoder_of_keras_does(visit, pages):
    page = visit(pages["autoencoder"])
    for number, value in ((0, 2.0), (7, -1.5), (29, 2.5)):
        page.locator(".slider input").nth(number).fill(str(value))
    at_rest(page)
    code = values(page, "code")
    np.testing.assert_allclose(code[[0, 7, 29]], [2.0, -1.5, 2.5], atol=0.1)
    net = net_of("deep_autoencoder_mnist")
    reference.round_weights(net.model)
    decoded = keras.ops.convert_to_numpy(cnnzoo.decoder(net.model)(code[None]))[0]
    np.testing.assert_allclose(values(page, "reconstruction"), decoded, atol=1e-5)
    page.click("text=Back to the drawing's code")
    at_rest(page)
    own = keras.ops.convert_to_numpy(cnnzoo.encoder(net.model)(board(page)[None] / np.float32(255)))[0]
    np.testing.assert_allclose(values(page, "code"), own, rtol=1e-3, atol=1e-3)


def test_the_errors_under_code_and_principal_components_are_those_of_numpy(visit, pages, source):
    page = visit(pages["autoencoder"])
    image = board(page)[..., 0].reshape(-1) / np.float64(255)
    captions = page.locator(".pictures figcaption").all_inner_texts()
    code, linear = (float(text.split()[-1]) for text in captions if text)
    assert code == pytest.approx(np.square(values(page, "reconstruction").reshape(-1) - image).sum(), abs=0.006)
    rows = source.train.images.reshape(len(source.train), -1) / 255.0
    mean = rows.mean(axis=0)
    components = np.linalg.svd(rows - mean, full_matrices=False)[2][:30]
    rest = image - mean - components.T @ (components @ (image - mean))
    assert linear == pytest.approx(np.square(rest).sum(), rel=0.01, abs=0.01)


def test_the_point_on_the_plane_is_dragged_and_moved_by_keys(visit, pages):
    page = visit(pages["autoencoder"])
    own = values(page, "code")
    page.locator(".plane canvas").scroll_into_view_if_needed()
    draw(page, [(0.3, 0.3), (0.6, 0.5)], ".plane canvas")
    dragged = values(page, "code")
    assert np.abs(dragged - own).max() > 0.1
    place = page.eval_on_selector(".plane .dot", "e => [parseFloat(e.style.left), parseFloat(e.style.top)]")
    np.testing.assert_allclose(place, [60, 50], atol=0.5)
    page.focus(".plane canvas")
    page.keyboard.press("ArrowRight")
    at_rest(page)
    assert np.abs(values(page, "code") - dragged).max() > 0.01
    assert page.inner_text("#live").startswith("Near a test image of class ")


def test_two_drawings_are_interpolated_and_noise_is_measured_against_the_clean_one(visit, pages):
    page = visit(pages["autoencoder"])
    page.click(".keep-a")
    page.click(".thumbnail >> nth=4")
    at_rest(page)
    page.click(".keep-b")
    assert page.locator(".strip > div").count() == 9
    clean = board(page).astype(float) / 255
    page.click(".noise")
    at_rest(page)
    error = float(re.search(r"squared error (\S+) of the noisy", page.inner_text(".lab")).group(1))
    assert error == pytest.approx(np.square(board(page) / 255 - clean).sum(), rel=0.01, abs=0.06)
    assert error > 10


# === Pictures from elsewhere ===


def png(image):
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()


TRANSFER = """([bytes, type, event]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], 'a file', {type}));
    const init = {bubbles: true, cancelable: true};
    document.dispatchEvent(event === 'drop' ? new DragEvent('drop', {...init, dataTransfer: transfer})
        : new ClipboardEvent('paste', {...init, clipboardData: transfer}));
}"""


@pytest.mark.parametrize("way", ["upload", "drop", "paste"])
def test_an_image_comes_by_upload_drop_and_paste(way, visit, pages):
    page = visit(pages["lenet5"])
    image = reference.drawing((28, 28, 1))[..., 0]
    if way == "upload":
        page.set_input_files("#file", {"name": "two.png", "mimeType": "image/png", "buffer": png(image)})
    else:
        page.evaluate(TRANSFER, [list(png(image)), "image/png", way])
    until(page, "document.querySelector('#toast').textContent !== ''")
    at_rest(page)
    np.testing.assert_allclose(board(page)[..., 0], image, atol=1)
    assert "28 × 28 pixels" in page.text_content("#toast")


def test_a_file_that_is_no_image_is_told_and_changes_nothing(visit, pages):
    page = visit(pages["lenet5"])
    before = board(page)
    page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no image"})
    until(page, "document.querySelector('#toast').textContent !== ''")
    assert page.text_content("#toast").startswith("notes.txt is no image that this browser can read.")
    np.testing.assert_array_equal(board(page), before)


# === Hints ===


def hint_for(page, image):
    page.evaluate("bytes => cnnzoo.app.board.data.set(bytes)", image.reshape(-1).tolist())
    # A shift there and back makes the drawing the reader's own.
    page.click("[aria-label='Shift right by a pixel']")
    page.click("[aria-label='Shift left by a pixel']")
    at_rest(page)
    page.wait_for_timeout(300)
    return page.get_attribute("#hint", "data-kind"), page.inner_text("#hint")


def test_unusual_drawings_get_a_hint_and_usual_ones_none(visit, pages):
    page = visit(pages["lenet5"])
    two = reference.drawing((28, 28, 1))
    assert hint_for(page, two)[0] == ""
    assert hint_for(page, two * 0)[0] == "empty"
    kind, text = hint_for(page, 255 - two)
    assert kind == "inverted"
    assert text.startswith("The net was trained on white ink on black")
    page.click("#hint button")
    at_rest(page)
    np.testing.assert_array_equal(board(page)[2:-2, 2:-2], two[2:-2, 2:-2])
    kind, _ = hint_for(page, np.roll(two, (4, 4), (0, 1)))
    assert kind == "shifted"
    page.click("#hint button")
    until(page, "document.querySelector('#hint').dataset.kind === ''")
    thin = np.where((two > 200) & (np.roll(two, 1, 1) <= 200), 140, 0).astype("uint8")
    assert hint_for(page, thin)[0] == "thin"
    thick = np.zeros_like(two)
    thick[6:22, 9:19] = 255
    assert hint_for(page, thick)[0] == "thick"


# === Sharing ===


def test_the_address_restores_drawing_selection_and_changes(visit, pages):
    page = visit(pages["lenet5"])
    page.click("#clear")
    draw(page)
    choose(page, "C3", 5, 6, 9)
    page.click("#silence")
    at_rest(page)
    address = page.evaluate("location.hash")
    again = visit(pages["lenet5"], address)
    at_rest(again)
    np.testing.assert_array_equal(board(again), board(page))
    np.testing.assert_array_equal(values(again, "output"), values(page, "output"))
    assert np.abs(values(again, "C3")[..., 9]).max() == 0
    assert again.inner_text("#inspector-title") == "C3, map 9, row 5, column 6"
    assert again.evaluate("location.hash") == address
    test_image = visit(pages["lenet5"], "#image=17")
    label = test_image.evaluate("cnnzoo.app.payload.images.labels[17]")
    assert f"Test image 17, {label}" in test_image.get_attribute("#board", "aria-label")


@pytest.mark.parametrize(
    "part", ["#image=99999", "#drawing=!!", "#at=5.1.C9", "#changes=[", '#changes=[{"set":1}]', "#nets=7"]
)
def test_an_address_that_does_not_fit_opens_the_page_all_the_same(part, visit, pages):
    page = visit(pages["lenet5"], part)
    assert page.inner_text(".guess b") != "–"


def test_pictures_are_saved_as_png_and_svg_and_print_has_no_tools(visit, pages, tmp_path):
    page = visit(pages["lenet5"], accept_downloads=True)
    saved = {}
    for kind in ("png", "svg"):
        page.click("#share summary")
        with page.expect_download() as download:
            page.click(f"#save-{kind}")
        assert download.value.suggested_filename == f"lenet5.{kind}"
        saved[kind] = tmp_path / f"picture.{kind}"
        download.value.save_as(saved[kind])
    drawn = np.asarray(Image.open(saved["png"]).convert("L"), float)
    assert drawn.shape[0] > 1000
    assert drawn.std() > 20
    root = ET.parse(saved["svg"]).getroot()
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"C1", "S2", "C3", "S4", "C5", "F6", "output"} <= set(texts)
    images = list(root.iter("{http://www.w3.org/2000/svg}image"))
    assert len(images) == 9
    assert all(each.get("href").startswith("data:image/png") for each in images)
    page.emulate_media(media="print")
    assert page.is_hidden("#pen")
    assert page.is_hidden("#share")
    assert page.is_visible("[data-layer=C5] canvas")
    assert len(page.pdf()) > 20_000


@pytest.mark.parametrize("name", cases(["lenet5", "autoencoder"], {"autoencoder"}))
def test_the_copied_python_runs_and_gives_the_same_numbers(name, visit, pages):
    page = visit(pages[name])
    if name == "lenet5":
        choose(page, "C3", 5, 6, 9)
        page.click("#zero-kernel")
        choose(page, "S4", 2, 2, 3)
        page.click("#silence")
        choose(page, "F6", 0, 0, 11)
        expected, outputs = values(page, "F6")[11], values(page, "output")
    else:
        page.locator(".slider input").nth(3).fill("2")
        choose(page, "decoder_1", 0, 0, 5)
        at_rest(page)
        image = board(page) / np.float64(255)
        expected, outputs = values(page, "decoder_1")[5], np.square(values(page, "reconstruction") - image).sum()
    page.click("#share summary")
    page.click("#copy-python")
    until(page, "Boolean(window.copied)")
    ended = processes.run(["-c", page.evaluate("window.copied")])
    assert ended.returncode == 0, ended.stderr
    first, rest = ended.stdout.split("\n", 1)
    assert float(first) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    found = np.array(
        json.loads(
            "[" + re.sub(r"(?<=\d|\.)\s+(?=[-\d])", ",", rest.strip().strip("[]").strip()) + "]".replace("\n", "")
        )
    )
    np.testing.assert_allclose(found, np.ravel(outputs), rtol=1e-4, atol=1e-3)


def test_a_page_without_data_says_what_is_missing_and_works(visit, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "is_at_hand", lambda name: False)
    page = visit(play("lenet5_mnist", to=tmp_path / "play.html"))
    assert "There are no test images" in page.inner_text("#missing")
    assert page.is_hidden("#test-images")
    draw(page)
    assert page.inner_text(".guess b") == "3"
    choose(page, "C1", 10, 12, 2)
    page.click("#silence")
    at_rest(page)
    assert "needs test images" in page.inner_text("#changes")
