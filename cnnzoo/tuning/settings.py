"""What a search is asked for, and who does what in it."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from cnnzoo.errors import InputError, unknown

TUNERS = ("random", "bayesian", "hyperband")
TRIALS, SEEDS = 20, 3
CHIEF, WORKER, ALONE = "chief", "worker", "alone"
VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What decides which trials there are.

    Attributes:
        tuner: one of `TUNERS`.
        trials: most trials; ≥ 1.
        seed: of the search and of each trial's training; from 0.
        overrides: values of the recipe that are the same in all trials, by the keys of `--set`.

    Raises:
        InputError: a value is unknown, of the wrong type or out of range.
    """

    tuner: str
    trials: int
    seed: int
    overrides: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.tuner not in TUNERS:
            raise unknown("tuner", self.tuner, TUNERS)
        check_count("trials", self.trials, 1)
        if not isinstance(self.overrides, Mapping):
            raise InputError(f"overrides must be a mapping, such as {{'epochs': 5}}, not {self.overrides!r}")

    @classmethod
    def resumed(cls, begun: Mapping[str, Any], given: Mapping[str, Any]) -> "Settings":
        """Return the settings of a search to go on with, which may be given more trials but nothing else.

        Args:
            begun: the settings that it was begun with, as written down.
            given: what is given now; `None` where nothing is.

        Raises:
            InputError: another value is given.
        """
        for name, value in given.items():
            more = name == "trials" and begun["tuner"] != "hyperband" and value is not None and value >= begun[name]
            if value is not None and value != begun[name] and not more:
                raise InputError(
                    f"the search was begun with {name}={begun[name]!r}, not {value!r}; "
                    "resume it with the same values, or begin another one"
                )
        return cls(**{name: begun[name] if value is None else value for name, value in given.items()})


def check_count(name: str, value: Any, least: int) -> None:
    """Refuse what is no integer of at least `least`."""
    if type(value) is not int or value < least:
        raise InputError(f"{name} must be an integer of at least {least}, not {value!r}")


def part_of_this_process() -> str:
    """Return `CHIEF`, `WORKER` or `ALONE`, as keras-tuner's environment variables say.

    Raises:
        InputError: only some of them are set, or TF_CONFIG is.

    Example:
    >>> part_of_this_process()
    'alone'
    """
    if "TF_CONFIG" in os.environ:
        raise InputError("a search gives whole trials to its workers, but TF_CONFIG is set, which shares one among all")
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if len(missing) == len(VARIABLES):
        return ALONE
    if missing:
        raise InputError(
            f"keras-tuner's workers need all of {', '.join(VARIABLES)}; {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set"
        )
    return CHIEF if CHIEF in os.environ["KERASTUNER_TUNER_ID"] else WORKER
