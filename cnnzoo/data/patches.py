"""Patches of natural photographs, whitened, on which sparse codes become edges."""

import numpy as np

from cnnzoo.data.source import Source, Split, empty_split

SIDE = 8
COUNTS = {"train": 10_000, "test": 2_000}
CUTOFF = 0.25  # cycles per pixel
TEST_COLUMNS = 128  # of each photograph, from the right


def load_patches(*, with_test: bool = True) -> Source:
    """Load 12,000 gray 8×8 patches of the two photographs that scikit-learn ships, whitened.

    Of each photograph, 427×640 pixels, the mean of the colors is whitened as a whole by the filter f · exp(−(f/0.25)⁴),
    f in cycles per pixel: natural images have amplitudes of about 1/f, which the first factor makes equal; the second
    takes away high frequencies, of which files compressed as JPEG keep little but noise (the paper, whose photographs
    are not, has 0.4). From each patch, at random positions by a fixed seed, its
    mean is subtracted; values are clipped at three standard deviations, one number for all patches, mapped to 0.1 to
    0.9, and rounded to 256 steps. The 2,000 test patches come from the right 128 columns, the others from the rest. The
    classes are the photographs.

    Args:
        with_test: whether to load the test patches; without, there are none.

    Source: Olshausen and Field, "Sparse Coding with an Overcomplete Basis Set", 1997 (the filter); Ng, "Sparse
    autoencoder", CS294A, 2011 (the patches' scale).

    Example:
    >>> source = load_patches()
    >>> source.image_shape, len(source.train), source.class_names
    ((8, 8, 1), 10000, ('china', 'flower'))
    """
    from sklearn import datasets  # a second to import

    images = datasets.load_sample_images().images
    photographs = [whitened(image.astype("float64").mean(axis=-1)) for image in images]
    generator = np.random.default_rng(0)
    parts = {"train": slice(0, -TEST_COLUMNS), "test": slice(-TEST_COLUMNS, None)}
    patches = {
        part: np.concatenate([_patches(image[:, columns], COUNTS[part] // 2, generator) for image in photographs])
        for part, columns in parts.items()
    }
    largest = 3 * patches["train"].std()
    pixels = {
        part: np.round(255 * (0.5 + 0.4 * np.clip(each / largest, -1, 1))).astype("uint8")[..., None]
        for part, each in patches.items()
    }
    labels = {part: np.repeat(np.arange(2, dtype="int32"), count // 2) for part, count in COUNTS.items()}
    order = generator.permutation(COUNTS["train"])
    train = Split(pixels["train"][order], labels["train"][order])
    test = Split(pixels["test"], labels["test"]) if with_test else empty_split((SIDE, SIDE, 1))
    return Source("patches", train, test, ("china", "flower"))


def whitened(image: np.ndarray) -> np.ndarray:
    """Return a gray image whose spectrum is flat up to the cutoff, with a standard deviation of 1.

    Args:
        image: float array `(height, width)`.
    """
    rows, columns = (np.fft.fftfreq(side) for side in image.shape)
    frequency = np.hypot(rows[:, None], columns[None])
    spectrum = np.fft.fft2(image - image.mean()) * frequency * np.exp(-((frequency / CUTOFF) ** 4))
    found = np.fft.ifft2(spectrum).real
    return found / found.std()


def _patches(image: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return patches at random positions, each minus its mean: `(count, 8, 8)`."""
    rows, columns = (generator.integers(side - SIDE + 1, size=count) for side in image.shape)
    inside = np.arange(SIDE)
    found = image[rows[:, None, None] + inside[:, None], columns[:, None, None] + inside]
    return found - found.mean(axis=(1, 2), keepdims=True)
