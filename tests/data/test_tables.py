"""Tables and signals as data sets: rows of CSV files, arrays and data frames, against NumPy and scikit-learn."""

import numpy as np
import pytest
from sklearn import datasets

import cnnzoo
from cnnzoo import data

ROWS = ["1,2.5,good", "3,-4e2,good", "5,6,bad", "7,8,bad"] * 5


@pytest.fixture
def table(tmp_path):
    def write(text, name="measured.csv", encoding="utf-8"):
        (tmp_path / name).write_text(text, encoding=encoding)
        return tmp_path / name

    return write


def test_rows_of_a_file_are_its_numbers_and_its_label_is_a_class(table):
    path = table("\n".join(["width,height,kind", *ROWS]))
    source = data.load(path, label="kind")
    everything = np.concatenate([source.train.images, source.test.images])
    expected = np.array([row.split(",")[:2] for row in ROWS], "float32")
    assert sorted(map(tuple, everything)) == sorted(map(tuple, expected))
    assert (source.columns, source.class_names, source.kind) == (("width", "height"), ("bad", "good"), "rows")
    assert (len(source.train), len(source.test)) == (16, 4)
    for split in (source.train, source.test):  # each class alike, and each row with its own
        np.testing.assert_array_equal(split.labels == 0, split.images[:, 0] >= 5)
        assert split.labels.mean() == 0.5
    again = data.load(path, label="kind")
    np.testing.assert_array_equal(again.test.images, source.test.images)


def test_a_file_of_another_program_is_read_too(table):
    quoted = table('"width, in cm","kind"\r\n"1","a;b"\r\n2,c\r\n\r\n3,c\r\n', encoding="utf-8-sig")
    source = data.load(str(quoted), label="kind")
    assert source.columns == ("width, in cm",)
    assert source.class_names == ("a;b", "c")


def test_a_table_without_labels_has_one_class(table):
    source = data.load(table("a,b\n1,2\n3,4\n5,6\n"))
    assert (source.class_names, source.image_shape) == (("all",), (2,))
    assert repr(source).endswith("train: 2, test: 1 rows of 2, 1 classes: all)")


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        ("a,b\n1,x\n2,3\n", None, "column 1 of .* 'b', holds text, such as 'x', in row 1.* `label` names"),
        ("a,b\n1,2\n2,\n", None, "column 1 of .* 'b', holds an empty cell, in row 2"),
        ("a,b\n1,2\nnan,3\n", None, "column 0 of .* 'a', is nan in row 2"),
        ("a,b\n1,2\n-inf,3\n", None, "column 0 of .* 'a', is -inf in row 2"),
        ("a,b\n1,2\n3,4\n", "c", "has no column 'c'; it has a, b"),
        ("kind,b\n1,2\n3,4\n", "kinds", "did you mean 'kind'"),
        ("a,b\n1,2\n", None, "two rows or more, below its header. Received: 2 columns, 1 rows"),
        ("a\nx\ny\n", "a", "Received: 0 columns"),
        ("a,a\n1,2\n3,4\n", None, "two columns of one name"),
        ("a,b\n1,2\n3\n", None, "row 2 of .* has 1 cells, and its header 2"),
        ("a,kind\n1,x\n2,\n", "kind", "row 2 of .* has no 'kind'"),
        ('a,b\n"1,2\n', None, "is no CSV file"),
        ("", None, "is no CSV file"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_with_the_place(table, text, label, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        data.load(table(text), label=label)


def test_options_of_images_are_refused_and_a_missing_file_said(table, tmp_path):
    with pytest.raises(cnnzoo.InputError, match="image_size, stream is for images"):
        data.load(table("a\n1\n2\n"), image_size=(8, 8), stream=True)
    with pytest.raises(cnnzoo.InputError, match="the path of a CSV file that exists"):
        data.load(tmp_path / "none.csv")
    with pytest.raises(cnnzoo.InputError, match="names a column of a CSV file; 'digits' is none"):
        data.load("digits", label="kind")
    with pytest.raises(cnnzoo.InputError, match="the rows of 'breast_cancer' are no images"):
        data.load("breast_cancer", image_size=(8, 8))


def test_breast_cancer_is_that_of_scikit_learn():
    source, whole = data.load("breast_cancer"), datasets.load_breast_cancer()
    everything = np.concatenate([source.train.images, source.test.images])
    np.testing.assert_array_equal(np.sort(everything, axis=0), np.sort(whole.data.astype("float32"), axis=0))
    assert source.columns == tuple(whole.feature_names)
    labels = np.concatenate([source.train.labels, source.test.labels])
    np.testing.assert_array_equal(np.bincount(labels), np.bincount(whole.target))


def test_arrays_of_two_axes_are_rows_and_signals_are_said():
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 100, (10, 4))
    source = data.from_arrays((rows, None), (rows[:3], None))
    np.testing.assert_array_equal(source.train.images, rows.astype("float32"))
    assert (source.kind, source.image_shape, source.classes) == ("rows", (4,), 1)
    signals = rng.normal(size=(10, 50, 2))
    labels = np.arange(10) % 2
    source = data.from_arrays((signals, labels), (signals[:4], labels[:4]), signals=True)
    assert (source.kind, source.image_shape, source.classes) == ("signals", (50, 2), 2)
    single = data.from_arrays((signals[..., 0], labels), (signals[:4, :, 0], labels[:4]), signals=True)
    assert single.image_shape == (50, 1)


class Frame:
    """What a data frame of pandas is to NumPy: an array with the names of its columns."""

    def __init__(self, values, columns):
        self.values, self.columns = values, columns

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


def test_a_data_frame_has_names_of_columns():
    frame = Frame(np.eye(3), ["a", "b", "c"])
    assert data.from_arrays((frame, None), (frame, None)).columns == ("a", "b", "c")
    assert data.from_arrays((np.eye(3), None), (np.eye(3), None), columns="xyz").columns == ("x", "y", "z")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"train": (np.array([["a", "b"]]), None)}, "must be numbers of shape"),
        ({"train": (np.array([[1.0, np.nan]]), None)}, "1 values are NaN or infinite, in the columns 1"),
        ({"train": (np.eye(3), None)}, "the rows of arrays have two shapes"),
        ({"columns": ["a"]}, "`columns` must be 2 names"),
        ({"scale": 255}, "`scale` must be None for rows and signals"),
        ({"train": (np.ones((2, 2)), np.array([0.5, 1]))}, "the labels in train of arrays must be integers"),
        ({"signals": 1}, "`signals`"),
        ({"train": (np.ones((2, 2, 2, 2)), None), "signals": True}, "must be numbers of shape"),
    ],
)
def test_arrays_that_are_no_rows_are_refused(options, words):
    given = {"train": (np.ones((4, 2)), None), "test": (np.ones((2, 2)), None)} | options
    with pytest.raises(cnnzoo.InputError, match=words):
        data.from_arrays(**given)
