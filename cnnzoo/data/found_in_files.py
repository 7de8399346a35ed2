"""What was found out about files by reading all of them is kept in Keras' folder, as long as they do not change."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnnzoo.errors import WriteError
from cnnzoo.files import write_json
from cnnzoo.runtime import keras_home


def recall(fingerprint: str) -> Any:
    """Return what was kept of the files with a fingerprint, or `None`, also where it is damaged."""
    with suppress(OSError, ValueError):
        return json.loads(_record(fingerprint).read_text(encoding="utf-8"))
    return None


def keep(fingerprint: str, found: Any) -> None:
    """Keep what was found in the files with a fingerprint; without a folder to keep it in, they are read again."""
    record = _record(fingerprint)
    with suppress(OSError, WriteError):
        record.parent.mkdir(parents=True, exist_ok=True)
        write_json(record, found)


def _record(fingerprint: str) -> Path:
    return keras_home() / "cnnzoo" / "folders" / f"{hashlib.sha256(fingerprint.encode()).hexdigest()[:24]}.json"
