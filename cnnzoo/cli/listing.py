"""`cnnzoo list` and `cnnzoo info`: what there is, and its arithmetic."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnzoo.cli.app import app, start_tensorflow
from cnnzoo.errors import InputError

if TYPE_CHECKING:
    import keras


@app.command("list")
def list_all() -> None:
    """List models, recipes and trained weights.

    Examples:
        cnnzoo list
    """
    from cnnzoo import weights
    from cnnzoo.experiments import list_recipes
    from cnnzoo.models import list_models

    print("models")
    for name in list_models():
        print(f"  {name}")
    print("recipes")
    recipes = list_recipes()
    for name, title in recipes.items():
        print(f"  {name:{max(map(len, recipes))}}  {title}")
    print("trained weights")
    for entry in weights.list():
        print(f"  {entry}")


@app.command()
def info(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Name of a model (see `cnnzoo list`), folder of a finished run, or .keras file."
        ),
    ],
    input: Annotated[
        str | None,
        typer.Option(
            "--input", metavar="SIZE", help="Size of an image: 28, 28x28 or 400x400x3. [default: the model's own]"
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set an argument of the model, e.g. classes=5. Repeatable."),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table, with more columns.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the sizes and costs of a net's layers.

    Each layer's output size, receptive field, parameters, connections, multiply-adds and memory.

    Examples:
        cnnzoo info lenet5
        cnnzoo info alexnet --input 400x400x3
        cnnzoo info lenet5 --set classes=5 --markdown
        cnnzoo info runs/lenet5_mnist/1 --json
    """
    if markdown and as_json:
        raise InputError("--markdown and --json exclude each other: give one of them")
    start_tensorflow()
    from cnnzoo import models
    from cnnzoo.analysis import conv_report
    from cnnzoo.experiments import parse_settings

    options = parse_settings(settings or [])
    trained = model not in models.FAMILIES and (Path(model).exists() or re.search(r"[/.]", model))
    if trained and (options or input is not None):
        raise InputError(f"--input and --set are for a model by its name; that in {model!r} is built already")
    if input is not None:
        if "input_shape" in options:
            raise InputError("--input and --set input_shape set the same thing: give one of them")
        options["input_shape"] = _image_shape(input, model)
    built, title = _trained(model) if trained else _by_name(model, options)
    report = conv_report(built)
    if as_json:
        print(json.dumps(report.to_dict(), indent=1))
    elif markdown:
        print(report.to_markdown())
    else:
        print(f"{model}: {title}\n\n{report}")


def _by_name(name: str, options: dict[str, Any]) -> "tuple[keras.Model, str]":
    """Return a new model, and the first sentence of its function."""
    from cnnzoo import models

    summary, _, _ = (models.function(name).__doc__ or "").partition("\n")
    return models.create(name, **{"compile": False, **options}), summary


def _trained(path: str) -> "tuple[keras.Model, str]":
    """Return the model in a run's folder or in a file, and what it is."""
    from cnnzoo.experiments.run import Run, load_model

    if Path(path).suffix == ".keras":
        model = load_model(path)
        return model, model.name
    run = Run(path)
    recipe = run.recipe  # it raises the error for a study
    return run.model(), f"{recipe.model}, trained by {recipe.name}, seed {recipe.seed}"


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
