"""Overlapping pooling that rounds up, as cuda-convnet and Caffe have it."""

from keras.layers import MaxPooling2D, ZeroPadding2D

from cnnzoo.models import scaffold


def pool_rounding_up(maps, name: str):
    """Take the maxima of 3×3 windows at steps of 2, of which the last may reach a pixel beyond the maps.

    1 + (W − 3)/2 is rounded up: 110 pixels become 55, and 26 become 13, where `"valid"` leaves 54 and 12. Windows fill
    an odd side anyway; it stays without padding, where Keras' `"same"` would add a pixel at both ends.

    Args:
        maps: Keras tensor `(batch, height, width, channels)`, without negative values: where a side is unknown, or
            height and width are not both even or both odd, a layer adds zeros at the bottom and on the right.
        name: name of the layer; that of the zeros ends in `_edge`.

    Raises:
        InputError: the height or the width is 1.

    Source: PyTorch's `MaxPool2d(3, 2, ceil_mode=True)`.

    Example:
    >>> import keras
    >>> pool_rounding_up(keras.Input((110, 26, 96)), "pool").shape
    (None, 55, 13, 96)
    """
    remainders = {side and side % 2 for side in maps.shape[1:3]}
    if remainders == {0}:
        return MaxPooling2D(3, 2, padding="same", name=name)(maps)
    if remainders != {1}:
        maps = ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_edge")(maps)
    return scaffold.slide(MaxPooling2D(3, 2, name=name), maps)
