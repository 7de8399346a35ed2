"""`cnnzoo export` and `cnnzoo serve`."""

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from cnnzoo.cli.app import DataDir, app, start_tensorflow


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run, or a .keras file.")],
    to: Annotated[Path, typer.Option(help="The model's folder; a new version is added to it.")],
    format: Annotated[
        list[str] | None,
        typer.Option(help="saved_model, onnx, litert or litert_int8; may be given several times.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(help="How many classes to name.")] = 1,
    weights_dtype: Annotated[str, typer.Option(help="float32, or float16 for half the size.")] = "float32",
    output: Annotated[
        str | None,
        typer.Option(
            help="What the model returns, if neither its last operation nor its loss says it: probabilities, logits, "
            "labels or values.",
            show_default=False,
        ),
    ] = None,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Evaluate each written format on the run's test images.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Export a run as a SavedModel, ONNX or LiteRT file."""
    start_tensorflow()
    from cnnzoo.serving.export import export as export_model
    from cnnzoo.serving.model_card import formatted_entry
    from cnnzoo.weights.shipped_models import CARD

    version = export_model(
        run,
        to,
        formats=tuple(format or ("saved_model",)),
        top=top,
        weights_dtype=weights_dtype,
        output=output,
        evaluate=evaluate,
        data_dir=data_dir,
    )
    card = json.loads((version / CARD).read_text(encoding="utf-8"))
    for name, entry in card["formats"].items():
        print(formatted_entry(name, entry))
    print(version)


@app.command()
def serve(
    folder: Annotated[Path, typer.Argument(help="A folder of exported models, or one model's folder.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8080,
    versions: Annotated[int, typer.Option(help="How many of the newest versions of each model to serve.")] = 1,
    poll_interval: Annotated[float, typer.Option(help="Seconds between two scans of the folder.")] = 1.0,
    batching: Annotated[int, typer.Option(help="Most images of waiting requests in a batch; 0 for no batches.")] = 256,
    max_body: Annotated[int, typer.Option(help="Most bytes of a request.")] = 32 * 2**20,
    max_values: Annotated[int, typer.Option(help="Most values of a request as JSON.")] = 3_000_000,
    max_batch: Annotated[int, typer.Option(help="Most images of a request.")] = 1024,
    max_pixels: Annotated[int, typer.Option(help="Most pixels of a request's files together.")] = 100_000_000,
    max_response: Annotated[int, typer.Option(help="Most bytes of an answer.")] = 32 * 2**20,
    max_held: Annotated[int, typer.Option(help="Most bytes of all requests and answers at a time.")] = 256 * 2**20,
    max_header: Annotated[int, typer.Option(help="Most bytes of a request's header.")] = 64 * 2**10,
    max_seconds: Annotated[float, typer.Option(help="Most seconds for a request to arrive.")] = 30.0,
) -> None:
    """Serve exported models over HTTP, and new versions of them."""
    start_tensorflow()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("cnnzoo.serving.server").setLevel(logging.INFO)
    from cnnzoo.serving import server

    limits = server.Limits(
        max_body=max_body,
        max_values=max_values,
        max_batch=max_batch,
        max_pixels=max_pixels,
        max_response=max_response,
        max_held=max_held,
        max_header=max_header,
        max_seconds=max_seconds,
    )
    server.serve(
        folder, host=host, port=port, versions=versions, poll_interval=poll_interval, batching=batching, limits=limits
    )
