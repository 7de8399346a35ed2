"""docs/lecture.ipynb runs in Jupyter's own kernel, at smoke size, from its first cell to its last."""

import sys

from tests import processes

sys.path.insert(0, str(processes.ROOT / "docs"))
