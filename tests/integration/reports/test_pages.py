"""Pages show the results of runs, load nothing else, and raise errors with a message."""

import base64
import html.parser
import re

import numpy as np
import pytest
from PIL import Image, ImageOps

import cnnzoo
from cnnzoo import plots, report
from cnnzoo.reports.comparison import names
from cnnzoo.reports.page import png, svg, write_page
from cnnzoo.reports.run_data import spread
from cnnzoo.reports.sections import PagePicture, Section, Table
from cnnzoo.training.train import validate
from tests import reference


class Parsed(html.parser.HTMLParser):
    """A page's elements, texts and pictures, as another program reads them."""

    def __init__(self, path):
        super().__init__()
        self.images, self.links, self.texts, self.open, self.cells = [], [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "img":
            self.images.append(attributes)
        self.links += [value for key, value in attributes.items() if key in ("src", "href", "srcset", "data", "action")]
        if tag not in ("img", "meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1] == "td":
            self.cells.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def pictures_of(page):
    return {path.name for path in (page.parent / "pictures").iterdir()}


@pytest.mark.parametrize("kind", ["classifier", "autoencoder"])
def test_a_page_is_one_file_and_its_pictures_are_files_too(kind, pages, request):
    run, page = request.getfixturevalue(kind), pages[kind]
    assert page == run.folder / "report.html"
    parsed = Parsed(page)
    assert parsed.open == []
    assert all(link.startswith(("data:", "#section-")) for link in parsed.links if link != "play.html")
    assert "play.html" in parsed.links
    assert f'"title":"{run.metrics["model"]} on ' in (page.parent / "play.html").read_text(encoding="utf-8")
    assert all(len(image["alt"]) > 20 and image["alt"].endswith(".") for image in parsed.images)
    assert "Not drawn" not in parsed.text
    vectors = {name for name in pictures_of(page) if name.endswith(".svg")}
    assert len(vectors) == len(parsed.images) >= 7
    assert pictures_of(page) == vectors | {name.replace(".svg", ".png") for name in vectors}
    for image in parsed.images:
        vector = base64.b64decode(image["src"].partition(",")[2]).decode()
        assert vector.startswith("<svg")
        # The only addresses in it are names of name spaces, which nobody fetches.
        addresses = set(re.findall(r"https?://[^\s\"'<>)]+", vector))
        assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
        assert "#000000" not in vector
    for name in pictures_of(page):
        if name.endswith(".png"):
            Image.open(page.parent / "pictures" / name).verify()
    assert not list(run.folder.rglob(".part-*"))


def test_a_classifiers_page_shows_its_metrics(classifier, pages):
    page, metrics = Parsed(pages["classifier"]), classifier.metrics
    words = r"Accuracy ([\d.]+) % \(95 % interval ([\d.]+) to ([\d.]+) %\) on ([\d,]+) test images, n=1\."
    found = re.search(words, page.text)
    accuracy, low, high, examples = (float(number.replace(",", "")) for number in found.groups())
    assert accuracy == pytest.approx(100 * metrics["test"]["accuracy"], abs=0.005)
    assert examples == metrics["test_examples"]
    for end in (low, high):  # it lies 1.96 of its own standard deviations from the accuracy
        assert abs(accuracy - end) == pytest.approx(1.96 * (end * (100 - end) / examples) ** 0.5, abs=0.02)
    # The confusion matrix and the table are of the same predictions as the accuracy.
    source = cnnzoo.data.load("digits")
    test = source.test[: metrics["test_examples"]]
    net = classifier.model()
    outputs = net.predict(cnnzoo.models.lenet.preprocess_input(test.images, (32, 32, 1)), verbose=0).astype("float64")
    predicted = outputs.argmax(axis=-1)
    wrong = int((predicted != test.labels).sum())
    assert wrong == round(len(test) * (1 - metrics["test"]["accuracy"]))
    assert not any("deconvnet" in image["alt"] for image in page.images)  # it cannot go back through a tanh
    [matrix] = [image for image in page.images if image["alt"].startswith("Confusion matrix")]
    assert matrix["alt"].startswith(
        f"Confusion matrix of 10 classes: {wrong} of {len(test)} images are misclassified, "
    )
    probabilities = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)  # LeNet-5 returns negated penalties
    error = 100 * reference.expected_calibration_error(test.labels, probabilities, 15)
    [diagram] = [image["alt"] for image in page.images if image["alt"].startswith("Reliability diagram")]
    assert float(re.search(r"expected calibration error ([\d.]+) %", diagram)[1]) == pytest.approx(error, abs=0.006)
    highest = probabilities.max(axis=1)
    odds = np.log(highest / (1 - highest))[predicted != test.labels].max()
    [misclassified] = [image["alt"] for image in page.images if image["alt"].startswith(f"The {min(wrong, 24)} miscl")]
    shown = float(re.search(r"log-odds (−?[\d.]+)", misclassified)[1].replace("−", "-"))
    assert shown == pytest.approx(odds, abs=0.06)
    recall = (predicted[test.labels == 3] == 3).mean()
    row = page.cells[page.cells.index("3") : page.cells.index("3") + 5]
    assert float(row[2]) == pytest.approx(recall, abs=5e-5)
    assert "affine" in page.cells  # the recipe's augmentation
    assert classifier.content["versions"]["keras"] in page.cells
    assert "151,600" in page.cells  # connections of C3


def test_an_autoencoders_page_compares_its_code_with_principal_components(autoencoder, pages):
    page = Parsed(pages["autoencoder"])
    metrics = autoencoder.metrics
    assert f"Squared error per image {metrics['test']['squared_error']:.3f} on" in page.text
    assert f"with 6 principal components {metrics['principal_components']['squared_error']:.3f}" in page.text
    alternatives = " ".join(image["alt"] for image in page.images)
    for words in (
        "Loss of each pretrained layer",
        "6 numbers",
        "with noise (Gaussian noise",
        "Scatter plots of codes",
        "filters of encoder_1",
    ):
        assert words in alternatives
    assert f"deep_autoencoder_digits {metrics['test']['squared_error']:.2f} with 6 numbers" in alternatives


def test_names_that_look_like_markup_are_escaped(tmp_path):
    name = "<img src=x onerror=alert(1)>&amp;"
    picture = plots.variants([{"variant": name, "unit": name, "errors": [1.0], "mean": 1.0}])
    parts = [name, Table((name,), [(name,)], name), PagePicture("variants", picture, name)]
    page = write_page(tmp_path, name, [name], [Section(name, parts)])
    assert "<img src=x" not in page.read_text()
    parsed = Parsed(page)
    assert parsed.text.count(name) == 10
    assert name in parsed.images[0]["alt"]
    assert name not in (tmp_path / "pictures" / "variants.svg").read_text()


def test_a_page_compares_several_runs(classifier, autoencoder, tmp_path):
    other = cnnzoo.train(
        cnnzoo.load_recipe("lenet5_digits").smoke(), workdir=tmp_path / "other", seed=1, epochs=1, verbose=0
    )
    page = Parsed(report([classifier, other.folder, str(autoencoder.folder)], to=tmp_path / "page"))
    assert "Runs compared" in page.text
    assert {"seed", "epochs", "model"} <= set(page.cells)
    wrong = []
    for run in (classifier, other):
        test = cnnzoo.data.load("digits").test[: run.metrics["test_examples"]]
        images = cnnzoo.models.lenet.preprocess_input(test.images, (32, 32, 1))
        wrong.append(run.model().predict(images, verbose=0).argmax(axis=-1) != test.labels)
    both = int((wrong[0] & wrong[1]).sum())
    assert f"{both} images are misclassified by every run" in page.text
    row = [str(int(wrong[0].sum())), str(int((wrong[0] & ~wrong[1]).sum()))]
    indices = [number for number, cell in enumerate(page.cells) if cell.endswith("lenet5_digits/1")]
    assert row in [page.cells[number + 1 : number + 3] for number in indices]
    assert "Not drawn" not in page.text


@pytest.mark.slow
def test_runs_on_other_images_are_not_compared_image_by_image(tmp_path, train, photo_folder):
    other = tmp_path / "other"
    for path in photo_folder.rglob("*.jpg"):
        copy = other / path.relative_to(photo_folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            ImageOps.mirror(image.convert("RGB")).save(copy)
    recipe = cnnzoo.Recipe(data="", model="all_cnn_c", epochs=1, learning_rate=1e-3, image_size=(16, 16), batch_size=16)
    runs = [
        train(recipe.replace(data=str(folder)), workdir=tmp_path / name, verbose=0)
        for name, folder in (("a", photo_folder), ("b", other))
    ]
    page = Parsed(report(runs, to=tmp_path / "page"))
    assert "misclassified by every run" not in page.text
    assert "which a model cannot learn" not in page.text


def test_a_study_has_a_page_of_its_variants(study):
    page = Parsed(report(study.folder))
    best = min(study.rows, key=lambda row: row["mean"])
    assert f"Lowest mean test error (%): {best['mean']:.3f}, {best['variant']}, n=2." in page.text
    for row in study.rows:
        assert f"{row['deviation']:.3f}" in page.cells
        assert ", ".join(f"{error:.3f}" for error in row["errors"]) in page.cells
    assert "pretraining={'epochs': 1, 'train_examples': 64}" in page.cells
    assert any("pretrained layer" in image["alt"] for image in page.images)
    assert "Not drawn" not in page.text


def test_a_net_with_relu_has_a_picture_of_the_deconvnet_and_filters_of_photographs_are_in_color(photo_folder, tmp_path):
    values = {"model": "cuda_convnet", "epochs": 1, "learning_rate": 1e-3, "batch_size": 16, "stream": True}
    recipe = cnnzoo.Recipe(data=str(photo_folder), image_size=(32, 32), **values)
    run = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0)
    page = Parsed(report(run))
    assert "Not drawn" not in page.text
    assert "On all 12 test images" in page.text
    pixels = np.asarray(Image.open(run.folder / "pictures" / "filters.png").convert("RGB"), int)
    assert np.ptp(pixels, axis=-1).max() > 20
    [shown] = [image["alt"] for image in page.images if "deconvnet" in image["alt"]]
    assert shown.startswith("For 4 units of conv3, with receptive fields of 32×32 pixels: the 9 patches")
    assert "among 12 test images" in page.text


def test_a_study_or_a_trial_among_runs_raises_an_error(classifier, study, tmp_path):
    trial = validate(cnnzoo.load_recipe("lenet5_digits").smoke(), workdir=tmp_path, verbose=0)
    for other, words in ((study.folder, "holds a study"), (trial, "holds a trial, which has no test metrics")):
        with pytest.raises(cnnzoo.InputError, match=words):
            report([classifier, other])


def test_images_of_large_sets_are_evenly_spread():
    digits = cnnzoo.data.load("digits").test
    part = spread(digits, 100)
    assert (part.labels == digits.labels[::4]).all()
    assert len(spread(digits, 360)) == 360


def test_a_picture_that_cannot_be_drawn_is_replaced_by_a_sentence(tmp_path):
    recipe = cnnzoo.Recipe(
        model="autoencoder", data="digits", epochs=1, learning_rate=1e-3, batch_size=64,
        train_examples=64, test_examples=64, model_options={"input_shape": (8, 8, 1), "units": (9,), "code": 1},
    )  # fmt: skip
    page = Parsed(report(cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0)))
    assert "Not drawn (codes_on_a_plane): a code of one number lies on a line." in page.text
    assert len(page.images) >= 5


def test_the_same_picture_gives_the_same_file():
    history = {"loss": [2.0, 1.0], "accuracy": [0.5, 0.7]}
    one, other = (plots.learning_curves(history) for _ in range(2))
    assert svg(one) == svg(other)
    assert png(one) == png(other)


def test_bad_input_raises_an_error(classifier, tmp_path):
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    for runs, words in (
        ([], "`runs` must be at least one run. Received: []"),
        (tmp_path / "nothing", "holds no finished run: there is no recipe.json"),
        ([classifier, classifier.folder], "each run must be given once"),
        (unfinished, "holds no finished run"),
        (None, "`runs` must be a cnnzoo.Run or its folder, or a list of them. Received: None"),
        ([classifier, classifier.folder / ".." / classifier.folder.name], "each run must be given once"),
    ):
        with pytest.raises(cnnzoo.InputError) as caught:
            report(runs)
        assert words in str(caught.value)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(cnnzoo.InputError, match="cannot write to the folder"):
        report(classifier, to=blocked)


def test_runs_are_named_by_the_shortest_paths_that_differ():
    runs = [cnnzoo.Run(f"runs/{name}") for name in ("a/x/1", "b/x/1")]
    assert list(names(runs)) == ["a/x/1", "b/x/1"]
    assert np.array_equal([run.folder for run in names(runs).values()], [run.folder for run in runs])
