"""The `Run`: a folder on disk, from which a run is resumed, evaluated, exported and reported on."""

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnzoo import checks
from cnnzoo.errors import InputError, reason
from cnnzoo.experiments.checks import check_renamed
from cnnzoo.experiments.recipe import Recipe
from cnnzoo.experiments.run_file import read_history, read_json
from cnnzoo.files import LOCK, PART, exclusive_lock, make_folder, versions, write_json

if TYPE_CHECKING:
    import keras

    from cnnzoo.boltzmann import RestrictedBoltzmannMachine


class Run:
    """A run's folder and the files in it, each written atomically.

    Attributes:
        folder: the run's folder.
        recipe_file: `recipe.json`, the resolved recipe with versions and machine.
        history_file: `history.csv`, one row per epoch.
        checkpoint_file: `checkpoint.weights.h5`, weights and optimizer after the last completed epoch.
        model_file: `model.keras`, the trained model.
        metrics_file: `metrics.json`, the results.
        machines_file: `machines.npz`, the Boltzmann machines of pretraining with `method="rbm"`.
        logs: folder of the TensorBoard logs.
        epochs: `epochs`, folder of the models of the epochs that `keep_epochs` names.
    """

    def __init__(self, folder: str | Path):
        self.folder = checks.path("folder", folder, "the path of a run's folder")
        self.recipe_file = self.folder / "recipe.json"
        self.history_file = self.folder / "history.csv"
        self.checkpoint_file = self.folder / "checkpoint.weights.h5"
        self.model_file = self.folder / "model.keras"
        self.metrics_file = self.folder / "metrics.json"
        self.machines_file = self.folder / "machines.npz"
        self.logs = self.folder / "logs"
        self.epochs = self.folder / "epochs"

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @property
    def content(self) -> dict[str, Any]:
        """All that `recipe.json` holds.

        Raises:
            InputError: the folder holds no run.
        """
        return self._read(self.recipe_file)

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe.

        Raises:
            InputError: the folder holds no run, or a recipe whose values still have old names.
        """
        content = self.content
        if "variants" in content:
            raise InputError(f"{str(self.folder)!r} holds a study; each of its runs has a folder of its own below it")
        if "search" in content:
            raise InputError(f"{str(self.folder)!r} holds a search by cnnzoo tune; its runs have folders below it")
        try:
            check_renamed(content["recipe"])
        except InputError as error:
            raise InputError(f"the run in {str(self.folder)!r} is of an earlier version of cnnzoo: {error}") from error
        try:
            return Recipe.from_dict(content["recipe"])
        except (InputError, TypeError, AttributeError) as error:
            raise InputError(f"the recipe in {str(self.recipe_file)!r} cannot be used: {error}") from error

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, in the order of the labels.

        Raises:
            InputError: the run is not finished.
        """
        return self.metrics["class_names"]

    @property
    def metrics(self) -> dict[str, Any]:
        """All that `metrics.json` holds.

        Raises:
            InputError: the run is not finished.
        """
        return self._read(self.metrics_file)

    @property
    def history(self) -> dict[str, list[float]]:
        """The metrics of every completed epoch, by name, as Keras' `History.history` has them; empty before the first.

        `epoch`, from 1, `seconds` and `learning_rate` are among them; the rate is that after the epoch's last step, as
        Keras' callbacks see it, so that a drop of a schedule at its end is in its row.
        """
        rows = self.history_rows
        return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}

    @property
    def history_rows(self) -> list[dict[str, float]]:
        """The same as one row for every completed epoch."""
        if not self.history_file.is_file():
            return []
        return read_history(self.history_file)

    def model(self) -> "keras.Model":
        """Load the trained model.

        Raises:
            InputError: the run is not finished, or its model is damaged.
        """
        if not self.model_file.is_file():
            raise InputError(f"{str(self.folder)!r} holds no trained model: there is no {self.model_file.name}")
        return load_model(self.model_file)

    def machines(self) -> "dict[str, RestrictedBoltzmannMachine]":
        """Load the Boltzmann machines that the layers were pretrained as, as they were before the fit.

        Returns:
            The machines by the names of their layers, from below: `list(run.machines().values())` is a stack, as
            `cnnzoo.analysis.gibbs_samples` takes it.

        Raises:
            InputError: the run has pretrained none, or their file is damaged.
        """
        from cnnzoo.experiments.machine_file import read_machines

        if not self.machines_file.is_file():
            raise InputError(
                f"{str(self.folder)!r} holds no Boltzmann machines: there is no {self.machines_file.name}, which a run "
                "with pretraining.method='rbm' writes"
            )
        return read_machines(self.machines_file)

    def discard_if_empty(self) -> None:
        """Remove the folder of a run, or of a study, that has completed neither an epoch nor a pretrained layer."""
        if not any(self.folder.rglob(self.checkpoint_file.name)) and not any(self.folder.rglob("stage-*.npz")):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            raise InputError(f"{str(self.folder)!r} holds no finished run: there is no {path.name}")
        return read_json(path)


def error_of(metrics: dict[str, Any]) -> tuple[str, float]:
    """Return the test error of a finished run, to compare runs by: its unit and its value.

    Args:
        metrics: the run's `metrics`.

    Returns:
        The error in per cent of a classifier; of an autoencoder the squared error per image, or of a variational one
        the loss, a bound in nats.

    Example:
    >>> error_of({"test": {"squared_error": 2.5, "loss": 0.1}})
    ('test squared error', 2.5)
    """
    test = metrics["test"]
    if "accuracy" in test:
        return "test error (%)", 100 * (1 - test["accuracy"])
    return ("test loss (nats)", test["loss"]) if "kl" in test else ("test squared error", test["squared_error"])


def load_model(path: str | Path) -> "keras.Model":
    """Load a `.keras` file, also one whose layers, loss or optimizer are this library's.

    It does what `keras.models.load_model` does after `import cnnzoo`, with an `InputError` where that fails, and makes
    cnnzoo's faster `AveragePooling2D` and `Adam` of those that cnnzoo saved under Keras' names. Nothing in the file is
    executed: a file that holds code, as a `Lambda` layer does, is refused.

    Args:
        path: a file that `model.save` wrote.

    Raises:
        InputError: there is no such file, or it is no `.keras` file, damaged or not to be trusted.

    Example:
    >>> import cnnzoo, tempfile
    >>> cnnzoo.lenet5(compile=False).save(f"{(folder := tempfile.mkdtemp())}/lenet5.keras")
    >>> load_model(f"{folder}/lenet5.keras").name
    'lenet5'
    """
    import h5py
    import keras

    from cnnzoo.layers import AveragePooling2D
    from cnnzoo.optimizers import Adam
    from cnnzoo.weights import bounds

    checks.path("path", path, "the path of a .keras file")
    if not Path(path).is_file():
        raise InputError(f"there is no model file {str(path)!r}")
    if h5py.is_hdf5(path):
        raise InputError(
            f"{str(path)!r} is an HDF5 file, of which `load_model` reads none: a whole model in it is read by "
            "keras.models.load_model, whose model.save('model.keras') makes a file for cnnzoo; weights alone by "
            "model.load_weights"
        )
    if Path(path).suffix != ".keras" or not zipfile.is_zipfile(path):
        raise InputError(f"the model in {str(path)!r} is damaged or no .keras file, as model.save writes it")
    try:
        with bounds.bounded_variables(Path(path), bounds.check_file(Path(path))):
            model = keras.models.load_model(path, custom_objects={"AveragePooling2D": AveragePooling2D, "Adam": Adam})
    except InputError:
        raise
    except Exception as error:  # zipfile, h5py, json and Keras each have their own
        why = reason(error).split(". ")[0]  # what follows is how to have the file's code run
        raise InputError(f"the model in {str(path)!r} is damaged or not to be trusted: {why}") from error
    if keras.backend.backend() != "tensorflow":
        model.steps_per_execution = 1  # PyTorch takes no other number, and under JAX the last steps run out of data
    return model


@contextmanager
def create(folder: str | Path | None, name: str, content: dict[str, Any]) -> Iterator[Run]:
    """Create the folder of a new run, write its recipe, and keep other processes out of it in the block.

    Args:
        folder: an empty or new folder, or `None` for the next number in `runs/<name>`.
        name: the recipe's name.
        content: the content of `recipe.json`.

    Raises:
        InputError: the folder is not empty, another process is at work in it, or it cannot be written.
    """
    check_free(folder)
    run = Run(_made_next(name) if folder is None else folder)
    make_folder(run.folder)
    with exclusive_lock(run.folder):
        check_free(run.folder)  # another process may have been first
        write_json(run.recipe_file, content)
        yield run


def check_free(folder: str | Path | None) -> None:
    """Check that a new run can use a folder.

    Args:
        folder: the folder, or `None` for the next number in `runs/<name>`, which is always free.

    Raises:
        InputError: the folder is a file, not empty, or out of reach.
    """
    try:
        if folder is None or not Path(folder).exists():
            return
        free = Path(folder).is_dir() and all(entry.name == LOCK for entry in Path(folder).iterdir())
    except OSError as error:
        raise InputError(f"cannot write to the folder {str(folder)!r}: {error.strerror}") from error
    if not free:
        raise InputError(
            f"the work folder {str(folder)!r} is not empty; give another one, or --resume to resume its run"
        )


@contextmanager
def reopen(folder: str | Path | None, name: str) -> Iterator[Run]:
    """Open the run to resume, without the partial files of a killed process, and keep others out of it in the block.

    Args:
        folder: the run's folder, or `None` for the latest in `runs/<name>`.
        name: the recipe's name.

    Raises:
        InputError: there is no run in the folder, or another process is at work in it.
    """
    run = find(folder, name)
    with exclusive_lock(run.folder):
        for part in run.folder.glob(f"{PART}*"):
            part.unlink()
        yield run


def find(folder: str | Path | None, name: str) -> Run:
    """Return the run that `reopen` opens, and leave its folder as it is.

    Args:
        folder: the run's folder, or `None` for the latest in `runs/<name>`.
        name: the recipe's name.

    Raises:
        InputError: there is no run in the folder.
    """
    if folder is None:
        numbered = Path("runs") / name
        numbers = versions(numbered) if numbered.is_dir() else []
        if not numbers:
            raise InputError(f"there is no run of {name!r} in {str(numbered)!r} to resume")
        folder = numbered / str(numbers[-1])
    run = Run(folder)
    if not run.recipe_file.is_file():
        raise InputError(f"there is no run in {str(folder)!r} to resume: it has no {run.recipe_file.name}")
    return run


def _made_next(name: str) -> Path:
    """Make the next numbered folder, or the one after it where another process was faster, and return it."""
    while True:
        folder = next_folder(name)
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(f"cannot write to the folder {str(folder)!r}: {error.strerror}") from error
        else:
            return folder


def next_folder(name: str) -> Path:
    """Return the default folder of a new run, which does not exist yet: the next number in `runs/<name>`."""
    folder = Path("runs") / name
    make_folder(folder)
    return folder / str(max(versions(folder), default=0) + 1)
