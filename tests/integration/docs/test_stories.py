"""The commands of README.md and docs/*.md that are run, at a small size, each with a look at its result.

`STORIES` is the table: each story has a folder of its own, in which its commands are typed in their order.
test_commands.py holds that no command of a document is missing.
"""

import base64
import dataclasses
import json
import re
import shlex
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.models.alexnet_owt import PRETRAINED, preprocess_input
from tests.integration.docs.blocks import agrees, other_blocks, python_blocks
from tests.integration.docs.photographs import CLASSES, write_photographs
from tests.integration.docs.results import lenet_input, png, predictions_of, signature, softmax, source
from tests.integration.docs.terminal import Command, Terminal
from tests.processes import ROOT
from tests.tiers import cases


@pytest.fixture
def terminal(tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    made = Terminal(request)
    with made.servers:
        yield made


# === Nets ===


def lists_what_there_is(here):
    models, recipes, weights = re.fullmatch(
        r"models\n(.*)recipes\n(.*)trained weights\n(.*)", here.printed, re.DOTALL
    ).groups()
    assert models.split() == cnnzoo.list_models()
    files = {path.stem: path.read_text("utf-8") for path in (ROOT / "recipes").glob("*.py")}
    listed = dict(line.split(maxsplit=1) for line in recipes.splitlines())
    assert listed.keys() == files.keys()
    assert all(re.match(rf'r?"""{re.escape(title)}\n', files[name]) for name, title in listed.items())
    folders = {card.parents[2].name for card in (ROOT / "saved_models").glob("*/1/assets.extra/card.json")}
    assert {line.rpartition("; by ")[2] for line in weights.splitlines()} == folders


def gives_the_arithmetic_of_400_pixels(here):
    side = lambda pixels, window, stride: 1 + (pixels - window) // stride  # noqa: E731 (the formula)
    conv1 = side(400, 11, 4)
    pool5 = side(side(side(conv1, 3, 2), 3, 2), 3, 2)
    convolutions = 34_944 + 307_456 + 885_120 + 663_936 + 442_624  # of the paper's two columns
    dense = (pool5 * pool5 * 256 + 1) * 4096 + 4097 * 4096 + 4097 * 1000
    assert f"{conv1}×{conv1}×96" in here.printed
    assert f"{convolutions + dense:,} trained" in here.printed


def gives_the_layers_of_lenet5(here):
    for name in ("C1", "S2", "C3", "S4", "C5", "F6", "output"):
        assert re.search(rf"^{name} ", here.printed, re.MULTILINE)
    assert "60,000 trained" in here.printed


def gives_a_table_for_five_classes(here):
    output = next(line for line in here.printed.splitlines() if line.startswith("| output "))
    assert "| 5 |" in output


def gives_the_parameters_as_json(here):
    assert (
        json.loads(here.printed)["totals"]["trained_parameters"]
        == cnnzoo.Run("runs/lenet5_mnist/1").metrics["parameters"]
    )


# === Runs of LeNet-5 ===


def is_trained(here):
    """Check the accuracy printed against that of the model that was saved, by NumPy."""
    folder = re.search(r"^run folder (\S+)$", here.printed, re.MULTILINE)[1]
    predicted, labels = predictions_of(folder)
    accuracy = np.mean(predicted.argmax(axis=-1) == labels)
    run = cnnzoo.Run(folder)
    assert run.metrics["test"]["accuracy"] == pytest.approx(accuracy)
    assert printed_accuracy(here) == pytest.approx(100 * accuracy, abs=0.006)
    assert len(run.history_rows) == run.recipe.epochs
    return run


def printed_accuracy(here):
    return float(re.search(r"^test accuracy ([\d.]+) %", here.printed, re.MULTILINE)[1])


def reads_digits(here):
    """Check that it learns, has its page, and prints what README.md shows, but for times."""
    assert is_trained(here).metrics["test"]["accuracy"] >= 0.97
    has_a_page(here)
    shows_what_is_printed(here, "run folder", accuracy=0.01)


def names_the_digit_of_the_readme(here):
    shows_what_is_printed(here, "docs/digit.png")


def shows_what_is_printed(here, words, accuracy=0.0):
    """Check a block of README.md with these words against what was printed, line by line; seconds are other ones."""
    [block] = [block for block in other_blocks("README.md") if words in block.text]
    shown = block.text.splitlines()
    printed = [line for line in here.printed.splitlines() if not line.startswith("epoch ")]  # where it takes minutes
    assert len(shown) == len(printed)
    for line, other in zip(shown, printed, strict=True):
        if "images/s" in line:
            line, other = (
                re.sub(r"[\d.,]+ s, [\d,]+ images/s|[\d.]+ to [\d.]+ %", "…", each) for each in (line, other)
            )
        assert agrees(line, other, accuracy)


def has_the_image_of_the_readme(here):
    has_the_shipped_models(here)
    Path("docs").symlink_to(ROOT / "docs")


def has_a_page(here):
    run = is_trained(here)
    page = run.folder / "report.html"
    assert here.printed.splitlines()[-1] == f"report {page}"
    shows(page, f"{printed_accuracy(here):.2f} %")


def shows(page, *words):
    """Check that a page loads nothing, has its pictures and some words, and no picture that could not be drawn."""
    text = page.read_text("utf-8")
    sources = re.findall(r'<img[^>]*\ssrc="([^"]{5})', text)
    assert sources
    assert set(sources) == {"data:"}
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    assert "Not drawn" not in text
    for word in words:
        assert word in text
    vectors = {path.stem for path in (page.parent / "pictures").glob("*.svg")}
    assert len(vectors) == len(sources)
    assert {path.stem for path in (page.parent / "pictures").glob("*.png")} == vectors


def is_distorted_at_seed_1(here):
    recipe = is_trained(here).recipe
    assert (recipe.augment, recipe.seed) == ("affine", 1)


def loses_its_end(here):
    """Leave what a process leaves that is killed after its last epoch."""
    run = latest("lenet5_mnist")
    here.kept = predictions_of(run.folder)[0]
    run.metrics_file.unlink()
    run.model_file.unlink()


def has_its_end_again(here):
    run = is_trained(here)
    assert run.folder == latest("lenet5_mnist").folder
    np.testing.assert_array_equal(predictions_of(run.folder)[0], here.kept)


def latest(name):
    return cnnzoo.Run(max(Path("runs", name).iterdir(), key=lambda path: int(path.name)))


def prints_each_epoch(here):
    run = is_trained(here)
    lines = re.findall(r"^epoch (\d+)/2  .*\bloss (\S+)", here.printed, re.MULTILINE)
    assert [int(epoch) for epoch, _ in lines] == [1, 2]
    assert [float(loss) for _, loss in lines] == pytest.approx([row["loss"] for row in run.history_rows], rel=1e-2)


def is_evaluated(here):
    predicted, labels = predictions_of("runs/lenet5_mnist/1")
    assert printed_accuracy(here) == pytest.approx(100 * np.mean(predicted.argmax(axis=-1) == labels), abs=0.006)


def loses_its_page(here):
    Path("runs/lenet5_mnist/1/report.html").unlink()
    shutil.rmtree("runs/lenet5_mnist/1/pictures")


def has_its_page_again(here):
    assert here.printed == "runs/lenet5_mnist/1/report.html\n"
    accuracy = cnnzoo.Run("runs/lenet5_mnist/1").metrics["test"]["accuracy"]
    shows(Path(here.printed.strip()), f"{100 * accuracy:.2f} %")


def has_nets_in_a_page(*titles, file="play.html", dtype="float16"):
    """Return a check of the page that `cnnzoo play` has written."""

    def check(here):
        assert here.printed == f"{file}\n"
        page = Path(file).read_text(encoding="utf-8")
        payload = json.loads(page.partition('id="payload">')[2].partition("</script>")[0])
        assert [(net["title"], net["dtype"]) for net in payload["models"]] == [(title, dtype) for title in titles]

    return check


def compares_two_runs(here):
    page = Path(here.printed.strip())
    assert page.parent.name in ("report", "comparison")
    wrong = []
    for number in (1, 2):
        predicted, labels = predictions_of(f"runs/lenet5_mnist/{number}")
        wrong.append(predicted.argmax(axis=-1) != labels)
    shows(page, f"{(wrong[0] & wrong[1]).sum()} images are misclassified by every run", "augment")


def has_a_study(here):
    study = cnnzoo.load_recipe("pretraining_study_mnist").smoke()
    few = ("3-layers-1-per-cent-pretrained", "1-layers-100-per-cent-random")  # of eighteen
    study = dataclasses.replace(study, variants={name: study.variants[name] for name in few})
    here.kept = cnnzoo.run_study(study, workdir="runs/pretraining_study_mnist/1", verbose=0)


def compares_variants(here):
    rows = here.kept.rows
    assert len(rows) == 2
    shows(Path(here.printed.strip()), *[row["variant"] for row in rows], *[f"{row['mean']:.3f}" for row in rows])


# === Exports and servers ===


def is_exported(here):
    assert here.printed.splitlines()[-1] == "exported/lenet5/1"
    images = source("mnist").test.images[:50]
    model = cnnzoo.Run("runs/lenet5_mnist/1").model()
    expected = softmax(model.predict(lenet_input(images), verbose=0))
    served = signature("exported/lenet5/1")(np.float32(images))["probabilities"]
    np.testing.assert_allclose(served, expected, atol=1e-5)
    here.kept = expected


def answers(here):
    """Check the server's response to files with what the model predicts for their pixels."""
    instances = [{"b64": base64.b64encode(png(image)).decode()} for image in source("mnist").test.images[:50]]
    body = {"signature_name": "serve_bytes", "instances": [{"image_bytes": each} for each in instances]}
    status, answer = here.server.post("/v1/models/lenet5:predict", body)
    assert status == 200
    np.testing.assert_allclose([each["probabilities"] for each in answer["predictions"]], here.kept, atol=1e-5)


def has_a_digit(here):
    Path("digit.png").write_bytes(png(source("mnist").test.images[0]))


def has_a_folder_of_digits(here):
    Path("digits").mkdir()
    for number, image in enumerate(source("mnist").test.images[:20]):
        Path("digits", f"{number:02}.png").write_bytes(png(image))


def probabilities_of_the_run(count):
    model = cnnzoo.Run("runs/lenet5_mnist/1").model()
    return softmax(model.predict(lenet_input(source("mnist").test.images[:count]), verbose=0))


def predicts_as_it_was_trained(here):
    file, *classes = re.split(r": |  |\n", here.printed)
    expected = probabilities_of_the_run(1)[0]
    assert file == "digit.png"
    for each in filter(None, classes):
        digit, percent = each.split()
        assert float(percent.rstrip("%")) == pytest.approx(100 * expected[int(digit)], abs=0.006)
    assert int(classes[0].split()[0]) == expected.argmax()


def predicts_a_folder(here):
    found = [json.loads(line) for line in here.printed.splitlines()]
    assert [each["file"] for each in found] == [f"digits/{number:02}.png" for number in range(20)]
    assert [int(each["class"]) for each in found] == probabilities_of_the_run(20).argmax(axis=-1).tolist()


def answers_with_the_digit(here):
    [predicted] = json.loads(here.printed)["predictions"]
    assert int(predicted["class_name"]) == here.kept[0].argmax()
    np.testing.assert_allclose(predicted["probabilities"], here.kept[0], atol=1e-5)


def prints_the_digit(here):
    file, digit, percent = re.fullmatch(r"(\S+): (\d) \(([\d.]+)%\)\n", here.printed).groups()
    assert (file, int(digit)) == ("digit.png", here.kept[0].argmax())
    assert float(percent) == pytest.approx(100 * here.kept[0].max(), abs=0.06)


def has_the_shipped_models(here):
    Path("saved_models").symlink_to(ROOT / "saved_models")


def answers_for_all_shipped_models(here):
    for name in (entry.folder.parent.name for entry in cnnzoo.weights.list()):
        assert here.server.get(f"/v2/models/{name}/ready")[0] == 200
    test = source("mnist").test[:200]
    body = {"instances": test.images.tolist()}
    _, answer = here.server.post("/v1/models/lenet5_mnist:predict", body)
    predicted = [int(each["class_name"]) for each in answer["predictions"]]
    expected = cnnzoo.lenet5(weights="mnist").predict(lenet_input(test.images), verbose=0).argmax(axis=-1)
    assert predicted == expected.tolist()
    assert np.mean(expected == test.labels) >= 0.97


def is_exported_in_four_formats(here):
    from ai_edge_litert.interpreter import Interpreter
    from onnxruntime import InferenceSession

    version = Path(here.printed.splitlines()[-1])
    test = source("digits").test
    images = np.float32(test.images)
    expected = softmax(cnnzoo.Run("runs/lenet5_digits/1").model().predict(lenet_input(test.images), verbose=0))
    np.testing.assert_allclose(signature(version)(images)["probabilities"], expected, atol=1e-5)
    [onnx] = InferenceSession(version / "model.onnx", providers=["CPUExecutionProvider"]).run(None, {"images": images})
    np.testing.assert_allclose(onnx, expected, atol=1e-4)
    for name, tolerance in (("model.tflite", 1e-5), ("model.int8.tflite", 1)):
        predict = Interpreter(str(version / name)).get_signature_runner("serving_default")
        predicted = predict(images=images)["probabilities"]
        np.testing.assert_allclose(predicted, expected, atol=tolerance)
        assert np.mean(predicted.argmax(axis=-1) == expected.argmax(axis=-1)) >= 0.97


def is_exported_as_onnx_alone(here):
    version = Path(here.printed.splitlines()[-1])
    assert (version / "model.onnx").is_file()
    assert not (version / "saved_model.pb").exists()


def has_a_model_without_activation(here):
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    here.kept = keras.Sequential(layers)
    here.kept.save("model.keras")


def is_exported_as_logits(here):
    images = np.float32(source("digits").test.images[:20]) / 255
    served = signature("exported/model/1")(images)["probabilities"]
    np.testing.assert_allclose(served, softmax(here.kept.predict(images, verbose=0)), atol=1e-5)


# === Search ===


def finds_the_best(here, trials=1):
    folder = Path("runs/tune/lenet5_digits/1")
    rows = json.loads((folder / "leaderboard.json").read_text())["trials"]
    scores = [row["score"] for row in rows]
    assert sorted(int(row["trial"]) for row in rows) == [*range(trials)]
    assert scores == sorted(scores, reverse=True)
    assert all(1e-3 <= row["overrides"]["learning_rate"] <= 3e-2 for row in rows)
    best = rows[0]["overrides"]
    assert best.items() <= json.loads((folder / "overrides.json").read_text()).items()
    here.kept = {path: path.read_text() for path in folder.glob("trials/*/result.json")}


def has_lost_nothing(here, trials=1):
    before = here.kept
    finds_the_best(here, trials)
    assert before.items() <= here.kept.items()


def has_a_second_trial(here):
    has_lost_nothing(here, trials=2)


def has_the_best_values(here):
    recipe = is_trained(here).recipe
    overrides = json.loads(Path("runs/tune/lenet5_digits/1/overrides.json").read_text(encoding="utf-8"))
    assert recipe.learning_rate == overrides["learning_rate"]
    assert recipe.optimizer_options["weight_decay"] == overrides["optimizer_options.weight_decay"]


# === Photographs ===

SIDE = 63  # the smallest that AlexNet takes


def have_photographs(here):
    write_photographs(Path("photos"), {"train": 24, "test": 9}, size=100)


def is_trained_on_photographs(here):
    run, predicted, labels = photographs_predicted()
    assert len(run.history_rows) == 1 + 2  # with frozen features, and then without
    assert run.class_names == [*CLASSES]
    accuracy = np.mean(predicted.argmax(axis=-1) == labels)
    assert run.metrics["test"]["accuracy"] == pytest.approx(accuracy)
    assert printed_accuracy(here) == pytest.approx(100 * accuracy, abs=0.006)


def photographs_predicted():
    run = latest("alexnet_photos")
    test = cnnzoo.data.load("photos", image_size=(72, 72)).test
    return run, run.model().predict(preprocess_input(test.images, (SIDE, SIDE, 3)), verbose=0), test.labels


def have_published_weights(here):
    """Write the layers of an AlexNet in torchvision's layout."""
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    have_photographs(here)
    net = cnnzoo.alexnet_owt(input_shape=(SIDE, SIDE, 3), classes=1000, compile=False)
    state = {}
    for own, name in PRETRAINED.layers.items():
        kernel, bias = net.get_layer(own).get_weights()
        state |= {f"{name}.weight": torch.tensor(np.moveaxis(kernel, (-1, -2), (0, 1)).copy())}
        state |= {f"{name}.bias": torch.tensor(bias)}
    torch.save(state, "alexnet-owt-7be5be79.pth")
    here.kept = net.get_layer("conv1").get_weights()[0]


def is_trained_from_those_weights(here):
    is_trained_on_photographs(here)
    kernel = latest("alexnet_photos").model().get_layer("conv1").get_weights()[0]
    assert np.corrcoef(kernel.ravel(), here.kept.ravel())[0, 1] >= 0.99


def names_photographs(here):
    _, expected, _ = photographs_predicted()
    files = [path.read_bytes() for name in CLASSES for path in sorted(Path("photos/test", name).iterdir())]
    served = signature("exported/photos/1", "serve_bytes")(files)
    assert {name.decode() for name in served["class_name"]} <= {*CLASSES}
    for probabilities in served["probabilities"]:  # a folder has its own order
        assert np.abs(expected - probabilities).max(axis=-1).min() <= 1e-4


# === Several devices ===


def uses_two(here):
    assert is_trained(here).content["replicas"] == 2
    assert "cut into 16 each" in here.printed


# === Callbacks ===


def has_the_file_of_the_document(here):
    [block] = python_blocks("docs/how_to/command_line.md")
    Path("stopping.py").write_text(block.text, "utf-8")


def stops_early(here):
    run = latest("lenet5_digits")
    assert (run.recipe.epochs, run.metrics["epochs"]) == (9, 3)  # where nothing is learned, the first is the best


# === The table ===

SMALL = "--smoke --no-report"
ALEXNET = f"{SMALL} --set model_options.input_shape={SIDE},{SIDE},3 --set image_size=72,72"
FORMATS = "--format saved_model --format onnx --format litert --format litert_int8"

CURL = "| curl -d @- http://127.0.0.1:8080/v1/models/lenet5:predict"

STORIES = {
    "nets": {
        "cnnzoo list": Command(lists_what_there_is),
        "cnnzoo info lenet5": Command(gives_the_layers_of_lenet5),
        "cnnzoo info lenet5 --set classes=5 --markdown": Command(gives_a_table_for_five_classes),
        "cnnzoo info alexnet --input 400x400x3": Command(gives_the_arithmetic_of_400_pixels, alone=True),
    },
    "digits": {
        "cnnzoo train lenet5_digits": Command(reads_digits),
        "cnnzoo predict saved_models/lenet5_mnist docs/digit.png": Command(
            names_the_digit_of_the_readme, before=has_the_image_of_the_readme
        ),
        f"cnnzoo export RUN --to FOLDER {FORMATS}": Command(is_exported_in_four_formats),
        "cnnzoo export model.keras --to exported/model --output logits": Command(
            is_exported_as_logits, before=has_a_model_without_activation
        ),
    },
    "search": {
        "cnnzoo tune lenet5_digits --trials 8": Command(finds_the_best, "--smoke --trials 1 --seeds 0"),
        "cnnzoo tune lenet5_digits --resume": Command(has_lost_nothing, "--seeds 0"),
        "cnnzoo tune lenet5_digits --resume --trials 12": Command(has_a_second_trial, "--trials 2 --seeds 0"),
        "cnnzoo train lenet5_digits --overrides runs/tune/lenet5_digits/1/overrides.json": Command(
            has_the_best_values, SMALL
        ),
    },
    "mnist": {
        "cnnzoo train lenet5_mnist": Command(has_a_page, "--smoke"),
        "cnnzoo train lenet5_mnist --set augment=affine --epochs 60 --seed 1": Command(
            is_distorted_at_seed_1, f"{SMALL} --epochs 2"
        ),
        "cnnzoo train lenet5_mnist --resume": Command(has_its_end_again, "--no-report", before=loses_its_end),
        "cnnzoo train lenet5_mnist --verbose 2": Command(prints_each_epoch, SMALL),
        "cnnzoo evaluate runs/lenet5_mnist/1": Command(is_evaluated),
        "cnnzoo predict runs/lenet5_mnist/1 digit.png": Command(predicts_as_it_was_trained, before=has_a_digit),
        "cnnzoo report runs/lenet5_mnist/1": Command(has_its_page_again, before=loses_its_page),
        "cnnzoo play": Command(has_nets_in_a_page("lenet5 on mnist")),
        "cnnzoo play runs/lenet5_mnist/1": Command(
            has_nets_in_a_page("lenet5 on mnist", file="runs/lenet5_mnist/1/play.html")
        ),
        "cnnzoo play lenet5_mnist mlp --to comparison.html": Command(
            has_nets_in_a_page("lenet5 on mnist", "mlp, untrained", file="comparison.html")
        ),
        "cnnzoo play deep_autoencoder_mnist --dtype float32": Command(
            has_nets_in_a_page("deep_autoencoder on mnist", dtype="float32")
        ),
        "cnnzoo report runs/lenet5_mnist/1 runs/lenet5_mnist/2": Command(compares_two_runs),
        "cnnzoo report runs/lenet5_mnist/1 runs/lenet5_mnist/2 --to comparison": Command(compares_two_runs),
        "cnnzoo report runs/pretraining_study_mnist/1": Command(compares_variants, before=has_a_study),
        "cnnzoo export runs/lenet5_mnist/1 --to exported/lenet5": Command(is_exported),
        "cnnzoo predict exported/lenet5 digit.png --top 3": Command(predicts_as_it_was_trained),
        "cnnzoo predict exported/lenet5 digits --json": Command(predicts_a_folder, before=has_a_folder_of_digits),
        "cnnzoo serve exported": Command(answers),
        "python deploy/predict.py lenet5 digit.png": Command(prints_the_digit, before=has_a_digit),
        f"""printf '{{"signature_name": "serve_bytes", "instances": [{{"b64": "%s"}}]}}' """
        f""""$(base64 < digit.png | tr -d '\\n')" {CURL}""": Command(answers_with_the_digit),
        "python -c \"import json, numpy, PIL.Image as I; print(json.dumps({'instances': "
        f"[numpy.array(I.open('digit.png'))[..., None].tolist()]}}))\" {CURL}": Command(answers_with_the_digit),
        "cnnzoo serve saved_models": Command(answers_for_all_shipped_models, before=has_the_shipped_models),
        "cnnzoo info runs/lenet5_mnist/1 --json": Command(gives_the_parameters_as_json),
        "cnnzoo export runs/lenet5_mnist/1 --to exported/lenet5 --format onnx": Command(is_exported_as_onnx_alone),
    },
    "devices": {
        "cnnzoo train lenet5_mnist --devices 2": Command(uses_two, f"{SMALL} --logical-cpus 2", alone=True),
    },
    "callbacks": {
        "cnnzoo train lenet5_digits --callback keras.callbacks:TerminateOnNaN": Command(is_trained, SMALL),
        "cnnzoo train lenet5_digits --set validation_split=0.2 --callback stopping:early": Command(
            stops_early, f"{SMALL} --epochs 9 --set learning_rate=1e-12", before=has_the_file_of_the_document
        ),
    },
    "photographs": {
        "cnnzoo train alexnet_photos --set data=photos": Command(
            is_trained_on_photographs, ALEXNET, before=have_photographs, alone=True
        ),
        "cnnzoo export runs/alexnet_photos/1 --to exported/photos": Command(names_photographs),
    },
    "published weights": {
        "cnnzoo train alexnet_photos --set data=photos --set weights=alexnet-owt-7be5be79.pth --set frozen.until=fc7": (
            Command(is_trained_from_those_weights, ALEXNET, before=have_published_weights, alone=True)
        ),
    },
}
NEED_MNIST = {"mnist", "devices"}
# The first has 18 million weights in its dense layers alone.
SLOW = {"published weights", "mnist", "search", "photographs", "devices"}
STANDS_FOR = {"FOLDER": "formats", "RUN": "runs/lenet5_digits/1"}


@pytest.mark.parametrize("story", cases(STORIES, SLOW))
def test_commands_give_their_results(story, terminal):
    if story in NEED_MNIST:
        terminal.request.getfixturevalue("tfds_folder")
    for command, how in STORIES[story].items():
        if how.before:
            how.before(terminal)
        if " | " in command:
            terminal.pipe(command)
        else:
            words = [STANDS_FOR.get(word, word) for word in shlex.split(f"{command} {how.added}")]
            terminal.type(words, alone=how.alone)
        how.check(terminal)
