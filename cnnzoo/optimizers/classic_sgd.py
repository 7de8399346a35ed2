"""Gradient descent as defined by AlexNet, cuda-convnet, Caffe and PyTorch."""

import fnmatch
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
from keras import ops

from cnnzoo.checks import number, refusal
from cnnzoo.errors import InputError
from cnnzoo.optimizers import fused


@keras.saving.register_keras_serializable(package="cnnzoo")
class ClassicSGD(keras.optimizers.Optimizer):
    """Update weights with momentum and the weight decay inside the gradient: v ← µv − ε(g + λw), w ← w + v.

    This is the rule of AlexNet, cuda-convnet, Caffe and PyTorch. `keras.optimizers.SGD(weight_decay=…)`
    applies the decay outside of the momentum, with an effect about 1 − µ as large. On TensorFlow the update of
    a weight is one operation that reads and writes its memory once.

    A pattern that matches none of the trained weights has no effect: their layer is frozen, or the pattern misspelled.
    A warning says so, unless `check_patterns` has told the two apart.

    Args:
        learning_rate: ε, a number or a schedule of Keras.
        momentum: µ, in [0, 1), or a schedule of Keras for it; the default is that of these papers and programs, where
            `keras.optimizers.SGD` has 0.
        weight_decay: λ ≥ 0, or several by patterns of the weights' paths, of which the first that
            matches is used: `{"fc10/kernel": 1.0, "*/kernel": 0.004}`. Weights that match none, or are passed to
            `exclude_from_weight_decay`, do not decay.
        lr_multipliers: factors of ε by patterns, in the same way; Caffe trains biases with `{"*/bias": 2.0}`.
            Weights that match none have 1.
        name: name of the optimizer.
        kwargs: the other arguments of `keras.optimizers.Optimizer`, such as `clipnorm`.

    Raises:
        InputError: an argument is out of range.

    Source: Krizhevsky, Sutskever and Hinton 2012, section 5.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.lenet(compile=False)
    >>> model.compile(ClassicSGD(0.01, momentum=0.9, weight_decay=5e-4), "sparse_categorical_crossentropy")
    >>> model.optimizer.get_config()["weight_decay"]
    0.0005
    """

    def __init__(
        self,
        learning_rate=0.01,
        momentum: Any = 0.9,
        weight_decay: float | Mapping[str, float] = 0.0,
        lr_multipliers: Mapping[str, float] | None = None,
        name: str = "classic_sgd",
        **kwargs,
    ):
        if "rates" in kwargs:  # in configurations of earlier versions
            raise InputError("the argument 'rates' of ClassicSGD is now called 'lr_multipliers'")
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        if isinstance(momentum, Mapping):  # of a configuration
            momentum = keras.optimizers.schedules.deserialize(momentum)
        scheduled = isinstance(momentum, keras.optimizers.schedules.LearningRateSchedule)
        self.momentum = momentum if scheduled else number("momentum", momentum, 0, below=1)
        self.decays = _by_pattern("weight_decay", weight_decay)
        if not isinstance(lr_multipliers, Mapping | None):
            allowed = "a mapping from patterns to factors, such as {'*/bias': 2.0}"
            raise refusal("lr_multipliers", allowed, lr_multipliers)
        self.lr_multipliers = _by_pattern("lr_multipliers", lr_multipliers or {})
        self._given_decay = weight_decay
        self._checked = False
        self.exclude_from_weight_decay()

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        if self.built:
            raise InputError("weights can be excluded from the weight decay only before the optimizer is built")
        self._excluded = {id(variable) for variable in var_list or ()}
        self._excluded_names = tuple(var_names or ())

    def check_patterns(self, weights: Iterable[keras.Variable]) -> None:
        """Check that every pattern matches some of a model's weights, trained or frozen.

        Args:
            weights: all of them, `model.weights`.

        Raises:
            InputError: a pattern matches none.
        """
        self._checked = True
        for message in self._unmatched(weights):
            raise InputError(message)

    def _unmatched(self, weights: Iterable[keras.Variable]) -> Iterator[str]:
        """Yield a message for each pattern that matches none of some weights."""
        paths = [weight.path for weight in weights]
        for pattern in {**self.decays, **self.lr_multipliers}:
            if not fnmatch.filter(paths, pattern):
                yield (
                    f"the pattern {pattern!r} of weight_decay or lr_multipliers matches none of the weights "
                    f"{', '.join(paths)}"
                )

    def _decay_of(self, variable) -> float:
        if id(variable) in self._excluded or any(re.search(name, variable.name) for name in self._excluded_names):
            return 0.0
        return _first_match(self.decays, variable.path, default=0.0)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")
        if variables and not self._checked:
            for message in self._unmatched(variables):
                warnings.warn(f"{message} that are trained", stacklevel=2)
        multipliers = [_first_match(self.lr_multipliers, variable.path, default=1.0) for variable in variables]
        self._states = fused.States(variables, self.velocities, multipliers, map(self._decay_of, variables))

    def update_step(self, gradient, variable, learning_rate):
        velocity, multiplier, decay = self._states[variable]
        rate = ops.cast(learning_rate, variable.dtype) * multiplier
        gradient = ops.cast(gradient, variable.dtype)
        momentum = self._momentum_now(variable.dtype)
        if decay:
            gradient = gradient + decay * variable
        if fused.is_available():
            states = {"accum": velocity}
            fused.update("ResourceApplyKerasMomentum", variable, states, gradient, lr=rate, momentum=momentum)
        else:
            self.assign(velocity, momentum * velocity - rate * gradient)
            self.assign_add(variable, velocity)

    def _momentum_now(self, dtype):
        if callable(self.momentum):
            return ops.cast(self.momentum(self.iterations), dtype)
        return self.momentum

    def get_config(self):
        momentum = self.momentum
        if callable(momentum):
            momentum = keras.optimizers.schedules.serialize(momentum)
        config = {**super().get_config(), "momentum": momentum, "lr_multipliers": dict(self.lr_multipliers)}
        given = self._given_decay
        return {**config, "weight_decay": dict(given) if isinstance(given, Mapping) else given}


def _by_pattern(name: str, values: float | Mapping[str, float]) -> dict[str, float]:
    """Return a value for each pattern; one number is for every weight."""
    mapping = dict(values) if isinstance(values, Mapping) else {"*": values}
    for value in mapping.values():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
            raise refusal(name, "a number of at least 0, or a mapping from patterns to such numbers", values)
    return mapping


def _first_match(values: Mapping[str, float], path: str, default: float) -> float:
    return next((value for pattern, value in values.items() if fnmatch.fnmatch(path, pattern)), default)
