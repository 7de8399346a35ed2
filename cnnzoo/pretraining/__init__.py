"""Deep nets trained one layer at a time."""

from cnnzoo.pretraining.callback import LayerwisePretraining

__all__ = ["LayerwisePretraining"]
