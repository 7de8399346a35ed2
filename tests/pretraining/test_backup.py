"""A run that was stopped resumes with the first layer that is missing."""

import keras
import numpy as np
import pytest

from cnnzoo import InputError
from tests.pretraining.nets import changed, classifier, images, pretrained, values_of


def test_completed_stages_are_loaded_and_other_settings_refused(tmp_path, capsys):
    options = {"epochs": 1, "backup": tmp_path}
    first = classifier((8, 6))
    history = pretrained(first, images(), **options).history

    loaded = classifier((8, 6))
    assert pretrained(loaded, images(), **options, verbose=2).history == history
    assert not changed(values_of(first), values_of(loaded))
    assert capsys.readouterr().out == ""

    loaded.fit(images(), np.zeros(300), verbose=0)  # its weights are newer than those of the backup
    before = values_of(loaded)
    assert pretrained(loaded, images(), **options).history == history
    assert not changed(before, values_of(loaded))

    with pytest.raises(InputError, match=r"was made with epochs=\[1, 1\], not \[2, 2\]"):
        pretrained(classifier((8, 6)), images(), epochs=2, backup=tmp_path)
    with pytest.raises(InputError, match="was made with optimizer"):
        pretrained(classifier((8, 6)), images(), **options, optimizer=keras.optimizers.Adam(0.5))
    (tmp_path / "stage-2-b.npz").write_bytes(b"half of a file")
    with pytest.raises(InputError, match=r"stage-2-b.npz' cannot be read .*; delete it"):
        pretrained(classifier((8, 6)), images(), **options)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_weights_of_half_precision_are_restored(precision, tmp_path):
    models = [classifier((8, 6), dtype=precision) for _ in range(2)]
    for model in models:
        pretrained(model, images(), epochs=1, backup=tmp_path, optimizer="sgd")
    assert models[1].get_layer("a").kernel.dtype == precision
    assert not changed(values_of(models[0]), values_of(models[1]))


def test_another_number_of_steps_is_refused(tmp_path):
    """23 batches fit no whole executions of up to 4 steps: 21 of them do, in executions of 3."""
    pretrained(classifier((8,)), images(230), epochs=1, batch_size=10, backup=tmp_path)
    together = classifier((8,), steps_per_execution=4)
    with pytest.raises(InputError, match="was made with steps=23, not 21"):
        pretrained(together, images(230), epochs=1, batch_size=10, backup=tmp_path)
