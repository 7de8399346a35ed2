"""The details of LeNet-5: its activation, its initial weights, and the bitmaps that its output units compare with."""

import math
import random

import keras
import numpy as np
from keras import ops

from cnnzoo.checks import integer, number, refusal


@keras.saving.register_keras_serializable(package="cnnzoo")
def scaled_tanh(x):
    """Squash `x` by 1.7159·tanh(2x/3), which maps ±1 to ±1 and bends most there.

    Args:
        x: a float tensor of any shape.

    Returns:
        A tensor of the same shape and dtype, in (−1.7159, 1.7159).

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
    Recognition", 1998, appendix A.

    Example:
    >>> import numpy as np
    >>> np.asarray(scaled_tanh(np.array([-1.0, 0.0, 1.0], "float32"))).round(3).tolist()
    [-1.0, 0.0, 1.0]
    """
    return 1.7159 * ops.tanh(x * (2.0 / 3.0))


@keras.saving.register_keras_serializable(package="cnnzoo")
class FanInUniform(keras.initializers.Initializer):
    """Draw weights uniformly from ±scale / fan-in.

    Unlike Keras' `lecun_uniform`, whose bound falls with the *root* of the fan-in, the bound here
    falls with the fan-in itself.

    Args:
        scale: the bound for a unit with one input; positive.
        fan_in: inputs per unit, or `None` to take all axes of the shape but the last.
        seed: an integer, or `None` for a new draw for each initializer.

    Raises:
        InputError: `scale` is not a positive number, or `fan_in` not a positive integer.

    Source: ±2.4/Fᵢ as LeCun et al. 1998 are commonly quoted; not checked here against their text.

    Example:
    >>> import numpy as np
    >>> kernel = np.asarray(FanInUniform(2.4, seed=0)((5, 5, 6, 16)))
    >>> bool(abs(kernel).max() <= 2.4 / 150)
    True
    """

    def __init__(self, scale: float = 2.4, fan_in: int | None = None, seed: int | None = None):
        self.scale = number("scale", scale, above=0)
        self.fan_in = integer("fan_in", fan_in, or_none="all axes of the shape but the last")
        self.seed = seed
        self._draw_seed = random.randint(1, 10**9) if seed is None else seed  # noqa: S311

    def __call__(self, shape, dtype=None):
        bound = self.scale / (self.fan_in or math.prod(shape[:-1]))
        return keras.random.uniform(shape, -bound, bound, dtype=dtype, seed=self._draw_seed)

    def get_config(self):
        return {"scale": self.scale, "fan_in": self.fan_in, "seed": self.seed}


# Drawn anew in the manner of the paper's figure 3, whose pixels are not published as a table.
# Their properties that matter to the net hold here too: similar digits have similar codes (3 and 8, 1 and 7),
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

    Raises:
        InputError: the shape to initialize is not `(classes, 84)`.

    Example:
    >>> tuple(DigitCodes()((26, 84)).shape)
    (26, 84)
    """

    def __init__(self, seed: int = 1998):
        self.seed = seed

    def __call__(self, shape, dtype=None):
        classes, pixels = shape
        if pixels != 84:
            raise refusal("shape", "(classes, 84), as digit codes have 7 × 12 = 84 pixels", tuple(shape))
        more = np.random.default_rng(self.seed).choice([-1.0, 1.0], size=(max(classes - 10, 0), pixels))
        codes = np.concatenate([digit_bitmaps().reshape(10, pixels), more])[:classes]
        return ops.convert_to_tensor(codes, dtype=dtype)

    def get_config(self):
        return {"seed": self.seed}
