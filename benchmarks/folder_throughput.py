"""A folder of JPEGs into batches of 224×224 pixels: cnnzoo, Keras and PyTorch.

    pip install -e '.[torch]' && python benchmarks/folder_throughput.py --folder photos/train

Every contender reads and decodes each file anew in every epoch, shuffles, and makes batches of 32. Each runs in a
process of its own, in turns; a turn is as many epochs as make 6,000 images, since some contenders fill buffers
between their turns, and the first turn does not count. `--enlarge 4` uses the photographs four times as large, like
those of a camera.

- cnnzoo: `cnnzoo.data.load(..., stream=True)` and `train_pipeline`: the center of each image, of the same aspect ratio.
- keras, keras cropped: `keras.utils.image_dataset_from_directory`, by default (images are squeezed into a square) and
  with `crop_to_aspect_ratio=True`, which keeps their aspect ratio as cnnzoo does.
- torch: a DataLoader with 2 persistent workers, PIL, the shorter side resized by `Image.BILINEAR`, the center, uint8.
- cnnzoo, in memory: the same as the first from the uint8 array of `stream=False`, for comparison.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

from turns import compared, seconds, serve

BATCH, SIDE, IMAGES = 32, 224, 6000
CONTENDERS = ("cnnzoo", "keras", "keras cropped", "torch", "cnnzoo, in memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="a folder of class folders")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--enlarge", type=int, default=1, metavar="TIMES")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as larger:
        if options.enlarge > 1 and not options.contender:
            options.folder = _enlarged(options.folder, options.enlarge, Path(larger) / "train")
        compare(options)


def compare(options) -> None:
    """Run as one contender, or compare all of them on a folder."""
    count = sum(1 for _ in options.folder.glob("*/*.jp*g"))
    steps = -(-IMAGES // count) * (count // BATCH)
    if options.contender:
        batches = _batches(options.contender, options.folder)
        serve(lambda: {"seconds": seconds(lambda: [next(batches) for _ in range(steps)])})
        return
    own = [sys.executable, __file__, "--folder", str(options.folder), "--contender"]
    turns = compared({name: [*own, name] for name in CONTENDERS}, options.rounds)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {count} JPEGs, {options.rounds} interleaved turns")
    speeds = {name: sorted(steps * BATCH / turn["seconds"] for turn in each) for name, each in turns.items()}
    ours = statistics.median(speeds["cnnzoo"])
    for name, values in speeds.items():
        ratio = (
            "" if name.startswith("cnnzoo") else f"   cnnzoo is {ours / statistics.median(values):.2f} times as fast"
        )
        print(
            f"{name:18s} {statistics.median(values):8,.0f} images/s (from {values[0]:,.0f} to {values[-1]:,.0f}){ratio}"
        )


def _enlarged(folder: Path, times: int, into: Path) -> Path:
    """Write every photograph enlarged by a factor, and return their folder."""
    from PIL import Image

    for file in folder.glob("*/*.jp*g"):
        (into / file.parent.name).mkdir(parents=True, exist_ok=True)
        image = Image.open(file).convert("RGB")
        image = image.resize((times * image.width, times * image.height), Image.BICUBIC)
        image.save(into / file.parent.name / file.name, quality=88)
    return into


def _batches(name: str, folder: Path):
    """Yield batches without end."""
    if name.startswith("cnnzoo"):
        return _cnnzoo(folder, stream=name == "cnnzoo")
    return _torch(folder) if name == "torch" else _keras(folder, cropped=name == "keras cropped")


def _cnnzoo(folder: Path, *, stream: bool):
    from cnnzoo import data

    # Without a folder `test` beside `train`, a fifth of the files is held out; the batches go on without end.
    source = data.load(folder.parent, image_size=(SIDE, SIDE), stream=stream)
    return iter(data.train_pipeline(source.train, BATCH))


def _keras(folder: Path, *, cropped: bool):
    import keras

    batches = keras.utils.image_dataset_from_directory(
        folder, image_size=(SIDE, SIDE), batch_size=BATCH, crop_to_aspect_ratio=cropped, verbose=False
    )
    return iter(batches.repeat())  # it shuffles anew each time


def _torch(folder: Path):
    import numpy as np
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    class Photographs(Dataset):
        def __init__(self):
            self.files = sorted(folder.glob("*/*.jp*g"))

        def __len__(self):
            return len(self.files)

        def __getitem__(self, index):
            image = Image.open(self.files[index]).convert("RGB")
            scale = SIDE / min(image.size)
            image = image.resize([max(SIDE, round(side * scale)) for side in image.size], Image.BILINEAR)
            left, top = ((side - SIDE) // 2 for side in image.size)
            return torch.from_numpy(np.array(image.crop((left, top, left + SIDE, top + SIDE)))), 0

    loader = DataLoader(Photographs(), BATCH, shuffle=True, num_workers=2, persistent_workers=True, drop_last=True)
    while True:
        yield from loader


if __name__ == "__main__":
    main()
