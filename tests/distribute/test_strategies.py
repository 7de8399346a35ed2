import json

import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.distribute import strategies, strategy

CLUSTER = {"worker": ["a:1", "b:2"]}


def config(cluster=CLUSTER, kind="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NODELIST", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)


def test_one_device_needs_no_strategy():
    assert strategy("auto") is tf.distribute.get_strategy() is strategy("default")


def test_what_auto_goes_by(monkeypatch):
    """Only which kind is found: a cluster whose machines do not exist cannot be started."""
    assert strategies._found(None) == "default"
    assert strategies._found(2) == "mirrored"
    monkeypatch.setenv("SLURM_STEP_NODELIST", "node[1-2]")
    assert strategies._found(None) == "default"
    monkeypatch.setenv("SLURM_NTASKS", "2")
    assert strategies._found(None) == "multi_worker"
    monkeypatch.delenv("SLURM_STEP_NODELIST")
    monkeypatch.setenv("TF_CONFIG", config())
    assert strategies._found(None) == "multi_worker"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "parameter_server"}, "Keras 3 does not train with parameter servers"),
        ({"kind": "miror"}, "unknown strategy 'miror'; did you mean 'mirrored'"),
        ({"kind": "mirrored", "devices": 3}, "devices must be from 1 to the 2 CPUs of this machine, not 3"),
        ({"kind": "mirrored", "devices": 0}, "devices must be from 1 to"),
        ({"kind": "default", "devices": 2}, "'default' has one device; devices=2 is for 'mirrored'"),
        ({"kind": "multi_worker"}, "needs TF_CONFIG in the environment, or a Slurm job"),
    ],
)
def test_what_cannot_be_had_is_refused(arguments, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        strategy(**arguments)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{cluster", r"TF_CONFIG is not JSON \(.*\): '\{cluster'"),
        ("[]", "must name its cluster"),
        (config(cluster={}), "must name its cluster"),
        (config(cluster={"worker": "a:1"}), "must name its cluster"),
        (config(cluster={"worker": ["a"]}), "must name its cluster"),
        (config(cluster={**CLUSTER, "ps": ["c:3"]}), "has worker, ps; Keras 3 trains with workers alone"),
        (config(index=2), "the task in TF_CONFIG is worker 2; its cluster has worker 0 to 1"),
        (config(kind="chief"), "is chief 0; its cluster has worker 0 to 1"),
        (json.dumps({"cluster": CLUSTER}), "is None None"),
    ],
)
def test_a_tf_config_that_cannot_be_is_refused(monkeypatch, text, words):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(cnnzoo.InputError, match=words):
        strategy("auto")
