"""A trial that cannot be trained is a message; a fault of the program is not."""

import pytest

from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe
from cnnzoo.tuning import trial_process

RECIPE = Recipe(model="lenet", data="digits", epochs=1, learning_rate=1e-3).to_dict()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputError("the input is too small"), "the input is too small"),
        (ValueError("strides must divide 3.\nand more"), "ValueError: strides must divide 3"),
        (RuntimeError("no kernel"), "RuntimeError: no kernel"),
    ],
)
def test_what_the_values_of_a_trial_cause_is_its_message(tmp_path, monkeypatch, error, message):
    monkeypatch.setattr("cnnzoo.training.train.validate", raising(error))
    assert trial_process._train(RECIPE, str(tmp_path / "0")) == {"failed": message, "restart": False}


@pytest.mark.parametrize("error", [TypeError("a fault"), AttributeError("a fault"), KeyError("a fault")])
def test_a_fault_of_the_program_ends_the_process_with_its_traceback(tmp_path, monkeypatch, error):
    monkeypatch.setattr("cnnzoo.training.train.validate", raising(error))
    with pytest.raises(type(error), match="a fault"):
        trial_process._train(RECIPE, str(tmp_path / "0"))


def raising(error):
    def validate(*arguments, **options):
        raise error

    return validate
