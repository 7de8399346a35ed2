"""Make a page of one run, of several side by side, or of a study."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cnnzoo import data, models
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.reports import autoencoder, classifier, comparison, sections
from cnnzoo.reports.page import write_page
from cnnzoo.reports.run_data import RunData, run_data_of
from cnnzoo.reports.sections import Section
from cnnzoo.runtime import without_retracing_notes
from cnnzoo.training.build import read_once

BESIDE = "report"  # the folder of a page about several runs


def report(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    to: str | Path | None = None,
    data_dir: str | Path | None = None,
) -> Path:
    """Write a page about a finished run, about several side by side, or about a study.

    The page, `report.html`, is one file that fetches nothing and reads in light and dark; its pictures lie beside it
    in `pictures`, as SVG and PNG. It judges nothing anew that is published: the test figure is the run's own. Of large
    test sets it looks at up to 10,000 images, evenly spread, and says so.

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
    several = list(runs) if isinstance(runs, Iterable) and not isinstance(runs, str) else [runs]
    if not several:
        raise InputError("report needs at least one run, and the list is empty")
    for run in several:
        if not isinstance(run, Run | str | Path):
            raise InputError(f"a run must be a cnnzoo.Run or its folder, not {run!r}")
    found = [run if isinstance(run, Run) else Run(run) for run in several]
    with data.broken_files_named(), without_retracing_notes(), read_once():
        if len(found) > 1:
            return write_page(Path(to or BESIDE), *comparison.comparison_page(found, data_dir))
        [run] = found
        folder = Path(to or run.folder)
        if "variants" in run.content:
            return write_page(folder, *comparison.study_page(run))
        return write_page(folder, *_page(run_data_of(run, data_dir)))


def _page(run_data: RunData) -> tuple[str, list[str], list[Section]]:
    """Return title, summary and sections of the page of one run."""
    about = autoencoder if models.reconstructs(run_data.model) else classifier
    parts = [
        sections.curves(run_data.run),
        *about.sections(run_data),
        sections.arithmetic(run_data.model),
        sections.circumstances(run_data.run),
    ]
    return f"{run_data.recipe.name}, seed {run_data.recipe.seed}", summary(run_data.run.metrics), parts


def summary(metrics: dict[str, Any]) -> list[str]:
    """Return what came out of a run, in sentences.

    Args:
        metrics: the run's `metrics`.
    """
    test, linear = metrics["test"], metrics.get("principal_components")
    if "accuracy" in test:
        figure = f"{100 * test['accuracy']:.2f} % of {metrics['test_examples']:,} test images right"
    else:
        figure = f"Squared error {test['squared_error']:.3f} an image on {metrics['test_examples']:,} test images"
    beside = f"; {linear['components']} principal components leave {linear['squared_error']:.3f}" if linear else ""
    pretrained = sum(sum(each["seconds"]) for each in metrics.get("pretraining", {}).values())
    before = f" after {pretrained:.0f} s of pretraining" if pretrained else ""
    return [
        f"{figure}{beside}. One run, n=1.",
        f"{metrics['model']} on {metrics['data']}: {metrics['parameters']:,} trained parameters, "
        f"{metrics['epochs']} epochs in {metrics['train_seconds']:.0f} s{before}, "
        f"{metrics['images_per_second']:,} images/s.",
    ]
