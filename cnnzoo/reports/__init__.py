"""One page to open after every run: what the net learned, what it gets wrong, and how it was trained."""

from cnnzoo.reports.report import report

__all__ = ["report"]
