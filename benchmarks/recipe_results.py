"""Run a recipe with several seeds, each in a process of its own, and print the results that its docstring states.

    python benchmarks/recipe_results.py lenet5_mnist --seeds 3
    python benchmarks/recipe_results.py lenet5_mnist --seeds 3 --folder runs/affine -- --set augment=affine --epochs 60

A study has a line for each variant. A seed whose run is finished is not run again; one that was interrupted is resumed.
Options after `--` are passed to `cnnzoo train`.

    python benchmarks/recipe_results.py vae_mnist --likelihood 5000

adds what papers print of a variational autoencoder: the negative log-likelihood of all binary test images, estimated
by importance sampling with so many draws each, and the number of active units of the code on the same images.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import cnnzoo
from cnnzoo.experiments.run import error_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 … SEEDS − 1")
    parser.add_argument("--folder", type=Path, help="where the runs go (default: runs/results/RECIPE)")
    parser.add_argument("--likelihood", type=int, metavar="DRAWS", help="print the likelihood of the test images")
    own, more = _split(sys.argv[1:])
    options = parser.parse_args(own)
    folder = options.folder or Path("runs/results") / options.recipe
    results = [_result(options.recipe, folder / f"seed{seed}", seed, more) for seed in range(options.seeds)]
    if "rows" in results[0]:
        _show_study([each["rows"] for each in results])
    else:
        _show(options.recipe, more, results)
    if options.likelihood:
        _show_likelihoods(folder, options.seeds, options.likelihood)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _result(recipe: str, workdir: Path, seed: int, more: list[str]) -> dict:
    if not (workdir / "metrics.json").is_file():
        started = (workdir / "recipe.json").is_file()
        options = ["--resume"] if started else ["--seed", str(seed), *more]
        subprocess.run(
            [sys.executable, "-m", "cnnzoo", "train", recipe, "--workdir", str(workdir), *options],
            check=True,
            stdout=sys.stderr,
        )
    return json.loads((workdir / "metrics.json").read_text(encoding="utf-8"))


def _show(recipe: str, more: list[str], results: list[dict]) -> None:
    units, errors = zip(*map(error_of, results), strict=True)
    spread = statistics.stdev(errors) if len(errors) > 1 else float("nan")
    print(f"{' '.join([recipe, *more])}: {results[0]['parameters']:,} parameters, {results[0]['epochs']} epochs")
    print(f"{units[0]}  {'  '.join(f'{error:.2f}' for error in errors)}")
    print(f"mean {statistics.mean(errors):.3f}  standard deviation {spread:.3f}  n={len(errors)}")
    if "anomalies" in results[0]:
        areas = [each["anomalies"]["auc"] for each in results]
        print(
            "AUC of the anomalies ", "  ".join(f"{area:.3f}" for area in areas), f" mean {statistics.mean(areas):.3f}"
        )
    if linear := results[0].get("principal_components"):
        print(f"{linear['components']} principal components: {linear['squared_error']:.3f}")
    for layer in results[0].get("pretraining", {}):
        seconds = [round(sum(result["pretraining"][layer]["seconds"])) for result in results]
        print(f"seconds of pretraining {layer}  {'  '.join(map(str, seconds))}")
    print(f"seconds  {'  '.join(str(round(result['train_seconds'])) for result in results)}")
    print(f"images/s {'  '.join(str(result['images_per_second']) for result in results)}")


def _show_study(tables: list[list[dict]]) -> None:
    """Print what all seeds have of each variant."""
    for rows in zip(*tables, strict=True):
        errors = [error for row in rows for error in row["errors"]]
        spread = statistics.stdev(errors) if len(errors) > 1 else float("nan")
        print(
            f"{rows[0]['variant']:24s} {rows[0]['unit']}  {statistics.mean(errors):.2f} ± {spread:.2f}"
            f"  ({', '.join(f'{error:.2f}' for error in errors)}), {sum(sum(row['seconds']) for row in rows)} s"
        )


def _show_likelihoods(folder: Path, seeds: int, draws: int) -> None:
    likelihoods = []
    for seed in range(seeds):
        run, start = cnnzoo.Run(folder / f"seed{seed}"), time.perf_counter()
        source = cnnzoo.data.load(run.recipe.data, binarize=run.recipe.binarize)
        model, images = run.model(), source.test.images / np.float32(255)
        values = -cnnzoo.analysis.log_likelihood(model, images, samples=draws)
        active = cnnzoo.analysis.active_units(model, images)
        likelihoods.append(values.mean())
        print(
            f"seed {seed}: NLL {values.mean():.2f} nats, {draws:,} draws for each of {len(images):,} images "
            f"(standard error over the images {values.std() / len(values) ** 0.5:.2f}), {active.sum()} of "
            f"{len(active)} units active, {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    if seeds > 1:
        print(f"NLL mean {statistics.mean(likelihoods):.2f}  standard deviation {statistics.stdev(likelihoods):.2f}")


if __name__ == "__main__":
    main()
