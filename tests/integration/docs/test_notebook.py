"""docs/lecture.ipynb runs in Jupyter's own kernel, at smoke size, from its first cell to its last."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest

from tests import processes

sys.path.insert(0, str(processes.ROOT / "docs"))
import lecture_notebook  # noqa: E402
