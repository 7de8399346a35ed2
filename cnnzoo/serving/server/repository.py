"""The folder of models, watched while the server runs."""

import gc
import logging
import threading
from pathlib import Path

from kserve import ModelRepository

from cnnzoo.errors import InputError
from cnnzoo.files import versions
from cnnzoo.serving.server.batching import Batcher
from cnnzoo.serving.server.model import ServedModel
from cnnzoo.serving.server.version import Version

log = logging.getLogger("cnnzoo.serving.server")


class Repository(ModelRepository):
    """The models of a folder, each with its newest versions.

    A version is loaded and warmed up beside the old one and takes its place when it has answered. One that does not
    load is refused in the log, and the old one goes on; it is tried again when it changes.

    Args:
        folder: `MODEL/NUMBER/saved_model.pb` for every model, or `NUMBER/saved_model.pb` of one.
        batcher: what answers.
        keep: how many of the newest versions of each model are served.

    Raises:
        InputError: there is no such folder.
    """

    def __init__(self, folder: Path, batcher: Batcher, keep: int = 1):
        super().__init__(str(folder))
        self.models: dict[str, ServedModel] = {}
        if not folder.is_dir():
            raise InputError(f"there is no folder {str(folder)!r} to serve models from")
        if type(keep) is not int or keep < 1:
            raise InputError(f"versions must be an integer of at least 1, not {keep!r}")
        self._folder = folder.resolve()
        self._batcher = batcher
        self._keep = keep
        self._refused: dict[Path, int] = {}
        self._stopped = threading.Event()

    def scan(self) -> None:
        """Look at the folder once: load what is new, let go what is gone."""
        before = self._served()
        found = self._model_folders()
        for name in self.models.keys() - found.keys():
            log.info("%s is gone", name)
            self.models = {other: model for other, model in self.models.items() if other != name}
        for name, folder in found.items():
            model = self.models.get(name) or ServedModel(name, self._batcher)
            self._update(model, folder)
            if model.versions and name not in self.models:
                self.models = {**self.models, name: model}
        if self._served() != before:
            # What a loaded model consists of stays: Python's collector need not look at all of it again and again,
            # which takes it a fifth of a second.
            gc.unfreeze()
            gc.collect()
            gc.freeze()

    def watch(self, seconds: float) -> threading.Thread:
        """Scan again and again, in a thread of its own, until `stop`.

        Args:
            seconds: pause between two looks.
        """

        def work() -> None:
            while not self._stopped.wait(seconds):
                try:
                    self.scan()
                except Exception:  # a folder that vanishes while it is read; the next look sees it
                    log.exception("looking at %s failed", self._folder)

        thread = threading.Thread(target=work, name="watch", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """End `watch`."""
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
        model.refused = {number: why for number, why in model.refused.items() if (folder / str(number)).is_dir()}
        for number in reversed(versions(folder)):
            if len(served) == self._keep:
                break
            version = model.versions.get(number) or self._loaded(model, folder / str(number))
            if version is not None:
                served[number] = version
                # Published one by one, so that a new version need not wait for older ones.
                if number not in model.versions:
                    log.info("%s: version %d is served", model.name, number)
                    model.versions = {**model.versions, number: version}
        for number in model.versions.keys() - served.keys():
            log.info("%s: version %d is let go", model.name, number)
        model.versions = served

    def _loaded(self, model: ServedModel, folder: Path) -> Version | None:
        """Return a version that answers, or `None`, which is said once."""
        stamp = _stamp(folder)
        if self._refused.get(folder) == stamp:
            return None
        try:
            version = Version(folder)
        except InputError as error:
            log.error("%s: version %s is refused: %s", model.name, folder.name, error)
            self._refused[folder] = stamp
            model.refused = {**model.refused, int(folder.name): str(error)}
            return None
        self._refused.pop(folder, None)
        model.refused = {number: why for number, why in model.refused.items() if number != version.number}
        return version


def _stamp(folder: Path) -> int:
    """Return the latest time that something in a folder changed, in nanoseconds."""
    return max(path.stat().st_mtime_ns for path in (folder, *folder.rglob("*")))
