"""What came out of a search: the leaderboard, the best overrides, and the winner beside the recipe."""

import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnzoo.errors import InputError
from cnnzoo.files import write_json
from cnnzoo.quiet import without_retracing_notes
from cnnzoo.tuning import leaderboard
from cnnzoo.tuning.asked import Asked
from cnnzoo.tuning.leaderboard import Outcomes
from cnnzoo.tuning.space import beside_the_default

if TYPE_CHECKING:
    from cnnzoo import studies

OVERRIDES = "overrides.json"


@dataclasses.dataclass(frozen=True)
class Tuned:
    """What came out of a search.

    Attributes:
        folder: the search's folder, with `leaderboard.json`, `overrides.json` and the folder of each trial.
        rows: one mapping a trial, the best first: trial, status, figure and loss (of the validation images), epochs,
            overrides, seconds, images (how many judged it), sentence (why it failed).
        overrides: what the best trial changed, and what was given for all, as `Recipe.override` takes it.
        comparison: the winner beside the recipe as it was, on the test images; `None` without seeds.
    """

    folder: Path
    rows: list[dict[str, Any]]
    overrides: dict[str, Any]
    comparison: "studies.Comparison | None"

    def to_markdown(self) -> str:
        """Return the table of the trials, and that of the comparison."""
        tables = [(self.folder / leaderboard.TABLE).read_text(encoding="utf-8")]
        return "\n".join(tables + ([self.comparison.to_markdown()] if self.comparison else []))


def concluded(
    asked: Asked, outcomes: Outcomes, *, seeds: int, data_dir: str | Path | None, verbose: str | int
) -> Tuned:
    """Write the leaderboard and the winner's overrides, and train and test the winner and the recipe.

    Args:
        asked: the search.
        outcomes: its trials, which have all ended.
        seeds: number of seeds to train at; 0 to leave that out.
        data_dir: where TFDS keeps its data.
        verbose: what is shown, as `tune` says.

    Raises:
        InputError: not one trial came to its end.
    """
    shutil.rmtree(outcomes.pretrained, ignore_errors=True)
    rows = outcomes.ranked()
    leaderboard.write(rows, outcomes)
    best = rows[0]
    if best["figure"] is None:
        raise InputError(f"not one of {len(rows)} trials came to its end; trial {best['trial']}: {best['sentence']}")
    overrides = {**asked.settings.overrides, **best["overrides"]}
    write_json(outcomes.folder / OVERRIDES, overrides)
    comparison = _compared(asked, outcomes, best, seeds, data_dir, verbose) if seeds else None
    return Tuned(outcomes.folder, rows, overrides, comparison)


def _compared(
    asked: Asked, outcomes: Outcomes, best: dict[str, Any], seeds: int, data_dir: str | Path | None, verbose: str | int
) -> "studies.Comparison":
    """Train and test the winner and the recipe as it was, in a study in the search's folder."""
    from cnnzoo import studies

    folder = outcomes.folder / f"winner-{best['trial']}-n{seeds}"  # more trials may bring another one
    if verbose:
        print(f"trial {best['trial']} won; {seeds} runs each of it and of the recipe, in {folder}", flush=True)
    study = beside_the_default(asked.recipe, asked.recipe.override(best["overrides"]), seeds)
    shown = 0 if verbose == "auto" else verbose
    with without_retracing_notes():
        return studies.run(study, workdir=folder, resume=None, data_dir=data_dir, verbose=shown)
