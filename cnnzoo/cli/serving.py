"""`cnnzoo export` and `cnnzoo serve`."""

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from cnnzoo.cli.app import DataDir, app, start_tensorflow


@app.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, or .keras file.")],
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Model folder; writes the next version: 1/, 2/, …")],
    format: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[saved_model|onnx|litert|litert_int8]",
            help="Format of the file. Repeatable. [default: saved_model]",
            show_default=False,
        ),
    ] = None,
    top: Annotated[
        int, typer.Option(metavar="N", help="Number of classes that a prediction names, the most probable first.")
    ] = 1,
    weights_dtype: Annotated[
        str, typer.Option(metavar="[float32|float16]", help="Type of the weights; float16 halves the file.")
    ] = "float32",
    output: Annotated[
        str | None,
        typer.Option(
            metavar="[probabilities|logits|labels|values]",
            help="What the model returns, where neither its last operation nor its loss says it.",
            show_default=False,
        ),
    ] = None,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Evaluate each format on the run's test images.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Export a run as a SavedModel, ONNX or LiteRT file.

    Examples:
        cnnzoo export runs/lenet5_mnist/1 --to exported/lenet5
        cnnzoo export runs/lenet5_mnist/1 --to exported/lenet5 --format onnx
        cnnzoo export model.keras --to exported/model --output logits
    """
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
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of exported models, or folder of one model.")
    ],
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Address to listen on; 0.0.0.0: all, for everyone: there is no authentication."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="Port to listen on.")] = 8080,
    versions: Annotated[int, typer.Option(metavar="N", help="Versions of each model to serve, the newest ones.")] = 1,
    poll_interval: Annotated[
        float, typer.Option(metavar="SECONDS", help="Time between two scans of the folder for new versions.")
    ] = 1.0,
    batching: Annotated[
        int, typer.Option(metavar="N", help="Batch waiting requests, up to this many images (0: off).")
    ] = 256,
    max_body: Annotated[
        int, typer.Option(metavar="BYTES", show_default="32 MiB", help="Maximum size of a request's body.")
    ] = 32 * 2**20,
    max_values: Annotated[
        int, typer.Option(metavar="N", help="Maximum number of values in a request's JSON.")
    ] = 3_000_000,
    max_batch: Annotated[int, typer.Option(metavar="N", help="Maximum number of images in a request.")] = 1024,
    max_pixels: Annotated[
        int, typer.Option(metavar="N", help="Maximum number of pixels of all images in a request.")
    ] = 100_000_000,
    max_response: Annotated[
        int, typer.Option(metavar="BYTES", show_default="32 MiB", help="Maximum size of a response.")
    ] = 32 * 2**20,
    max_held: Annotated[
        int,
        typer.Option(
            metavar="BYTES", show_default="256 MiB", help="Maximum size of all requests and responses in memory."
        ),
    ] = 256 * 2**20,
    max_header: Annotated[
        int, typer.Option(metavar="BYTES", show_default="64 KiB", help="Maximum size of a request's header.")
    ] = 64 * 2**10,
    max_seconds: Annotated[float, typer.Option(metavar="SECONDS", help="Maximum time for a request to arrive.")] = 30.0,
) -> None:
    """Serve exported models over HTTP, and new versions of them.

    Examples:
        cnnzoo serve saved_models
        cnnzoo serve exported
        cnnzoo serve exported --port 9000 --versions 2
    """
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
