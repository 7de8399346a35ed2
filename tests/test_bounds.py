"""A small model file cannot fill the memory: what it would take is known before, and said."""

import io
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.weights import bounds


@pytest.fixture
def parts(tmp_path):
    keras.Sequential([keras.Input((784,)), keras.layers.Dense(7)]).save(tmp_path / "small.keras")
    with zipfile.ZipFile(tmp_path / "small.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path, parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def array(**options):
    """Return an HDF5 file in memory with one array, as h5py makes it."""
    with h5py.File(content := io.BytesIO(), "w") as file:
        file.create_dataset("layers/dense/vars/0", dtype="float32", **options)
    return content.getvalue()


def test_layers_that_the_weights_do_not_fill_are_not_built(parts, tmp_path):
    parts["config.json"] = parts["config.json"].replace(b'"units": 7', b'"units": 1000000')
    with pytest.raises(cnnzoo.InputError, match=f"would take {4 * 784 * 1_000_000:,} bytes or more"):
        cnnzoo.load_model(packed(tmp_path / "wide.keras", parts))


def test_a_size_beyond_all_numbers_is_a_message(parts, tmp_path):
    parts["config.json"] = parts["config.json"].replace(b'"units": 7', b'"units": 1000000000000000000')
    with pytest.raises(cnnzoo.InputError, match=f"would take {4 * 784 * 10**18:,} bytes or more"):
        cnnzoo.load_model(packed(tmp_path / "wide.keras", parts))


def test_layers_within_layers_count_too(tmp_path):
    inner = keras.Sequential([keras.Input((8,)), keras.layers.Dense(7)])
    keras.Sequential([keras.Input((3, 8)), keras.layers.TimeDistributed(inner)]).save(tmp_path / "small.keras")
    with zipfile.ZipFile(tmp_path / "small.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = parts["config.json"].replace(b'"units": 7', b'"units": 100000000')
    with pytest.raises(cnnzoo.InputError, match=f"would take {4 * 8 * 100_000_000:,} bytes or more"):
        cnnzoo.load_model(packed(tmp_path / "wide.keras", parts))


@pytest.mark.parametrize("suffix", ["keras", "weights.h5"])
def test_arrays_that_are_packed_out_of_nothing_are_not_read(parts, tmp_path, suffix):
    content = array(shape=(750_000_000,), chunks=(1_000_000,), compression="gzip")
    path = tmp_path / f"zeros.{suffix}"
    if suffix == "keras":
        packed(path, {**parts, "model.weights.h5": content})
    else:
        path.write_bytes(content)
    with pytest.raises(cnnzoo.InputError, match=r"its arrays would take 3,000,000,000 bytes, and are packed into"):
        cnnzoo.mlp(weights=path)
    if suffix == "keras":
        with pytest.raises(cnnzoo.InputError, match=r"its arrays would take 3,000,000,000 bytes"):
            cnnzoo.load_model(path)


def test_parts_that_are_packed_out_of_nothing_are_not_read(parts, tmp_path):
    path = packed(tmp_path / "blanks.keras", {**parts, "config.json": parts["config.json"] + b" " * 20_000_000})
    with pytest.raises(cnnzoo.InputError, match=r"its config\.json has 20,0.* bytes; 16,777,216 are allowed"):
        cnnzoo.load_model(path)
    path = packed(tmp_path / "zeros.keras", {**parts, "assets/a": bytes(150_000_000)})
    with pytest.raises(cnnzoo.InputError, match=r"its parts would take 150,.* bytes, and are packed into"):
        cnnzoo.load_model(path)


def test_a_file_of_two_kinds_is_looked_at_as_both(tmp_path):
    path = tmp_path / "both.weights.h5"
    path.write_bytes(array(shape=(750_000_000,), chunks=(1_000_000,), compression="gzip"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a", "x")
    with pytest.raises(cnnzoo.InputError, match=r"its arrays would take 3,000,000,000 bytes"):
        cnnzoo.mlp(weights=path)


def test_a_shape_of_which_a_layer_makes_constants_is_bounded(tmp_path):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Normalization(mean=0.0, variance=1.0)])
    model.save(tmp_path / "small.keras")
    with zipfile.ZipFile(tmp_path / "small.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = parts["config.json"].replace(b"[null, 5]", b"[null, 10000000000]")
    with pytest.raises(cnnzoo.InputError, match="has a shape of 10,000,000,000 values; 67,108,864 are allowed"):
        cnnzoo.load_model(packed(tmp_path / "wide.keras", parts))


def test_a_file_in_another_packing_is_read(parts, tmp_path):
    """Weights that are packed, those of float16, and an optimizer whose own weights the file lacks."""
    assert cnnzoo.load_model(packed(tmp_path / "packed.keras", parts)).count_params() == 785 * 7
    model = keras.Sequential([keras.Input((4096,)), keras.layers.Dense(4096, dtype="float16")])
    model.compile(cnnzoo.optimizers.Adam(), "mse")  # 34 MB of weights, and twice as much beside them
    model.save(tmp_path / "half.keras")
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
        read = cnnzoo.load_model(tmp_path / "half.keras")
    np.testing.assert_array_equal(read.get_weights()[0], model.get_weights()[0])


def test_a_generator_with_a_state_in_an_initializer_stays_as_it_was(tmp_path):
    started = keras.initializers.GlorotUniform(seed=keras.random.SeedGenerator(1))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, kernel_initializer=started)])
    model.save(tmp_path / "model.keras")
    read = cnnzoo.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(read.get_weights()[0], model.get_weights()[0])


def test_nothing_is_made_beyond_what_is_allowed():
    made = []
    variables = (keras.Variable("zeros", shape=(2**20,), dtype="float32") for _ in range(100))
    with pytest.raises(cnnzoo.InputError, match="would take"), bounds.bounded_variables(Path("model.keras"), 10):
        made.extend(variables)
    assert len(made) == bounds.FREE_BYTES // 2**22
