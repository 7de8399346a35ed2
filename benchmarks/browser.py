"""What the page of `cnnzoo play` costs: its size, the time to write it, and the time of the engine in Node.

    python benchmarks/browser.py [NAME …] [--repeats 5] [--images 200]

Writing is measured with the data set loaded already, as at the end of a run. In Node, the time from a drawing to the
last output is the median over test images; a score is that of all test images of the page after one unit of a layer is
silenced, with the layers before it kept. Needs the data sets; without Node the last two are left out.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from cnnzoo import data
from cnnzoo.browser.nets import net_of
from cnnzoo.browser.play import write

NAMES = ("lenet5_mnist", "cuda_convnet_cifar10", "deep_autoencoder_mnist")
SCRIPT = Path(__file__).parents[1] / "tests" / "javascript" / "times.js"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help="trained weights; default three")
    parser.add_argument("--repeats", type=int, default=5, help="how often each page is written")
    parser.add_argument("--images", type=int, default=200, help="images of which the median is taken")
    options = parser.parse_args()
    for name in options.names:
        net = net_of(name)
        source = data.load(net.data) if data.is_at_hand(net.data) else None
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "play.html"
            seconds, processor = [], []
            for _ in range(options.repeats):
                start, before = time.perf_counter(), time.process_time()
                write([net], page, source=source)
                seconds.append(time.perf_counter() - start)
                processor.append(time.process_time() - before)
            print(
                f"{name}: {page.stat().st_size / 1e6:.2f} MB, written in {statistics.median(seconds):.2f} s, "
                f"{statistics.median(processor):.2f} s of processor time (medians of {options.repeats})",
                flush=True,
            )
            if source is not None and (node := shutil.which("node")):
                command = [node, SCRIPT, page, str(options.images)]
                print_times(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def print_times(times: dict) -> None:
    print(
        f"  an image {times['image']:.2f} ms, {times['processor']:.2f} ms of processor time (medians of {times['n']})"
    )
    for layer, seconds in times["scores"].items():
        wall, processor = seconds
        print(
            f"  all {times['of']} images after a change of {layer}: {wall:.2f} s, {processor:.2f} s of processor time"
        )


if __name__ == "__main__":
    main()
