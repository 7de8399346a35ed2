"""The folder of models, polled while the server runs."""

import gc
import logging
import threading
from pathlib import Path

from kserve import ModelRepository

from cnnzoo.checks import integer
from cnnzoo.errors import InputError
from cnnzoo.files import versions
from cnnzoo.serving.server.batching import Batcher
from cnnzoo.serving.server.model import ServedModel
from cnnzoo.serving.server.version import Version

log = logging.getLogger("cnnzoo.serving.server")


class Repository(ModelRepository):
    """The models of a folder, each with its newest versions.

    The old version is served until the new one is loaded and warmed up. If the new one does not load, the error is
    logged and the old one stays; the new one is loaded again when its files change.

    Args:
        folder: `MODEL/NUMBER/saved_model.pb` for every model, or `NUMBER/saved_model.pb` of one.
        batcher: computes the requests.
        versions: how many of the newest versions of each model are served.

    Raises:
        InputError: there is no such folder.
    """

    def __init__(self, folder: Path, batcher: Batcher, versions: int = 1):
        super().__init__(str(folder))
        self.models: dict[str, ServedModel] = {}
        if not folder.is_dir():
            raise InputError(f"there is no folder {str(folder)!r} to serve models from")
        self._versions = integer("versions", versions)
        self._folder = folder.resolve()
        self._batcher = batcher
        self._failed: dict[Path, int] = {}  # version's folder → when it last changed
        self._stopped = threading.Event()

    def scan(self) -> None:
        """Read the folder once: load new versions, remove those that were deleted."""
        before = self._served()
        folders = self._model_folders()
        for name in self.models.keys() - folders.keys():
            log.info("%s: removed", name)
            self.models = {other: model for other, model in self.models.items() if other != name}
        for name, folder in folders.items():
            model = self.models.get(name) or ServedModel(name, self._batcher)
            self._update(model, folder)
            if model.versions and name not in self.models:
                self.models = {**self.models, name: model}
        if self._served() != before:
            # The objects of a loaded model stay; without `freeze`, every garbage collection would go over them, which
            # takes a fifth of a second.
            gc.unfreeze()
            gc.collect()
            gc.freeze()

    def poll(self, interval: float) -> None:
        """Scan in a thread of its own until `stop`.

        Args:
            interval: seconds between two scans.
        """

        def work() -> None:
            while not self._stopped.wait(interval):
                try:
                    self.scan()
                except Exception:  # a folder that is deleted while it is read; the next scan sees it
                    log.exception("reading %s failed", self._folder)

        threading.Thread(target=work, name="poll", daemon=True).start()

    def stop(self) -> None:
        """End `poll`."""
        self._stopped.set()

    def _served(self) -> set[tuple[str, int]]:
        return {(name, number) for name, model in self.models.items() for number in model.versions}

    def _model_folders(self) -> dict[str, Path]:
        if versions(self._folder):
            return {self._folder.name: self._folder}
        entries = [entry for entry in sorted(self._folder.iterdir()) if entry.is_dir() and entry.name[0] != "."]
        return {entry.name: entry for entry in entries if versions(entry)}

    def _update(self, model: ServedModel, folder: Path) -> None:
        served: dict[int, Version] = {}
        model.errors = {number: error for number, error in model.errors.items() if (folder / str(number)).is_dir()}
        for number in reversed(versions(folder)):
            if len(served) == self._versions:
                break
            version = model.versions.get(number) or self._load(model, folder / str(number))
            if version is not None:
                served[number] = version
                # Published one by one, so that a new version need not wait for older ones.
                if number not in model.versions:
                    log.info("%s: version %d loaded", model.name, number)
                    model.versions = {**model.versions, number: version}
        for number in model.versions.keys() - served.keys():
            log.info("%s: version %d removed", model.name, number)
        model.versions = served

    def _load(self, model: ServedModel, folder: Path) -> Version | None:
        """Return a loaded version, or `None` after an error, which is logged once."""
        number, changed = int(folder.name), _last_change(folder)
        if self._failed.get(folder) == changed:
            return None
        try:
            version = Version(folder)
        except InputError as error:
            log.error("%s: version %d failed to load: %s", model.name, number, error)
            self._failed[folder] = changed
            model.errors = {**model.errors, number: str(error)}
            return None
        self._failed.pop(folder, None)
        model.errors = {other: error for other, error in model.errors.items() if other != number}
        return version


def _last_change(folder: Path) -> int:
    """Return when a folder or a file in it last changed, in nanoseconds."""
    return max(path.stat().st_mtime_ns for path in (folder, *folder.rglob("*")))
