"""Finding and checking pretrained weights."""

from pathlib import Path

import keras

from cnnzoo.errors import InputError, reason


def load(model: keras.Model, weights: str | Path) -> None:
    """Load weights from a file into `model`.

    Args:
        model: a built model.
        weights: path of a `.weights.h5` or `.keras` file that was saved from the same architecture.

    Raises:
        InputError: no such file, another kind of file, a damaged file, or other shapes.

    Example:
    >>> import cnnzoo, tempfile
    >>> model = cnnzoo.mlp()
    >>> path = tempfile.mkdtemp() + "/mlp.weights.h5"
    >>> model.save_weights(path)
    >>> load(model, path)
    """
    path = Path(weights)
    if not path.name.endswith((".weights.h5", ".keras")):
        raise InputError(f"weights must be None or the path of a .weights.h5 or .keras file, not {str(weights)!r}")
    if not path.is_file():
        raise InputError(f"there is no weights file {str(weights)!r}")
    try:
        model.load_weights(path)
    except Exception as error:  # h5py, zipfile and Keras each have their own, and none names the file
        raise InputError(f"the weights in {str(weights)!r} do not fit {model.name}: {reason(error)}") from error
