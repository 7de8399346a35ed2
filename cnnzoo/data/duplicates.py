"""Files that are in two splits at once."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from cnnzoo.data.file_split import FileSplit
from cnnzoo.data.found_in_files import keep, recall
from cnnzoo.runtime import cores

CHUNK = 1024  # files that are read before the next ones


def duplicates(one: FileSplit, other: FileSplit) -> list[str]:
    """Return the files of the other split that are, byte by byte, among those of the first.

    Files are read as far as needed: their sizes, their last bytes, all of them.
    """
    fingerprint = one.fingerprint() + other.fingerprint()
    if (known := recall(fingerprint)) is not None:
        return known
    sizes, other_sizes = one.stamps[:, 0], other.stamps[:, 0]
    suspects = [one.paths[np.isin(sizes, other_sizes)], other.paths[np.isin(other_sizes, sizes)]]
    for key in (_last_bytes, _all_bytes):
        keys = [_keys_of(paths, key) for paths in suspects]
        shared = set(keys[0]) & set(keys[1])
        suspects = [paths[[each in shared for each in own]] for paths, own in zip(suspects, keys, strict=True)]
    found = [os.fsdecode(path) for path in suspects[1]]
    keep(fingerprint, found)
    return found


def _keys_of(paths: np.ndarray, key: Callable[[bytes], Any]) -> list[Any]:
    """Return the key of each file, or its name, which no other has, if it cannot be read."""

    def key_or_name(path: bytes) -> Any:
        try:
            return key(path)
        except OSError:
            return path

    keys: list[Any] = []
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(paths), CHUNK):  # not a million at once
            keys += pool.map(key_or_name, paths[start : start + CHUNK])
    return keys


def _last_bytes(path: bytes) -> int:
    with open(path, "rb") as file:  # noqa: PTH123 (bytes)
        file.seek(-min(1024, os.path.getsize(path)), os.SEEK_END)  # noqa: PTH202 (bytes)
        return hash(file.read())


def _all_bytes(path: bytes) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 (bytes)
        return hashlib.file_digest(file, "sha256").digest()
