"""Which cases of a test are slow."""

import pytest


def cases(names, slow):
    """Return names as cases of a test, those of a set marked slow."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in names]
