"""Make a page about one run, about several compared, or about a study."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cnnzoo import data
from cnnzoo.browser.nets import of_run
from cnnzoo.browser.play import DEFAULT_FILE, write
from cnnzoo.checks import refusal
from cnnzoo.data.source import kind_of
from cnnzoo.errors import InputError, WriteError
from cnnzoo.experiments.run import Run
from cnnzoo.reports import autoencoder, classifier, comparison, sections
from cnnzoo.reports.page import write_page
from cnnzoo.reports.run_data import RunData, run_data_of
from cnnzoo.reports.sections import Section
from cnnzoo.runtime import suppress_retracing_warnings
from cnnzoo.training.sources import read_once
from cnnzoo.weights.shipped_models import formatted_metrics

CHAINS = 8  # of a Boltzmann machine, in a picture
COMPARISON_FOLDER = "report"  # the default folder of a page about several runs


def report(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    to: str | Path | None = None,
    data_dir: str | Path | None = None,
) -> Path:
    """Write a page about a finished run, about several runs compared, or about a study.

    The page, `report.html`, is one file that loads nothing else and has a light and a dark color scheme; its pictures
    are also written to `pictures`, as SVG and PNG. The test metrics are the run's own and are not evaluated again. Of
    large test sets up to 10,000 images are shown, evenly spread; the page says how many. Beside the page of one run
    `play.html` is written, where `cnnzoo.play` can.

    Args:
        runs: a `Run` or its folder, a study's folder, or several runs in a list.
        to: folder to write to; default the run's or the study's own, and `report` for several.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.

    Returns:
        The path of the page.

    Raises:
        InputError: a folder holds no finished run, the data cannot be had, or the folder cannot be written to.

    Example:
    >>> import cnnzoo, tempfile
    >>> run = cnnzoo.train("lenet5_digits", workdir=tempfile.mkdtemp(), epochs=1, verbose=0)
    >>> report(run).name
    'report.html'
    """
    given = list(runs) if isinstance(runs, Iterable) and not isinstance(runs, str) else [runs]
    if not given:
        raise refusal("runs", "at least one run", given)
    for run in given:
        if not isinstance(run, Run | str | Path):
            raise refusal("runs", "a cnnzoo.Run or its folder, or a list of them", run)
    several = [run if isinstance(run, Run) else Run(run) for run in given]
    with suppress_retracing_warnings(), read_once(), data.using_data_dir(data_dir):
        if len(several) > 1:
            return write_page(Path(to or COMPARISON_FOLDER), *comparison.comparison_page(several))
        [run] = several
        folder = Path(to or run.folder)
        if "variants" in run.content:
            return write_page(folder, *comparison.study_page(run))
        run_data = run_data_of(run)
        return write_page(folder, *_page(run_data), _play_page(run_data, folder))


def _play_page(run_data: RunData, folder: Path) -> dict[str, str]:
    """Write `play.html` beside the report, and return the link to it; nothing for a net that no page can hold."""
    path = folder / DEFAULT_FILE
    try:
        write([of_run(run_data.run, run_data.model)], path, source=run_data.source)
    except WriteError:
        raise
    except InputError:  # a layer that it does not know, signals or rows, or too many weights
        return {}
    return {DEFAULT_FILE: "Draw, and look inside: the net in the browser"}


def _page(run_data: RunData) -> tuple[str, list[str], list[Section]]:
    """Return title, summary and sections of the page of one run."""
    task = autoencoder if run_data.predictions is None else classifier
    parts = [
        sections.curves(run_data.run),
        *sections.machines(run_data.run, run_data.inputs[run_data.examples(CHAINS)]),
        *task.sections(run_data),
        sections.arithmetic(run_data.model),
        sections.recipe_and_environment(run_data.run),
    ]
    return f"{run_data.recipe.name}, seed {run_data.recipe.seed}", summary(run_data.run.metrics), parts


def summary(metrics: dict[str, Any]) -> list[str]:
    """Return the results of a run in sentences.

    Args:
        metrics: the run's `metrics`.
    """
    kind = kind_of(tuple(metrics["image_shape"]))
    test = formatted_metrics({**metrics["test"], "images": metrics["test_examples"], "kind": kind, "n": 1})
    linear = metrics.get("principal_components")
    pca = f"; with {linear['components']} principal components {linear['squared_error']:.3f}" if linear else ""
    seconds = sum(sum(history["seconds"]) for history in metrics.get("pretraining", {}).values())
    pretraining = f" after {seconds:.0f} s of pretraining" if seconds else ""
    return [
        f"{test[0].upper()}{test[1:]}{pca}.",
        f"{metrics['model']} on {metrics['data']}: {metrics['parameters']:,} trained parameters, "
        f"{metrics['epochs']} epochs in {metrics['train_seconds']:.0f} s{pretraining}, "
        f"{metrics['images_per_second']:,} images/s.",
    ]
