"""The file of a run's Boltzmann machines: what it gives back, and what in its place is an error that names it."""

import io
import pickle
import zipfile

import numpy as np
import pytest

import cnnzoo
from cnnzoo.experiments.machine_file import read_machines, write_machines
from tests.machines import tiny

MACHINES = {"hidden_1": tiny(dtype="float32"), "code": tiny("linear")}


def arrays_of(machines):
    return {
        f"{layer}/{name}": getattr(machine, name)
        for layer, machine in machines.items()
        for name in ("kernel", "visible_bias", "hidden_bias", "hidden_units")
    }


def npz(path, arrays, **options):
    """Write arrays as NumPy does, one file each in an archive, whatever they hold."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in arrays.items():
            np.lib.format.write_array(content := io.BytesIO(), np.asarray(values), **options)
            archive.writestr(f"{name}.npy", content.getvalue())


def test_machines_come_back_to_the_bit_in_their_order(tmp_path):
    write_machines(path := tmp_path / "machines.npz", MACHINES)
    assert [each.name for each in tmp_path.iterdir()] == ["machines.npz"]
    found = read_machines(path)
    assert list(found) == list(MACHINES)
    for name, value in arrays_of(found).items():
        expected = arrays_of(MACHINES)[name]
        assert np.asarray(value).dtype == np.asarray(expected).dtype
        np.testing.assert_array_equal(value, expected)


def test_numpy_reads_the_file_without_pickles(tmp_path):
    write_machines(path := tmp_path / "machines.npz", MACHINES)
    with np.load(path, allow_pickle=False) as file:
        assert sorted(file.files) == sorted(arrays_of(MACHINES))
        for name, expected in arrays_of(MACHINES).items():
            np.testing.assert_array_equal(file[name], expected)


def test_a_run_returns_its_machines(tmp_path):
    run = cnnzoo.Run(tmp_path)
    with pytest.raises(cnnzoo.InputError, match=r"holds no Boltzmann machines: there is no machines\.npz, which a run"):
        run.machines()
    npz(run.machines_file, arrays_of(MACHINES))
    np.testing.assert_array_equal(run.machines()["code"].kernel, MACHINES["code"].kernel)
    chain = cnnzoo.analysis.gibbs_samples(run.machines()["hidden_1"], np.zeros((1, 3)), steps=2)
    assert chain.shape == (1, 3)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the file's code was run",))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"code/kernel": np.full((3, 2), np.nan)}, "`kernel` must be an array of finite numbers"),
        ({"code/kernel": np.zeros((4, 2))}, r"of shapes \(v, h\)"),
        ({"code/kernel": np.zeros((3, 2), "complex64")}, "the arrays of 'code' are not all of floating-point numbers"),
        ({"code/kernel": np.zeros((3, 2), "U1")}, "not all of floating-point numbers"),
        ({"code/hidden_units": "gaussian"}, "unknown hidden_units 'gaussian'"),
        ({"other/kernel": np.zeros((3, 2))}, "other/visible_bias is not a file in the archive"),
        ({"x": np.zeros(3)}, "/kernel is not a file in the archive"),
    ],
)
def test_other_arrays_are_errors_that_name_the_file(tmp_path, changed, words):
    npz(path := tmp_path / "machines.npz", arrays_of(MACHINES) | changed)
    with pytest.raises(cnnzoo.InputError, match=rf"machines.npz' is damaged: .*{words}"):
        read_machines(path)


def test_a_pickle_is_not_run(tmp_path):
    path = tmp_path / "machines.npz"
    npz(path, arrays_of(MACHINES) | {"code/kernel": np.array([Bomb()], object)}, allow_pickle=True)
    with pytest.raises(cnnzoo.InputError, match=r"is damaged: Object arrays cannot be loaded"):
        read_machines(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(cnnzoo.InputError, match=r"machines.npz' is damaged"):
        read_machines(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00v\x00{", b"x" * 100])
def test_what_is_no_archive_is_damaged(tmp_path, content):
    path = tmp_path / "machines.npz"
    path.write_bytes(content)
    with pytest.raises(cnnzoo.InputError, match=r"machines.npz' is damaged"):
        read_machines(path)


def test_a_cut_file_and_one_without_machines_are_damaged(tmp_path):
    write_machines(path := tmp_path / "machines.npz", MACHINES)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(cnnzoo.InputError, match=r"is damaged"):
        read_machines(path)
    npz(path, {})
    with pytest.raises(cnnzoo.InputError, match=r"is damaged: it holds no machine"):
        read_machines(path)


def test_a_small_file_that_would_fill_the_memory_is_refused(tmp_path):
    npz(path := tmp_path / "machines.npz", arrays_of(MACHINES) | {"code/kernel": np.zeros((3, 2**23))})
    with pytest.raises(cnnzoo.InputError, match=r"is not to be trusted: its parts would take .* bytes"):
        read_machines(path)
