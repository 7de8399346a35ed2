"""Write the page in which nets answer while one draws."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cnnzoo import data, models
from cnnzoo.browser.block import DTYPES, Block
from cnnzoo.browser.images import differences
from cnnzoo.browser.layers import described_layers
from cnnzoo.browser.nets import Net, net_of
from cnnzoo.browser.page import write_page
from cnnzoo.browser.preprocessing import Preprocessing, preprocessing_of
from cnnzoo.browser.samples import (
    CODES,
    MAX_COMPONENTS,
    Samples,
    codes_of,
    inputs_of,
    principal_components,
    samples_of,
)
from cnnzoo.checks import choice, refusal
from cnnzoo.data.source import Source
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.keras_internals import call_of
from cnnzoo.models.halves import penalized_code
from cnnzoo.versions import version_of

VERSION = 1  # of the payload
MAX_BYTES = 40_000_000  # that the weights of all nets of a page may take
DEFAULT_FILE = "play.html"


def play(
    model: Any = "lenet5_mnist",
    *others: Any,
    to: str | Path | None = None,
    dtype: str = "float16",
    data_dir: str | Path | None = None,
) -> Path:
    """Write a page in which a net answers while one draws, and shows every number on the way.

    The page, one HTML file, is opened from disk and loads nothing else. It holds the weights, 500 test images and, for
    an autoencoder, the codes of 2,000 test images and as many principal components as the code has numbers. These are
    taken from the data set that the net was trained on where it is on this machine; nothing is downloaded, and what is
    missing is said in the page.

    Args:
        model: a Keras model, a `Run` or its folder, a `.keras` file, or a name: that of trained weights, such as
            `"lenet5_mnist"`, or that of a model. Pixels enter a net of one's own as 0 to 1, or as 0 to 255 where it
            starts with `Rescaling` or `Normalization`.
        others: further nets, to compare on the same drawing.
        to: the file to write; default `play.html`, for a run in its folder.
        dtype: type in which the weights are kept: `"float16"` or `"float32"`.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.

    Returns:
        The path of the page.

    Raises:
        InputError: a layer or an activation that the page does not know, weights of more than 40 MB, an input that is
            no image, or no such model.

    Example:
    >>> import cnnzoo, tempfile
    >>> page = play(cnnzoo.lenet5(), to=f"{tempfile.mkdtemp()}/lenet5.html")
    >>> page.name, page.stat().st_size < 800_000
    ('lenet5.html', True)
    """
    choice("dtype", dtype, DTYPES)
    nets = [net_of(each) for each in (model, *others)]
    path = Path(to) if to is not None else _default_path(nets[0].run)
    if path.is_dir():
        raise refusal("to", "the path of a file, such as 'play.html'", str(path))
    with data.using_data_dir(data_dir):
        write(nets, path, dtype=dtype)
    return path


def write(nets: list[Net], path: Path, *, dtype: str = "float16", source: Source | None = None) -> None:
    """Write a page with nets.

    Args:
        nets: the nets.
        path: the file to write.
        dtype: type in which the weights are kept.
        source: the data set of the first net, where it is loaded already.

    Raises:
        InputError: as `play`.
    """
    check_size(*(net.model for net in nets), dtype=dtype)
    payload, block = payload_of(nets, dtype, source)
    write_page(path, payload, block)


def _default_path(run: Run | None) -> Path:
    return Path(DEFAULT_FILE) if run is None else run.folder / DEFAULT_FILE


def check_size(*nets: keras.Model, dtype: str = "float16") -> None:
    """Refuse nets whose weights are too large for a page.

    Raises:
        InputError: they take more than 40 MB.

    Example:
    >>> import cnnzoo
    >>> check_size(cnnzoo.mlp(compile=False))
    """
    sizes = [(model.name, sum(math.prod(each.shape) for each in model.weights)) for model in nets]
    total = sum(size for _, size in sizes) * np.dtype(dtype).itemsize
    if total > MAX_BYTES:
        listed = ", ".join(f"{name} with {size:,} weights" for name, size in sizes)
        raise InputError(
            f"the weights in a page may take {MAX_BYTES // 10**6} MB. Received: {listed}, "
            f"{total / 10**6:.1f} MB in {dtype}"
        )


def payload_of(nets: list[Net], dtype: str, source: Source | None = None) -> tuple[dict[str, Any], Block]:
    """Return what a page holds, and its numbers.

    Args:
        nets: the nets; the images are those of the data set of the first one that has any.
        dtype: type in which weights are kept.
        source: the data set, where it is loaded already.
    """
    block, missing = Block(dtype), list[str]()
    samples = _samples(nets, source, missing)
    described = [_described(net, samples, block, missing) for net in nets]
    payload = {
        "version": VERSION,
        "cnnzoo": version_of("cnnzoo") or "",
        "title": " and ".join(net.title for net in nets),
        "models": described,
        "images": None if samples is None else _images(samples, block),
        "missing": missing,
    }
    return payload, block


def _samples(nets: list[Net], source: Source | None, missing: list[str]) -> Samples | None:
    """Return images for the nets, or add a sentence that says why there are none."""
    needs_train = any(net.reconstructs for net in nets)
    if source is None:
        net = next((net for net in nets if net.data is not None), None)
        if net is None:
            missing.append("There are no test images: nothing says which data set the net was trained on.")
            return None
        assert net.data is not None
        if not data.is_at_hand(net.data):
            missing.append(
                f"There are no test images: the data set {net.data!r} is not on the machine that wrote this page."
            )
            return None
        try:
            source = data.load(net.data, stream=_streams(net.data), **net.data_options)
        except InputError as error:
            missing.append(f"There are no test images: {error}.")
            return None
    if source.kind != "images":
        missing.append(f"There are no test images: {source.name!r} has {source.kind}.")
        return None
    return samples_of(source, with_train=needs_train)


def _streams(name: str) -> bool | None:
    """Return the argument `stream` by which no more images are decoded than are needed."""
    return None if name in data.IN_MEMORY or name.endswith(".csv") else True


def _described(net: Net, samples: Samples | None, block: Block, missing: list[str]) -> dict[str, Any]:
    """Return a net as the payload has it."""
    model = net.model
    preprocessing = preprocessing_of(model, net.family, None if samples is None else samples.test.image_shape)
    name, layers, output = described_layers(model, block)
    kind = "autoencoder" if net.reconstructs else "classifier"
    ink = "light" if model.input_shape[-1] == 1 else None
    described = {
        "name": model.name,
        "title": net.title,
        "kind": kind,
        "python": net.python,
        "dtype": block.dtype,
        "data": net.data,
        "input": {
            "name": name,
            "shape": list(model.input_shape[1:]),
            **preprocessing.to_dict(),
            "ink": ink if samples is None else samples.ink,
        },
        "classes": None if net.reconstructs else _class_names(net, samples),
        "parameters": model.count_params(),
        "figure": net.figure,
        "layers": layers,
        "output": output,
        "code": None,
        "pca": None,
        "codes": None,
    }
    if kind == "autoencoder" and any(layer["name"] == "code" for layer in layers):
        described["code"] = next(each["name"] for each in layers if each["layer"] == _layer_of(penalized_code(model)))
        if samples is not None:
            described |= _codes(net, samples, preprocessing, block, missing)
    return described


def _layer_of(tensor: Any) -> str:
    call = call_of(tensor)
    assert call is not None
    return call.layer.name


def _class_names(net: Net, samples: Samples | None) -> list[str]:
    outputs = math.prod(net.model.output_shape[1:])
    count = 2 if outputs == 1 else outputs
    for names in (net.class_names, samples.class_names if samples else None):
        if names is not None and len(names) == count:
            return list(names)
    return list(map(str, range(count)))


def _codes(
    net: Net, samples: Samples, preprocessing: Preprocessing, block: Block, missing: list[str]
) -> dict[str, Any]:
    """Return an autoencoder's codes of test images, and principal components in the space of its input."""
    if net.family is None:
        return {}
    preprocess = models.preprocessing(net.family, net.model)
    test = samples.test[:CODES]
    codes = codes_of(net.model, inputs_of(test.images, preprocess))
    plane, mean = None, codes.mean(axis=0)
    if codes.shape[1] > 2:
        mean, plane = principal_components(codes, 2)
    found: dict[str, Any] = {
        "codes": {
            "values": block.add(codes),
            "mean": block.add(mean),
            "plane": None if plane is None else block.add(plane),
            "labels": test.labels.tolist(),
        }
    }
    assert samples.train is not None
    rows = inputs_of(samples.train.images, preprocess)
    count = codes.shape[1]
    if count > min(MAX_COMPONENTS, len(rows), rows[0].size):
        missing.append(f"There are no principal components: the code of {net.title} has {count} numbers.")
        return found
    mean, components = principal_components(rows, count)
    return found | {"pca": {"mean": block.add(mean), "components": block.add(components), "images": len(rows)}}


def _images(samples: Samples, block: Block) -> dict[str, Any]:
    shown = samples.shown
    entry = block.add(differences(shown.images))
    return {
        "shape": list(shown.image_shape),
        "count": len(shown),
        "labels": shown.labels.tolist(),
        "classes": list(samples.class_names),
        "differences": True,
        "at": entry["at"],
    }
