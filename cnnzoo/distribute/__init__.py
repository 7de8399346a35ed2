"""Making use of every core, every accelerator and every machine."""

from cnnzoo.distribute.cluster import Place, place_in
from cnnzoo.distribute.multi_worker import MultiWorkerStrategy
from cnnzoo.distribute.slices import InSlices, in_slices, slices_for
from cnnzoo.distribute.strategies import strategy

__all__ = ["InSlices", "MultiWorkerStrategy", "Place", "in_slices", "place_in", "slices_for", "strategy"]
