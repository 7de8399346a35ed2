"""Files that are no models, or damaged: they are refused with a message, and no code in them is run."""

import json
import shutil
import zipfile
from random import Random

import keras
import pytest

import cnnzoo


@pytest.fixture
def valid(tmp_path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "valid.keras")
    return tmp_path / "valid.keras"


def with_config(valid, config):
    path = valid.with_name("other.keras")
    with zipfile.ZipFile(valid) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, json.dumps(config) if name == "config.json" else old.read(name))
    return path


@pytest.mark.parametrize("use", [cnnzoo.load_model, lambda path: cnnzoo.export(path, path.parent / "models")])
def test_an_incomplete_archive_is_refused(valid, use):
    cut, renamed, other = (valid.with_name(name) for name in ("cut.keras", "renamed.keras", "model.h5"))
    cut.write_bytes(valid.read_bytes()[:-200])
    renamed.write_text("a model")
    shutil.copy(valid, other)
    for path in (cut, renamed):
        with pytest.raises(cnnzoo.InputError, match="is damaged or no"):
            use(path)
    with pytest.raises(cnnzoo.InputError):
        use(other)
    assert not (valid.parent / "models").exists()


def test_an_archive_without_model_files_is_refused(valid):
    path = valid.with_name("empty.keras")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(cnnzoo.InputError, match="damaged or not to be trusted"):
        cnnzoo.load_model(path)


def test_a_lambda_is_not_run(tmp_path):
    mark = tmp_path / "mark"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(cnnzoo.InputError, match=r"not to be trusted: .*Lambda"):
        cnnzoo.load_model(tmp_path / "lambda.keras")
    assert not mark.exists()


@pytest.mark.parametrize(("module", "name"), [("os", "system"), ("builtins", "exec"), ("subprocess", "run")])
def test_functions_of_python_are_not_called(valid, tmp_path, module, name):
    mark = tmp_path / "mark"
    config = {"command": f"touch {mark}", "source": f"open({str(mark)!r}, 'w')", "args": ["touch", str(mark)]}
    layer = {"module": module, "class_name": name, "config": config, "registered_name": None}
    for evil in (layer, {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}):
        with pytest.raises(cnnzoo.InputError, match="damaged or not to be trusted"):
            cnnzoo.load_model(with_config(valid, evil))
    assert not mark.exists()


# Reads every file of a folder, and prints the most processor time and memory, and what became of each. VmHWM is of this
# program alone: Linux' ru_maxrss keeps what the process held before exec, as much as the tests' own worker has.
READER = """
import pathlib, time, warnings
import cnnzoo
warnings.simplefilter("ignore")
slowest, ends = 0, []
for path in sorted(pathlib.Path("files").iterdir()):
    began = time.process_time()
    try:
        cnnzoo.load_model(path)
        ends.append("read")
    except cnnzoo.InputError as error:
        ends.append("refused" if str(path) in str(error) else f"{path}: {error}")
    slowest = max(slowest, time.process_time() - began)
status = pathlib.Path("/proc/self/status").read_text().splitlines()
print(slowest, *(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")), *ends, sep="\\n")
"""
ODD = [
    None,
    True,
    -1,
    0,
    2**31,
    10**12,
    1e300,
    "",
    "x",
    "../../x",
    [],
    {},
    [[]] * 9,
    {"class_name": "Dense"},
    "é" * 9999,
]


def tampered(parts, random):
    """Return the parts of a model's file with one thing changed that others could change."""
    parts = dict(parts)
    name = random.choice([*parts, *["config.json"] * 3])
    kind = random.choice(["value", "value", "value", "bytes", "cut", "gone", "deep", "named"])
    if kind == "value":
        config = json.loads(parts["config.json"])
        places, waiting = [], [config]
        while waiting:  # every mapping and list in it
            place = waiting.pop()
            keys = list(place) if isinstance(place, dict) else range(len(place))
            places += [(place, key) for key in keys]
            waiting += [place[key] for key in keys if isinstance(place[key], dict | list)]
        place, key = random.choice(places)
        place[key] = random.choice(ODD)
        parts["config.json"] = json.dumps(config).encode()
    elif kind == "bytes":
        content = bytearray(parts[name])
        for _ in range(random.randint(1, 40)):
            content[random.randrange(len(content))] = random.randrange(256)
        parts[name] = bytes(content)
    elif kind == "cut":
        parts[name] = parts[name][: random.randrange(len(parts[name]))]
    elif kind == "gone":
        del parts[name]
    elif kind == "deep":
        parts["config.json"] = b"[" * 10**6
    else:
        parts[f"assets/../../{random.choice(['evil', 'a/b'])}"] = b"written"
    return parts


def test_a_hundred_tampered_files_are_read_or_refused(tmp_path, processes):
    random, folder = Random(0), tmp_path / "files"
    folder.mkdir()
    models = [cnnzoo.lenet5(), cnnzoo.deep_autoencoder(units=(16, 4)), cnnzoo.all_cnn_a(input_shape=(16, 16, 3))]
    for number in range(100):
        models[number % 3].save(tmp_path / "model.keras")
        with zipfile.ZipFile(tmp_path / "model.keras") as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(folder / f"{number:02}.keras", "w") as archive:
            for name, content in tampered(parts, random).items():
                archive.writestr(name, content)
    before = sorted(tmp_path.rglob("*"))
    ended = processes.run(["-c", READER], cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr[-2000:]
    slowest, memory, *ends = ended.stdout.split("\n")[:-1]
    assert {*ends} == {"read", "refused"}, [end for end in ends if end not in ("read", "refused")]
    assert ends.count("refused") > 30
    assert float(slowest) < 10
    assert int(memory) < 2e9
    assert sorted(tmp_path.rglob("*")) == before
