"""The command line trains in shards of the batch; a library's `train` leaves the process' threads alone."""

import pytest

SCRIPT = """
import os, sys
os.sched_getaffinity = lambda _: range(2)
from cnnzoo import distribute

split = distribute.set_batch_shards

def recorded(model, count):
    print("shards", count, flush=True)
    split(model, count)

distribute.set_batch_shards = recorded
recipe, folder, by_command = sys.argv[1:]
if by_command == "yes":
    from cnnzoo import cli

    cli.main(["train", recipe, "--batch-size", "128", "--smoke", "--no-report", "--workdir", folder, *{changes}])
else:
    import cnnzoo

    cnnzoo.train(cnnzoo.load_recipe(recipe).smoke().replace(batch_size=128), workdir=folder, verbose=0)
"""


def run(processes, *arguments, changes=()):
    started = processes.start(["-c", SCRIPT.replace("{changes}", str(list(changes))), *map(str, arguments)])
    ((output, _),) = processes.finished([started])
    first, *_ = [int(line.split()[1]) for line in output.splitlines() if line.startswith("shards")]
    return first  # then they are whole again


@pytest.mark.parametrize(
    ("recipe", "changes", "by_command", "expected"),
    [
        ("lenet5_digits", [], "yes", 2),
        ("lenet5_digits", [], "no", 1),
        pytest.param("deep_autoencoder_digits", ["--logical-cpus", "2"], "yes", 1, marks=pytest.mark.slow),
    ],
)
def test_the_command_line_alone_trains_in_shards(processes, tmp_path, recipe, changes, by_command, expected):
    assert run(processes, recipe, tmp_path / "run", by_command, changes=changes) == expected


CALLBACKS = """
import os, sys
os.sched_getaffinity = lambda _: range(2)
import keras, numpy as np
import cnnzoo
from cnnzoo import distribute

class Own(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        predicted = self.model.predict(np.zeros((1, 32, 32, 1)), verbose=0)
        print(self.model.name, self.model.get_layer("C3").name, predicted.shape)

distribute.configure_threads(128)
assert distribute.batch_shards_for(128) == 2
best = keras.callbacks.ModelCheckpoint("best.keras")
weights = keras.callbacks.ModelCheckpoint("best.weights.h5", save_weights_only=True)
recipe = cnnzoo.load_recipe("lenet5_digits").replace(epochs=1, batch_size=128, train_examples=256)
run = cnnzoo.train(recipe, workdir="run", verbose=0, callbacks=[best, weights, Own()])
"""
LOADING = """
import keras, numpy as np
import cnnzoo

bare = cnnzoo.lenet5(compile=False)
bare.load_weights("best.weights.h5")
kept = [cnnzoo.load_model("best.keras"), keras.models.load_model("best.keras"), bare]
trained = cnnzoo.Run("run").model()
print(*(all(map(np.array_equal, each.get_weights(), trained.get_weights())) for each in kept))
"""


def test_callbacks_have_the_model_itself_and_their_files_load_in_a_new_process(processes, tmp_path):
    ((seen, _),) = processes.finished([processes.start(["-c", CALLBACKS], cwd=tmp_path)])
    assert seen.splitlines() == ["lenet5 C3 (1, 10)"]
    ((same, _),) = processes.finished([processes.start(["-c", LOADING], cwd=tmp_path)])
    assert same.split() == ["True"] * 3
