"""A search as it is configured: one recipe, one space, and settings; and its folder."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnzoo.checks import refusal
from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe, Study, load_recipe, load_space
from cnnzoo.experiments import run as runs
from cnnzoo.experiments.run import Run
from cnnzoo.files import write_json
from cnnzoo.tuning.results import TrialResults
from cnnzoo.tuning.space import CHIEF, TRIALS, WORKER, Settings, Space, checked_space, default_space
from cnnzoo.tuning.trial_process import Trainer
from cnnzoo.versions import versions_of


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """A search's recipe, space and settings.

    Attributes:
        base: the recipe that was given.
        recipe: the same with the overrides that all trials share.
        space: the function that returns the overrides of a trial.
        settings: the settings that decide which trials there are.
        previous: the search to resume, or `None`.
        workdir: the folder that was given.
    """

    base: Recipe
    recipe: Recipe
    space: Callable[[Any], dict[str, Any]]
    settings: Settings
    previous: Run | None
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
        """Return the configuration for the arguments of `tune`, and for the search to resume.

        Args:
            recipe: as `tune` takes it.
            given: the settings; `None` for each that is not given.
            space: as `tune` takes it.
            workdir: as `tune` takes it.
            resume: whether to resume a search.

        Raises:
            InputError: a value that cannot be used, or not the one that the search was started with.
        """
        base = checked_recipe(load_recipe(recipe) if isinstance(recipe, str) else recipe)
        if space is None and isinstance(recipe, str):
            space = load_space(recipe)
        previous = None
        if resume:
            previous = runs.find(workdir, f"tune/{base.name}")
            if "search" not in previous.content:
                raise InputError(f"{str(previous.folder)!r} holds no search; a run is resumed by cnnzoo train")
            name, base = base.name, Recipe.from_dict(previous.content["recipe"])
            if base.name != name:
                raise InputError(f"the search in {str(previous.folder)!r} is over {base.name!r}, not {name!r}")
            settings = Settings.resumed(previous.content["search"], given)
        else:
            default = {"tuner": "random", "trials": TRIALS, "seed": base.seed, "overrides": {}}
            settings = Settings(**{**default, **{name: value for name, value in given.items() if value is not None}})
        common = base.override(settings.overrides).replace(seed=settings.seed)
        checked = checked_space(space or default_space(common), common, fixed_epochs=settings.tuner == "hyperband")
        return cls(base, common, checked, settings, previous, workdir)

    @property
    def objective(self) -> str:
        """The metric that trials are compared by."""
        from cnnzoo import models

        return models.objective(self.recipe.model)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield the search's folder, locked for this process; that of a new search is created, with its `recipe.json`.

        Raises:
            InputError: the folder is not free, another process searches in it, or its search was started with another
                space.
        """
        import keras_tuner

        hyperparameters = keras_tuner.HyperParameters()
        self.space(hyperparameters)
        space = json.loads(json.dumps(hyperparameters.get_config()["space"]))
        self._oracle(Path())  # so that settings that it refuses leave no folder behind
        if self.previous is None:
            search = {**dataclasses.asdict(self.settings), "space": space}
            versions = versions_of("cnnzoo", "keras", "keras_tuner")
            content = {"recipe": self.base.to_dict(), "search": search, "versions": versions}
            with runs.create(self.workdir, f"tune/{self.base.name}", content) as run:
                yield run.folder
            return
        content = self.previous.content
        if space != content["search"]["space"]:
            raise InputError(
                f"the search in {str(self.previous.folder)!r} was started with another space(hp); start another one"
            )
        with runs.reopen(self.previous.folder, self.base.name):
            if content["search"]["trials"] != self.settings.trials:
                content["search"]["trials"] = self.settings.trials
                write_json(self.previous.recipe_file, content)
            yield self.previous.folder

    def search(self, results: TrialResults, trainer: Trainer, log: Callable[[str], None], role: str) -> None:
        """Run the trials that are not finished yet, or let workers run them.

        Args:
            results: the results of the trials.
            trainer: the process that trains.
            log: called with a line when a trial starts, and when it ends.
            role: `CHIEF`, `WORKER` or `ALONE`.

        Raises:
            InputError: the state of the search is damaged, or chief and workers do not find each other.
        """
        from cnnzoo.tuning.tuner import RecipeTuner, search
        from cnnzoo.tuning.tuner_internals import serve

        oracle = self._oracle(results.folder)
        tuner = RecipeTuner(oracle, self.space, recipe=self.recipe, trainer=trainer, results=results, log=log)
        if role != WORKER and oracle.file.is_file():
            oracle.reload()
        if role == CHIEF:
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


def checked_recipe(recipe: Any) -> Recipe:
    """Return the recipe that a search is over.

    Raises:
        InputError: it is a study, or something else.
    """
    if isinstance(recipe, Study):
        raise InputError(f"{recipe.name!r} is a study, not a recipe, and has no single objective; tune its recipe")
    if not isinstance(recipe, Recipe):
        raise refusal("recipe", "a cnnzoo.Recipe, the name of one, or the path of a recipe file", recipe)
    return recipe
