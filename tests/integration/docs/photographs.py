"""Photographs of cats and dogs, as far as a small net can tell: stripes that lie and stripes that stand."""

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog")


def write_photographs(folder, counts, size=256):
    """Write so many PNG files of each class into the folder of each split; the split "" is the folder itself."""
    rng = np.random.default_rng(0)
    for split, count in counts.items():
        for number in range(count):
            for name in CLASSES:
                into = folder / split / name
                into.mkdir(parents=True, exist_ok=True)
                Image.fromarray(_photograph(name, rng, size)).save(into / f"{number}.png")


def _photograph(name, rng, size):
    waves = np.sin(np.arange(size)[:, None] * rng.uniform(0.4, 0.8) + 6 * rng.random(3))
    pixels = 128 + 60 * waves[:, None] + rng.uniform(-60, 60, (size, size, 3))
    return (pixels if name == "cat" else pixels.swapaxes(0, 1)).astype("uint8")


def pixels_of(folder):
    """Return the class and the pixels of each photograph in a folder of class folders, as Pillow reads them."""
    return [
        (path.parent.name, np.asarray(Image.open(path).convert("RGB")))
        for name in CLASSES
        for path in (folder / name).iterdir()
    ]
