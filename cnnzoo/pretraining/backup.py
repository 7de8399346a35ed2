"""Trained stages on disk, so that a run that was stopped resumes with the first one that is missing."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cnnzoo.errors import InputError, reason
from cnnzoo.files import atomic_write, make_folder
from cnnzoo.pretraining.stages import Stage
from cnnzoo.weights.bounds import check_file

NO_FILE_NAME = re.compile(r"[^\w.-]")  # signs of a layer's name that some system does not take in a file's


class Backup:
    """A folder with one file for each trained stage: weights and history, written atomically.

    Args:
        folder: the folder, made if it is not there.
        settings: what decides the result, as JSON can hold it; a file of other settings is refused.

    Raises:
        InputError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]):
        make_folder(folder)
        self._folder = folder
        self._settings = json.loads(json.dumps(settings))

    def completed(self, number: int, stage: Stage) -> tuple[list[np.ndarray], dict[str, list[float]]] | None:
        """Return weights, with further arrays, and history of a stage, or `None` if it was not trained to its end.

        Raises:
            InputError: the file is damaged, or was written with other settings.
        """
        path = self._path(number, stage)
        if not path.is_file():
            return None
        try:
            check_file(path)
            with np.load(path) as file:
                metadata = json.loads(str(file["metadata"]))
                weights = [file[f"weight_{index}"] for index in range(len(file.files) - 1)]
        except Exception as error:  # zipfile, json and NumPy each have their own
            raise InputError(
                f"the backup {str(path)!r} cannot be read ({reason(error)}); delete it to pretrain that layer again"
            ) from error
        for name, value in self._settings.items():
            saved = metadata["settings"].get(name)
            if saved != value:
                raise InputError(
                    f"the backup in {str(self._folder)!r} was made with {name}={saved!r}, not {value!r}; "
                    "resume with the same values, or give another folder"
                )
        return weights, metadata["history"]

    def save(
        self, number: int, stage: Stage, history: dict[str, list[float]], extra: Sequence[np.ndarray] = ()
    ) -> None:
        """Write the file of a stage that has been trained to its end, with further arrays after its weights."""
        metadata = json.dumps({"settings": self._settings, "history": history})
        arrays: dict[str, Any] = {f"weight_{index}": weight for index, weight in enumerate([*values_of(stage), *extra])}
        with atomic_write(self._path(number, stage)) as part, part.open("wb") as file:
            np.savez(file, metadata=np.array(metadata), **arrays)

    def _path(self, number: int, stage: Stage) -> Path:
        return self._folder / f"stage-{number + 1}-{NO_FILE_NAME.sub('_', stage.name)}.npz"


def values_of(stage: Stage) -> list[np.ndarray]:
    """Return copies of the variables that a stage changes, as a backup has them."""
    return [_storable(keras.ops.convert_to_numpy(variable).copy()) for variable in _variables(stage)]


def restore(stage: Stage, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Set the variables of a stage to the weights of a backup, and return the further arrays that it has."""
    variables = _variables(stage)
    for variable, weight in zip(variables, weights[: len(variables)], strict=True):
        variable.assign(weight)
    return weights[len(variables) :]


def _variables(stage: Stage) -> list[Any]:
    """Return the variables that a stage changes, each once."""
    return list({id(variable): variable for layer in stage.trained for variable in layer.weights}.values())


def _storable(weight: np.ndarray) -> np.ndarray:
    """Return bfloat16 as float32, which holds the same numbers: NumPy's files do not know bfloat16."""
    return weight.astype("float32") if weight.dtype.name == "bfloat16" else weight
