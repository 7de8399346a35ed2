"""What the page of `cnnzoo play` costs: its size, the time to write it, and the time of the engine in Node.

    python benchmarks/browser.py [NAME …] [--repeats 5] [--images 200]

Writing is measured with the data set loaded already, as at the end of a run. In Node, the time from a drawing to the
last output is the median over test images; a score is that of all test images of the page after one unit of a layer is
silenced, with the layers before it kept. Needs the data sets; without Node the last two are left out.

With Playwright and Chromium (`pip install -e '.[docs]'`), a digit is drawn in the page by a mouse: the time is that
from the first event of the pen after a frame to the last bar and map, the wait for the next frame included.
"""

import argparse
import importlib.util
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
STROKES = ((0.3, 0.35), (0.4, 0.2), (0.6, 0.2), (0.68, 0.36), (0.5, 0.55), (0.3, 0.78), (0.72, 0.78))  # of a 2
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
            if times := pen_times(page):
                low, middle, high = statistics.quantiles(times, n=4)
                spread = f"quartiles {low:.1f} and {high:.1f}, n={len(times)}"
                print(f"  from the pen to the last bar {middle:.1f} ms ({spread})", flush=True)


def pen_times(path: Path) -> list[float]:
    """Return the times that the page notes while a mouse draws a 2 three times, in milliseconds."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or importlib.util.find_spec("playwright") is None:
        return []
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(path.as_uri())
        while not page.evaluate("Boolean(globalThis.cnnzoo?.app?.values?.[0])"):
            page.wait_for_timeout(50)
        box = page.locator("#board").bounding_box()
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in STROKES]
        for turn in range(4):  # the first one is to compile the program
            if turn == 1:
                page.evaluate("cnnzoo.app.times.length = 0")
            page.mouse.move(*points[0])
            page.mouse.down()
            for point in points[1:]:
                page.mouse.move(*point, steps=12)
            page.mouse.up()
            page.wait_for_timeout(500)
        times = page.evaluate("cnnzoo.app.times")
        browser.close()
    return times


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
