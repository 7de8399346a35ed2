"""The ten digits as 7×12 bitmaps: the code words that LeNet-5's last hidden layer is to draw."""

import keras
import numpy as np

# Drawn anew in the manner of the paper's figure 3, whose pixels are not published as a table.
# What the net needs of them holds here too: similar digits have similar codes (3 and 8, 1 and 7),
# and every code differs from every other in several pixels.
DIGITS = """
..###.. ...##.. .#####. .#####. ....##. ####### ..####. ####### .#####. .#####.
.##.##. ..###.. ##...## ##...## ...###. ##..... .##..## .....## ##...## ##...##
##...## .####.. ##...## .....## ...###. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. .....## .....## ..####. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. .....## ....##. .##.##. ##.###. ##.###. ...##.. .##.##. ##...##
##...## ...##.. ....##. ..###.. .##.##. ###..## ###..## ...##.. ..###.. .######
##...## ...##.. ...##.. ....##. ##..##. .....## ##...## ..##... .##.##. .....##
##...## ...##.. ..##... .....## ####### .....## ##...## ..##... ##...## .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...##.. ##..... ##...## ....##. ##...## ##...## .##.... ##...## ##...##
.##.##. ...##.. ##..... ##...## ....##. ##...## .##.##. .##.... ##...## .##.##.
..###.. .###### ####### .#####. ....##. .#####. ..###.. .##.... .#####. ..###..
"""


def digit_bitmaps() -> np.ndarray:
    """Return the ten bitmaps, ink +1 and paper −1.

    Returns:
        Float32 array `(10, 12, 7)`: digit, row, column.

    Example:
    >>> digit_bitmaps().shape
    (10, 12, 7)
    """
    rows = [line.split() for line in DIGITS.split("\n") if line]
    return np.array(
        [[[1.0 if pixel == "#" else -1.0 for pixel in row[digit]] for row in rows] for digit in range(10)],
        dtype="float32",
    )


@keras.saving.register_keras_serializable(package="cnnzoo")
class DigitCodes(keras.initializers.Initializer):
    """Give each class the 84 pixels of its digit; from the eleventh class on, a random ±1 code.

    The paper drew bitmaps for all printable characters, and allows that codes may as well be
    random; only its ten digits are redrawn here.

    Args:
        seed: seed of the random codes.

    Example:
    >>> tuple(DigitCodes()((26, 84)).shape)
    (26, 84)
    """

    def __init__(self, seed: int = 1998):
        self.seed = seed

    def __call__(self, shape, dtype=None):
        classes, pixels = shape
        if pixels != 84:
            raise ValueError(f"digit codes have 7 × 12 = 84 pixels. Received: shape={tuple(shape)}")
        more = np.random.default_rng(self.seed).choice([-1.0, 1.0], size=(max(classes - 10, 0), pixels))
        codes = np.concatenate([digit_bitmaps().reshape(10, pixels), more])[:classes]
        return keras.ops.convert_to_tensor(codes, dtype=dtype)

    def get_config(self):
        return {"seed": self.seed}
