"""`cnnzoo.predict` on a folder of PNGs, against the exported signature called in batches over the same files.

    cnnzoo train lenet5_digits
    cnnzoo export runs/lenet5_digits/1 --to exported/digits
    python benchmarks/predict_throughput.py exported/digits [--data digits] [--files 1000] [--rounds 7]

The files are test images, written as PNGs; where there are fewer than `--files`, they repeat. Each contender lives in a
process of its own, and they take turns; the first turn of each does not count. In a turn it loads the model, and goes
over the files five times; the first time, which has the first calls of the model, does not count, either.

- predict: `cnnzoo.predict(EXPORT, FOLDER)`, all predictions taken.
- signature: `serve_bytes` of the same export, called with the contents of as many files as `predict` has in a batch.

What both predict is compared, file by file, and with the labels of the images, which is what `cnnzoo evaluate` does.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from turns import compared, seconds, serve

BATCH, PASSES = 64, 4
CONTENDERS = ("predict", "signature")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path, help="a model's folder, as `cnnzoo export` has written it")
    parser.add_argument("--data", default="digits", help="the data set whose test images are written as files")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--contender", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        name, folder = options.contender
        classes = {"predict": _prediction, "signature": _signature}[name]
        serve(lambda: _report(lambda: classes(options.export, folder), options.files))
        return
    with tempfile.TemporaryDirectory() as folder:
        labels = write_files(options.data, options.files, Path(folder))
        compare(options, folder, labels)


def write_files(data: str, count: int, folder: Path) -> list[str]:
    """Write test images as PNGs, and return the name of the class of each."""
    from PIL import Image

    import cnnzoo

    source = cnnzoo.data.load(data)
    labels = []
    for number in range(count):
        index = number % len(source.test)
        pixels = source.test.images[index]
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(folder / f"{number:06}.png")
        labels.append(source.class_names[source.test.labels[index]])
    return labels


def compare(options: argparse.Namespace, folder: str, labels: list[str]) -> None:
    own = [sys.executable, __file__, str(options.export), "--files", str(options.files), "--contender"]
    turns = compared({name: [*own, name, folder] for name in CONTENDERS}, options.rounds)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {len(labels)} PNGs, {options.rounds} interleaved turns")
    classes = {name: each[-1]["classes"] for name, each in turns.items()}
    speeds = {name: sorted(PASSES * len(labels) / turn["seconds"] for turn in each) for name, each in turns.items()}
    direct = statistics.median(speeds["signature"])
    for name, values in speeds.items():
        right = sum(found == label for found, label in zip(classes[name], labels, strict=True))
        median = statistics.median(values)
        print(
            f"{name:10} {median:8,.0f} images/s (from {values[0]:,.0f} to {values[-1]:,.0f}), {median / direct:.0%} of "
            f"the signature; {right} of {len(labels)} classes are right"
        )
    same = sum(one == other for one, other in zip(classes["predict"], classes["signature"], strict=True))
    print(f"the same class for {same} of {len(labels)} files")


def _report(run: Callable[[], Iterator[str]], count: int) -> dict:
    """Return the classes of the first pass over the files, and the seconds of the others."""
    found = run()
    classes = list(islice(found, count))
    return {"classes": classes, "seconds": seconds(lambda: deque(found, maxlen=0))}


def _prediction(export: Path, folder: str) -> Iterator[str]:
    """Yield the class of each file, pass by pass, by `cnnzoo.predict`."""
    import cnnzoo

    for each in cnnzoo.predict(export, [folder] * (1 + PASSES), batch_size=BATCH):
        yield each.classes[0][0]


def _signature(export: Path, folder: str) -> Iterator[str]:
    """Yield the class of each file, pass by pass, by the signature, called in batches."""
    import tensorflow as tf

    version = max((path for path in export.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
    loaded = tf.saved_model.load(str(version))
    files = sorted(Path(folder).iterdir()) * (1 + PASSES)
    for start in range(0, len(files), BATCH):
        contents = [file.read_bytes() for file in files[start : start + BATCH]]
        outputs = loaded.signatures["serve_bytes"](image_bytes=tf.constant(contents))
        yield from (name.decode() for name in outputs["class_name"].numpy())


if __name__ == "__main__":
    main()
