"""The Boltzmann machines that a run has trained, in a file of arrays without pickles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.boltzmann import RestrictedBoltzmannMachine
from cnnzoo.errors import InputError, reason
from cnnzoo.files import atomic_write
from cnnzoo.weights.bounds import check_file

ARRAYS = ("kernel", "visible_bias", "hidden_bias")


def write_machines(path: Path, machines: Mapping[str, RestrictedBoltzmannMachine]) -> None:
    """Write machines as arrays `LAYER/kernel`, `LAYER/visible_bias`, `LAYER/hidden_bias` and `LAYER/hidden_units`.

    Args:
        path: the file, which ends in `.npz`; it is written atomically.
        machines: the machines by the names of their layers, from below.

    Raises:
        WriteError: the disk is full, or cannot be written to.

    Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "machines.npz"
    >>> machine = RestrictedBoltzmannMachine(np.zeros((3, 2)), np.zeros(3), np.zeros(2))
    >>> write_machines(path, {"encoder_1": machine})
    >>> np.load(path)["encoder_1/kernel"].shape
    (3, 2)
    """
    arrays: dict[str, Any] = {}
    for layer, machine in machines.items():
        arrays |= {f"{layer}/{name}": getattr(machine, name) for name in ARRAYS}
        arrays[f"{layer}/hidden_units"] = np.array(machine.hidden_units)
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def read_machines(path: Path) -> dict[str, RestrictedBoltzmannMachine]:
    """Return the machines of a file that `write_machines` wrote, in its order. Nothing in it is executed.

    Args:
        path: the file.

    Returns:
        The machines by the names of their layers, from below.

    Raises:
        InputError: the file is damaged, or holds something else.

    Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "machines.npz"
    >>> machine = RestrictedBoltzmannMachine(np.zeros((3, 2)), np.zeros(3), np.zeros(2), "linear")
    >>> write_machines(path, {"code": machine})
    >>> read_machines(path)["code"].hidden_units
    'linear'
    """
    try:
        check_file(path)
        # NumPy would leave a file open that it opened itself and found to be damaged.
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            layers = dict.fromkeys(name.rpartition("/")[0] for name in file.files)
            machines = {layer: _machine(file, layer) for layer in layers}
    except Exception as error:  # zipfile and NumPy each have their own
        raise InputError(f"{str(path)!r} is damaged: {reason(error)}") from error
    if not machines:
        raise InputError(f"{str(path)!r} is damaged: it holds no machine")
    return machines


def _machine(file: Any, layer: str) -> RestrictedBoltzmannMachine:
    arrays = {name: file[f"{layer}/{name}"] for name in ARRAYS}
    if not all(np.issubdtype(array.dtype, np.floating) for array in arrays.values()):
        raise InputError(f"the arrays of {layer!r} are not all of floating-point numbers")
    return RestrictedBoltzmannMachine(**arrays, hidden_units=str(file[f"{layer}/hidden_units"]))
