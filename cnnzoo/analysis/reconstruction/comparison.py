"""An autoencoder beside the linear baselines with codes of the same size."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from cnnzoo.analysis.reconstruction.codes import Coder, coder_of
from cnnzoo.analysis.reconstruction.linear_codes import pca, pixels
from cnnzoo.analysis.reconstruction.logistic import logistic_pca
from cnnzoo.analysis.reconstruction.metrics import (
    bits_per_image,
    compression_ratio,
    mean_squared_error,
    psnr,
    squared_error,
)
from cnnzoo.analysis.reconstruction.precision import FLOAT_BITS, check_bits, quantize
from cnnzoo.errors import InputError

HEADINGS = ("", "code", "bits a number", "bits an image", "ratio", "squared error", "per pixel", "PSNR (dB)")


@dataclasses.dataclass(frozen=True)
class Reconstruction:
    """What a code keeps of images.

    Attributes:
        name: what made the code.
        code_size: numbers in a code.
        bits: bits a number is kept in; 32 for floats.
        bits_per_image: bits of a whole code.
        compression_ratio: bits of an image of 8-bit pixels divided by those of its code.
        squared_error: sum over the pixels, mean over the images.
        mean_squared_error: mean over pixels and images.
        psnr: mean over the images of each one's ratio, in decibels.
    """

    name: str
    code_size: int
    bits: int
    bits_per_image: int
    compression_ratio: float
    squared_error: float
    mean_squared_error: float
    psnr: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Several codes of the same images.

    Attributes:
        rows: one for each code and precision.
    """

    rows: tuple[Reconstruction, ...]

    def to_markdown(self) -> str:
        """Return the rows as a Markdown table."""
        lines: list[Sequence[str]] = [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 1)]]
        lines += [
            (
                row.name,
                str(row.code_size),
                str(row.bits),
                f"{row.bits_per_image:,}",
                f"{row.compression_ratio:.2f}",
                f"{row.squared_error:.3f}",
                f"{row.mean_squared_error:.5f}",
                f"{row.psnr:.2f}",
            )
            for row in self.rows
        ]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def compare_reconstructions(
    model, train, test, *, logistic: bool = False, bits: int | Sequence[int] = FLOAT_BITS
) -> Comparison:
    """Compare an autoencoder with principal components and, if wanted, logistic PCA, with codes of the same size.

    The baselines are fitted to the training images. All are judged on the test images.

    Args:
        model: an autoencoder with a layer `code`.
        train: array `(examples, *image_shape)` to fit the baselines to; uint8, or floats of 0 to 1.
        test: array `(examples, *image_shape)` to judge by; uint8, or floats of 0 to 1.
        logistic: whether to fit logistic PCA too, which takes a minute or so on MNIST.
        bits: bits a number of a code is kept in, 1 to 16, or 32 for floats; several give a row each. The
            levels are those of `quantize`, spread over the codes of the training images.

    Returns:
        A `Comparison` with a row for each code and precision; `.to_markdown()` prints it.

    Raises:
        InputError: no autoencoder, images that are not of its input's shape, or bits out of range.

    Example:
    >>> import keras
    >>> from cnnzoo.data import load
    >>> digits = load("digits")
    >>> inputs = keras.Input((8, 8, 1))
    >>> code = keras.layers.Dense(8, name="code")(keras.layers.Flatten()(inputs))
    >>> outputs = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64, "sigmoid")(code))
    >>> found = compare_reconstructions(keras.Model(inputs, outputs), digits.train.images, digits.test.images)
    >>> [(row.code_size, row.compression_ratio) for row in found.rows]
    [(8, 2.0), (8, 2.0)]
    """
    coder = coder_of(model)
    rows = compare_codes([coder], train, test, bits=bits).rows  # first, so that bad input is found before any fit
    baselines = [pca(train, coder.size)]
    if logistic:
        baselines.append(logistic_pca(train, coder.size))
    return Comparison(rows + compare_codes(baselines, train, test, bits=bits).rows)


def compare_codes(coders: Iterable, train, test, *, bits: int | Sequence[int] = FLOAT_BITS) -> Comparison:
    """Compare codes of any sizes.

    Args:
        coders: autoencoders with a layer `code`, and baselines such as `pca(train, 30)`.
        train: as for `compare_reconstructions`; sets the levels of codes of fewer than 32 bits.
        test: as for `compare_reconstructions`.
        bits: as for `compare_reconstructions`.

    Returns:
        A `Comparison` with a row for each code and precision.

    Raises:
        InputError: as for `compare_reconstructions`.

    Example:
    >>> from cnnzoo.data import load
    >>> digits = load("digits")
    >>> train, test = digits.train.images, digits.test.images
    >>> found = compare_codes([pca(train, 2), pca(train, 8)], train, test, bits=(32, 4))
    >>> [(row.code_size, row.bits_per_image, round(row.squared_error, 2)) for row in found.rows]
    [(2, 64, 3.4), (2, 8, 3.41), (8, 256, 1.57), (8, 32, 1.61)]
    """
    precisions = _precisions(bits)
    train, test = pixels(train, "train images"), pixels(test, "test images")
    if train.shape[1:] != test.shape[1:]:
        raise InputError(f"train and test images must have one shape, not {train.shape[1:]} and {test.shape[1:]}")
    return Comparison(tuple(row for coder in coders for row in _rows(coder_of(coder), train, test, precisions)))


def _precisions(bits: int | Sequence[int]) -> tuple[int, ...]:
    precisions = tuple(bits) if isinstance(bits, list | tuple) else (bits,)
    for precision in precisions:
        check_bits(precision)
    return precisions


def _rows(coder: Coder, train: np.ndarray, test: np.ndarray, precisions: tuple[int, ...]) -> Iterable[Reconstruction]:
    codes = coder.encode(test)
    rounded = any(bits != FLOAT_BITS for bits in precisions)
    like = coder.encode(train) if rounded else codes
    for bits in precisions:
        reconstructions = coder.decode(quantize(codes, bits, like=like))
        yield Reconstruction(
            name=coder.name,
            code_size=coder.size,
            bits=bits,
            bits_per_image=bits_per_image(coder.size, bits),
            compression_ratio=compression_ratio(test.shape[1:], coder.size, bits),
            squared_error=squared_error(test, reconstructions),
            mean_squared_error=mean_squared_error(test, reconstructions),
            psnr=psnr(test, reconstructions),
        )
