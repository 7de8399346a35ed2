"""A search as it was asked for: one recipe, one space, and settings; and its folder."""

import dataclasses
import importlib.metadata
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe, Study, load_recipe, load_space
from cnnzoo.experiments import run as runs
from cnnzoo.experiments.run import Run
from cnnzoo.files import write_json
from cnnzoo.tuning.results import Outcomes
from cnnzoo.tuning.space import CHIEF, TRIALS, WORKER, Settings, Space, checked, default_space
from cnnzoo.tuning.trial_process import Trainer, alone_in


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """A search, brought to one recipe, one space and its settings.

    Attributes:
        base: the recipe as it was given.
        recipe: the same with what all trials share.
        space: what gives the overrides of a trial.
        settings: what decides which trials there are.
        begun: the search to go on with, or `None`.
        workdir: the folder that was asked for.
    """

    base: Recipe
    recipe: Recipe
    space: Callable[[Any], dict[str, Any]]
    settings: Settings
    begun: Run | None
    workdir: str | Path | None

    @classmethod
    def of(
        cls,
        recipe: Recipe | Study | str,
        given: dict[str, Any],
        space: Space | None,
        workdir: str | Path | None,
        resume: bool,
    ) -> "SearchConfig":
        """Bring the arguments of `tune` together with what a search to go on with was begun with.

        Args:
            recipe: as `tune` takes it.
            given: the settings; `None` where one is not given.
            space: as `tune` takes it.
            workdir: as `tune` takes it.
            resume: whether to go on with a search.

        Raises:
            InputError: a value that cannot be used, or not the one that the search was begun with.
        """
        base = load_recipe(recipe) if isinstance(recipe, str) else recipe
        if isinstance(base, Study):
            raise InputError(
                f"{base.name!r} is a study, not a recipe, and has no one figure; tune its recipe by itself"
            )
        if space is None and isinstance(recipe, str):
            space = load_space(recipe)
        begun = None
        if resume:
            begun = runs.to_reopen(workdir, f"tune/{base.name}")
            if "search" not in begun.content:
                raise InputError(f"{str(begun.folder)!r} holds no search; a run is gone on with by cnnzoo train")
            name, base = base.name, Recipe.from_dict(begun.content["recipe"])
            if base.name != name:
                raise InputError(f"the search in {str(begun.folder)!r} is over {base.name!r}, not {name!r}")
            settings = Settings.resumed(begun.content["search"], given)
        else:
            default = {"tuner": "random", "trials": TRIALS, "seed": base.seed, "overrides": {}}
            settings = Settings(**{**default, **{name: value for name, value in given.items() if value is not None}})
        chosen = base.override(settings.overrides).replace(seed=settings.seed)
        found = checked(space or default_space(chosen), chosen, epochs_given=settings.tuner == "hyperband")
        return cls(base, chosen, found, settings, begun, workdir)

    @property
    def objective(self) -> str:
        """What trials are judged by."""
        from cnnzoo import models

        return "accuracy" if models.takes_classes(self.recipe.model) else "squared_error"

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield the search's folder, held for this process; a new one is made, with what the search is begun with.

        Raises:
            InputError: the folder is not free, another process searches in it, or its search was begun with another
                space.
        """
        import keras_tuner

        hyperparameters = keras_tuner.HyperParameters()
        self.space(hyperparameters)
        varied = json.loads(json.dumps(hyperparameters.get_config()["space"]))
        self._oracle(Path())  # so that what is refused leaves no folder behind
        if self.begun is None:
            search = {**dataclasses.asdict(self.settings), "space": varied}
            versions = {name: importlib.metadata.version(name) for name in ("cnnzoo", "keras", "keras-tuner")}
            content = {"recipe": self.base.to_dict(), "search": search, "versions": versions}
            run = runs.create(self.workdir, f"tune/{self.base.name}", content)
            with alone_in(run.folder):
                yield run.folder
            return
        content = self.begun.content
        if varied != content["search"]["space"]:
            raise InputError(
                f"the search in {str(self.begun.folder)!r} was begun with another space(hp); begin another one"
            )
        with alone_in(self.begun.folder):
            runs.reopen(self.begun.folder, self.base.name)
            if content["search"]["trials"] != self.settings.trials:
                content["search"]["trials"] = self.settings.trials
                write_json(self.begun.recipe_file, content)
            yield self.begun.folder

    def search(self, outcomes: Outcomes, trainer: Trainer, say: Callable[[str], None], part: str) -> None:
        """Run the trials that are not there yet, or give them to workers.

        Args:
            outcomes: where what came out is kept.
            trainer: what trains.
            say: is told what happens.
            part: `CHIEF`, `WORKER` or `ALONE`.

        Raises:
            InputError: the state of the search is damaged, or chief and workers do not find each other.
        """
        from cnnzoo.tuning.tuner import RecipeTuner, search, serve

        oracle = self._oracle(outcomes.folder)
        tuner = RecipeTuner(oracle, self.space, recipe=self.recipe, trainer=trainer, outcomes=outcomes, say=say)
        if part != WORKER and oracle.file.is_file():
            oracle.reload()
        if part == CHIEF:
            serve(oracle)
        else:
            search(tuner)

    def _oracle(self, folder: Path) -> Any:
        from cnnzoo.tuning import oracles

        return oracles.make(
            self.settings.tuner,
            file=folder / oracles.STATE,
            objective=self.objective,
            trials=self.settings.trials,
            epochs=self.recipe.epochs,
            seed=self.settings.seed,
        )
