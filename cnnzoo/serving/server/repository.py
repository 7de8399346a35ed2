"""The folder of models, polled while the server runs."""

import dataclasses
import gc
import logging
import stat
import threading
from pathlib import Path

from cnnzoo.checks import integer
from cnnzoo.errors import InputError, reason
from cnnzoo.serving.server.version import Version

log = logging.getLogger("cnnzoo.serving.server")


@dataclasses.dataclass
class ServedModel:
    """A model and its loaded versions.

    Attributes:
        name: name of its folder.
        versions: number → version, replaced as a whole when one is loaded or removed; a request keeps its version
            until it is computed.
        errors: number → why that version did not load.
    """

    name: str
    versions: dict[int, Version] = dataclasses.field(default_factory=dict)
    errors: dict[int, str] = dataclasses.field(default_factory=dict)


class Repository:
    """The models of a folder, each with its newest versions.

    The old version is served until the new one is loaded and warmed up. If the new one does not load, the error is
    logged and the old one stays; the new one is loaded again when its files change. Each model is looked at on its own:
    what is odd about one concerns no other.

    Args:
        folder: `MODEL/NUMBER/saved_model.pb` for every model, or `NUMBER/saved_model.pb` of one.
        versions: how many of the newest versions of each model are served.

    Raises:
        InputError: there is no such folder.

    Attributes:
        models: name → model, replaced as a whole when one is added or removed.
    """

    def __init__(self, folder: Path, versions: int = 1):
        self.models: dict[str, ServedModel] = {}
        if not folder.is_dir():
            raise InputError(f"there is no folder {str(folder)!r} to serve models from")
        self._versions = integer("versions", versions)
        self._folder = folder.resolve()
        self._failed: dict[Path, int] = {}  # version's folder → when it last changed
        self._said: dict[Path, str] = {}  # what was logged about an entry that cannot be read
        self._stopped = threading.Event()

    def scan(self) -> None:
        """Read the folder once: load new versions, remove those that were deleted."""
        before = self._served()
        try:
            folders = self._model_folders()
        except OSError as error:  # all models stay
            self._say_once(self._folder, error)
            return
        for name in self.models.keys() - folders.keys():
            log.info("%s: removed", name)
            self.models = {other: model for other, model in self.models.items() if other != name}
        for name, folder in folders.items():
            model = self.models.get(name) or ServedModel(name)
            try:
                self._update(model, folder)
                self._said.pop(folder, None)
            except OSError as error:  # not readable, or deleted meanwhile
                self._say_once(folder, error)
            if name not in self.models and (model.versions or model.errors):
                self.models = {**self.models, name: model}
        if self._served() != before:
            gc.collect()

    def poll(self, interval: float) -> None:
        """Scan in a thread of its own until `stop`.

        Args:
            interval: seconds between two scans.
        """

        def work() -> None:
            while not self._stopped.wait(interval):
                try:
                    self.scan()
                except Exception:  # whatever it is, the next scan may succeed
                    log.exception("reading %s failed", self._folder)

        threading.Thread(target=work, name="poll", daemon=True).start()

    def stop(self) -> None:
        """End `poll`."""
        self._stopped.set()

    def _served(self) -> set[tuple[str, int]]:
        return {(name, number) for name, model in self.models.items() for number in model.versions}

    def _say_once(self, entry: Path, error: OSError) -> None:
        message = error.strerror or reason(error)
        if self._said.get(entry) != message:
            log.error("%r cannot be read: %s", str(entry), message)
            self._said[entry] = message

    def _model_folders(self) -> dict[str, Path]:
        """Return the folders that hold versions, and those of known models that cannot be read at the moment."""
        if _version_folders(self._folder):
            return {self._folder.name: self._folder}
        found = {}
        for entry in sorted(self._folder.iterdir()):
            if entry.name.startswith(".") or not entry.name.isprintable():  # no name for an address
                continue
            try:
                if entry.is_dir() and _version_folders(entry):
                    found[entry.name] = entry
            except OSError as error:
                self._say_once(entry, error)
                if entry.name in self.models:
                    found[entry.name] = entry
        return found

    def _update(self, model: ServedModel, folder: Path) -> None:
        served: dict[int, Version] = {}
        folders = _version_folders(folder)
        model.errors = {number: error for number, error in model.errors.items() if number in folders}
        for number in sorted(folders, reverse=True):
            if len(served) == self._versions:
                break
            version = model.versions.get(number) or self._load(model, number, folders[number])
            if version is not None:
                served[number] = version
                # Published one by one, so that a new version need not wait for older ones.
                if number not in model.versions:
                    log.info("%s: version %d loaded", model.name, number)
                    model.versions = {**model.versions, number: version}
        for number in model.versions.keys() - served.keys():
            log.info("%s: version %d removed", model.name, number)
        model.versions = served

    def _load(self, model: ServedModel, number: int, folder: Path) -> Version | None:
        """Return a loaded version, or `None` after an error, which is logged once."""
        changed = _last_change(folder)
        if self._failed.get(folder) == changed:
            return None
        try:
            _check_files(folder)
            version = Version(number, folder)
        except InputError as error:
            log.error("%s: version %d failed to load: %s", model.name, number, error)
            self._failed[folder] = changed
            model.errors = {**model.errors, number: str(error)}
            return None
        self._failed.pop(folder, None)
        model.errors = {other: error for other, error in model.errors.items() if other != number}
        return version


def _version_folders(folder: Path) -> dict[int, Path]:
    """Return the version folders in a model's folder. TensorFlow Serving, too, reads `09` as 9."""
    entries = [entry for entry in folder.iterdir() if entry.name.isascii() and entry.name.isdecimal()]
    entries.sort(key=lambda entry: len(entry.name), reverse=True)  # of `9` and `09`, `9`
    return {int(entry.name): entry for entry in entries if entry.is_dir()}


def _files(folder: Path) -> list[Path]:
    """Return all that a version's folder holds; a link to a folder is not followed, but for `variables`."""
    return [folder, *folder.rglob("*"), *(folder / "variables").glob("*")]


def _last_change(folder: Path) -> int:
    """Return when a folder or a file in it last changed, in nanoseconds."""
    return max(path.lstat().st_mtime_ns for path in _files(folder))


def _check_files(folder: Path) -> None:
    """Refuse pipes, sockets and devices, at which reading would never end, and links that lead nowhere.

    Raises:
        InputError: the folder holds one.
    """
    for path in _files(folder):
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise InputError(f"{str(path)!r} cannot be read: {error.strerror}") from error
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise InputError(f"{str(path)!r} is neither a file nor a folder")
