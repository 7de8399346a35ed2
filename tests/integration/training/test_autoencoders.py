"""Recipes whose net gives back its input, and recipes that pretrain."""

import json

import numpy as np
import pytest
from sklearn.decomposition import PCA

import cnnzoo
from cnnzoo import Recipe, run_study
from cnnzoo.experiments import Study
from cnnzoo.training.train import validate
from tests import processes

AUTOENCODER = Recipe(
    model="deep_autoencoder",
    data="digits",
    epochs=2,
    learning_rate=1e-3,
    optimizer="adam",
    model_options={"input_shape": (8, 8, 1), "units": (20,), "code": 5},
    batch_size=64,
    train_examples=256,
)
STACK = Recipe(
    model="stacked_autoencoder",
    data="digits",
    epochs=2,
    learning_rate=1e-3,
    model_options={"input_shape": (8, 8, 1), "units": (20, 16, 12)},
    batch_size=32,
    train_examples=64,
    pretraining={"epochs": 2, "corruption": (0.1, 0.2, 0.3), "train_examples": 640, "learning_rate": 1e-2},
)


def weights_of(run):
    return run.model().get_weights()


def same(one, other):
    return all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


def test_an_autoencoders_metric_is_the_papers_squared_error_and_stands_beside_that_of_pca(tmp_path):
    run = cnnzoo.train(AUTOENCODER, workdir=tmp_path / "run", verbose=0)
    digits = cnnzoo.data.load("digits")
    images = digits.test.images.astype("float64") / 255
    errors = np.square(images - run.model().predict(images, verbose=0)).sum(axis=(1, 2, 3))
    assert run.metrics["test"]["squared_error"] == pytest.approx(errors.mean(), rel=1e-5)
    assert cnnzoo.evaluate(run) == run.metrics["test"]
    code = "import cnnzoo, sys; print(cnnzoo.Run(sys.argv[1]).model().name)"
    fresh = processes.run(["-c", code, run.folder])
    assert fresh.returncode == 0, fresh.stderr
    assert fresh.stdout == "deep_autoencoder\n"  # with nothing else imported

    flat = digits.train.images[: AUTOENCODER.train_examples].reshape(-1, 64).astype("float64") / 255
    linear = PCA(5, svd_solver="full").fit(flat)
    again = linear.inverse_transform(linear.transform(images.reshape(-1, 64)))
    linear_error = np.square(again - images.reshape(-1, 64)).sum(axis=1).mean()
    assert run.metrics["principal_components"] == {"components": 5, "squared_error": pytest.approx(linear_error, 1e-4)}


def test_an_autoencoder_is_watched_on_held_out_images(tmp_path):
    run = cnnzoo.train(AUTOENCODER, workdir=tmp_path / "run", verbose=0, validation_split=0.2)
    assert run.history_rows[-1]["val_squared_error"] < run.history_rows[0]["val_squared_error"]


def test_pretraining_changes_the_start_and_is_kept_with_the_run(tmp_path):
    plain = cnnzoo.train(STACK, workdir=tmp_path / "plain", verbose=0, pretraining={})
    run = cnnzoo.train(STACK, workdir=tmp_path / "run", verbose=0)
    learned = run.metrics["pretraining"]
    assert list(learned) == ["encoder_1", "encoder_2", "encoder_3"]
    assert all(layer["loss"][-1] < layer["loss"][0] and len(layer["seconds"]) == 2 for layer in learned.values())
    assert not same(weights_of(plain), weights_of(run))
    assert "pretraining" not in plain.metrics


KILLED = """
import json, os, signal, sys
import cnnzoo
from cnnzoo.pretraining.backup import Backup
from tests.integration.training.test_autoencoders import STACK

saved, save = [], Backup.save

def save_and_die(*given):
    save(*given)
    saved.append(given)
    if len(saved) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

Backup.save = save_and_die
cnnzoo.train(STACK.replace(pretraining=json.loads(sys.argv[2])), workdir=sys.argv[1], verbose=0)
"""
MACHINES = {"method": "rbm", "epochs": 2, "train_examples": 640, "persistent": True}


@pytest.mark.parametrize("pretraining", [STACK.pretraining, MACHINES])
def test_killed_after_two_layers_and_resumed_it_ends_as_undisturbed(tmp_path, pretraining):
    recipe = STACK.replace(pretraining=pretraining)
    killed = processes.run(["-c", KILLED, tmp_path / "killed", json.dumps(pretraining)])
    assert killed.returncode == -9
    completed = sorted((tmp_path / "killed/pretraining").iterdir())
    assert len(completed) == 2
    written = [path.stat().st_mtime_ns for path in completed]
    resumed = cnnzoo.train(recipe, workdir=tmp_path / "killed", verbose=0, resume=True)
    assert [path.stat().st_mtime_ns for path in completed] == written
    undisturbed = cnnzoo.train(recipe, workdir=tmp_path / "undisturbed", verbose=0)
    assert same(weights_of(resumed), weights_of(undisturbed))
    assert resumed.machines_file.is_file() == (pretraining is MACHINES)
    if pretraining is MACHINES:
        assert resumed.machines_file.read_bytes() == undisturbed.machines_file.read_bytes()


def test_a_study_pretrains_once_for_all_variants_that_pretrain_alike(tmp_path):
    study = Study(
        recipe=STACK.replace(epochs=1, pretraining={}),
        variants={
            "few": {"pretraining": STACK.pretraining, "train_examples": 32, "repeat": 2},
            "more": {"pretraining": STACK.pretraining},
            "random": {},
        },
        seeds=(0,),
    )
    comparison = run_study(study, workdir=tmp_path / "study", verbose=0)
    assert len(list((tmp_path / "study/.pretrained").iterdir())) == 1
    few, more = (json.loads((tmp_path / f"study/{name}/seed0/metrics.json").read_text()) for name in ("few", "more"))
    assert few["pretraining"] == more["pretraining"]  # the seconds, too: it ran once
    alone = cnnzoo.train(STACK, workdir=tmp_path / "alone", verbose=0, epochs=1)
    assert same(weights_of(cnnzoo.Run(tmp_path / "study/more/seed0")), weights_of(alone))
    assert [row["unit"] for row in comparison.rows] == ["test error (%)"] * 3


@pytest.mark.slow
def test_what_a_study_shares_does_not_depend_on_the_variant_that_came_first(tmp_path):
    """64 images run 2 steps at a time, which leaves out the last of the 7 batches that layers are pretrained on."""
    recipe = STACK.replace(epochs=1, pretraining={"epochs": 1, "train_examples": 7 * 32})
    study = Study(recipe=recipe, variants={"more": {}, "few": {"train_examples": 32}}, seeds=(0,))
    run_study(study, workdir=tmp_path / "study", verbose=0)
    alone = cnnzoo.train(recipe.replace(train_examples=32), workdir=tmp_path / "alone", verbose=0)
    assert same(weights_of(cnnzoo.Run(tmp_path / "study/few/seed0")), weights_of(alone))


def test_a_layer_that_is_left_out_needs_no_steps_for_its_rate_to_decay(tmp_path):
    pretraining = {**STACK.pretraining, "epochs": (0, 1, 0), "schedule": "cosine"}
    run = cnnzoo.train(STACK.replace(epochs=1, pretraining=pretraining), workdir=tmp_path / "run", verbose=0)
    assert [len(layer["loss"]) for layer in run.metrics["pretraining"].values()] == [0, 1, 0]


@pytest.mark.parametrize(
    ("pretraining", "words"),
    [
        ({"epochs": (1, 2)}, "epochs.*3"),
        ({"corruption": 0.2}, "`pretraining` must have epochs, .* Received: {'corruption': 0.2}"),
        ({"epochs": 1, "corupt": 0.2}, "did you mean 'corruption'"),
        ({"epochs": 1, "corruption": 2.0}, "corruption"),
        ({"epochs": 1, "optimizer": "adm"}, "unknown optimizer 'adm'"),
        ({"epochs": 1, "layers": ("encoder_9",)}, "unknown layer 'encoder_9'"),
        ({"epochs": 1, "train_examples": 0}, "train_examples"),
        ({"epochs": 1, "optimizer_options": 3}, "optimizer_options"),
        ({"epochs": 1, "learning_rate": "fast"}, "learning_rate"),
        ({"epochs": 1, "learning_rate": float("inf")}, "learning_rate` must be a positive number. Received: inf"),
        ({"epochs": 1, "optimizer": 5}, "`pretraining.optimizer` must be the name of an optimizer. Received: 5"),
        ({"epochs": 1, "schedule": "step"}, "unknown pretraining.schedule 'step'; .* are constant, cosine"),
        ({"epochs": 1, "method": "rmb"}, "unknown pretraining.method 'rmb'; did you mean 'rbm'"),
        ({"epochs": 1, "method": "rbm", "corruption": 0.2}, "`corruption` must be left out with method='rbm'"),
        ({"epochs": 1, "method": "rbm", "schedule": "cosine"}, "`pretraining.schedule` must be left out with"),
        ({"epochs": 1, "method": "rbm", "learning_rate": (0.1, 0)}, "learning_rate` must be a positive number"),
        ({"epochs": 1, "method": "rbm", "learning_rate": (0.1, 0.1)}, "learning_rate.*a list of 3"),
    ],
)
def test_bad_pretraining_gets_a_sentence_and_leaves_no_run(tmp_path, pretraining, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.train(STACK.replace(pretraining=pretraining), workdir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "pretraining",
    [
        {"epochs": 1, "method": "rbm", "learning_rate": (0.1, 0.05, 0.02), "gibbs_steps": 2},
        {"epochs": 1, "method": "rbm", "optimizer": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    ],
)
def test_a_recipe_pretrains_machines(tmp_path, pretraining):
    run = cnnzoo.train(STACK.replace(epochs=1, pretraining=pretraining), workdir=tmp_path / "run", verbose=0)
    for history in run.metrics["pretraining"].values():
        assert history.keys() == {"loss", "pseudo_likelihood", "seconds"}
    assert run.recipe.pretraining["method"] == "rbm"
    machines = run.machines()
    assert list(machines) == ["encoder_1", "encoder_2", "encoder_3"]
    for number, (layer, machine) in enumerate(machines.items(), start=1):
        with np.load(run.folder / f"pretraining/stage-{number}-{layer}.npz") as kept:  # before the fit
            for name, value in zip(("kernel", "hidden_bias", "visible_bias"), range(3), strict=True):
                np.testing.assert_array_equal(getattr(machine, name), kept[f"weight_{value}"])
        assert not np.array_equal(run.model().get_layer(layer).kernel, machine.kernel)
    page = cnnzoo.report(run).read_text(encoding="utf-8")
    assert "the layer encoder_1 was trained as a Boltzmann machine of 64 visible and 20 binary hidden units" in page
    assert 'alt="What 8 Gibbs chains show after 0, 1, 10, 100 and 1,000 steps."' in page
    run.machines_file.write_bytes(b"PK")
    assert "Not drawn (gibbs_chain): " in cnnzoo.report(run).read_text(encoding="utf-8")


def test_a_trial_keeps_no_machines(tmp_path):
    run = validate(STACK.replace(epochs=1, pretraining={**MACHINES, "epochs": 1}), workdir=tmp_path / "run", verbose=0)
    assert sorted(run.metrics["validation"]) == ["accuracy", "loss"]
    assert not list(run.folder.rglob("*.npz"))


def test_an_autoencoder_without_its_loss_is_refused(tmp_path):
    with pytest.raises(cnnzoo.InputError, match="no compiled autoencoder; leave out compile"):
        cnnzoo.train(AUTOENCODER.replace(model_options={"compile": False}), workdir=tmp_path / "run", verbose=0)


def test_few_examples_come_often(tmp_path):
    run = cnnzoo.train(
        STACK, workdir=tmp_path / "run", verbose=0, pretraining={}, epochs=1, train_examples=32, repeat=4
    )
    assert run.metrics["images_per_second"] > 0
    with pytest.raises(cnnzoo.InputError, match=r"`repeat` must be a positive integer\. Received: 0"):
        STACK.replace(repeat=0)


def test_a_saved_model_loads_in_a_fresh_process_by_one_call(tmp_path):
    model = cnnzoo.autoencoder(units=(), code=3)
    images = np.random.default_rng(0).random((4, 28, 28, 1), "float32")
    model.fit(images, images, sample_weight=np.arange(4.0), verbose=0)  # a weight for each image
    model.save(tmp_path / "net.keras")
    code = "import cnnzoo, sys; print(cnnzoo.load_model(sys.argv[1]).name)"
    fresh = processes.run(["-c", code, tmp_path / "net.keras"])
    assert fresh.returncode == 0, fresh.stderr
    assert fresh.stdout == "autoencoder\n"
    with pytest.raises(cnnzoo.InputError, match=r"there is no model file '.*none.keras'"):
        cnnzoo.load_model(tmp_path / "none.keras")
