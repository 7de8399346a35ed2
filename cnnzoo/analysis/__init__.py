"""What a net is, by calculation and by experiment: its arithmetic, and whether its answers move with the image."""

from cnnzoo.analysis.report import ConvReport, conv_report
from cnnzoo.analysis.row import Row, Totals
from cnnzoo.analysis.survey import DisagreementError
from cnnzoo.analysis.translation import Moved, equivariance
from cnnzoo.analysis.window import TransposedWindow, Window

__all__ = [
    "ConvReport",
    "DisagreementError",
    "Moved",
    "Row",
    "Totals",
    "TransposedWindow",
    "Window",
    "conv_report",
    "equivariance",
]
