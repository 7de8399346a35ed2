"""`cnnzoo predict`: predictions for image files, and reconstructions as such."""

import csv
import dataclasses
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnzoo.cli.app import app, start_tensorflow
from cnnzoo.errors import InputError
from cnnzoo.files import atomic_write, make_folder

if TYPE_CHECKING:
    from cnnzoo.serving.predict import Prediction

STANDARD_INPUT = "-"
STDIN_NAME = PurePath("stdin")  # of its reconstruction
MOST = 2**29  # bytes of an image from the standard input


@app.command()
def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder of a finished run or of an export, or .keras file.")
    ],
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Image files, folders of them, or - for the standard input; CSV files for a table's model.",
        ),
    ],
    top: Annotated[int, typer.Option(metavar="N", help="Number of classes to print, the most probable first.")] = 5,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Images per batch.")] = 64,
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write an autoencoder's reconstructions there, as PNG files.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object per image.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values, with a header.")] = False,
) -> None:
    """Predict the classes of image files, or reconstruct them.

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
        targets = None if to is None else _targets(paths, to, names)
        predictions = predict_files(model, paths, top=top, batch_size=batch_size)
        answers = (_Answer(each, names.get(each.file, each.file)) for each in predictions)
        show = _as_json if as_json else _as_csv if as_csv else _as_text
        failed = show(answers if targets is None else _written(answers, targets, model))
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


@dataclasses.dataclass
class _Answer:
    """A prediction, the name of its file, and the file of its reconstruction, if there is one."""

    prediction: "Prediction"
    name: str
    reconstruction: str = ""


def _targets(paths: list[str], folder: Path, names: dict[str, str]) -> dict[str, Path]:
    """Return the file for each image's reconstruction: of its name, in the same place below the folder.

    Where images differ in their suffix alone, it stays in the name.
    """
    from cnnzoo.serving.predict import image_files

    files = {path: STDIN_NAME if path in names else name for path, name in image_files(paths)}
    stems = Counter(str(name.with_suffix("")).casefold() for name in files.values())
    targets, sources = {}, {Path(path).resolve() for path in files}
    taken: dict[str, str] = {}
    for path, name in files.items():
        alone = stems[str(name.with_suffix("")).casefold()] == 1
        target = folder / (name.with_suffix(".png") if alone else name.with_name(f"{name.name}.png"))
        if (other := taken.setdefault(str(target).casefold(), path)) != path:  # on many systems, case is the same
            raise InputError(f"the reconstructions of {other!r} and {path!r} would both be {str(target)!r}")
        if target.resolve() in sources:
            raise InputError(f"that of {path!r} would replace the image {str(target)!r}: give another --to")
        targets[path] = target
    return targets


def _written(answers: Iterable[_Answer], targets: dict[str, Path], model: Path) -> Iterator[_Answer]:
    """Yield answers, once the reconstruction of each is written.

    Raises:
        InputError: the model reconstructs nothing, or in no scale that is known.
    """
    from PIL import Image

    for answer in answers:
        prediction = answer.prediction
        if not prediction.error:
            if (pixels := prediction.pixels) is None:
                raise InputError(
                    f"--to writes the reconstructions of an autoencoder, and those of {str(model)!r} are none whose "
                    "pixels are known"
                )
            target = targets[prediction.file]
            make_folder(target.parent)
            with atomic_write(target) as part:
                Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(part)
            answer.reconstruction = str(target)
        yield answer


def _as_text(answers: Iterable[_Answer]) -> int:
    def line(answer: _Answer) -> str:
        each = answer.prediction
        if each.squared_error is not None:
            verdict = "" if each.anomalous is None else "  anomaly" if each.anomalous else "  ordinary"
            return f"squared error {each.squared_error:.3f}{verdict}" + (f"  {answer.reconstruction}".rstrip())
        if each.classes:
            return "  ".join(f"{name} {probability:.2%}" for name, probability in each.classes)
        assert each.outputs is not None
        return " ".join(f"{value:.6g}" for value in each.outputs.ravel()[:10]) + " …" * (each.outputs.size > 10)

    return _printed(answers, lambda answer: print(f"{answer.name}: {line(answer)}"))


def _as_json(answers: Iterable[_Answer]) -> int:
    def content(answer: _Answer) -> dict[str, Any]:
        each = answer.prediction
        written = {"reconstruction": answer.reconstruction} if answer.reconstruction else {}
        if each.squared_error is not None:
            verdict = {} if each.anomalous is None else {"anomaly": each.anomalous}
            return {"file": answer.name, "squared_error": each.squared_error, **verdict, **written}
        if each.classes:
            classes = [{"class": label, "probability": probability} for label, probability in each.classes]
            return {"file": answer.name, **classes[0], "top": classes}
        assert each.outputs is not None
        return {"file": answer.name, "outputs": each.outputs.tolist()}

    ascii_alone = (sys.stdout.encoding or "").lower() != "utf-8"  # else question marks would stand in names
    return _printed(answers, lambda answer: print(json.dumps(content(answer), ensure_ascii=ascii_alone)))


def _as_csv(answers: Iterable[_Answer]) -> int:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    header: list[str] = []

    def write(answer: _Answer) -> None:
        each = answer.prediction
        columns: list[str]
        values: list[Any]
        if each.squared_error is not None:
            columns, values = ["squared_error"], [each.squared_error]
            if each.anomalous is not None:
                columns, values = [*columns, "anomaly"], [*values, int(each.anomalous)]
            if answer.reconstruction:
                columns, values = [*columns, "reconstruction"], [*values, answer.reconstruction]
        elif each.classes:
            numbers = ["", *(f"_{number}" for number in range(2, len(each.classes) + 1))]
            columns = [f"{kind}{number}" for number in numbers for kind in ("class", "probability")]
            values = [value for pair in each.classes for value in pair]
        else:
            assert each.outputs is not None
            columns, values = [f"output{number}" for number in range(each.outputs.size)], each.outputs.ravel().tolist()
        if not header:
            header.extend(["file", *columns])
            writer.writerow(header)
        writer.writerow([answer.name, *values])

    return _printed(answers, write)


def _printed(answers: Iterable[_Answer], write: Callable[[_Answer], None]) -> int:
    """Write each answer, name each file that has none, and return how many those are."""
    failed = 0
    for answer in answers:
        if answer.prediction.error:
            failed += 1
            print(f"cnnzoo: {answer.name!r} is not a readable image: {answer.prediction.error}", file=sys.stderr)
            continue
        if answer.prediction.damage:
            print(
                f"cnnzoo: {answer.name!r} is damaged, and decoded in part: {answer.prediction.damage}", file=sys.stderr
            )
        write(answer)
    return failed
