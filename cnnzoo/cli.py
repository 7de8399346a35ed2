"""The command line."""

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cnnzoo.errors import InputError

if TYPE_CHECKING:
    from cnnzoo.recipe import Recipe, Study

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The classic deep nets: train them by recipe, judge them, export them.",
)

DataDir = Annotated[Path | None, typer.Option(help="Where TFDS keeps its data (default: TFDS_DATA_DIR).")]


@app.command("list")
def list_all() -> None:
    """List the models and the recipes."""
    from cnnzoo.models import list_models
    from cnnzoo.recipe import list_recipes

    print("models")
    for name in list_models():
        print(f"  {name}")
    print("recipes")
    recipes = list_recipes()
    for name, title in recipes.items():
        print(f"  {name:{max(map(len, recipes))}}  {title}")


@app.command()
def info(
    model: Annotated[str, typer.Argument(help="A name that `cnnzoo list` shows.")],
    input: Annotated[
        str | None, typer.Option("--input", metavar="SIZE", help="Size of an image, as 28, 28x28 or 400x400x3.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An argument of the model, as classes=5.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, with more columns.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a model's arithmetic, layer by layer: sizes, fields, parameters, connections, multiply-adds, memory."""
    if markdown and as_json:
        raise InputError("--markdown and --json ask for one output in two forms: give one of them")
    _start_tensorflow()
    from cnnzoo import models
    from cnnzoo.analysis import conv_report
    from cnnzoo.recipe import parse_settings

    options = parse_settings(settings or [])
    if input is not None:
        if "input_shape" in options:
            raise InputError("--input and --set input_shape say the same: give one of them")
        options["input_shape"] = _image_shape(input, model)
    report = conv_report(models.create(model, **{"compile": False, **options}))
    if as_json:
        print(json.dumps(report.to_dict(), indent=1))
    elif markdown:
        print(report.to_markdown())
    else:
        summary, _, _ = (models.function(model).__doc__ or "").partition("\n")
        print(f"{model}: {summary}\n\n{report}")


def _image_shape(text: str, model: str) -> tuple[int, ...]:
    """Return the shape that `--input` names, with the depth of the model's own images where it names none."""
    from cnnzoo import models

    if not re.fullmatch(r"[1-9]\d*([x×][1-9]\d*){0,2}", text):
        raise InputError(f"--input is written as 28, 28x28 or 28x28x1 (height, width, depth), not {text!r}")
    sides = tuple(map(int, re.split("[x×]", text)))
    if len(sides) == 3:
        return sides
    depth = models.create(model, compile=False).input_shape[-1]
    return (*(sides * 2)[:2], depth)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A name that `cnnzoo list` shows, or a recipe file.")],
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in one step.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides weights, order, dropout and augmentation.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32, mixed_bfloat16 or mixed_float16.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other value of the recipe, as augment=affine."),
    ] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="The same recipe cut to seconds.")] = False,
    workdir: Annotated[Path | None, typer.Option(help="A new folder (default: runs/RECIPE/NUMBER).")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the latest run, or the one in WORKDIR.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Train a model by a recipe and judge it on the test images."""
    from cnnzoo.recipe import Study, load_recipe

    chosen = _begun(workdir, recipe) if resume else load_recipe(recipe)
    chosen = chosen.smoke() if smoke else chosen
    chosen = chosen.override(settings or [])
    given = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "precision": precision}
    chosen = chosen.replace(**{name: value for name, value in given.items() if value is not None})

    _start_tensorflow()
    from cnnzoo import studies, training

    try:
        if isinstance(chosen, Study):
            comparison = studies.run(chosen, workdir=workdir, resume=resume, data_dir=data_dir)
            print(f"{comparison.to_markdown()}\nstudy folder {comparison.folder}")
            return
        run = training.train(chosen, workdir=workdir, resume=resume, data_dir=data_dir)
    except KeyboardInterrupt:
        where = f" --workdir {workdir}" if workdir else ""
        print(f"\nstopped; go on with: cnnzoo train {recipe}{where} --resume", file=sys.stderr)
        raise typer.Exit(130) from None
    metrics = run.metrics
    print(
        f"test {_in_words(metrics['test'])}, {metrics['test_examples']:,} images, "
        f"{metrics['parameters']:,} parameters, {metrics['train_seconds']:.0f} s, "
        f"{metrics['images_per_second']:,} images/s\n"
        f"{_before_the_fit(metrics)}"
        f"{_beside_pca(metrics)}"
        f"run folder {run.folder}\n"
        f"next: cnnzoo export {run.folder} --to saved_models/{metrics['model']}"
    )


def _in_words(figures: dict[str, float]) -> str:
    if "accuracy" in figures:
        return f"accuracy {figures['accuracy']:.2%}"
    return f"squared error {figures['squared_error']:.3f} an image"


def _beside_pca(metrics: dict[str, Any]) -> str:
    """Return a line that says what as many principal components as an autoencoder's code keep, or nothing."""
    linear = metrics.get("principal_components")
    if not linear:
        return ""
    return f"{linear['components']} principal components: squared error {linear['squared_error']:.3f} an image\n"


def _before_the_fit(metrics: dict[str, Any]) -> str:
    """Return a line with the time that pretraining took, which the seconds of the fit do not hold, or nothing."""
    layers = metrics.get("pretraining")
    if not layers:
        return ""
    seconds = sum(sum(history["seconds"]) for history in layers.values())
    return f"before that, {seconds:.0f} s of pretraining, {len(layers)} layers\n"


def _begun(workdir: Path | None, recipe: str) -> "Recipe | Study":
    """Return the recipe or the study that a run was begun with."""
    from cnnzoo import run as runs
    from cnnzoo.recipe import Recipe, Study

    content = runs.reopen(workdir, Path(recipe).stem).content
    return Study.from_dict(content) if "variants" in content else Recipe.from_dict(content["recipe"])


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    data_dir: DataDir = None,
) -> None:
    """Judge a finished run's model on the test images."""
    _start_tensorflow()
    from cnnzoo import training

    results = training.evaluate(run, data_dir=data_dir)
    print(f"test {_in_words(results)}, loss {results['loss']:.4f}")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    to: Annotated[Path, typer.Option(help="The model's folder; a new version is added to it.")],
) -> None:
    """Write a run's model as a SavedModel for serving."""
    _start_tensorflow()
    from cnnzoo import serving

    print(serving.export(run, to))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; bad input ends in one sentence on stderr and exit code 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        arguments = sys.argv[1:] if arguments is None else arguments
        sys.exit(app(arguments or ["--help"], prog_name="cnnzoo", standalone_mode=False))
    except InputError as error:
        _refuse(str(error))
    except Exception as error:
        # Typer's own complaints about options; their class has moved between its releases.
        if not hasattr(error, "format_message"):
            raise
        _refuse(error.format_message())


def _refuse(sentence: str) -> NoReturn:
    print(f"cnnzoo: {sentence}", file=sys.stderr)
    sys.exit(2)


def run_file(path: str) -> None:
    """Train the recipe in a file that was started as a script, with the options of `cnnzoo train`."""
    main(["train", path, *sys.argv[1:]])


def _start_tensorflow() -> None:
    """Start TensorFlow without the notes that it writes to stderr before any log level holds.

    They say how it was compiled and which libraries it found. If the start fails, they are shown.
    """
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            import tensorflow

            tensorflow.config.list_physical_devices()
        except BaseException:
            notes.seek(0)
            os.write(stderr, notes.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
