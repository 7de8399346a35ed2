"""What the tied layers share: a kernel that belongs to a layer before them."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras

from cnnzoo.errors import InputError
from cnnzoo.layers.upstream import layers_before


class TiedLayer(keras.layers.Layer):
    """Hold the kernel variable of another layer, found by its name among the layers before this one.

    A configuration keeps the name alone. Called with a tensor of a graph, the layer looks there for
    the layer of that name, so that a model that is cloned, loaded or rebuilt from its configuration is tied again.
    A subclass gives `source_class`, `_check_source`, `_stands_alone` and `build`.

    Args:
        tied_to: the layer whose kernel is used, or its name.
        activation: name or function applied to the result, or `None`.
        use_bias: whether to add a bias, which is the layer's own.
        bias_initializer: initial biases, shape `(outputs,)`.
        kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        InputError: `tied_to` is neither a name nor a layer of `source_class`.
    """

    source_class: ClassVar[type] = keras.layers.Layer
    kernel: Any

    def __init__(self, tied_to, activation=None, use_bias: bool = True, bias_initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        # A function that returns the layer: Keras would take the layer itself for a part of this one.
        self._source: Callable[[], Any] | None = None
        self._name_of_source = ""
        if isinstance(tied_to, str) and tied_to:
            self._name_of_source = tied_to
        else:
            self._take(tied_to)
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.supports_masking = True
        self._shares = False

    @property
    def tied_to(self) -> str:
        """The name of the layer that the kernel belongs to."""
        return self._source().name if self._source else self._name_of_source

    def __call__(self, inputs, *args, **kwargs):
        if not self.built and self._source is None:
            self._look_upstream(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def _look_upstream(self, inputs: Any) -> None:
        before = layers_before(inputs)
        if self.tied_to in before:
            self._take(before[self.tied_to])
        elif not self._stands_alone():
            names = (
                ", ".join(map(repr, before)) or "none, because it was called with values instead of a graph's tensor"
            )
            raise InputError(
                f"{self.name} is tied to {self.tied_to!r}, which must be a layer before it; those are {names}"
            )

    def _take(self, layer: Any) -> None:
        kind: Any = self.source_class
        if not isinstance(layer, kind):
            received = f"{layer.name!r}, a {type(layer).__name__}" if isinstance(layer, keras.Layer) else repr(layer)
            raise InputError(f"{self.name} can be tied to a {kind.__name__} layer or its name, not to {received}")
        self._check_source(layer)
        self._source = lambda: layer

    def _check_source(self, layer: Any) -> None:
        """Raise an `InputError` if the layer is of the right class, but of a kind that cannot be tied to."""

    def _stands_alone(self) -> bool:
        """Say whether enough is known to make a kernel where there is no layer to share one with."""
        raise NotImplementedError

    def _share_kernel(self) -> bool:
        """Take the kernel of the layer that was found; return whether there is one."""
        if self._source is None:
            return False
        layer = self._source()
        if not layer.built:
            raise InputError(f"{self.name} is tied to {layer.name!r}, which has no kernel yet: call that layer first")
        kernel = layer.kernel
        if not isinstance(kernel, keras.Variable):
            raise InputError(
                f"{self.name} is tied to {layer.name!r}, whose kernel must be one variable: "
                "tie before it is quantised or given LoRA"
            )
        # Keras lists what was once trained before what never was. The order of the weights in a file must not
        # depend on whether the other layer is frozen just now.
        trainable, kernel.trainable = kernel.trainable, True
        self.kernel = kernel
        kernel.trainable = trainable
        self._shares = True
        return True

    def _add_own_kernel(self, shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")

    def _add_bias(self, outputs: int) -> None:
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(shape=(outputs,), initializer=self.bias_initializer, name="bias")

    @property
    def trainable(self) -> bool:
        """Whether the bias is trained; a shared kernel is trained or frozen with the layer that it belongs to."""
        return super().trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        kernel = self.kernel if self._shares else None
        belongs = kernel is not None and kernel.trainable
        keras.layers.Layer.trainable.fset(self, value)
        if kernel is not None:
            kernel.trainable = belongs

    def get_build_config(self):
        # Built from a shape alone, before it is called, a loaded layer could not see what it is tied to.
        return None

    def get_config(self):
        return {
            **super().get_config(),
            "tied_to": self.tied_to,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
