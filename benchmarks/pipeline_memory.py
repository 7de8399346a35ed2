"""The memory of an epoch over a folder of photographs that stays on disk.

    python benchmarks/pipeline_memory.py

Makes a folder of JPEGs in two classes, and reads one epoch of training batches of 32 images at 227×227, decoded at
each use, and then from a cache in a folder. Prints the largest resident memory of the first 100
batches, that of all later ones, and its growth.
"""

import argparse
import multiprocessing
import tempfile
from pathlib import Path

BATCH, SIDE, FIRST = 32, 227, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=12_800)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "photos", options.images)
        for cached in (False, True):  # each in a process of its own, whose memory is its own
            process = multiprocessing.get_context("spawn").Process(target=measure, args=(Path(folder), cached))
            process.start()
            process.join()


def write(folder: Path, images: int) -> None:
    """Write photographs of noise, of several sizes, in two classes."""
    import io

    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(40):
        height, width = rng.integers(SIDE, 500, 2)
        coarse = rng.integers(0, 256, (height // 16, width // 16, 3), "uint8")
        content = io.BytesIO()
        Image.fromarray(coarse).resize((int(width), int(height)), Image.BICUBIC).save(content, "JPEG")
        for copy in range(number, images, 40):
            into = folder / "train" / f"class_{copy % 2}"
            into.mkdir(parents=True, exist_ok=True)
            (into / f"{copy}.jpg").write_bytes(content.getvalue())


def measure(folder: Path, cached: bool) -> None:
    from cnnzoo import data

    options = {"cache": folder / "cache"} if cached else {"stream": True}
    source = data.load(folder / "photos", image_size=(SIDE, SIDE), **options)
    steps = data.steps_per_epoch(source.train, BATCH)
    batches = iter(data.train_pipeline(source.train, BATCH))
    memory = [_next_and_memory(batches) for _ in range(steps)]
    early, late = max(memory[:FIRST]), max(memory[FIRST:])
    pixels = steps * BATCH * SIDE * SIDE * 3
    print(
        f"{'from a cache' if cached else 'streamed'}: {steps} batches, {pixels / 1e9:.1f} GB of pixels: at most "
        f"{early:,.0f} MB of memory in the first {FIRST}, "
        f"{late:,.0f} MB in the later ones ({late / early - 1:+.1%})"
    )


def _next_and_memory(batches) -> float:
    next(batches)
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
