"""Codes of the same size as an autoencoder's: logistic PCA, and codes kept in few bits, compared in one table.

`reconstruction_baselines.py` prints them for MNIST.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis import (
    LinearCode,
    bits_per_image,
    compression_ratio,
    mean_squared_error,
    pca,
    psnr,
    squared_error,
)
from cnnzoo.analysis.reconstruction.codes import Coder, coder_of
from cnnzoo.analysis.reconstruction.linear_codes import checked_size, pixels
from cnnzoo.errors import InputError

SLOPE = 1 / 4  # of the logistic function at its middle
LEAST_DEVIATION = 1e-3  # a code that hardly varies among the training images is not blown up
FLOAT_BITS = 32  # a float32, kept as it is
MOST_LEVELS_BITS = 16  # more levels than that come close to the spacing of float32 numbers
HEADINGS = ("", "code", "bits a number", "bits an image", "ratio", "squared error", "per pixel", "PSNR (dB)")


@dataclasses.dataclass(frozen=True, eq=False)
class LogisticCode(LinearCode):
    """A linear code whose decoded pixels pass through the logistic function, into 0 to 1."""

    def first(self, size: int) -> LinearCode:
        """Raise `InputError`: the numbers of a logistic code are in no order."""
        raise InputError(f"the numbers of {self.name} are in no order: the first {size!r} cannot be taken alone")

    def decode(self, codes) -> np.ndarray:
        """Return the images that codes stand for, pixels of 0 to 1; as `LinearCode.decode` otherwise."""
        return (1 + np.tanh(super().decode(codes) / 2)) / 2


def logistic_pca(images, size: int, *, epochs: int = 20, batch_size: int = 100, seed: int = 0) -> LogisticCode:
    """Fit an autoencoder with a linear code and logistic outputs, one layer each, by cross-entropy.

    The paper prints 8.01 for MNIST and does not say which logistic PCA it means. There are two:

    - A code linear in the image, which is what is fitted here. `benchmarks/reconstruction_baselines.py` prints what
      the default settings give on MNIST.
    - A code fitted to each image on its own, also to each test image (Collins, Dasgupta and Schapire, 2001;
      Schein, Saul and Ungar, 2003). It fits the code to the very image that it is evaluated on, and is no baseline
      for one pass of an encoder.

    It starts from the principal components, with codes of variance 1, and is trained by Adam at 0.03 with a
    cosine decay to 0. Those settings were chosen by the training loss.

    Args:
        images: array `(examples, …)` to fit; uint8, or floats of 0 to 1.
        size: numbers in a code; at most the pixels of an image, and at most the images.
        epochs: passes over the images, ≥ 1.
        batch_size: images a step, ≥ 1.
        seed: seed of the order of the images; Keras' own random state is neither used nor changed.

    Returns:
        A `LogisticCode`, whose reconstructions lie in 0 to 1.

    Raises:
        InputError: a size out of range, pixels outside 0 to 1, or numbers that are no positive integers.

    Source: Hinton and Salakhutdinov, Science 313, 2006.

    Example:
    >>> from cnnzoo.analysis import squared_error
    >>> from cnnzoo.data import load
    >>> digits = load("digits")
    >>> coders = pca(digits.train.images, 8), logistic_pca(digits.train.images, 8)
    >>> principal, logistic = (squared_error(digits.test.images, c.reconstruct(digits.test.images)) for c in coders)
    >>> logistic < principal
    True
    """
    images = pixels(images)
    size = checked_size(size, images)
    epochs, batch_size = checks.integer("epochs", epochs), checks.integer("batch_size", batch_size)
    flat = images.reshape(len(images), -1).astype("float32", copy=False)
    start = _initial_code(images, size)
    kernel, offset, components, bias = _trained(start, flat, epochs, batch_size, np.random.default_rng(seed))
    return dataclasses.replace(start, kernel=kernel, offset=offset, components=components, bias=bias)


def _initial_code(images: np.ndarray, size: int) -> LogisticCode:
    """Return the principal components with codes of variance 1, and outputs whose slope makes up for the logistic's."""
    principal = pca(images, size)
    deviation = np.maximum(principal.encode(images).std(axis=0), LEAST_DEVIATION)
    # Half an image of ink, so that a pixel that is black in all images keeps a finite bias.
    mean = (images.reshape(len(images), -1).sum(axis=0, dtype="float64") + 0.5) / (len(images) + 1)
    return LogisticCode(
        name="logistic PCA",
        image_shape=principal.image_shape,
        kernel=principal.kernel / deviation,
        offset=principal.offset / deviation,
        components=principal.components * deviation[:, np.newaxis] / np.float32(SLOPE),
        bias=np.log(mean / (1 - mean)).astype("float32"),
    )


def _trained(
    start: LogisticCode, flat: np.ndarray, epochs: int, batch_size: int, order: np.random.Generator
) -> list[np.ndarray]:
    # Zeros draw nothing from Keras' random state; float32 whatever the policy, as a baseline should be.
    dense = {"kernel_initializer": "zeros", "dtype": "float32"}
    model = keras.Sequential(
        [
            keras.Input((flat.shape[1],)),
            keras.layers.Dense(start.size, **dense),
            keras.layers.Dense(flat.shape[1], activation="sigmoid", **dense),
        ]
    )
    model.set_weights([start.kernel, start.offset, start.components, start.bias])
    shuffled = _Shuffled(flat, batch_size, order)
    rate = keras.optimizers.schedules.CosineDecay(0.03, epochs * len(shuffled))
    together = 1 if keras.config.backend() == "torch" else 16  # with PyTorch, Keras takes one step at a time
    model.compile(keras.optimizers.Adam(rate, beta_2=0.99), loss="binary_crossentropy", steps_per_execution=together)
    model.fit(shuffled, epochs=epochs, shuffle=False, verbose=0)
    return model.get_weights()


class _Shuffled(keras.utils.PyDataset):
    """Images as their own targets, in an order of its own each epoch."""

    def __init__(self, flat: np.ndarray, batch_size: int, order: np.random.Generator):
        super().__init__()
        self._flat, self._batch_size, self._generator = flat, batch_size, order
        self._order = order.permutation(len(flat))

    def __len__(self) -> int:
        return -(-len(self._flat) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        start = index * self._batch_size
        batch = self._flat[self._order[start : start + self._batch_size]]
        return batch, batch

    def on_epoch_end(self) -> None:
        self._order = self._generator.permutation(len(self._flat))


def quantize(codes, bits: int, *, like=None) -> np.ndarray:
    """Return codes as they come back from `bits` bits a number.

    Each number becomes the nearest of 2^bits levels, spread evenly from the lowest to the highest value
    that its position in the code takes among the codes `like`. Those two values belong to the decoder, and
    do not count as bits of an image, if `like` are the codes of the training images. A number beyond them
    becomes the last level.

    Args:
        codes: float array `(examples, size)`.
        bits: 1 to 16; or 32, which returns float32 codes as they are.
        like: float array `(examples, size)` that sets the levels; `None` for the codes themselves.

    Returns:
        float32 array `(examples, size)`.

    Raises:
        InputError: another number of bits, or codes that are no finite `(examples, size)` arrays of one size.

    Example:
    >>> quantize([[0.0], [0.2], [0.9], [1.0]], bits=1).ravel().tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    check_bits(bits)
    codes = _checked_codes("codes", codes)
    like = codes if like is None else _checked_codes("like", like)
    if like.shape[1] != codes.shape[1]:
        raise InputError(f"`like` must be codes of {codes.shape[1]} numbers. Received codes of {like.shape[1]}")
    if bits == FLOAT_BITS:
        return codes.astype("float32")
    low, high = like.min(axis=0), like.max(axis=0)
    step = (high - low) / (2**bits - 1)
    spacing = np.where(step > 0, step, 1.0)  # a number that never varies has one level
    levels = np.rint((np.clip(codes, low, high) - low) / spacing)
    return (low + levels * step).astype("float32")


def check_bits(bits: int) -> None:
    """Check a number of bits.

    Raises:
        InputError: neither 1 to 16 nor 32.

    Example:
    >>> check_bits(8)
    """
    integer = isinstance(bits, int | np.integer) and not isinstance(bits, bool)
    if not integer or not (1 <= bits <= MOST_LEVELS_BITS or bits == FLOAT_BITS):
        raise checks.refusal("bits", f"an integer from 1 to {MOST_LEVELS_BITS}, or {FLOAT_BITS} for floats", bits)


def _checked_codes(name: str, codes) -> np.ndarray:
    try:
        codes = np.asarray(codes, "float64")
    except (TypeError, ValueError) as error:
        raise checks.refusal(name, "an array of numbers", codes) from error
    if codes.ndim != 2 or not codes.size:
        raise InputError(f"`{name}` must be an array (examples, size). Received the shape: {codes.shape}")
    if not np.isfinite(codes).all():
        raise InputError(f"`{name}` must be finite. Received: {codes[~np.isfinite(codes)][0]}")
    return codes


@dataclasses.dataclass(frozen=True)
class Reconstruction:
    """What a code keeps of images.

    Attributes:
        name: what made the code.
        code_size: numbers in a code.
        bits: bits a number is kept in; 32 for floats.
        bits_per_image: bits of a whole code.
        compression_ratio: bits of an image of 8-bit pixels divided by those of its code.
        squared_error: per image: sum over the pixels, mean over the images.
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

    The baselines are fitted to the training images. All are evaluated on the test images.

    Args:
        model: an autoencoder with a layer `code`.
        train: array `(examples, *image_shape)` to fit the baselines to; uint8, or floats of 0 to 1.
        test: array `(examples, *image_shape)` to evaluate on; uint8, or floats of 0 to 1.
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
    >>> comparison = compare_reconstructions(keras.Model(inputs, outputs), digits.train.images, digits.test.images)
    >>> [(row.code_size, row.compression_ratio) for row in comparison.rows]
    [(8, 2.0), (8, 2.0)]
    """
    coder = coder_of(model)
    rows = compare_codes([coder], train, test, bits=bits).rows  # first, so that bad input raises before any fit
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
    >>> comparison = compare_codes([pca(train, 2), pca(train, 8)], train, test, bits=(32, 4))
    >>> [(row.code_size, row.bits_per_image, round(row.squared_error, 2)) for row in comparison.rows]
    [(2, 64, 3.4), (2, 8, 3.41), (8, 256, 1.57), (8, 32, 1.61)]
    """
    precisions = _precisions(bits)
    train, test = pixels(train, "train"), pixels(test, "test")
    if train.shape[1:] != test.shape[1:]:
        raise InputError(
            "`train` and `test` must be images of one shape. "
            f"Received the shapes: {train.shape[1:]} and {test.shape[1:]}"
        )
    return Comparison(tuple(row for coder in coders for row in _rows(coder_of(coder), train, test, precisions)))


def _precisions(bits: int | Sequence[int]) -> tuple[int, ...]:
    precisions = tuple(bits) if isinstance(bits, list | tuple) else (bits,)
    for precision in precisions:
        check_bits(precision)
    return precisions


def _rows(coder: Coder, train: np.ndarray, test: np.ndarray, precisions: tuple[int, ...]) -> Iterable[Reconstruction]:
    codes = coder.encode(test)
    quantized = any(bits != FLOAT_BITS for bits in precisions)
    like = coder.encode(train) if quantized else codes
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
