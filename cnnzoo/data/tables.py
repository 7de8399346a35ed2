"""Tables: rows of numbers, from CSV files and from scikit-learn."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnzoo.checks import refusal
from cnnzoo.data.source import Source, Split
from cnnzoo.errors import InputError, near_names, reason

TEST_FRACTION, TEST_SEED = 0.2, 0  # for a file without test rows of its own
UNLABELED = "all"  # the only class of a table without labels


def load_csv(path: Path, *, label: str | None = None, with_test: bool = True) -> Source:
    """Load a CSV file with a header: a row for each example, and a column of numbers for each value.

    A fifth of the rows are held out as test rows, by a fixed seed, each class alike.

    Args:
        path: the file, in UTF-8, with commas.
        label: name of the column with the classes, of any text; `None` where there is none.
        with_test: whether the test rows are kept.

    Raises:
        InputError: no such file or column, text or empty cells where numbers must be, or fewer than two rows.

    Example:
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "measured.csv"
    >>> rows = ["1,2.5,good", "3,4,good", "5,6,bad", "7,8,bad"]
    >>> _ = path.write_text(chr(10).join(["width,height,kind", *5 * rows]))
    >>> source = load_csv(path, label="kind")
    >>> source.columns, source.class_names, len(source.train), len(source.test)
    (('width', 'height'), ('bad', 'good'), 16, 4)
    """
    header, rows = _read(path)
    if label is not None and label not in header:
        near = near_names(label, header)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise InputError(f"{str(path)!r} has no column {label!r}; it has {', '.join(header)}{hint}")
    columns = [number for number, column in enumerate(header) if column != label]
    if not columns or len(rows) < 2:
        raise InputError(
            f"{str(path)!r} must have a column of numbers and two rows or more, below its header. Received: "
            f"{len(columns)} columns, {len(rows)} rows"
        )
    values = np.array([_numbers(path, header, number, rows) for number in columns], "float32").T
    classes = [""] * len(rows) if label is None else [row[header.index(label)].strip() for row in rows]
    names, labels = np.unique(classes, return_inverse=True)
    if label is not None and "" in classes:
        raise InputError(f"row {classes.index('') + 1} of {str(path)!r} has no {label!r}: leave it out, or fill it in")
    return _source(
        str(path),
        values,
        labels,
        (UNLABELED,) if label is None else tuple(map(str, names)),
        tuple(header[number] for number in columns),
        with_test,
    )


def read_rows(path: Path, columns: Sequence[str], count: int) -> np.ndarray:
    """Return the rows of a CSV file for a model that was trained on a table.

    Args:
        path: the file, with a header.
        columns: names of the model's columns, in their order; the file may have others, too. Where they are not known
            the file must have as many as the model takes, in their order.
        count: how many columns the model takes.

    Returns:
        float32 array `(rows, count)`.

    Raises:
        InputError: no such file, columns that are missing, or cells that are no numbers.
    """
    header, rows = _read(path)
    if missing := [name for name in columns if name not in header]:
        raise InputError(f"{str(path)!r} has no column {missing[0]!r}, which the model takes: {', '.join(columns)}")
    if not columns and len(header) != count:
        raise InputError(f"{str(path)!r} has {len(header)} columns, and the model takes {count}")
    numbers = [header.index(name) for name in columns] if columns else list(range(count))
    return np.array([_numbers(path, header, number, rows) for number in numbers], "float32").T.reshape(-1, count)


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a CSV file, each with as many cells."""
    if not path.is_file():
        raise refusal("name", "the path of a CSV file that exists", str(path))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = [row for row in csv.reader(file, strict=True) if row]
    except (ValueError, csv.Error) as error:
        raise InputError(f"{str(path)!r} is no CSV file with a header: {reason(error)}") from error
    header = [column.strip() for column in header]
    if len(set(header)) < len(header):
        raise InputError(f"{str(path)!r} has two columns of one name: {', '.join(header)}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise InputError(f"row {number} of {str(path)!r} has {len(row)} cells, and its header {len(header)}")
    return header, rows


def _numbers(path: Path, header: list[str], column: int, rows: list[list[str]]) -> list[float]:
    """Return the numbers of a column, or say which cell is none."""
    numbers = []
    for number, row in enumerate(rows, start=1):
        cell = row[column].strip()
        try:
            numbers.append(float(cell))
        except ValueError as error:
            what = f"text, such as {cell!r:.50}" if cell else "an empty cell"
            raise InputError(
                f"column {column} of {str(path)!r}, {header[column]!r}, holds {what}, in row {number}: leave it out, "
                "or turn it into numbers; `label` names the column of the classes"
            ) from error
        if not np.isfinite(numbers[-1]):
            raise InputError(
                f"column {column} of {str(path)!r}, {header[column]!r}, is {cell} in row {number}: leave the row out, "
                "or fill it in"
            )
    return numbers


def load_breast_cancer(*, with_test: bool = True) -> Source:
    """Load the breast cancer table that scikit-learn ships: 569 rows of 30 numbers, malignant or benign.

    Args:
        with_test: whether to keep the test rows, a fifth of each class.

    Source: Street, Wolberg and Mangasarian, "Nuclear feature extraction for breast tumor diagnosis", 1993.

    Example:
    >>> source = load_breast_cancer()
    >>> source.image_shape, source.class_names, len(source.train), source.columns[0]
    ((30,), ('malignant', 'benign'), 455, 'mean radius')
    """
    from sklearn import datasets  # a second to import

    table = datasets.load_breast_cancer()
    names, columns = (tuple(map(str, each)) for each in (table.target_names, table.feature_names))
    return _source("breast_cancer", table.data.astype("float32"), table.target, names, columns, with_test)


def _source(
    name: str,
    values: np.ndarray,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    columns: tuple[str, ...],
    with_test: bool,
) -> Source:
    train, test = (Split(values[rows], labels[rows].astype("int32")) for rows in _split(labels))
    return Source(name, train, test if with_test else test[:0], class_names, columns=columns)


def _split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of training and test rows, each class alike; at random where a class has a single row."""
    from sklearn.model_selection import train_test_split

    counts = np.bincount(labels)
    alike = labels if counts.min() > 1 and len(counts) <= TEST_FRACTION * len(labels) else None
    parts = train_test_split(np.arange(len(labels)), test_size=TEST_FRACTION, stratify=alike, random_state=TEST_SEED)
    return np.sort(parts[0]), np.sort(parts[1])
