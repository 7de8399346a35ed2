"""What `load_model` reads, and what it says of the rest."""

import pytest

import cnnzoo


def test_keras_older_files_are_named(tmp_path, recwarn):
    model = cnnzoo.mlp(units=(4,))
    model.save(tmp_path / "model.h5")  # Keras warns that the format is old
    recwarn.clear()
    with pytest.raises(cnnzoo.InputError, match=r"model\.h5' is an HDF5 file, .* by keras\.models\.load_model, whose"):
        cnnzoo.load_model(tmp_path / "model.h5")
    model.save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(cnnzoo.InputError, match=r"weights alone by model\.load_weights"):
        cnnzoo.load_model(tmp_path / "model.weights.h5")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "model.h5").write_text("no model")
    for name, words in (("model.h5", "is damaged or no .keras file"), ("none.h5", "there is no model file")):
        with pytest.raises(cnnzoo.InputError, match=words):
            cnnzoo.load_model(tmp_path / name)


@pytest.mark.parametrize("value", [None, 5, ["a"]])
@pytest.mark.parametrize("use", [cnnzoo.load_model, cnnzoo.Run, cnnzoo.load_recipe, cnnzoo.evaluate])
def test_what_is_no_path_is_refused(use, value):
    with pytest.raises(cnnzoo.InputError, match=r"must be (the|a) .*\. Received: "):
        use(value)
