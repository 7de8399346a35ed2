"""What is trained when: the head alone on frozen features, then the whole."""

import dataclasses
from typing import Any

import keras

from cnnzoo import models
from cnnzoo.errors import InputError, unknown
from cnnzoo.recipe import Recipe
from cnnzoo.training.preparing import compile_for_its_task, optimizer_of, rate_of


@dataclasses.dataclass(frozen=True)
class Phase:
    """Some epochs of a run.

    Attributes:
        start: epochs before it.
        stop: epochs before it and in it.
        rate: the learning rate, or its schedule over the steps of the phase.
        frozen: layers that stay as they are.
        thawed: layers that were frozen in the phase before.
    """

    start: int
    stop: int
    rate: Any
    frozen: tuple[keras.Layer, ...] = ()
    thawed: tuple[keras.Layer, ...] = ()

    def begin(self, recipe: Recipe, model: keras.Model, fitted: keras.Model) -> None:
        """Freeze or thaw layers, and compile anew: an optimizer knows what it trains from its first step on.

        Args:
            recipe: the recipe.
            model: the model that is kept.
            fitted: the same, or what runs it in slices.
        """
        if not self.frozen and not self.thawed:
            return  # a run of one phase: it arrives compiled
        for layer in self.frozen + self.thawed:
            layer.trainable = layer not in self.frozen
        options = {"steps_per_execution": int(model.steps_per_execution)}
        optimizer = optimizer_of(recipe, self.rate)
        for each in (model,) if fitted is model else (model, fitted):
            compile_for_its_task(each, optimizer, model.loss, **options)


def phases(recipe: Recipe, model: keras.Model, steps_per_epoch: int) -> list[Phase]:
    """Return a recipe's phases in their order.

    Raises:
        InputError: there is no layer of the name that `frozen.until` gives, or nothing is left to train.
    """
    rate, before = rate_of(recipe, steps_per_epoch), recipe.frozen.get("epochs", 0)
    if not before:
        return [Phase(0, recipe.epochs, rate)]
    frozen = _features(model, recipe.frozen.get("until"))
    return [
        Phase(0, before, recipe.frozen.get("learning_rate", recipe.learning_rate), frozen=frozen),
        Phase(before, before + recipe.epochs, rate, thawed=frozen),
    ]


def _features(model: keras.Model, until: str | None) -> tuple[keras.Layer, ...]:
    """Return the layers with weights up to the one of a name, by default all but the head."""
    weighted = [layer for layer in model.layers if layer.trainable_weights]
    if until is None:
        return tuple(layer for layer in weighted if layer is not models.head(model))
    names = [layer.name for layer in model.layers]
    if until not in names:
        raise unknown("layer", until, names)
    last = names.index(until)
    found = tuple(layer for layer in weighted if names.index(layer.name) <= last)
    if not found or len(found) == len(weighted):
        raise InputError(
            f"frozen.until={until!r} freezes {len(found)} of the {len(weighted)} layers with weights; name one in "
            f"between, from {weighted[0].name!r} to {weighted[-2].name!r}"
        )
    return found
