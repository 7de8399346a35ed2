"""The embedded data set: 1,797 real scans of handwritten digits that scikit-learn ships."""

import numpy as np

from cnnzoo.data.source import Source, Split, nothing

NAME = "digits"
SIZE = (8, 8)


def load(*, with_test: bool = True) -> Source:
    """Load scikit-learn's 8×8 digits, 1,437 to train on and 360 to test.

    scikit-learn ships only the test half of the UCI set, without its writers, so the split is a
    seeded stratified one and writers occur in both parts: easier than the UCI protocol. The scans
    have 17 grey levels, spread here over 0 to 255.

    Args:
        with_test: whether the test images are wanted; without, there are none.

    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.

    Example:
    >>> load().class_names[:3]
    ('0', '1', '2')
    """
    # scikit-learn takes a second to import; only who asks for digits pays for it.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype("uint8")[..., np.newaxis]
    labels = bunch.target.astype("int32")
    parts = train_test_split(images, labels, test_size=360, stratify=labels, random_state=0)
    train_images, test_images, train_labels, test_labels = parts
    test = Split(test_images, test_labels) if with_test else nothing(test_images.shape[1:])
    return Source(NAME, Split(train_images, train_labels), test, tuple("0123456789"))
