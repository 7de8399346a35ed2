"""`cnnzoo predict`: predictions for image files."""

import csv
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnzoo.cli.app import app, start_tensorflow
from cnnzoo.errors import InputError

if TYPE_CHECKING:
    from cnnzoo.serving.predict import Prediction

STANDARD_INPUT = "-"
MOST = 2**29  # bytes of an image from the standard input


@app.command()
def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder of a finished run or of an export, or .keras file.")
    ],
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Image files, folders of them, or - for the standard input.")
    ],
    top: Annotated[int, typer.Option(metavar="N", help="Number of classes to print, the most probable first.")] = 5,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Images per batch.")] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object per image.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values, with a header.")] = False,
) -> None:
    """Predict the classes of image files.

    Examples:
        cnnzoo predict runs/lenet5_mnist/1 digit.png
        cnnzoo predict exported/lenet5 digit.png --top 3
        cnnzoo predict exported/lenet5 digits --json
    """
    if as_json and as_csv:
        raise InputError("--json and --csv exclude each other: give one of them")
    start_tensorflow()
    from cnnzoo.serving.predict import predict as predict_files

    with _on_disk(files) as (paths, names):
        predictions = predict_files(model, paths, top=top, batch_size=batch_size)
        show = _as_json if as_json else _as_csv if as_csv else _as_text
        failed = show((each, names.get(each.file, each.file)) for each in predictions)
    if failed:
        raise typer.Exit(1)


@contextmanager
def _on_disk(files: list[str]) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Yield the paths of files, with what comes from the standard input in one of its own, and the name of that."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard input"
        if STANDARD_INPUT in files:
            content = sys.stdin.buffer.read(MOST + 1)
            if len(content) > MOST:
                raise InputError(f"an image from the standard input must have at most {MOST:,} bytes")
            path.write_bytes(content)
        yield [str(path) if file == STANDARD_INPUT else file for file in files], {str(path): STANDARD_INPUT}


def _as_text(predictions: Iterable[tuple["Prediction", str]]) -> int:
    def line(each: "Prediction") -> str:
        if each.squared_error is not None:
            return f"squared error {each.squared_error:.3f}"
        if each.classes:
            return "  ".join(f"{name} {probability:.2%}" for name, probability in each.classes)
        assert each.outputs is not None
        return " ".join(f"{value:.6g}" for value in each.outputs.ravel()[:10]) + " …" * (each.outputs.size > 10)

    return _printed(predictions, lambda each, name: print(f"{name}: {line(each)}"))


def _as_json(predictions: Iterable[tuple["Prediction", str]]) -> int:
    def content(each: "Prediction", name: str) -> dict[str, Any]:
        if each.squared_error is not None:
            return {"file": name, "squared_error": each.squared_error}
        if each.classes:
            classes = [{"class": label, "probability": probability} for label, probability in each.classes]
            return {"file": name, **classes[0], "top": classes}
        assert each.outputs is not None
        return {"file": name, "outputs": each.outputs.tolist()}

    return _printed(predictions, lambda each, name: print(json.dumps(content(each, name), ensure_ascii=False)))


def _as_csv(predictions: Iterable[tuple["Prediction", str]]) -> int:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    header: list[str] = []

    def write(each: "Prediction", name: str) -> None:
        if each.squared_error is not None:
            columns, values = ["squared_error"], [each.squared_error]
        elif each.classes:
            numbers = ["", *(f"_{number}" for number in range(2, len(each.classes) + 1))]
            columns = [f"{kind}{number}" for number in numbers for kind in ("class", "probability")]
            values = [value for pair in each.classes for value in pair]  # type: ignore[misc]
        else:
            assert each.outputs is not None
            columns, values = [f"output{number}" for number in range(each.outputs.size)], each.outputs.ravel().tolist()
        if not header:
            header.extend(["file", *columns])
            writer.writerow(header)
        writer.writerow([name, *values])

    return _printed(predictions, write)


def _printed(predictions: Iterable[tuple["Prediction", str]], write: Any) -> int:
    """Write each prediction, name each file that has none, and return how many those are."""
    failed = 0
    for each, name in predictions:
        if each.error:
            failed += 1
            print(f"cnnzoo: {name!r} is not a readable image: {each.error}", file=sys.stderr)
        else:
            write(each, name)
    return failed
