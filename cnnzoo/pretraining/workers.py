"""Who pretrains: one process alone, or one of several workers under TensorFlow."""

from collections.abc import Callable
from typing import Any

import keras


class Workers:
    """The place of this process among those that pretrain a model together.

    Args:
        model: the model; the strategy that it was made under tells.
    """

    def __init__(self, model: keras.Model):
        self.index, self.replicas, self._strategy = 0, 1, None
        if keras.backend.backend() == "tensorflow":  # other backends have no strategies
            from cnnzoo.distribute import place_in

            self._strategy = model.distribute_strategy
            place = place_in(self._strategy)
            self.index, self.replicas = place.index, place.replicas

    @property
    def is_chief(self) -> bool:
        """Whether this one writes files, and says what it does."""
        return self.index == 0

    def by_chief(self, work: Callable[[], Any]) -> Any:
        """Return on every worker what came out of the chief's work; see `cnnzoo.distribute.by_chief`."""
        if self._strategy is None:
            return work()
        from cnnzoo.distribute import by_chief

        return by_chief(self._strategy, work)
