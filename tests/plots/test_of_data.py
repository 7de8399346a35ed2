"""Pictures of histories, predictions, reconstructions and codes."""

import io

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import plots
from cnnzoo.analysis import LabeledCodes, pca, psnr
from cnnzoo.plots.codes import moved_apart
from tests.small_nets import AUTOENCODERS, small

NAMES = ("cat", "dog", "emu")


def drawn(axis):
    return [np.asarray(image.get_array()) for image in axis.images]


def test_learning_curves_are_the_history():
    history = {
        "loss": [2.0, 1.0, 0.5],
        "val_loss": [2.2, 1.1, 0.6],
        "accuracy": [0.5, 0.8, 0.875],
        "learning_rate": [0.1] * 3,
    }
    figure = plots.learning_curves(history, test={"accuracy": 0.75, "loss": 0.7})
    loss, error, rate = figure.axes
    assert [line.get_ydata().tolist() for line in loss.lines[:2]] == [history["loss"], history["val_loss"]]
    assert error.lines[0].get_ydata().tolist() == [50.0, pytest.approx(20.0), 12.5]
    assert error.lines[1].get_ydata() == [25.0, 25.0]
    assert error.lines[1].get_label() == "test, at the end: 25"
    assert rate.lines[0].get_ydata().tolist() == [0.1] * 3
    assert loss.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert figure.alternative == (
        "Curves of loss, error (%) and learning rate over 3 epochs. error (%) in training from 50 to 12.5, 25 on the "
        "test images."
    )


def test_the_test_metrics_of_several_runs_are_lines_in_the_colors_of_their_curves():
    histories = {"one": {"accuracy": [0.5, 0.9]}, "other": {"accuracy": [0.4, 0.8], "val_accuracy": [0.7, 0.6]}}
    figure = plots.learning_curves(histories, test={"one": {"accuracy": 0.8}, "other": {"accuracy": 0.7}})
    one, other, validation, *tests = figure.axes[0].lines
    assert [line.get_ydata() for line in tests] == [[pytest.approx(20.0)] * 2, [pytest.approx(30.0)] * 2]
    assert [line.get_color() for line in tests] == [one.get_color(), other.get_color()]
    assert validation.get_color() == other.get_color()
    assert tests[1].get_label() == "other, test, at the end: 30"
    assert figure.alternative.endswith(
        "one: error (%) in training from 50 to 10, 20 on the test images; other: error (%) in training from 60 to 20, "
        "in validation to 40, at best 30, 30 on the test images."
    )
    with pytest.raises(
        cnnzoo.InputError, match="`test` must have metrics by the names of the histories, one and other"
    ):
        plots.learning_curves(histories, test={"accuracy": 0.8})


def test_validation_curves_can_be_drawn_alone():
    figure = plots.learning_curves({"one": {"val_loss": [2.0, 1.0]}, "other": {"val_loss": [1.0, 3.0]}})
    assert [line.get_ydata().tolist() for line in figure.axes[0].lines] == [[2, 1], [1, 3]]
    assert figure.alternative == (
        "Curves of loss over 2 epochs. one: loss in validation to 1, at best 1; other: loss in validation to 3, at "
        "best 1."
    )


def test_a_history_of_keras_and_rows_are_drawn_alike():
    net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    net.compile("sgd", "mse")
    fitted = net.fit(np.ones((8, 3)), np.ones(8), epochs=2, verbose=0)
    rows = [{"epoch": 1 + number, "loss": loss} for number, loss in enumerate(fitted.history["loss"])]
    for history in (fitted, fitted.history, rows):
        line = plots.learning_curves(history).axes[0].lines[0]
        assert line.get_ydata().tolist() == fitted.history["loss"]
    both = plots.learning_curves({"one": fitted, "other": rows}).axes[0]
    assert [line.get_label() for line in both.lines] == ["one, training", "other, training"]


@pytest.mark.parametrize("history", [[], {}, {"loss": []}, 3, "loss", {"loss": ["x"]}])
def test_what_is_no_history_is_refused(history):
    with pytest.raises(cnnzoo.InputError, match=r"`history` must be a run, the History of model\.fit, or rows"):
        plots.learning_curves(history)


def labels_of(axis):
    low, high = axis.get_view_interval()
    return [
        text.get_text()
        for text, at in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=True)
        if low <= at <= high
    ]


def test_logarithmic_axes_have_labels_between_the_powers_of_ten():
    figure = plots.learning_curves({"loss": [90.0, 40.0, 9.0, 3.5, 2.4]})
    figure.canvas.draw()
    assert labels_of(figure.axes[0].yaxis) == ["5", "10", "20", "50", "100"]
    figure = plots.pretraining_curves({"code": {"loss": [1e3, 1e-6]}})
    figure.canvas.draw()
    values = [float(label.replace("−", "-")) for label in labels_of(figure.axes[0].yaxis)]
    assert len(values) >= 3
    assert np.log10(values) == pytest.approx(np.round(np.log10(values)))
    digits = cnnzoo.data.load("digits")
    figure = plots.errors_by_code_size({"net": (6, 0.86)}, pca(digits.train.images, 40), digits.test.images)
    figure.canvas.draw()
    below, above = figure.axes[0].xaxis, figure.axes[0].child_axes[0].xaxis
    assert labels_of(below) == ["1", "2", "5", "10", "20"]
    assert {"2", "5", "10", "20", "50"} <= {text.get_text() for text in above.get_ticklabels()}
    assert {"0.5", "1", "2"} <= set(labels_of(figure.axes[0].yaxis))


def test_values_below_zero_are_drawn_on_a_linear_axis():
    axis = plots.learning_curves({"loss": [9.0, 0.1, -0.5]}).axes[0]
    assert axis.get_yscale() == "linear"
    assert axis.get_ylim()[0] < -0.5


def test_a_run_without_epochs_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(cnnzoo.InputError, match=r"nowhere' holds no finished run: there is no recipe\.json"):
        plots.learning_curves(cnnzoo.Run(tmp_path / "nowhere"))
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(cnnzoo.InputError, match="has not completed an epoch yet"):
        plots.learning_curves({"a": cnnzoo.Run(tmp_path)})


def test_pretraining_curves_and_variants_are_their_numbers():
    figure = plots.pretraining_curves({"one": {"loss": [0.4, 0.3]}, "two": {"loss": [0.2]}})
    [axis] = figure.axes  # one scale for all layers, whose losses themselves cannot be compared
    assert [line.get_ydata().round(9).tolist() for line in axis.lines] == [[100, 75], [100]]
    assert [line.get_label() for line in axis.lines] == ["one from 0.4 to 0.3", "two from 0.2 to 0.2"]
    assert "in % of its first epoch: one from 0.4 to 0.3 and two from 0.2 to 0.2." in figure.alternative
    rows = [{"variant": "a", "unit": "test error (%)", "errors": [1.0, 2.0, 3.0], "mean": 2.0}]
    axis = plots.variants(rows).axes[0]
    assert [
        line.get_xdata().tolist() if hasattr(line.get_xdata(), "tolist") else list(line.get_xdata())
        for line in axis.lines
    ][-2:] == [[1.0, 2.0, 3.0], [2.0]]
    segment = axis.collections[0].get_segments()[0]
    assert sorted(segment[:, 0]) == [1.0, 3.0]  # the standard deviation of 1, 2, 3 is 1
    with pytest.raises(cnnzoo.InputError, match="`history` must be a mapping from layers to their losses"):
        plots.pretraining_curves({})


@pytest.mark.parametrize("count", [1, 2, 4, 18])
def test_rows_of_variants_are_not_cut_off(count):
    rows = [{"variant": f"{n}", "unit": "error", "errors": [1.0, 2.0], "mean": 1.5} for n in range(count)]
    (axis,) = plots.variants(rows).axes
    bottom, top = axis.get_ylim()
    assert top <= -0.5
    assert bottom >= count - 0.5


def test_a_confusion_matrix_counts_true_and_predicted_classes():
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
    axis = plots.confusion_matrix(labels, predicted, NAMES).axes[0]
    written = {
        (round(text.get_position()[1]), round(text.get_position()[0])): int(text.get_text()) for text in axis.texts
    }
    fractions = axis.images[0].get_array()
    for true in range(3):
        for other in range(3):
            count = int(((labels == true) & (predicted == other)).sum())
            assert written[true, other] == count
            if true != other:
                assert fractions[true, other] == pytest.approx(count / (labels == true).sum())


def test_a_confusion_matrix_says_how_many_images_are_misclassified():
    figure = plots.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2], NAMES)
    assert figure.axes[0].get_title() == "1 of 4 images are misclassified, 25.00 %"
    assert figure.alternative == (
        "Confusion matrix of 3 classes: 1 of 4 images are misclassified, 25.00 %. Most often cat predicted as dog (1)."
    )


def test_one_color_scale_serves_all_confusion_matrices():
    colors = {}
    for errors in (1, 30):
        labels = np.repeat([0, 1], 1000)
        predicted = np.where(np.arange(2000) < errors, 1, labels)
        figure = plots.confusion_matrix(labels, predicted, NAMES[:2])
        figure.canvas.draw()
        matrix, scale = figure.axes
        colors[errors] = matrix.images[0].to_rgba(matrix.images[0].get_array())[0, 1, :3]
        assert matrix.images[0].get_clim() == (0, 1)
        assert [text.get_text() for text in scale.get_yticklabels()] == [
            "0 %", "0.1 %", "1 %", "5 %", "10 %", "25 %", "50 %", "100 %"
        ]  # fmt: skip
        # The scale is honest: the color beside each label is that of such a fraction.
        positions = scale.yaxis.get_major_locator()()
        heights = scale.transData.transform([(0, each) for each in positions])[:, 1]
        bottom, top = scale.get_window_extent().y0, scale.get_window_extent().y1
        np.testing.assert_allclose((heights - bottom) / (top - bottom), np.cbrt(positions), atol=1e-6)
    red = np.array([0xA4, 0x16, 0x1A]) / 255
    assert np.abs(colors[1] - red).max() > 0.5  # one image in a thousand is no catastrophe
    assert np.abs(colors[30] - red).max() > 0.5
    assert np.abs(colors[30] - colors[1]).max() > 0.03  # and three in a hundred are not the same


def test_many_classes_are_drawn_without_numbers_and_only_those_of_the_lowest_f1():
    rng = np.random.default_rng(0)
    labels = np.arange(3000) % 100
    predicted = np.where(rng.random(3000) < 0.1, rng.integers(0, 100, 3000), labels)
    names = [f"class {number}" for number in range(100)]
    assert not plots.confusion_matrix(labels, predicted, names).axes[0].texts
    axis = plots.precision_recall(labels, predicted, names).axes[0]
    assert len(axis.get_yticklabels()) == 25


def test_classes_without_images_are_not_drawn():
    figure = plots.precision_recall([0, 1, 1], [0, 1, 2], NAMES)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["cat", "dog"]
    assert "emu" not in figure.alternative


def test_dollars_in_names_are_no_formulas():
    names = ("$a_$", "$5", "$\\foo$")
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 3, 60), rng.integers(0, 3, 60)
    probabilities = np.eye(3)[predicted]
    images = rng.integers(0, 256, (60, 4, 4, 1)).astype("uint8")
    for picture in (
        plots.confusion_matrix(labels, predicted, names),
        plots.precision_recall(labels, predicted, names),
        plots.misclassified(images, labels, probabilities, names),
        plots.variants([{"variant": names[2], "unit": "%", "errors": [1.0], "mean": 1.0}]),
        plots.learning_curves({names[0]: {"loss": [1.0, 2.0]}, names[2]: {"loss": [1.0]}}),
        plots.codes_on_a_plane({names[0]: LabeledCodes("", rng.normal(size=(60, 2)), labels)}, names),
    ):
        picture.savefig(io.BytesIO())


def test_as_many_components_as_pixels_can_be_drawn():
    digits = cnnzoo.data.load("digits")
    figure = plots.errors_by_code_size({"net": (64, 0.5)}, pca(digits.train.images, 64), digits.test.images)
    figure.savefig(io.BytesIO())
    curve = figure.axes[0].lines[0].get_ydata()
    assert np.isnan(curve[-1])  # rounding errors alone, and no made-up value
    assert np.nanmin(curve) > 0


def test_precision_and_recall_are_their_definitions():
    rng = np.random.default_rng(1)
    labels, predicted = rng.integers(0, 3, 100), rng.integers(0, 3, 100)
    precision, recall = plots.precision_recall(labels, predicted, NAMES).axes[0].lines[:2]
    for number in range(3):
        both = ((labels == number) & (predicted == number)).sum()
        assert precision.get_xdata()[number] == pytest.approx(100 * both / (predicted == number).sum())
        assert recall.get_xdata()[number] == pytest.approx(100 * both / (labels == number).sum())


def test_misclassified_images_are_ordered_by_the_log_odds_of_the_prediction():
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (50, 5, 4, 1)).astype("uint8")
    labels, probabilities = rng.integers(0, 3, 50), rng.dirichlet(np.ones(3), 50)
    axis = plots.misclassified(images, labels, probabilities, NAMES, count=6, columns=3).axes[0]
    wrong = [number for number in range(50) if probabilities[number].argmax() != labels[number]]
    wrong.sort(key=lambda number: -probabilities[number].max())
    assert all((one == images[number, ..., 0]).all() for one, number in zip(drawn(axis), wrong[:6], strict=True))
    first = wrong[0]
    highest = probabilities[first].max()
    assert axis.texts[0].get_text().splitlines() == [
        f"true {NAMES[labels[first]]},",
        f"predicted {NAMES[probabilities[first].argmax()]}",
        f"log-odds {np.log(highest / (1 - highest)):.1f}",
    ]


def test_log_odds_tell_predictions_apart_that_are_all_100_percent():
    images = np.zeros((4, 3, 3, 1), "uint8")
    logits = np.array([[37.24, 0, -90], [0.0, 25.06, -90], [100.0, 0, 0.0], [0.5, 0.5, 0.4]])
    labels = [1, 2, 1, 2]
    expected = ["log-odds 99.3", "log-odds 37.2", "log-odds 25.1", "log-odds −0.6"]
    found = plots.misclassified(images, labels, logits + 5, NAMES, from_logits=True)
    assert [text.get_text().splitlines()[-1] for text in found.axes[0].texts] == expected
    assert found.alternative.startswith(
        "The 4 misclassified images with the most confident predictions: dog predicted as cat (log-odds 99.3), "
    )
    single = np.exp(logits - logits.max(axis=1, keepdims=True))
    single = (single / single.sum(axis=1, keepdims=True)).astype("float32")
    assert [f"{100 * each.max():.0f} %" for each in single[:3]] == ["100 %"] * 3
    found = plots.misclassified(images[1:], labels[1:], single[1:], NAMES)
    assert [text.get_text().splitlines()[-1] for text in found.axes[0].texts] == [
        "log-odds 99.3" if single[2, 1] else "log-odds ∞", *expected[2:]
    ]  # fmt: skip


def test_images_of_a_nets_own_scale_are_not_clipped():
    images = np.array([-0.1, 1.175, 0.5, 0.6]).reshape(1, 2, 2, 1)
    axis = plots.misclassified(images, [0], [[0.2, 0.8]], NAMES[:2]).axes[0]
    assert axis.images[0].get_clim() == (-0.1, 1.175)


def test_without_misclassified_images_the_picture_says_so():
    figure = plots.misclassified(np.zeros((2, 3, 3, 1), "uint8"), [0, 1], [[1.0, 0], [0, 1.0]], NAMES[:2])
    assert figure.alternative == "None of the 2 images is misclassified."


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: plots.confusion_matrix([0, 1], [0], NAMES),
            "must be equally many. Received: 2 and 1",
        ),
        (
            lambda: plots.confusion_matrix([0, 3], [0, 1], NAMES),
            "`labels` must be from 0 to 2, as there are 3 classes. Received: 0 to 3",
        ),
        (
            lambda: plots.precision_recall([0.5], [0], NAMES),
            "`labels` must be integers, one for each image. Received: float",
        ),
        (lambda: plots.confusion_matrix([], [], NAMES), "`labels` must be integers"),
        (
            lambda: plots.misclassified(np.zeros((2, 3, 3, 1)), [0, 1], [[1, 0]], NAMES),
            "`predictions` must be one for each of the 3",
        ),
        (lambda: plots.codes_on_a_plane({}, NAMES), "`planes` must be codes of two numbers"),
        (lambda: plots.errors_by_code_size({}, None, None), "`points` must be a mapping from at least one autoencoder"),
        (
            lambda: plots.errors_by_code_size({"net": []}, None, None),
            "`points` must be pairs (code size, squared error)",
        ),
        (lambda: plots.variants([]), "`rows` must be those of a finished study. Received none"),
        (
            lambda: plots.learning_curves({"mae": [1.0]}),
            "`history` must have one of loss, accuracy, reconstruction, kl, squared_error, learning_rate. Received: "
            "mae",
        ),
        (lambda: plots.pretraining_curves({"a": {"accuracy": [1.0]}}), "`history` must have the loss of a layer"),
        (
            lambda: plots.misclassified(np.zeros((1, 3, 3, 2)), [0], [[1, 0, 0]], NAMES),
            "`images` must be (examples, height, width",
        ),
        (
            lambda: plots.variants([{"variant": "a", "unit": unit, "errors": [1], "mean": 1} for unit in ("%", "x")]),
            "`rows` must have one metric to be drawn on one axis. Received: % and x",
        ),
        (lambda: plots.denoised(cnnzoo.autoencoder(), np.zeros((1, 28, 28, 1))), "no layer that corrupts its input"),
        (lambda: plots.reconstructions(cnnzoo.lenet(), np.zeros((1, 32, 32, 1))), "lenet"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        call()
    assert words in str(caught.value)


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_reconstructions_are_what_the_model_predicts(name):
    net = small(name)
    images = np.random.default_rng(0).random((3, *net.input_shape[1:])).astype("float32")
    rows = plots.reconstructions(net, images).axes
    expected = net.predict(images, verbose=0)
    for number, image in enumerate(drawn(rows[1])):
        own = np.squeeze(expected[number].clip(0, 1) if images.shape[-1] == 3 else expected[number])
        np.testing.assert_allclose(image, own, atol=1e-6)
        error = np.square(images[number].astype("float64") - expected[number]).sum()
        assert float(rows[1].texts[number].get_text()) == pytest.approx(error, abs=0.051)


def test_reconstructions_are_drawn_with_those_of_as_many_principal_components():
    digits = cnnzoo.data.load("digits")
    net = cnnzoo.deep_autoencoder(input_shape=(8, 8, 1), units=(20,), code=4)
    rows = plots.reconstructions(net, digits.test.images[:5], train=digits.train.images).axes
    flat = digits.train.images.reshape(-1, 64) / 255
    _, _, directions = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    test = digits.test.images[:5].reshape(-1, 64) / 255 - flat.mean(axis=0)
    expected = flat.mean(axis=0) + test @ directions[:4].T @ directions[:4]
    for number, image in enumerate(drawn(rows[2])):
        np.testing.assert_allclose(image, expected[number].reshape(8, 8), atol=1e-5)


def test_noise_is_that_of_the_model_and_captions_are_its_psnr():
    net = cnnzoo.denoising_autoencoder(input_shape=(9, 8, 1), code=6, rate=0.5)
    images = np.random.default_rng(0).uniform(0.2, 1, (4, 9, 8, 1)).astype("float32")
    clean, noisy, restored = plots.denoised(net, images, seed=3).axes
    assert noisy.get_title(loc="left") == "masking noise, 50 % of the pixels"
    for number, (one, other) in enumerate(zip(drawn(clean), drawn(noisy), strict=True)):
        kept = other != 0
        assert (one[kept] == other[kept]).all()
        assert 0.3 < kept.mean() < 0.7
        ratio = 10 * np.log10(1 / np.square(one.astype("float64") - other).mean())
        assert float(noisy.texts[number].get_text().removesuffix(" dB")) == pytest.approx(ratio, abs=0.051)
    corrupted = np.stack(drawn(noisy))[..., None]
    np.testing.assert_allclose(np.stack(drawn(restored))[..., None], net.predict(corrupted, verbose=0), atol=1e-6)
    again = plots.denoised(net, images, seed=3).axes[1]
    assert all((one == other).all() for one, other in zip(drawn(noisy), drawn(again), strict=True))
    assert psnr(images[:1], corrupted[:1]) == pytest.approx(float(noisy.texts[0].get_text()[:-3]), abs=0.051)


def test_errors_by_code_size_are_those_of_the_components():
    digits = cnnzoo.data.load("digits")
    components = pca(digits.train.images, 12)
    axis = plots.errors_by_code_size({"one": (6, 0.9), "two": (3, 1.5)}, components, digits.test.images).axes[0]
    assert [
        line.get_xdata() if np.ndim(line.get_xdata()) == 0 else list(line.get_xdata()) for line in axis.lines[1:]
    ] == [[6], [3]]
    own = (
        np.square(digits.test.images / 255 - components.first(6).reconstruct(digits.test.images))
        .sum(axis=(1, 2, 3))
        .mean()
    )
    assert axis.lines[0].get_ydata()[5] == pytest.approx(own, rel=1e-5)


def test_errors_of_one_kind_at_several_code_sizes_are_a_line():
    digits = cnnzoo.data.load("digits")
    pairs = {"net": [(6, 0.9), (2, 2.5)], "other": (3, 1.5)}
    figure = plots.errors_by_code_size(pairs, pca(digits.train.images, 4), digits.test.images)
    line, point = figure.axes[0].lines[1:]
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([2, 6], [2.5, 0.9])
    assert (list(point.get_xdata()), list(point.get_ydata())) == ([3], [1.5])
    assert "net 2.50 and 0.90 with 2 and 6 numbers; other 1.50 with 3 numbers; 2 principal comp" in figure.alternative


def test_codes_are_points_in_the_color_of_their_class():
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(60, 2)), np.arange(60) % 3
    axis = plots.codes_on_a_plane({"plane": LabeledCodes("", codes, labels)}, NAMES).axes[0]
    for number, points in enumerate(axis.collections):
        assert (points.get_offsets() == codes[labels == number]).all()
    assert [text.get_text() for text in axis.texts] == list(NAMES)
    axis.figure.canvas.draw()
    for side in (axis.xaxis, axis.yaxis):  # so that a point can be given to the decoder
        assert len(labels_of(side)) >= 3
        assert side.get_label_text()


def test_names_of_classes_that_lie_over_each_other_are_moved_apart_with_a_line_to_their_middle():
    rng = np.random.default_rng(1)
    codes, labels = rng.normal(size=(600, 2)), np.arange(600) % 10  # all in one place
    names = [str(number) for number in range(10)]
    figure = plots.codes_on_a_plane({"plane": LabeledCodes("", codes, labels)}, names)
    figure.savefig(io.BytesIO())
    axis = figure.axes[0]
    boxes = [text.get_bbox_patch().get_window_extent() for text in axis.texts]
    for number, one in enumerate(boxes):
        assert not any(one.shrunk(0.9, 0.9).overlaps(other) for other in boxes[number + 1 :])
    middles = np.array([np.median(codes[labels == number], axis=0) for number in range(10)])
    moved = [
        number
        for number, text in enumerate(axis.texts)
        if np.abs(np.array(text.get_position()) - middles[number]).max() > 0.1
    ]
    starts = [np.array([line.get_xdata()[0], line.get_ydata()[0]]) for line in axis.lines]
    assert len(moved) > 2
    for number in moved:
        assert min(np.abs(start - middles[number]).max() for start in starts) < 1e-9


def test_names_that_have_room_stay_where_their_classes_are():
    places = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert (moved_apart(places, np.full((3, 2), 0.2)) == places).all()
