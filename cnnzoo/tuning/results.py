"""The result of each trial, kept in the trial's folder, and the leaderboard of them all."""

import json
from pathlib import Path
from typing import Any

from cnnzoo.errors import InputError
from cnnzoo.files import atomic_write, make_folder, write_json

RESULT = "result.json"
LEADERBOARD = "leaderboard.md"


class TrialResults:
    """The results of a search's trials, each in the trial's folder.

    Args:
        folder: the search's folder.
        objective: `"accuracy"`, which is maximized, or `"squared_error"` or `"loss"`, which are minimized.
    """

    def __init__(self, folder: Path, objective: str):
        self.folder = folder
        self.pretrained = folder / ".pretrained"  # layers that trials share
        self.objective = objective

    def check_folder(self) -> None:
        """Check that the search was started in this folder: a worker may not see the chief's.

        Raises:
            InputError: no search was started there.
        """
        if not (self.folder / "recipe.json").is_file():
            raise InputError(
                f"there is no search in {str(self.folder)!r}; the chief and its workers must all see the same folder"
            )

    def folder_of(self, trial: str) -> Path:
        """Return the folder of a trial."""
        return self.folder / "trials" / trial

    def read(self, trial: str) -> dict[str, Any] | None:
        """Return the result of a trial, or `None` if it has not ended."""
        file = self.folder_of(trial) / RESULT
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def record(
        self, trial: str, *, overrides: dict[str, Any], epochs: int | None, metrics: dict[str, Any], seconds: float
    ) -> dict[str, Any]:
        """Write the result of a trial that has ended.

        Args:
            trial: its number.
            overrides: the recipe's values that it changed.
            epochs: its epochs, or `None` if it did not start.
            metrics: the metrics of its run, or `failed`, the message of the error that ended it.
            seconds: how long it took, pretraining and evaluation included.

        Returns:
            The result: trial, status, score (the objective's value), loss, epochs, overrides, seconds,
            validation_examples, and message (why it failed).
        """
        score = metrics.get("validation", {}).get(self.objective)
        message = metrics.get("failed")
        if score is None and message is None:
            message = f"it was evaluated by {' and '.join(metrics['validation'])}, not by {self.objective}"
        result = {
            "trial": trial,
            "status": "finished" if message is None else "failed",
            "score": score,
            "loss": metrics.get("validation", {}).get("loss"),
            "epochs": epochs,
            "overrides": overrides,
            "seconds": round(seconds, 1),
            "validation_examples": metrics.get("validation_examples"),
            "message": message,
        }
        make_folder(self.folder_of(trial))
        write_json(self.folder_of(trial) / RESULT, result)
        return result

    def formatted(self, result: dict[str, Any]) -> str:
        """Return the result of a trial as text: its score, or why it failed."""
        if result["score"] is None:
            return f"failed: {result['message']}"
        score = self.formatted_score(result["score"])
        return f"{self.objective_name} {score} on {result['validation_examples']:,} validation images"

    @property
    def objective_name(self) -> str:
        """The name of the objective, with spaces."""
        return self.objective.replace("_", " ")

    def formatted_score(self, score: float) -> str:
        """Return a score as text: accuracy in per cent, squared error with three decimals."""
        return f"{100 * score:.2f} %" if self.objective == "accuracy" else f"{score:.3f}"

    def ranked(self) -> list[dict[str, Any]]:
        """Return the results of all trials that have ended: the best first, the failed last.

        Trials of more epochs come before those of fewer, which hyperband has. Trials with the same score, and on a few
        hundred images there are many, are ranked by the loss.
        """
        trials = sorted(path.name for path in (self.folder / "trials").iterdir())
        results = [result for trial in trials if (result := self.read(trial))]
        sign = -1 if self.objective == "accuracy" else 1

        def sort_key(result: dict[str, Any]) -> tuple:
            if result["score"] is None:
                return True, 0, 0, 0, result["trial"]
            return False, -result["epochs"], sign * result["score"], result["loss"], result["trial"]

        return sorted(results, key=sort_key)


def to_markdown(rows: list[dict[str, Any]], results: TrialResults) -> str:
    """Return the table of a search's trials."""
    lines = [
        f"| trial | status | validation {results.objective_name} | epochs | seconds | overrides, or why it failed |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        score = "–" if row["score"] is None else results.formatted_score(row["score"])
        overrides = formatted_overrides(row["overrides"])
        last = overrides if row["message"] is None else f"{row['message']} ({overrides})"
        lines.append(
            f"| {row['trial']} | {row['status']} | {score} | {row['epochs'] or '–'} | {row['seconds']:.0f} | "
            f"{last.replace('|', '/')} |"
        )
    return "\n".join(lines)


def write_leaderboard(rows: list[dict[str, Any]], results: TrialResults) -> None:
    """Write `leaderboard.json` and `leaderboard.md` into the search's folder."""
    write_json(results.folder / "leaderboard.json", {"objective": results.objective, "trials": rows})
    with atomic_write(results.folder / LEADERBOARD) as part:
        part.write_text(to_markdown(rows, results) + "\n", encoding="utf-8")


def formatted_overrides(overrides: dict[str, Any]) -> str:
    """Return overrides as they are written on the command line, with short numbers.

    Example:
    >>> formatted_overrides({"learning_rate": 0.00123456, "augment": "affine"})
    'learning_rate=0.001235, augment=affine'
    """

    def short(value: Any) -> str:
        if isinstance(value, list):
            return f"[{', '.join(map(short, value))}]"
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return ", ".join(f"{name}={short(value)}" for name, value in overrides.items()) or "as the recipe"
