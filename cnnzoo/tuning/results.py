"""What came out of each trial, kept beside it, and the table of them all."""

import json
from pathlib import Path
from typing import Any

from cnnzoo.errors import InputError
from cnnzoo.files import atomic_write, make_folder, write_json

OUTCOME = "outcome.json"
TABLE = "leaderboard.md"


class Outcomes:
    """The outcomes of a search's trials, each in the trial's folder.

    Args:
        folder: the search's folder.
        objective: `"accuracy"`, of which more is better, or `"squared_error"`.
    """

    def __init__(self, folder: Path, objective: str):
        self.folder = folder
        self.pretrained = folder / ".pretrained"  # layers that trials share
        self.objective = objective

    def check_seen(self) -> None:
        """Refuse to train in a folder that is not the search's: a worker's, perhaps, that does not see the chief's.

        Raises:
            InputError: nothing has been begun there.
        """
        if not (self.folder / "recipe.json").is_file():
            raise InputError(
                f"there is no search in {str(self.folder)!r}; the chief and its workers must all see the same folder"
            )

    def folder_of(self, trial: str) -> Path:
        """Return the folder of a trial."""
        return self.folder / "trials" / trial

    def of(self, trial: str) -> dict[str, Any] | None:
        """Return the outcome of a trial, or `None` if it has not ended."""
        file = self.folder_of(trial) / OUTCOME
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def record(
        self, trial: str, *, overrides: dict[str, Any], epochs: int | None, found: dict[str, Any], seconds: float
    ) -> dict[str, Any]:
        """Write down how a trial ended.

        Args:
            trial: its number.
            overrides: what it changed.
            epochs: its epochs, or `None` if it came to none.
            found: the figures of its run, or `failed`, a sentence.
            seconds: how long it took, with all that belongs to it.

        Returns:
            The outcome: trial, status, figure, loss, epochs, overrides, seconds, images, and why it failed, a sentence.
        """
        figure = found.get("validation", {}).get(self.objective)
        sentence = found.get("failed")
        if figure is None and sentence is None:
            sentence = f"it was judged by {' and '.join(found['validation'])}, not by {self.objective}"
        outcome = {
            "trial": trial,
            "status": "finished" if sentence is None else "failed",
            "figure": figure,
            "loss": found.get("validation", {}).get("loss"),
            "epochs": epochs,
            "overrides": overrides,
            "seconds": round(seconds, 1),
            "images": found.get("validation_examples"),
            "sentence": sentence,
        }
        make_folder(self.folder_of(trial))
        write_json(self.folder_of(trial) / OUTCOME, outcome)
        return outcome

    def in_words(self, outcome: dict[str, Any]) -> str:
        """Return how a trial ended, as a person says it."""
        if outcome["figure"] is None:
            return f"failed: {outcome['sentence']}"
        return f"{self.name} {self.short(outcome['figure'])} on {outcome['images']:,} validation images"

    @property
    def name(self) -> str:
        """The objective in words."""
        return self.objective.replace("_", " ")

    def short(self, figure: float) -> str:
        """Return a figure as a person writes it."""
        return f"{figure:.2%}" if self.objective == "accuracy" else f"{figure:.3f}"

    def ranked(self) -> list[dict[str, Any]]:
        """Return the outcomes of all trials that have ended: the best first, the failed last.

        What was trained for more epochs stands before what was trained for fewer, as hyperband's are. Among equals,
        and a few hundred images leave many, the loss decides.
        """
        trials = sorted(path.name for path in (self.folder / "trials").iterdir())
        ended = [outcome for trial in trials if (outcome := self.of(trial))]
        sign = -1 if self.objective == "accuracy" else 1

        def place(outcome: dict[str, Any]) -> tuple:
            if outcome["figure"] is None:
                return True, 0, 0, 0, outcome["trial"]
            return False, -outcome["epochs"], sign * outcome["figure"], outcome["loss"], outcome["trial"]

        return sorted(ended, key=place)


def to_markdown(rows: list[dict[str, Any]], outcomes: Outcomes) -> str:
    """Return the table of a search's trials."""
    lines = [
        f"| trial | status | validation {outcomes.name} | epochs | seconds | overrides, or why it failed |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        figure = "–" if row["figure"] is None else outcomes.short(row["figure"])
        values = in_words(row["overrides"])
        why = values if row["sentence"] is None else f"{row['sentence']} ({values})"
        lines.append(
            f"| {row['trial']} | {row['status']} | {figure} | {row['epochs'] or '–'} | {row['seconds']:.0f} | "
            f"{why.replace('|', '/')} |"
        )
    return "\n".join(lines)


def write(rows: list[dict[str, Any]], outcomes: Outcomes) -> None:
    """Write `leaderboard.json` and `leaderboard.md` into the search's folder."""
    write_json(outcomes.folder / "leaderboard.json", {"objective": outcomes.objective, "trials": rows})
    with atomic_write(outcomes.folder / TABLE) as part:
        part.write_text(to_markdown(rows, outcomes) + "\n", encoding="utf-8")


def in_words(overrides: dict[str, Any]) -> str:
    """Return overrides as they are written on the command line, numbers short.

    Example:
    >>> in_words({"learning_rate": 0.00123456, "augment": "affine"})
    'learning_rate=0.001235, augment=affine'
    """

    def short(value: Any) -> str:
        if isinstance(value, list):
            return f"[{', '.join(map(short, value))}]"
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return ", ".join(f"{name}={short(value)}" for name, value in overrides.items()) or "as the recipe"
