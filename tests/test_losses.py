import keras
import numpy as np
import pytest

from cnnzoo.losses import MaximumAPosteriori
from tests import reference

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("rubbish", [0.0, 1.0, 10.0])
def test_loss_follows_the_papers_equation(rubbish):
    penalties, labels = RNG.uniform(0, 20, (16, 10)), RNG.integers(0, 10, 16)
    loss = MaximumAPosteriori(rubbish)(labels, -penalties.astype("float32"))
    assert float(loss) == pytest.approx(reference.maximum_a_posteriori(labels, penalties, rubbish), rel=1e-5)


def test_without_rubbish_class_it_is_the_cross_entropy():
    penalties, labels = RNG.uniform(0, 20, (16, 10)).astype("float32"), RNG.integers(0, 10, 16)
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, -penalties)
    assert float(MaximumAPosteriori(1e4)(labels, -penalties)) == pytest.approx(float(expected), rel=1e-5)


def test_large_penalties_do_not_overflow():
    loss = MaximumAPosteriori(1.0)(np.array([0]), np.array([[-500.0, -900.0]], "float32"))
    assert float(loss) == pytest.approx(499, abs=1e-3)  # 500 + log(e^−1 + …)


def test_negative_penalty_is_refused():
    with pytest.raises(ValueError, match="Received: rubbish_penalty=-1"):
        MaximumAPosteriori(-1)
