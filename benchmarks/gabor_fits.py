"""How many units of a sparse autoencoder of patches are edges: whose weights a Gabor function fits.

    cnnzoo train sparse_autoencoder_patches
    python benchmarks/gabor_fits.py runs/sparse_autoencoder_patches/1

A Gabor function is a wave within an ellipse, A · exp(−u²/2σ² − w²/2τ²) · cos(2πfu + φ), where u and w are coordinates
turned by an angle; weights are compared without their mean. R² = 1 − (squared error of the fit)/(sum of squares of the
weights), of the best fit from several starts. A unit counts as an edge from R² = 0.7 on.

A spot is fitted, too, by a wave of less than a period. So those with an orientation are counted: the squares of their
slopes, as complex numbers, point the same way, and their sum is at least half of the sum of their magnitudes.
"""

import argparse

import numpy as np
from scipy import optimize

LEAST = 0.7
COHERENT = 0.5
SECTOR = 30  # degrees
SPECTRUM = 32  # to which weights are padded, for the frequencies of the starts
STARTS = 4  # of the largest frequencies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run's folder")
    options = parser.parse_args()
    units = unit_weights(options.run)
    fits = np.array([gabor_fit(weights) for weights in units])
    edges = fits >= LEAST
    print(f"{edges.sum()} of {len(fits)} units are edges ({edges.mean():.0%}), median R² {np.median(fits):.2f}")
    print("R² of each unit:", " ".join(f"{fit:.2f}" for fit in np.sort(fits)))
    angles = [angle for weights in units[edges] if (angle := orientation(weights)) is not None]
    counts = np.histogram(angles, np.arange(0, 181, SECTOR))[0]
    print(f"{len(angles)} of these have an orientation: {' '.join(map(str, counts))} by {SECTOR} degrees from 0 on")


def unit_weights(run: str) -> np.ndarray:
    """Return the weights of each code unit of a run's autoencoder of gray images, `(units, height, width)`."""
    import cnnzoo

    model = cnnzoo.Run(run).model()
    kernel = np.asarray(model.get_layer("code").kernel, "float64")
    return kernel.T.reshape(-1, *model.input_shape[1:3])


def orientation(weights: np.ndarray) -> float | None:
    """Return the direction along which an image of weights is most alike, in degrees from 0 to 180, or `None`.

    0 is horizontal, and 90 vertical. `None` is of an image without a direction, as a spot or noise is.
    """
    down, right = np.gradient(weights)
    squares = (right - 1j * down) ** 2  # opposite slopes belong to the same direction; rows are counted downwards
    if np.abs(squares.sum()) < COHERENT * np.abs(squares).sum():
        return None
    return float((np.degrees(np.angle(squares.sum())) / 2 + 90) % 180)


def gabor_fit(weights: np.ndarray) -> float:
    """Return R² of the Gabor function that fits an image of weights best, `(height, width)`."""
    weights = weights - weights.mean()
    rows, columns = np.mgrid[: weights.shape[0], : weights.shape[1]].astype("float64")

    def basis(values: np.ndarray) -> np.ndarray:
        """Return cosine and sine within the ellipse, whose amplitudes are found by least squares."""
        column, row, across, along, angle, frequency = values
        u = (columns - column) * np.cos(angle) + (rows - row) * np.sin(angle)
        w = (rows - row) * np.cos(angle) - (columns - column) * np.sin(angle)
        ellipse = np.exp(-((u / across) ** 2) / 2 - (w / along) ** 2 / 2)
        waves = [ellipse * function(2 * np.pi * frequency * u) for function in (np.cos, np.sin)]
        return np.stack([wave.ravel() - wave.mean() for wave in waves], axis=1)

    def error(values: np.ndarray) -> np.ndarray:
        waves = basis(values)
        amplitudes = np.linalg.lstsq(waves, weights.ravel(), rcond=None)[0]
        return waves @ amplitudes - weights.ravel()

    longest = max(weights.shape)
    bounds = ([-1, -1, 0.4, 0.4, -np.inf, 0.02], [longest, longest, longest, longest, np.inf, 0.6])
    starts = _starts(weights, rows, columns)
    least = min(optimize.least_squares(error, start, bounds=bounds, max_nfev=100).cost for start in starts)
    return float(1 - 2 * least / np.square(weights).sum())


def _starts(weights: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """Return values to start from: the center of the weights' energy, and their largest frequencies."""
    energy = np.square(weights) / np.square(weights).sum()
    center = [np.clip((axis * energy).sum(), 0, max(weights.shape) - 1) for axis in (columns, rows)]
    spectrum = np.abs(np.fft.rfft2(weights, (SPECTRUM, SPECTRUM)))
    found = []
    for _ in range(STARTS):
        row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
        spectrum[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = 0
        vertical, horizontal = np.fft.fftfreq(SPECTRUM)[row], np.fft.rfftfreq(SPECTRUM)[column]
        frequency = np.clip(np.hypot(vertical, horizontal), 0.03, 0.5)
        found.append(np.array([*center, 1.5, 2.0, np.arctan2(vertical, horizontal), frequency]))
    return found


if __name__ == "__main__":
    main()
