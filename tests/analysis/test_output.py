"""A report as text, Markdown and JSON."""

import json
import random

import keras
import pytest
from keras import layers

import cnnzoo
from tests.analysis.nets import stack
from tests.small_nets import precision


@pytest.fixture(scope="module")
def lenet5():
    return cnnzoo.conv_report("lenet5")


def markdown_rows(text):
    """Return the cells of a Markdown table by heading, one mapping a row."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip().strip("*`") for cell in line.strip("|").split("|")] for line in lines]
    assert {len(line) for line in cells} == {len(cells[0])}
    assert all(set(cell) <= set("-:") for cell in cells[1])
    return [dict(zip(cells[0], line, strict=True)) for line in cells[2:]]


def number(text):
    return int(text.replace(",", "") or 0)


def test_text_has_a_line_for_each_row_and_the_totals(lenet5):
    words = {line.split()[0]: line.split()[1:] for line in str(lenet5).splitlines() if line.split()}
    assert words["C1"] == [
        *("Conv2D", "32", "5", "1", "0", "28×28×6", "5", "1"),
        *("156", "122,304", "122,304", "117,600", "18.8", "kB"),
    ]
    assert words["S2"][-4:] == ["2,352", "5,880", "4.7", "kB"]
    assert words["total"][:3] == ["60,840", "336,180", "340,908"]
    assert "parameters: 60,000 trained, 840 fixed" in str(lenet5)


def test_text_is_at_most_120_columns_wide_for_the_nets_of_the_lectures(lenet5):
    with precision("float16"):  # whose numbers are half as large in memory
        alexnet = cnnzoo.conv_report("alexnet")
    for report in (lenet5, cnnzoo.conv_report("mlp"), alexnet):
        assert max(map(len, str(report).splitlines())) <= 120


def test_large_numbers_are_in_millions_where_exact_ones_would_be_too_wide():
    net = stack((512, 512, 3), *(layers.Conv2D(999, 3, padding="same", name=f"convolution_{n}") for n in range(3)))
    report = cnnzoo.conv_report(net)
    line = next(line for line in str(report).splitlines() if line.startswith("convolution_2"))
    assert f"{report['convolution_2'].multiply_adds:,}" not in line
    assert f"{report['convolution_2'].multiply_adds / 1e6:,.1f}" in line.split()
    assert "(M)" in str(report)
    assert f"{report['convolution_2'].multiply_adds:,}" in report.to_markdown()


def test_nothing_is_cut_off_however_long_a_name_is(lenet5, monkeypatch):
    name = "a_layer_with_a_very_long_name" * 6
    report = cnnzoo.conv_report(stack((8, 8, 3), layers.Conv2D(2, 3, name=name)))
    monkeypatch.setenv("COLUMNS", "40")
    assert f"{name} Conv2D" in str(report)
    assert "…" not in str(report)
    assert "340,908" in str(lenet5)


def test_uneven_settings_are_written_out():
    net = stack((9, 8, 4), layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", groups=2, name="conv"))
    line = next(line for line in str(cnnzoo.conv_report(net)).splitlines() if line.startswith("conv"))
    assert line.split()[1:7] == ["Conv2D", "9×8", "3×2", "2×1", "1×0+1", "5×8×4"]
    assert "2 groups" in str(cnnzoo.conv_report(net))
    dilated = stack((9, 8, 4), layers.Conv2D(4, 3, dilation_rate=2))
    assert "dilation 2" in str(cnnzoo.conv_report(dilated))


@pytest.mark.parametrize("name", ["lenet5", "mlp", "cuda_convnet"])
def test_markdown_read_back_gives_every_number(name):
    report = cnnzoo.conv_report(name)
    *rows, total = markdown_rows(report.to_markdown())
    assert report._repr_markdown_() == report.to_markdown()
    for read, row in zip(rows, report.rows, strict=True):
        assert (read["layer"], read["type"]) == (row.name, row.layer_type)
        assert tuple(map(number, read["output"].split("×"))) == row.output_shape
        for heading in ("fixed parameters", "connections", "multiply adds", "memory bytes", "unshared parameters"):
            assert number(read[heading]) == getattr(row, heading.replace(" ", "_"))
        assert (number(read["parameters per neuron"]) or None) == (row.parameters_per_neuron or None)
    for heading in ("trained parameters", "connections", "multiply adds"):
        assert number(total[heading]) == getattr(report.totals, heading.replace(" ", "_"))


def test_markdown_lists_warnings_and_escapes_bars():
    report = cnnzoo.conv_report(stack((8, 8, 3), layers.Conv2D(2, 3, strides=2, name="a|b")))
    assert "a\\|b" in report.to_markdown()
    assert report.to_markdown().endswith(f"\n\n- {report.warnings[0]}")
    assert str(report).endswith(f"\nwarning: {report.warnings[0]}")


def test_dictionary_survives_json(lenet5):
    plain = lenet5.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["totals"]["connections"] == 340_908
    c1 = plain["rows"][1]
    assert c1 == {
        "name": "C1",
        "layer_type": "Conv2D",
        "call": 1,
        "input_shapes": [[32, 32, 1]],
        "input_size": [32, 32],
        "window": [5, 5],
        "stride": [1, 1],
        "padding": [[0, 0], [0, 0]],
        "dilation": [1, 1],
        "groups": 1,
        "depth_in": 1,
        "depth_out": 6,
        "output_shape": [28, 28, 6],
        "receptive_field": [5, 5],
        "jump": [1, 1],
        "weights_per_neuron": 25,
        "parameters_per_neuron": 26,
        "trained_parameters": 156,
        "fixed_parameters": 0,
        "parameters": 156,
        "unshared_parameters": 122_304,
        "connections": 122_304,
        "multiply_adds": 117_600,
        "memory_bytes": 18_816,
    }


def test_unknown_rows_get_the_nearest_names(lenet5):
    with pytest.raises(cnnzoo.InputError, match="unknown layer of lenet5 'outputs'; did you mean 'output'"):
        lenet5["outputs"]


def warnings_of(shape, *body):
    return [warning.partition(": ")[2] for warning in cnnzoo.conv_report(stack(shape, *body)).warnings]


def test_each_side_that_does_not_divide_is_named():
    (rows,) = warnings_of((10, 9, 1), layers.Conv2D(1, 3, strides=2))
    assert "1 + (10 − 3 + 2·0)/2 = 4.5 is not whole, which leaves 1 row at the end unread" in rows
    assert rows.endswith("it is whole for an image side of 9 or 11")
    (columns,) = warnings_of((9, 10, 1), layers.Conv2D(1, 3, strides=2))
    assert "leaves 1 column at the end" in columns
    (both,) = warnings_of((10, 11, 1), layers.Conv2D(1, 3, strides=3, name="conv"))
    assert "leaves 1 row at the end unread" in both
    assert "leaves 2 columns at the end unread" in both
    assert both.count("is not whole") == 2
    (line,) = warnings_of((10, 1), layers.MaxPooling1D(3))
    assert "leaves 1 value at the end" in line
    (box,) = warnings_of((10, 9, 9, 1), layers.MaxPooling3D(3))
    assert "leaves 1 plane at the end" in box


def test_dilation_and_padding_stand_in_the_formula():
    (dilated,) = warnings_of((9, 1), layers.Conv1D(1, 3, dilation_rate=2), layers.MaxPooling1D(2))
    assert "1 + (5 − 2 + 2·0)/2" in dilated
    assert "at W = 4 or 6" in dilated
    (causal,) = warnings_of((10, 1), layers.Conv1D(1, 3, strides=2, padding="causal"))
    assert "1 + (10 − 3 + 2 + 0)/2 = 5.5" in causal


def test_a_window_of_one_pixel_misses_the_last_row_also_with_padding_same():
    (same,) = warnings_of((8, 8, 1), layers.Conv2D(1, 1, strides=2, padding="same"))
    assert "1 + (8 − 1 + 2·0)/2 = 4.5" in same


def test_warnings_name_sizes_that_do_not_warn_and_only_strides_warn():
    generator = random.Random(7)
    warned = 0
    for _ in range(60):
        side, window, stride = generator.randint(5, 20), generator.randint(1, 5), generator.randint(1, 4)
        pad = generator.randint(0, 2)

        def warnings(side, pad=pad, window=window, stride=stride):
            return warnings_of((side, side, 1), layers.ZeroPadding2D(pad), layers.Conv2D(1, window, strides=stride))

        found = warnings(side)
        assert len(found) == (1 if (side + 2 * pad - window) % stride else 0)
        for sentence in found:
            sizes = [int(size) for size in sentence.rpartition(" of ")[2].split(" or ")]
            assert sizes[-1] > side
            assert not any(warnings(size) for size in sizes)
            warned += 1
    assert warned > 15


@pytest.mark.parametrize(
    ("maps", "shown"), [(49, "<0.1"), (50, "0.1"), (149, "0.1"), (151, "0.2"), (10_000, "10.0")], ids=str
)
def test_millions_have_one_decimal_and_less_than_a_tenth_says_so(maps, shown):
    """A convolution of 1×1 over 1,000 pixels has a thousand multiply-adds a map."""
    rows = [layers.Conv2D(maps, 1, name="small"), layers.Conv2D(999, 999, padding="same", name="wide")]
    with keras.StatelessScope(initialize_variables=False):
        report = cnnzoo.conv_report(stack((50, 20, 1), *rows))
    line = next(line for line in str(report).splitlines() if line.startswith("small"))
    assert report["small"].multiply_adds == 1000 * maps
    assert shown in line.split()
