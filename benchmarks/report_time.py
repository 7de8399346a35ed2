"""Measure how long a report takes, and how large it is.

    python benchmarks/report_time.py RUN [--times 5]

RUN is the folder of a finished run, such as one of `cnnzoo train lenet5_mnist`. Each turn is the whole command
`cnnzoo report RUN`, with the start of Python and TensorFlow and the loading of the data, into a new folder.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of a finished run")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    seconds, size, pictures = [], 0, 0
    for turn in range(options.times):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            command = [sys.executable, "-m", "cnnzoo", "report", options.run, "--to", folder]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
            size = (Path(folder) / "report.html").stat().st_size
            pictures = len(list((Path(folder) / "pictures").glob("*.svg")))
        print(f"turn {turn + 1}: {seconds[-1]:.1f} s", flush=True)
    print(
        f"{options.run}: median {statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f}, "
        f"n={len(seconds)}), report.html {size / 2**20:.2f} MB, {pictures} pictures; {platform.platform()}"
    )


if __name__ == "__main__":
    main()
