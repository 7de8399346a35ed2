"""What can be known of a net without running it: the convolution arithmetic of every layer."""

from cnnzoo.analysis.report import ConvReport, conv_report
from cnnzoo.analysis.row import Row, Totals
from cnnzoo.analysis.survey import DisagreementError
from cnnzoo.analysis.window import TransposedWindow, Window

__all__ = ["ConvReport", "DisagreementError", "Row", "Totals", "TransposedWindow", "Window", "conv_report"]
